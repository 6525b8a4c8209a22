use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use tokio::time::{Instant, timeout_at};

use super::neighbour::Sighting;
use super::socket::{Heard, NoticeSocket};
use super::{Net, NetError, Reachability};
use crate::domain::MacAddr;

/// `RTNLGRP_NEIGH`: changes of the neighbour table.
const GROUP_NEIGHBOURS: u32 = 3;

/// Bytes of kernel memory for the notices of one ping.
const RECEIVE_BUFFER_BYTES: usize = 256 << 10;

impl Net {
    /// Whether the device answers ARP or ND on one of its addresses, and after how long; `None` if it does not in time.
    ///
    /// The kernel asks, this listens to its notices: phones answer ARP and ND always, ICMP echo often not, and a raw socket
    /// of our own would compete with the kernel's answers. The first question goes out with the kernel's next timer tick, so
    /// the time is up to one tick (1–10 ms) too long.
    pub async fn ping(
        &self,
        device: &str,
        addresses: &[IpAddr],
        mac: MacAddr,
        timeout: Duration,
    ) -> Result<Option<Duration>, NetError> {
        let index = self.index_of(device).await?;
        let notices = NoticeSocket::open(&[GROUP_NEIGHBOURS], RECEIVE_BUFFER_BYTES)?;
        let start = Instant::now();
        for address in addresses {
            self.solicit_on(index, *address, mac).await?;
        }
        let answered = |sighting: &Sighting| {
            sighting.index == index
                && addresses.contains(&sighting.address)
                && sighting.found == Some((mac, Reachability::Confirmed))
        };
        loop {
            let heard = match timeout_at(start + timeout, notices.hear()).await {
                Err(_) => return Ok(None),
                Ok(heard) => heard?,
            };
            let there = match heard {
                Heard::Lost => self.sightings().await?.iter().any(answered),
                Heard::Messages(messages) => messages.iter().any(|message| {
                    matches!(message, RouteNetlinkMessage::NewNeighbour(neighbour)
                        if Sighting::read(neighbour).as_ref().is_some_and(answered))
                }),
            };
            if there {
                return Ok(Some(start.elapsed()));
            }
        }
    }
}
