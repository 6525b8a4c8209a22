use std::net::IpAddr;

use serde_json::Value;

use crate::doctor::gather::{Known, Network};
use crate::doctor::ruleset::{Chain, Hook, Ruleset};
use crate::doctor::system::System;
use crate::doctor::walk::{Meets, Way, walk};
use crate::doctor::{Code, Finding, Sides};

/// Whether other firewalls let guests' packets from their zone to the WAN.
pub fn judge_policy(
    ruleset: &Known<Ruleset>,
    sides: &Sides,
    network: &Known<Network>,
    system: System,
) -> Vec<Finding> {
    let code = Code::FORWARD_POLICY;
    let ruleset = match ruleset {
        Ok(ruleset) => ruleset,
        Err(error) => return vec![Finding::unchecked(code, error)],
    };
    let mut found = Vec::new();
    for (base, hook) in ruleset.others_at("forward") {
        if !hook.drops && !ends_in_refusal(ruleset, base) {
            continue;
        }
        let lets = |device: &str| {
            let mut best = Meets::None;
            walk(ruleset, base, sides, Way::Up(device), &mut |_, statement, meets| {
                if accepts(statement) {
                    best = best.min(meets);
                }
                best == Meets::Every
            });
            best
        };
        // Docker shuts IPv6 too, which no guest misses where there is none.
        let concerns = |device: &&str| match (network, base.table.family.as_str()) {
            (Ok(network), "ip6") => network.has_routed_ipv6(device),
            (Ok(network), "ip") => network.addresses_of(device).iter().any(IpAddr::is_ipv4),
            (Ok(_) | Err(_), _) => true,
        };
        let with = |wanted: Meets| {
            sides.zone_devices().filter(concerns).filter(|device| lets(device) == wanted).collect::<Vec<_>>()
        };
        let shut = with(Meets::None);
        if !shut.is_empty() {
            found.push(
                Finding::problem(
                    code,
                    format!("{} drops what is forwarded from {}", shown(base, hook), shut.join(", ")),
                )
                .because(
                    "guests who are online reach nothing: Turnpike lets through only what others let through",
                )
                .fix(fixes(ruleset, base, &shut, sides, system)),
            );
        }
        let doubtful = with(Meets::Some);
        if !doubtful.is_empty() {
            let text = format!(
                "{} drops what it does not know; whether it lets {} through hangs on conditions that cannot be judged here",
                shown(base, hook),
                doubtful.join(", ")
            );
            found.push(
                Finding::warning(code, text)
                    .because("if it does not, guests who are online reach nothing")
                    .fix(fixes(ruleset, base, &doubtful, sides, system)),
            );
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(code, "no other table's forward chain drops all that guests send"));
    }
    found
}

fn shown(base: &Chain, hook: &Hook) -> String {
    let how = if hook.drops { "policy drop" } else { "ends in a refusal" };
    format!("the chain {} of the table {} ({how})", base.name, base.table)
}

/// Whether the chain's last rule refuses everything, as firewalld's does.
fn ends_in_refusal(ruleset: &Ruleset, base: &Chain) -> bool {
    let last = ruleset.rules_of(&base.table, &base.name).last();
    let is_plain = |statement: &Value| ["counter", "log"].iter().any(|kind| statement.get(kind).is_some());
    let refuses = |statement: &Value| ["drop", "reject"].iter().any(|kind| statement.get(kind).is_some());
    last.is_some_and(|rule| {
        let mut rest = rule.statements.iter().skip_while(|statement| is_plain(statement));
        rest.next().is_some_and(refuses)
    })
}

fn accepts(statement: &Value) -> bool {
    ["accept", "queue"].iter().any(|verdict| statement.get(verdict).is_some())
}

fn fixes(ruleset: &Ruleset, base: &Chain, devices: &[&str], sides: &Sides, system: System) -> Vec<String> {
    let wan = sides.wan.first().map_or("WAN", String::as_str);
    if ruleset.has_chain(&base.table.family, &base.table.name, "DOCKER-USER") {
        let iptables = if base.table.family == "ip6" { "ip6tables" } else { "iptables" };
        return devices
            .iter()
            .flat_map(|device| [("-i", "-o", device), ("-o", "-i", device)])
            .map(|(from, to, device)| {
                format!("{iptables} -I DOCKER-USER {from} {device} {to} {wan} -j ACCEPT")
            })
            .collect();
    }
    if let (System::OpenWrt(_), "fw4") = (system, base.table.name.as_str()) {
        return vec![
            "in /etc/config/firewall: a 'config forwarding' from the guests' zone to wan".to_owned(),
            "/etc/init.d/firewall restart".to_owned(),
        ];
    }
    if base.name.starts_with("ufw")
        || ruleset.has_chain(&base.table.family, &base.table.name, "ufw-user-forward")
    {
        return devices.iter().map(|device| format!("ufw route allow in on {device} out on {wan}")).collect();
    }
    let answers = format!("nft insert rule {} {} ct state established,related accept", base.table, base.name);
    let rules = devices.iter().map(|device| {
        format!("nft insert rule {} {} iifname \"{device}\" oifname \"{wan}\" accept", base.table, base.name)
    });
    rules.chain([answers, "and the same in what loads that table".to_owned()]).collect()
}

/// Whether anything translates the private addresses of guests.
pub fn judge_masquerade(
    ruleset: &Known<Ruleset>,
    legacy_tables: &[String],
    sides: &Sides,
    network: &Known<Network>,
    system: System,
) -> Finding {
    let code = Code::MASQUERADE;
    let (ruleset, network) = match (ruleset, network) {
        (Ok(ruleset), Ok(network)) => (ruleset, network),
        (Err(error), _) | (_, Err(error)) => return Finding::unchecked(code, error),
    };
    let is_private = |address: &IpAddr| matches!(address, IpAddr::V4(address) if address.is_private() || is_shared(*address));
    let private: Vec<&str> =
        sides.zone_devices().filter(|device| network.addresses_of(device).iter().any(is_private)).collect();
    if private.is_empty() {
        return Finding::ok(code, "no zone has private IPv4 addresses");
    }
    // Of rules that iptables wrote, nft may show no more than that there is one.
    let translates =
        |statement: &Value| ["masquerade", "snat", "xt"].iter().any(|kind| statement.get(kind).is_some());
    let mut found = legacy_tables.iter().any(|table| table == "nat");
    for (base, hook) in ruleset.others_at("postrouting") {
        if hook.kind == "nat" && base.table.family != "ip6" {
            walk(ruleset, base, sides, Way::Either, &mut |_, statement, _| {
                found |= translates(statement);
                found
            });
        }
    }
    if found {
        return Finding::ok(code, "private IPv4 addresses are translated");
    }
    let wan = sides.wan.first().map_or("WAN", String::as_str);
    let debian = vec![
        "nft add table ip nat".to_owned(),
        "nft add chain ip nat postrouting '{ type nat hook postrouting priority srcnat; }'".to_owned(),
        format!(
            "nft add rule ip nat postrouting oifname {wan} masquerade    # and the same in /etc/nftables.conf"
        ),
    ];
    let openwrt = vec![
        "in /etc/config/firewall: option masq '1' in the zone wan".to_owned(),
        "/etc/init.d/firewall restart".to_owned(),
    ];
    Finding::warning(
        code,
        format!("{} has private IPv4 addresses, and no rule translates them", private.join(", ")),
    )
    .because("unless a router behind the WAN does it, no answer finds its way back")
    .fix(system.say(debian, openwrt))
}

/// 100.64.0.0/10 (RFC 6598).
fn is_shared(address: std::net::Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    a == 100 && (64..128).contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::doctor::gather::network;
    use crate::doctor::ruleset::of_objects;

    fn chain(table: &str, name: &str, policy: &str) -> String {
        format!(
            r#"{{"chain": {{"family": "ip", "table": "{table}", "name": "{name}", "type": "filter", "hook": "forward", "prio": 0, "policy": "{policy}"}}}}"#
        )
    }

    fn rule(name: &str, statements: &str) -> String {
        format!(
            r#", {{"rule": {{"family": "ip", "table": "filter", "chain": "{name}", "expr": [{statements}]}}}}"#
        )
    }

    fn of(objects: &str) -> Vec<Finding> {
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let network = Ok(network(&[("br-lan", None)], &[("br-lan", "10.0.0.1")], &[]));
        judge_policy(&Ok(of_objects(objects)), &sides, &network, System::Debian)
    }

    fn severities(objects: &str) -> Vec<Severity> {
        of(objects).into_iter().map(|finding| finding.severity).collect()
    }

    const FROM_LAN: &str =
        r#"{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "br-lan"}}"#;
    const TO_DOCKER: &str =
        r#"{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "docker0"}}"#;
    const ESTABLISHED: &str =
        r#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}"#;
    const ACCEPT: &str = r#"{"accept": null}"#;

    #[test]
    fn a_policy_of_drop_matters_where_no_rule_lets_a_zone_out() {
        let drop = chain("filter", "FORWARD", "drop");
        assert_eq!(severities(&chain("filter", "FORWARD", "accept")), [Well]);
        assert_eq!(severities(&drop), [Problem]);
        assert_eq!(severities(&drop.replace("\"ip\"", "\"ip6\"")), [Well], "there is no IPv6");
        assert_eq!(
            severities(&format!("{drop}{}", rule("FORWARD", &format!("{FROM_LAN}, {ACCEPT}")))),
            [Well]
        );
        let established = rule("FORWARD", &format!("{ESTABLISHED}, {ACCEPT}"));
        assert_eq!(severities(&format!("{drop}{established}")), [Problem], "who is not there cannot begin");
        let some = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}}"#;
        assert_eq!(
            severities(&format!("{drop}{}", rule("FORWARD", &format!("{some}, {ACCEPT}")))),
            [Warning]
        );
        let map = r#"{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", {"accept": null}]]}}}"#;
        assert_eq!(severities(&format!("{drop}{}", rule("FORWARD", map))), [Problem]);
    }

    #[test]
    fn dockers_and_firewallds_ways_are_known() {
        let docker = format!(
            r#"{}, {{"chain": {{"family": "ip", "table": "filter", "name": "DOCKER-USER"}}}}{}{}"#,
            chain("filter", "FORWARD", "drop"),
            rule(
                "FORWARD",
                r#"{"counter": {"packets": 1, "bytes": 1}}, {"jump": {"target": "DOCKER-USER"}}"#
            ),
            rule("FORWARD", &format!("{TO_DOCKER}, {{\"counter\": null}}, {ACCEPT}")),
        );
        let found = of(&docker);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Problem);
        assert_eq!(found[0].fix[0], "iptables -I DOCKER-USER -i br-lan -o wan -j ACCEPT");
        let mended = format!("{docker}{}", rule("DOCKER-USER", &format!("{FROM_LAN}, {ACCEPT}")));
        assert_eq!(severities(&mended), [Well]);
        let firewalld = format!(
            "{}{}",
            chain("filter", "filter_FORWARD", "accept"),
            rule("filter_FORWARD", r#"{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}"#)
        );
        assert_eq!(severities(&firewalld), [Problem]);
    }

    #[test]
    fn private_addresses_want_to_be_translated() {
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let of = |address: &str, objects: &str, legacy: &[String]| {
            let network = Ok(network(&[("br-lan", None)], &[("br-lan", address)], &[]));
            judge_masquerade(&Ok(of_objects(objects)), legacy, &sides, &network, System::Debian).severity
        };
        let nat = |statement: &str| {
            format!(
                r#"{{"chain": {{"family": "ip", "table": "nat", "name": "p", "type": "nat", "hook": "postrouting", "prio": 100}}}},
                {{"rule": {{"family": "ip", "table": "nat", "chain": "p", "expr": [{{"{statement}": null}}]}}}}"#
            )
        };
        assert_eq!(of("192.168.1.1", "", &[]), Warning);
        assert_eq!(of("100.64.0.1", "", &[]), Warning);
        assert_eq!(of("203.0.113.1", "", &[]), Well);
        assert_eq!(of("192.168.1.1", "", &["nat".to_owned()]), Well);
        assert_eq!(of("192.168.1.1", &nat("masquerade"), &[]), Well);
        assert_eq!(of("192.168.1.1", &nat("accept"), &[]), Warning);
    }
}
