//! Packets that no ordinary client sends: none gets out while captive; online, what is valid passes and is charged.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::odd_frames::{fragments_and_routes, icmp_junk, tcp_flags, to_many, tunnels, with_options};
use super::router::{ROUTER_MAC, SECOND};
use super::{Router, free};
use crate::lab::{
    Frame, Lab, NET4, NET6, PacketCounter, Phone, UdpEcho, UdpSink, eventually, holds_for, send_datagrams,
    send_frames,
};

const MOMENT: Duration = Duration::from_millis(100);
const BOTH: [IpAddr; 2] = [IpAddr::V4(NET4), IpAddr::V6(NET6)];

/// All that reaches the internet in either family; only what the router does for itself is left out: neighbour
/// discovery and reports of multicast groups.
fn arrivals(router: &Router) -> [PacketCounter<'_>; 3] {
    let phone = router.phone(0);
    let internet = &router.lab.internet;
    [
        PacketCounter::install(internet, "all4", "prerouting", "iifname eth0 ip protocol != igmp"),
        PacketCounter::install(internet, "all6", "prerouting", "iifname eth0 ip6 nexthdr != { 0, 58 }"),
        PacketCounter::install(
            internet,
            "own6",
            "prerouting",
            &format!("iifname eth0 ip6 saddr {}", phone.v6),
        ),
    ]
}

/// Sends them, and a last datagram to the router itself, until that has arrived.
fn send_and_wait(router: &Router, frames: &[Frame], name: &str) {
    let phone = router.phone(0);
    let seen = PacketCounter::install(&router.lab.router, name, "prerouting", "udp dport 6999");
    let last = Frame::udp(
        &phone.mac,
        ROUTER_MAC,
        (phone.v4.into(), 6999),
        (crate::lab::LAN4.into(), 6999),
        b"the last one",
    );
    send_frames(phone, "eth0", &[frames, &[last]].concat());
    assert!(eventually(5 * SECOND, || seen.read().packets == 1));
}

fn all_kinds(phone: &Phone) -> Vec<(&'static str, Vec<Frame>)> {
    vec![
        ("tunnels", tunnels(phone)),
        ("options", with_options(phone)),
        ("fragments", fragments_and_routes(phone)),
        ("icmp", icmp_junk(phone)),
        ("flags", tcp_flags(phone)),
        ("many", to_many(phone)),
    ]
}

#[test]
fn no_odd_packet_of_a_captive_phone_reaches_the_internet() {
    let router = Router::with_phones(1);
    router.learn(0);
    let arrived = arrivals(&router);
    for (name, frames) in all_kinds(router.phone(0)) {
        let often: Vec<Frame> = std::iter::repeat_n(frames, 20).flatten().collect();
        send_and_wait(&router, &often, name);
        let quiet = holds_for(MOMENT, || arrived.iter().all(|counter| counter.read().packets == 0));
        assert!(quiet, "{name}: {:?}", arrived.each_ref().map(PacketCounter::read));
    }
    assert_eq!(router.read(0).books.total_bytes(), 0);
    // The counters count: what the phone sends while it is online arrives.
    router.open(0, free());
    for address in BOTH {
        send_datagrams(router.phone(0), (address, 9), 10, 1, Duration::ZERO);
    }
    assert!(eventually(SECOND, || arrived.iter().all(|counter| counter.read().packets == 1)));
}

#[test]
fn what_is_valid_of_them_passes_online_and_is_charged_to_the_byte() {
    let router = Router::new(Lab::builder().phones(1).guests(1).routed(), |_| {});
    let phone = router.phone(0);
    router.open(0, free());
    let internet = &router.lab.internet;
    let arrived = [
        PacketCounter::install(internet, "own4", "prerouting", &format!("ip saddr {}", phone.v4)),
        PacketCounter::install(internet, "own6", "prerouting", &format!("ip6 saddr {}", phone.v6)),
    ];
    let back = [
        PacketCounter::install(phone, "back4", "prerouting", &format!("ip saddr {NET4}")),
        PacketCounter::install(phone, "back6", "prerouting", &format!("ip6 saddr {NET6}")),
    ];
    let frames = [tunnels(phone), with_options(phone)].concat();
    send_and_wait(&router, &frames, "valid");
    let packets = u64::try_from(frames.len()).unwrap();
    let count = |counters: &[PacketCounter<'_>]| {
        let counts = counters.iter().map(PacketCounter::read);
        counts.fold((0, 0), |sum, count| (sum.0 + count.packets, sum.1 + count.bytes))
    };
    assert!(eventually(SECOND, || count(&arrived).0 == packets), "{:?} of {packets}", count(&arrived));
    // The host has no use for most of them and says so: its errors come back, and cost, too.
    assert!(eventually(SECOND, || {
        let books = router.read(0).books;
        (books.sent_packets, books.sent_bytes) == count(&arrived)
            && (books.received_packets, books.received_bytes) == count(&back)
    }));
    assert!(count(&back).0 > 0);
    let read = router.read(0);
    assert_eq!(read.quota_used, Some(read.books.total_bytes()));
}

#[test]
fn large_datagrams_and_pings_are_charged_whole_and_once() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.open(0, free());
    for (address, headers) in BOTH.into_iter().zip([28, 48]) {
        let echo = UdpEcho::open(&router.lab.internet, (address, 7));
        let before = router.read(0).books;
        let answered = phone.enter(|| {
            let any: SocketAddr = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap();
            let socket = std::net::UdpSocket::bind(any).unwrap();
            socket.set_read_timeout(Some(3 * SECOND)).unwrap();
            socket.send_to(&[0x54; 4_000], (address, 7)).unwrap();
            socket.recv(&mut [0; 8_000]).unwrap()
        });
        assert_eq!((answered, echo.bytes()), (4_000, 4_000));
        let after = router.read(0).books;
        // Reassembled before they are counted: one packet, one header.
        assert_eq!(after.sent_bytes - before.sent_bytes, 4_000 + headers);
        assert_eq!(after.received_bytes - before.received_bytes, 4_000 + headers);
        assert_eq!(
            (after.sent_packets - before.sent_packets, after.received_packets - before.received_packets),
            (1, 1)
        );

        phone.must(&["ping", "-c", "1", "-W", "3", "-s", "4000", &address.to_string()]);
        let pinged = router.read(0).books;
        // ICMP's header is as long as UDP's.
        assert_eq!(pinged.total_bytes() - after.total_bytes(), 2 * (4_000 + headers));
    }
    let read = router.read(0);
    assert_eq!(read.quota_used, Some(read.books.total_bytes()));
}

#[test]
fn errors_about_a_clients_flow_come_back_and_are_the_clients() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.open(0, free());
    for (address, error) in
        BOTH.into_iter().zip(["icmp type destination-unreachable", "icmpv6 type destination-unreachable"])
    {
        let name = if address.is_ipv4() { "error4" } else { "error6" };
        let errors = PacketCounter::install(phone, name, "input", error);
        let before = router.read(0).books;
        // Nobody listens there.
        send_datagrams(phone, (address, 81), 100, 3, Duration::ZERO);
        assert!(eventually(SECOND, || errors.read().packets == 3), "{:?}", errors.read());
        let after = router.read(0).books;
        assert_eq!(after.received_bytes - before.received_bytes, errors.read().bytes);
        assert_eq!(after.received_packets - before.received_packets, 3);
    }
    // While captive none comes from outside; what the router itself refuses, it says.
    router.close(0);
    let sink = UdpSink::open(&router.lab.internet, (NET4, 9));
    let told =
        PacketCounter::install(phone, "told", "input", "icmp type destination-unreachable icmp code 13");
    send_datagrams(phone, (NET4, 9), 10, 1, Duration::ZERO);
    assert!(eventually(SECOND, || told.read().packets == 1));
    assert_eq!(sink.packets(), 0);
}
