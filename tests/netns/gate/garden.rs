//! The walled garden: free for everybody of its zone, and for nobody else.

use std::net::IpAddr;
use std::time::Duration;

use turnpike::gate::Gate;

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

#[test]
fn what_a_resolver_found_stays_while_it_may_be_used_and_comes_back_with_the_table() {
    let router = Router::new(Lab::builder().phones(1).guests(1), |policy| {
        policy.zones[0].has_garden_domains = true;
    });
    let _web = TcpServer::open(&router.lab.internet, "[::]:80".parse::<std::net::SocketAddr>().unwrap());
    let phone = router.phone(0);
    let is_in = |set: &str, address: IpAddr| {
        router.nft(&["list", "set", "inet", "turnpike", set]).contains(&address.to_string())
    };
    let add4 = format!("add element inet turnpike garden4 {{ {NET4} }}");
    router.lab.router.nft(&format!(
        "add element inet turnpike garden4 {{ {NET4} timeout 60m expires 36m }}\n\
         add element inet turnpike garden6 {{ {NET6} }}"
    ));
    assert_eq!(router.tend_gardens(), 2);
    assert!(is_in("garden4", NET4.into()) && !is_in("garden4_old", NET4.into()), "moved too soon");
    // Adding it again does not make it stay longer: that is why it is moved.
    router.lab.router.nft(&format!(
        "delete element inet turnpike garden4 {{ {NET4} }}\n\
         add element inet turnpike garden4 {{ {NET4} timeout 60m expires 34m }}\n{add4}"
    ));
    assert!(router.nft(&["list", "set", "inet", "turnpike", "garden4"]).contains("expires 33m"));
    assert_eq!(router.tend_gardens(), 2);
    assert!(!is_in("garden4", NET4.into()) && is_in("garden4_old", NET4.into()), "it was not moved");
    assert!(is_in("garden6", NET6.into()));
    assert!(reaches(phone, NET4.into()) && reaches(phone, NET6.into()), "shut while it may be used");
    router.lab.router.nft(&add4);
    assert!(is_in("garden4", NET4.into()), "the resolver cannot add it again");
    assert_eq!(router.tend_gardens(), 3);
    assert!(!reaches(&router.lab.guests[0], NET4.into()), "another zone's garden");

    let mut made_anew = router.gate.made_anew();
    made_anew.mark_unchanged();
    router.nft(&["flush", "ruleset"]);
    router.load().unwrap();
    assert!(made_anew.has_changed().unwrap());
    assert!(reaches(phone, NET4.into()) && reaches(phone, NET6.into()), "lost with the table");
    made_anew.mark_unchanged();
    router.load().unwrap();
    assert!(!made_anew.has_changed().unwrap(), "a reload is no loss");

    // Somebody else makes it anew, as `turnpike close` does after a firewall: the gardens are looked at before we load.
    let other = router.lab.router.enter(|| Gate::open(router.policy.mark_mask)).unwrap();
    router.nft(&["flush", "ruleset"]);
    router.lab.router.enter_async(|| other.load(&router.policy)).unwrap();
    assert!(!is_in("garden6", NET6.into()));
    assert_eq!(router.tend_gardens(), 3);
    assert!(made_anew.has_changed().unwrap(), "nobody tells dnsmasq");
    assert!(reaches(phone, NET4.into()) && reaches(phone, NET6.into()), "lost with somebody else's table");
    made_anew.mark_unchanged();
    router.lab.router.enter_async(|| router.gate.rebuild(&router.policy)).unwrap();
    assert!(made_anew.has_changed().unwrap());
    assert!(reaches(phone, NET4.into()) && reaches(phone, NET6.into()), "lost with the definition");
}
