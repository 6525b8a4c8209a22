//! What a session or voucher grants: as it is asked for, changed and shown.

use serde_json::{Map, Value, json};

use super::schema::{about, amount, body, boolean, count, fields, integer, nullable, one_of};
use crate::domain::{MAX_EXP_DAYS, MAX_MB, MAX_TIME_SECS, Mbps, SessionKind};

/// The least that is not rounded to nothing, in MB: a byte.
const MIN_MB: f64 = 0.000_001;

pub(super) fn seconds() -> Value {
    integer(1, MAX_TIME_SECS)
}

pub(super) fn megabytes() -> Value {
    json!({ "type": "number", "minimum": MIN_MB, "maximum": MAX_MB })
}

/// Mbit/s; 0 is unlimited.
pub(super) fn speed() -> Value {
    let (least, most) = (Mbps::MIN_BITS_PER_SEC as f64 / 1e6, Mbps::MAX_BITS_PER_SEC as f64 / 1e6);
    json!({
        "description": "Mbit/s; 0 is unlimited.",
        "anyOf": [
            { "type": "number", "enum": [0] },
            { "type": "number", "minimum": least, "maximum": most },
            { "type": "null" },
        ],
    })
}

/// Fields that every kind of terms has.
pub(super) fn common() -> Map<String, Value> {
    fields([
        ("exp_days", about(nullable(integer(1, MAX_EXP_DAYS.into())), "Days from its first start.")),
        ("down_mbps", speed()),
        ("up_mbps", speed()),
        ("use_global_speed", about(nullable(boolean()), "The zone's client speeds instead of its own.")),
    ])
}

/// New terms together with other fields: a shape for each kind, which has the limits of that kind alone.
pub(super) fn new_terms(required: &[&str], others: &Map<String, Value>) -> Value {
    let none = || json!({ "enum": [0, null] });
    let of_kind = |kind: SessionKind, secs: Option<Value>, mb: Option<Value>| {
        let mut needed = vec!["kind"];
        needed.extend(required);
        needed.extend(secs.as_ref().map(|_| "time_secs"));
        needed.extend(mb.as_ref().map(|_| "data_mb"));
        let mut all = common();
        all.extend(others.clone());
        all.insert("kind".to_owned(), one_of(&[kind.as_str()]));
        all.insert("time_secs".to_owned(), secs.unwrap_or_else(none));
        all.insert("data_mb".to_owned(), mb.unwrap_or_else(none));
        body(&needed, all)
    };
    json!({
        "anyOf": [
            of_kind(SessionKind::Time, Some(seconds()), None),
            of_kind(SessionKind::Data, None, Some(megabytes())),
            of_kind(SessionKind::TimeOrData, Some(seconds()), Some(megabytes())),
        ],
    })
}

/// A change of terms: what is absent or `null` stays.
pub(super) fn change() -> Value {
    body(
        &[],
        fields([
            ("time_secs", about(seconds(), "The new limit; not below what is used.")),
            ("data_mb", about(megabytes(), "The new limit; not below what is used.")),
            ("add_time_secs", about(seconds(), "On top of the limit.")),
            ("add_data_mb", about(megabytes(), "On top of the limit.")),
            ("down_mbps", speed()),
            ("up_mbps", speed()),
            ("use_global_speed", boolean()),
            ("exp_days", about(integer(0, MAX_EXP_DAYS.into()), "0 never expires.")),
        ]),
    )
}

/// Terms as they are shown.
pub(super) fn shown() -> Map<String, Value> {
    let kinds = [SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData];
    fields([
        ("kind", one_of(&kinds.map(SessionKind::as_str))),
        ("time_secs", nullable(count())),
        ("data_mb", nullable(amount())),
        ("exp_days", nullable(count())),
        ("down_mbps", about(amount(), "0 is unlimited.")),
        ("up_mbps", about(amount(), "0 is unlimited.")),
        ("use_global_speed", boolean()),
    ])
}
