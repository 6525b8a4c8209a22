//! The walled garden: what is free for everybody in a zone, also for who is online.
//!
//! Each zone's prefixes are an anonymous set in its own rules, so that they change with the rules, atomically, and one
//! zone's garden is not another's. dnsmasq's addresses are in named hash sets: an interval set would refuse (EEXIST) a single
//! address inside one of its prefixes.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Ruleset;
use super::json::{accept, is, payload, set_of};
use crate::gate::names::{GARDEN4, GARDEN4_OLD, GARDEN6, GARDEN6_OLD};
use crate::gate::policy::{Policy, ZoneGate};

/// The chains of each zone's garden: `garden_up_N` and `garden_down_N`, which accept what is free.
pub(super) fn write(ruleset: &mut Ruleset, policy: &Policy) {
    for (number, zone) in policy.zones.iter().enumerate().filter(|(_, zone)| zone.has_garden()) {
        for (chain, field) in [(up_chain(number), "daddr"), (down_chain(number), "saddr")] {
            ruleset.chain(&chain);
            for garden in matches(zone, field) {
                ruleset.rule(&chain, [garden, accept()]);
            }
        }
    }
}

pub(super) fn up_chain(zone_number: usize) -> String {
    format!("garden_up_{zone_number}")
}

pub(super) fn down_chain(zone_number: usize) -> String {
    format!("garden_down_{zone_number}")
}

/// One match for each way in which an address (`field`: `saddr` or `daddr`) can be in the zone's garden.
fn matches(zone: &ZoneGate, field: &str) -> Vec<Value> {
    let mut matches = Vec::new();
    if zone.has_garden_domains {
        for (protocol, set) in [("ip", GARDEN4), ("ip", GARDEN4_OLD), ("ip6", GARDEN6), ("ip6", GARDEN6_OLD)]
        {
            matches.push(is(payload(protocol, field), format!("@{set}")));
        }
    }
    // nft refuses prefixes that overlap.
    let prefixes = IpNet::aggregate(&zone.garden_prefixes);
    for (protocol, family) in [
        ("ip", prefixes.iter().filter(|net| net.addr().is_ipv4()).collect::<Vec<_>>()),
        ("ip6", prefixes.iter().filter(|net| net.addr().is_ipv6()).collect()),
    ] {
        if !family.is_empty() {
            matches.push(is(payload(protocol, field), set_of(family.into_iter().map(prefix))));
        }
    }
    matches
}

fn prefix(net: &IpNet) -> Value {
    let (address, length) = (net.network().to_string(), net.prefix_len());
    if length == net.max_prefix_len() {
        json!(address)
    } else {
        json!({"prefix": {"addr": address, "len": length}})
    }
}
