use super::super::ask::{Next, next};
use super::*;
use crate::setup::Caller;
use crate::setup::sample::{card, device, plain_box};

fn made(more: &[(Topic, &str)], facts: &Facts) -> Result<GuestNetwork, String> {
    let mut wishes = Wishes::default();
    for (topic, answer) in more {
        wishes.answer(*topic, answer).unwrap();
    }
    let guest = wishes.guest.clone().unwrap_or_else(|| device("br-guest"));
    match decide(&wishes, facts, &device("eth0"), &guest).map_err(|refused| refused.0)? {
        Part::Done(network) => Ok(network),
        Part::Ask(question) => Err(format!("{:?}: {:?}", question.topic, question.guess)),
    }
}

const ETH1: (Topic, &str) = (Topic::Ports, "eth1");

#[test]
fn only_cards_that_nothing_hangs_on_go_into_the_bridge() {
    let mut facts = plain_box();
    facts.devices.push(card("eth2", &["10.9.0.1/24"]));
    facts.devices.push(card("eth3", &[]));
    facts.devices[3].bridge = Some("br0".to_owned());
    facts.devices.push(card("eth4", &[]));
    facts.devices[4].kind = DeviceKind::Wireless;
    facts.devices.push(card("eth5", &["fe80::5/64"]));
    facts.devices.push(card("eth6", &[]));
    facts.devices.push(card("eth6.7", &["10.8.0.1/24"]));
    facts.devices[7].kind = DeviceKind::Other;
    facts.devices[7].on = Some("eth6".to_owned());
    facts.caller = Some(Caller {
        address: [192, 0, 2, 7].into(),
        ssh_port: 22,
        device: Some("eth5".to_owned()),
        mac: None,
    });
    assert_eq!(made(&[], &facts).unwrap_err(), "Ports: Some(\"eth1\")");
    for (port, why) in [
        ("eth0", "leads to the Internet"),
        ("eth2", "has the address 10.9.0.1"),
        ("eth3", "is a port of br0 already"),
        ("eth4", "is a Wi-Fi card"),
        ("eth5", "is what you called over by ssh"),
        ("eth6", "carries eth6.7"),
        ("eth9", "is not there"),
        ("br-guest", "is not there"),
        ("a;b", "letters, digits, dots"),
    ] {
        let said = made(&[(Topic::Ports, port)], &facts).unwrap_err();
        assert!(said.contains(why), "{port}: {said}");
    }
    // Under PPPoE any card may be the way out: none is guessed.
    facts.devices[0].kind = DeviceKind::Other;
    assert_eq!(made(&[], &facts).unwrap_err(), "Ports: None");
    facts.devices[0].kind = DeviceKind::Card;
    assert!(made(&[(Topic::Ports, "")], &facts).unwrap_err().contains("a bridge without a card"));
    assert!(
        made(&[(Topic::Guest, "$(reboot)"), ETH1], &facts).unwrap_err().contains("letters, digits, dots")
    );
}

#[test]
fn the_addresses_are_nobody_elses_and_the_same_each_time() {
    let mut facts = plain_box();
    let first = made(&[ETH1], &facts).unwrap();
    assert_eq!(first.v4.to_string(), "192.168.77.1/24");
    let v6 = first.v6.unwrap();
    assert!(v6.to_string().starts_with("fd") && v6.to_string().ends_with("::1/64"), "{v6}");
    assert_eq!(made(&[ETH1], &facts).unwrap().v6, Some(v6));
    facts.files.insert("/etc/machine-id".into(), "another\n".to_owned());
    assert_ne!(made(&[ETH1], &facts).unwrap().v6, Some(v6));
    facts.devices[0] = card("eth0", &["192.168.77.9/16"]);
    assert_eq!(made(&[ETH1], &facts).unwrap().v4.to_string(), "10.77.77.1/24");
    let said = made(&[ETH1, (Topic::Address, "192.168.4.1/24")], &facts).unwrap_err();
    assert!(said.contains("192.168.4.1/24 overlaps with 192.168.77.9/16 on eth0"), "{said}");
    facts.exists.retain(|path| !path.starts_with("/proc"));
    assert_eq!(made(&[ETH1], &facts).unwrap().v6, None);
}

#[test]
fn a_network_that_is_there_is_left_as_it_is() {
    let mut facts = plain_box();
    facts.devices.push(card("eth2", &["10.9.0.1/24", "fe80::1/64", "fd12::1/64"]));
    let network = made(&[(Topic::Guest, "eth2")], &facts).unwrap();
    assert_eq!(network.bridge, None);
    assert_eq!(
        (network.v4.to_string(), network.v6.unwrap().to_string()),
        ("10.9.0.1/24".into(), "fd12::1/64".into())
    );
    for (more, why) in
        [(ETH1, "eth1 is not put into it"), ((Topic::Address, "10.8.0.1/24"), "it has not 10.8.0.1/24")]
    {
        let said = made(&[(Topic::Guest, "eth2"), more], &facts).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    facts.devices[2].addresses.clear();
    assert!(made(&[(Topic::Guest, "eth2")], &facts).unwrap_err().contains("no IPv4 address"));
}

#[test]
fn who_sets_up_the_network_makes_the_bridge() {
    let mut facts = plain_box();
    assert_eq!(made(&[ETH1], &facts).unwrap().bridge.unwrap().by, Networking::Ifupdown);
    facts.exists.insert("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service".into());
    facts.exists.insert("/run/dbus/system_bus_socket".into());
    assert_eq!(made(&[ETH1], &facts).unwrap().bridge.unwrap().by, Networking::Networkd);
    facts.exists.insert("/run/NetworkManager".into());
    let said = made(&[ETH1], &facts).unwrap_err();
    for line in [
        "nmcli connection add type bridge con-name turnpike-guests ifname br-guest",
        "con-name turnpike-eth1 ifname eth1 master br-guest",
        "come again with --create-network --guest br-guest",
    ] {
        assert!(said.contains(line), "{said}");
    }
    facts.exists.clear();
    facts.exists.insert("/usr/sbin/sysctl".into());
    assert!(made(&[ETH1], &facts).unwrap_err().contains("dnsmasq is not installed"));
    facts.exists.insert("/usr/lib/systemd/system/dnsmasq.service".into());
    assert!(made(&[ETH1], &facts).unwrap_err().contains("neither ifupdown nor systemd-networkd"));
}

#[test]
fn an_access_point_needs_a_card_a_name_and_hostapd() {
    let mut facts = plain_box();
    facts.devices.push(card("wlan0", &[]));
    let both = [(Topic::Wlan, "wlan0"), (Topic::Ssid, "Harbour")];
    assert!(made(&both, &facts).unwrap_err().contains("is no Wi-Fi card"));
    facts.devices[2].kind = DeviceKind::Wireless;
    assert!(made(&both[..1], &facts).unwrap_err().contains("--wlan DEV and --ssid NAME"));
    assert!(made(&[(Topic::Passphrase, "by the harbour")], &facts).unwrap_err().contains("--ssid NAME"));
    assert_eq!(made(&both, &facts).unwrap_err(), "Ports: Some(\"eth1\")");
    facts.devices.remove(1);
    let network = made(&both, &facts).unwrap();
    assert_eq!((network.bridge.unwrap().ports, network.wifi.unwrap().ssid.as_str()), (Vec::new(), "Harbour"));
    facts.exists.remove(std::path::Path::new("/usr/sbin/hostapd"));
    assert!(made(&both, &facts).unwrap_err().contains("apt-get install hostapd"));
}

#[test]
fn the_whole_is_asked_for_in_turn() {
    let mut wishes = Wishes::default();
    wishes.answer(Topic::Wan, "eth0").unwrap();
    wishes.answer(Topic::CreateNetwork, "yes").unwrap();
    let Ok(Next::Ask(question)) = next(&wishes, &plain_box()) else { panic!("a question") };
    assert_eq!((question.topic, question.guess.as_deref()), (Topic::Ports, Some("eth1")));
}
