//! Who is not online: the portal, DNS, and nothing else. Both families.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::router::SECOND;
use super::{Router, free};
use crate::lab::{
    GUEST4, GUEST6, LAN4, LAN6, Lab, NET4, NET6, Ns, PacketCounter, TcpServer, UdpSink, WAN4, WAN6, connect,
    eventually, holds_for, resolve, send_datagrams,
};

const BOTH: [IpAddr; 2] = [IpAddr::V4(NET4), IpAddr::V6(NET6)];

fn is_reset(from: &Ns, to: impl Into<IpAddr>, port: u16) -> bool {
    connect(from, (to.into(), port), SECOND) == Err(ErrorKind::ConnectionRefused)
}

#[test]
fn nothing_of_a_captive_phone_reaches_the_internet_and_it_is_told_at_once() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.learn(0);
    let arrived =
        PacketCounter::install(&router.lab.internet, "any", "input", "meta l4proto { tcp, udp, icmp }");
    let arrived6 = PacketCounter::install(&router.lab.internet, "echo", "input", "icmpv6 type echo-request");
    let _web = TcpServer::open(&router.lab.internet, "[::]:443".parse::<std::net::SocketAddr>().unwrap());
    for address in BOTH {
        // At once; a busy machine may take its time now and then.
        let fastest = (0..5).map(|_| {
            let begun = std::time::Instant::now();
            assert!(is_reset(phone, address, 443));
            begun.elapsed()
        });
        let fastest = fastest.min().unwrap();
        assert!(fastest < Duration::from_millis(100), "{fastest:?}");
        send_datagrams(phone, (address, 443), 100, 20, Duration::ZERO);
        assert!(!phone.ping(address));
    }
    assert_eq!((arrived.read().packets, arrived6.read().packets), (0, 0));
    // A device that nobody knows is as captive as one that is known.
    router.must(&[turnpike::domain::GateOp::Forget {
        mac: super::router::mac(phone),
        key: super::router::key_of(0),
    }]);
    assert!(BOTH.iter().all(|address| is_reset(phone, *address, 443)));
    assert_eq!(arrived.read().packets, 0);
}

#[test]
fn port_80_leads_to_the_zones_own_portal_until_the_phone_is_online() {
    let router = Router::with_phones(1);
    let (phone, guest) = (router.phone(0), &router.lab.guests[0]);
    let _portal = TcpServer::open(&router.lab.router, "[::]:2050".parse::<std::net::SocketAddr>().unwrap());
    let targets: [IpAddr; 8] = [
        NET4.into(),
        NET6.into(),
        WAN4.into(),
        WAN6.into(),
        LAN4.into(),
        LAN6.into(),
        GUEST4.into(),
        GUEST6.into(),
    ];
    for address in targets {
        assert!(connect(phone, (address, 80), SECOND).is_ok(), "{address}");
        assert!(is_reset(guest, address, 80), "the other zone's portal answers at {address}");
    }
    let _other = TcpServer::open(&router.lab.router, "[::]:2051".parse::<std::net::SocketAddr>().unwrap());
    assert!(targets.iter().all(|address| connect(guest, (*address, 80), SECOND).is_ok()));
    router.open(0, free());
    assert!(BOTH.iter().all(|address| is_reset(phone, *address, 80)), "nothing listens on the internet");
    let _web = TcpServer::open(&router.lab.internet, "[::]:80".parse::<std::net::SocketAddr>().unwrap());
    assert!(BOTH.iter().all(|address| connect(phone, (*address, 80), SECOND).is_ok()));
}

#[test]
fn every_name_server_is_the_routers_while_captive() {
    let router = Router::new(Lab::builder().phones(1).guests(1).dns(), |_| {});
    let servers: [IpAddr; 4] = [LAN4.into(), LAN6.into(), Ipv4Addr::new(8, 8, 8, 8).into(), NET6.into()];
    for server in servers {
        let answer = router.phone(0).enter(|| resolve(server, "example.test"));
        assert!(answer.is_some_and(|answer| answer.addresses == [NET4]), "{server}");
    }
}

#[test]
fn a_flood_of_queries_is_cut_to_the_rate() {
    let router = Router::with_phones(1);
    let sink = UdpSink::open(&router.lab.router, (LAN4, 53));
    let begun = std::time::Instant::now();
    send_datagrams(router.phone(0), (LAN4, 53), 30, 1_000, Duration::ZERO);
    // The burst, and what the rate gives while it lasts, rounded up; a busy machine may take long to send it.
    let allowed = |begun: std::time::Instant| 101 + begun.elapsed().as_millis() / 20;
    assert!(eventually(SECOND, || sink.packets() >= 100));
    assert!(holds_for(Duration::from_millis(100), || sink.packets() as u128 <= allowed(begun)));
    // Any socket, either family: the device is what counts.
    let sink6 = UdpSink::open(&router.lab.router, (LAN6, 53));
    let before = sink.packets();
    let again = std::time::Instant::now();
    send_datagrams(router.phone(0), (LAN6, 53), 30, 1_000, Duration::ZERO);
    assert!(holds_for(Duration::from_millis(100), || {
        (sink.packets() - before + sink6.packets()) as u128 <= allowed(begun) - 100 + allowed(again) - 101
    }));
    // Another device has its own rate, and a reload does not forget this one's.
    let guests = UdpSink::open(&router.lab.router, (GUEST4, 53));
    send_datagrams(&router.lab.guests[0], (GUEST4, 53), 30, 20, Duration::ZERO);
    assert!(crate::lab::eventually(SECOND, || guests.packets() == 20));
}

#[test]
fn guests_reach_no_service_of_the_router_but_their_own_portal() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    let ports = [22, 2050, 2051, 8080];
    let _servers: Vec<TcpServer> = ports
        .iter()
        .map(|port| {
            TcpServer::open(
                &router.lab.router,
                format!("[::]:{port}").parse::<std::net::SocketAddr>().unwrap(),
            )
        })
        .collect();
    // Online or not.
    for _ in 0..2 {
        for address in [IpAddr::from(LAN4), LAN6.into()] {
            assert!(connect(phone, (address, 2050), SECOND).is_ok());
            assert!(phone.ping(address));
            assert!([22, 2051, 8080].iter().all(|port| is_reset(phone, address, *port)));
        }
        for address in [IpAddr::from(WAN4), WAN6.into(), GUEST4.into()] {
            assert!(ports.iter().all(|port| is_reset(phone, address, *port)), "{address}");
        }
        router.open(0, free());
    }
    assert_eq!(router.read(0).books.total_bytes(), 0, "the portal and the router cost nothing");
    for address in [IpAddr::from(WAN4), WAN6.into()] {
        assert!(
            is_reset(&router.lab.internet, address, 2050) && is_reset(&router.lab.internet, address, 2051)
        );
        assert!(
            connect(&router.lab.internet, (address, 22), SECOND).is_ok(),
            "what is not ours is left alone"
        );
    }
}

#[test]
fn nobody_passes_between_zones_or_from_outside_even_when_online() {
    let router = Router::with_phones(1);
    let (phone, guest) = (router.phone(0), &router.lab.guests[0]);
    for _ in 0..2 {
        let sinks = [
            UdpSink::open(guest, (guest.v4, 9)),
            UdpSink::open(guest, (guest.v6, 9)),
            UdpSink::open(phone, (phone.v4, 9)),
            UdpSink::open(phone, (phone.v6, 9)),
        ];
        send_datagrams(phone, (guest.v4, 9), 10, 5, Duration::ZERO);
        send_datagrams(phone, (guest.v6, 9), 10, 5, Duration::ZERO);
        send_datagrams(&router.lab.internet, (phone.v4, 9), 10, 5, Duration::ZERO);
        send_datagrams(&router.lab.internet, (phone.v6, 9), 10, 5, Duration::ZERO);
        assert!(is_reset(phone, guest.v4, 5001) && is_reset(phone, guest.v6, 5001));
        assert!(holds_for(Duration::from_millis(50), || sinks.iter().all(|sink| sink.packets() == 0)));
        router.open(0, free());
    }
    assert_eq!(router.read(0).books.total_bytes(), 0);
}

#[test]
fn a_port_forward_reaches_a_client_only_where_the_zone_lets_it() {
    for inbound in [false, true] {
        let router =
            Router::new(Lab::builder().phones(1).guests(1), |policy| policy.zones[0].inbound = inbound);
        let phone = router.phone(0);
        router.lab.router.nft(&format!(
            "table inet forwards {{\nchain pre {{\ntype nat hook prerouting priority dstnat;\n\
             iifname wan tcp dport 8000 dnat ip to {}\niifname wan tcp dport 8000 dnat ip6 to {}\n}}\n}}",
            phone.v4, phone.v6
        ));
        let _server = TcpServer::open(phone, "[::]:8000".parse::<std::net::SocketAddr>().unwrap());
        router.learn(0);
        let outside = [IpAddr::from(WAN4), WAN6.into()];
        let within = Duration::from_millis(300);
        let reaches = |address: IpAddr| connect(&router.lab.internet, (address, 8000), within).is_ok();
        assert!(!outside.into_iter().any(reaches), "captive");
        router.open(0, free());
        for address in outside {
            let before = router.read(0).books;
            // The first packet of all finds nobody's neighbour entry on a busy machine: within a second or never.
            let reached =
                if inbound { eventually(3 * SECOND, || reaches(address)) } else { reaches(address) };
            assert_eq!(reached, inbound, "{address}");
            // Charged from the answer on.
            assert_eq!(router.read(0).books.sent_bytes > before.sent_bytes, inbound);
        }
    }
}
