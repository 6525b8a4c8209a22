use ipnet::IpNet;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkAttribute, LinkInfo, LinkLayerType, LinkMessage};

use super::table::read_address;
use super::{Link, Net, NetError};

/// A network device with all that is asked of it before anything is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// The device.
    pub link: Link,
    /// The driver of one that is made by software, as `bridge`, `veth`, `vlan`; `None` for a card.
    pub kind: Option<String>,
    /// The number of the device that it is made on, as a VLAN's.
    pub on: Option<u32>,
    /// Whether it is the loopback.
    pub is_loopback: bool,
    /// Whether frames on it are Ethernet's.
    pub is_ethernet: bool,
    /// The router's own addresses on it, with their prefixes.
    pub addresses: Vec<IpNet>,
}

impl Net {
    /// All devices with their addresses.
    pub async fn survey(&self) -> Result<Vec<Surveyed>, NetError> {
        let links = self.link_messages().await?;
        let addresses: Vec<(u32, IpNet)> =
            self.address_messages().await?.iter().filter_map(with_prefix).collect();
        let read = |message: &LinkMessage| {
            let link = Link::read(message)?;
            let addresses =
                addresses.iter().filter(|(on, _)| *on == link.index).map(|(_, address)| *address).collect();
            let kind = kind_of(message);
            let layer = message.header.link_layer_type;
            Some(Surveyed {
                link,
                on: lower_of(message, kind.as_deref()),
                kind,
                is_loopback: layer == LinkLayerType::Loopback,
                is_ethernet: layer == LinkLayerType::Ether,
                addresses,
            })
        };
        Ok(links.iter().filter_map(read).collect())
    }
}

fn kind_of(message: &LinkMessage) -> Option<String> {
    let mut kind = None;
    for attribute in &message.attributes {
        if let LinkAttribute::LinkInfo(infos) = attribute {
            for info in infos {
                if let LinkInfo::Kind(found) = info {
                    kind = Some(found.to_string());
                }
            }
        }
    }
    kind
}

/// Others say a number as well, as the two ends of a veth pair do, each the other's.
fn lower_of(message: &LinkMessage, kind: Option<&str>) -> Option<u32> {
    if !matches!(kind, Some("vlan" | "macvlan" | "macvtap" | "ipvlan" | "ipvtap")) {
        return None;
    }
    let mut lower = None;
    for attribute in &message.attributes {
        if let LinkAttribute::Link(index) = attribute {
            lower = Some(*index);
        }
    }
    lower
}

fn with_prefix(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let (index, address) = read_address(message)?;
    Some((index, IpNet::new(address, message.header.prefix_len).ok()?))
}
