use std::collections::HashMap;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};

use super::link::mac_of;
use crate::domain::MacAddr;

/// So many are known at a time: whoever makes up MACs is not to have them all remembered.
const MOST: usize = 65_536;

/// Behind which port a MAC was heard, as a bridge's forwarding table says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the port.
    pub port: u32,
    /// Who.
    pub mac: MacAddr,
}

impl Place {
    /// Reads what the kernel says. `None` for what no bridge has learned from a packet: neighbours, and the ports' own MACs.
    pub fn read(message: &NeighbourMessage) -> Option<Self> {
        let header = &message.header;
        if header.family != AddressFamily::Bridge || header.state == NeighbourState::Permanent {
            return None;
        }
        let mac = message.attributes.iter().find_map(|attribute| {
            if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute { mac_of(bytes) } else { None }
        })?;
        Some(Self { port: header.ifindex, mac })
    }
}

/// Where each MAC was heard last.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<MacAddr, u32>);

impl Places {
    /// The port that it was behind before, if that was another one.
    pub fn heard(&mut self, Place { port, mac }: Place) -> Option<u32> {
        if self.0.len() >= MOST && !self.0.contains_key(&mac) {
            self.0.clear();
        }
        self.0.insert(mac, port).filter(|former| *former != port)
    }

    /// The bridge has forgotten it.
    pub fn forgotten(&mut self, Place { port, mac }: Place) {
        if self.0.get(&mac) == Some(&port) {
            self.0.remove(&mac);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_told_once_and_what_was_forgotten_begins_anew() {
        let mac: MacAddr = "02:00:5e:00:53:01".parse().unwrap();
        let mut places = Places::default();
        let at = |port| Place { port, mac };
        assert_eq!([1, 1, 2, 2, 1].map(|port| places.heard(at(port))), [None, None, Some(1), None, Some(2)]);
        places.forgotten(at(2));
        assert_eq!(places.heard(at(2)), Some(1), "another port forgot it");
        places.forgotten(at(2));
        assert_eq!(places.heard(at(1)), None);
    }
}
