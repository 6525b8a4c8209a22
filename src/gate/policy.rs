use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::domain::{MacAddr, ZoneName};

/// The longest interface name, in bytes: IFNAMSIZ less its final zero (`include/uapi/linux/if.h`).
const MAX_DEVICE_NAME: usize = 15;

/// Everything that the base ruleset depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The guest networks; at least one.
    pub zones: Vec<ZoneGate>,
    /// The devices that lead to the Internet.
    pub wan: Vec<String>,
    /// The bits of the connection mark that are ours.
    pub mark_mask: u32,
}

/// One guest network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneGate {
    /// Its name, for messages.
    pub name: ZoneName,
    /// Its devices on the router.
    pub devices: Vec<String>,
    /// The port on which its portal listens on the router.
    pub portal_port: u16,
    /// The port on which its portal listens for TLS, if it does.
    pub portal_tls_port: Option<u16>,
    /// Devices that reach `trusted_ports` on the router.
    pub trusted: Vec<MacAddr>,
    /// TCP ports of the router's address in this zone, beyond the portal's, that trusted devices reach: the operator's.
    pub trusted_ports: BTreeSet<u16>,
    /// Whether port forwards from the WAN reach connected clients.
    pub inbound: bool,
    /// The walled garden by address; kept apart from other zones'.
    pub garden_prefixes: Vec<IpNet>,
    /// Whether the addresses in `garden4` and `garden6` (filled by dnsmasq) are this zone's garden too.
    pub has_garden_domains: bool,
}

impl ZoneGate {
    /// Whether anything is free here.
    pub fn has_garden(&self) -> bool {
        self.has_garden_domains || !self.garden_prefixes.is_empty()
    }

    /// The ports of its portal.
    pub fn portal_ports(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.portal_port).chain(self.portal_tls_port)
    }
}

impl Policy {
    /// The ports of all portals.
    pub fn portal_ports(&self) -> BTreeSet<u16> {
        self.zones.iter().flat_map(ZoneGate::portal_ports).collect()
    }

    /// The devices of all zones.
    pub fn zone_devices(&self) -> impl Iterator<Item = &str> {
        self.zones.iter().flat_map(|zone| zone.devices.iter().map(String::as_str))
    }

    /// Every mistake that makes a ruleset impossible or unsafe, one sentence each.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.zones.is_empty() {
            mistakes.push("there is no zone".to_owned());
        }
        if self.mark_mask == 0 {
            mistakes.push("mark_mask has no bit set".to_owned());
        }
        let mut seen = BTreeSet::new();
        for device in self.zone_devices().chain(self.wan.iter().map(String::as_str)) {
            if !is_device_name(device) {
                mistakes.push(format!("{device:?} is no interface name that can be used"));
            }
            if !seen.insert(device) {
                mistakes.push(format!("interface {device:?} is named twice"));
            }
        }
        for zone in &self.zones {
            if zone.devices.is_empty() {
                mistakes.push(format!("zone {} has no interface", zone.name));
            }
            if zone.portal_ports().any(|port| port == 0) {
                mistakes.push(format!("zone {} has no portal port", zone.name));
            }
            if zone.garden_prefixes.iter().any(|prefix| prefix.prefix_len() == 0) {
                mistakes.push(format!("zone {} has the whole Internet in its garden", zone.name));
            }
        }
        mistakes
    }
}

/// Whether this can be an interface's name and nothing else: no wildcard (`*`), no reference to a set (`@`) or variable
/// (`$`), no quote, no space, no slash.
pub fn is_device_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_DEVICE_NAME
        && name != "."
        && name != ".."
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_are_names_only() {
        for good in ["br-lan", "wlan0.1", "eth0", "phy0-ap0", "a", "fifteen-letters"] {
            assert!(is_device_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "br lan",
            "br*",
            "*",
            "@online",
            "$lan",
            "a/b",
            "a\"b",
            "a;b",
            "a\nb",
            "-x",
            "sixteen-letters-",
            "é",
            "a:b",
            "{",
        ] {
            assert!(!is_device_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn every_mistake_is_told() {
        let policy = Policy {
            zones: vec![ZoneGate {
                name: ZoneName::new("guests"),
                devices: vec!["br lan".into(), "wan".into()],
                portal_port: 0,
                portal_tls_port: None,
                trusted: Vec::new(),
                trusted_ports: [].into(),
                inbound: false,
                garden_prefixes: vec!["0.0.0.0/0".parse().unwrap()],
                has_garden_domains: false,
            }],
            wan: vec!["wan".into()],
            mark_mask: 0,
        };
        assert_eq!(policy.mistakes().len(), 5, "{:?}", policy.mistakes());
    }
}
