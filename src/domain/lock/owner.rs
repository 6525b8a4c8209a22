use std::fmt;

use crate::domain::{ConnectionId, DeviceId};

/// Who holds a lock or waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockOwner {
    /// A device, on whose behalf somebody asked.
    Device(DeviceId),
    /// The connection of a plugin that asked for itself.
    Connection(ConnectionId),
}

impl LockOwner {
    /// The sort of owner, by its name in the API.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Device(_) => "device",
            Self::Connection(_) => "connection",
        }
    }

    /// The bare id.
    pub fn id(self) -> String {
        match self {
            Self::Device(id) => id.to_string(),
            Self::Connection(id) => id.to_string(),
        }
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => write!(f, "device {id}"),
            Self::Connection(id) => write!(f, "connection {id}"),
        }
    }
}

/// What frees a lock by itself. The smaller one is the weaker: if both were asked for, it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockScope {
    /// The owner lost its connection: the device left the network, the plugin's connection dropped.
    ConnectionLoss,
    /// The owner is gone for good: the device was away too long, blocked or deleted.
    SessionLoss,
}

impl LockScope {
    /// The name in API and CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionLoss => "UNLOCK_ON_CONNECTION_LOSS",
            Self::SessionLoss => "UNLOCK_ON_SESSION_LOSS",
        }
    }

    /// The scope of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::ConnectionLoss, Self::SessionLoss].into_iter().find(|scope| scope.as_str() == name)
    }
}

/// One request that waits for a lock, or has been given one and not yet taken it. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockTicket(pub(super) u64);
