//! DHCP, DNS and router advertisements for guests.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use super::super::{Command, DeviceName, Facts, MARK, NewFile, Refused};

/// The file.
pub(in super::super) const FILE: &str = "/etc/dnsmasq.d/turnpike-guests.conf";

const FOLDER: &str = "/etc/dnsmasq.d";
/// What Turnpike writes there, now and later (`docs/garden.md`).
const OURS: [&str; 2] = ["turnpike-guests.conf", "turnpike.conf"];
const MAIN: &str = "/etc/dnsmasq.conf";
/// What tells dnsmasq of the walled garden, for a daemon that must not (`docs/garden.md`).
const UNITS: [&str; 2] = ["turnpike-dnsmasq.path", "turnpike-refill.path"];

/// Beside the router's own, so many addresses are left for what has one by hand, in a network that is large enough.
const BY_HAND: u32 = 9;
/// A network is large enough from so many addresses on.
const LARGE: u32 = 100;
/// What says nothing of whom dnsmasq serves.
const NEUTRAL: [&str; 10] = [
    "bind-dynamic",
    "bogus-priv",
    "cache-size",
    "conf-dir",
    "conf-file",
    "domain-needed",
    "group",
    "log-facility",
    "log-queries",
    "user",
];
/// What dnsmasq gives out unless it is told otherwise.
const USUAL_LEASES: u32 = 1_000;

/// Refuses if dnsmasq serves somebody already in a way that ours would break.
pub(in super::super) fn must_be_free(facts: &Facts) -> Result<(), Refused> {
    let others = facts.within(FOLDER).filter(|(name, _)| !OURS.contains(name));
    let all = others
        .map(|(name, text)| (format!("{FOLDER}/{name}"), text))
        .chain(facts.text(MAIN).map(|text| (MAIN.to_owned(), text)));
    let (mut serves_all, mut names_networks) = (None, false);
    for (file, text) in all {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split('=').next().unwrap_or_default().trim() {
                key @ ("bind-interfaces" | "port") => {
                    return Err(Refused::new(format!(
                        "{file} says {line}: with {key} dnsmasq cannot serve guests as well. Take it out, and come again"
                    )));
                }
                "interface" | "listen-address" => names_networks = true,
                key if NEUTRAL.contains(&key) => {}
                _ => serves_all = serves_all.or(Some(file.clone())),
            }
        }
    }
    match serves_all.filter(|_| !names_networks) {
        Some(file) => Err(Refused::new(format!(
            "dnsmasq serves every network of this box ({file}), and would serve guests only. Add a line  interface=DEV  there for \
             each network that it is to serve besides, and come again"
        ))),
        None => Ok(()),
    }
}

/// The file.
pub(in super::super) fn file(device: &DeviceName, v4: Ipv4Net, v6: Option<Ipv6Net>) -> NewFile {
    let (first, last) = range(v4);
    let mut text = format!(
        "{MARK}\n\
         # DHCP, DNS and router advertisements for guests, and for nobody else.\n\
         interface={device}\n\
         bind-dynamic\n\
         domain-needed\n\
         bogus-priv\n\
         dhcp-authoritative\n\
         dhcp-range={first},{last},{},1h\n",
        v4.netmask()
    );
    let leases = u32::from(last) - u32::from(first) + 1;
    if leases > USUAL_LEASES {
        text.push_str(&format!("dhcp-lease-max={leases}\n"));
    }
    if let Some(v6) = v6 {
        text.push_str(&format!(
            "# Phones make IPv6 addresses themselves, and ask for the rest.\nenable-ra\ndhcp-range={},ra-stateless,64,1h\n",
            v6.network()
        ));
    }
    NewFile::system(FILE, text)
}

/// What phones are given: the larger part of the network on one side of the router.
fn range(v4: Ipv4Net) -> (Ipv4Addr, Ipv4Addr) {
    let router = u32::from(v4.addr());
    let (lowest, highest) = (u32::from(v4.network()) + 1, u32::from(v4.broadcast()) - 1);
    let (above, below) = (highest.saturating_sub(router), router.saturating_sub(lowest));
    let aside = |room: u32| if room > LARGE { BY_HAND } else { 0 };
    let (first, last) = if above >= below {
        (router + 1 + aside(above), highest)
    } else {
        (lowest, router - 1 - aside(below))
    };
    (first.into(), last.into())
}

/// What applies it.
pub(in super::super) fn apply() -> [Command; 3] {
    let [dnsmasq, refill] = UNITS;
    [
        Command::new(["systemctl", "enable", "dnsmasq.service"], "DHCP and DNS also after the next start"),
        restart(),
        Command::new(
            ["systemctl", "enable", "--now", dnsmasq, refill],
            "dnsmasq is told of a walled garden by name and of the portal, as the configuration says then",
        ),
    ]
}

/// It is told of them no more.
pub(in super::super) fn take_down() -> Command {
    let [dnsmasq, refill] = UNITS;
    Command::new(["systemctl", "disable", "--now", dnsmasq, refill], "dnsmasq is told of nothing any more")
}

/// dnsmasq reads its files.
pub(in super::super) fn restart() -> Command {
    Command::new(["systemctl", "restart", "dnsmasq.service"], "dnsmasq reads its files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{device, plain_box};

    #[test]
    fn the_file_is_this() {
        let made = file(
            &device("br-guest"),
            "192.168.77.1/24".parse().unwrap(),
            Some("fd12:3456:789a::1/64".parse().unwrap()),
        );
        assert_eq!(
            made.text,
            r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
# DHCP, DNS and router advertisements for guests, and for nobody else.
interface=br-guest
bind-dynamic
domain-needed
bogus-priv
dhcp-authoritative
dhcp-range=192.168.77.11,192.168.77.254,255.255.255.0,1h
# Phones make IPv6 addresses themselves, and ask for the rest.
enable-ra
dhcp-range=fd12:3456:789a::,ra-stateless,64,1h
"#
        );
        let large = file(&device("br-guest"), "10.0.255.254/16".parse().unwrap(), None).text;
        assert!(
            large.contains("dhcp-range=10.0.0.1,10.0.255.244,255.255.0.0,1h\ndhcp-lease-max=65524\n"),
            "{large}"
        );
        assert!(!large.contains("enable-ra"), "{large}");
    }

    #[test]
    fn phones_never_get_the_routers_address() {
        for prefix in 16..=28 {
            for host in [1, 2, 5, 7, 13, 14] {
                let net = Ipv4Net::new(Ipv4Addr::new(10, 7, 0, host), prefix).unwrap();
                let (first, last) = range(net);
                assert!(first <= last && !(first..=last).contains(&net.addr()), "{net}: {first} {last}");
                assert!(first > net.network() && last < net.broadcast(), "{net}: {first} {last}");
            }
        }
    }

    #[test]
    fn whom_dnsmasq_serves_already_is_not_cut_off() {
        let refused = |text: &str| {
            let mut facts = plain_box();
            facts.files.insert(format!("{FOLDER}/turnpike.conf").into(), "nftset=/a.example/x\n".to_owned());
            facts.files.insert(format!("{FOLDER}/office.conf").into(), text.to_owned());
            must_be_free(&facts).err().map(|refused| refused.0)
        };
        assert_eq!(refused("# interface=eth2\nconf-dir=/etc/dnsmasq.d\n"), None);
        assert_eq!(refused("interface=eth2\ndhcp-range=10.1.0.10,10.1.0.99\n"), None);
        assert!(refused("interface=eth2\nbind-interfaces\n").unwrap().contains("says bind-interfaces"));
        assert!(refused("port=0\n").unwrap().contains("says port=0"));
        assert!(refused("server=192.0.2.1\n").unwrap().contains("serves every network"));
    }
}
