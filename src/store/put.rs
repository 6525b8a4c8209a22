//! What puts devices and sessions into their tables: the statements, and the values of one row of each.

use std::sync::LazyLock;

use super::StoreError;
use super::rows::{DEVICE_COLUMNS, SESSION_COLUMNS, integer};
use super::sql::{Bound, RowsStatement};
use crate::domain::{AtEnd, ClientDevice, ClientSession, ClientType, Mbps, SessionState, Text, ZoneName};

/// Insert or replace devices, but for what [`MOVE_DEVICES`] replaces. Not SQLite's `INSERT OR REPLACE`: that deletes first, and
/// the sessions with it.
pub(super) static PUT_DEVICES: LazyLock<RowsStatement> =
    LazyLock::new(|| put("devices", DEVICE_COLUMNS, MOVED_OF_DEVICES));

/// Insert or replace sessions, but for what [`MOVE_SESSIONS`] replaces.
pub(super) static PUT_SESSIONS: LazyLock<RowsStatement> =
    LazyLock::new(|| put("sessions", SESSION_COLUMNS, MOVED_OF_SESSIONS));

// Columns that hardly ever change and that an index has: a statement that names them writes their index anew, with a page
// for each, whether or not they change.
const MOVED_OF_DEVICES: &[&str] = &["mac"];
const MOVED_OF_SESSIONS: &[&str] = &["device", "created_at", "voucher"];

/// Replaces what [`PUT_DEVICES`] leaves, where it differs.
pub(super) static MOVE_DEVICES: LazyLock<RowsStatement> =
    LazyLock::new(|| replace_changed("devices", MOVED_OF_DEVICES));

/// Replaces what [`PUT_SESSIONS`] leaves, where it differs.
pub(super) static MOVE_SESSIONS: LazyLock<RowsStatement> =
    LazyLock::new(|| replace_changed("sessions", MOVED_OF_SESSIONS));

/// Usage and checkpoint only, of rows that stand as the caller thinks: running with a checkpoint, or not running and
/// without one.
pub(super) static PUT_USAGE: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "WITH new (id, used_time_ms, used_sent, used_received, free_time_ms, free_sent, free_received, boot_id, at_boot_ms, counter_key, counter_sent, \
         counter_received) AS (",
        12,
        ") UPDATE sessions SET used_time_ms = new.used_time_ms, used_sent = new.used_sent, \
         used_received = new.used_received, free_time_ms = new.free_time_ms, \
         free_sent = new.free_sent, free_received = new.free_received, boot_id = new.boot_id, at_boot_ms = new.at_boot_ms, \
         counter_key = new.counter_key, counter_sent = new.counter_sent, counter_received = new.counter_received \
         FROM new WHERE sessions.id = new.id AND (sessions.boot_id IS NULL) = (new.boot_id IS NULL)",
    )
});

fn put(table: &str, columns: &str, but: &[&str]) -> RowsStatement {
    let names: Vec<&str> = columns.split(',').map(str::trim).collect();
    let replaced = names.iter().filter(|name| **name != "id" && !but.contains(name));
    let updates: Vec<String> = replaced.map(|name| format!("{name} = excluded.{name}")).collect();
    RowsStatement::new(
        &format!("INSERT INTO {table} ({columns})"),
        names.len(),
        &format!("ON CONFLICT (id) DO UPDATE SET {}", updates.join(", ")),
    )
}

fn replace_changed(table: &str, columns: &[&str]) -> RowsStatement {
    let names = columns.join(", ");
    let updates: Vec<String> = columns.iter().map(|name| format!("{name} = new.{name}")).collect();
    // One by one: SQLite compares whole rows in a slower way.
    let differ: Vec<String> =
        columns.iter().map(|name| format!("{table}.{name} IS NOT new.{name}")).collect();
    RowsStatement::new(
        &format!("WITH new (id, {names}) AS ("),
        columns.len() + 1,
        &format!(
            ") UPDATE {table} SET {} FROM new WHERE {table}.id = new.id AND ({})",
            updates.join(", "),
            differ.join(" OR "),
        ),
    )
}

pub(super) fn bind_device(query: Bound, device: &ClientDevice) -> Result<Bound, StoreError> {
    Ok(query
        .bind(device.id.to_string())
        .bind(device.mac.to_string())
        .bind(device.zone.as_ref().map(ZoneName::as_str))
        .bind(device.key.map(|key| i64::from(key.get())))
        .bind(device.hostname.as_ref().map(Text::as_str))
        .bind(device.alias.as_ref().map(Text::as_str))
        .bind(i64::from(device.blocked))
        .bind(device.notice.as_ref().map(Text::as_str))
        .bind(json("devices", device.id, &device.roles)?)
        .bind(device.first_seen.0)
        .bind(device.last_seen.map(|at| at.0))
        .bind(device.client_type.map(ClientType::as_str))
        .bind(device.language.as_ref().map(Text::as_str))
        .bind(i64::from(device.identity.version))
        .bind(i64::from(device.identity.moves))
        .bind(device.identity.moves_since.map(|at| at.0)))
}

/// The values of [`MOVE_DEVICES`].
pub(super) fn bind_moved_device(query: Bound, device: &ClientDevice) -> Bound {
    query.bind(device.id.to_string()).bind(device.mac.to_string())
}

/// The values of [`MOVE_SESSIONS`].
pub(super) fn bind_moved_session(query: Bound, session: &ClientSession) -> Bound {
    query
        .bind(session.id.to_string())
        .bind(session.device.to_string())
        .bind(session.created_at.0)
        .bind(session.voucher.as_deref())
}

pub(super) fn bind_session(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    let number = |field: &str, value| integer("sessions", session.id, field, value);
    let terms = &session.terms;
    let (reason, reason_text) = match &session.state {
        SessionState::Paused(reason) => (Some(reason.as_str()), None),
        SessionState::Closed(reason, text) => (Some(reason.as_str()), Some(text.as_str())),
        SessionState::Available
        | SessionState::Running(_)
        | SessionState::Consumed
        | SessionState::Expired => (None, None),
    };
    let slow = match session.at_end {
        AtEnd::Slow(slow) => Some(slow),
        AtEnd::CutOff => None,
    };
    let slow_speed = |field: &'static str, speed: Option<Mbps>| {
        speed.map(|speed| number(field, speed.bits_per_sec())).transpose()
    };
    let query = query
        .bind(session.id.to_string())
        .bind(session.device.to_string())
        .bind(session.provider.as_str())
        .bind(session.source.as_deref())
        .bind(number("source_seq", session.source_seq)?)
        .bind(terms.kind.as_str())
        .bind(terms.time_limit_ms.map(|limit| number("time_limit_ms", limit)).transpose()?)
        .bind(terms.data_limit_bytes.map(|limit| number("data_limit_bytes", limit)).transpose()?)
        .bind(terms.exp_days.map(i64::from))
        .bind(terms.down.map(|speed| number("down_bps", speed.bits_per_sec())).transpose()?)
        .bind(terms.up.map(|speed| number("up_bps", speed.bits_per_sec())).transpose()?)
        .bind(i64::from(terms.use_global_speed));
    let query = bind_totals(query, session)?.bind(session.state.as_str()).bind(reason).bind(reason_text);
    Ok(bind_checkpoint(query, session)?
        .bind(session.created_at.0)
        .bind(session.started_at.map(|at| at.0))
        .bind(session.resumed_at.map(|at| at.0))
        .bind(session.expires_at.map(|at| at.0))
        .bind(session.ended_at.map(|at| at.0))
        .bind(slow.map(|slow| number("slow_ms", slow.lasts_ms)).transpose()?)
        .bind(slow_speed("slow_down_bps", slow.and_then(|slow| slow.rates.down))?)
        .bind(slow_speed("slow_up_bps", slow.and_then(|slow| slow.rates.up))?)
        .bind(i64::from(session.slowed))
        .bind(session.plan.as_deref())
        .bind(session.principal.as_deref())
        .bind(session.voucher.as_deref())
        .bind(json("sessions", session.id, &session.properties)?)
        .bind(json("sessions", session.id, &session.roles)?))
}

/// The values of [`PUT_USAGE`].
pub(super) fn bind_usage(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    bind_checkpoint(bind_totals(query.bind(session.id.to_string()), session)?, session)
}

fn bind_totals(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    let number = |field: &str, value| integer("sessions", session.id, field, value);
    Ok(query
        .bind(number("used_time_ms", session.usage.time_ms)?)
        .bind(number("used_sent", session.usage.sent_bytes)?)
        .bind(number("used_received", session.usage.received_bytes)?)
        .bind(number("free_time_ms", session.free.time_ms)?)
        .bind(number("free_sent", session.free.sent_bytes)?)
        .bind(number("free_received", session.free.received_bytes)?))
}

fn bind_checkpoint(query: Bound, session: &ClientSession) -> Result<Bound, StoreError> {
    let number = |field: &str, value| integer("sessions", session.id, field, value);
    let checkpoint = match &session.state {
        SessionState::Running(checkpoint) => Some(checkpoint),
        SessionState::Available
        | SessionState::Paused(_)
        | SessionState::Consumed
        | SessionState::Expired
        | SessionState::Closed(..) => None,
    };
    Ok(query
        .bind(checkpoint.map(|checkpoint| checkpoint.boot_id.as_str()))
        .bind(checkpoint.map(|checkpoint| number("at_boot_ms", checkpoint.at.0)).transpose()?)
        .bind(checkpoint.map(|checkpoint| i64::from(checkpoint.key.get())))
        .bind(checkpoint.map(|checkpoint| number("counter_sent", checkpoint.sent_bytes)).transpose()?)
        .bind(
            checkpoint.map(|checkpoint| number("counter_received", checkpoint.received_bytes)).transpose()?,
        ))
}

fn json(table: &'static str, id: impl ToString, value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::row(table, id, error))
}
