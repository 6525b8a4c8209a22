//! A plain Debian box with two network cards, for tests.

use std::net::IpAddr;
use std::path::PathBuf;

use super::facts::DeviceKind;
use super::{Choices, Device, DeviceName, Facts, GuestNetwork, Listen, Networking, NewBridge, Wifi};
use crate::domain::{AccountName, Currency};

pub(super) fn device(name: &str) -> DeviceName {
    DeviceName::parse(name).unwrap()
}

pub(super) fn card(name: &str, addresses: &[&str]) -> Device {
    Device {
        name: name.to_owned(),
        kind: DeviceKind::Card,
        up: true,
        bridge: None,
        on: None,
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    }
}

/// As Debian's installer leaves it, with dnsmasq.
pub(super) fn plain_box() -> Facts {
    let files = [
        (
            "/etc/network/interfaces",
            "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet dhcp\n",
        ),
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("/etc/dnsmasq.conf", "# Configuration file for dnsmasq.\n#port=5353\n"),
        (
            "/etc/nftables.conf",
            "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter;\n\t}\n\
             \tchain forward {\n\t\ttype filter hook forward priority filter;\n\t}\n\tchain output {\n\t\ttype filter hook output priority filter;\n\t}\n}\n",
        ),
    ];
    let exists = [
        "/proc/sys/net/ipv6",
        "/run/systemd/system",
        "/usr/sbin/hostapd",
        "/usr/sbin/ifup",
        "/usr/sbin/sysctl",
        "/usr/lib/systemd/system/dnsmasq.service",
    ];
    Facts {
        devices: vec![card("eth0", &["203.0.113.2/24", "fe80::1/64"]), card("eth1", &[])],
        default_routes: vec!["eth0".to_owned()],
        host_name: "harbour".to_owned(),
        program: "/usr/bin/turnpike".to_owned(),
        files: files.map(|(path, text)| (PathBuf::from(path), text.to_owned())).into(),
        exists: exists.map(PathBuf::from).into(),
        ..Facts::default()
    }
}

pub(super) fn network() -> GuestNetwork {
    GuestNetwork {
        device: device("br-guest"),
        bridge: Some(NewBridge { by: Networking::Ifupdown, ports: vec![device("eth1")] }),
        v4: "192.168.77.1/24".parse().unwrap(),
        v6: Some("fd12:3456:789a::1/64".parse().unwrap()),
        wifi: None,
    }
}

pub(super) fn wifi() -> Wifi {
    Wifi { device: device("wlan0"), ssid: "Harbour".to_owned(), passphrase: None }
}

pub(super) fn choices() -> Choices {
    Choices {
        config: PathBuf::from("/etc/turnpike/turnpike.toml"),
        force: false,
        wan: device("eth0"),
        guest: device("br-guest"),
        guest_address: Some(IpAddr::from([192, 168, 77, 1])),
        network: Some(network()),
        listen: Listen::Loopback,
        trusted: Vec::new(),
        ssh_port: 22,
        name: String::new(),
        currency: Currency::default(),
        admin: AccountName::parse("admin").unwrap(),
        plan: None,
    }
}
