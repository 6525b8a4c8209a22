//! From a base chain through all that it leads to, with what a guest's packet has to meet on the way.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Sides;
use super::ruleset::{Chain, Rule, Ruleset, Table};

/// Rules that are looked at from one base chain: rulesets may lead to one chain from thousands of rules.
const MAX_RULES: usize = 100_000;
/// What an element of a named map may say.
static ACCEPT: LazyLock<Value> = LazyLock::new(|| json!({"accept": null}));

/// Of which packets a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meets {
    /// Every packet of a guest, one way or the other, or in both directions.
    Every,
    /// Some: there are conditions that cannot be judged here.
    Some,
    /// None: it is about other devices.
    None,
}

/// Which way a guest's packet goes.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// From this device of a zone to the WAN.
    Up(&'a str),
    /// From or to any zone.
    Either,
}

/// What a statement does with a packet that reaches it.
enum Leads<'a> {
    /// Only packets that match go on.
    Condition(Meets),
    /// Elsewhere, under a condition.
    To(&'a str, Meets),
    /// A verdict, under a condition.
    Verdict(&'a Value, Meets),
    /// To any chain of the table or to `accept`, perhaps: a named map, whose elements others change all the time.
    Anywhere,
    /// To none of these.
    Nowhere,
}

/// Shows `see` every rule that a guest's packet may reach from a base chain, and which packets do; conditions within the rule
/// itself up to a statement are told for that statement: `see` gets the statement, and each verdict in a map. `true` ends the
/// walk.
pub fn walk(
    ruleset: &Ruleset,
    base: &Chain,
    sides: &Sides,
    way: Way<'_>,
    see: &mut dyn FnMut(&Rule, &Value, Meets) -> bool,
) {
    let mut seen = HashSet::new();
    let mut chains = vec![(base.name.clone(), Meets::Every)];
    let mut rules: HashMap<&str, Vec<&Rule>> = HashMap::new();
    for rule in ruleset.rules.iter().filter(|rule| rule.table == base.table) {
        rules.entry(&rule.chain).or_default().push(rule);
    }
    let mut left = MAX_RULES;
    while let Some((chain, on_the_way)) = chains.pop() {
        if !seen.insert((chain.clone(), on_the_way)) {
            continue;
        }
        for rule in rules.get(chain.as_str()).into_iter().flatten() {
            left = left.saturating_sub(1);
            if left == 0 {
                return;
            }
            let mut meets = on_the_way;
            for statement in &rule.statements {
                for leads in judge(statement, &base.table, sides, way) {
                    match leads {
                        Leads::Condition(condition) => meets = meets.max(condition),
                        Leads::To(target, condition) if meets.max(condition) != Meets::None => {
                            chains.push((target.to_owned(), meets.max(condition)));
                        }
                        Leads::Verdict(verdict, condition) if meets.max(condition) != Meets::None => {
                            if see(rule, verdict, meets.max(condition)) {
                                return;
                            }
                        }
                        Leads::Anywhere if meets != Meets::None => {
                            let doubt = meets.max(Meets::Some);
                            if see(rule, &ACCEPT, doubt) {
                                return;
                            }
                            let chains_of = ruleset.chains.iter().filter(|chain| chain.table == base.table);
                            let regular = chains_of.filter(|chain| chain.hook.is_none());
                            chains.extend(regular.map(|chain| (chain.name.clone(), doubt)));
                        }
                        Leads::To(..) | Leads::Verdict(..) | Leads::Anywhere | Leads::Nowhere => {}
                    }
                }
                if meets == Meets::None {
                    break;
                }
                if see(rule, statement, meets) {
                    return;
                }
            }
        }
    }
}

fn judge<'a>(statement: &'a Value, table: &Table, sides: &Sides, way: Way<'_>) -> Vec<Leads<'a>> {
    let Some((name, inside)) = statement.as_object().and_then(|object| object.iter().next()) else {
        // A statement without anything, as in "accept" in some versions.
        return vec![Leads::Nowhere];
    };
    match name.as_str() {
        "match" => vec![Leads::Condition(of_match(inside, table, sides, way))],
        "jump" | "goto" => target(inside).map(|target| Leads::To(target, Meets::Every)).into_iter().collect(),
        "vmap" => of_vmap(inside, sides, way),
        "limit" | "quota" | "xt" | "ct count" | "meter" => {
            vec![Leads::Condition(Meets::Some)]
        }
        _ => vec![Leads::Nowhere],
    }
}

fn target(verdict: &Value) -> Option<&str> {
    verdict.get("target")?.as_str()
}

/// The device that an expression is about: `true` for where packets come in.
fn device_of(expression: &Value) -> Option<bool> {
    match expression.get("meta")?.get("key")?.as_str()? {
        "iifname" | "iif" => Some(true),
        "oifname" | "oif" => Some(false),
        _ => None,
    }
}

fn of_match(inside: &Value, table: &Table, sides: &Sides, way: Way<'_>) -> Meets {
    let (Some(left), Some(right)) = (inside.get("left"), inside.get("right")) else { return Meets::Some };
    let is_not = inside.get("op").and_then(Value::as_str) == Some("!=");
    if let Some(comes_in) = device_of(left) {
        let names = names_in(right);
        if names.is_empty() {
            // A named set, or a number.
            return Meets::Some;
        }
        let hits = |device: &str| names.iter().any(|name| matches_name(name, device));
        return of_devices(comes_in, is_not, hits, sides, way);
    }
    if is_state(left) {
        return of_states(&names_in(right), is_not, way);
    }
    let key = left.get("meta").and_then(|meta| meta.get("key")).and_then(Value::as_str);
    match (key, right.as_str()) {
        // Both families have guests.
        (Some("nfproto"), Some("ipv4")) if table.family != "ip6" && !is_not => Meets::Every,
        (Some("nfproto"), Some("ipv6")) if table.family != "ip" && !is_not => Meets::Every,
        _ => Meets::Some,
    }
}

fn is_state(expression: &Value) -> bool {
    expression.get("ct").and_then(|ct| ct.get("key")).and_then(Value::as_str) == Some("state")
}

/// Which packets a condition about the connection's state lets on: on their way up it is new connections that matter, and
/// either way each has packets of every kind.
fn of_states(states: &[&str], is_not: bool, way: Way<'_>) -> Meets {
    match way {
        Way::Either => Meets::Every,
        Way::Up(_) if states.contains(&"new") != is_not => Meets::Every,
        Way::Up(_) => Meets::None,
    }
}

/// Which packets a condition about a device lets on.
fn of_devices(
    comes_in: bool,
    is_not: bool,
    hits: impl Fn(&str) -> bool,
    sides: &Sides,
    way: Way<'_>,
) -> Meets {
    let passes = |device: &str| hits(device) != is_not;
    let wan = || sides.wan.iter().map(String::as_str);
    match way {
        Way::Up(device) if comes_in => {
            if passes(device) {
                Meets::Every
            } else {
                Meets::None
            }
        }
        Way::Up(_) if sides.wan.is_empty() => Meets::Some,
        Way::Up(_) => {
            if wan().all(passes) {
                Meets::Every
            } else if wan().any(passes) {
                Meets::Some
            } else {
                Meets::None
            }
        }
        // Every packet of guests has a zone's device on one end and the WAN's on the other.
        Way::Either => {
            if sides.zone_devices().any(passes) || wan().any(passes) {
                Meets::Every
            } else {
                Meets::None
            }
        }
    }
}

fn of_vmap<'a>(inside: &'a Value, sides: &Sides, way: Way<'_>) -> Vec<Leads<'a>> {
    let pairs = inside.get("data").and_then(|data| data.get("set")).and_then(Value::as_array);
    let Some(pairs) = pairs else { return vec![Leads::Anywhere] };
    let by_device = inside.get("key").and_then(device_of);
    let by_state = inside.get("key").is_some_and(is_state);
    let of_pair = |pair: &'a Value| {
        let [key, verdict] = pair.as_array()?.as_slice() else { return None };
        let meets = match (by_device, key.as_str()) {
            (None, Some(state)) if by_state => of_states(&[state], false, way),
            (Some(comes_in), Some(name)) => {
                of_devices(comes_in, false, |device| matches_name(name, device), sides, way)
            }
            _ => Meets::Some,
        };
        let target = ["jump", "goto"].iter().find_map(|name| target(verdict.get(name)?));
        Some(target.map_or(Leads::Verdict(verdict, meets), |target| Leads::To(target, meets)))
    };
    pairs.iter().filter_map(of_pair).collect()
}

/// The names in what an expression is compared with.
pub fn names_in(right: &Value) -> Vec<&str> {
    match right {
        Value::String(name) if !name.starts_with('@') => vec![name],
        Value::Array(items) => items.iter().flat_map(names_in).collect(),
        Value::Object(_) => right.get("set").map(names_in).unwrap_or_default(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Whether a name in a rule, perhaps with a `*` at its end, is that of a device.
pub fn matches_name(name: &str, device: &str) -> bool {
    name.strip_suffix('*').map_or(name == device, |begin| device.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::ruleset::of_objects;

    const HEAD: &str = r#"{"chain": {"family": "inet", "table": "t", "name": "forward", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
        {"chain": {"family": "inet", "table": "t", "name": "more"}}"#;

    fn rule(chain: &str, statements: &str) -> String {
        format!(
            r#", {{"rule": {{"family": "inet", "table": "t", "chain": "{chain}", "expr": [{statements}]}}}}"#
        )
    }

    fn device(key: &str, op: &str, right: &str) -> String {
        format!(r#"{{"match": {{"op": "{op}", "left": {{"meta": {{"key": "{key}"}}}}, "right": {right}}}}}"#)
    }

    /// How a walk from the forward chain meets the first `accept`.
    fn meets(rules: &[String], way: Way<'_>) -> Meets {
        let ruleset = of_objects(&format!("{HEAD}{}", rules.concat()));
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let mut best = Meets::None;
        let (base, _) = ruleset.others_at("forward").next().unwrap();
        walk(&ruleset, base, &sides, way, &mut |_, statement, meets| {
            if statement.get("accept").is_some() {
                best = best.min(meets);
            }
            false
        });
        best
    }

    #[test]
    fn conditions_about_devices_are_judged_and_others_are_doubts() {
        let up = Way::Up("br-lan");
        let accept = r#"{"accept": null}"#;
        for (condition, wanted) in [
            (device("iifname", "==", "\"br-lan\""), Meets::Every),
            (device("iifname", "==", "\"br-*\""), Meets::Every),
            (device("iifname", "==", r#"{"set": ["br-x", "br-lan"]}"#), Meets::Every),
            (device("iifname", "!=", "\"br-lan\""), Meets::None),
            (device("iifname", "==", "\"br-office\""), Meets::None),
            (device("oifname", "==", "\"wan\""), Meets::Every),
            (device("oifname", "==", "\"docker0\""), Meets::None),
            (device("oifname", "!=", "\"docker0\""), Meets::Every),
            (device("iifname", "==", "\"@lans\""), Meets::Some),
            (device("nfproto", "==", "\"ipv4\""), Meets::Every),
            (device("l4proto", "==", "\"tcp\""), Meets::Some),
            (r#"{"xt": null}"#.to_owned(), Meets::Some),
            (r#"{"counter": {"packets": 0, "bytes": 0}}"#.to_owned(), Meets::Every),
        ] {
            let rules = [rule("forward", &format!("{condition}, {accept}"))];
            assert_eq!(meets(&rules, up), wanted, "{condition}");
        }
    }

    #[test]
    fn chains_are_followed_with_what_leads_to_them() {
        let jump = r#"{"jump": {"target": "more"}}"#;
        let accept = rule("more", r#"{"accept": null}"#);
        let to_more = |condition: &str| [rule("forward", &format!("{condition}, {jump}")), accept.clone()];
        assert_eq!(meets(&to_more(&device("iifname", "==", "\"br-lan\"")), Way::Up("br-lan")), Meets::Every);
        assert_eq!(meets(&to_more(&device("iifname", "==", "\"tun0\"")), Way::Either), Meets::None);
        assert_eq!(meets(&to_more(r#"{"xt": null}"#), Way::Either), Meets::Some);
        let map = r#"{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["tun0", {"accept": null}], ["br-lan", {"jump": {"target": "more"}}]]}}}"#;
        assert_eq!(meets(&[rule("forward", map), accept.clone()], Way::Up("br-lan")), Meets::Every);
        let named = r#"{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@ways"}}"#;
        assert_eq!(
            meets(&[rule("forward", named)], Way::Up("br-lan")),
            Meets::Some,
            "its elements may accept"
        );
        let circle = rule("more", r#"{"goto": {"target": "more"}}"#);
        assert_eq!(meets(&[rule("forward", jump), circle], Way::Up("br-lan")), Meets::None, "a loop ends");
    }
}
