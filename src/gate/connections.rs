//! What the kernel tells of clients' connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt;
use tokio::sync::mpsc::{self, error::TrySendError};
use tracing::warn;

use super::error::GateError;
use super::netlink::conntrack::{self, Told};
use super::netlink::message::Messages;
use super::netlink::socket::NETLINK_NETFILTER;
use crate::clock::Clock;
use crate::domain::{ClientKey, Connection, WallTime};

/// `NFNLGRP_CONNTRACK_NEW` and `NFNLGRP_CONNTRACK_DESTROY`.
const GROUPS: [u32; 2] = [1, 3];
/// What the kernel may queue; each event takes about a kilobyte of it.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;
/// Longer than any event.
const DATAGRAM_BYTES: usize = 64 << 10;
/// So often it is looked whether anybody listens still.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const ENOBUFS: i32 = 105;

/// Tells of connections, and never waits for whoever hears.
#[derive(Debug)]
pub struct ConnectionTeller {
    sender: mpsc::Sender<Connection>,
    losses: Arc<Losses>,
}

/// Hears of connections.
#[derive(Debug)]
pub struct Connections {
    receiver: mpsc::Receiver<Connection>,
    losses: Arc<Losses>,
}

#[derive(Debug, Default)]
struct Losses {
    unheard: AtomicUsize,
    overflows: AtomicUsize,
}

/// What nobody heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionLosses {
    /// What was told while too many waited.
    pub unheard: usize,
    /// How often the kernel had no room; what it then did not tell, nobody knows.
    pub overflows: usize,
}

/// A way on which at most so many wait.
pub fn connections(most: usize) -> (ConnectionTeller, Connections) {
    let (sender, receiver) = mpsc::channel(most.max(1));
    let losses = Arc::<Losses>::default();
    (ConnectionTeller { sender, losses: Arc::clone(&losses) }, Connections { receiver, losses })
}

impl ConnectionTeller {
    /// Tells of one; whether anybody listens still.
    pub fn tell(&self, connection: Connection) -> bool {
        match self.sender.try_send(connection) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.losses.unheard.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    /// The kernel had no room.
    pub fn overflowed(&self) {
        self.losses.overflows.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// Waits for some, at most `most`; none if nobody tells any more. Safe to cancel.
    pub async fn recv_many(&mut self, heard: &mut Vec<Connection>, most: usize) -> usize {
        self.receiver.recv_many(heard, most).await
    }

    /// What was lost since the last time.
    pub fn take_losses(&self) -> ConnectionLosses {
        ConnectionLosses {
            unheard: self.losses.unheard.swap(0, Ordering::Relaxed),
            overflows: self.losses.overflows.swap(0, Ordering::Relaxed),
        }
    }
}

/// Listens to what the kernel tells of connections that carry a client's key under this mask, in the network namespace of the
/// calling thread. A thread of its own reads it, which ends when what comes back is dropped; at most `most` wait.
pub fn watch_connections(mark_mask: u32, clock: Clock, most: usize) -> Result<Connections, GateError> {
    let mut socket = Socket::new(NETLINK_NETFILTER).map_err(GateError::socket("open"))?;
    socket.bind(&SocketAddr::new(0, 0)).map_err(GateError::socket("bind"))?;
    if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER_BYTES).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES)
            .map_err(|error| GateError::socket("set the receive buffer")(error.into()))?;
    }
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(LOOK_EVERY))
        .map_err(|error| GateError::socket("set the timeout")(error.into()))?;
    for group in GROUPS {
        socket.add_membership(group).map_err(GateError::socket("join the events of connections"))?;
    }
    let (teller, connections) = connections(most);
    thread::Builder::new()
        .name("connections".to_owned())
        .spawn(move || read(&socket, mark_mask, &clock, &teller))
        .map_err(GateError::socket("start the thread of connections"))?;
    Ok(connections)
}

/// Reads until nobody listens any more.
fn read(socket: &Socket, mark_mask: u32, clock: &Clock, teller: &ConnectionTeller) {
    let mut datagram = Vec::with_capacity(DATAGRAM_BYTES);
    while !teller.sender.is_closed() {
        datagram.clear();
        match socket.recv_from(&mut datagram, 0) {
            Ok((_, sender)) if sender.port_number() != 0 => continue,
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(ENOBUFS) => {
                teller.overflowed();
                continue;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                continue;
            }
            Err(error) => {
                warn!(%error, "the kernel's events of connections could not be read; trying again");
                teller.overflowed();
                thread::sleep(LOOK_EVERY);
                continue;
            }
        }
        let mut at = None;
        for told in Messages::new(&datagram).filter_map(|message| conntrack::read_event(&message)) {
            let Some(key) = ClientKey::gather(told.mark, mark_mask) else { continue };
            let at = *at.get_or_insert_with(|| clock.believable());
            if !teller.tell(connection(&told, key, at)) {
                return;
            }
        }
    }
}

fn connection(told: &Told, key: ClientKey, at: WallTime) -> Connection {
    let Told { protocol, source, translated, destination, event, .. } = *told;
    Connection { at, key, protocol, source, translated, destination, event }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ConnectionEvent, Endpoint};

    #[tokio::test]
    async fn what_nobody_has_room_for_is_counted() {
        let (teller, mut connections) = connections(2);
        let end = |port| Endpoint { address: [192, 0, 2, 1].into(), port: Some(port) };
        let one = |port| Connection {
            at: WallTime(0),
            key: ClientKey::new(1).unwrap(),
            protocol: 6,
            source: end(port),
            translated: end(port),
            destination: end(443),
            event: ConnectionEvent::Began,
        };
        assert!((1..=5).all(|port| teller.tell(one(port))));
        teller.overflowed();
        assert_eq!(connections.take_losses(), ConnectionLosses { unheard: 3, overflows: 1 });
        assert_eq!(connections.take_losses(), ConnectionLosses::default());
        let mut heard = Vec::new();
        assert_eq!(connections.recv_many(&mut heard, 10).await, 2);
        assert_eq!(heard, [one(1), one(2)]);
        drop(connections);
        assert!(!teller.tell(one(6)));
    }
}
