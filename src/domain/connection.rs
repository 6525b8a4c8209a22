use std::net::IpAddr;

use super::{ClientKey, WallTime};

/// What the kernel tells of one of a client's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// When it was told.
    pub at: WallTime,
    /// Whose it is.
    pub key: ClientKey,
    /// The IP protocol's number: 6 is TCP, 17 UDP.
    pub protocol: u8,
    /// Where it comes from, as the client has it.
    pub source: Endpoint,
    /// The same as the other side sees it: after address translation, if there is any.
    pub translated: Endpoint,
    /// Where it leads to.
    pub destination: Endpoint,
    /// What happened.
    pub event: ConnectionEvent,
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port; of ICMP the identifier, and `None` for protocols that have neither.
    pub port: Option<u16>,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// It began.
    Began,
    /// It is over.
    Ended {
        /// Bytes from the client and towards it; `None` where the kernel does not count them.
        bytes: Option<(u64, u64)>,
    },
}
