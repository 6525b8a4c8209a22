//! The chains `forward`, `up`, `down`, `refuse`: who passes, and what it costs.

use serde_json::{Value, json};

use super::json::{
    TCP, accept, concat, drop, goto, is, jump, mangle, meta, our_mark, payload, reject_reset, state_in,
};
use super::{Hook, Ruleset, garden, zone_devices};
use crate::gate::names::{CLASS_OF, ONLINE, RECEIVED, SENT, WAYS};
use crate::gate::policy::Policy;

/// After fw4 (0) and firewalld (+10): only what they let through is charged.
const PRIORITY: i32 = 20;

pub(super) fn write(ruleset: &mut Ruleset, policy: &Policy) {
    ruleset.base_chain("forward", &Hook { kind: "filter", hook: "forward", priority: PRIORITY });
    for chain in ["up", "down", "refuse"] {
        ruleset.chain(chain);
    }
    dispatch(ruleset, policy);

    ruleset.rule("up", charge(policy.mark_mask, SENT).0);
    ruleset.rule("up", charge(policy.mark_mask, SENT).1);
    ruleset.rule("up", [goto("refuse")]);

    ruleset.rule("down", charge(policy.mark_mask, RECEIVED).0);
    ruleset.rule("down", charge(policy.mark_mask, RECEIVED).1);
    // In silence: a RST here would let a neighbour's forged packet kill a customer's flow.
    ruleset.rule("down", [drop()]);

    // A flow waits while its session is handed over or topped up. When a session ends with no successor its conntrack
    // entries are deleted, and the next packet is a new one.
    ruleset.rule("refuse", [state_in(&["established"]), drop()]);
    // The kernel routes a RST to a link-local address out of any port.
    let link_local = json!({"prefix": {"addr": "fe80::", "len": 10}});
    ruleset.rule("refuse", [is(payload("ip6", "saddr"), link_local), drop()]);
    // A RST for a segment out of window kills a live connection.
    ruleset.rule("refuse", [state_in(&["invalid", "untracked"]), drop()]);
    ruleset.rule("refuse", [is(meta("l4proto"), TCP), reject_reset()]);
    ruleset.rule("refuse", [json!({"reject": {"type": "icmpx", "expr": "admin-prohibited"}})]);
}

/// Every pair of devices that may speak, to its chain; whatever else involves a zone is refused.
fn dispatch(ruleset: &mut Ruleset, policy: &Policy) {
    let pair = |from: &str, to: &str, verdict: Value| json!([concat([json!(from), json!(to)]), verdict]);
    let mut pairs = Vec::new();
    for (number, zone) in policy.zones.iter().enumerate() {
        let (up, down) = zone_chains(ruleset, policy, number);
        for device in &zone.devices {
            for wan in &policy.wan {
                pairs.push(pair(device, wan, goto(&up)));
                pairs.push(pair(wan, device, goto(&down)));
            }
            // The same device: bridged (br_netfilter) or a hairpin; not ours.
            pairs.push(pair(device, device, accept()));
        }
    }
    let key = concat([meta("iifname"), meta("oifname")]);
    ruleset.rule("forward", [json!({"vmap": {"key": key, "data": format!("@{WAYS}")}})]);
    // A map with a name: what an unnamed one holds ends with its rule, at once, and a packet that is under way in the old rules
    // would find nothing there.
    ruleset.fill(WAYS, pairs);
    // Zone to zone, or to a device that is not a WAN.
    ruleset.rule("forward", [is(meta("iifname"), zone_devices(policy)), goto("refuse")]);
    ruleset.rule("forward", [is(meta("oifname"), zone_devices(policy)), drop()]);
}

/// The zone's ways up and down: the common ones, or its own in front of them where it has a garden or lets the outside in.
fn zone_chains(ruleset: &mut Ruleset, policy: &Policy, number: usize) -> (String, String) {
    let (mut up, mut down) = ("up".to_owned(), "down".to_owned());
    let Some(zone) = policy.zones.get(number) else { return (up, down) };
    if zone.has_garden() {
        up = format!("up_{number}");
        ruleset.chain(&up);
        ruleset.rule(&up, [jump(&garden::up_chain(number))]);
        ruleset.rule(&up, [goto("up")]);
    }
    if zone.has_garden() || zone.inbound {
        down = format!("down_{number}");
        ruleset.chain(&down);
        if zone.has_garden() {
            // Answers of the garden; it cannot begin a flow.
            ruleset.rule(&down, [state_in(&["established", "related"]), jump(&garden::down_chain(number))]);
        }
        if zone.inbound {
            // The first packets of a port forward, before the client has answered: they carry no key yet.
            ruleset.rule(
                &down,
                [
                    is(our_mark(policy.mark_mask), 0),
                    state_in(&["new"]),
                    json!({"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}),
                    accept(),
                ],
            );
        }
        ruleset.rule(&down, [goto("down")]);
    }
    (up, down)
}

/// Two rules: the traffic class (no class: the first just ends), and the one look-up that charges the quota, then the books.
fn charge(mask: u32, book: &str) -> (Vec<Value>, Vec<Value>) {
    let class = json!({"map": {"key": our_mark(mask), "data": format!("@{CLASS_OF}")}});
    let online = is(our_mark(mask), format!("@{ONLINE}"));
    let counted = is(our_mark(mask), format!("@{book}"));
    (vec![mangle(meta("priority"), class)], vec![online, counted, accept()])
}
