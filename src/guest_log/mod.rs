//! The guest log: who had which address when, as the law of many countries has it asked for.
//!
//! One task follows the devices and writes a line for each change, to a file for each day and to the system's log. It never
//! holds up the sessions manager: what it cannot hear it looks up anew, and what it cannot write is counted and said. Each
//! day's file begins with everybody who is there, so that it can be read by itself, and removed without the others.

mod connections;
mod day;
mod files;
mod follow;
mod ledger;
mod line;
mod look;
mod reading;
mod syslog;
mod writer;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use files::files;
pub use follow::run;
pub use look::{Answer, Asked, Facts, FoundConnection, FoundGuest, look};
pub use syslog::DEV_LOG;

use crate::gate::Connections;

/// What is logged, and where.
#[derive(Debug)]
pub struct GuestLog {
    /// The files, without the day at the end of each name.
    pub file: Option<PathBuf>,
    /// The socket of the system's log.
    pub syslog: Option<PathBuf>,
    /// For how many days files are kept.
    pub keep_days: u32,
    /// What the kernel tells of connections.
    pub connections: Option<Connected>,
}

/// What the kernel tells of connections, and which of them are not the Internet's.
pub struct Connected {
    /// What it tells.
    pub heard: Connections,
    /// Whether an address is this box's own: what leads here is not logged.
    pub is_own: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Whether an address is of a zone's own networks: what stays within them is not logged.
    pub is_inside: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").field("heard", &self.heard).finish_non_exhaustive()
    }
}
