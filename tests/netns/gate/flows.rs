//! Flows that outlive what the kernel knew of them.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use tokio::net::TcpSocket;
use turnpike::domain::GateOp;

use super::router::{MASK, ROUTER_MAC, SECOND, key_of, mac};
use super::{Router, free};
use crate::lab::{
    Frame, LAN4, LAN6, Lab, NET4, NET6, TcpServer, Transfer, UdpBlaster, UdpSink, eventually, holds_for,
    send_frames,
};

const MOMENT: Duration = Duration::from_millis(100);

/// The router forgets every connection.
fn forget_connections(router: &Router) {
    router.lab.router.must(&["conntrack", "-F"]);
}

#[test]
fn a_connection_whose_entry_is_lost_goes_on_and_is_charged() {
    // Without masquerading: the router's own translation is lost with the entry.
    let router = Router::new(Lab::builder().phones(1).guests(1).routed(), |_| {});
    router.open(0, free());
    for address in [IpAddr::from(NET4), NET6.into()] {
        let server = TcpServer::open(&router.lab.internet, (address, 5001));
        let upload = Transfer::upload(router.phone(0), server.address());
        assert!(eventually(3 * SECOND, || server.received_bytes() > 100_000));
        for _ in 0..3 {
            forget_connections(&router);
            let (received, charged) = (server.received_bytes(), router.read(0).books.sent_bytes);
            assert!(eventually(5 * SECOND, || server.received_bytes() > received + 1_000_000));
            assert!(eventually(SECOND, || router.read(0).books.sent_bytes > charged + 1_000_000));
        }
        assert!(upload.alive());
    }
    let read = router.read(0);
    assert_eq!(read.quota_used, Some(read.books.total_bytes()));
}

#[test]
fn a_download_to_a_silent_client_goes_on_when_the_client_sends() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    router.open(0, free());
    let (here, there) = (SocketAddr::new(phone.v6.into(), 4444), SocketAddr::new(NET6.into(), 7));
    let sink = UdpSink::open(phone, here);
    let speaks = Frame::udp(&phone.mac, ROUTER_MAC, (here.ip(), 4444), (there.ip(), 7), b"more");
    let _download = UdpBlaster::start_from(&router.lab.internet, there, here, 500, Duration::from_millis(1));
    assert!(holds_for(MOMENT, || sink.packets() == 0), "the outside began a flow");
    for _ in 0..2 {
        send_frames(phone, "eth0", std::slice::from_ref(&speaks));
        let before = sink.packets();
        assert!(eventually(2 * SECOND, || sink.packets() > before + 20));
        forget_connections(&router);
        // What was on its way arrives, then nothing.
        let mut last = sink.packets();
        let silent = eventually(2 * SECOND, || {
            let quiet = holds_for(MOMENT, || sink.packets() == last);
            last = sink.packets();
            quiet
        });
        assert!(silent, "it passes without an entry");
    }
    assert_eq!(router.read(0).books.received_packets, u64::try_from(sink.packets()).unwrap());
}

#[test]
fn a_device_that_connects_during_a_garden_flow_is_charged_from_its_next_packet() {
    let router = Router::new(Lab::builder().phones(1).guests(1), |policy| {
        policy.zones[0].has_garden_domains = true;
    });
    for (address, garden, port) in [(IpAddr::from(NET4), "garden4", 9), (NET6.into(), "garden6", 10)] {
        router.nft(&["add", "element", "inet", "turnpike", garden, &format!("{{ {address} }}")]);
        let sink = UdpSink::open(&router.lab.internet, (address, port));
        // Nobody knows the device yet, and the flow has no key.
        let mut flow = UdpBlaster::start(router.phone(0), (address, port), 100, Duration::from_millis(2));
        assert!(eventually(SECOND, || sink.packets() > 10));
        let entry = |mark: &str| {
            let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
            let list = router.lab.router.must(&["conntrack", "-L", "-f", family, "-p", "udp"]);
            list.lines().any(|line| line.contains(&format!("dport={port} ")) && line.contains(mark))
        };
        assert!(entry("mark=0 "));
        router.open(0, free());
        assert!(eventually(SECOND, || entry("mark=1 ")), "keyed at its next packet");
        assert_eq!(router.read(0).books.total_bytes(), 0, "the garden is free");
        // The address leaves the garden: the same flow costs from here.
        router.nft(&["delete", "element", "inet", "turnpike", garden, &format!("{{ {address} }}")]);
        assert!(eventually(SECOND, || router.read(0).books.sent_packets > 10));
        flow.stop();
        assert!(eventually(SECOND, || sink.packets() == flow.packets()), "it never stopped");
        let free_of_charge = u64::try_from(sink.packets()).unwrap() - router.read(0).books.sent_packets;
        assert!(free_of_charge > 10);
        router.must(&[GateOp::Forget { mac: mac(router.phone(0)), key: key_of(0) }]);
    }
}

#[test]
fn a_flow_that_a_helper_expects_is_its_clients() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    // FTP in active mode: the client says in clear where the server is to connect to.
    router.lab.router.nft(
        "table inet helpers {\nct helper ftp { type \"ftp\" protocol tcp; }\nchain pre {\n\
         type filter hook prerouting priority filter;\ntcp dport 21 ct helper set \"ftp\"\n}\n}",
    );
    router.open(0, free());
    let control = router.lab.internet.enter(|| TcpListener::bind((NET6, 21))).unwrap();
    let data = phone.enter(|| TcpListener::bind((phone.v6, 5555))).unwrap();
    data.set_nonblocking(true).unwrap();
    let to_phone = || {
        router
            .lab
            .internet
            .enter(|| TcpStream::connect_timeout(&(phone.v6, 5555).into(), Duration::from_millis(300)))
    };
    assert!(to_phone().is_err(), "nobody expects it yet");
    let mut client = phone.enter(|| TcpStream::connect((NET6, 21))).unwrap();
    let (mut server, _) = control.accept().unwrap();
    server.set_read_timeout(Some(3 * SECOND)).unwrap();
    server.write_all(b"220 here\r\n").unwrap();
    client.read_exact(&mut [0; 10]).unwrap();
    // The kernel reads commands that follow a line's end, so never the first.
    for order in ["USER x\r\n".to_owned(), format!("EPRT |2|{}|5555|\r\n", phone.v6)] {
        client.write_all(order.as_bytes()).unwrap();
        server.read_exact(&mut vec![0; order.len()]).unwrap();
    }
    let mut sent = to_phone().expect("the expected flow");
    let before = router.read(0).books.received_bytes;
    sent.write_all(&[0x54; 1_000]).unwrap();
    assert!(eventually(SECOND, || router.read(0).books.received_bytes > before + 1_000), "the client pays");
    let read = router.read(0);
    assert_eq!(read.quota_used, Some(read.books.total_bytes()));
    // What was expected came; nothing else does.
    assert!(to_phone().is_err());
    // A client that is shut gets nothing of it, either.
    router.shut(0);
    let stopped = router.read(0).books;
    sent.write_all(&[0x54; 1_000]).unwrap();
    assert!(holds_for(MOMENT, || router.read(0).books == stopped));
}

#[test]
fn a_visit_that_the_portal_has_taken_outlives_the_end_of_a_session() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    let portal = router.lab.router.enter(|| TcpListener::bind("[::]:2050")).unwrap();
    router.learn(0);
    for address in [IpAddr::from(NET4), NET6.into()] {
        // It asked for any page, right after its time was over.
        let mut visit = phone.enter(|| TcpStream::connect((address, 80))).unwrap();
        visit.set_read_timeout(Some(3 * SECOND)).unwrap();
        visit.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        let (mut visitor, _) = portal.accept().unwrap();
        visitor.read_exact(&mut [0; 16]).unwrap();
        router.close(0);
        // It is the portal's turn: whatever comes from the phone first would be led to it anew.
        visitor.write_all(b"HTTP/1.1 302 Found\r\n\r\n").unwrap();
        visit.read_exact(&mut [0; 22]).expect("the portal's answer");
        // Once the key is given back nothing of it is left.
        router.must(&[GateOp::Forget { mac: mac(phone), key: key_of(0) }]);
        router.learn(0);
        visitor.write_all(b"more").unwrap();
        visitor.set_read_timeout(Some(3 * SECOND)).unwrap();
        let end = visitor.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "{address}: it lives on");
    }
}

#[test]
fn a_visit_of_the_portal_from_a_port_that_was_led_there_before_is_answered_at_the_end_of_a_session() {
    let router = Router::with_phones(1);
    let phone = router.phone(0);
    let portal = router.lab.router.enter(|| TcpListener::bind("[::]:2050")).unwrap();
    router.learn(0);
    for (port, outside, here) in
        [(5001, IpAddr::from(NET4), IpAddr::from(LAN4)), (5002, NET6.into(), LAN6.into())]
    {
        let visit = |there: SocketAddr| {
            let own = SocketAddr::new(if there.is_ipv4() { phone.v4.into() } else { phone.v6.into() }, port);
            let visit = phone.enter(|| connect_from(own, there));
            let (visitor, peer) = portal.accept().unwrap();
            (visit, visitor, peer)
        };
        // The portal ends the first one, as it does; the kernel remembers it.
        let (first, led, peer) = visit((outside, 80).into());
        assert_eq!(peer.port(), port);
        drop(led);
        drop(first);
        router.must(&[GateOp::Open { key: key_of(0), grant: free() }]);
        let (mut visit, mut visitor, peer) = visit((here, 2050).into());
        assert_ne!(peer.port(), port, "the kernel finds another way: this shows nothing");
        visit.set_read_timeout(Some(3 * SECOND)).unwrap();
        visit.write_all(b"POST /disconnect HTTP/1.1\r\n").unwrap();
        visitor.read_exact(&mut [0; 27]).unwrap();
        router.close(0);
        visitor.write_all(b"HTTP/1.1 303 See Other\r\n\r\n").unwrap();
        visit.read_exact(&mut [0; 26]).expect("the portal's answer");
    }
}

/// A connection from a port of one's own choice, whatever came from there before.
fn connect_from(own: SocketAddr, there: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = if own.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(own).unwrap();
        socket.connect(there).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn connections_of_many_who_end_together_go_and_no_others() {
    const ENDED: usize = 5;
    let router = Router::with_phones(ENDED + 1);
    let portal = router.lab.router.enter(|| TcpListener::bind("[::]:2050")).unwrap();
    for number in 0..=ENDED {
        router.learn(number);
    }
    // Each has a visit that the portal took, and after that connections that lead where it sent them.
    let mut visits = Vec::new();
    for number in 0..=ENDED {
        for address in [IpAddr::from(NET4), NET6.into()] {
            visits.push(router.phone(number).enter(|| TcpStream::connect((address, 80))).unwrap());
            visits.push(portal.accept().unwrap().0);
        }
        router.must(&[GateOp::Open { key: key_of(number), grant: free() }]);
        for (here, there) in [("0.0.0.0:0", IpAddr::from(NET4)), ("[::]:0", NET6.into())] {
            let socket = router.phone(number).enter(|| UdpSocket::bind(here)).unwrap();
            for port in [7, 8] {
                socket.send_to(b"to the outside", (there, port)).unwrap();
            }
        }
    }
    let entries = |number: usize| {
        let mark = format!("{:#x}/{:#x}", key_of(number).spread(MASK), MASK);
        let count = |family: &str, protocol: &str| {
            let argv = ["conntrack", "-L", "-f", family, "-p", protocol, "--mark", &mark];
            router.lab.router.must(&argv).lines().count()
        };
        let both = |protocol: &str| count("ipv4", protocol) + count("ipv6", protocol);
        (both("udp"), both("tcp"))
    };
    for number in 0..=ENDED {
        assert!(eventually(3 * SECOND, || entries(number) == (4, 2)), "phone {number}");
    }
    let ends: Vec<GateOp> = (0..ENDED)
        .map(|number| match number {
            0 => GateOp::Forget { mac: mac(router.phone(0)), key: key_of(0) },
            number => GateOp::Close { key: key_of(number) },
        })
        .collect();
    router.must(&ends);
    for number in 0..=ENDED {
        let left = match number {
            0 => (0, 0),
            ENDED => (4, 2),
            _ => (0, 2),
        };
        assert_eq!(entries(number), left, "phone {number}");
    }
    // Whoever gets those keys next does not get what is left.
    let learns: Vec<GateOp> = (1..ENDED)
        .map(|number| GateOp::Learn {
            mac: format!("02:00:00:09:09:0{number}").parse().unwrap(),
            key: key_of(number),
        })
        .collect();
    router.must(&learns);
    for number in 0..ENDED {
        assert_eq!(entries(number), (0, 0), "phone {number}");
    }
    assert_eq!(entries(ENDED), (4, 2));
}
