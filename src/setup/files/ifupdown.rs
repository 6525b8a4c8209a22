//! The bridge by ifupdown: Debian's `/etc/network/interfaces`. What makes the bridge is `ip`, so that bridge-utils is not needed.

use std::fmt::Write as _;

use ipnet::{Ipv4Net, Ipv6Net};

use super::super::{Command, DeviceName, Facts, MARK, NewFile, Refused};

/// The file.
pub(in super::super) const FILE: &str = "/etc/network/interfaces.d/turnpike";

const FOLDER: &str = "/etc/network/interfaces.d";
const MAIN: &str = "/etc/network/interfaces";

/// Refuses if somebody else has said something of these devices, or if the folder is not read.
pub(in super::super) fn must_be_free(
    facts: &Facts,
    bridge: &DeviceName,
    ports: &[DeviceName],
) -> Result<(), Refused> {
    let main = facts.text(MAIN).unwrap_or_default();
    let others = facts.within(FOLDER).filter(|(name, _)| *name != "turnpike");
    let all = others.map(|(name, text)| (format!("{FOLDER}/{name}"), text)).chain([(MAIN.to_owned(), main)]);
    for (file, text) in all {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let is_said =
                matches!(words.next(), Some("iface" | "auto")) || line.trim_start().starts_with("allow-");
            let named = words
                .find(|word| *word == bridge.as_str() || ports.iter().any(|port| port.as_str() == *word));
            if let Some(device) = named.filter(|_| is_said) {
                return Err(Refused::new(format!(
                    "{file} sets {device} up already ({}): take that out first, or take another device",
                    line.trim()
                )));
            }
        }
    }
    let reads_folder = |line: &str| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("source" | "source-directory"))
            && words.next().is_some_and(|path| path.trim_end_matches("/*").trim_end_matches('/') == FOLDER)
    };
    if main.lines().any(reads_folder) {
        Ok(())
    } else {
        Err(Refused::new(format!(
            "{MAIN} does not read {FOLDER}: add the line  source {FOLDER}/*  and come again"
        )))
    }
}

/// The file.
pub(in super::super) fn file(
    bridge: &DeviceName,
    ports: &[DeviceName],
    v4: Ipv4Net,
    v6: Option<Ipv6Net>,
) -> NewFile {
    let mut text = format!(
        "{MARK}\n\
         # The guests' network.\n\
         auto {bridge}\n\
         iface {bridge} inet static\n    \
             address {v4}\n    \
             pre-up ip link show dev {bridge} >/dev/null 2>&1 || ip link add name {bridge} type bridge stp_state 0 forward_delay 0\n"
    );
    for port in ports {
        // One card that is missing does not keep the others out. Writing to a string does not fail.
        let _ = writeln!(
            text,
            "    up ip link set dev {port} master {bridge} up || echo \"{port} is not in {bridge}\" >&2"
        );
    }
    let _ = writeln!(text, "    post-down ip link delete dev {bridge}");
    if let Some(v6) = v6 {
        let _ = write!(
            text,
            "# Nobody else has its address: it is there at once, also while no cable is.\n\
             iface {bridge} inet6 static\n    address {v6}\n    dad-attempts 0\n    accept_ra 0\n"
        );
    }
    NewFile::system(FILE, text)
}

/// What applies it.
pub(in super::super) fn apply(bridge: &DeviceName) -> Command {
    Command::new(["ifup", bridge.as_str()], "the guests' bridge comes up")
}

/// What takes it down, while the file is still there: by the name that the file gives.
pub(in super::super) fn take_down(facts: &Facts) -> Option<Command> {
    let bridge = facts.text(FILE)?.lines().find_map(|line| line.strip_prefix("auto "))?;
    Some(Command::new(["ifdown", bridge], "the guests' bridge goes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{device, plain_box};

    #[test]
    fn the_file_is_this() {
        let made = file(
            &device("br-guest"),
            &[device("eth1"), device("eth2")],
            "192.168.77.1/24".parse().unwrap(),
            Some("fd12:3456:789a::1/64".parse().unwrap()),
        );
        assert_eq!(made.path.to_str(), Some(FILE));
        assert_eq!(
            made.text,
            r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
# The guests' network.
auto br-guest
iface br-guest inet static
    address 192.168.77.1/24
    pre-up ip link show dev br-guest >/dev/null 2>&1 || ip link add name br-guest type bridge stp_state 0 forward_delay 0
    up ip link set dev eth1 master br-guest up || echo "eth1 is not in br-guest" >&2
    up ip link set dev eth2 master br-guest up || echo "eth2 is not in br-guest" >&2
    post-down ip link delete dev br-guest
# Nobody else has its address: it is there at once, also while no cable is.
iface br-guest inet6 static
    address fd12:3456:789a::1/64
    dad-attempts 0
    accept_ra 0
"#
        );
        let mut facts = plain_box();
        facts.files.insert(FILE.into(), made.text);
        assert_eq!(take_down(&facts).unwrap().line(), "ifdown br-guest");
    }

    #[test]
    fn what_somebody_else_said_of_a_card_stands() {
        let (bridge, ports) = (device("br-guest"), [device("eth1")]);
        let mut facts = plain_box();
        assert_eq!(must_be_free(&facts, &bridge, &ports), Ok(()));
        facts.files.insert(format!("{FOLDER}/office").into(), "# eth1\nallow-hotplug eth1\n".to_owned());
        let said = must_be_free(&facts, &bridge, &ports).unwrap_err().0;
        assert!(said.contains("/office sets eth1 up") && said.contains("(allow-hotplug eth1)"), "{said}");
        facts.files.insert(format!("{FOLDER}/office").into(), "iface eth11 inet dhcp\n".to_owned());
        assert_eq!(must_be_free(&facts, &bridge, &ports), Ok(()));
        facts.files.insert(MAIN.into(), "source /etc/network/other/*\n".to_owned());
        assert!(must_be_free(&facts, &bridge, &ports).unwrap_err().0.contains("does not read"));
        facts.files.insert(MAIN.into(), "source-directory /etc/network/interfaces.d\n".to_owned());
        assert_eq!(must_be_free(&facts, &bridge, &ports), Ok(()));
    }
}
