//! The words of `libnftables-json(5)` that the ruleset is written in, as small functions.
//!
//! The `nftables` crate's types lack what is needed here (statements of sets, the types classid and verdict, concatenated
//! verdict maps), so these write the schema's JSON directly; the crate runs it.

use serde_json::{Value, json};

pub(super) const FAMILY: &str = "inet";

/// Transport protocols by their numbers (IANA): for the names nft needs `/etc/protocols`, which a small system does not have.
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;

/// `left OP right`.
pub(super) fn matches(op: &str, left: Value, right: impl Into<Value>) -> Value {
    let right: Value = right.into();
    json!({"match": {"op": op, "left": left, "right": right}})
}

/// `left == right`, which for a `right` of `@name` is "is in the set".
pub(super) fn is(left: Value, right: impl Into<Value>) -> Value {
    matches("==", left, right)
}

/// `left != right`, which for a `right` of `@name` is "is not in the set": it never runs an element's statements.
pub(super) fn is_not(left: Value, right: impl Into<Value>) -> Value {
    matches("!=", left, right)
}

/// `meta KEY`.
pub(super) fn meta(key: &str) -> Value {
    json!({"meta": {"key": key}})
}

/// `PROTOCOL FIELD`.
pub(super) fn payload(protocol: &str, field: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": field}})
}

/// `ct mark`.
pub(super) fn ct_mark() -> Value {
    json!({"ct": {"key": "mark"}})
}

/// `ct mark & mask`: our part of it.
pub(super) fn our_mark(mask: u32) -> Value {
    json!({"&": [ct_mark(), mask]})
}

/// `ct state` is one of these.
pub(super) fn state_in(states: &[&str]) -> Value {
    matches("in", json!({"ct": {"key": "state"}}), json!(states))
}

/// `{ … }`: an anonymous set.
pub(super) fn set_of<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Value {
    let values: Vec<Value> = values.into_iter().map(Into::into).collect();
    json!({"set": values})
}

/// `a . b`.
pub(super) fn concat(parts: [Value; 2]) -> Value {
    json!({"concat": parts})
}

/// `left set value`.
pub(super) fn mangle(left: Value, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({"mangle": {"key": left, "value": value}})
}

pub(super) fn goto(chain: &str) -> Value {
    json!({"goto": {"target": chain}})
}

pub(super) fn jump(chain: &str) -> Value {
    json!({"jump": {"target": chain}})
}

pub(super) fn accept() -> Value {
    json!({"accept": null})
}

pub(super) fn drop() -> Value {
    json!({"drop": null})
}

/// `return`.
pub(super) fn leave() -> Value {
    json!({"return": null})
}

/// `reject with tcp reset`.
pub(super) fn reject_reset() -> Value {
    json!({"reject": {"type": "tcp reset"}})
}

/// `fib ADDRESS . iif oif missing`: no route back to that address by the device it came from.
pub(super) fn source_not_routed_here() -> Value {
    is(json!({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}), json!(false))
}

/// `fib daddr oifname`: the device by which its destination is reached, before anything is translated.
pub(super) fn way_to_destination() -> Value {
    json!({"fib": {"result": "oifname", "flags": ["daddr"]}})
}

/// `fib FLAGS type`.
pub(super) fn fib_type(flags: &[&str]) -> Value {
    json!({"fib": {"result": "type", "flags": flags}})
}
