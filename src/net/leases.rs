use std::fs::{self, File};
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::NetError;
use crate::domain::{MacAddr, Text};

/// The most that is read of a lease file, in bytes.
pub const MAX_LEASE_BYTES: usize = 4 << 20;
/// The most that is read of a lease file, in lines.
pub const MAX_LEASE_LINES: usize = 65_536;
/// The longest host name that is kept, in characters (RFC 1035: 253).
const MAX_NAME_CHARS: usize = 253;

/// One address that the DHCP server has given away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// To whom.
    pub mac: MacAddr,
    /// The address.
    pub address: IpAddr,
    /// What the device calls itself; anything it likes, cut and cleaned.
    pub hostname: Option<Text>,
}

/// Reads lease files of dnsmasq (`EXPIRY MAC ADDRESS NAME CLIENT-ID`) and odhcpd (`# DEVICE DUID IAID NAME EXPIRY ID LENGTH
/// ADDRESS/…`, with the MAC as DUID for DHCPv4). Lines that are neither, such as DHCPv6 leases with no MAC in them, are left
/// out.
pub fn parse_leases(text: &str) -> Vec<Lease> {
    let mut rest = text.len().min(MAX_LEASE_BYTES);
    while !text.is_char_boundary(rest) {
        rest -= 1;
    }
    text.get(..rest)
        .unwrap_or_default()
        .lines()
        .take(MAX_LEASE_LINES)
        .flat_map(|line| match line.strip_prefix("# ") {
            Some(line) => odhcpd_line(line),
            None => dnsmasq_line(line).into_iter().collect(),
        })
        .collect()
}

/// `src/lease.c` of dnsmasq, `lease_update_file`: a MAC of another hardware type is prefixed with it, a missing name is `*`.
fn dnsmasq_line(line: &str) -> Option<Lease> {
    let mut fields = line.split_ascii_whitespace();
    let _expiry: u64 = fields.next()?.parse().ok()?;
    let mac = fields.next()?.parse().ok()?;
    let address = fields.next()?.parse().ok()?;
    Some(Lease { mac, address, hostname: hostname(fields.next()?) })
}

/// `src/statefiles.c` of odhcpd (formerly `dhcpv6-ia.c`): IPv4 leases say `ipv4` for the IAID and carry the twelve
/// digits of the MAC; a DHCPv6 DUID is no MAC, even where it is as long.
fn odhcpd_line(line: &str) -> Vec<Lease> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(16).collect();
    let [_device, duid, "ipv4", name, _expiry, _id, _length, addresses @ ..] = fields.as_slice() else {
        return Vec::new();
    };
    let Some(mac) = mac_of_digits(duid) else { return Vec::new() };
    addresses
        .iter()
        .filter_map(|address| address.split('/').next().and_then(|address| address.parse().ok()))
        .map(|address| Lease { mac, address, hostname: hostname(name) })
        .collect()
}

fn mac_of_digits(digits: &str) -> Option<MacAddr> {
    let mut bytes = [0; 6];
    if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    MacAddr::from_bytes(bytes).ok()
}

fn hostname(name: &str) -> Option<Text> {
    let name: String = name.chars().take(MAX_NAME_CHARS).collect();
    let name = Text::new(&name);
    (!name.is_empty() && !matches!(name.as_str(), "*" | "-")).then_some(name)
}

/// A lease file that is read when it has changed.
#[derive(Debug)]
pub struct LeaseFile {
    path: PathBuf,
    last: Option<Stamp>,
}

/// What tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl LeaseFile {
    /// A file that need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), last: None }
    }

    /// All leases if the file has changed since the last call, else `None`; a file that is not there has no leases. Blocks
    /// for the time of a file read.
    pub fn read_if_changed(&mut self) -> Result<Option<Vec<Lease>>, NetError> {
        let stamp = match fs::metadata(&self.path) {
            Ok(metadata) => Stamp {
                inode: metadata.ino(),
                bytes: metadata.len(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(self.last.take().map(|_| Vec::new()));
            }
            Err(error) => return Err(self.error(error)),
        };
        if self.last == Some(stamp) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(|error| self.error(error))?;
        let limit = u64::try_from(MAX_LEASE_BYTES).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(|error| self.error(error))?;
        self.last = Some(stamp);
        Ok(Some(parse_leases(&String::from_utf8_lossy(&bytes))))
    }

    fn error(&self, source: std::io::Error) -> NetError {
        NetError::File { path: self.path.display().to_string(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_formats_and_leaves_out_the_rest() {
        let leases = parse_leases(
            "1763690000 02:00:00:00:00:01 192.168.1.20 anas-phone 01:02:00:00:00:00:01\n\
             1763690000 02:00:00:00:00:02 192.168.1.21 * *\n\
             duid 00:01:00:01:2e\n\
             1763690000 7012 fd00::5 laptop 00:01:00:01\n\
             # br-lan 020000000003 ipv4 tablet 1763690000 c0a80116 32 192.168.1.22/32\n\
             # br-lan 0001000129a1 1 tv 1763690000 5 128 fd00::9/128\n\
             nonsense\n# \n\n1763690000 ff:ff:ff:ff:ff:ff 192.168.1.23 x *\n",
        );
        let names: Vec<_> = leases
            .iter()
            .map(|lease| (lease.mac.to_string(), lease.address.to_string(), lease.hostname.clone()))
            .collect();
        let lease = |mac: &str, address: &str, name: Option<&str>| {
            (mac.to_owned(), address.to_owned(), name.map(Text::new))
        };
        assert_eq!(
            names,
            [
                lease("02:00:00:00:00:01", "192.168.1.20", Some("anas-phone")),
                lease("02:00:00:00:00:02", "192.168.1.21", None),
                lease("02:00:00:00:00:03", "192.168.1.22", Some("tablet")),
            ]
        );
    }

    #[test]
    fn hostile_files_are_bounded() {
        let line = "1 02:00:00:00:00:01 192.168.1.20 a *\n";
        assert_eq!(parse_leases(&line.repeat(MAX_LEASE_LINES + 10)).len(), MAX_LEASE_LINES);
        let long = format!("1 02:00:00:00:00:01 192.168.1.20 {} *\n", "é".repeat(100_000));
        let name = parse_leases(&long).remove(0).hostname.unwrap();
        assert_eq!(name.as_str().chars().count(), MAX_NAME_CHARS);
        assert!(parse_leases(&"é".repeat(MAX_LEASE_BYTES)).is_empty());
        assert!(parse_leases("1 02:00:00:00:00:01 192.168.1.20 \u{1b}[2J *")[0].hostname.is_some());
        assert!(
            !parse_leases("1 02:00:00:00:00:01 192.168.1.20 \u{1b}[2J *")[0]
                .hostname
                .as_ref()
                .unwrap()
                .as_str()
                .contains('\u{1b}')
        );
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases");
        let mut file = LeaseFile::new(&path);
        assert_eq!(file.read_if_changed().unwrap(), None);
        fs::write(&path, "1 02:00:00:00:00:01 192.168.1.20 a *\n").unwrap();
        assert_eq!(file.read_if_changed().unwrap().unwrap().len(), 1);
        assert_eq!(file.read_if_changed().unwrap(), None);
        fs::write(&path, "").unwrap();
        assert_eq!(file.read_if_changed().unwrap(), Some(Vec::new()));
        fs::remove_file(&path).unwrap();
        assert_eq!(file.read_if_changed().unwrap(), Some(Vec::new()));
        assert_eq!(file.read_if_changed().unwrap(), None);
    }
}
