use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;

use super::rows::Columns;
use super::script::{Added, Script};
use super::sql::RowsStatement;
use super::{Store, StoreError};
use crate::domain::{SessionEvent, SessionEventKind, SessionId};

/// How many events for listeners are kept: what one that was away can be told. Some 6 MB, which a start checks.
pub const KEPT_SESSION_EVENTS: i64 = 5_000;

/// An event for listeners with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedSessionEvent {
    /// Counts up without a gap; what a listener resumes from.
    pub id: i64,
    /// What happened.
    pub event: SessionEvent,
}

static PUT: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT INTO session_events (at, session, device, kind, reason, properties, previous)",
        7,
        "",
    )
});

const COLUMNS: &str = "id, at, session, device, kind, reason, properties, previous";

/// Appends events, whose numbers follow one by one.
pub(super) async fn put(script: &mut Script<'_>, events: &[SessionEvent]) -> Result<Added, StoreError> {
    let put = script.rows(&PUT, events, |query, event| {
        let wrong = |error| StoreError::row("session_events", event.session, error);
        Ok(query
            .bind(event.at.0)
            .bind(event.session.to_string())
            .bind(event.device.to_string())
            .bind(event.kind.as_str())
            .bind(event.reason.as_deref().map(str::to_owned))
            .bind(serde_json::to_string(&event.properties).map_err(wrong)?)
            .bind(serde_json::to_string(&event.previous).map_err(wrong)?))
    });
    put.await
}

impl Store {
    /// The events for listeners after a number, oldest first.
    pub async fn session_events(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LoggedSessionEvent>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM session_events WHERE id > $1 ORDER BY id LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(logged).collect()
    }

    /// The events of one session that are still kept, oldest first.
    pub async fn session_events_of(&self, session: SessionId) -> Result<Vec<LoggedSessionEvent>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM session_events WHERE session = $1 ORDER BY id");
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(session.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(logged).collect()
    }

    /// The numbers of the oldest and the newest event that is kept; `None` if there is none.
    pub async fn session_event_range(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let (oldest, newest): (Option<i64>, Option<i64>) =
            // Each by the index; asked for together SQLite reads every row.
            sqlx::query_as(
                "SELECT (SELECT min(id) FROM session_events), (SELECT max(id) FROM session_events)",
            )
            .fetch_one(&self.readers)
            .await?;
        Ok(oldest.zip(newest))
    }

    /// Deletes some of the events beyond the newest `keep`, at least one of which stays. How many.
    pub async fn prune_session_events(&self, keep: i64, most: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM session_events WHERE id IN (SELECT id FROM session_events \
             WHERE id <= (SELECT max(id) FROM session_events) - $1 ORDER BY id LIMIT $2)",
        )
        .bind(keep.max(1))
        .bind(most)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }
}

fn logged(row: &SqliteRow) -> Result<LoggedSessionEvent, StoreError> {
    let mut columns = Columns::new(row, "session_events");
    let id = columns.int()?;
    let at = columns.wall()?;
    let (session, device) = (columns.parse()?, columns.parse()?);
    let kind = columns.text()?;
    let kind = SessionEventKind::from_name(kind)
        .ok_or_else(|| columns.wrong(format!("an event {kind:?} is not known")))?;
    let reason = columns.text_if()?.map(|reason| Cow::Owned(reason.to_owned()));
    let properties: BTreeMap<String, String> = columns.json()?;
    let previous: BTreeMap<String, Option<String>> = columns.json()?;
    Ok(LoggedSessionEvent {
        id,
        event: SessionEvent {
            at,
            session,
            device,
            kind,
            reason,
            properties: properties.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect(),
            previous: previous.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect(),
        },
    })
}
