//! Policy → the base ruleset, as one JSON document for one atomic `nft -j` run.
//!
//! The document makes sure that the table is there, flushes it (which removes rules and nothing else: sets keep their
//! elements, quotas and counters) and writes every chain anew. So it can be loaded again at any time, under traffic.

mod client_key;
mod forward;
mod garden;
mod input;
mod json;
mod portal;
mod sets;

use serde_json::{Value, json};

pub use client_key::KEY_PRIORITY;

use super::names::TABLE;
use super::policy::Policy;
use json::FAMILY;

/// Chains before rules and elements, so that they may lead to any chain.
#[derive(Default)]
struct Ruleset {
    chains: Vec<Value>,
    rules: Vec<Value>,
    /// What maps hold that are written whole.
    elements: Vec<Value>,
}

/// Where a base chain hangs.
struct Hook {
    kind: &'static str,
    hook: &'static str,
    priority: i32,
}

impl Ruleset {
    fn base_chain(&mut self, name: &str, hook: &Hook) {
        self.chains.push(json!({"add": {"chain": {
            "family": FAMILY, "table": TABLE, "name": name,
            "type": hook.kind, "hook": hook.hook, "prio": hook.priority, "policy": "accept",
        }}}));
    }

    fn chain(&mut self, name: &str) {
        self.chains.push(json!({"add": {"chain": {"family": FAMILY, "table": TABLE, "name": name}}}));
    }

    /// A map holds these and nothing else.
    fn fill(&mut self, map: &str, elements: impl Into<Vec<Value>>) {
        let elements: Vec<Value> = elements.into();
        self.elements.push(json!({"flush": {"map": {"family": FAMILY, "table": TABLE, "name": map}}}));
        self.elements.push(
            json!({"add": {"element": {"family": FAMILY, "table": TABLE, "name": map, "elem": elements}}}),
        );
    }

    fn rule(&mut self, chain: &str, statements: impl Into<Vec<Value>>) {
        let statements: Vec<Value> = statements.into();
        self.rules.push(
            json!({"add": {"rule": {"family": FAMILY, "table": TABLE, "chain": chain, "expr": statements}}}),
        );
    }
}

/// The whole document. `label` goes with it into the kernel, so that a listener for table changes knows whose it was.
/// With `anew` the table is deleted first, elements and all.
pub(super) fn compile(policy: &Policy, label: &str, anew: bool) -> Value {
    let mut ruleset = Ruleset::default();
    client_key::write(&mut ruleset, policy);
    portal::write(&mut ruleset, policy);
    forward::write(&mut ruleset, policy);
    garden::write(&mut ruleset, policy);
    input::write(&mut ruleset, policy);
    // A chain that nothing leads to: its comment is the label.
    ruleset.chain("loaded");
    ruleset.rules.push(json!({"add": {"rule": {
        "family": FAMILY, "table": TABLE, "chain": "loaded", "comment": label, "expr": [json::leave()],
    }}}));

    let table = json!({"family": FAMILY, "name": TABLE});
    let mut document = vec![json!({"add": {"table": table}})];
    if anew {
        document.push(json!({"delete": {"table": table}}));
        document.push(json!({"add": {"table": table}}));
    } else {
        document.push(json!({"flush": {"table": table}}));
    }
    document.extend(sets::definitions());
    document.extend(ruleset.chains);
    document.extend(ruleset.elements);
    document.extend(ruleset.rules);
    json!({"nftables": document})
}

/// The document that removes the table; run after it was added, so that "already gone" is no error.
pub(super) fn removal() -> Value {
    let table = json!({"family": FAMILY, "name": TABLE});
    json!({"nftables": [{"add": {"table": table}}, {"delete": {"table": table}}]})
}

/// The devices of all zones, as an anonymous set.
fn zone_devices(policy: &Policy) -> Value {
    json::set_of(policy.zone_devices())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ZoneName;
    use crate::gate::policy::ZoneGate;

    fn policy(garden: bool) -> Policy {
        Policy {
            zones: vec![ZoneGate {
                name: ZoneName::new("guests"),
                devices: vec!["br-lan".into()],
                portal_port: 2050,
                portal_tls_port: Some(2443),
                trusted: Vec::new(),
                trusted_ports: [].into(),
                inbound: false,
                garden_prefixes: if garden { vec!["192.0.2.0/24".parse().unwrap()] } else { Vec::new() },
                has_garden_domains: garden,
            }],
            wan: vec!["wan".into()],
            mark_mask: 0xff00_00ff,
        }
    }

    #[test]
    fn no_garden_rules_without_a_garden() {
        assert!(!compile(&policy(false), "x", false).to_string().contains("@garden"));
        assert!(compile(&policy(true), "x", false).to_string().contains("@garden4"));
    }

    #[test]
    fn a_reload_flushes_rules_and_never_deletes() {
        assert!(!compile(&policy(true), "x", false).to_string().contains("delete"));
        assert!(compile(&policy(true), "x", true).to_string().contains(r#"{"delete":{"table""#));
    }

    #[test]
    fn guests_reach_the_portal_over_tls_and_nobody_else_does() {
        let text = compile(&policy(false), "x", false).to_string();
        assert!(text.contains(r#"{"concat":["br-lan",2443]}"#), "{text}");
        assert!(text.contains(r#"{"set":[2050,2443]}"#), "the WAN's refusal: {text}");
        assert!(!text.contains(r#"["br-lan",2443]]"#), "nothing is redirected to it: {text}");
    }

    #[test]
    fn online_is_charged_in_one_rule_a_direction() {
        let text = compile(&policy(true), "x", false).to_string();
        assert_eq!(text.matches(r#""op":"==","right":"@online""#).count(), 2);
    }
}
