use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ns::Ns;

/// An Ethernet frame made by hand: forged senders, odd packets.
#[derive(Debug, Clone)]
pub struct Frame(Vec<u8>);

/// What the frame's IP header says.
struct Protocol;

impl Protocol {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const ICMPV6: u8 = 58;
}

impl Frame {
    /// Any bytes.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The whole frame, from the receiver's MAC on.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// An IP packet of any protocol. Both addresses are of the same family.
    pub fn ip(
        source_mac: &str,
        to_mac: &str,
        source: IpAddr,
        to: IpAddr,
        protocol: u8,
        payload: &[u8],
    ) -> Self {
        let mut bytes = [mac(to_mac), mac(source_mac)].concat();
        let length = u16::try_from(payload.len()).expect("a short payload");
        match (source, to) {
            (IpAddr::V4(source), IpAddr::V4(to)) => {
                bytes.extend([8, 0]);
                let mut header = vec![0x45, 0];
                header.extend((length + 20).to_be_bytes());
                header.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
                header.extend(source.octets());
                header.extend(to.octets());
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                bytes.extend(header);
            }
            (IpAddr::V6(source), IpAddr::V6(to)) => {
                bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                bytes.extend(length.to_be_bytes());
                bytes.extend([protocol, 64]);
                bytes.extend(source.octets());
                bytes.extend(to.octets());
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => panic!("two families"),
        }
        bytes.extend(payload);
        Self(bytes)
    }

    /// Who has this address, of everybody, from whoever says to have the other (RFC 826).
    pub fn arp_request(source_mac: &str, source: Ipv4Addr, wanted: Ipv4Addr) -> Self {
        Self::arp(1, [mac(source_mac), vec![0; 6]], &[0xff; 6], [source, wanted])
    }

    /// An answer that nobody asked for: the address is at this MAC.
    pub fn arp_reply(source_mac: &str, to_mac: &str, address: Ipv4Addr, to: Ipv4Addr) -> Self {
        Self::arp(2, [mac(source_mac), mac(to_mac)], &mac(to_mac), [address, to])
    }

    fn arp(operation: u8, [sender, target]: [Vec<u8>; 2], to: &[u8], addresses: [Ipv4Addr; 2]) -> Self {
        let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, operation];
        let [of_sender, of_target] = addresses.map(|address| address.octets());
        Self([to, &sender, &head, &sender, &of_sender, &target, &of_target].concat())
    }

    /// A neighbour advertisement that nobody asked for: the address is at this MAC, whatever was known before (RFC 4861, 4.4).
    pub fn advertisement(source_mac: &str, to_mac: &str, address: Ipv6Addr, to: Ipv6Addr) -> Self {
        const OVERRIDE: u8 = 0x20;
        const TARGET_MAC: [u8; 2] = [2, 1];
        let head = [136, 0, 0, 0, OVERRIDE, 0, 0, 0];
        let mut body = [&head[..], &address.octets(), &TARGET_MAC, &mac(source_mac)].concat();
        let sum = transport_checksum(address.into(), to.into(), Protocol::ICMPV6, &body);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut frame = Self::ip(source_mac, to_mac, address.into(), to.into(), Protocol::ICMPV6, &body);
        // What comes over a router is not believed: the hop limit must be whole.
        frame.0[21] = 255;
        frame
    }

    /// A UDP datagram; `source` and `to` are address and port.
    pub fn udp(
        source_mac: &str,
        to_mac: &str,
        source: (IpAddr, u16),
        to: (IpAddr, u16),
        payload: &[u8],
    ) -> Self {
        let mut segment = [source.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        segment.extend(u16::try_from(payload.len() + 8).expect("a short payload").to_be_bytes());
        segment.extend([0, 0]);
        segment.extend(payload);
        let sum = match transport_checksum(source.0, to.0, Protocol::UDP, &segment) {
            0 => 0xffff,
            sum => sum,
        };
        segment[6..8].copy_from_slice(&sum.to_be_bytes());
        Self::ip(source_mac, to_mac, source.0, to.0, Protocol::UDP, &segment)
    }

    /// A TCP segment with these flags (2: SYN, 4: RST, 0x10: ACK, 0x18: PSH and ACK).
    pub fn tcp(
        source_mac: &str,
        to_mac: &str,
        source: (IpAddr, u16),
        to: (IpAddr, u16),
        (flags, sequence, acknowledged): (u8, u32, u32),
        payload: &[u8],
    ) -> Self {
        let mut segment = [source.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledged.to_be_bytes());
        segment.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        segment.extend(payload);
        let sum = transport_checksum(source.0, to.0, Protocol::TCP, &segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        Self::ip(source_mac, to_mac, source.0, to.0, Protocol::TCP, &segment)
    }
}

fn mac(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.split(':').filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    assert_eq!(bytes.len(), 6, "{text} is no MAC");
    bytes
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
    !u16::try_from(sum).expect("folded")
}

fn transport_checksum(source: IpAddr, to: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let mut pseudo = Vec::new();
    for address in [source, to] {
        match address {
            IpAddr::V4(address) => pseudo.extend(address.octets()),
            IpAddr::V6(address) => pseudo.extend(address.octets()),
        }
    }
    pseudo.extend(u32::try_from(segment.len()).expect("short").to_be_bytes());
    pseudo.extend([0, 0, 0, protocol]);
    pseudo.extend(segment);
    checksum(&pseudo)
}

/// std has no packet sockets: a few lines of Python write the frames.
const WRITER: &str = "
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
for line in sys.stdin:
    out.send(bytes.fromhex(line))
";

/// Sends the frames, one after the other, out of one of the namespace's devices.
pub fn send_frames(ns: &Ns, device: &str, frames: &[Frame]) {
    let lines: String = frames
        .iter()
        .map(|frame| {
            frame.0.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect::<String>()
        })
        .collect();
    let output = ns.run_with(&["python3", "-c", WRITER, device], &lines);
    assert!(output.ok(), "frames on {device}: {output:?}");
}
