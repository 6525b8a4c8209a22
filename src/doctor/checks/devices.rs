use std::net::IpAddr;

use crate::doctor::gather::{Known, Network};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Sides};
use crate::net::Link;

/// The zones' and the WAN's devices, and that no bridge joins the two.
pub fn judge(sides: &Sides, network: &Known<Network>, system: System) -> Vec<Finding> {
    let network = match network {
        Ok(network) => network,
        Err(error) => {
            let codes = [Code::ZONE_DEVICE, Code::WAN_DEVICE, Code::BRIDGED];
            return codes.map(|code| Finding::unchecked(code, error)).into();
        }
    };
    let mut found = Vec::new();
    for (zone, devices) in &sides.zones {
        found.extend(devices.iter().map(|device| zone_device(zone, device, network, system)));
    }
    found.extend(sides.wan.iter().map(|device| wan_device(device, network, system)));
    found.extend(bridged(sides, network));
    found
}

fn zone_device(zone: &str, device: &str, network: &Network, system: System) -> Finding {
    let code = Code::ZONE_DEVICE;
    let nobody = "nobody of that zone is served";
    let Some(link) = network.link(device) else {
        return Finding::problem(code, format!("zone {zone}: there is no device {device}"))
            .because(nobody)
            .fix(["ip link show".to_owned(), format!("name the right one in [[zone]] lan of {zone}")]);
    };
    if let Some(bridge) = network.bridge_of(link) {
        return Finding::problem(
            code,
            format!("zone {zone}: {device} is a port of the bridge {}", bridge.name),
        )
        .because("the kernel shows packets to the rules as the bridge's: guests meet no portal")
        .fix([format!(
            "lan = [\"{}\"] in [[zone]] {zone}, or take {device} out of the bridge",
            bridge.name
        )]);
    }
    if !link.enabled {
        return Finding::problem(code, format!("zone {zone}: {device} is switched off"))
            .because(nobody)
            .fix([up(device, system)]);
    }
    let addresses = network.addresses_of(device);
    let own = addresses.iter().filter(|address| !is_link_local(**address)).collect::<Vec<_>>();
    if own.is_empty() {
        return Finding::problem(code, format!("zone {zone}: {device} has no address"))
            .because("guests find neither a name server nor the portal")
            .fix([address(device, system)]);
    }
    if !own.iter().any(|address| address.is_ipv4()) {
        return Finding::warning(code, format!("zone {zone}: {device} has no IPv4 address"))
            .because("devices that know no IPv6 are not served")
            .fix([address(device, system)]);
    }
    if !link.up {
        return Finding::warning(code, format!("zone {zone}: {device} has no carrier"))
            .because("nothing is plugged in, or no access point is on")
            .fix([format!("ip link show master {device}"), "look at cables and at the radio".to_owned()]);
    }
    let shown: Vec<String> = own.iter().map(ToString::to_string).collect();
    Finding::ok(
        code,
        format!("zone {zone}: {device} is up with {}; IPv6 is gated like IPv4", shown.join(", ")),
    )
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn up(device: &str, system: System) -> String {
    match system {
        System::Debian => format!("ip link set {device} up"),
        System::OpenWrt(_) => {
            "ifup lan    # or what the interface is called in /etc/config/network".to_owned()
        }
    }
}

fn address(device: &str, system: System) -> String {
    match system {
        System::Debian => {
            format!("ip address add 10.77.0.1/24 dev {device}    # and in your network configuration")
        }
        System::OpenWrt(_) => {
            "uci set network.lan.ipaddr=10.77.0.1/24; uci commit network; ifup lan".to_owned()
        }
    }
}

fn wan_device(device: &str, network: &Network, system: System) -> Finding {
    let code = Code::WAN_DEVICE;
    match network.link(device) {
        None => Finding::problem(code, format!("there is no WAN device {device}"))
            .because("nobody is let through: what leaves by a device that is not listed is refused")
            .fix(["ip route show default", "name the device that it shows in [network] wan"]),
        Some(Link { enabled: false, .. }) => {
            Finding::warning(code, format!("the WAN device {device} is switched off"))
                .because("guests pass, and reach nothing")
                .fix([match system {
                    System::Debian => format!("ip link set {device} up"),
                    System::OpenWrt(_) => "ifup wan".to_owned(),
                }])
        }
        Some(Link { up: false, .. }) => {
            Finding::warning(code, format!("the WAN device {device} has no carrier"))
                .because("guests pass, and reach nothing")
                .fix(["look at its cable, and at the modem"])
        }
        Some(_) => Finding::ok(code, format!("the WAN device {device} is up")),
    }
}

fn bridged(sides: &Sides, network: &Network) -> Vec<Finding> {
    let code = Code::BRIDGED;
    let mut found = Vec::new();
    for wan in &sides.wan {
        let Some(bridge) = network.link(wan).and_then(|link| network.bridge_of(link)) else { continue };
        let joins = |zone: &&str| {
            bridge.name == *zone
                || network.link(zone).and_then(|link| network.bridge_of(link)).is_some_and(|of| of == bridge)
        };
        for zone in sides.zone_devices().filter(joins) {
            found.push(
                Finding::problem(
                    code,
                    format!("the WAN device {wan} and {zone} are on one bridge, {}", bridge.name),
                )
                .because(
                    "guests reach the network behind the WAN without passing a rule: no portal, no limit",
                )
                .fix([format!("ip link set {wan} nomaster    # and in your network configuration")]),
            );
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(code, "no bridge joins a zone and the WAN"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::doctor::gather::network;

    fn of(
        links: &[(&str, Option<&str>)],
        addresses: &[(&str, &str)],
        zone: &str,
    ) -> Vec<(&'static str, Severity)> {
        let sides = Sides::new([("guests", zone)], ["wan"]);
        let found = judge(&sides, &Ok(network(links, addresses, &[])), System::Debian);
        found.into_iter().map(|finding| (finding.code.as_str(), finding.severity)).collect()
    }

    #[test]
    fn devices_and_bridges_are_judged() {
        let (zone, wan, bridged) = ("zone-device", "wan-device", "bridged");
        let links = [("br-lan", None), ("lan1", Some("br-lan")), ("wan", None)];
        let v4 = [("br-lan", "10.0.0.1"), ("br-lan", "fe80::1")];
        assert_eq!(of(&links, &v4, "br-lan"), [(zone, Well), (wan, Well), (bridged, Well)]);
        assert_eq!(of(&links, &v4, "lan1")[0], (zone, Problem), "a port");
        assert_eq!(of(&links, &v4, "br-none")[0], (zone, Problem));
        assert_eq!(of(&links, &[("br-lan", "fe80::1")], "br-lan")[0], (zone, Problem), "link-local alone");
        assert_eq!(of(&links, &[("br-lan", "fd77::1")], "br-lan")[0], (zone, Warning));
        let in_bridge = [("br-lan", None), ("wan", Some("br-lan"))];
        assert_eq!(of(&in_bridge, &v4, "br-lan")[2], (bridged, Problem));
        let both = [("br-x", None), ("lan1", Some("br-x")), ("wan", Some("br-x"))];
        assert_eq!(of(&both, &[], "lan1"), [(zone, Problem), (wan, Well), (bridged, Problem)]);
        assert_eq!(of(&links[..2], &v4, "br-lan")[1], (wan, Problem), "no such device");
    }

    #[test]
    fn what_is_off_is_told_apart_from_what_is_not_plugged_in() {
        let mut there = network(&[("br-lan", None), ("wan", None)], &[("br-lan", "10.0.0.1")], &[]);
        for link in &mut there.links {
            link.up = false;
        }
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let severities = |there: &Network| -> Vec<Severity> {
            judge(&sides, &Ok(there.clone()), System::Debian).iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(severities(&there), [Warning, Warning, Well]);
        for link in &mut there.links {
            link.enabled = false;
        }
        assert_eq!(severities(&there), [Problem, Warning, Well]);
        assert_eq!(judge(&sides, &Err("no socket".to_owned()), System::Debian).len(), 3);
    }
}
