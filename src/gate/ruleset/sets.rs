use serde_json::{Value, json};

use super::json::FAMILY;
use crate::gate::gardens::{GARDEN_SECS, OLD_GARDEN_SECS};
use crate::gate::names::{
    CLASS_OF, CLIENT_OF, GARDEN4, GARDEN4_OLD, GARDEN6, GARDEN6_OLD, ONLINE, OWNER, RECEIVED, SENT, TABLE,
    WAYS,
};

/// The most addresses that dnsmasq may add, per family.
const GARDEN_SIZE: u32 = 65_535;

/// Every named set and map; adding one that is there, with the same definition, changes nothing.
///
/// `dns_rate` is missing here: it must be a dynamic set, which the JSON of nft 1.0.6 cannot declare ("Invalid set flag").
/// The `meter` statement of the chain `dns` declares it, and finds it again when the ruleset is reloaded.
pub(super) fn definitions() -> Vec<Value> {
    let counter = json!([{"counter": null}]);
    [
        // A class id, not a mark: see the chain take.
        json!({"map": {"name": CLIENT_OF, "type": "ether_addr", "map": "classid"}}),
        json!({"set": {"name": OWNER, "type": ["ether_addr", "mark"]}}),
        // The elements carry their own quota.
        json!({"set": {"name": ONLINE, "type": "mark", "flags": ["timeout"]}}),
        json!({"set": {"name": SENT, "type": "mark", "stmt": counter}}),
        json!({"set": {"name": RECEIVED, "type": "mark", "stmt": counter}}),
        json!({"map": {"name": CLASS_OF, "type": "mark", "map": "classid"}}),
        json!({"map": {"name": WAYS, "type": ["ifname", "ifname"], "map": "verdict"}}),
        timed_garden(GARDEN4, "ipv4_addr", GARDEN_SECS),
        timed_garden(GARDEN6, "ipv6_addr", GARDEN_SECS),
        timed_garden(GARDEN4_OLD, "ipv4_addr", OLD_GARDEN_SECS),
        timed_garden(GARDEN6_OLD, "ipv6_addr", OLD_GARDEN_SECS),
    ]
    .into_iter()
    .map(in_table)
    .collect()
}

fn timed_garden(name: &str, kind: &str, secs: u32) -> Value {
    json!({"set": {
        "name": name, "type": kind, "flags": ["timeout"], "timeout": secs, "size": GARDEN_SIZE,
    }})
}

fn in_table(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut().and_then(|kinds| kinds.values_mut().next()) {
        fields["family"] = json!(FAMILY);
        fields["table"] = json!(TABLE);
    }
    json!({"add": object})
}
