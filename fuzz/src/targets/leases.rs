//! Any lease file gives leases that can be written down and read again; a broken line spoils no other.

use turnpike::domain::Text;
use turnpike::net::{Lease, parse_leases};

use super::Target;

/// Addresses that one line of odhcpd may name.
const MOST_OF_A_LINE: usize = 9;

/// As dnsmasq writes it.
fn line(lease: &Lease) -> String {
    let name = lease.hostname.as_ref().map_or("*", Text::as_str);
    format!("1763690000 {} {} {name} *", lease.mac, lease.address)
}

/// Opens the target.
pub fn open() -> Target {
    Box::new(|bytes| {
        // As the file is read.
        let text = String::from_utf8_lossy(bytes);
        let leases = parse_leases(&text);
        assert!(leases.len() <= text.lines().count() * MOST_OF_A_LINE);
        let one_by_one: Vec<Lease> = text.lines().flat_map(parse_leases).collect();
        assert_eq!(leases, one_by_one);
        for lease in leases {
            let hostname = lease.hostname.as_ref().map_or("x", Text::as_str);
            assert!(!hostname.is_empty() && hostname.chars().count() <= 253, "{hostname:?}");
            assert!(!hostname.contains(char::is_control) && !["*", "-"].contains(&hostname), "{hostname:?}");
            assert!(!lease.mac.to_string().ends_with("ff:ff:ff:ff:ff:ff"));
            // A name with a blank in it (one that was a control character) has no place in such a line.
            if !hostname.contains(char::is_whitespace) {
                assert_eq!(parse_leases(&line(&lease)), [lease]);
            }
        }
    })
}
