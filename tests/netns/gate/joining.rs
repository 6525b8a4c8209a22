//! A captive phone joins: DHCP, router advertisement, neighbour discovery, DNS of every kind.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::time::Duration;

use super::Router;
use super::router::SECOND;
use crate::lab::{LAN4, LAN6, Lab, NET4, NET6, Ns, WAN4, WAN6, connect, dhcp, eventually};

/// RFC 1035, section 4: one question for the IPv4 addresses of `example.test`.
const QUESTION: &[u8] =
    b"\x54\x50\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\x00\x00\x01\x00\x01";

/// Whether this is an answer to the question with the address that the router's name server gives to every name.
fn is_answer(message: &[u8]) -> bool {
    message.starts_with(b"\x54\x50") && message.len() > QUESTION.len() && message.ends_with(&NET4.octets())
}

fn answers_udp(from: &Ns, server: SocketAddr) -> bool {
    from.enter(|| {
        let any: SocketAddr = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap();
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(3 * SECOND)).unwrap();
        let mut buffer = [0; 512];
        socket.send(QUESTION).unwrap();
        socket.recv(&mut buffer).is_ok_and(|size| is_answer(&buffer[..size]))
    })
}

/// Over TCP a message has its length in front (RFC 1035, section 4.2.2).
fn answers_tcp(from: &Ns, server: SocketAddr) -> bool {
    from.enter(|| {
        let Ok(mut stream) = TcpStream::connect_timeout(&server, 3 * SECOND) else { return false };
        stream.set_read_timeout(Some(3 * SECOND)).unwrap();
        let length = u16::try_from(QUESTION.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, QUESTION].concat()).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message).is_ok() && is_answer(&message)
    })
}

/// An interface's link-local address.
fn link_local(ns: &Ns, device: &str) -> Ipv6Addr {
    let found = ns.addresses(device).into_iter().find_map(|address| match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => Some(address),
        IpAddr::V6(_) | IpAddr::V4(_) => None,
    });
    found.expect("a link-local address")
}

/// The number of `eth0` in a namespace, for addresses that need one.
fn index(ns: &Ns) -> u32 {
    let links = ns.run(&["ip", "-j", "link", "show", "dev", "eth0"]).json();
    u32::try_from(links[0]["ifindex"].as_u64().unwrap()).unwrap()
}

fn is_routed(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.segments()[0] & 0xff00 == 0xfd00)
}

#[test]
fn a_captive_phone_gets_addresses_and_names() {
    let mut router = Router::new(Lab::builder().phones(1).guests(1).dhcp(), |_| {});
    let lease = dhcp(&mut router.lab.phones[0], "pixel-7");
    assert_eq!((lease.router, lease.dns), (Some(LAN4), Some(LAN4)));
    // Its renewal: the same again, now with an address.
    assert_eq!(dhcp(&mut router.lab.phones[0], "pixel-7").address, lease.address);
    router.learn(0);
    let phone = router.phone(0);
    assert!(eventually(10 * SECOND, || phone.addresses("eth0").iter().any(is_routed)), "no advertisement");
    let own = link_local(&router.lab.router, "br-lan");
    let link_local = SocketAddrV6::new(own, 53, 0, index(phone));
    // Neighbour discovery from both ends, and the router's own traffic to a captive phone.
    let routed = phone.addresses("eth0").into_iter().find(is_routed).unwrap();
    for address in [IpAddr::from(lease.address), routed] {
        assert!(router.lab.router.ping(address), "{address}");
    }
    assert!(phone.ping(LAN4) && phone.ping(LAN6));
    assert!(phone.run(&["ping", "-c", "1", "-W", "1", &format!("{own}%eth0")]).ok());

    let by_hand = [IpAddr::from(Ipv4Addr::new(8, 8, 8, 8)), NET6.into(), WAN4.into(), WAN6.into()];
    let servers = [IpAddr::from(LAN4), LAN6.into()].into_iter().chain(by_hand);
    for server in servers.map(|address| SocketAddr::new(address, 53)).chain([link_local.into()]) {
        assert!(answers_udp(phone, server), "udp {server}");
        assert!(answers_tcp(phone, server), "tcp {server}");
    }
    // Names over TLS are no way around: refused at once.
    for address in [IpAddr::from(NET4), NET6.into()] {
        let refused = connect(phone, (address, 853), Duration::from_secs(3));
        assert_eq!(refused, Err(std::io::ErrorKind::ConnectionRefused));
    }
}
