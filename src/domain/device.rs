use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{ClientKey, ClientType, DeviceId, Identity, MacAddr, Text, Transport, WallTime, ZoneName};

/// A phone or laptop, known by its MAC.
///
/// Plain data: only [`super::SessionsMgr`] changes one; whoever asks gets a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its MAC.
    pub mac: MacAddr,
    /// The zone it was last seen in, or registered for; `None` if it never joined.
    pub zone: Option<ZoneName>,
    /// Its number in the kernel, while it has one.
    pub key: Option<ClientKey>,
    /// Its IPv4 addresses as last seen; not stored.
    pub ipv4: BTreeSet<Ipv4Addr>,
    /// Its IPv6 addresses as last seen; not stored.
    pub ipv6: BTreeSet<Ipv6Addr>,
    /// The name it gave in DHCP.
    pub hostname: Option<Text>,
    /// The name the operator gave it.
    pub alias: Option<Text>,
    /// Whether an operator blocked it.
    pub blocked: bool,
    /// The last text that a connect or disconnect left for its portal page.
    pub notice: Option<Text>,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// When it was first known.
    pub first_seen: WallTime,
    /// When it was last on the network; `None` if only registered.
    pub last_seen: Option<WallTime>,
    /// Whether it is on the network now, as far as the neighbour table tells; not stored.
    pub present: bool,
    /// The zone's network device that it was last seen on; not stored.
    pub interface: Option<Text>,
    /// How it is attached; not stored.
    pub transport: Transport,
    /// What it is, as far as its browser or host name tells.
    pub client_type: Option<ClientType>,
    /// What its browser asks for: a BCP 47 tag.
    pub language: Option<Text>,
    /// What it is known by beyond its MAC.
    pub identity: Identity,
}

/// A device's standing, as the API shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceStatus {
    /// A session of it is running.
    Connected,
    /// None is.
    Disconnected,
    /// An operator shut it out.
    Blocked,
}

impl DeviceStatus {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Connected, Self::Disconnected, Self::Blocked];

    /// The standing of a device that is let through or not.
    pub const fn of(device: &ClientDevice, connected: bool) -> Self {
        match (device.blocked, connected) {
            (true, _) => Self::Blocked,
            (false, true) => Self::Connected,
            (false, false) => Self::Disconnected,
        }
    }

    /// The name in API and CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Blocked => "blocked",
        }
    }
}

impl ClientDevice {
    /// The most addresses kept per family; privacy addresses come and go, and a hostile device can make many.
    pub const MAX_ADDRESSES: usize = 16;

    /// A device that was just made known.
    pub fn new(id: DeviceId, mac: MacAddr, first_seen: WallTime) -> Self {
        Self {
            id,
            mac,
            zone: None,
            key: None,
            ipv4: BTreeSet::new(),
            ipv6: BTreeSet::new(),
            hostname: None,
            alias: None,
            blocked: false,
            notice: None,
            roles: BTreeSet::new(),
            first_seen,
            last_seen: None,
            present: false,
            interface: None,
            transport: Transport::Other,
            client_type: None,
            language: None,
            identity: Identity::default(),
        }
    }
}
