//! The walled garden: free for everybody of its zone, and for nobody else.

use std::net::IpAddr;
use std::time::Duration;

use super::router::SECOND;
use super::{Router, free};
use crate::lab::{Lab, NET4, NET6, TcpServer, UdpEcho, UdpSink, connect, holds_for, send_datagrams};

fn reaches(from: &crate::lab::Ns, address: IpAddr) -> bool {
    connect(from, (address, 80), SECOND).is_ok()
}

fn tried(router: &Router) {
    let (phone, guest) = (router.phone(0), &router.lab.guests[0]);
    let _web = TcpServer::open(&router.lab.internet, "[::]:80".parse::<std::net::SocketAddr>().unwrap());
    let echo = UdpEcho::open(&router.lab.internet, (NET6, 7));
    // Captive and online.
    for _ in 0..2 {
        assert!(reaches(phone, NET4.into()) && reaches(phone, NET6.into()));
        send_datagrams(phone, (NET6, 7), 50, 3, Duration::ZERO);
        router.open(0, free());
    }
    assert!(crate::lab::eventually(SECOND, || echo.packets() == 6));
    assert_eq!(router.read(0).books.total_bytes(), 0, "the garden is free");
    assert!(!reaches(guest, NET4.into()) && !reaches(guest, NET6.into()), "another zone's garden");
    router.close(0);
    let sink = UdpSink::open(phone, (phone.v6, 9));
    send_datagrams(&router.lab.internet, (phone.v6, 9), 10, 5, Duration::ZERO);
    assert!(holds_for(Duration::from_millis(50), || sink.packets() == 0), "the garden began a flow");
}

#[test]
fn by_prefix_even_where_prefixes_overlap() {
    tried(&Router::new(Lab::builder().phones(1).guests(1), |policy| {
        policy.zones[0].garden_prefixes =
            ["203.0.113.0/24", "203.0.113.1/32", "2001:db8:ffff::/48", "198.51.100.7/32"]
                .iter()
                .map(|prefix| prefix.parse().unwrap())
                .collect();
    }));
}

#[test]
fn by_the_addresses_that_a_resolver_found() {
    let router = Router::new(Lab::builder().phones(1).guests(1), |policy| {
        policy.zones[0].has_garden_domains = true;
    });
    assert!(!reaches(router.phone(0), NET6.into()));
    router.lab.router.nft(&format!(
        "add element inet turnpike garden4 {{ {NET4} }}\nadd element inet turnpike garden6 {{ {NET6} }}"
    ));
    tried(&router);
    router.load().unwrap();
    let _web = TcpServer::open(&router.lab.internet, "[::]:80".parse::<std::net::SocketAddr>().unwrap());
    assert!(reaches(router.phone(0), NET4.into()), "a reload forgot what was resolved");
}
