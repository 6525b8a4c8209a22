use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;

use super::rows::Columns;
use super::script::{Added, Script};
use super::sql::RowsStatement;
use super::{Store, StoreError};
use crate::domain::{CloseReason, DeviceId, Event, EventKind, PauseReason, SessionId, Text};

/// How many events are kept.
pub const KEPT_EVENTS: i64 = 100_000;

/// How many are deleted at a time, so that pruning never holds up a commit for long.
pub(super) const PRUNED_AT_ONCE: i64 = 1_000;

/// The fields that [`EventKind::SessionChanged`] can name.
const CHANGED_FIELDS: [&str; 22] = [
    "alias",
    "created_at",
    "data_mb",
    "data_used_mb",
    "device",
    "down_mbps",
    "ended_at",
    "exp_days",
    "expires_at",
    "hostname",
    "kind",
    "plan",
    "principal",
    "properties",
    "provider",
    "resumed_at",
    "roles",
    "started_at",
    "time_secs",
    "time_used_secs",
    "up_mbps",
    "use_global_speed",
];

/// An event with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Counts up; what a listener resumes from.
    pub id: i64,
    /// What happened.
    pub event: Event,
}

static PUT_EVENTS: LazyLock<RowsStatement> =
    LazyLock::new(|| RowsStatement::new("INSERT INTO events (at, device, session, name, details)", 5, ""));

/// Appends events, whose numbers follow one by one.
pub(super) async fn put(script: &mut Script<'_>, events: &[Event]) -> Result<Added, StoreError> {
    let put = script.rows(&PUT_EVENTS, events, |query, event| {
        let details = serde_json::to_string(&event.kind.details())
            .map_err(|error| StoreError::row("events", event.kind.as_str(), error))?;
        Ok(query
            .bind(event.at.0)
            .bind(event.device.map(|id| id.to_string()))
            .bind(event.session.map(|id| id.to_string()))
            .bind(event.kind.as_str())
            .bind(details))
    });
    put.await
}

impl Store {
    /// The events after a number, oldest first.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at, device, session, name, details FROM events WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(logged).collect()
    }

    /// The newest events about a device, or about a session, or about both; newest first.
    pub async fn events_about(
        &self,
        device: Option<DeviceId>,
        session: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        // From the newest on, along the number: what a page asks for is mostly near it.
        let rows = sqlx::query(
            "SELECT id, at, device, session, name, details FROM events \
             WHERE ($1 IS NULL OR device = $1) AND ($2 IS NULL OR session = $2) ORDER BY id DESC LIMIT $3",
        )
        .bind(device.map(|id| id.to_string()))
        .bind(session.map(|id| id.to_string()))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(logged).collect()
    }

    /// The number of the newest event; 0 if there is none.
    pub async fn newest_event(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM events").fetch_one(&self.readers).await?)
    }

    /// Deletes some of the events beyond the newest [`KEPT_EVENTS`]. How many: 0 when there is nothing left to prune.
    pub async fn prune_step(&self) -> Result<u64, StoreError> {
        self.prune_events(KEPT_EVENTS).await
    }

    /// As [`Store::prune_step`], with another number to keep, at least the newest one.
    pub async fn prune_events(&self, keep: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM events WHERE id IN (SELECT id FROM events \
             WHERE id <= (SELECT max(id) FROM events) - $1 ORDER BY id LIMIT $2)",
        )
        .bind(keep.max(1))
        .bind(PRUNED_AT_ONCE)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }
}

fn logged(row: &SqliteRow) -> Result<LoggedEvent, StoreError> {
    let mut columns = Columns::new(row, "events");
    let id = columns.int()?;
    let at = columns.wall()?;
    let (device, session) = (columns.parse_if()?, columns.parse_if()?);
    let name = columns.text()?;
    let details: Vec<(String, String)> = columns.json()?;
    let kind = kind(name, details)
        .ok_or_else(|| columns.wrong(format!("an event {name:?} with such details is not known")))?;
    Ok(LoggedEvent { id, event: Event { at, device, session, kind } })
}

/// The inverse of [`EventKind::as_str`] and [`EventKind::details`].
fn kind(name: &str, details: Vec<(String, String)>) -> Option<EventKind> {
    let detail =
        |field: &str| details.iter().find(|(known, _)| known == field).map(|(_, value)| value.as_str());
    let close_reason = || detail("reason").and_then(CloseReason::from_name);
    Some(match name {
        "session_created" => EventKind::SessionCreated,
        "session_connected" => EventKind::SessionConnected,
        "session_disconnected" => EventKind::SessionDisconnected,
        "session_paused" => EventKind::SessionPaused(PauseReason::from_name(detail("reason")?)?),
        "session_resumed" => EventKind::SessionResumed,
        "session_changed" => EventKind::SessionChanged(
            details
                .into_iter()
                .map(|(field, value)| Some((changed_field(&field)?, value)))
                .collect::<Option<_>>()?,
        ),
        "session_consumed" => EventKind::SessionConsumed(close_reason()?),
        "session_expired" => EventKind::SessionExpired,
        "session_closed" => EventKind::SessionClosed(close_reason()?, Text::new(detail("text")?)),
        "session_deleted" => EventKind::SessionDeleted,
        "device_created" => EventKind::DeviceCreated,
        "device_updated" => EventKind::DeviceUpdated,
        "device_connected" => EventKind::DeviceConnected,
        "device_disconnected" => EventKind::DeviceDisconnected,
        "device_blocked" => EventKind::DeviceBlocked,
        "device_unblocked" => EventKind::DeviceUnblocked,
        "device_deleted" => EventKind::DeviceDeleted,
        "gateway_started" => EventKind::GatewayStarted,
        "gateway_recovered" => EventKind::GatewayRecovered(detail("repairs")?.parse().ok()?),
        _ => return None,
    })
}

fn changed_field(name: &str) -> Option<&'static str> {
    CHANGED_FIELDS.into_iter().find(|known| *known == name)
}
