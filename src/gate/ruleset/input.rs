//! The chains `input` and `dns`: what a guest reaches on the router itself.

use serde_json::json;

use super::json::{
    ICMP, ICMPV6, TCP, UDP, accept, concat, drop, fib_type, goto, is, is_not, leave, meta, payload,
    reject_reset, set_of, state_in,
};
use super::{Hook, Ruleset, zone_devices};
use crate::gate::names::DNS_RATE;
use crate::gate::policy::Policy;

/// Before fw4 (0), whose guest zone may accept more than a guest needs.
const PRIORITY: i32 = -10;

/// DNS queries a second of one device, and how many at once.
const DNS_PER_SECOND: u32 = 50;
const DNS_BURST: u32 = 100;
/// How long a silent device's rate is remembered, in seconds.
const DNS_TIMEOUT_SECS: u32 = 60;

pub(super) fn write(ruleset: &mut Ruleset, policy: &Policy) {
    ruleset.base_chain("input", &Hook { kind: "filter", hook: "input", priority: PRIORITY });
    ruleset.chain("dns");
    let from_elsewhere = is_not(meta("iifname"), zone_devices(policy));

    ruleset.rule("input", [is(meta("iifname"), "lo"), leave()]);
    // The portal is no service for the WAN side.
    ruleset.rule(
        "input",
        [from_elsewhere.clone(), is(payload("tcp", "dport"), set_of(policy.portal_ports())), reject_reset()],
    );
    ruleset.rule("input", [from_elsewhere, leave()]);
    guests(ruleset, policy);
    dns(ruleset);
}

fn guests(ruleset: &mut Ruleset, policy: &Policy) {
    let neighbour_discovery = [
        "nd-router-solicit",
        "nd-neighbor-solicit",
        "nd-neighbor-advert",
        "mld-listener-query",
        "mld-listener-report",
        "mld-listener-done",
        "mld2-listener-report",
    ];
    ruleset.rule("input", [is(payload("icmpv6", "type"), set_of(neighbour_discovery)), accept()]);
    for (family, client, server) in [("ipv4", 68, 67), ("ipv6", 546, 547)] {
        ruleset.rule(
            "input",
            [
                is(meta("nfproto"), family),
                is(payload("udp", "sport"), client),
                is(payload("udp", "dport"), server),
                accept(),
            ],
        );
    }
    // mDNS, SSDP, LLMNR: no answer.
    ruleset.rule("input", [is(fib_type(&["daddr"]), set_of(["multicast", "broadcast"])), drop()]);
    let to_this_device = fib_type(&["daddr", "iif"]);
    // Before "established": one socket that floods is one established flow.
    ruleset.rule(
        "input",
        [
            is(to_this_device.clone(), "local"),
            is(meta("l4proto"), set_of([TCP, UDP])),
            is(payload("th", "dport"), 53),
            goto("dns"),
        ],
    );
    // Answers to the router's own traffic; an operator's open shell when the table arrives.
    ruleset.rule("input", [state_in(&["established"]), accept()]);
    ruleset.rule("input", [state_in(&["related"]), is(meta("l4proto"), set_of([ICMP, ICMPV6])), accept()]);
    // The router's WAN address, another zone's address: not from here.
    ruleset.rule("input", [is_not(to_this_device, "local"), goto("refuse")]);
    let portals: Vec<_> = policy
        .zones
        .iter()
        .flat_map(|zone| {
            zone.portal_ports().flat_map(|port| zone.devices.iter().map(move |device| (device, port)))
        })
        .map(|(device, port)| concat([json!(device), json!(port)]))
        .collect();
    ruleset
        .rule("input", [is(concat([meta("iifname"), payload("tcp", "dport")]), set_of(portals)), accept()]);
    trusted(ruleset, policy);
    for protocol in ["icmp", "icmpv6"] {
        ruleset.rule(
            "input",
            [
                is(payload(protocol, "type"), "echo-request"),
                json!({"limit": {"rate": 20, "burst": 5, "per": "second"}}),
                accept(),
            ],
        );
    }
    ruleset.rule("input", [goto("refuse")]);
}

/// The operator's way in where there is no other network than the guests'.
fn trusted(ruleset: &mut Ruleset, policy: &Policy) {
    let zones = policy.zones.iter().filter(|zone| !zone.trusted.is_empty() && !zone.trusted_ports.is_empty());
    for zone in zones {
        ruleset.rule(
            "input",
            [
                is(meta("iifname"), set_of(zone.devices.iter().map(String::as_str))),
                is(payload("ether", "saddr"), set_of(zone.trusted.iter().map(ToString::to_string))),
                is(payload("tcp", "dport"), set_of(zone.trusted_ports.iter().copied())),
                accept(),
            ],
        );
    }
}

fn dns(ruleset: &mut Ruleset) {
    let sender = json!({"elem": {"val": payload("ether", "saddr"), "timeout": DNS_TIMEOUT_SECS}});
    let too_many =
        json!({"limit": {"rate": DNS_PER_SECOND, "burst": DNS_BURST, "per": "second", "inv": true}});
    ruleset.rule("dns", [json!({"meter": {"name": DNS_RATE, "key": sender, "stmt": too_many}}), drop()]);
    ruleset.rule("dns", [accept()]);
}
