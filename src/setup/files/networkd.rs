//! The bridge by systemd-networkd.

use std::fmt::Write as _;

use ipnet::{Ipv4Net, Ipv6Net};

use super::super::{Command, DeviceName, Facts, MARK, NewFile, Refused};

/// The file that makes the bridge.
pub(in super::super) const NETDEV: &str = "/etc/systemd/network/50-turnpike-bridge.netdev";
/// The file that gives it its addresses.
pub(in super::super) const NETWORK: &str = "/etc/systemd/network/50-turnpike-bridge.network";
/// The file that puts cards into it.
pub(in super::super) const PORTS: &str = "/etc/systemd/network/50-turnpike-ports.network";

/// Of two files for one device the first by its name counts, from whichever of these.
const FOLDERS: [&str; 3] = ["/etc/systemd/network", "/run/systemd/network", "/usr/lib/systemd/network"];

/// Refuses if systemd-networkd cannot be told, or if a file that comes before ours is meant for one of these devices.
pub(in super::super) fn must_be_free(
    facts: &Facts,
    bridge: &DeviceName,
    ports: &[DeviceName],
) -> Result<(), Refused> {
    if facts.systemd_runs() && !facts.has("/run/dbus/system_bus_socket") {
        return Err(Refused::new(
            "systemd-networkd is told of changes over D-Bus, which does not run: apt-get install dbus, and come again",
        ));
    }
    for folder in FOLDERS {
        for (name, text) in facts.within(folder) {
            let is_before = name.ends_with(".network") && name < "50-turnpike-";
            let patterns = names_matched(text);
            let meant = |device: &&DeviceName| {
                patterns.iter().any(|pattern| matches(pattern.as_bytes(), device.as_str().as_bytes()))
            };
            if let Some(device) = ports.iter().chain([bridge]).find(meant).filter(|_| is_before) {
                return Err(Refused::new(format!(
                    "{folder}/{name} comes first and is meant for {device} ({}): let it name other devices, and come again",
                    patterns.join(" ")
                )));
            }
        }
    }
    Ok(())
}

/// The patterns of names that a `.network` file matches; one that matches by other things alone may match any.
fn names_matched(text: &str) -> Vec<&str> {
    let mut in_match = false;
    let (mut names, mut others) = (Vec::new(), false);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if line.starts_with('[') {
            in_match = line == "[Match]";
        } else if let Some((key, value)) = line.split_once('=').filter(|_| in_match) {
            match key.trim() {
                "Name" => names.extend(value.split_whitespace()),
                // Of the others those that a wired card may have.
                "Type" if !value.split_whitespace().any(|kind| kind == "ether") => names.push(""),
                _ => others = true,
            }
        }
    }
    if names.is_empty() && others { vec!["*"] } else { names }
}

/// Whether a name fits a pattern with `*` and `?`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, name) || name.split_first().is_some_and(|(_, name)| matches(pattern, name))
        }
        (Some((b'?', rest)), Some((_, name))) => matches(rest, name),
        (Some((letter, rest)), Some((first, name))) => letter == first && matches(rest, name),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The files.
pub(in super::super) fn files(
    bridge: &DeviceName,
    ports: &[DeviceName],
    v4: Ipv4Net,
    v6: Option<Ipv6Net>,
) -> Vec<NewFile> {
    let netdev =
        format!("{MARK}\n[NetDev]\nName={bridge}\nKind=bridge\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n");
    let mut network = format!(
        "{MARK}\n# The guests' network: it is there also while no cable is.\n[Match]\nName={bridge}\n\n[Link]\nRequiredForOnline=no\n\n\
         [Network]\nAddress={v4}\n"
    );
    if let Some(v6) = v6 {
        // Writing to a string does not fail.
        let _ = writeln!(network, "Address={v6}");
    }
    network.push_str("DHCP=no\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes\n");
    let mut made = vec![NewFile::system(NETDEV, netdev), NewFile::system(NETWORK, network)];
    if !ports.is_empty() {
        let names = ports.iter().map(DeviceName::as_str).collect::<Vec<_>>().join(" ");
        let text = format!(
            "{MARK}\n[Match]\nName={names}\n\n[Link]\nRequiredForOnline=no\n\n[Network]\nBridge={bridge}\n"
        );
        made.push(NewFile::system(PORTS, text));
    }
    made
}

/// What applies them.
pub(in super::super) fn apply() -> Command {
    Command::new(["networkctl", "reload"], "the guests' bridge comes up")
}

/// What takes the bridge away when the files are gone: by the name that the file gives.
pub(in super::super) fn take_down(facts: &Facts) -> Option<[Command; 2]> {
    let bridge = facts.text(NETDEV)?.lines().find_map(|line| line.strip_prefix("Name="))?;
    let reload = Command::new(["networkctl", "reload"], "the cards are nobody's again");
    Some([reload, Command::new(["networkctl", "delete", bridge], "the guests' bridge goes")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{device, plain_box};

    #[test]
    fn the_files_are_these() {
        let made = files(
            &device("br-guest"),
            &[device("eth1"), device("eth2")],
            "192.168.77.1/24".parse().unwrap(),
            Some("fd12:3456:789a::1/64".parse().unwrap()),
        );
        let texts: Vec<&str> = made.iter().map(|file| file.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
[NetDev]
Name=br-guest
Kind=bridge

[Bridge]
STP=no
ForwardDelaySec=0
"#,
                r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
# The guests' network: it is there also while no cable is.
[Match]
Name=br-guest

[Link]
RequiredForOnline=no

[Network]
Address=192.168.77.1/24
Address=fd12:3456:789a::1/64
DHCP=no
IPv6AcceptRA=no
ConfigureWithoutCarrier=yes
"#,
                r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
[Match]
Name=eth1 eth2

[Link]
RequiredForOnline=no

[Network]
Bridge=br-guest
"#,
            ]
        );
    }

    #[test]
    fn a_file_that_comes_first_and_means_a_card_is_in_the_way() {
        let (bridge, ports) = (device("br-guest"), [device("eth1")]);
        let is_free = |name: &str, text: &str| {
            let mut facts = plain_box();
            facts.exists.insert("/run/dbus/system_bus_socket".into());
            facts.files.insert(format!("/run/systemd/network/{name}").into(), text.to_owned());
            must_be_free(&facts, &bridge, &ports)
        };
        let said = must_be_free(&plain_box(), &bridge, &ports).unwrap_err().0;
        assert!(said.contains("apt-get install dbus"), "{said}");
        let said =
            is_free("10-netplan-all.network", "[Match]\nName=e*\n[Network]\nDHCP=yes\n").unwrap_err().0;
        assert!(said.contains("10-netplan-all.network comes first and is meant for eth1 (e*)"), "{said}");
        assert!(is_free("10-any.network", "[Match]\nType=ether\n").is_err());
        for (name, text) in [
            ("10-one.network", "[Match]\nName=eth0\n"),
            ("10-wlan.network", "[Match]\nType=wlan\n"),
            ("80-late.network", "[Match]\nName=*\n"),
            ("10-link.link", "[Match]\nName=*\n"),
            ("10-else.network", "# [Match]\n[Network]\nName=eth1\n"),
        ] {
            assert_eq!(is_free(name, text), Ok(()), "{name}");
        }
    }
}
