use std::io;
use std::os::fd::AsFd;

use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};
use rustix::net::netdevice::name_to_index;

use super::wire::{ACK, Answer, DONE, DUMP, ERROR, Message, answers};
use crate::faults::attempt;

/// Messages to a datagram. Only the last is acknowledged, the others answer if they fail: even if all do, their answers (768
/// bytes of kernel memory each) fit into the smallest receive buffer that is usual.
const BATCH: usize = 64;

/// A socket for requests to traffic control: many to a system call, answered at once.
pub(super) struct TcSocket {
    socket: TokioSocket,
    sequence: u32,
}

impl TcSocket {
    pub fn open() -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let inner = socket.socket_mut();
        inner.bind_auto()?;
        // An error then quotes the header of what failed, not all of it.
        inner.set_cap_ack(true)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// The number of a device in the socket's namespace; `None` if there is none of that name.
    pub fn index_of(&self, device: &str) -> io::Result<Option<u32>> {
        match name_to_index(self.socket.socket_ref().as_fd(), device) {
            Ok(index) => Ok(Some(index)),
            Err(rustix::io::Errno::NODEV) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends all; what the kernel answers to each: 0 or `errno`.
    pub async fn send_all(&mut self, messages: &[Message]) -> io::Result<Vec<i32>> {
        let mut results = vec![0; messages.len()];
        for (batch, results) in messages.chunks(BATCH).zip(results.chunks_mut(BATCH)) {
            let first = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            for (position, message) in batch.iter().enumerate() {
                self.sequence = self.sequence.wrapping_add(1);
                let flags = if position + 1 == batch.len() { ACK } else { 0 };
                message.write_to(&mut bytes, self.sequence, flags);
            }
            self.send(&bytes).await?;
            let last = self.sequence;
            self.receive(|answer| {
                let position = answer.sequence.wrapping_sub(first);
                let place = usize::try_from(position).ok().and_then(|position| results.get_mut(position));
                if let (Some(place), Some(errno)) = (place, answer.errno()) {
                    *place = errno;
                }
                answer.kind == ERROR && answer.sequence == last
            })
            .await?;
            // The kernel works while it is sent to, the longer the more classes there are (it walks all of them for each new
            // one): others on this thread get their turn.
            tokio::task::yield_now().await;
        }
        Ok(results)
    }

    /// Asks one question; `read` sees each answer. Fails with what the kernel says.
    pub async fn ask(
        &mut self,
        question: &Message,
        dump: bool,
        mut read: impl FnMut(Answer<'_>),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        question.write_to(&mut bytes, self.sequence, if dump { DUMP } else { ACK });
        self.send(&bytes).await?;
        let sequence = self.sequence;
        let mut errno = 0;
        self.receive(|answer| {
            if answer.sequence != sequence {
                return false;
            }
            if let Some(code) = answer.errno() {
                errno = code;
                return true;
            }
            if answer.kind == DONE {
                return true;
            }
            read(answer);
            false
        })
        .await?;
        if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        attempt("shaper.send")?;
        let sent = self.socket.send_to(bytes, &SocketAddr::new(0, 0)).await?;
        if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Reads until `is_last` says so. Answers to a request whose caller gave up in between have another sequence number.
    async fn receive(&self, mut is_last: impl FnMut(Answer<'_>) -> bool) -> io::Result<()> {
        // What was sent has happened by now.
        attempt("shaper.answer")?;
        loop {
            let (bytes, from) = self.socket.recv_from_full().await?;
            if from.port_number() != 0 {
                continue;
            }
            let mut done = false;
            for answer in answers(&bytes) {
                done |= is_last(answer);
            }
            if done {
                return Ok(());
            }
        }
    }
}
