//! What `nft -j list ruleset` says, as far as it matters here. What is not known is left out: other versions of nft, and
//! other people's rules, say more than these lines know.

use serde::Deserialize;
use serde_json::Value;

use crate::gate;

/// All tables of this network namespace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ruleset {
    pub tables: Vec<Table>,
    pub chains: Vec<Chain>,
    pub rules: Vec<Rule>,
    pub flow_tables: Vec<FlowTable>,
}

/// A table's family and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Table {
    pub family: String,
    pub name: String,
}

/// A chain, and where it hangs if it is a base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub table: Table,
    pub name: String,
    pub hook: Option<Hook>,
}

/// Where a base chain hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// `filter`, `nat`, `route`.
    pub kind: String,
    pub hook: String,
    pub priority: i64,
    /// Whether what no rule accepts is dropped.
    pub drops: bool,
}

/// A rule's statements, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub table: Table,
    pub chain: String,
    pub statements: Vec<Value>,
}

/// Flows that go around the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowTable {
    pub table: Table,
    pub name: String,
    pub devices: Vec<String>,
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Item>,
}

/// One object. Sets, maps and elements are passed over without being kept.
#[derive(Deserialize)]
struct Item {
    table: Option<Value>,
    chain: Option<Value>,
    rule: Option<Value>,
    flowtable: Option<Value>,
}

impl Table {
    /// Whether it is the gate's.
    pub fn is_ours(&self) -> bool {
        self.name == gate::TABLE && self.family == "inet"
    }

    /// Whether it sees routed IP packets.
    pub fn is_ip(&self) -> bool {
        matches!(self.family.as_str(), "ip" | "ip6" | "inet")
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

impl Ruleset {
    /// Reads what nft wrote.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let listing: Listing =
            serde_json::from_slice(text).map_err(|error| format!("nft's answer cannot be read: {error}"))?;
        let mut ruleset = Self::default();
        for item in &listing.nftables {
            let Item { table, chain, rule, flowtable } = item;
            ruleset.tables.extend(table.as_ref().and_then(|table| read_table(table, "name")));
            ruleset.chains.extend(chain.as_ref().and_then(Chain::read));
            ruleset.rules.extend(rule.as_ref().and_then(Rule::read));
            ruleset.flow_tables.extend(flowtable.as_ref().and_then(FlowTable::read));
        }
        Ok(ruleset)
    }

    /// The base chains of a hook in other tables than ours, with where they hang.
    pub fn others_at<'a>(&'a self, hook: &'a str) -> impl Iterator<Item = (&'a Chain, &'a Hook)> {
        self.chains
            .iter()
            .filter(|chain| !chain.table.is_ours() && chain.table.is_ip())
            .filter_map(|chain| Some((chain, chain.hook.as_ref()?)))
            .filter(move |(_, at)| at.hook == hook)
    }

    /// The rules of a chain, in their order.
    pub fn rules_of<'a>(&'a self, table: &'a Table, chain: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.table == *table && rule.chain == chain)
    }

    /// Whether there is such a chain.
    pub fn has_chain(&self, family: &str, table: &str, chain: &str) -> bool {
        self.chains
            .iter()
            .any(|found| found.name == chain && found.table.family == family && found.table.name == table)
    }
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

fn read_table(object: &Value, name: &str) -> Option<Table> {
    Some(Table { family: text(object, "family")?, name: text(object, name)? })
}

impl Chain {
    fn read(object: &Value) -> Option<Self> {
        let hook = text(object, "hook").map(|hook| Hook {
            hook,
            kind: text(object, "type").unwrap_or_default(),
            priority: object.get("prio").and_then(Value::as_i64).unwrap_or_default(),
            drops: text(object, "policy").is_some_and(|policy| policy == "drop"),
        });
        Some(Self { table: read_table(object, "table")?, name: text(object, "name")?, hook })
    }
}

impl Rule {
    fn read(object: &Value) -> Option<Self> {
        let statements = object.get("expr")?.as_array()?.clone();
        Some(Self { table: read_table(object, "table")?, chain: text(object, "chain")?, statements })
    }
}

impl FlowTable {
    fn read(object: &Value) -> Option<Self> {
        let devices = match object.get("dev") {
            Some(Value::Array(devices)) => {
                devices.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(device) => device.as_str().map(str::to_owned).into_iter().collect(),
            None => Vec::new(),
        };
        Some(Self { table: read_table(object, "table")?, name: text(object, "name")?, devices })
    }
}

/// A ruleset as nft writes it: these objects, and one of a kind that nobody knows.
#[cfg(test)]
pub(super) fn of_objects(objects: &str) -> Ruleset {
    let text = format!(
        "{{\"nftables\": [{{\"metainfo\": {{\"json_schema_version\": 1}}}}, {{\"gadget\": {{\"name\": [1]}}}}{}{objects}]}}",
        if objects.is_empty() { "" } else { ", " }
    );
    Ruleset::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read_and_the_rest_passed_over() {
        let ruleset = of_objects(
            r#"{"table": {"family": "inet", "name": "fw4", "handle": 1}},
            {"chain": {"family": "inet", "table": "fw4", "name": "forward", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "inet", "table": "fw4", "name": 7}}, {"chain": "odd"},
            {"flowtable": {"family": "inet", "table": "fw4", "name": "ft", "hook": "ingress", "prio": 0, "dev": "wan"}},
            {"set": {"family": "inet", "table": "fw4", "name": "s", "elem": [1, 2, 3]}},
            {"rule": {"family": "inet", "table": "fw4", "chain": "forward", "expr": [{"accept": null}]}},
            {"rule": {"family": "inet", "table": "turnpike", "chain": "forward", "expr": "none"}}"#,
        );
        assert_eq!((ruleset.tables.len(), ruleset.chains.len(), ruleset.rules.len()), (1, 1, 1));
        assert_eq!(ruleset.flow_tables[0].devices, ["wan"]);
        let (chain, hook) = ruleset.others_at("forward").next().unwrap();
        assert!(hook.drops && ruleset.rules_of(&chain.table, "forward").count() == 1);
        assert!(ruleset.has_chain("inet", "fw4", "forward") && !ruleset.has_chain("ip", "fw4", "forward"));
    }

    #[test]
    fn what_is_no_listing_is_an_error() {
        for text in ["", "{}", "[]", "{\"nftables\": 3}", "{\"nftables\": [1]}", "Error: no JSON"] {
            assert!(Ruleset::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
