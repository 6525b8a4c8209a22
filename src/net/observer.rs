use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkMessage;

use super::neighbour::Sighting;
use super::place::{Place, Places};
use super::table::read_address;
use super::{Link, Neighbour};
use crate::domain::MacAddr;

/// What happened on the watched devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetEvent {
    /// A device is there, or was (`alive` says whether it has just spoken or the kernel has just made sure).
    Seen {
        /// The network device it is behind.
        device: String,
        /// One of its addresses.
        address: IpAddr,
        /// Who it is.
        mac: MacAddr,
        /// Whether it spoke or answered just now (a new entry, REACHABLE, PERMANENT), rather than being known from before
        /// (STALE, DELAY, PROBE).
        alive: bool,
    },
    /// It did not answer, or the kernel forgot it (which also happens when the link goes down).
    Lost {
        /// The network device it was behind.
        device: String,
        /// The address that is gone.
        address: IpAddr,
        /// Who had it.
        mac: MacAddr,
    },
    /// A watched device came, or has a carrier again.
    LinkUp {
        /// Which.
        device: String,
        /// Its number, another one if it was made anew.
        index: u32,
    },
    /// A watched device lost its carrier or was switched off.
    LinkDown {
        /// Which.
        device: String,
    },
    /// A watched device was deleted or renamed.
    LinkGone {
        /// Which.
        device: String,
    },
    /// A port was added to a watched bridge: ports are isolated one by one.
    PortJoined {
        /// The bridge.
        bridge: String,
        /// The port.
        port: String,
    },
    /// A device was heard behind another port of a watched bridge than before: it walked, or there are two of them.
    Moved {
        /// The bridge.
        bridge: String,
        /// Who.
        mac: MacAddr,
        /// The ports, the one that it was behind before first; empty where one has gone.
        ports: [String; 2],
    },
    /// Everybody there is now: first thing, and after notices were lost. Replaces all that was said before.
    Resynced(Vec<Neighbour>),
    /// The router's own addresses on a watched device changed.
    AddressesChanged {
        /// Which.
        device: String,
    },
}

/// What a watched device was like when last heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    index: u32,
    up: bool,
}

/// A port of a watched bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Port {
    master: u32,
    name: String,
}

/// Turns the kernel's messages into events: keeps the names and states of the watched devices, who was seen where (a message
/// about a lost neighbour does not say its MAC), and the router's own addresses. No I/O.
#[derive(Debug, Default)]
pub(super) struct Observer {
    watched: BTreeSet<String>,
    links: BTreeMap<String, Standing>,
    names: HashMap<u32, String>,
    ports: HashMap<u32, Port>,
    places: Places,
    own: BTreeSet<(u32, IpAddr)>,
    seen: HashMap<(u32, IpAddr), MacAddr>,
}

impl Observer {
    /// Watches these devices, whether they exist yet or not.
    pub fn new(watched: &[String]) -> Self {
        Self { watched: watched.iter().cloned().collect(), ..Self::default() }
    }

    /// Takes over a whole reading of the tables. Links come as events of their own, neighbours as one.
    pub fn resync(
        &mut self,
        links: &[Link],
        own: Vec<(u32, IpAddr)>,
        sightings: Vec<Sighting>,
    ) -> Vec<NetEvent> {
        let mut events = Vec::new();
        let gone: Vec<u32> = self
            .names
            .iter()
            .filter(|(index, name)| !links.iter().any(|link| link.index == **index && link.name == **name))
            .map(|(index, _)| *index)
            .collect();
        self.seen.clear();
        for index in gone {
            self.link_gone(index, &mut events);
        }
        self.ports.retain(|port, _| links.iter().any(|link| link.index == *port));
        // Bridges first: a port is news only once its bridge has a name.
        let (bridges, rest): (Vec<&Link>, Vec<&Link>) =
            links.iter().partition(|link| self.watched.contains(&link.name));
        for link in bridges.into_iter().chain(rest) {
            self.link(link, &mut events);
        }
        self.own = own.into_iter().collect();
        let mut neighbours = Vec::new();
        for Sighting { index, address, found } in sightings {
            let (Some(device), Some((mac, state)), false) =
                (self.names.get(&index), found, self.is_own(address))
            else {
                continue;
            };
            self.seen.insert((index, address), mac);
            neighbours.push(Neighbour { device: device.clone(), address, mac, state });
        }
        events.push(NetEvent::Resynced(neighbours));
        events
    }

    /// What one message means.
    pub fn handle(&mut self, message: &RouteNetlinkMessage, events: &mut Vec<NetEvent>) {
        if let RouteNetlinkMessage::NewNeighbour(neighbour) = message {
            if let Some(sighting) = Sighting::read(neighbour) {
                self.sighting(sighting, events);
            } else if let Some(place) = Place::read(neighbour) {
                self.place(place, events);
            }
        } else if let RouteNetlinkMessage::DelNeighbour(neighbour) = message {
            if let Some(sighting) = Sighting::read(neighbour) {
                self.lost(sighting.index, sighting.address, events);
            } else if let Some(place) = Place::read(neighbour) {
                self.places.forgotten(place);
            }
        } else if let RouteNetlinkMessage::NewLink(link) = message {
            if let Some(link) = Link::read(link) {
                self.link(&link, events);
            }
        } else if let RouteNetlinkMessage::DelLink(link) = message {
            self.del_link(link, events);
        } else if let RouteNetlinkMessage::NewAddress(address) = message {
            if let Some(own) = read_address(address)
                && self.own.insert(own)
            {
                self.addresses_changed(own.0, events);
            }
        } else if let RouteNetlinkMessage::DelAddress(address) = message
            && let Some(own) = read_address(address)
            && self.own.remove(&own)
        {
            self.addresses_changed(own.0, events);
        }
    }

    fn sighting(&mut self, sighting: Sighting, events: &mut Vec<NetEvent>) {
        let Sighting { index, address, found } = sighting;
        let Some((mac, state)) = found else { return self.lost(index, address, events) };
        let Some(device) = self.names.get(&index).cloned() else { return };
        if self.is_own(address) {
            return;
        }
        let former = self.seen.insert((index, address), mac);
        if let Some(former) = former.filter(|former| *former != mac) {
            events.push(NetEvent::Lost { device: device.clone(), address, mac: former });
        }
        // A new entry that begins as STALE is a device that has just spoken (`arp_process`, `ndisc_recv_ns`): the kernel
        // makes sure of it only some 5 s later.
        let spoke = former != Some(mac);
        events.push(NetEvent::Seen { device, address, mac, alive: spoke || state.is_alive() });
    }

    fn lost(&mut self, index: u32, address: IpAddr, events: &mut Vec<NetEvent>) {
        if let (Some(mac), Some(device)) = (self.seen.remove(&(index, address)), self.names.get(&index)) {
            events.push(NetEvent::Lost { device: device.clone(), address, mac });
        }
    }

    fn place(&mut self, place: Place, events: &mut Vec<NetEvent>) {
        let Some(port) = self.ports.get(&place.port) else { return };
        let Some(bridge) = self.names.get(&port.master) else { return };
        let Some(former) = self.places.heard(place) else { return };
        let ports = [former, place.port]
            .map(|port| self.ports.get(&port).map_or_else(String::new, |port| port.name.clone()));
        events.push(NetEvent::Moved { bridge: bridge.clone(), mac: place.mac, ports });
    }

    fn link(&mut self, link: &Link, events: &mut Vec<NetEvent>) {
        if self.names.get(&link.index).is_some_and(|name| *name != link.name) {
            self.link_gone(link.index, events);
        }
        if self.watched.contains(&link.name) {
            let now = Standing { index: link.index, up: link.up };
            let before = self.links.insert(link.name.clone(), now);
            if let Some(old) = before.filter(|before| before.index != link.index) {
                self.forget_index(old.index, events);
                events.push(NetEvent::LinkGone { device: link.name.clone() });
            }
            self.names.insert(link.index, link.name.clone());
            let before = before.filter(|before| before.index == link.index);
            match (before.is_some_and(|before| before.up), link.up) {
                (false, true) => {
                    events.push(NetEvent::LinkUp { device: link.name.clone(), index: link.index });
                }
                (true, false) => events.push(NetEvent::LinkDown { device: link.name.clone() }),
                (true, true) | (false, false) => {}
            }
        }
        self.port(link, events);
    }

    fn port(&mut self, link: &Link, events: &mut Vec<NetEvent>) {
        let Some((master, bridge)) =
            link.master.and_then(|master| self.names.get(&master).map(|name| (master, name.clone())))
        else {
            self.ports.remove(&link.index);
            return;
        };
        let former = self.ports.insert(link.index, Port { master, name: link.name.clone() });
        if former.is_none_or(|former| former.master != master) {
            events.push(NetEvent::PortJoined { bridge, port: link.name.clone() });
        }
    }

    /// In the bridge's own family, the message means that a port left its bridge, not that a link is gone.
    fn del_link(&mut self, message: &LinkMessage, events: &mut Vec<NetEvent>) {
        self.ports.remove(&message.header.index);
        if message.header.interface_family != AddressFamily::Bridge {
            self.link_gone(message.header.index, events);
        }
    }

    fn link_gone(&mut self, index: u32, events: &mut Vec<NetEvent>) {
        let Some(device) = self.names.get(&index).cloned() else { return };
        self.forget_index(index, events);
        if self.links.get(&device).is_some_and(|standing| standing.index == index) {
            self.links.remove(&device);
            events.push(NetEvent::LinkGone { device });
        }
    }

    fn forget_index(&mut self, index: u32, events: &mut Vec<NetEvent>) {
        let addresses: Vec<IpAddr> =
            self.seen.keys().filter(|(on, _)| *on == index).map(|(_, address)| *address).collect();
        for address in addresses {
            self.lost(index, address, events);
        }
        self.names.remove(&index);
        self.own.retain(|(on, _)| *on != index);
        self.ports.retain(|_, port| port.master != index);
    }

    fn addresses_changed(&self, index: u32, events: &mut Vec<NetEvent>) {
        if let Some(device) = self.names.get(&index) {
            events.push(NetEvent::AddressesChanged { device: device.clone() });
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.own.iter().any(|(_, own)| *own == address)
    }
}
