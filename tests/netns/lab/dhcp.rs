use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use super::Phone;

/// What the router gave a phone.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Its address.
    pub address: Ipv4Addr,
    /// Option 3.
    pub router: Option<Ipv4Addr>,
    /// Option 6.
    pub dns: Option<Ipv4Addr>,
    /// Option 114 (RFC 8910).
    pub captive_portal: Option<String>,
}

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;

/// Joins the network as a phone does (RFC 2131, with broadcast answers): asks, takes the address and the default
/// route. IPv6 comes by itself from the router's advertisements.
pub fn dhcp(phone: &mut Phone, host_name: &str) -> Lease {
    // With no address yet, the broadcast needs a route.
    phone.ip("route replace 255.255.255.255/32 dev eth0\n");
    let mac = phone.mac.clone();
    let lease = phone.enter(|| ask(&mac, host_name));
    let router = lease.router.expect("a router");
    phone.ip(&format!("address replace {}/24 dev eth0\nroute replace default via {router}\n", lease.address));
    phone.v4 = lease.address;
    lease
}

/// What DHCPv6 tells a phone that asks for one option without an address (RFC 8415, 18.2.6), as text.
pub fn dhcp6_text(phone: &Phone, option: u16) -> Option<String> {
    const INFORMATION_REQUEST: u8 = 11;
    const REPLY: u8 = 7;
    /// All_DHCP_Relay_Agents_and_Servers.
    const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
    let mac: Vec<u8> =
        phone.mac.split(':').map(|pair| u8::from_str_radix(pair, 16).expect("a MAC")).collect();
    // The client's id (its link-layer address), what it asks for, that it has just begun.
    let mut message = vec![INFORMATION_REQUEST, 0x54, 0x50, 0x36, 0, 1, 0, 10, 0, 3, 0, 1];
    message.extend(&mac);
    message.extend([0, 6, 0, 2]);
    message.extend(option.to_be_bytes());
    message.extend([0, 8, 0, 2, 0, 0]);
    phone.enter(|| {
        let socket = UdpSocket::bind("[::]:546").expect("the client's port");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        let device = rustix::net::netdevice::name_to_index(&socket, "eth0").expect("eth0");
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut buffer = [0; 1500];
        while Instant::now() < deadline {
            socket.send_to(&message, SocketAddrV6::new(SERVERS, 547, 0, device)).expect("sent");
            let Ok(size) = socket.recv(&mut buffer) else { continue };
            let Some((&[REPLY, 0x54, 0x50, 0x36], mut rest)) = buffer[..size].split_first_chunk::<4>() else {
                continue;
            };
            while let Some((&[a, b, c, d], tail)) = rest.split_first_chunk::<4>() {
                let data = tail.get(..usize::from(u16::from_be_bytes([c, d])))?;
                if u16::from_be_bytes([a, b]) == option {
                    return Some(String::from_utf8_lossy(data).into_owned());
                }
                rest = &tail[data.len()..];
            }
            return None;
        }
        panic!("no DHCPv6 answer");
    })
}

fn ask(mac: &str, host_name: &str) -> Lease {
    let socket = UdpSocket::bind("0.0.0.0:68").expect("the client's port");
    socket.set_broadcast(true).expect("broadcast");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut wanted: Option<(Ipv4Addr, Ipv4Addr)> = None;
    let mut buffer = [0; 1500];
    while Instant::now() < deadline {
        socket.send_to(&message(mac, host_name, wanted), ("255.255.255.255", 67)).expect("sent");
        let Ok(size) = socket.recv(&mut buffer) else { continue };
        let answer = &buffer[..size];
        let address = Ipv4Addr::from(<[u8; 4]>::try_from(&answer[16..20]).expect("four"));
        match option(answer, 53).and_then(<[u8]>::first) {
            Some(&OFFER) => wanted = Some((address, option4(answer, 54).expect("the server"))),
            Some(&ACK) => {
                return Lease {
                    address,
                    router: option4(answer, 3),
                    dns: option4(answer, 6),
                    captive_portal: option(answer, 114)
                        .map(|text| String::from_utf8_lossy(text).into_owned()),
                };
            }
            _ => wanted = None,
        }
    }
    panic!("no DHCP answer");
}

fn message(mac: &str, host_name: &str, wanted: Option<(Ipv4Addr, Ipv4Addr)>) -> Vec<u8> {
    let mac: Vec<u8> = mac.split(':').map(|pair| u8::from_str_radix(pair, 16).expect("a MAC")).collect();
    let mut bytes = vec![1, 1, 6, 0, 0x54, 0x50, 0, 1, 0, 0, 0x80, 0];
    bytes.resize(28, 0);
    bytes.extend(mac);
    bytes.resize(236, 0);
    bytes.extend(COOKIE);
    bytes.extend([53, 1, if wanted.is_some() { REQUEST } else { DISCOVER }]);
    if let Some((address, server)) = wanted {
        bytes.extend([50, 4]);
        bytes.extend(address.octets());
        bytes.extend([54, 4]);
        bytes.extend(server.octets());
    }
    bytes.extend([12, u8::try_from(host_name.len()).expect("a short name")]);
    bytes.extend(host_name.as_bytes());
    bytes.extend([55, 4, 1, 3, 6, 114, 255]);
    bytes.resize(bytes.len().max(300), 0);
    bytes
}

fn option(message: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = message.get(240..)?;
    loop {
        match rest {
            [255, ..] | [] => return None,
            [0, tail @ ..] => rest = tail,
            [code, length, tail @ ..] => {
                let data = tail.get(..usize::from(*length))?;
                if *code == wanted {
                    return Some(data);
                }
                rest = tail.get(usize::from(*length)..)?;
            }
            [_] => return None,
        }
    }
}

fn option4(message: &[u8], wanted: u8) -> Option<Ipv4Addr> {
    option(message, wanted)?.get(..4)?.try_into().ok().map(|bytes: [u8; 4]| Ipv4Addr::from(bytes))
}
