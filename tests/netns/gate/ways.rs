//! Every way between two networks that is not a zone's to its WAN is shut.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::router::{ROUTER_MAC, SECOND};
use super::{Router, free};
use crate::lab::{
    Frame, LAN4, NET4, NET6, Ns, PacketCounter, TcpServer, UdpSink, WAN6, connect, eventually, holds_for,
    send_datagrams, send_frames,
};

const MOMENT: Duration = Duration::from_millis(100);
const TUNNEL4: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const TUNNEL6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2);

/// A network behind a device of the router that is neither a zone's nor a WAN, as a VPN's is.
fn third_network(router: &Router) -> Ns {
    let third = Ns::create(&["third".to_owned()]).pop().unwrap();
    router.lab.router.ip(&format!(
        "link add name vpn0 type veth peer name eth0 netns {}\nlink set vpn0 up\n\
         address add 10.9.0.1/24 dev vpn0\naddress add fd99::1/64 dev vpn0 nodad\n",
        third.name()
    ));
    third.ip(&format!(
        "link set lo up\nlink set eth0 up\naddress add {TUNNEL4}/24 dev eth0\naddress add {TUNNEL6}/64 dev eth0 nodad\n\
         route add default via 10.9.0.1\nroute add default via fd99::1\n"
    ));
    router
        .lab
        .internet
        .ip("route add 10.9.0.0/24 via 203.0.113.2\nroute add fd99::/64 via 2001:db8:ffff::2\n");
    third
}

#[test]
fn a_device_that_is_neither_zone_nor_wan_is_shut_off_both_ways() {
    let router = Router::with_phones(1);
    let third = third_network(&router);
    let phone = router.phone(0);
    let to_third = [
        (UdpSink::open(&third, (TUNNEL4, 9)), IpAddr::from(TUNNEL4)),
        (UdpSink::open(&third, (TUNNEL6, 9)), TUNNEL6.into()),
    ];
    let to_phone = [
        (UdpSink::open(phone, (phone.v4, 9)), IpAddr::from(phone.v4)),
        (UdpSink::open(phone, (phone.v6, 9)), phone.v6.into()),
    ];
    let _listens = TcpServer::open(phone, "[::]:8000".parse::<std::net::SocketAddr>().unwrap());
    // Captive, then online.
    for _ in 0..2 {
        for (_, address) in &to_third {
            send_datagrams(phone, (*address, 9), 100, 5, Duration::ZERO);
            assert_eq!(
                connect(phone, (*address, 5001), SECOND),
                Err(ErrorKind::ConnectionRefused),
                "{address}"
            );
        }
        for (_, address) in &to_phone {
            send_datagrams(&third, (*address, 9), 100, 5, Duration::ZERO);
            assert_eq!(connect(&third, (*address, 8000), 2 * MOMENT), Err(ErrorKind::TimedOut), "{address}");
        }
        let quiet = || to_third.iter().chain(&to_phone).all(|(sink, _)| sink.packets() == 0);
        assert!(holds_for(MOMENT, quiet));
        router.open(0, free());
    }
    assert_eq!(router.read(0).books.total_bytes(), 0);
    // What does not touch a zone is not ours: the router and the outside reach it.
    assert!(router.lab.router.ping(TUNNEL4) && router.lab.router.ping(TUNNEL6));
    assert!(router.lab.internet.ping(TUNNEL4) && router.lab.internet.ping(TUNNEL6));
}

#[test]
fn nothing_from_outside_reaches_a_captive_phone_but_the_router_does() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.learn(0);
    let _listens = TcpServer::open(phone, "[::]:8000".parse::<std::net::SocketAddr>().unwrap());
    let arrived = [
        PacketCounter::install(phone, "from4", "prerouting", &format!("ip saddr {NET4}")),
        PacketCounter::install(phone, "from6", "prerouting", &format!("ip6 saddr {NET6}")),
    ];
    for address in [IpAddr::from(phone.v4), phone.v6.into()] {
        assert_eq!(connect(&router.lab.internet, (address, 8000), 2 * MOMENT), Err(ErrorKind::TimedOut));
        send_datagrams(&router.lab.internet, (address, 8000), 100, 5, Duration::ZERO);
        assert!(!router.lab.internet.ping(address));
        assert!(router.lab.router.ping(address));
        assert!(connect(&router.lab.router, (address, 8000), SECOND).is_ok());
    }
    assert!(arrived.iter().all(|counter| counter.read().packets == 0));
}

#[test]
fn the_other_zones_portal_is_nobody_elses() {
    let router = Router::with_phones(1);
    let (phone, guest) = (router.phone(0), &router.lab.guests[0]);
    let any = |port: u16| std::net::SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let _portals = [2050, 2051].map(|port| TcpServer::open(&router.lab.router, any(port)));
    let refused = Err(ErrorKind::ConnectionRefused);
    for address in [IpAddr::from(crate::lab::GUEST4), crate::lab::GUEST6.into()] {
        assert_eq!(connect(phone, (address, 2050), SECOND).map(drop), refused, "{address}");
        assert_eq!(connect(phone, (address, 2051), SECOND).map(drop), refused, "{address}");
        assert!(
            connect(guest, (address, 2051), SECOND).is_ok() && connect(phone, (address, 80), SECOND).is_ok()
        );
    }
    // A service on UDP, too.
    let sink = UdpSink::open(&router.lab.router, any(5353));
    for address in [IpAddr::from(LAN4), WAN6.into(), crate::lab::GUEST6.into()] {
        send_datagrams(phone, (address, 5353), 100, 5, Duration::ZERO);
    }
    assert!(holds_for(MOMENT, || sink.packets() == 0));
}

#[test]
fn no_answer_to_a_link_local_sender_leaves_by_another_port() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.learn(0);
    let sender: Ipv6Addr = "fe80::bad".parse().unwrap();
    // To that address, or asking who has it: the target of a solicitation is 8 bytes behind its header's start.
    let target = format!("icmpv6 type nd-neighbor-solicit @th,64,128 0x{:032x}", u128::from(sender));
    let to_it = format!("ip6 daddr {sender}");
    let guest = &router.lab.guests[0];
    let stray: Vec<PacketCounter<'_>> = [&router.lab.internet, guest]
        .into_iter()
        .flat_map(|ns| {
            [
                PacketCounter::install(ns, "asks", "prerouting", &target),
                PacketCounter::install(ns, "answers", "prerouting", &to_it),
            ]
        })
        .collect();
    let asked_here = PacketCounter::install(phone, "asks", "prerouting", &target);
    let answered = PacketCounter::install(phone, "answers", "prerouting", "tcp flags & rst == rst");
    let frames: Vec<Frame> = [NET6, WAN6, crate::lab::LAN6, crate::lab::GUEST6]
        .into_iter()
        .flat_map(|to| {
            [(2, 22), (2, 443), (0x10, 2050)].map(|(flags, port)| {
                let ports = ((sender.into(), 4000 + port), (to.into(), port));
                Frame::tcp(&phone.mac, ROUTER_MAC, ports.0, ports.1, (flags, 1, 1), b"")
            })
        })
        .collect();
    let often: Vec<Frame> = std::iter::repeat_n(frames, 5).flatten().collect();
    for _ in 0..2 {
        send_frames(phone, "eth0", &often);
        assert!(holds_for(2 * MOMENT, || stray.iter().all(|counter| counter.read().packets == 0)));
        router.open(0, free());
    }
    assert_eq!(answered.read().packets, 0);
    // The counters see what they are to see: the router asks where it is asked from.
    router.lab.router.run(&["ping", "-c", "1", "-W", "1", &format!("{sender}%br-lan")]);
    assert!(eventually(SECOND, || asked_here.read().packets > 0));
}
