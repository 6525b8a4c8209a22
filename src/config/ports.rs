//! Whose listener is where: no two in one place, and nothing of the operator's behind a port that is open to guests.

use std::net::{IpAddr, SocketAddr};

use super::AdminConfig;
use super::report::Report;
use super::tls::AdminTls;
use super::zone::ReadZone;

/// A listener that guests reach.
struct Door {
    address: SocketAddr,
    at: usize,
    key: &'static str,
    name: String,
}

/// Reports every two that cannot both be had, and an admin listener on a port that guests reach.
pub(super) fn check(
    report: &mut Report<'_>,
    zones: &[ReadZone],
    AdminConfig { listen, tls, .. }: &AdminConfig,
    admin_at: Option<usize>,
) {
    let admin = *listen;
    for port in zones.iter().flat_map(|zone| &zone.trusted_ports).filter(|port| port.value == admin.port()) {
        // Whoever else is on the guests' network reads what is plain, and takes a trusted device's MAC.
        if *tls != AdminTls::Required {
            let text =
                format!("{} is the admin pages' port: that needs [admin] tls = \"required\"", port.value);
            report.mistake(port.at, "zone.trusted_ports", text);
        } else if admin.ip().is_loopback() {
            let text = format!(
                "nobody outside of this router reaches the admin pages on {admin}: see [admin] listen"
            );
            report.warning(port.at, "zone.trusted_ports", text);
        }
    }
    let mut doors: Vec<Door> = Vec::new();
    for zone in zones {
        let name = &zone.config.name;
        let plain = Door {
            address: zone.config.portal,
            at: zone.portal_at,
            key: "zone.portal",
            name: format!("the portal of zone {name}"),
        };
        let tls = zone.config.portal_tls.map(|address| Door {
            address,
            at: zone.portal_tls_at,
            key: "zone.portal_tls",
            name: format!("portal_tls of zone {name}"),
        });
        for door in [Some(plain), tls].into_iter().flatten() {
            if let Some(other) = doors.iter().find(|other| clash(other.address, door.address)) {
                report.mistake(door.at, door.key, format!("{} is taken by {}", door.address, other.name));
            }
            doors.push(door);
        }
    }
    for door in &doors {
        let (address, name) = (door.address, &door.name);
        if clash(admin, address) {
            match admin_at {
                Some(at) => report.mistake(at, "admin.listen", format!("{admin} is taken by {name}")),
                None => report.mistake(door.at, door.key, format!("{address} is taken by admin.listen")),
            }
        } else if admin.port() == address.port() && !admin.ip().is_loopback() {
            // The firewall opens the port, whichever of the router's addresses it is reached at.
            let text = format!("guests reach port {}, which is that of {name}: choose another", admin.port());
            report.mistake(admin_at.unwrap_or(door.at), "admin.listen", text);
        }
    }
}

/// Whether two listeners cannot both be had. `[::]` is dual stack: it takes IPv4 too.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let takes_all = |one: IpAddr, other: IpAddr| match one {
        IpAddr::V6(one) => one.is_unspecified(),
        IpAddr::V4(one) => one.is_unspecified() && other.is_ipv4(),
    };
    a.port() == b.port() && (a.ip() == b.ip() || takes_all(a.ip(), b.ip()) || takes_all(b.ip(), a.ip()))
}
