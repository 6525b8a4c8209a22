use std::io;
use std::sync::{Mutex, PoisonError};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Longer than any answer to a question about one thing; `NLMSG_GOODSIZE` is a page at most 8 KiB large.
const DATAGRAM_BYTES: usize = 16 << 10;

/// Asks the kernel about one thing at a time, and has the answer when the call returns.
///
/// The kernel answers such a question while it is sent (`rtnetlink_rcv_msg`): some microseconds, for which no task has to wait
/// for its turn. Through the shared connection each would be sent by itself when that connection's task has its turn, and a
/// crowd that comes at once would stand in line.
#[derive(Debug)]
pub(super) struct Questions(Mutex<Line>);

#[derive(Debug)]
struct Line {
    socket: Socket,
    sequence: u32,
    datagram: Vec<u8>,
}

impl Questions {
    /// Opens the socket in this thread's network namespace.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        // An answer that is not there at once was lost: nothing may wait for it.
        socket.set_non_blocking(true)?;
        Ok(Self(Mutex::new(Line { socket, sequence: 0, datagram: Vec::with_capacity(DATAGRAM_BYTES) })))
    }

    /// The kernel's answer, which may be an error message.
    pub(super) fn ask(
        &self,
        question: RouteNetlinkMessage,
    ) -> io::Result<NetlinkMessage<RouteNetlinkMessage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ask(question)
    }
}

impl Line {
    fn ask(&mut self, question: RouteNetlinkMessage) -> io::Result<NetlinkMessage<RouteNetlinkMessage>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut request = NetlinkMessage::from(question);
        request.header.flags = NLM_F_REQUEST;
        request.header.sequence_number = self.sequence;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0)?;
        loop {
            self.datagram.clear();
            let (_, from) = self.socket.recv_from(&mut self.datagram, 0)?;
            let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&self.datagram);
            let answer = answer.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            // Only the kernel (port 0) speaks of its tables; what was asked before and given up is no answer to this.
            if from.port_number() == 0 && answer.header.sequence_number == self.sequence {
                return Ok(answer);
            }
        }
    }
}
