use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Known, reason};
use crate::doctor::Place;

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Somebody who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    pub protocol: Protocol,
    pub address: SocketAddr,
    pub inode: u64,
}

impl Socket {
    /// Whether what is sent to this address and port reaches it. `[::]` takes IPv4, too, unless somebody asked that it does
    /// not, which the kernel does not say here.
    pub fn hears(&self, address: IpAddr, port: u16) -> bool {
        if self.address.port() != port {
            return false;
        }
        match (self.address.ip(), address) {
            (IpAddr::V6(own), _) if own.is_unspecified() => true,
            (IpAddr::V4(own), IpAddr::V4(_)) if own.is_unspecified() => true,
            (own, address) => own.to_canonical() == address.to_canonical(),
        }
    }
}

/// `TCP_LISTEN`, and UDP's closed, which is unconnected (`include/net/tcp_states.h`).
const TCP_LISTEN: &str = "0A";
const UDP_OPEN: &str = "07";

/// Everybody who listens in this network namespace.
pub fn listening(place: &Place) -> Known<Vec<Socket>> {
    let mut found = Vec::new();
    for (file, protocol, state) in [
        ("tcp", Protocol::Tcp, TCP_LISTEN),
        ("tcp6", Protocol::Tcp, TCP_LISTEN),
        ("udp", Protocol::Udp, UDP_OPEN),
        ("udp6", Protocol::Udp, UDP_OPEN),
    ] {
        // Without IPv6 the kernel has no file for it.
        let Some(table) = place.read_if_there(format!("/proc/net/{file}")).map_err(reason)? else { continue };
        found.extend(table.lines().skip(1).filter_map(|line| read(line, protocol, state)));
    }
    if place.has("/proc/net/tcp") { Ok(found) } else { Err("/proc/net is not there".to_owned()) }
}

fn read(line: &str, protocol: Protocol, wanted: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace();
    let (local, state) = (fields.nth(1)?, fields.nth(1)?);
    let inode = fields.nth(5)?.parse().ok()?;
    (state == wanted).then(|| Some(Socket { protocol, address: address(local)?, inode }))?
}

/// An address as the kernel prints it: words of four bytes in the machine's order, `:`, the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (bytes, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..bytes.len() / 8)
        .map(|word| u32::from_str_radix(bytes.get(word * 8..word * 8 + 8)?, 16).ok().map(u32::to_ne_bytes))
        .collect::<Option<_>>()?;
    let ip = match words.as_slice() {
        [word] => IpAddr::from(Ipv4Addr::from(*word)),
        [_, _, _, _] => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::place::with_files;

    #[test]
    fn the_kernels_tables_are_read_and_odd_lines_passed_over() {
        let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let line = |local: &str, state: &str| {
            format!(
                "  0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0  0 4711 1 0\n"
            )
        };
        let v4 = word([192, 168, 77, 1]);
        let v6 =
            format!("{}{}{}{}", word([0xfd, 0x77, 0, 0]), word([0; 4]), word([0; 4]), word([0, 0, 0, 1]));
        let (_dir, place) = with_files(&[
            (
                "/proc/net/tcp",
                &format!(
                    "  sl  local_address\n{}{}odd\n",
                    line(&format!("{v4}:0035"), "0A"),
                    line(&format!("{v4}:0050"), "01")
                ),
            ),
            ("/proc/net/udp", &format!("head\n{}{}", line("00000000:0043", "07"), line("ÄÄÄÄ:0043", "07"))),
            ("/proc/net/udp6", &format!("head\n{}", line(&format!("{v6}:0035"), "07"))),
        ]);
        let found = listening(&place).unwrap();
        let shown: Vec<String> = found.iter().map(|socket| socket.address.to_string()).collect();
        assert_eq!(shown, ["192.168.77.1:53", "0.0.0.0:67", "[fd77::1]:53"]);
        assert!(found.iter().all(|socket| socket.inode == 4711));
        let lan: IpAddr = "192.168.77.1".parse().unwrap();
        let other: IpAddr = "192.168.78.1".parse().unwrap();
        assert!(found[0].hears(lan, 53) && !found[0].hears(other, 53) && !found[0].hears(lan, 54));
        assert!(found[1].hears(other, 67) && !found[1].hears("fd77::1".parse().unwrap(), 67));
        assert!(listening(&Place::below("/nonexistent")).is_err());
    }
}
