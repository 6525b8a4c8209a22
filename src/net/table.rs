use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{TryStream, TryStreamExt};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::neighbour::{NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteType};
use rtnetlink::LinkBridgePort;
use tokio::sync::Mutex;

use super::attachment::Attachments;
use super::holder::Indexes;
use super::neighbour::Sighting;
use super::question::Questions;
use super::{Link, Neighbour, NetError};
use crate::domain::MacAddr;
use crate::faults::attempt;

/// The kernel's links, addresses, routes and neighbours, asked through netlink sockets. Clones share them.
#[derive(Clone, Debug)]
pub struct Net {
    pub(super) handle: rtnetlink::Handle,
    pub(super) questions: Arc<Questions>,
    pub(super) indexes: Arc<std::sync::Mutex<Indexes>>,
    /// One listing at a time: a socket's second one is refused while the first goes on (EBUSY, `net/netlink/af_netlink.c`).
    listing: Arc<Mutex<()>>,
    pub(super) attachments: Arc<Mutex<Attachments>>,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefaultRoute {
    /// The device that it leads to.
    pub device: String,
    /// Whether it is one of IPv6.
    pub is_ipv6: bool,
}

const EBUSY: i32 = -16;
/// How often a listing is begun again that found an abandoned one still going on: its reader was cancelled.
const ATTEMPTS: u32 = 100;
/// The wait before it is begun again.
const PAUSE: Duration = Duration::from_millis(2);

impl Net {
    /// Opens the socket in this thread's network namespace and starts its task on the current tokio runtime.
    pub fn open() -> Result<Self, NetError> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self {
            handle,
            questions: Arc::new(Questions::open()?),
            indexes: Arc::default(),
            listing: Arc::default(),
            attachments: Arc::default(),
        })
    }

    /// All links.
    pub async fn links(&self) -> Result<Vec<Link>, NetError> {
        Ok(self.link_messages().await?.iter().filter_map(Link::read).collect())
    }

    /// All links, as the kernel says it.
    pub(super) async fn link_messages(&self) -> Result<Vec<LinkMessage>, NetError> {
        self.list("listing links", || self.handle.link().get().execute()).await
    }

    /// The bridges' forwarding tables, as the kernel says it.
    pub(super) async fn forwarding_entries(&self) -> Result<Vec<NeighbourMessage>, NetError> {
        let ask = || self.handle.neighbours().get().set_address_family(AddressFamily::Bridge).execute();
        self.list("listing forwarding tables", ask).await
    }

    /// The devices that the default routes of either family lead to, each once; the way out when the configuration
    /// names none.
    pub async fn default_route_devices(&self) -> Result<Vec<String>, NetError> {
        let routes = self.default_routes().await?;
        let devices: BTreeSet<String> = routes.into_iter().map(|route| route.device).collect();
        Ok(devices.into_iter().collect())
    }

    /// Where the default routes lead, each way once.
    pub async fn default_routes(&self) -> Result<Vec<DefaultRoute>, NetError> {
        let names = self.names().await?;
        let mut ways = BTreeSet::new();
        for (family, is_ipv6) in [(AddressFamily::Inet, false), (AddressFamily::Inet6, true)] {
            let mut question = RouteMessage::default();
            question.header.address_family = family;
            let ask = || self.handle.route().get(question.clone()).execute();
            let routes = self.list("listing routes", ask).await?;
            for route in routes.iter().filter(|route| is_default(route)) {
                let devices = route_devices(route).filter_map(|index| names.get(&index).cloned());
                ways.extend(devices.map(|device| DefaultRoute { device, is_ipv6 }));
            }
        }
        Ok(ways.into_iter().filter(|way| way.device != "lo").collect())
    }

    /// The router's own addresses on a device.
    pub async fn addresses(&self, device: &str) -> Result<Vec<IpAddr>, NetError> {
        let index = self.index_of(device).await?;
        let all = self.own_addresses().await?;
        Ok(all.into_iter().filter(|(on, _)| *on == index).map(|(_, address)| address).collect())
    }

    /// Everybody that the kernel has seen on these devices. Look-ups that failed are left out: rotating MACs fill the
    /// table with them.
    pub async fn neighbours(&self, devices: &[String]) -> Result<Vec<Neighbour>, NetError> {
        let names = self.names().await?;
        let own: BTreeSet<_> = self.own_addresses().await?.into_iter().map(|(_, address)| address).collect();
        let mut neighbours = Vec::new();
        for Sighting { index, address, found } in self.sightings().await? {
            let (Some(name), Some((mac, state))) = (names.get(&index), found) else { continue };
            if devices.contains(name) && !own.contains(&address) {
                neighbours.push(Neighbour { device: name.clone(), address, mac, state });
            }
        }
        Ok(neighbours)
    }

    /// Who has this address on one of these devices.
    pub async fn neighbour_of(
        &self,
        devices: &[String],
        address: IpAddr,
    ) -> Result<Option<Neighbour>, NetError> {
        let address = address.to_canonical();
        Ok(self.neighbours(devices).await?.into_iter().find(|neighbour| neighbour.address == address))
    }

    /// Makes the kernel ask by ARP or ND whether the neighbour is still there: the answer is an event, REACHABLE at once or
    /// FAILED after three seconds.
    pub async fn solicit(&self, device: &str, address: IpAddr, mac: MacAddr) -> Result<(), NetError> {
        let index = self.index_of(device).await?;
        self.solicit_on(index, address, mac).await
    }

    /// [`Net::solicit`] for a caller that has the device's number.
    pub(super) async fn solicit_on(&self, index: u32, address: IpAddr, mac: MacAddr) -> Result<(), NetError> {
        attempt("net.solicit")?;
        let request = self.handle.neighbours().add(index, address);
        let request = request.link_layer_address(&mac.bytes()).state(NeighbourState::Probe).replace();
        request.execute().await.map_err(NetError::refused("asking for a neighbour"))
    }

    /// Separates a bridge's ports from each other, or lets them speak again (`isolate` of a zone). Returns how many ports
    /// it has. A port that is added later comes as an event and needs another call.
    pub async fn isolate_ports(&self, bridge: &str, on: bool) -> Result<usize, NetError> {
        let links = self.links().await?;
        let bridge = links
            .iter()
            .find(|link| link.name == bridge)
            .ok_or_else(|| NetError::NoDevice(bridge.to_owned()))?;
        let mut ports = 0;
        for port in links.iter().filter(|link| link.master == Some(bridge.index)) {
            attempt("net.isolate")?;
            let message = LinkBridgePort::new(port.index).isolated(on).build();
            self.handle
                .link()
                .set_port(message)
                .execute()
                .await
                .map_err(NetError::refused("isolating a bridge port"))?;
            ports += 1;
        }
        Ok(ports)
    }

    /// The number of a device.
    pub(super) async fn index_of(&self, device: &str) -> Result<u32, NetError> {
        let links = self.links().await?;
        let link = links.into_iter().find(|link| link.name == device);
        link.map(|link| link.index).ok_or_else(|| NetError::NoDevice(device.to_owned()))
    }

    /// The whole neighbour table.
    pub(super) async fn sightings(&self) -> Result<Vec<Sighting>, NetError> {
        let messages = self.list("listing neighbours", || self.handle.neighbours().get().execute()).await?;
        Ok(messages.iter().filter_map(Sighting::read).collect())
    }

    /// Every address of the router itself, with its device's number.
    pub async fn own_addresses(&self) -> Result<Vec<(u32, IpAddr)>, NetError> {
        Ok(self.address_messages().await?.iter().filter_map(read_address).collect())
    }

    /// The same, as the kernel says it.
    pub(super) async fn address_messages(&self) -> Result<Vec<AddressMessage>, NetError> {
        self.list("listing addresses", || self.handle.address().get().execute()).await
    }

    /// A whole listing.
    async fn list<T, S>(&self, doing: &'static str, ask: impl Fn() -> S) -> Result<Vec<T>, NetError>
    where
        S: TryStream<Ok = T, Error = rtnetlink::Error>,
    {
        attempt("net.list")?;
        let _turn = self.listing.lock().await;
        let mut attempt = 1;
        loop {
            match ask().try_collect().await {
                Err(rtnetlink::Error::NetlinkError(error))
                    if error.code.is_some_and(|code| code.get() == EBUSY) && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                listed => return listed.map_err(NetError::refused(doing)),
            }
        }
    }

    async fn names(&self) -> Result<BTreeMap<u32, String>, NetError> {
        Ok(self.links().await?.into_iter().map(|link| (link.index, link.name)).collect())
    }
}

/// The address that the router itself has, and on which device: on point-to-point links `IFA_LOCAL`, not `IFA_ADDRESS`,
/// which is the other end's.
pub(super) fn read_address(message: &AddressMessage) -> Option<(u32, IpAddr)> {
    let mut own = None;
    for attribute in &message.attributes {
        if let AddressAttribute::Local(address) = attribute {
            own = Some(*address);
        } else if let (AddressAttribute::Address(address), None) = (attribute, own) {
            own = Some(*address);
        }
    }
    own.map(|address| (message.header.index, address))
}

/// Whether it is a way to everywhere.
pub(super) fn is_default(route: &RouteMessage) -> bool {
    route.header.destination_prefix_length == 0
        && route.header.kind == RouteType::Unicast
        && route.header.table == RouteHeader::RT_TABLE_MAIN
}

/// The numbers of the devices a route leads to, those of its several next hops too.
fn route_devices(route: &RouteMessage) -> impl Iterator<Item = u32> {
    route.attributes.iter().flat_map(|attribute| {
        let mut indices = Vec::new();
        if let RouteAttribute::Oif(index) = attribute {
            indices.push(*index);
        } else if let RouteAttribute::MultiPath(hops) = attribute {
            indices.extend(hops.iter().map(|hop| hop.interface_index));
        }
        indices
    })
}
