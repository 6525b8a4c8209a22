//! What a plain box lacks for guests, and what must not be touched on the way.

use ipnet::{Ipv4Net, Ipv6Net};

use super::addresses;
use super::ask::{Part, Question};
use super::facts::DeviceKind;
use super::files::{dnsmasq, ifupdown, is_ours, networkd};
use super::{
    DeviceName, Facts, GuestNetwork, Manage, Networking, NewBridge, Refused, Topic, Wifi, Wishes, guess,
};

/// The guests' network that somebody else made.
pub(super) fn must_be_there(wishes: &Wishes, facts: &Facts, guest: &DeviceName) -> Result<(), Refused> {
    let given = [
        (Topic::Ports, wishes.ports.is_some()),
        (Topic::Address, wishes.address.is_some()),
        (Topic::Address6, wishes.address6.is_some()),
        (Topic::Wlan, wishes.wlan.is_some()),
        (Topic::Ssid, wishes.ssid.is_some()),
        (Topic::Passphrase, wishes.passphrase.is_some()),
    ];
    if let Some((topic, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Refused::new(format!("{} goes with --create-network", topic.flag())));
    }
    match facts.device(guest.as_str()) {
        Some(device) => match &device.bridge {
            Some(bridge) => Err(Refused::new(format!(
                "{guest} is a port of {bridge}, and guests are seen on that: --guest {bridge}"
            ))),
            None => Ok(()),
        },
        None => Err(Refused::new(format!(
            "there is no network device {guest}; with --create-network a bridge of that name is made"
        ))),
    }
}

/// What is made.
pub(super) fn decide(
    wishes: &Wishes,
    facts: &Facts,
    wan: &DeviceName,
    guest: &DeviceName,
) -> Result<Part<GuestNetwork>, Refused> {
    plain(wan)?;
    plain(guest)?;
    if !facts.has("/usr/lib/systemd/system/dnsmasq.service") {
        return Err(Refused::new(
            "guests need DHCP and DNS, and dnsmasq is not installed: apt-get install dnsmasq, and come again",
        ));
    }
    if !facts.has("/usr/sbin/sysctl") {
        return Err(Refused::new("sysctl is not installed: apt-get install procps, and come again"));
    }
    dnsmasq::must_be_free(facts)?;
    let wifi = wifi(wishes, facts, wan)?;
    let is_theirs = !is_ours(facts, ifupdown::FILE) && !is_ours(facts, networkd::NETDEV);
    let (bridge, v4, v6) = match facts.device(guest.as_str()).filter(|_| is_theirs) {
        Some(device) => {
            let (v4, v6) = addresses::there(wishes, device)?;
            if wifi.is_some() && device.kind != DeviceKind::Bridge {
                return Err(Refused::new(format!(
                    "{guest} is no bridge: the Wi-Fi card cannot be put into it"
                )));
            }
            if let Some(ports) = wishes.ports.as_ref().filter(|ports| !ports.is_empty()) {
                let port = ports.first().map_or("", DeviceName::as_str);
                return Err(Refused::new(format!(
                    "{guest} is there already and is left as it is: {port} is not put into it (--ports)"
                )));
            }
            (None, v4, v6)
        }
        None => {
            let manager = manager(facts)?;
            let ports = match &wishes.ports {
                Some(ports) => ports.clone(),
                None => match guess::ports(facts, wan.as_str(), guest.as_str(), managed_on(wishes)) {
                    None if wifi.is_some() => Vec::new(),
                    guess => {
                        let text =
                            format!("Which cards go into the guests' bridge {guest}? Commas between them");
                        return Ok(Part::Ask(Question::new(Topic::Ports, text, guess)));
                    }
                },
            };
            if ports.is_empty() && wifi.is_none() {
                return Err(Refused::new("a bridge without a card: --ports DEV, or --wlan DEV --ssid NAME"));
            }
            for port in &ports {
                check_port(wishes, facts, wan, guest, port)?;
            }
            let (v4, v6) = addresses::made(wishes, facts, guest, &ports)?;
            match manager {
                Networking::NetworkManager => return Err(by_nmcli(guest, &ports, v4, v6)),
                Networking::Ifupdown => ifupdown::must_be_free(facts, guest, &ports)?,
                Networking::Networkd => networkd::must_be_free(facts, guest, &ports)?,
                Networking::Unknown => {}
            }
            (Some(NewBridge { by: manager, ports }), v4, v6)
        }
    };
    Ok(Part::Done(GuestNetwork { device: guest.clone(), bridge, v4, v6, wifi }))
}

fn managed_on(wishes: &Wishes) -> Option<&str> {
    match &wishes.manage {
        Some(Manage::On(device)) => Some(device.as_str()),
        Some(Manage::FromGuests | Manage::Loopback) | None => None,
    }
}

/// A name that is written into files which programs read that expect nothing odd.
fn plain(device: &DeviceName) -> Result<(), Refused> {
    if device.is_plain() {
        return Ok(());
    }
    Err(Refused::new(format!(
        "{device:?}: for --create-network a device's name has letters, digits, dots, - and _ only",
        device = device.as_str()
    )))
}

fn manager(facts: &Facts) -> Result<Networking, Refused> {
    match facts.networking() {
        Networking::Unknown => Err(Refused::new(
            "neither ifupdown nor systemd-networkd sets up the network here. Make a bridge of the guests' cards with an address \
             by what does, and come again with --guest BRIDGE",
        )),
        known @ (Networking::Ifupdown | Networking::Networkd | Networking::NetworkManager) => Ok(known),
    }
}

/// A card that something hangs on is left alone.
fn check_port(
    wishes: &Wishes,
    facts: &Facts,
    wan: &DeviceName,
    guest: &DeviceName,
    port: &DeviceName,
) -> Result<(), Refused> {
    plain(port)?;
    let no = |why: String| Err(Refused::new(format!("--ports: {port} {why}")));
    let Some(device) = facts.device(port.as_str()) else { return no("is not there".to_owned()) };
    if port == wan || facts.default_routes.contains(&device.name) {
        return no("leads to the Internet: it is not put into the guests' bridge".to_owned());
    }
    if facts.called_over(port.as_str()) {
        return no("is what you called over by ssh: you would be cut off".to_owned());
    }
    if managed_on(wishes) == Some(port.as_str()) {
        return no("is what the box is managed over (--manage)".to_owned());
    }
    if port == guest {
        return no("would be a port of itself: name the bridge with --guest".to_owned());
    }
    match device.kind {
        DeviceKind::Card => {}
        DeviceKind::Wireless => return no("is a Wi-Fi card: --wlan with --ssid".to_owned()),
        DeviceKind::Bridge | DeviceKind::Other => return no("is no network card".to_owned()),
    }
    if let Some(bridge) = device.bridge.as_ref().filter(|bridge| *bridge != guest.as_str()) {
        return no(format!("is a port of {bridge} already"));
    }
    if let Some(other) = facts.made_on(&device.name) {
        return no(format!("carries {}: it is not free", other.name));
    }
    match device.address() {
        Some(address) => no(format!("has the address {address}: take it away first if nobody needs it")),
        None => Ok(()),
    }
}

fn wifi(wishes: &Wishes, facts: &Facts, wan: &DeviceName) -> Result<Option<Wifi>, Refused> {
    let (device, ssid) = match (&wishes.wlan, &wishes.ssid) {
        (None, None) if wishes.passphrase.is_none() => return Ok(None),
        (Some(device), Some(ssid)) => (device, ssid),
        (Some(_), None) | (None, Some(_)) | (None, None) => {
            return Err(Refused::new("an access point needs --wlan DEV and --ssid NAME"));
        }
    };
    let no = |why: &str| Err(Refused::new(format!("--wlan: {device} {why}")));
    // It names a unit of systemd, which writes other signs otherwise.
    if !device.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return no("must have letters, digits and _ only");
    }
    let Some(found) = facts.device(device.as_str()) else { return no("is not there") };
    if found.kind != DeviceKind::Wireless {
        return no("is no Wi-Fi card");
    }
    if device == wan || facts.default_routes.contains(&found.name) {
        return no("leads to the Internet");
    }
    if facts.called_over(&found.name) {
        return no("is what you called over by ssh: you would be cut off");
    }
    if !facts.has("/usr/sbin/hostapd") {
        return Err(Refused::new("hostapd is not installed: apt-get install hostapd, and come again"));
    }
    Ok(Some(Wifi { device: device.clone(), ssid: ssid.clone(), passphrase: wishes.passphrase.clone() }))
}

/// NetworkManager keeps its own books: what is to be typed there.
fn by_nmcli(guest: &DeviceName, ports: &[DeviceName], v4: Ipv4Net, v6: Option<Ipv6Net>) -> Refused {
    let v6 = match v6 {
        Some(v6) => format!("ipv6.method manual ipv6.addresses {v6}"),
        None => "ipv6.method disabled".to_owned(),
    };
    let mut lines = vec![
        "NetworkManager sets up the network here, and its files are its own. These commands make the bridge:"
            .to_owned(),
        format!(
            "    nmcli connection add type bridge con-name turnpike-guests ifname {guest} bridge.stp no ipv4.method manual \
             ipv4.addresses {v4} {v6}"
        ),
    ];
    for port in ports {
        lines.push(format!(
            "    nmcli connection add type ethernet con-name turnpike-{port} ifname {port} master {guest} slave-type bridge"
        ));
    }
    lines.push("    nmcli connection up turnpike-guests".to_owned());
    lines.extend(ports.iter().map(|port| format!("    nmcli connection up turnpike-{port}")));
    lines.push(format!(
        "Then come again with --create-network --guest {guest}, without --ports: DHCP and masquerading are made for what is there"
    ));
    Refused(lines.join("\n"))
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
