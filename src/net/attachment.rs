use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage};
use tokio::time::Instant;

use super::link::mac_of;
use super::{Net, NetError};
use crate::domain::{MacAddr, Transport};

/// What was read is believed for so long: who walks from one port to another is followed after that.
const FRESH: Duration = Duration::from_secs(2);
/// For a device that was not found, the tables are read again at most so often: MACs can be made up by the thousand.
const AGAIN: Duration = Duration::from_millis(50);
/// How many links may lie on each other (a VLAN on a VLAN on a radio).
const DEEPEST: u32 = 4;

/// Which port every device of the bridges is behind, as last read, and what the ports are.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    read_at: Option<Instant>,
    numbers: HashMap<String, u32>,
    links: HashMap<u32, Wire>,
    /// The port, by bridge and MAC.
    ports: HashMap<(u32, MacAddr), u32>,
}

/// What a link is.
#[derive(Debug, Clone)]
struct Wire {
    name: String,
    kind: Option<InfoKind>,
    ethernet: bool,
    /// The link below it.
    lower: Option<u32>,
    bridge: Option<u32>,
}

impl Net {
    /// How a device is attached that was seen on a network device: for a bridge, by the port behind which its MAC is.
    /// `None` if that is not known at the moment.
    pub async fn transport_of(&self, device: &str, mac: MacAddr) -> Result<Option<Transport>, NetError> {
        let mut known = self.attachments.lock().await;
        let mut is_new = false;
        if known.is_older_than(FRESH) {
            *known = self.read_attachments().await?;
            is_new = true;
        }
        match known.find(device, mac) {
            None if !is_new && known.is_older_than(AGAIN) => {
                *known = self.read_attachments().await?;
                Ok(known.find(device, mac))
            }
            found => Ok(found),
        }
    }

    async fn read_attachments(&self) -> Result<Attachments, NetError> {
        let links = self.link_messages().await?;
        let entries = self.forwarding_entries().await?;
        Ok(Attachments::new(&links, &entries))
    }
}

impl Attachments {
    fn new(links: &[LinkMessage], entries: &[NeighbourMessage]) -> Self {
        let mut known = Self { read_at: Some(Instant::now()), ..Self::default() };
        for (index, wire) in links.iter().filter_map(Wire::read) {
            known.numbers.insert(wire.name.clone(), index);
            known.links.insert(index, wire);
        }
        for entry in entries {
            let port = entry.header.ifindex;
            let mac = entry.attributes.iter().find_map(|attribute| {
                if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute { mac_of(bytes) } else { None }
            });
            let bridge = known.links.get(&port).and_then(|link| link.bridge);
            if let (Some(mac), Some(bridge)) = (mac, bridge) {
                known.ports.insert((bridge, mac), port);
            }
        }
        known
    }

    fn is_older_than(&self, age: Duration) -> bool {
        self.read_at.is_none_or(|read_at| read_at.elapsed() >= age)
    }

    fn find(&self, device: &str, mac: MacAddr) -> Option<Transport> {
        let index = *self.numbers.get(device)?;
        // A zone may be one VLAN of a bridge.
        let (bottom, link) = self.bottom(index)?;
        if link.kind == Some(InfoKind::Bridge) {
            let (_, port) = self.bottom(*self.ports.get(&(bottom, mac))?)?;
            return Some(port.transport());
        }
        Some(link.transport())
    }

    /// The link that a VLAN or the like lies on in the end.
    fn bottom(&self, index: u32) -> Option<(u32, &Wire)> {
        let (mut index, mut link) = (index, self.links.get(&index)?);
        for _ in 0..DEEPEST {
            let lies_on_another =
                matches!(link.kind, Some(InfoKind::Vlan | InfoKind::MacVlan | InfoKind::MacSec));
            match link.lower.filter(|_| lies_on_another) {
                Some(lower) => (index, link) = (lower, self.links.get(&lower)?),
                None => break,
            }
        }
        Some((index, link))
    }
}

impl Wire {
    fn read(message: &LinkMessage) -> Option<(u32, Self)> {
        if message.header.interface_family == AddressFamily::Bridge {
            return None;
        }
        let mut wire = Self {
            name: String::new(),
            kind: None,
            ethernet: message.header.link_layer_type == LinkLayerType::Ether,
            lower: None,
            bridge: None,
        };
        for attribute in &message.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                wire.name.clone_from(name);
            } else if let LinkAttribute::Link(lower) = attribute {
                wire.lower = Some(*lower).filter(|lower| *lower != 0);
            } else if let LinkAttribute::Controller(bridge) = attribute {
                wire.bridge = Some(*bridge).filter(|bridge| *bridge != 0);
            } else if let LinkAttribute::LinkInfo(infos) = attribute {
                wire.kind = infos
                    .iter()
                    .find_map(|info| if let LinkInfo::Kind(kind) = info { Some(kind.clone()) } else { None });
            }
        }
        (!wire.name.is_empty()).then_some((message.header.index, wire))
    }

    /// A radio says so in sysfs; an Ethernet link without a kind is a card, and some kinds are cables too.
    fn transport(&self) -> Transport {
        if self.ethernet && is_radio(&self.name) {
            return Transport::Wifi;
        }
        match &self.kind {
            None | Some(InfoKind::Veth | InfoKind::Dsa | InfoKind::Bond | InfoKind::Team)
                if self.ethernet =>
            {
                Transport::Wired
            }
            _ => Transport::Other,
        }
    }
}

/// Whether cfg80211 (or a driver from before it) stands behind the link: `net/wireless/core.c`, `net/core/net-sysfs.c`.
fn is_radio(name: &str) -> bool {
    let link = Path::new("/sys/class/net").join(name);
    link.join("phy80211").exists() || link.join("wireless").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(name: &str, kind: Option<InfoKind>, lower: Option<u32>, bridge: Option<u32>) -> Wire {
        Wire { name: name.to_owned(), kind, ethernet: true, lower, bridge }
    }

    #[test]
    fn a_vlan_is_looked_through() {
        let phone = MacAddr::from_bytes([2, 0, 0, 0, 0, 1]).unwrap();
        let links = [
            (1, wire("br-lan", Some(InfoKind::Bridge), None, None)),
            (2, wire("br-lan.7", Some(InfoKind::Vlan), Some(1), None)),
            (3, wire("lan1", Some(InfoKind::Dsa), None, None)),
            (4, wire("lan1.7", Some(InfoKind::Vlan), Some(3), Some(1))),
            (5, wire("loop0", Some(InfoKind::Vlan), Some(5), None)),
            (6, wire("tap0", Some(InfoKind::Tun), None, None)),
        ];
        let known = Attachments {
            numbers: links.iter().map(|(index, link)| (link.name.clone(), *index)).collect(),
            links: links.into_iter().collect(),
            ports: [((1, phone), 4)].into(),
            ..Attachments::default()
        };
        assert_eq!(
            known.find("br-lan", phone),
            Some(Transport::Wired),
            "a port that is a VLAN of a switch port"
        );
        assert_eq!(
            known.find("br-lan.7", phone),
            Some(Transport::Wired),
            "a zone that is a VLAN of a bridge"
        );
        assert_eq!(known.find("lan1.7", phone), Some(Transport::Wired));
        assert_eq!(known.find("loop0", phone), Some(Transport::Other), "a loop ends");
        assert_eq!(known.find("tap0", phone), Some(Transport::Other));
        assert_eq!(known.find("nothing0", phone), None);
    }
}
