use std::net::{IpAddr, Ipv4Addr};

use turnpike::domain::{MacAddr, Mbps, ZoneName, ZonePolicy};

/// The n-th phone.
pub fn mac(device: u8) -> MacAddr {
    MacAddr::from_bytes([2, 0, 0x5e, 0, 0x53, device]).unwrap()
}

/// An address on the guests' network.
pub fn address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
}

/// A zone's name.
pub fn zone(name: &str) -> ZoneName {
    ZoneName::new(name)
}

/// A speed.
pub fn mbps(mbps: f64) -> Mbps {
    Mbps::from_mbps(mbps).unwrap().unwrap()
}

/// A zone without limits or automatisms.
pub fn plain_zone(name: &str) -> ZonePolicy {
    ZonePolicy {
        name: zone(name),
        down: None,
        up: None,
        client_down: None,
        client_up: None,
        idle_timeout_secs: None,
        away_pause_secs: None,
        auto_connect: false,
        open: Default::default(),
        trusted: Default::default(),
    }
}

/// The role whose sessions are counted and not charged.
pub const FREE: &str = "free";

/// What roles change here.
pub fn roles() -> std::collections::BTreeMap<String, turnpike::domain::RolePolicy> {
    let free = turnpike::domain::RolePolicy { unmetered: true, ..Default::default() };
    [(FREE.to_owned(), free)].into()
}
