use std::io;
use std::os::fd::AsFd;

use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};

use crate::faults::attempt;

/// Bytes of kernel memory for notices that wait to be read; about 5,000 of them.
pub(super) const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// Length of a netlink message's header (`struct nlmsghdr`).
const HEADER_LEN: usize = 16;

/// A socket that hears of changes.
pub(super) struct NoticeSocket {
    socket: TokioSocket,
}

/// What was heard.
pub(super) enum Heard {
    /// Messages, in order.
    Messages(Vec<RouteNetlinkMessage>),
    /// Some were lost: the table must be read anew.
    Lost,
}

impl NoticeSocket {
    /// Opens a socket in these multicast groups.
    pub fn open(groups: &[u32], receive_buffer_bytes: usize) -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let inner = socket.socket_mut();
        // Beyond net.core.rmem_max only with CAP_NET_ADMIN; a smaller one only means reading the table anew more often.
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(inner.as_fd(), receive_buffer_bytes)
            .is_err()
        {
            rustix::net::sockopt::set_socket_recv_buffer_size(inner.as_fd(), receive_buffer_bytes)?;
        }
        inner.bind_auto()?;
        for group in groups {
            inner.add_membership(*group)?;
        }
        Ok(Self { socket })
    }

    /// Waits for the next datagram. Cancelling it loses nothing.
    pub async fn hear(&self) -> io::Result<Heard> {
        if attempt("net.hear").is_err() {
            return Ok(Heard::Lost);
        }
        let (bytes, from): (Vec<u8>, SocketAddr) = match self.socket.recv_from_full().await {
            Ok(datagram) => datagram,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) => {
                return Ok(Heard::Lost);
            }
            Err(error) => return Err(error),
        };
        // Only the kernel (port 0) speaks of its tables.
        Ok(Heard::Messages(if from.port_number() == 0 { split(&bytes) } else { Vec::new() }))
    }
}

/// Cuts a datagram into its messages; one that cannot be read is left out, with a word in the log.
fn split(mut bytes: &[u8]) -> Vec<RouteNetlinkMessage> {
    let mut messages = Vec::new();
    while let Some(length) = bytes.first_chunk::<4>() {
        let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX);
        if length < HEADER_LEN {
            break;
        }
        let Some(message) = bytes.get(..length) else { break };
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) {
            Ok(message) => {
                if let netlink_packet_core::NetlinkPayload::InnerMessage(inner) = message.payload {
                    messages.push(inner);
                }
            }
            Err(error) => tracing::debug!(%error, "a notice of the kernel that cannot be read"),
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_lengths_end_the_datagram() {
        for bytes in [&[][..], &[0; 16], &[255; 64], &[17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(split(bytes).is_empty());
        }
    }
}
