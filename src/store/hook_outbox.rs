use std::sync::LazyLock;

use super::rows::{Columns, integer};
use super::sql::RowsStatement;
use super::{Store, StoreError};
use crate::domain::{BootId, ClockGuard, HookId, Now, Text, WallTime};

/// How many events may wait for one webhook; beyond that the oldest are given up. Some 20 MB.
pub const MAX_HOOK_WAITING: i64 = 10_000;

/// An event that is to wait for a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The event's id for the receiver.
    pub event: String,
    /// What is sent.
    pub body: String,
}

/// An event that waits for a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its row.
    pub row: i64,
    /// The event's id for the receiver.
    pub event: String,
    /// What is sent.
    pub body: String,
}

/// What one webhook heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookHeard {
    /// Which.
    pub hook: HookId,
    /// The last event that was looked at before …
    pub from: i64,
    /// … and the last one now.
    pub to: i64,
    /// What it is to be told.
    pub deliveries: Vec<NewDelivery>,
}

static PUT: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new("INSERT INTO hook_outbox (hook, event, body, at, boot_id, at_boot_ms)", 6, "")
});

impl Store {
    /// Has a webhook's events wait and notes up to where it has heard, in one transaction. How many others were given up
    /// to make room; `None`, and nothing is done, if the webhook is gone or has heard further already.
    pub async fn queue_for_hook(
        &self,
        heard: &HookHeard,
        boot_id: &BootId,
        now: Now,
    ) -> Result<Option<u64>, StoreError> {
        let at_boot = integer("hook_outbox", heard.hook, "at_boot_ms", now.boot.0)?;
        let hook = heard.hook.to_string();
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        // It may stand further back: of what was heard in vain not every step is noted.
        let moved = sqlx::query("UPDATE hooks SET cursor = $3 WHERE id = $1 AND cursor <= $2")
            .bind(&hook)
            .bind(heard.from)
            .bind(heard.to)
            .execute(&mut *transaction)
            .await?;
        if moved.rows_affected() == 0 {
            return Ok(None);
        }
        let about = (hook.as_str(), now.wall.0, boot_id.as_str(), at_boot);
        let rows: Vec<_> = heard.deliveries.iter().map(|new| (about, new)).collect();
        PUT.execute(&mut transaction, &rows, |query, ((hook, at, boot_id, at_boot), new)| {
            Ok(query
                .bind((*hook).to_owned())
                .bind(new.event.clone())
                .bind(new.body.clone())
                .bind(*at)
                .bind((*boot_id).to_owned())
                .bind(*at_boot))
        })
        .await?;
        let dropped = sqlx::query(
            "DELETE FROM hook_outbox WHERE hook = $1 AND id <= \
             (SELECT id FROM hook_outbox WHERE hook = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
        )
        .bind(&hook)
        .bind(MAX_HOOK_WAITING)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if dropped > 0 {
            sqlx::query("UPDATE hooks SET dropped = dropped + $2 WHERE id = $1")
                .bind(&hook)
                .bind(integer("hooks", heard.hook, "dropped", dropped)?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Some(dropped))
    }

    /// The oldest events that wait for a webhook.
    pub async fn hook_waiting(&self, hook: HookId, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let rows =
            sqlx::query("SELECT id, event, body FROM hook_outbox WHERE hook = $1 ORDER BY id LIMIT $2")
                .bind(hook.to_string())
                .bind(i64::from(limit))
                .fetch_all(&self.readers)
                .await?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::new(row, "hook_outbox");
                let row = columns.int()?;
                Ok(Delivery { row, event: columns.text()?.to_owned(), body: columns.text()?.to_owned() })
            })
            .collect()
    }

    /// Takes out events that the receiver has.
    pub async fn hook_delivered(&self, hook: HookId, rows: &[i64], at: WallTime) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let ids = serde_json::to_string(rows).map_err(|error| StoreError::row("hook_outbox", hook, error))?;
        sqlx::query("DELETE FROM hook_outbox WHERE id IN (SELECT value FROM json_each($1))")
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "UPDATE hooks SET delivered = delivered + $2, delivered_at = $3, failures = 0 WHERE id = $1",
        )
        .bind(hook.to_string())
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .bind(at.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes a try in vain, and gives up what has waited for more than `age_ms`. How many that were.
    ///
    /// Age is told by CLOCK_BOOTTIME; of what was queued in another boot by the wall clock, where that can be right both
    /// then and now.
    pub async fn hook_failed(
        &self,
        hook: HookId,
        error: &Text,
        age_ms: u64,
        boot_id: &BootId,
        now: Now,
    ) -> Result<u64, StoreError> {
        let age = integer("hook_outbox", hook, "age", age_ms)?;
        let boot = integer("hook_outbox", hook, "at_boot_ms", now.boot.0)?;
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let dropped = sqlx::query(
            "DELETE FROM hook_outbox WHERE hook = $1 AND ((boot_id = $2 AND at_boot_ms < $3) \
             OR (boot_id <> $2 AND at >= $4 AND at < $5))",
        )
        .bind(hook.to_string())
        .bind(boot_id.as_str())
        .bind(boot.saturating_sub(age))
        .bind(ClockGuard::FLOOR.0)
        .bind(now.wall.0.saturating_sub(age))
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        sqlx::query(
            "UPDATE hooks SET failures = failures + 1, failed_at = $2, last_error = $3, \
             dropped = dropped + $4 WHERE id = $1",
        )
        .bind(hook.to_string())
        .bind(now.wall.0)
        .bind(error.as_str())
        .bind(integer("hooks", hook, "dropped", dropped)?)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(dropped)
    }
}
