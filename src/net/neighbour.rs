use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use super::link::mac_of;
use crate::domain::MacAddr;

/// One address of one device, as the kernel's neighbour table (ARP, ND) has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The network device behind which it was seen.
    pub device: String,
    /// Its IPv4 or IPv6 address.
    pub address: IpAddr,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// What the kernel knows of it.
    pub state: Reachability,
}

/// How sure the kernel is that a neighbour is there (`include/uapi/linux/neighbour.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachability {
    /// It answered within the last half minute or so, or an operator vouched for it (REACHABLE, PERMANENT).
    Confirmed,
    /// It was there once; nobody has asked since (STALE).
    Stale,
    /// It is being asked, or will be shortly (DELAY, PROBE).
    Asking,
}

impl Reachability {
    /// Whether it is known to be there.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Confirmed)
    }
}

/// What a message says of a neighbour, with the device still a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Number of the network device.
    pub index: u32,
    /// Its address.
    pub address: IpAddr,
    /// Where it was found and how sure that is; `None` if it was not found, or is no more.
    pub found: Option<(MacAddr, Reachability)>,
}

impl Sighting {
    /// Reads what the kernel says. `None` for what is no neighbour of ours: a bridge's forwarding table, proxies, links
    /// without ARP, multicast, and half-finished look-ups.
    pub fn read(message: &NeighbourMessage) -> Option<Self> {
        let header = &message.header;
        if !matches!(header.family, AddressFamily::Inet | AddressFamily::Inet6)
            || header.flags.contains(NeighbourFlags::Proxy)
        {
            return None;
        }
        let (mut address, mut mac) = (None, None);
        for attribute in &message.attributes {
            if let NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) = attribute {
                address = Some(IpAddr::V4(*v4));
            } else if let NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) = attribute {
                address = Some(IpAddr::V6(*v6));
            } else if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute {
                mac = mac_of(bytes);
            }
        }
        let address = address.filter(|address| !address.is_multicast() && !address.is_unspecified())?;
        let state = match header.state {
            NeighbourState::Reachable | NeighbourState::Permanent => Some(Reachability::Confirmed),
            NeighbourState::Stale => Some(Reachability::Stale),
            NeighbourState::Delay | NeighbourState::Probe => Some(Reachability::Asking),
            NeighbourState::Failed | NeighbourState::None => None,
            NeighbourState::Noarp | NeighbourState::Incomplete | NeighbourState::Other(_) | _ => return None,
        };
        let found = match state {
            Some(state) => Some((mac?, state)),
            None => None,
        };
        Some(Self { index: header.ifindex, address, found })
    }
}
