//! Phones of the same bridge: what never meets the gate, what does with `br_netfilter`, and what isolation stops.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use turnpike::net::Net;

use super::router::SECOND;
use super::{Router, free};
use crate::lab::{
    LAN4, LAN6, NET4, NET6, PacketCounter, TcpServer, UdpBlaster, UdpEcho, UdpSink, connect, eventually,
    header_bytes, holds_for, send_datagrams,
};

/// Where the kernel says whether bridged packets meet the firewall; per namespace.
const SWITCHES: [&str; 2] = ["net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"];

/// The ways this kernel can carry bridged packets: past the firewall, and, if it has `br_netfilter`, through it. That it
/// does so is what [`phones_of_one_bridge_reach_each_other_and_pay_nothing`] counts.
fn modes(router: &Router) -> Vec<bool> {
    let there = |path: &str| Path::new("/proc/sys").join(path).exists();
    let has_switches = router.lab.router.enter(|| SWITCHES.iter().all(|path| there(path)));
    eprintln!("br_netfilter is {}", if has_switches { "there: tried off and on" } else { "not there" });
    if has_switches { vec![false, true] } else { vec![false] }
}

fn set_mode(router: &Router, on: bool) {
    let value = if on { "1" } else { "0" };
    router.lab.router.sysctl(&SWITCHES.map(|path| (path, value)));
}

fn pairs(router: &Router) -> [(IpAddr, IpAddr, IpAddr); 2] {
    let (one, two) = (router.phone(0), router.phone(1));
    [(one.v4.into(), two.v4.into(), LAN4.into()), (one.v6.into(), two.v6.into(), LAN6.into())]
}

#[test]
fn routed_packets_are_charged_once_whether_bridged_ones_meet_the_firewall_or_not() {
    let router = Router::with_phones(2);
    for on in modes(&router) {
        set_mode(&router, on);
        router.open(0, free());
        let before = router.read(0).books;
        let (mut sent, mut received) = (0, 0);
        for address in [IpAddr::from(NET4), NET6.into()] {
            let _echo = UdpEcho::open(&router.lab.internet, (address, 7));
            let mut flow = UdpBlaster::start(router.phone(0), (address, 7), 200, Duration::from_millis(2));
            assert!(eventually(2 * SECOND, || flow.answers() >= 20));
            flow.stop();
            sent += flow.l3_bytes();
            received += flow.answer_bytes() + flow.answers() * header_bytes(SocketAddr::new(address, 7));
        }
        let read = router.read(0);
        assert_eq!(read.books.sent_bytes - before.sent_bytes, u64::try_from(sent).unwrap(), "{on}");
        assert_eq!(
            read.books.received_bytes - before.received_bytes,
            u64::try_from(received).unwrap(),
            "{on}"
        );
        assert_eq!(read.quota_used, Some(read.books.total_bytes() - before.total_bytes()));
        router.must(&[turnpike::domain::GateOp::Close { key: super::router::key_of(0) }]);
        assert_eq!(router.read(0).books.total_bytes(), 0);
    }
}

#[test]
fn phones_of_one_bridge_reach_each_other_and_pay_nothing() {
    let router = Router::with_phones(2);
    let (one, two) = (router.phone(0), router.phone(1));
    let _portal = TcpServer::open(&router.lab.router, "[::]:2050".parse::<SocketAddr>().unwrap());
    let met = PacketCounter::install(&router.lab.router, "met", "forward", "udp dport 9");
    for on in modes(&router) {
        set_mode(&router, on);
        // Captive, then online.
        for is_online in [false, true] {
            for (_, to, _) in pairs(&router) {
                let sink = UdpSink::open(two, (to, 9));
                let before = met.read().packets;
                send_datagrams(one, (to, 9), 100, 5, Duration::ZERO);
                assert!(eventually(SECOND, || sink.packets() == 5), "{to}, br_netfilter {on}");
                assert_eq!(met.read().packets - before, if on { 5 } else { 0 }, "{to}, br_netfilter {on}");
                // Port 80 of a neighbour that has no such service: with br_netfilter the portal answers.
                let answer = connect(one, (to, 80), SECOND);
                let portal = on && !is_online;
                assert_eq!(answer.is_ok(), portal, "{to}, br_netfilter {on}, online {is_online}: {answer:?}");
                assert!(portal || answer == Err(ErrorKind::ConnectionRefused));
            }
            router.open(0, free());
        }
        assert_eq!(router.read(0).books.total_bytes(), 0);
        router.close(0);
    }
}

#[test]
fn a_hairpin_through_the_router_passes_and_costs_nothing() {
    let router = Router::with_phones(2);
    let (one, two) = (router.phone(0), router.phone(1));
    // By way of the router, which says each time that there is a shorter one.
    one.sysctl(&[
        ("net/ipv4/conf/all/accept_redirects", "0"),
        ("net/ipv4/conf/eth0/accept_redirects", "0"),
        ("net/ipv6/conf/eth0/accept_redirects", "0"),
    ]);
    one.ip(&pairs(&router).map(|(_, to, via)| format!("route add {to} via {via}\n")).concat());
    for on in modes(&router) {
        set_mode(&router, on);
        for _ in 0..2 {
            for (_, to, _) in pairs(&router) {
                let name = format!(
                    "hairpin{}{}",
                    if to.is_ipv4() { 4 } else { 6 },
                    router.read_all().len() + 10 * usize::from(on)
                );
                // The router itself forwards them: they are one hop older.
                let hops = if to.is_ipv4() { "ip ttl 63" } else { "ip6 hoplimit 63" };
                let routed = PacketCounter::install(two, &name, "input", &format!("udp dport 9 {hops}"));
                let sink = UdpSink::open(two, (to, 9));
                send_datagrams(one, (to, 9), 100, 5, Duration::ZERO);
                assert!(eventually(SECOND, || sink.packets() == 5), "{to}, br_netfilter {on}");
                assert_eq!(routed.read().packets, 5, "{to}");
            }
            router.open(0, free());
        }
        assert_eq!(router.read(0).books.total_bytes(), 0);
        router.close(0);
    }
}

#[test]
fn isolated_phones_do_not_reach_each_other_but_the_portal() {
    let router = Router::with_phones(2);
    let (one, two) = (router.phone(0), router.phone(1));
    let _portal = TcpServer::open(&router.lab.router, "[::]:2050".parse::<SocketAddr>().unwrap());
    for on in [false, true, false] {
        let isolated = router
            .lab
            .router
            .enter_async(|| async { Net::open().unwrap().isolate_ports("br-lan", on).await.unwrap() });
        assert_eq!(isolated, 2);
        for (_, to, _) in pairs(&router) {
            let sink = UdpSink::open(two, (to, 9));
            send_datagrams(one, (to, 9), 100, 5, Duration::ZERO);
            if on {
                assert!(holds_for(Duration::from_millis(200), || sink.packets() == 0), "{to}");
            } else {
                // After the isolation the neighbours are asked for anew.
                assert!(eventually(5 * SECOND, || {
                    send_datagrams(one, (to, 9), 100, 1, Duration::ZERO);
                    sink.packets() >= 5
                }));
            }
        }
        for address in [IpAddr::from(NET4), NET6.into()] {
            assert!(
                connect(one, (address, 80), SECOND).is_ok() && connect(two, (address, 80), SECOND).is_ok()
            );
        }
    }
}
