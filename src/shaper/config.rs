use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use crate::domain::{Mbps, ZoneName};

/// What the shaper is to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShaperConfig {
    /// The zones, in the order of the configuration: the position gives the class number.
    pub zones: Vec<ZoneShape>,
    /// The devices that lead to the internet; uploads are shaped there.
    pub wan: Vec<String>,
    /// Whether a root qdisc that somebody else put on a device is replaced.
    pub replace_foreign_root: bool,
}

/// A zone's devices and its own speed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneShape {
    /// Its name.
    pub name: ZoneName,
    /// Its LAN devices; downloads are shaped there.
    pub devices: Vec<String>,
    /// The whole zone's speed towards the clients, on each of its devices.
    pub down: Option<Mbps>,
    /// The whole zone's speed from the clients, on each WAN device.
    pub up: Option<Mbps>,
}

/// Why a speed could not be set.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ShaperError {
    /// No netlink socket, or it broke.
    #[error("netlink socket for traffic control: {0}")]
    Socket(Arc<io::Error>),
    /// The kernel was built without `CONFIG_NET_SCH_HTB`, or the module is not installed.
    #[error("this kernel has no HTB: speeds cannot be limited (install kmod-sched-core, or load sch_htb)")]
    NoHtb,
    /// The kernel refused a class or a qdisc.
    #[error("traffic control on {device}: {doing}: {source}")]
    Refused {
        /// The device.
        device: String,
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        source: Errno,
    },
    /// No such zone is configured.
    #[error("there is no zone {0}")]
    UnknownZone(ZoneName),
    /// More zones than class numbers are kept for.
    #[error("{0} zones are too many: at most {max} can be shaped", max = super::plan::MAX_ZONES)]
    TooManyZones(usize),
}

impl From<io::Error> for ShaperError {
    fn from(error: io::Error) -> Self {
        Self::Socket(Arc::new(error))
    }
}
