use std::collections::BTreeSet;

use crate::doctor::gather::{Known, Network, Process};
use crate::doctor::ruleset::Ruleset;
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};

/// Another portal: its process, what its tables begin with, its service.
struct Portal {
    name: &'static str,
    process: &'static str,
    tables: &'static [&'static str],
    service: &'static str,
}

const PORTALS: [Portal; 3] = [
    Portal { name: "openNDS", process: "opennds", tables: &["nds_"], service: "opennds" },
    Portal {
        name: "nodogsplash",
        process: "nodogsplash",
        tables: &["ndsOUT", "ndsNET"],
        service: "nodogsplash",
    },
    Portal { name: "CoovaChilli", process: "chilli", tables: &["chilli"], service: "chilli" },
];

/// What CoovaChilli makes for its guests, unless told otherwise: a device in a zone of ours is not it.
const CHILLI_LINK: &str = "chilli";

/// Others that send guests to a page of their own.
pub fn judge(
    processes: &Known<Vec<Process>>,
    ruleset: &Known<Ruleset>,
    network: &Known<Network>,
    system: System,
) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        PORTALS.iter().filter_map(|portal| judge_one(portal, processes, ruleset, network, system)).collect();
    if found.is_empty() {
        found.push(match (processes, ruleset) {
            (Err(error), _) | (_, Err(error)) => Finding::unchecked(Code::OTHER_PORTAL, error),
            (Ok(_), Ok(_)) => Finding::ok(Code::OTHER_PORTAL, "no other portal is there"),
        });
    }
    found
}

fn judge_one(
    portal: &Portal,
    processes: &Known<Vec<Process>>,
    ruleset: &Known<Ruleset>,
    network: &Known<Network>,
    system: System,
) -> Option<Finding> {
    let running = processes.iter().flatten().find(|process| process.name == portal.process);
    let mut traces: Vec<String> = running.map(ToString::to_string).into_iter().collect();
    if let Ok(ruleset) = ruleset {
        let is_its = |name: &&str| portal.tables.iter().any(|begin| name.starts_with(begin));
        let tables = ruleset.tables.iter().map(|table| table.name.as_str());
        let chains = ruleset.chains.iter().map(|chain| chain.name.as_str());
        let names: BTreeSet<&str> = tables.chain(chains).filter(is_its).collect();
        traces.extend(names.iter().take(3).map(|name| format!("the table or chain {name}")));
    }
    if portal.process == CHILLI_LINK
        && let Ok(network) = network
    {
        let link = network.links.iter().find(|link| link.name.starts_with(CHILLI_LINK));
        traces.extend(link.map(|link| format!("the device {}", link.name)));
    }
    if traces.is_empty() {
        return None;
    }
    let service = portal.service;
    let stop = match system {
        System::Debian => vec![format!("systemctl disable --now {service}")],
        System::OpenWrt(_) => {
            vec![format!("/etc/init.d/{service} stop"), format!("/etc/init.d/{service} disable")]
        }
    };
    let rest =
        running.is_none().then(|| "restart the firewall, or the box: its rules go with that".to_owned());
    let text = format!("{} is here as well: {}", portal.name, traces.join(", "));
    let why = "two portals send guests to different pages, and each shuts out whom the other lets through";
    Some(Finding::problem(Code::OTHER_PORTAL, text).because(why).fix(stop.into_iter().chain(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::gather::network;
    use crate::doctor::ruleset::of_objects;

    #[test]
    fn portals_are_known_by_process_table_or_device() {
        let of = |process: &str, objects: &str, links: &[(&str, Option<&str>)]| {
            let processes = Ok(vec![Process { id: 7, name: process.to_owned() }]);
            judge(&processes, &Ok(of_objects(objects)), &Ok(network(links, &[], &[])), System::Debian)
        };
        assert_eq!(of("dnsmasq", "", &[])[0].severity, Severity::Ok);
        assert!(of("opennds", "", &[])[0].what.contains("openNDS is here as well: opennds (process 7)"));
        let table = of("x", r#"{"table": {"family": "ip", "name": "nds_filter"}}"#, &[]);
        assert!(table[0].severity == Severity::Problem && table[0].what.contains("nds_filter"), "{table:?}");
        let chain = r#"{"chain": {"family": "ip", "table": "mangle", "name": "ndsOUT"}}"#;
        assert!(of("x", chain, &[])[0].what.contains("nodogsplash"));
        assert!(of("x", "", &[("chilli0", None)])[0].what.contains("CoovaChilli"));
        let unknown =
            judge(&Err("no".to_owned()), &Ok(Ruleset::default()), &Err(String::new()), System::Debian);
        assert_eq!(unknown[0].severity, Severity::Warning);
    }
}
