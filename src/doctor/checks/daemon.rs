use std::path::Path;

use crate::doctor::gather::{Daemon, Known};
use crate::doctor::ruleset::Ruleset;
use crate::doctor::system::System;
use crate::doctor::walk::names_in;
use crate::doctor::{Code, Finding, Sides};

/// Whether the daemon runs, and what it says.
pub fn judge(daemon: &Known<Daemon>, socket: &Path, system: System) -> Vec<Finding> {
    let code = Code::DAEMON;
    match daemon {
        Ok(Daemon::Runs { since, warnings, .. }) => {
            let since = since.as_ref().map_or_else(String::new, |since| format!(" since {since}"));
            let runs = format!("the daemon runs{since} and answers on {}", socket.display());
            let says = warnings.iter().map(|warning| {
                Finding::warning(Code::DAEMON_SAYS, warning)
                    .because("the running daemon warns of it, also in turnpike status")
                    .fix(["do what it says; it goes away by itself then"])
            });
            let quiet =
                warnings.is_empty().then(|| Finding::ok(Code::DAEMON_SAYS, "the daemon warns of nothing"));
            [Finding::ok(code, runs)].into_iter().chain(says).chain(quiet).collect()
        }
        Ok(Daemon::Silent(why)) => vec![
            Finding::problem(code, format!("the daemon runs and does not answer: {why}"))
                .because("nobody can steer sessions; those that run go on in the kernel")
                .fix([logs(system), system.service("restart", "turnpike")]),
        ],
        Ok(Daemon::Stopped) => vec![
            Finding::warning(
                code,
                format!("the daemon does not run: nobody listens on {}", socket.display()),
            )
            .because("there is no portal; sessions that run go on in the kernel and end there")
            .fix([system.service("start", "turnpike"), logs(system)]),
        ],
        Err(error) => vec![Finding::unchecked(code, error)],
    }
}

fn logs(system: System) -> String {
    system.say("journalctl -u turnpike -n 50", "logread -e turnpike").to_owned()
}

/// Whether our rules are loaded, for the devices that are configured.
pub fn judge_rules(
    ruleset: &Known<Ruleset>,
    daemon: &Known<Daemon>,
    sides: &Sides,
    system: System,
) -> Finding {
    let code = Code::RULES;
    let ruleset = match ruleset {
        Ok(ruleset) => ruleset,
        Err(error) => return Finding::unchecked(code, error),
    };
    let runs = matches!(daemon, Ok(Daemon::Runs { .. }));
    let why = "who is on the guests' network goes to the Internet unasked and uncounted";
    if !has_our_chains(ruleset) {
        let text = "the table inet turnpike is not loaded";
        return if runs {
            Finding::problem(code, format!("{text}, though the daemon runs"))
                .because(why)
                .fix([system.service("restart", "turnpike"), logs(system)])
        } else {
            Finding::warning(code, text).because(why).fix([system.service("start", "turnpike")])
        };
    }
    let known: Vec<&str> = ruleset
        .rules
        .iter()
        .filter(|rule| rule.table.is_ours())
        .flat_map(|rule| &rule.statements)
        .filter_map(|statement| statement.get("match")?.get("right"))
        .flat_map(names_in)
        .collect();
    let unknown: Vec<&str> = sides.zone_devices().filter(|device| !known.contains(device)).collect();
    match (unknown.as_slice(), runs) {
        ([], true) => Finding::ok(code, "the table inet turnpike is loaded"),
        ([], false) => Finding::ok(code, "the table inet turnpike stands, as the daemon that ended left it"),
        (devices, _) => {
            let devices = devices.join(", ");
            Finding::problem(code, format!("the table inet turnpike is loaded, but not for {devices}"))
                .because(why)
                .fix([system.service("restart", "turnpike")])
        }
    }
}

/// Whether those chains are there that keep guests in: somebody may have flushed or half deleted the table.
fn has_our_chains(ruleset: &Ruleset) -> bool {
    let has_rules = |chain: &str| {
        ruleset.rules.iter().any(|rule| rule.table.is_ours() && rule.chain == chain)
            && ruleset.has_chain("inet", crate::gate::TABLE, chain)
    };
    ["key", "portal", "forward", "input"].into_iter().all(has_rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::ruleset::of_objects;

    fn runs(warnings: &[&str]) -> Known<Daemon> {
        let warnings = warnings.iter().map(|text| (*text).to_owned()).collect();
        Ok(Daemon::Runs { process: Some(7), user: 0, since: Some("then".to_owned()), warnings })
    }

    #[test]
    fn whether_it_runs_is_told_with_what_it_warns_of() {
        let of = |daemon: Known<Daemon>| judge(&daemon, Path::new("/s"), System::Debian);
        let found = of(runs(&["no route"]));
        assert_eq!(
            found.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(),
            ["daemon", "daemon-says"]
        );
        assert!(found[0].what.contains("since then") && found[1].what == "no route");
        assert_eq!(of(Ok(Daemon::Stopped))[0].severity, Severity::Warning);
        assert_eq!(of(Ok(Daemon::Silent("mute".to_owned())))[0].severity, Severity::Problem);
        assert_eq!(of(Err("denied".to_owned()))[0].severity, Severity::Warning);
    }

    #[test]
    fn rules_are_missed_whole_in_part_or_for_a_device() {
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let of =
            |ruleset: &Ruleset, daemon| judge_rules(&Ok(ruleset.clone()), &daemon, &sides, System::Debian);
        let objects = |device: &str| {
            let chains = ["key", "portal", "forward", "input"].map(|chain| {
                format!(
                    r#"{{"chain": {{"family": "inet", "table": "turnpike", "name": "{chain}"}}}},
                    {{"rule": {{"family": "inet", "table": "turnpike", "chain": "{chain}", "expr": [
                        {{"match": {{"op": "!=", "left": {{"meta": {{"key": "iifname"}}}}, "right": "{device}"}}}}]}}}}"#
                )
            });
            of_objects(&chains.join(","))
        };
        assert_eq!(of(&objects("br-lan"), runs(&[])).severity, Severity::Ok);
        assert_eq!(of(&objects("br-lan"), Ok(Daemon::Stopped)).severity, Severity::Ok);
        assert_eq!(of(&objects("br-guest"), runs(&[])).severity, Severity::Problem);
        assert_eq!(of(&Ruleset::default(), runs(&[])).severity, Severity::Problem);
        assert_eq!(of(&Ruleset::default(), Ok(Daemon::Stopped)).severity, Severity::Warning);
        let mut flushed = objects("br-lan");
        flushed.rules.retain(|rule| rule.chain != "forward");
        assert_eq!(of(&flushed, runs(&[])).severity, Severity::Problem);
    }
}
