use std::net::{IpAddr, SocketAddr};

use crate::config::{Config, ZoneConfig};
use crate::doctor::gather::{Daemon, Known, Network, Process, Protocol, Socket};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Sides};

/// What is known of who listens where.
pub struct Listening<'a> {
    pub daemon: &'a Known<Daemon>,
    pub network: &'a Known<Network>,
    pub sockets: &'a Known<Vec<Socket>>,
    /// Who holds a socket, as far as it can be seen.
    pub holders: &'a (dyn Fn(u64) -> Option<Process> + Sync),
    /// Whether the rules that keep guests out are loaded.
    pub has_rules: Option<bool>,
    pub system: System,
}

/// The listeners that are configured, their addresses, and who holds their ports.
pub fn judge(config: &Config, sides: &Sides, listening: &Listening<'_>) -> Vec<Finding> {
    let (network, sockets) = match (listening.network, listening.sockets) {
        (Ok(network), Ok(sockets)) => (network, sockets),
        (Err(error), _) | (_, Err(error)) => {
            let codes = [Code::PORTAL_LISTEN, Code::ADMIN_LISTEN, Code::PORT_TAKEN];
            return codes.map(|code| Finding::unchecked(code, error)).into();
        }
    };
    let mut found: Vec<Finding> =
        config.zones.iter().map(|zone| portal(zone, network, sockets, listening)).collect();
    found.push(admin(config.admin.listen, sides, network, sockets, listening));
    found.extend(taken(config, sockets, listening));
    found
}

fn runs(listening: &Listening<'_>) -> bool {
    matches!(listening.daemon, Ok(Daemon::Runs { .. }))
}

fn is_open(address: SocketAddr, sockets: &[Socket]) -> bool {
    sockets
        .iter()
        .any(|socket| socket.protocol == Protocol::Tcp && socket.hears(address.ip(), address.port()))
}

fn portal(zone: &ZoneConfig, network: &Network, sockets: &[Socket], listening: &Listening<'_>) -> Finding {
    let code = Code::PORTAL_LISTEN;
    let name = &zone.name;
    let addresses: Vec<IpAddr> = zone.lan.iter().flat_map(|device| network.addresses_of(device)).collect();
    for listen in [Some(zone.portal), zone.portal_tls].into_iter().flatten() {
        let own = listen.ip().to_canonical();
        if !own.is_unspecified() && !addresses.contains(&own) {
            return Finding::problem(
                code,
                format!("zone {name}: {own} is on none of {}", zone.lan.join(", ")),
            )
            .because("guests are sent to the address that they are connected to, and nobody answers there")
            .fix([format!("portal = \"[::]:{}\" in [[zone]] {name}", listen.port())]);
        }
        if runs(listening) && !is_open(listen, sockets) {
            return Finding::problem(
                code,
                format!("zone {name}: nobody listens on {listen}, though the daemon runs"),
            )
            .because("guests see no portal")
            .fix([listening.system.service("restart", "turnpike")]);
        }
    }
    let ipv6 = zone.lan.iter().find(|device| network.has_routed_ipv6(device));
    if let (IpAddr::V4(_), Some(device)) = (zone.portal.ip(), ipv6) {
        return Finding::warning(
            code,
            format!("zone {name}: the portal listens on IPv4 alone, and {device} has IPv6"),
        )
        .because("phones that try IPv6 first see no portal there")
        .fix([format!("portal = \"[::]:{}\" in [[zone]] {name}", zone.portal.port())]);
    }
    Finding::ok(code, format!("zone {name}: the portal is at {}", zone.portal))
}

fn admin(
    listen: SocketAddr,
    sides: &Sides,
    network: &Network,
    sockets: &[Socket],
    listening: &Listening<'_>,
) -> Finding {
    let code = Code::ADMIN_LISTEN;
    let own = listen.ip().to_canonical();
    let has_it =
        own.is_unspecified() || own.is_loopback() || network.addresses.iter().any(|(_, ip)| *ip == own);
    if !has_it {
        return Finding::problem(code, format!("[admin] listen: this box has no address {own}"))
            .because("the daemon does not start")
            .fix([format!(
                "listen = \"127.0.0.1:{}\" in [admin], or an address of the office's side",
                listen.port()
            )]);
    }
    if runs(listening) && !is_open(listen, sockets) {
        return Finding::problem(code, format!("nobody listens on {listen}, though the daemon runs"))
            .because("neither the API nor the admin pages can be reached")
            .fix([listening.system.service("restart", "turnpike")]);
    }
    let on_zone = sides.zone_devices().find(|device| network.addresses_of(device).contains(&own));
    let place = match on_zone {
        Some(device) => format!("[admin] listen {listen} is an address of {device}, a zone's device"),
        None if own.is_unspecified() => {
            format!("[admin] listen {listen} is every address, those of zones too")
        }
        None => return Finding::ok(code, format!("[admin] listen {listen} is not on the guests' side")),
    };
    let fix =
        [format!("listen = \"127.0.0.1:{}\" in [admin], or an address of the office's side", listen.port())];
    match listening.has_rules {
        Some(false) if runs(listening) => {
            Finding::problem(code, format!("{place}, and the table inet turnpike is not loaded"))
                .because("guests reach the admin pages, and can try passwords there")
                .fix(fix)
        }
        Some(_) | None => Finding::warning(code, place)
            .because("only the table inet turnpike keeps guests out: whoever flushes it lets them in until it is back")
            .fix(fix),
    }
}

fn taken(config: &Config, sockets: &[Socket], listening: &Listening<'_>) -> Vec<Finding> {
    let code = Code::PORT_TAKEN;
    let daemon = match listening.daemon {
        Ok(Daemon::Runs { process, .. }) => *process,
        Ok(Daemon::Silent(_) | Daemon::Stopped) | Err(_) => None,
    };
    let portals = config.zones.iter().flat_map(|zone| {
        let name = format!("the portal of zone {}", zone.name);
        [Some(zone.portal), zone.portal_tls].into_iter().flatten().map(move |listen| (listen, name.clone()))
    });
    let mut found = Vec::new();
    for (listen, name) in portals.chain([(config.admin.listen, "[admin] listen".to_owned())]) {
        let here = sockets.iter().filter(|socket| socket.protocol == Protocol::Tcp);
        for socket in here.filter(|socket| clash(socket.address, listen)) {
            let holder = (listening.holders)(socket.inode);
            let is_ours = match &holder {
                Some(holder) => Some(holder.id) == daemon || holder.name == "turnpike",
                // Who may not look at the daemon's files does not see what it holds.
                None => daemon.is_some(),
            };
            if !is_ours {
                let holder = holder
                    .map_or_else(|| "a program that cannot be seen".to_owned(), |holder| holder.to_string());
                found.push(
                    Finding::problem(
                        code,
                        format!("{listen}, {name}, is held by {holder} ({})", socket.address),
                    )
                    .because("the daemon cannot listen there, and does not start")
                    .fix([
                        format!("ss -ltnp 'sport = :{}'", listen.port()),
                        "stop it, or choose another port".to_owned(),
                    ]),
                );
            }
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(code, "no other program holds a configured port"));
    }
    found
}

/// Whether the two cannot be had at the same time.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let takes_all = |one: IpAddr, other: IpAddr| match one {
        IpAddr::V6(one) => one.is_unspecified(),
        IpAddr::V4(one) => one.is_unspecified() && (other.is_ipv4() || other.is_unspecified()),
    };
    one.port() == other.port()
        && (one.ip().to_canonical() == other.ip().to_canonical()
            || takes_all(one.ip(), other.ip())
            || takes_all(other.ip(), one.ip()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::doctor::gather::network;

    const STOPPED: Known<Daemon> = Ok(Daemon::Stopped);

    fn running() -> Known<Daemon> {
        Ok(Daemon::Runs { process: Some(7), user: 0, since: None, warnings: Vec::new() })
    }

    struct Case<'a> {
        portal: &'a str,
        admin: &'a str,
        sockets: &'a [&'a str],
        holder: Option<(u32, &'a str)>,
        daemon: Known<Daemon>,
        has_rules: bool,
    }

    const USUAL: Case<'static> = Case {
        portal: "[::]:2050",
        admin: "127.0.0.1:2051",
        sockets: &[],
        holder: None,
        daemon: STOPPED,
        has_rules: true,
    };

    fn of(case: &Case<'_>) -> [Severity; 3] {
        let text = format!(
            "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\nportal = \"{}\"\n[admin]\nlisten = \"{}\"\n",
            case.portal, case.admin
        );
        let config = Config::parse(&text, Path::new("t")).unwrap();
        let links = [("br-lan", None), ("office", None)];
        let addresses = [("br-lan", "10.0.0.1"), ("br-lan", "fd77::1"), ("office", "10.9.0.1")];
        let sockets = case.sockets.iter().map(|address| Socket {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            inode: 3,
        });
        let listening = Listening {
            daemon: &case.daemon,
            network: &Ok(network(&links, &addresses, &[])),
            sockets: &Ok(sockets.collect()),
            holders: &|_| case.holder.map(|(id, name)| Process { id, name: name.to_owned() }),
            has_rules: Some(case.has_rules),
            system: System::Debian,
        };
        let found = judge(&config, &Sides::of(&config, None), &listening);
        <[_; 3]>::try_from(found.iter().map(|finding| finding.severity).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn addresses_are_held_against_the_boxs_own() {
        assert_eq!(of(&USUAL), [Well; 3]);
        assert_eq!(of(&Case { portal: "10.0.0.1:2050", ..USUAL })[0], Warning, "no IPv6");
        assert_eq!(of(&Case { portal: "10.9.0.1:2050", ..USUAL })[0], Problem, "the office's");
        assert_eq!(of(&Case { admin: "10.9.0.1:2051", ..USUAL })[1], Well);
        assert_eq!(of(&Case { admin: "192.0.2.1:2051", ..USUAL })[1], Problem);
    }

    #[test]
    fn guests_are_kept_from_the_admin_listener() {
        for admin in ["10.0.0.1:2051", "0.0.0.0:2051", "[::]:2051"] {
            assert_eq!(of(&Case { admin, ..USUAL })[1], Warning, "{admin}");
            let sockets = &["[::]:2050", admin];
            let open = Case { admin, sockets, holder: Some((7, "turnpike")), daemon: running(), ..USUAL };
            assert_eq!(of(&open)[1], Warning, "{admin}");
            assert_eq!(of(&Case { has_rules: false, ..open })[1], Problem, "{admin}");
        }
    }

    #[test]
    fn ports_are_free_or_the_daemons() {
        let sockets = &["0.0.0.0:2050"];
        assert_eq!(of(&Case { sockets, holder: Some((9, "nginx")), ..USUAL })[2], Problem);
        assert_eq!(of(&Case { sockets, ..USUAL })[2], Problem, "who it is cannot be seen");
        assert_eq!(of(&Case { sockets: &["10.9.0.1:2051"], holder: Some((9, "nginx")), ..USUAL })[2], Well);
        let both: &[&str] = &["[::]:2050", "127.0.0.1:2051"];
        let open = Case { sockets: both, holder: Some((7, "tokio-worker")), daemon: running(), ..USUAL };
        assert_eq!(of(&open), [Well; 3]);
        assert_eq!(of(&Case { holder: None, sockets: both, daemon: running(), ..USUAL }), [Well; 3]);
        assert_eq!(of(&Case { sockets: &[], daemon: running(), ..USUAL }), [Problem, Problem, Well]);
    }
}
