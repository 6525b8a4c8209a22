use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::PoisonError;

use futures_util::TryStreamExt;
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::neighbour::Sighting;
use super::{Link, Net, NetError};
use crate::domain::MacAddr;

/// The numbers of devices by their names, as they were when they were asked for. A device that is made anew has another one.
pub(super) type Indexes = HashMap<String, u32>;

const DOING: &str = "looking up a neighbour";
const ENOENT: i32 = -2;
const ENODEV: i32 = -19;

/// What the kernel says of one address.
enum Found {
    /// Who has it, if anybody.
    Mac(Option<MacAddr>),
    /// The device is gone.
    NoDevice,
}

impl Net {
    /// Who has this address on one of these devices: a question for that one address, which costs the same however many
    /// neighbours there are, where [`Net::neighbour_of`] lists all of them.
    pub async fn holder_of(&self, devices: &[String], address: IpAddr) -> Result<Option<MacAddr>, NetError> {
        let address = address.to_canonical();
        for device in devices {
            if let Some(mac) = self.holder_on(device, address).await? {
                return Ok(Some(mac));
            }
        }
        Ok(None)
    }

    /// The same on one device. One that is not there, as a radio that is switched off, has nobody: others still may.
    async fn holder_on(&self, device: &str, address: IpAddr) -> Result<Option<MacAddr>, NetError> {
        // The number that is known may be that of a device that is gone.
        for anew in [false, true] {
            let Some(index) = self.known_index(device, anew).await? else { return Ok(None) };
            if let Found::Mac(mac) = self.look_up(index, address).await? {
                return Ok(mac);
            }
        }
        Ok(None)
    }

    /// The number of a device; `None` if there is no such device.
    async fn known_index(&self, device: &str, anew: bool) -> Result<Option<u32>, NetError> {
        // Never held while somebody waits: a crowd that came through it one by one would take its time.
        let indexes = || self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = indexes().get(device).copied().filter(|_| !anew);
        if known.is_some() {
            return Ok(known);
        }
        let mut found = self.handle.link().get().match_name(device.to_owned()).execute();
        let link = match found.try_next().await {
            Ok(link) => link.as_ref().and_then(Link::read),
            Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == ENODEV => None,
            Err(error) => return Err(NetError::refused(DOING)(error)),
        };
        let mut known = indexes();
        match &link {
            Some(link) => drop(known.insert(device.to_owned(), link.index)),
            None => drop(known.remove(device)),
        }
        Ok(link.map(|link| link.index))
    }

    async fn look_up(&self, index: u32, address: IpAddr) -> Result<Found, NetError> {
        let mut question = NeighbourMessage::default();
        question.header.ifindex = index;
        let (family, destination) = match address {
            IpAddr::V4(v4) => (AddressFamily::Inet, NeighbourAddress::Inet(v4)),
            IpAddr::V6(v6) => (AddressFamily::Inet6, NeighbourAddress::Inet6(v6)),
        };
        question.header.family = family;
        question.attributes.push(NeighbourAttribute::Destination(destination));
        let answer = self.questions.ask(RouteNetlinkMessage::GetNeighbour(question)).await;
        match answer.map_err(|source| NetError::Unanswered { doing: DOING, source })?.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(message)) => {
                let found = Sighting::read(&message).filter(|sighting| sighting.address == address);
                Ok(Found::Mac(found.and_then(|sighting| sighting.found).map(|(mac, _)| mac)))
            }
            NetlinkPayload::Error(error) => match error.raw_code() {
                ENOENT => Ok(Found::Mac(None)),
                ENODEV => Ok(Found::NoDevice),
                _ => Err(NetError::refused(DOING)(rtnetlink::Error::NetlinkError(error))),
            },
            NetlinkPayload::InnerMessage(_)
            | NetlinkPayload::Done(_)
            | NetlinkPayload::Noop
            | NetlinkPayload::Overrun(_)
            | _ => Ok(Found::Mac(None)),
        }
    }
}
