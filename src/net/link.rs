use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};

use crate::domain::MacAddr;

/// A network device as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number; a device made anew under the same name has another.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is switched on and has a carrier (for a bridge: a port that has one).
    pub up: bool,
    /// Whether it is switched on, with or without a carrier.
    pub enabled: bool,
    /// Whether it is a bridge.
    pub is_bridge: bool,
    /// Its own address, if it has one that could be a device's.
    pub mac: Option<MacAddr>,
    /// The number of the bridge (or bond, …) that it is a port of.
    pub master: Option<u32>,
}

impl Link {
    /// Reads what the kernel says; `None` for messages about bridge ports and links without a name.
    pub(super) fn read(message: &LinkMessage) -> Option<Self> {
        if message.header.interface_family == AddressFamily::Bridge {
            return None;
        }
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            up: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            enabled: flags.contains(LinkFlags::Up),
            is_bridge: false,
            mac: None,
            master: None,
        };
        for attribute in &message.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                link.name.clone_from(name);
            } else if let LinkAttribute::Address(bytes) = attribute {
                link.mac = mac_of(bytes);
            } else if let LinkAttribute::Controller(index) = attribute {
                link.master = Some(*index).filter(|index| *index != 0);
            } else if let LinkAttribute::LinkInfo(infos) = attribute {
                link.is_bridge = infos.iter().any(|info| matches!(info, LinkInfo::Kind(InfoKind::Bridge)));
            }
        }
        (!link.name.is_empty()).then_some(link)
    }
}

/// The address in a link-layer attribute; `None` if it is not one device's Ethernet address.
pub(super) fn mac_of(bytes: &[u8]) -> Option<MacAddr> {
    <[u8; 6]>::try_from(bytes).ok().and_then(|bytes| MacAddr::from_bytes(bytes).ok())
}
