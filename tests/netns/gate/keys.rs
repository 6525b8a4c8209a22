//! Nobody rides on another's flow, on a key's former owner, or on other people's marks.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::time::Duration;

use turnpike::domain::GateOp;

use super::router::{ROUTER_MAC, SECOND, key_of, mac};
use super::{Router, free};
use crate::lab::{
    Frame, NET4, NET6, PacketCounter, TcpServer, UdpBlaster, UdpEcho, UdpSink, eventually, holds_for,
    send_datagrams, send_frames,
};

const MOMENT: Duration = Duration::from_millis(100);

#[test]
fn a_forged_tuple_of_an_online_neighbour_passes_nothing_and_costs_nothing() {
    let router = Router::with_phones(2);
    let (owner, liar) = (router.phone(0), router.phone(1));
    router.open(0, free());
    router.learn(1);
    for (source, to) in [(IpAddr::from(owner.v4), IpAddr::from(NET4)), (owner.v6.into(), NET6.into())] {
        let _echo = UdpEcho::open(&router.lab.internet, (to, 7));
        let mut flow = UdpBlaster::start_from(
            owner,
            (source, 4444).into(),
            (to, 7).into(),
            50,
            Duration::from_millis(5),
        );
        assert!(eventually(SECOND, || flow.answers() > 5));
        flow.stop();
        let before = router.read(0).books;
        let name = if to.is_ipv4() { "forged4" } else { "forged6" };
        let arrived = PacketCounter::install(&router.lab.internet, name, "input", "meta l4proto udp");
        let frame = Frame::udp(&liar.mac, ROUTER_MAC, (source, 4444), (to, 7), b"not mine");
        send_frames(liar, "eth0", &vec![frame; 5]);
        assert!(holds_for(MOMENT, || arrived.read().packets == 0));
        assert_eq!(router.read(0).books, before);
        // And the owner goes on.
        let again = UdpBlaster::start_from(
            owner,
            (source, 4444).into(),
            (to, 7).into(),
            50,
            Duration::from_millis(5),
        );
        assert!(eventually(SECOND, || again.answers() > 5));
    }
}

#[test]
fn a_forged_source_gets_no_answer_sent_anywhere() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.learn(0);
    let out = PacketCounter::install(&router.lab.internet, "any", "input", "meta l4proto { tcp, icmp }");
    let out6 =
        PacketCounter::install(&router.lab.internet, "any6", "input", "icmpv6 type destination-unreachable");
    let far4: IpAddr = Ipv4Addr::new(198, 51, 100, 7).into();
    let far6: IpAddr = "2001:db8:1::7".parse::<Ipv6Addr>().unwrap().into();
    let frames: Vec<Frame> = (0..50)
        .flat_map(|port| {
            [(far4, IpAddr::from(NET4)), (far6, NET6.into())].map(|(source, to)| {
                Frame::tcp(&phone.mac, ROUTER_MAC, (source, 2_000 + port), (to, 443), (2, 1, 0), b"")
            })
        })
        .collect();
    for _ in 0..2 {
        send_frames(phone, "eth0", &frames);
        assert!(holds_for(MOMENT, || out.read().packets + out6.read().packets == 0));
        router.open(0, free());
    }
}

#[test]
fn a_keys_former_owner_keeps_nothing_of_it() {
    let router = Router::with_phones(2);
    router.open(0, free());
    let sink = UdpSink::open(&router.lab.internet, (NET6, 9));
    let old_flow = UdpBlaster::start(router.phone(0), (NET6, 9), 100, Duration::from_millis(2));
    assert!(eventually(SECOND, || sink.packets() > 10));
    let (old, new, key) = (mac(router.phone(0)), mac(router.phone(1)), key_of(0));
    router.must(&[GateOp::Forget { mac: old, key }]);
    router.must(&[GateOp::Learn { mac: new, key }, GateOp::Open { key, grant: free() }]);
    let (passed, tried) = (sink.packets(), old_flow.packets());
    assert!(eventually(SECOND, || old_flow.packets() > tried + 20));
    assert_eq!(sink.packets(), passed);
    assert_eq!(router.read(0).books.total_bytes(), 0, "charged to the new owner");
    send_datagrams(router.phone(1), (NET6, 9), 100, 5, Duration::ZERO);
    assert!(eventually(SECOND, || sink.packets() == passed + 5));
}

#[test]
fn other_peoples_bits_of_the_mark_stay() {
    // Written before us and after us.
    for priority in [-150, -110] {
        other_peoples_bits_written_at(priority);
    }
}

fn other_peoples_bits_written_at(priority: i32) {
    let router = Router::with_phones(1);
    router.lab.router.nft(&format!(
        "table inet other {{\nchain pre {{\ntype filter hook prerouting priority {priority};\n\
         iifname br-lan ct mark set ct mark | 0x2a00\n}}\n}}"
    ));
    let kept = PacketCounter::install(&router.lab.router, "kept", "forward", "ct mark & 0x3f00 == 0x2a00");
    let sink = UdpSink::open(&router.lab.internet, (NET4, 9));
    // A flow from before the phone was known, keyed late.
    let mut blaster = UdpBlaster::start(router.phone(0), (NET4, 9), 100, Duration::from_millis(2));
    assert!(eventually(SECOND, || blaster.packets() > 0));
    router.open(0, free());
    assert!(eventually(2 * SECOND, || sink.packets() > 20));
    blaster.stop();
    assert!(eventually(SECOND, || kept.read().packets == router.read(0).books.sent_packets));
    assert!(router.lab.router.must(&["conntrack", "-L", "-p", "udp"]).contains("mark=10753"), "0x2a01");
}

#[test]
fn a_writer_of_the_whole_mark_comes_first_and_changes_nothing() {
    let router = Router::with_phones(1);
    router.lab.router.nft(
        "table inet other {\nchain pre {\ntype filter hook prerouting priority -150;\nct mark set 0x777\n}\n}",
    );
    router.open(0, free());
    for address in [IpAddr::from(NET4), NET6.into()] {
        let sink = UdpSink::open(&router.lab.internet, (address, 9));
        let before = router.read(0).books.sent_packets;
        send_datagrams(router.phone(0), (address, 9), 100, 20, Duration::ZERO);
        assert!(eventually(SECOND, || sink.packets() == 20));
        assert_eq!(router.read(0).books.sent_packets, before + 20);
    }
}

#[test]
fn a_mark_that_is_an_online_neighbours_key_lets_nobody_through() {
    let router = Router::with_phones(3);
    router.open(0, free());
    router.learn(1);
    // The whole mark, to the very key that is online; phone 2 is nobody's.
    router.lab.router.nft(
        "table inet other {\nchain pre {\ntype filter hook prerouting priority -150;\nct mark set 0x1\n}\n}",
    );
    for address in [IpAddr::from(NET4), NET6.into()] {
        let sink = UdpSink::open(&router.lab.internet, (address, 9));
        for captive in [1, 2] {
            send_datagrams(router.phone(captive), (address, 9), 100, 20, Duration::ZERO);
        }
        assert!(holds_for(MOMENT, || sink.packets() == 0));
        send_datagrams(router.phone(0), (address, 9), 100, 20, Duration::ZERO);
        assert!(eventually(SECOND, || sink.packets() == 20));
    }
    assert_eq!(router.read(0).books.sent_packets, 40);
}

#[test]
fn what_another_firewall_drops_is_not_charged() {
    let router = Router::with_phones(1);
    router.lab.router.nft(
        "table inet other {\nchain forward {\ntype filter hook forward priority filter;\nudp dport 9 drop\n}\n}",
    );
    router.open(0, free());
    let seen = PacketCounter::install(&router.lab.router, "seen", "prerouting", "udp dport 9");
    send_datagrams(router.phone(0), (NET4, 9), 100, 5, Duration::ZERO);
    send_datagrams(router.phone(0), (NET6, 9), 100, 5, Duration::ZERO);
    assert!(eventually(SECOND, || seen.read().packets == 10));
    let read = router.read(0);
    assert_eq!((read.books.total_bytes(), read.quota_used), (0, Some(0)));
}

#[test]
fn untracked_packets_are_refused_in_silence() {
    let router = Router::with_phones(1);
    router.lab.router.nft("table inet other {\nchain raw {\ntype filter hook prerouting priority raw;\nudp dport 9 notrack\n}\n}");
    router.open(0, free());
    let sink = UdpSink::open(&router.lab.internet, (NET6, 9));
    let answers =
        PacketCounter::install(router.phone(0), "answers", "input", "icmpv6 type destination-unreachable");
    send_datagrams(router.phone(0), (NET6, 9), 100, 5, Duration::ZERO);
    assert!(holds_for(MOMENT, || sink.packets() == 0));
    assert_eq!(answers.read().packets, 0);
    assert_eq!(router.read(0).books.total_bytes(), 0);
}

#[test]
fn a_segment_out_of_its_window_does_not_kill_the_connection() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.open(0, free());
    for address in [IpAddr::from(NET4), NET6.into()] {
        let server = TcpServer::open(&router.lab.internet, (address, 5001));
        let mut stream = phone.enter(|| TcpStream::connect(server.address())).unwrap();
        stream.set_read_timeout(Some(3 * SECOND)).unwrap();
        let here = stream.local_addr().unwrap();
        let name = if address.is_ipv4() { "reset4" } else { "reset6" };
        let resets = PacketCounter::install(phone, name, "input", "tcp flags & rst == rst");
        let wrong = Frame::tcp(
            &phone.mac,
            ROUTER_MAC,
            (here.ip(), here.port()),
            (address, 5001),
            (0x10, 0x7000_0000, 1),
            b"x",
        );
        send_frames(phone, "eth0", &vec![wrong; 5]);
        assert!(holds_for(MOMENT, || resets.read().packets == 0));
        stream.write_all(b"D").unwrap();
        let mut buffer = [0; 1_000];
        stream.read_exact(&mut buffer).unwrap();
    }
}

#[test]
fn closing_deletes_the_clients_connections_and_no_other() {
    let router = Router::with_phones(2);
    let listed = || router.lab.router.must(&["conntrack", "-L"]);
    for number in [0, 1] {
        router.open(number, free());
        send_datagrams(router.phone(number), (NET4, 9), 10, 1, Duration::ZERO);
        send_datagrams(router.phone(number), (NET6, 9), 10, 1, Duration::ZERO);
    }
    assert!(eventually(SECOND, || listed().matches("mark=1 ").count() == 2
        && listed().matches("mark=2 ").count() == 2));
    router.close(0);
    assert_eq!((listed().matches("mark=1 ").count(), listed().matches("mark=2 ").count()), (0, 2));
}
