//! Passing packets on.

use super::super::{Command, DeviceName, Facts, MARK, Networking, NewFile};

/// The file.
pub(in super::super) const FILE: &str = "/etc/sysctl.d/60-turnpike.conf";

/// The file. Slashes, since a device's name may have a dot.
pub(in super::super) fn file(facts: &Facts, wan: &DeviceName) -> NewFile {
    let mut text = format!("{MARK}\n# What comes from the guests' network is passed on.\n");
    if facts.has_ipv6() {
        // systemd-networkd reads them itself, whatever the kernel is told.
        if facts.networking() != Networking::Networkd {
            text.push_str(&format!(
                "# A box that passes IPv6 on learns no route from its provider any more, unless it is told to: that comes first.\n\
                 -net/ipv6/conf/{wan}/accept_ra = 2\n"
            ));
        }
        text.push_str("net/ipv6/conf/all/forwarding = 1\n");
    }
    text.push_str("net/ipv4/ip_forward = 1\n");
    NewFile::system(FILE, text)
}

/// What applies it.
pub(in super::super) fn apply() -> Command {
    Command::new(["sysctl", "-p", FILE], "packets are passed on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{device, plain_box};

    #[test]
    fn the_file_is_this() {
        let mut facts = plain_box();
        assert_eq!(
            file(&facts, &device("eth0.7")).text,
            r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
# What comes from the guests' network is passed on.
# A box that passes IPv6 on learns no route from its provider any more, unless it is told to: that comes first.
-net/ipv6/conf/eth0.7/accept_ra = 2
net/ipv6/conf/all/forwarding = 1
net/ipv4/ip_forward = 1
"#
        );
        facts.exists.retain(|path| !path.starts_with("/proc"));
        assert!(!file(&facts, &device("eth0")).text.contains("ipv6"));
    }
}
