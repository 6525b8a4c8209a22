//! The chains `key`, `rekey`, `take`, `spread`: the connection's mark carries its sender's key.

use serde_json::{Value, json};

use super::json::{
    concat, ct_mark, drop, fib_type, goto, is, is_not, leave, mangle, meta, our_mark, payload, set_of,
    source_not_routed_here, state_in, way_to_destination,
};
use super::{Hook, Ruleset, zone_devices};
use crate::gate::names::{CLIENT_OF, ONLINE, OWNER};
use crate::gate::policy::Policy;

/// The priority of our prerouting chain, which writes the connection's mark: after other people's mangling (fw4 -150, mwan3
/// -150, pbr -140), which may write the whole mark; before any dstnat.
pub const KEY_PRIORITY: i32 = -130;

pub(super) fn write(ruleset: &mut Ruleset, policy: &Policy) {
    let mask = policy.mark_mask;
    ruleset.base_chain("key", &Hook { kind: "filter", hook: "prerouting", priority: KEY_PRIORITY });
    ruleset.chain("rekey");
    ruleset.chain("take");
    ruleset.chain("spread");

    ruleset.rule("key", [is_not(meta("iifname"), zone_devices(policy)), leave()]);
    // The flow carries its sender's key: the usual way out.
    let pair = concat([payload("ether", "saddr"), our_mark(mask)]);
    ruleset.rule("key", [is(pair, format!("@{OWNER}")), leave()]);
    // Without a conntrack entry there is nothing to write to; refused later.
    ruleset.rule("key", [state_in(&["invalid", "untracked"]), leave()]);
    // A new flow, an old flow of a device just made known, a stale or a forged tuple.
    ruleset.rule("key", [goto("rekey")]);

    // A forged source: our own RST and ICMP errors would go to the forged address. 0.0.0.0 is DHCP, :: is DAD.
    ruleset.rule("rekey", [is_not(payload("ip", "saddr"), "0.0.0.0"), source_not_routed_here(), drop()]);
    ruleset.rule("rekey", [is_not(payload("ip6", "saddr"), "::"), source_not_routed_here(), drop()]);
    // A visit of the portal is nobody's: nothing of it is charged, and it has to outlive the end of its device's session. Connections
    // are deleted then by their key, and the kernel may have translated the port of this one: it does so while it remembers
    // another from the same port that was led here.
    let portals = set_of(policy.portal_ports());
    ruleset.rule("rekey", [is(payload("tcp", "dport"), portals), is(fib_type(&["daddr"]), "local"), leave()]);
    // A flow of somebody who is online that leads outside stays theirs: taking its key away for a forged packet would cost them
    // the answers that are under way. Flows between guests, and through this box back to one, are of both ends, in turns.
    // The inverted question charges nobody.
    ruleset.rule("rekey", [is_not(our_mark(mask), format!("@{ONLINE}")), goto("take")]);
    ruleset.rule(
        "rekey",
        [is(fib_type(&["daddr"]), "unicast"), is_not(way_to_destination(), zone_devices(policy)), drop()],
    );
    ruleset.rule("rekey", [goto("take")]);

    // Take away another device's key, leave the others' bits.
    ruleset.rule("take", [is_not(our_mark(mask), 0), mangle(ct_mark(), json!({"&": [ct_mark(), !mask]}))]);
    // The mark goes to a scratch register first, because "map & constant" cannot be written, nor two registers combined
    // before kernel 6.13. An unknown MAC ends here, with key 0.
    let mark_of_sender = json!({"map": {"key": payload("ether", "saddr"), "data": format!("@{CLIENT_OF}")}});
    ruleset.rule("take", [mangle(meta("priority"), mark_of_sender), goto("spread")]);

    // One rule for each bit: constants only, so that others' bits survive on every kernel.
    for bit in (0..u32::BITS).map(|position| 1u32 << position).filter(|bit| mask & bit != 0).take(16) {
        let in_scratch = is_not(json!({"&": [meta("priority"), class_id(bit)]}), class_id(0));
        ruleset.rule("spread", [in_scratch, mangle(ct_mark(), json!({"|": [ct_mark(), bit]}))]);
    }
    // IPv6 forwarding would carry the scratch value into the qdisc.
    ruleset.rule("spread", [mangle(meta("priority"), class_id(0))]);
}

/// A number in nft's notation of class ids: two halves in hexadecimal.
fn class_id(number: u32) -> Value {
    json!(format!("{:x}:{:x}", number >> 16, number & 0xffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_ids_are_written_in_halves() {
        assert_eq!(class_id(0x0100_0080), json!("100:80"));
        assert_eq!(class_id(0), json!("0:0"));
    }
}
