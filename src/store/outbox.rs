use sqlx::sqlite::SqliteConnection;

use super::rows::{Columns, integer};
use super::{Store, StoreError};
use crate::domain::{ProviderName, SourceUsage};

/// Totals that a source has not taken yet.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingUsage {
    /// Its place in the queue: what [`Store::outbox_done`] takes.
    pub row: i64,
    /// Whom to ask for the source.
    pub provider: ProviderName,
    /// The totals.
    pub usage: SourceUsage,
}

/// Totals to be queued.
pub(super) struct Owed {
    pub(super) usage: SourceUsage,
    /// The session's; `None` to have the store look it up.
    pub(super) provider: Option<ProviderName>,
}

/// The states that a [`SourceUsage`] can name.
const STATES: [&str; 6] = ["available", "running", "paused", "consumed", "expired", "closed"];

/// Queues totals. They replace the same session's older ones of the same state under a new row number.
pub(super) async fn put(connection: &mut SqliteConnection, owed: &[Owed]) -> Result<(), StoreError> {
    for Owed { usage, provider } in owed {
        let number = |field: &str, value| integer("outbox", usage.session, field, value);
        sqlx::query(
            "INSERT OR REPLACE INTO outbox \
             (session, provider, reference, seq, used_time_ms, used_sent, used_received, state) \
             VALUES ($1, coalesce($2, (SELECT provider FROM sessions WHERE id = $1)), $3, $4, $5, $6, $7, $8)",
        )
        .bind(usage.session.to_string())
        .bind(provider.as_ref().map(ProviderName::as_str))
        .bind(usage.reference.as_str())
        .bind(number("seq", usage.seq)?)
        .bind(number("used_time_ms", usage.usage.time_ms)?)
        .bind(number("used_sent", usage.usage.sent_bytes)?)
        .bind(number("used_received", usage.usage.received_bytes)?)
        .bind(usage.state)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Store {
    /// How many totals wait.
    pub async fn outbox_depth(&self) -> Result<u64, StoreError> {
        let depth: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&self.readers).await?;
        Ok(u64::try_from(depth).unwrap_or(0))
    }

    /// Totals that wait, after a row number (0: from the start), oldest first. Of each session the oldest only: once that
    /// is done the next appears, so that they are delivered in the order of `seq`.
    pub async fn outbox_pending(&self, after: i64, limit: u32) -> Result<Vec<PendingUsage>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, provider, session, reference, seq, used_time_ms, used_sent, used_received, state \
             FROM outbox o WHERE id > $1 \
             AND NOT EXISTS (SELECT 1 FROM outbox older WHERE older.session = o.session AND older.id < o.id) \
             ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::new(row, "outbox");
                Ok(PendingUsage {
                    row: columns.int()?,
                    provider: ProviderName::new(columns.text()?),
                    usage: SourceUsage {
                        session: columns.parse()?,
                        reference: columns.text()?.to_owned(),
                        seq: columns.count()?,
                        usage: columns.usage()?,
                        state: {
                            let name = columns.text()?;
                            STATES
                                .into_iter()
                                .find(|known| *known == name)
                                .ok_or_else(|| columns.wrong(format!("unknown state {name:?}")))?
                        },
                    },
                })
            })
            .collect()
    }

    /// Takes rows out of the queue: their sources have them. Totals that replaced one meanwhile stay.
    pub async fn outbox_done(&self, rows: &[i64]) -> Result<(), StoreError> {
        let rows = serde_json::to_string(rows).map_err(|error| StoreError::row("outbox", "list", error))?;
        sqlx::query("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each($1))")
            .bind(rows)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// How many totals wait.
    pub async fn outbox_length(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }
}
