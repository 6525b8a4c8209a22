use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};

use super::NetError;
use super::socket::{Heard, NoticeSocket, RECEIVE_BUFFER_BYTES};
use super::table::is_default;

/// `RTNLGRP_LINK`, `_IPV4_ROUTE`, `_IPV6_ROUTE` (`include/uapi/linux/rtnetlink.h`).
const GROUPS: [u32; 3] = [1, 7, 11];

/// Notices that the way to the Internet may have changed.
pub struct WayWatch {
    socket: NoticeSocket,
}

impl WayWatch {
    /// Listens from here on, in this thread's network namespace; needs a tokio runtime.
    pub fn open() -> Result<Self, NetError> {
        Ok(Self { socket: NoticeSocket::open(&GROUPS, RECEIVE_BUFFER_BYTES)? })
    }

    /// Waits until a default route or one of these devices changes, or notices were lost. Cancelling it loses none. Other
    /// routes and devices are no news: a router may have very many.
    pub async fn changed(&mut self, devices: &[String]) -> Result<(), NetError> {
        loop {
            match self.socket.hear().await? {
                Heard::Lost => return Ok(()),
                Heard::Messages(messages) => {
                    if messages.iter().any(|message| is_news(message, devices)) {
                        return Ok(());
                    }
                }
            }
        }
    }
}

fn is_news(message: &RouteNetlinkMessage, devices: &[String]) -> bool {
    if let RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) = message {
        is_default(route)
    } else if let RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link) = message {
        // A device that goes down takes its IPv4 routes with it without a word (`fib_disable_ip`).
        name_of(link).is_some_and(|name| devices.contains(name))
    } else {
        false
    }
}

fn name_of(link: &LinkMessage) -> Option<&String> {
    link.attributes
        .iter()
        .find_map(|attribute| if let LinkAttribute::IfName(name) = attribute { Some(name) } else { None })
}
