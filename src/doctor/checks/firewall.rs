use crate::doctor::gather::{Known, Process};
use crate::doctor::ruleset::Ruleset;
use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Place};

/// Which firewalls are here, and what they mean for Turnpike.
pub fn judge(
    place: &Place,
    ruleset: &Known<Ruleset>,
    processes: &Known<Vec<Process>>,
    system: System,
) -> Vec<Finding> {
    let code = Code::FIREWALL;
    let runs = |name: &str| processes.iter().flatten().any(|process| process.name == name);
    let has_table =
        |name: &str| ruleset.iter().any(|ruleset| ruleset.tables.iter().any(|table| table.name == name));
    let text = |path: &str| place.read_if_there(path).ok().flatten().unwrap_or_default();
    let mut found = Vec::new();
    if has_table("fw4") || place.has("/sbin/fw4") {
        found.push("firewall4: its restart leaves the table inet turnpike alone, its stop may flush it");
    }
    if has_table("firewalld") || runs("firewalld") {
        found.push("firewalld: its rules come before Turnpike's, and what they drop is not charged");
    }
    if text("/etc/ufw/ufw.conf").lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes")) {
        found.push(
            "ufw: it drops what is forwarded unless DEFAULT_FORWARD_POLICY or a route rule says otherwise",
        );
    }
    if runs("dockerd") || has_docker(ruleset) {
        found.push("Docker: it sets the policy of FORWARD to drop; exceptions belong into DOCKER-USER");
    }
    if flushes_at_start(place) {
        found.push("nftables.service: its file begins with 'flush ruleset'");
    }
    let loaded = legacy_tables(place);
    if !loaded.is_empty() {
        let text = format!("iptables-legacy has rules in {}, which nft does not show", loaded.join(", "));
        let because = "whether they drop guests' packets or write marks could not be looked at";
        let migrate =
            "update-alternatives --set iptables /usr/sbin/iptables-nft    # and load the rules again";
        let openwrt = system.install("", "iptables-nft");
        return vec![
            Finding::warning(code, text)
                .because(because)
                .fix(["iptables-legacy-save", system.say(migrate, openwrt.as_str())]),
        ];
    }
    if found.is_empty() {
        return vec![Finding::ok(code, "no other firewall was found")];
    }
    let flushed = "what is flushed is put back within a second while the daemon runs";
    found.into_iter().map(|text| Finding::ok(code, format!("{text}; {flushed}"))).collect()
}

fn has_docker(ruleset: &Known<Ruleset>) -> bool {
    ruleset.iter().any(|ruleset| ruleset.has_chain("ip", "filter", "DOCKER-USER"))
}

/// Whether Debian's service is enabled and its file flushes everything.
fn flushes_at_start(place: &Place) -> bool {
    let is_enabled = ["sysinit.target.wants", "multi-user.target.wants"].iter().any(|target| {
        place.path(format!("/etc/systemd/system/{target}/nftables.service")).symlink_metadata().is_ok()
    });
    let file = place.read_if_there("/etc/nftables.conf").ok().flatten().unwrap_or_default();
    is_enabled && file.lines().any(|line| line.split_whitespace().take(2).eq(["flush", "ruleset"]))
}

/// The tables of the old iptables that are in use.
pub fn legacy_tables(place: &Place) -> Vec<String> {
    let mut tables: Vec<String> = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"]
        .iter()
        .filter_map(|path| place.read(path).ok())
        .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    tables.sort();
    tables.dedup();
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::place::with_files;
    use crate::doctor::ruleset::of_objects;

    fn of(files: &[(&str, &str)], objects: &str, process: &str) -> Vec<(Severity, String)> {
        let (_dir, place) = with_files(files);
        let processes = Ok(vec![Process { id: 1, name: process.to_owned() }]);
        let found = judge(&place, &Ok(of_objects(objects)), &processes, System::Debian);
        found.into_iter().map(|finding| (finding.severity, finding.what)).collect()
    }

    #[test]
    fn each_firewall_is_known_by_its_traces() {
        let enabled = "/etc/systemd/system/sysinit.target.wants/nftables.service";
        let flush = "#!/usr/sbin/nft -f\n  flush   ruleset\n";
        for (files, objects, process, word) in [
            (vec![], r#"{"table": {"family": "inet", "name": "fw4"}}"#, "", "firewall4"),
            (vec![], "", "firewalld", "firewalld"),
            (vec![("/etc/ufw/ufw.conf", "ENABLED=yes\n")], "", "", "ufw"),
            (
                vec![],
                r#"{"chain": {"family": "ip", "table": "filter", "name": "DOCKER-USER"}}"#,
                "",
                "Docker",
            ),
            (vec![("/etc/nftables.conf", flush), (enabled, "")], "", "", "nftables.service"),
            (vec![("/etc/nftables.conf", flush)], "", "", "no other firewall"),
            (vec![("/etc/ufw/ufw.conf", "ENABLED=no\n")], "", "", "no other firewall"),
        ] {
            let found = of(&files, objects, process);
            assert!(
                found.len() == 1 && found[0].0 == Severity::Ok && found[0].1.contains(word),
                "{word}: {found:?}"
            );
        }
        let legacy = of(&[("/proc/net/ip_tables_names", "nat\nfilter\n")], "", "");
        assert!(legacy[0].0 == Severity::Warning && legacy[0].1.contains("filter, nat"), "{legacy:?}");
    }
}
