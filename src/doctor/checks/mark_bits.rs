use std::collections::BTreeMap;

use serde_json::Value;

use crate::doctor::gather::Known;
use crate::doctor::marks::{Mark, bits_read, kept_bits, names, set_by};
use crate::doctor::ruleset::{Hook, Ruleset};
use crate::doctor::walk::{Meets, Way, walk};
use crate::doctor::{Code, Finding, Sides};
use crate::gate::KEY_PRIORITY;

/// Findings at most: a ruleset may hold thousands of such rules.
const MOST: usize = 10;

/// What a rule does with our bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    WritesAll,
    WritesSome(u32),
    Reads(u32),
}

/// Rules of other tables that write or read bits of the connection's mark that are ours.
pub fn judge(ruleset: &Known<Ruleset>, sides: &Sides, mask: u32) -> Vec<Finding> {
    let code = Code::MARK_BITS;
    let ruleset = match ruleset {
        Ok(ruleset) => ruleset,
        Err(error) => return vec![Finding::unchecked(code, error)],
    };
    let copies = copies_marks(ruleset);
    let mut uses: BTreeMap<(String, Use), (Meets, &Hook)> = BTreeMap::new();
    // What leaves or enters this box itself is no guest's.
    for (base, hook) in
        ["prerouting", "forward", "postrouting"].iter().flat_map(|hook| ruleset.others_at(hook))
    {
        walk(ruleset, base, sides, Way::Either, &mut |rule, statement, meets| {
            for what in uses_of(statement, mask, copies) {
                let place = format!("{} {}", rule.table, rule.chain);
                let known = uses.entry((place, what)).or_insert((meets, hook));
                known.0 = known.0.min(meets);
            }
            false
        });
    }
    let mut found: Vec<Finding> =
        uses.iter().map(|((place, what), (meets, hook))| tell(place, *what, *meets, hook, mask)).collect();
    found.sort_by_key(|finding| finding.severity);
    found.truncate(MOST);
    if found.is_empty() {
        found.push(Finding::ok(
            code,
            format!("no rule of another table uses the bits {mask:#010x} of the mark"),
        ));
    }
    found
}

/// Whether somebody copies the packet's mark to the connection's or back: only then do bits of the packet's mark matter.
fn copies_marks(ruleset: &Ruleset) -> bool {
    let copies = |statement: &Value| match set_by(statement) {
        Some((Mark::Connection, value)) => names(value, Mark::Packet),
        Some((Mark::Packet, value)) => names(value, Mark::Connection),
        None => false,
    };
    ruleset.rules.iter().filter(|rule| !rule.table.is_ours()).flat_map(|rule| &rule.statements).any(copies)
}

fn uses_of(statement: &Value, mask: u32, copies: bool) -> Vec<Use> {
    let mut found = Vec::new();
    match set_by(statement) {
        Some((Mark::Connection, value)) => match !kept_bits(value, Mark::Connection) {
            u32::MAX => found.push(Use::WritesAll),
            changed if changed & mask != 0 => found.push(Use::WritesSome(changed & mask)),
            _ => {}
        },
        Some((Mark::Packet, _)) | None => {}
    }
    let mut read = bits_read(statement, Mark::Connection);
    if copies {
        read |= bits_read(statement, Mark::Packet);
    }
    if read & mask != 0 {
        found.push(Use::Reads(read & mask));
    }
    found
}

fn tell(place: &str, what: Use, meets: Meets, hook: &Hook, mask: u32) -> Finding {
    let code = Code::MARK_BITS;
    let every = if meets == Meets::Every { "every connection" } else { "some connections" };
    let stays = "what belongs to another is to stay as it was: ct mark set ct mark and MASK or VALUE";
    let (text, why) = match what {
        Use::Reads(bits) => {
            let text = format!("{place} reads the bits {bits:#010x} of the mark, which are Turnpike's");
            return Finding::warning(code, text)
                .because("those rules take the numbers of clients for their own")
                .fix(fixes(mask));
        }
        Use::WritesAll => (
            format!("{place} ({}, {}) writes the whole mark of {every}", hook.hook, hook.priority),
            "it says whose connection it is: without it guests' packets are refused",
        ),
        Use::WritesSome(bits) => (
            format!(
                "{place} ({}, {}) writes the bits {bits:#010x} of the mark of {every}",
                hook.hook, hook.priority
            ),
            "they say whose connection it is: guests' packets are refused, or charged to another",
        ),
    };
    // What comes before us is put right by us on a guest's next packet; what is answered has it until then.
    let is_before = hook.hook == "prerouting" && hook.priority < i64::from(KEY_PRIORITY);
    let found = if meets == Meets::Every && !is_before {
        Finding::problem(code, text)
    } else {
        Finding::warning(code, text)
    };
    found.because(why).fix([stays.to_owned()].into_iter().chain(fixes(mask)))
}

fn fixes(mask: u32) -> [String; 1] {
    [format!("or give Turnpike other bits: mark_mask in [network], now {mask:#010x}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::doctor::ruleset::of_objects;

    const MASK: u32 = 0xff00_00ff;
    const CT: &str = r#"{"ct": {"key": "mark"}}"#;
    const META: &str = r#"{"meta": {"key": "mark"}}"#;

    fn set(key: &str, value: &str) -> String {
        format!(r#"{{"mangle": {{"key": {key}, "value": {value}}}}}"#)
    }

    fn matched(left: &str) -> String {
        format!(r#"{{"match": {{"op": "==", "left": {left}, "right": 1}}}}"#)
    }

    fn of(hook: &str, priority: i32, statements: &[String]) -> Vec<Severity> {
        let objects = format!(
            r#"{{"chain": {{"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "{hook}", "prio": {priority}, "policy": "accept"}}}},
            {{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{}]}}}}"#,
            statements.join(",")
        );
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        judge(&Ok(of_objects(&objects)), &sides, MASK).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn writers_are_judged_by_bits_place_and_whom_they_meet() {
        let whole = set(CT, "7");
        assert_eq!(of("postrouting", -150, std::slice::from_ref(&whole)), [Problem]);
        assert_eq!(of("prerouting", -100, std::slice::from_ref(&whole)), [Problem], "after ours");
        assert_eq!(of("prerouting", -150, std::slice::from_ref(&whole)), [Warning], "before ours");
        assert_eq!(of("output", 0, std::slice::from_ref(&whole)), [Well], "this box's own");
        assert_eq!(of("forward", 0, &[matched(r#"{"meta": {"key": "l4proto"}}"#), whole.clone()]), [Warning]);
        let elsewhere =
            r#"{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "wg0"}}"#.to_owned();
        assert_eq!(of("postrouting", 0, &[elsewhere, whole]), [Well], "no guest's");
        let polite = format!(r#"{{"|": [{{"&": [{CT}, 4294951167]}}, 256]}}"#);
        assert_eq!(of("forward", 0, &[set(CT, &polite)]), [Well], "0x3f00, as mwan3 does");
        let rude = format!(r#"{{"|": [{CT}, 1]}}"#);
        assert_eq!(of("forward", 0, &[set(CT, &rude)]), [Problem]);
        assert_eq!(of("forward", 0, &[set(META, "7")]), [Well], "the packet's mark is not ours");
    }

    #[test]
    fn readers_are_a_warning_and_of_the_packets_mark_only_if_it_is_copied() {
        assert_eq!(of("forward", 0, &[matched(CT)]), [Warning]);
        assert_eq!(of("forward", 0, &[matched(&format!(r#"{{"&": [{CT}, 65280]}}"#))]), [Well]);
        assert_eq!(of("forward", 0, &[matched(META)]), [Well]);
        assert_eq!(of("forward", 0, &[set(META, CT), matched(META)]), [Warning]);
    }

    #[test]
    fn a_flood_of_rules_is_told_in_few_words() {
        let chains: Vec<String> = (0..50)
            .map(|n| {
                format!(
                    r#"{{"chain": {{"family": "ip", "table": "t{n}", "name": "c", "type": "filter", "hook": "forward", "prio": 0}}}},
                    {{"rule": {{"family": "ip", "table": "t{n}", "chain": "c", "expr": [{}]}}}}"#,
                    set(CT, META)
                )
            })
            .collect();
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        assert_eq!(judge(&Ok(of_objects(&chains.join(","))), &sides, MASK).len(), MOST);
    }
}
