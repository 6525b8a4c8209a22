use std::collections::BTreeSet;

use chrono::DateTime;
use serde::de::DeserializeOwned;

use crate::domain::{Mbps, WallTime, roles};
use crate::http::Problem;

/// Reads a list of role names; one that cannot be is named.
pub(crate) fn read_roles(field: &str, names: Vec<String>) -> Result<BTreeSet<String>, Problem> {
    roles::read(names).map_err(|text| Problem::invalid_field(field, text))
}

/// Reads a time of a body: RFC 3339.
pub(crate) fn read_rfc3339(field: &str, text: &str) -> Result<WallTime, Problem> {
    let at = DateTime::parse_from_rfc3339(text);
    at.map(|at| WallTime(at.timestamp_millis()))
        .map_err(|_| Problem::invalid_field(field, "must be a time as in 2026-01-31T18:00:00Z"))
}

/// For fields where `null` says something else than absence.
pub(crate) fn null_is_some<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned,
{
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Some)
}

/// RFC 3339 in UTC, to the millisecond; `None` for years that have no such form.
pub(crate) fn rfc3339(at: WallTime) -> Option<String> {
    at.rfc3339()
}

/// Mbit/s, 0 for unlimited.
pub(crate) fn mbps(speed: Option<Mbps>) -> f64 {
    speed.map_or(0.0, Mbps::as_mbps)
}
