use std::path::PathBuf;

use super::files::{dnsmasq, hostapd, ifupdown, is_ours, nat, networkd, sysctl};
use super::{Command, Facts, MARK, Plan, Step};

/// Takes back what `--create-network` made, as far as it is there: files that begin with [`MARK`], and a line in
/// `/etc/nftables.conf`. The configuration of Turnpike stays.
pub fn undo(facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    let remove = |plan: &mut Plan, path: &str| {
        if is_ours(facts, path) {
            plan.steps.push(Step::Remove(PathBuf::from(path)));
        }
    };
    let is_access_point = |name: &&str| name.ends_with(".conf");
    for (name, _) in
        facts.within(hostapd::FOLDER).filter(|(name, text)| is_access_point(name) && text.starts_with(MARK))
    {
        let unit = hostapd::unit(name.trim_end_matches(".conf"));
        plan.steps.push(Step::Run(Command::new(
            ["systemctl", "disable", "--now", &unit],
            "the access point stops",
        )));
        remove(&mut plan, &format!("{}/{name}", hostapd::FOLDER));
    }
    if is_ours(facts, dnsmasq::FILE) {
        plan.steps.push(Step::Run(dnsmasq::take_down()));
        remove(&mut plan, dnsmasq::FILE);
        plan.steps.push(Step::Run(dnsmasq::restart()));
    }
    let include = nat::include();
    if facts.text(nat::MAIN).is_some_and(|text| text.lines().any(|line| line.trim() == include)) {
        plan.steps.push(Step::TakeOut {
            path: PathBuf::from(nat::MAIN),
            line: include,
            copy: PathBuf::from(nat::COPY),
        });
        plan.notes.push(
            "nftables.service stays as it is: systemctl disable nftables.service if nobody needs it"
                .to_owned(),
        );
    }
    if is_ours(facts, nat::FILE) {
        remove(&mut plan, nat::FILE);
        plan.steps.push(Step::Run(nat::take_down()));
    }
    if is_ours(facts, ifupdown::FILE) {
        plan.steps.extend(ifupdown::take_down(facts).map(Step::Run));
        remove(&mut plan, ifupdown::FILE);
    }
    let by_networkd = [networkd::PORTS, networkd::NETWORK, networkd::NETDEV];
    if by_networkd.iter().any(|path| is_ours(facts, path)) {
        for path in by_networkd {
            remove(&mut plan, path);
        }
        plan.steps.extend(networkd::take_down(facts).into_iter().flatten().map(Step::Run));
    }
    if is_ours(facts, sysctl::FILE) {
        remove(&mut plan, sysctl::FILE);
        plan.notes.push("this box goes on passing packets on until it is started again".to_owned());
    }
    if plan.steps.is_empty() {
        plan.notes.push("there is nothing of turnpike setup --create-network here".to_owned());
    } else {
        plan.notes.push("the configuration of Turnpike stays as it is".to_owned());
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{choices, network, plain_box, wifi};
    use crate::setup::{Choices, GuestNetwork, plan};

    /// The box after a plan was carried out.
    fn after(choices: &Choices, mut facts: Facts) -> Facts {
        for step in plan(choices, &facts).unwrap().steps {
            match step {
                Step::Write(file) => {
                    facts.files.insert(file.path, file.text);
                }
                Step::Append { path, line, .. } => {
                    facts.files.entry(path).or_default().push_str(&format!("{line}\n"));
                }
                Step::Configure { .. } | Step::TakeOut { .. } | Step::Remove(_) | Step::Run(_) => {}
            }
        }
        facts
    }

    #[test]
    fn all_that_was_made_goes_and_nothing_else() {
        let network = GuestNetwork { wifi: Some(wifi()), ..network() };
        let choices = Choices { network: Some(network), ..choices() };
        let mut facts = after(&choices, plain_box());
        // Not ours, though it is called so.
        facts.files.insert(sysctl::FILE.into(), "net.ipv4.ip_forward = 1\n".to_owned());
        let lines: Vec<String> = undo(&facts)
            .steps
            .iter()
            .map(|step| match step {
                Step::Remove(path) => format!("rm {}", path.display()),
                Step::TakeOut { path, line, copy } => {
                    format!("{} without {line}, then {}", path.display(), copy.display())
                }
                Step::Run(command) => command.line(),
                Step::Configure { .. } | Step::Write(_) | Step::Append { .. } => panic!("{step:?}"),
            })
            .collect();
        assert_eq!(
            lines,
            [
                "systemctl disable --now hostapd@wlan0.service",
                "rm /etc/hostapd/wlan0.conf",
                "systemctl disable --now turnpike-dnsmasq.path turnpike-refill.path",
                "rm /etc/dnsmasq.d/turnpike-guests.conf",
                "systemctl restart dnsmasq.service",
                "/etc/nftables.conf without include \"/etc/nftables.d/turnpike-nat.nft\", then /etc/nftables.conf.before-turnpike",
                "rm /etc/nftables.d/turnpike-nat.nft",
                "nft 'add table inet turnpike_nat; delete table inet turnpike_nat'",
                "ifdown br-guest",
                "rm /etc/network/interfaces.d/turnpike",
            ]
        );
    }

    #[test]
    fn where_nothing_was_made_nothing_is_undone() {
        let plan = undo(&plain_box());
        assert!(plan.steps.is_empty());
        assert!(plan.notes[0].contains("nothing of turnpike setup"), "{:?}", plan.notes);
    }
}
