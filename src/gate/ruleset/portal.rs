//! The chain `portal`: a captive device's port 80 and DNS lead to the router.

use serde_json::json;

use super::json::{TCP, UDP, is, is_not, jump, leave, meta, our_mark, payload, set_of};
use super::{Hook, Ruleset, garden, zone_devices};
use crate::gate::names::ONLINE;
use crate::gate::policy::Policy;

/// Before fw4's redirects (dstnat, -100): the first NAT rule that matches wins.
const PRIORITY: i32 = -110;

pub(super) fn write(ruleset: &mut Ruleset, policy: &Policy) {
    ruleset.base_chain("portal", &Hook { kind: "nat", hook: "prerouting", priority: PRIORITY });
    ruleset.rule("portal", [is_not(meta("iifname"), zone_devices(policy)), leave()]);
    for (number, zone) in policy.zones.iter().enumerate().filter(|(_, zone)| zone.has_garden()) {
        // What the garden accepts is not redirected.
        ruleset.rule(
            "portal",
            [
                is(meta("iifname"), set_of(zone.devices.iter().map(String::as_str))),
                jump(&garden::up_chain(number)),
            ],
        );
    }

    // The inverted look-up charges nothing.
    let captive = is_not(our_mark(policy.mark_mask), format!("@{ONLINE}"));
    let ports: Vec<_> = policy
        .zones
        .iter()
        .flat_map(|zone| zone.devices.iter().map(|device| json!([device, zone.portal_port])))
        .collect();
    let port_of_zone = json!({"map": {"key": meta("iifname"), "data": {"set": ports}}});
    ruleset.rule(
        "portal",
        [captive.clone(), is(payload("tcp", "dport"), 80), json!({"redirect": {"port": port_of_zone}})],
    );
    // A phone with 8.8.8.8 set by hand still sees the portal.
    ruleset.rule(
        "portal",
        [
            captive,
            is(meta("l4proto"), set_of([TCP, UDP])),
            is(payload("th", "dport"), 53),
            json!({"redirect": {"port": 53}}),
        ],
    );
}
