use crate::doctor::gather::{Known, Network};
use crate::doctor::ruleset::{FlowTable, Ruleset};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Place, Sides};

const FIREWALL4: &str = "/etc/config/firewall";

/// Flow tables that take guests' flows, and firewall4's switches for them. `warned` is what the gate itself says, which is asked
/// of the kernel and stands in where nft says nothing.
pub fn judge(
    place: &Place,
    sides: &Sides,
    ruleset: &Known<Ruleset>,
    warned: &Known<Vec<String>>,
    network: &Known<Network>,
    system: System,
) -> Vec<Finding> {
    let switched_on = place.read_if_there(FIREWALL4).ok().flatten().is_some_and(|text| is_switched_on(&text));
    let flow_tables: Vec<&FlowTable> = match (ruleset, warned) {
        (Ok(ruleset), _) => ruleset.flow_tables.iter().filter(|found| !found.table.is_ours()).collect(),
        (Err(_), Ok(warned)) if !warned.is_empty() => {
            return warned.iter().map(|text| goes_around(text, None, system)).collect();
        }
        (Err(_), Ok(_)) => Vec::new(),
        (Err(error), Err(_)) => return vec![Finding::unchecked(Code::FLOW_OFFLOAD, error)],
    };
    let mut ours: Vec<&str> = sides.devices().collect();
    if let Ok(network) = network {
        // firewall4 names a bridge's ports where the hardware is to do it.
        ours.extend(sides.zone_devices().flat_map(|device| network.ports_of(device)));
    }
    let mut found: Vec<Finding> =
        flow_tables.iter().map(|flow_table| judge_one(flow_table, &ours, system)).collect();
    if found.is_empty() && switched_on {
        let text = format!("{FIREWALL4} switches flow_offloading on, and it is not loaded yet");
        found.push(
            Finding::warning(Code::FLOW_OFFLOAD, text)
                .because("from firewall4's next start on, flows go around limits, books and speeds")
                .fix(fix(None, system)),
        );
    }
    if found.is_empty() {
        found.push(Finding::ok(Code::FLOW_OFFLOAD, "no flow goes around the rules"));
    }
    found
}

fn judge_one(flow_table: &FlowTable, ours: &[&str], system: System) -> Finding {
    let FlowTable { table, name, devices } = flow_table;
    let hit: Vec<&str> = devices.iter().map(String::as_str).filter(|device| ours.contains(device)).collect();
    if hit.is_empty() {
        return Finding::warning(
            Code::FLOW_OFFLOAD,
            format!("the flow table {name} of {table} is loaded, for {}", devices.join(", ")),
        )
        .because("as long as none of its devices lies under a zone or the WAN, no guest is concerned")
        .fix(["look at which devices of yours lie on those"]);
    }
    let text = format!("the flow table {name} of {table} takes flows of {}", hit.join(", "));
    goes_around(&text, Some(flow_table), system)
}

fn goes_around(text: &str, flow_table: Option<&FlowTable>, system: System) -> Finding {
    Finding::problem(Code::FLOW_OFFLOAD, text)
        .because("its flows go around data limits, books and speeds")
        .fix(fix(flow_table, system))
}

fn fix(flow_table: Option<&FlowTable>, system: System) -> Vec<String> {
    let of_firewall4 = [
        "uci set firewall.@defaults[0].flow_offloading=0",
        "uci set firewall.@defaults[0].flow_offloading_hw=0",
    ]
    .into_iter()
    .chain(["uci commit firewall", "/etc/init.d/firewall restart"]);
    match (system, flow_table) {
        (System::OpenWrt(_), _) => of_firewall4.map(str::to_owned).collect(),
        (System::Debian, Some(FlowTable { table, name, .. })) => {
            vec![format!(
                "take the flowtable {name} and its 'flow add' rules out of what loads the table {table}"
            )]
        }
        (System::Debian, None) => {
            vec!["take flowtables and 'flow add' rules out of what loads them".to_owned()]
        }
    }
}

/// Whether `config defaults` has `flow_offloading` (or that of the hardware) set.
fn is_switched_on(config: &str) -> bool {
    let mut in_defaults = false;
    config.lines().any(|line| {
        let words: Vec<&str> =
            line.split_whitespace().map(|word| word.trim_matches(|letter| "'\"".contains(letter))).collect();
        match words.as_slice() {
            ["config", kind, ..] => {
                in_defaults = *kind == "defaults";
                false
            }
            ["option", "flow_offloading" | "flow_offloading_hw", value, ..] => {
                in_defaults && matches!(*value, "1" | "on" | "true" | "yes" | "enabled")
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::doctor::gather::network;
    use crate::doctor::place::with_files;
    use crate::doctor::ruleset::of_objects;

    /// As nft 1.0.9 prints firewall4's, with the rule that fills it.
    const FLOW_TABLE: &str = r#"{"flowtable": {"family": "inet", "name": "ft", "table": "fw4", "handle": 3, "hook": "ingress", "prio": 0, "dev": ["lan1", "eth1"]}},
        {"rule": {"family": "inet", "table": "fw4", "chain": "forward", "handle": 99, "expr": [
            {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}},
            {"flow": {"op": "add", "flowtable": "@ft"}}]}}"#;

    fn of(files: &[(&str, &str)], ruleset: &Known<Ruleset>, warned: &[&str], zone: &str) -> Vec<Severity> {
        let (_dir, place) = with_files(files);
        let sides = Sides::new([("guests", zone)], ["wan"]);
        let network = Ok(network(
            &[("br-lan", None), ("lan1", Some("br-lan")), ("br-x", None), ("wan", None)],
            &[],
            &[],
        ));
        let warned = Ok(warned.iter().map(|text| (*text).to_owned()).collect());
        judge(&place, &sides, ruleset, &warned, &network, System::OpenWrt("opkg install"))
            .into_iter()
            .map(|finding| finding.severity)
            .collect()
    }

    #[test]
    fn a_flow_table_matters_by_its_devices() {
        let loaded = Ok(of_objects(FLOW_TABLE));
        assert_eq!(of(&[], &loaded, &[], "br-lan"), [Problem], "a port of the zone's bridge");
        assert_eq!(of(&[], &loaded, &[], "br-x"), [Warning]);
        assert_eq!(of(&[], &Ok(Ruleset::default()), &[], "br-lan"), [Well]);
        assert_eq!(of(&[], &Err("no nft".to_owned()), &["flow offload is on"], "br-lan"), [Problem]);
        assert_eq!(of(&[], &Err("no nft".to_owned()), &[], "br-lan"), [Well]);
        let own = Ok(of_objects(&FLOW_TABLE.replace("fw4", "turnpike")));
        assert_eq!(of(&[], &own, &[], "br-lan"), [Well], "a decoy of our own");
    }

    #[test]
    fn firewall4s_switches_are_read() {
        let none = Ok(Ruleset::default());
        let with = |text: &str| of(&[(FIREWALL4, text)], &none, &[], "br-lan");
        assert_eq!(with("config defaults\n\toption flow_offloading '1'\n"), [Warning]);
        assert_eq!(
            with("config defaults\n\toption input ACCEPT\n\toption flow_offloading_hw \"1\"\n"),
            [Warning]
        );
        assert_eq!(with("config defaults\n\toption flow_offloading '0'\n"), [Well]);
        assert_eq!(with("config zone\n\toption flow_offloading '1'\n"), [Well]);
        assert_eq!(with("#config defaults\noption flow_offloading\n"), [Well]);
    }
}
