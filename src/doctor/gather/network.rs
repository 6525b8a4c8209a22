use std::net::IpAddr;

use super::{Known, reason};
use crate::net::{DefaultRoute, Link, Net};

/// The box's links, addresses and default routes.
#[derive(Debug, Clone, Default)]
pub struct Network {
    pub links: Vec<Link>,
    /// Its own addresses, with their links' numbers.
    pub addresses: Vec<(u32, IpAddr)>,
    pub routes: Vec<DefaultRoute>,
}

impl Network {
    /// A link by its name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The bridge that a link is a port of.
    pub fn bridge_of(&self, link: &Link) -> Option<&Link> {
        let master = link.master?;
        self.links.iter().find(|link| link.index == master && link.is_bridge)
    }

    /// The ports of a bridge, by name.
    pub fn ports_of<'a>(&'a self, bridge: &'a str) -> impl Iterator<Item = &'a str> {
        let index = self.link(bridge).map(|link| link.index);
        self.links
            .iter()
            .filter(move |link| index.is_some() && link.master == index)
            .map(|link| link.name.as_str())
    }

    /// A link's own addresses.
    pub fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let index = self.link(name).map(|link| link.index);
        let here = self.addresses.iter().filter(|(on, _)| Some(*on) == index);
        here.map(|(_, address)| *address).collect()
    }

    /// Whether a link has an IPv6 address that is routed: of more than the link alone.
    pub fn has_routed_ipv6(&self, name: &str) -> bool {
        self.addresses_of(name).iter().any(|address| match address {
            IpAddr::V6(address) => !address.is_unicast_link_local() && !address.is_loopback(),
            IpAddr::V4(_) => false,
        })
    }
}

/// Asks the kernel.
pub async fn read_network() -> Known<Network> {
    let net = Net::open().map_err(reason)?;
    Ok(Network {
        links: net.links().await.map_err(reason)?,
        addresses: net.own_addresses().await.map_err(reason)?,
        routes: net.default_routes().await.map_err(reason)?,
    })
}

/// A box with these links (name, bridge that it is a port of), addresses and default routes. Names that begin with `br` are
/// bridges.
#[cfg(test)]
pub fn network(
    links: &[(&str, Option<&str>)],
    addresses: &[(&str, &str)],
    routes: &[(&str, bool)],
) -> Network {
    let index = |name: &str| {
        let at = links.iter().position(|(link, _)| *link == name);
        u32::try_from(at.unwrap_or_else(|| panic!("no link {name}")) + 1).unwrap()
    };
    let link = |(name, master): &(&str, Option<&str>)| Link {
        index: index(name),
        name: (*name).to_owned(),
        up: true,
        enabled: true,
        is_bridge: name.starts_with("br"),
        mac: None,
        master: master.map(index),
    };
    Network {
        links: links.iter().map(link).collect(),
        addresses: addresses.iter().map(|(on, address)| (index(on), address.parse().unwrap())).collect(),
        routes: routes
            .iter()
            .map(|(device, is_ipv6)| DefaultRoute { device: (*device).to_owned(), is_ipv6: *is_ipv6 })
            .collect(),
    }
}
