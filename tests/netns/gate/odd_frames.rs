//! Packets that no ordinary client sends, made by hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::router::ROUTER_MAC;
use crate::lab::{Frame, NET4, NET6, Phone};

const ETHERNET_BYTES: usize = 14;
const ICMP: u8 = 1;
const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const DESTINATION_OPTIONS: u8 = 60;

/// An IPv4 packet with these options (a multiple of four bytes) and this field of flags and fragment offset.
struct V4<'bytes> {
    protocol: u8,
    fragment: u16,
    options: &'bytes [u8],
    payload: &'bytes [u8],
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

fn ethernet(phone: &Phone, to: &[u8; 6], kind: u16) -> Vec<u8> {
    let own = phone.mac.split(':').map(|pair| u8::from_str_radix(pair, 16).unwrap());
    to.iter().copied().chain(own).chain(kind.to_be_bytes()).collect()
}

fn router_mac() -> [u8; 6] {
    let bytes: Vec<u8> = ROUTER_MAC.split(':').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

fn v4(phone: &Phone, mac: &[u8; 6], to: Ipv4Addr, packet: &V4<'_>) -> Frame {
    let words = u8::try_from(5 + packet.options.len() / 4).unwrap();
    let length = u16::try_from(usize::from(words) * 4 + packet.payload.len()).unwrap();
    let mut header = vec![0x40 | words, 0];
    header.extend(length.to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(packet.fragment.to_be_bytes());
    header.extend([64, packet.protocol, 0, 0]);
    header.extend(phone.v4.octets());
    header.extend(to.octets());
    header.extend(packet.options);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    Frame::raw([&ethernet(phone, mac, 0x0800)[..], &header, packet.payload].concat())
}

/// An ordinary datagram's bytes from the UDP header on.
fn datagram(source: IpAddr, to: IpAddr) -> Vec<u8> {
    let frame = Frame::udp(ROUTER_MAC, ROUTER_MAC, (source, 4000), (to, 9), b"twelve bytes");
    frame.bytes()[ETHERNET_BYTES + if to.is_ipv4() { 20 } else { 40 }..].to_vec()
}

/// An ICMP message with its checksum (for IPv6: with the pseudo header's).
fn icmp(source: IpAddr, to: IpAddr, kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0][..], rest].concat();
    let sum = match (source, to) {
        (IpAddr::V6(source), IpAddr::V6(to)) => {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            checksum(
                &[&source.octets()[..], &to.octets(), &length, &[0, 0, 0, ICMPV6], message.as_slice()]
                    .concat(),
            )
        }
        _ => checksum(&message),
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// ESP, GRE, packets in packets of both families, and others that carry something of any kind.
pub fn tunnels(phone: &Phone) -> Vec<Frame> {
    let payload: Vec<u8> = (0..64).collect();
    // IPIP, 6in4, GRE (with its version and type of payload), ESP, OSPF, one that nobody has.
    let gre = [&[0, 0, 8, 0][..], &payload].concat();
    let inner4 =
        V4 { protocol: UDP, fragment: 0, options: &[], payload: &datagram(phone.v4.into(), NET4.into()) };
    let inner4 = v4(phone, &router_mac(), NET4, &inner4).bytes()[ETHERNET_BYTES..].to_vec();
    let inner6 = Frame::udp(&phone.mac, ROUTER_MAC, (phone.v6.into(), 4000), (NET6.into(), 9), b"inner");
    let inner6 = &inner6.bytes()[ETHERNET_BYTES..];
    let kinds: [(u8, &[u8]); 6] =
        [(4, &inner4), (41, inner6), (47, &gre), (50, &payload), (89, &payload), (200, &payload)];
    let both = [(IpAddr::from(phone.v4), IpAddr::from(NET4)), (phone.v6.into(), NET6.into())];
    kinds
        .iter()
        .flat_map(|(protocol, payload)| {
            both.map(|(source, to)| Frame::ip(&phone.mac, ROUTER_MAC, source, to, *protocol, payload))
        })
        .collect()
}

/// Datagrams behind a destination-options header and with IPv4 options: odd, and yet whole and valid.
pub fn with_options(phone: &Phone) -> Vec<Frame> {
    let udp4 = datagram(phone.v4.into(), NET4.into());
    let udp6 = datagram(phone.v6.into(), NET6.into());
    // PadN of four bytes (RFC 8200, section 4.2); no-operation three times and the end (RFC 791).
    let padded = [&[UDP, 0, 1, 4, 0, 0, 0, 0][..], &udp6].concat();
    vec![
        v4(
            phone,
            &router_mac(),
            NET4,
            &V4 { protocol: UDP, fragment: 0, options: &[1, 1, 1, 0], payload: &udp4 },
        ),
        Frame::ip(&phone.mac, ROUTER_MAC, phone.v6.into(), NET6.into(), DESTINATION_OPTIONS, &padded),
    ]
}

/// What a firewall may overlook: lone fragments, source routes, routing headers, a router alert.
pub fn fragments_and_routes(phone: &Phone) -> Vec<Frame> {
    let udp4 = datagram(phone.v4.into(), NET4.into());
    let udp6 = datagram(phone.v6.into(), NET6.into());
    let plain = V4 { protocol: UDP, fragment: 0, options: &[], payload: &udp4 };
    let mut frames = Vec::new();
    // The first of several, one from the middle, the last.
    for fragment in [0x2000, 0x2000 | 185, 185] {
        frames.push(v4(phone, &router_mac(), NET4, &V4 { fragment, ..plain }));
        let lone = (fragment & 0x1fff) << 3 | fragment >> 13;
        let header = [&[UDP, 0][..], &lone.to_be_bytes(), &[0, 0, 0x12, 0x34], &udp6].concat();
        frames.push(Frame::ip(&phone.mac, ROUTER_MAC, phone.v6.into(), NET6.into(), FRAGMENT, &header));
    }
    // Loose source route by the far host, router alert (RFC 2113).
    let [a, b, c, d] = NET4.octets();
    let options: [&[u8]; 2] = [&[131, 7, 4, a, b, c, d, 0], &[0x94, 4, 0, 0]];
    frames.extend(options.map(|options| v4(phone, &router_mac(), NET4, &V4 { options, ..plain })));
    // SCTP whose checksum is wrong.
    for (source, to) in [(IpAddr::from(phone.v4), IpAddr::from(NET4)), (phone.v6.into(), NET6.into())] {
        frames.push(Frame::ip(&phone.mac, ROUTER_MAC, source, to, SCTP, &[1; 32]));
    }
    // Routing headers of type 0 and 2 (one address left) and of an unknown type (none left).
    for (kind, left) in [(0, 1), (2, 1), (77, 0)] {
        let header = [&[UDP, 2, kind, left, 0, 0, 0, 0][..], &NET6.octets(), &udp6].concat();
        frames.push(Frame::ip(&phone.mac, ROUTER_MAC, phone.v6.into(), NET6.into(), ROUTING, &header));
    }
    frames
}

/// ICMP that nobody asked for, and errors about flows that do not exist.
pub fn icmp_junk(phone: &Phone) -> Vec<Frame> {
    let about4 =
        V4 { protocol: UDP, fragment: 0, options: &[], payload: &datagram(phone.v4.into(), NET4.into()) };
    let about4 = v4(phone, &router_mac(), NET4, &about4).bytes()[ETHERNET_BYTES..].to_vec();
    let about6 = Frame::udp(&phone.mac, ROUTER_MAC, (NET6.into(), 9), (phone.v6.into(), 4000), b"about");
    let about6 = &about6.bytes()[ETHERNET_BYTES..];
    let error4 = [&[0; 4][..], &about4].concat();
    let error6 = [&[0; 4][..], about6].concat();
    let kinds4: [(u8, u8, &[u8]); 7] = [
        (0, 0, &[0; 8]),
        (13, 0, &[0; 16]),
        (17, 0, &[0; 8]),
        (200, 7, &[9; 20]),
        (3, 1, &error4),
        (3, 4, &error4),
        (11, 0, &error4),
    ];
    let kinds6: [(u8, u8, &[u8]); 6] = [
        (129, 0, &[0; 8]),
        (139, 0, &[0; 20]),
        (200, 7, &[9; 20]),
        (1, 4, &error6),
        (2, 0, &error6),
        (3, 0, &error6),
    ];
    let (own4, own6) = (IpAddr::from(phone.v4), IpAddr::from(phone.v6));
    let four = kinds4.iter().map(|(kind, code, rest)| {
        let message = icmp(own4, NET4.into(), *kind, *code, rest);
        Frame::ip(&phone.mac, ROUTER_MAC, own4, NET4.into(), ICMP, &message)
    });
    let six = kinds6.iter().map(|(kind, code, rest)| {
        let message = icmp(own6, NET6.into(), *kind, *code, rest);
        Frame::ip(&phone.mac, ROUTER_MAC, own6, NET6.into(), ICMPV6, &message)
    });
    four.chain(six).collect()
}

/// No flags, FIN, FIN with PSH and URG, SYN with FIN, ACK, RST, all of them.
pub fn tcp_flags(phone: &Phone) -> Vec<Frame> {
    let both = [(IpAddr::from(phone.v4), IpAddr::from(NET4)), (phone.v6.into(), NET6.into())];
    [0, 1, 0x29, 3, 0x10, 4, 0xff]
        .into_iter()
        .flat_map(|flags| {
            both.map(|(source, to)| {
                let ports = ((source, 5000 + u16::from(flags)), (to, 443));
                Frame::tcp(&phone.mac, ROUTER_MAC, ports.0, ports.1, (flags, 1, 1), b"odd")
            })
        })
        .collect()
}

/// Multicast of every scope and the broadcast addresses of both networks, to their own MACs and to the router's.
pub fn to_many(phone: &Phone) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (to, mac) in [
        (Ipv4Addr::new(224, 0, 0, 251), [1, 0, 0x5e, 0, 0, 0xfb]),
        (Ipv4Addr::new(239, 255, 255, 250), [1, 0, 0x5e, 0x7f, 0xff, 0xfa]),
        (Ipv4Addr::BROADCAST, [0xff; 6]),
        (Ipv4Addr::new(192, 168, 77, 255), [0xff; 6]),
        (Ipv4Addr::new(192, 168, 78, 255), router_mac()),
        (Ipv4Addr::new(203, 0, 113, 255), router_mac()),
        (Ipv4Addr::new(224, 0, 1, 1), router_mac()),
    ] {
        let payload = datagram(phone.v4.into(), to.into());
        frames.push(v4(phone, &mac, to, &V4 { protocol: UDP, fragment: 0, options: &[], payload: &payload }));
    }
    for scope in [2_u16, 5, 8, 0xe] {
        let to = Ipv6Addr::new(0xff00 | scope, 0, 0, 0, 0, 0, 0, 0xfb);
        for mac in [[0x33, 0x33, 0, 0, 0, 0xfb], router_mac()] {
            let text = mac.map(|byte| format!("{byte:02x}")).join(":");
            frames.push(Frame::udp(&phone.mac, &text, (phone.v6.into(), 4000), (to.into(), 9), b"everybody"));
        }
    }
    frames
}
