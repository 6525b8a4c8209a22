use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// What a name server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsAnswer {
    /// 0: no error.
    pub rcode: u8,
    /// The IPv4 addresses of the answer.
    pub addresses: Vec<Ipv4Addr>,
}

const A: u8 = 1;
const AAAA: u8 = 28;

/// Asks a name server for a name's IPv4 addresses from where the thread is; `None` if no answer comes in a second.
pub fn resolve(server: IpAddr, name: &str) -> Option<DnsAnswer> {
    let (rcode, found) = ask(server, name, A)?;
    let addresses =
        found.iter().filter_map(|data| Some(Ipv4Addr::from(<[u8; 4]>::try_from(data.as_slice()).ok()?)));
    Some(DnsAnswer { rcode, addresses: addresses.collect() })
}

/// The same for its IPv6 addresses.
pub fn resolve6(server: IpAddr, name: &str) -> Option<Vec<Ipv6Addr>> {
    let (_, found) = ask(server, name, AAAA)?;
    Some(
        found
            .iter()
            .filter_map(|data| Some(Ipv6Addr::from(<[u8; 16]>::try_from(data.as_slice()).ok()?)))
            .collect(),
    )
}

/// The code of the answer, and the data of its records of that type.
fn ask(server: IpAddr, name: &str, kind: u8) -> Option<(u8, Vec<Vec<u8>>)> {
    let any: SocketAddr = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("an address");
    let socket = UdpSocket::bind(any).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    // RFC 1035, section 4: header (id, recursion desired, one question), the name's labels, the type, class IN.
    let mut query = vec![0x54, 0x50, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a short label"));
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, kind, 0, 1]);
    socket.send_to(&query, (server, 53)).ok()?;
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).ok()?;
    let answer = buffer.get(..length)?;
    let count = u16::from_be_bytes([*answer.get(6)?, *answer.get(7)?]);
    let mut records = answer.get(query.len()..)?;
    let mut found = Vec::new();
    for _ in 0..count {
        // A pointer to the name, type, class, time to live, length, data.
        let size = usize::from(u16::from_be_bytes([*records.get(10)?, *records.get(11)?]));
        let data = records.get(12..12 + size)?;
        if records.get(2..4)? == [0, kind] {
            found.push(data.to_vec());
        }
        records = records.get(12 + size..)?;
    }
    Some((answer.get(3)? & 15, found))
}
