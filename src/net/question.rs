use std::io;
use std::sync::mpsc;
use std::thread;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use tokio::sync::oneshot;

use crate::faults::attempt;

/// Longer than any answer to a question about one thing: those are a page at most (`NLMSG_GOODSIZE`, `linux/netlink.h`).
const DATAGRAM_BYTES: usize = 16 << 10;

type Answer = io::Result<NetlinkMessage<RouteNetlinkMessage>>;

/// Asks the kernel about one thing at a time, on a thread of its own.
///
/// The kernel answers such a question while it is sent (`rtnetlink_rcv_msg`): mostly some microseconds, but where it takes the
/// lock of the whole network configuration for it (all before 6.17), as long as somebody else holds that; no worker of the
/// runtime may stand still for so long. Through the shared connection each question would be sent by itself when that
/// connection's task has its turn, and a crowd that comes at once would stand in line.
///
/// Whoever asks waits for the answer: there are never more questions than visitors.
#[derive(Debug)]
pub(super) struct Questions(mpsc::Sender<(RouteNetlinkMessage, oneshot::Sender<Answer>)>);

impl Questions {
    /// Opens the socket in this thread's network namespace. The thread ends with the last who could ask.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        // An answer that is not there at once was lost: nothing may wait for it.
        socket.set_non_blocking(true)?;
        let mut line = Line { socket, sequence: 0, datagram: Vec::with_capacity(DATAGRAM_BYTES) };
        let (sender, questions) = mpsc::channel::<(RouteNetlinkMessage, oneshot::Sender<Answer>)>();
        thread::Builder::new().name("neighbours".to_owned()).spawn(move || {
            while let Ok((question, asker)) = questions.recv() {
                // Whoever has gone away meanwhile need not be told.
                if !asker.is_closed() {
                    drop(asker.send(line.ask(question)));
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// The kernel's answer, which may be an error message.
    pub(super) async fn ask(&self, question: RouteNetlinkMessage) -> Answer {
        let (asker, answer) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.send((question, asker)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

#[derive(Debug)]
struct Line {
    socket: Socket,
    sequence: u32,
    datagram: Vec<u8>,
}

impl Line {
    fn ask(&mut self, question: RouteNetlinkMessage) -> Answer {
        attempt("net.ask")?;
        self.sequence = self.sequence.wrapping_add(1);
        let mut request = NetlinkMessage::from(question);
        request.header.flags = NLM_F_REQUEST;
        request.header.sequence_number = self.sequence;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0)?;
        let unreadable = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        loop {
            self.datagram.clear();
            let (_, from) = self.socket.recv_from(&mut self.datagram, 0)?;
            // Only the kernel (port 0) speaks of its tables; what was asked before and given up is no answer to this.
            let is_answer = from.port_number() == 0
                && NetlinkBuffer::new_checked(&self.datagram)
                    .is_ok_and(|answer| answer.sequence_number() == self.sequence);
            if is_answer {
                return NetlinkMessage::deserialize(&self.datagram).map_err(unreadable);
            }
        }
    }
}
