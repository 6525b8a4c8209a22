//! What is over goes: sessions that ended long ago, and devices that have nothing left.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::Columns;
use super::{Store, StoreError};
use crate::domain::{ClockGuard, DeviceId, Parting, Refusal, SessionId, WallTime};

/// Which of the devices in `$1`, a JSON list, have nothing that counts. What an account or a code with several places gave to a
/// device by its id would be given to it again under another one, so that device stays for as long as that can be.
const NOTHING_LEFT: &str = "SELECT c.value FROM json_each($1) c WHERE \
     NOT EXISTS (SELECT 1 FROM sessions s WHERE s.device = c.value AND NOT ($2 AND s.provider = 'free' \
         AND s.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sales WHERE session = s.id))) \
     AND NOT EXISTS (SELECT 1 FROM account_devices WHERE device = c.value) \
     AND NOT EXISTS (SELECT 1 FROM messages WHERE device = c.value) \
     AND NOT EXISTS (SELECT 1 FROM credits WHERE device = c.value AND claimed_at IS NULL AND returned_at IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher \
         JOIN voucher_batches b ON b.id = v.batch WHERE u.device = c.value AND u.ended_at IS NULL \
         AND v.revoked_at IS NULL AND (b.repeat_every IS NOT NULL OR b.max_devices > 1) \
         AND (b.use_days IS NULL OR v.redeemed_at < $4 OR v.redeemed_at + b.use_days * 86400000 > $5)) \
     AND NOT EXISTS (SELECT 1 FROM grants WHERE subject = 'device ' || c.value AND (period = 0 OR period >= $3)) \
     AND NOT EXISTS (SELECT 1 FROM grants WHERE subject > 'account ' AND subject < 'account!' \
         AND subject LIKE '% device ' || c.value)";

/// A session is kept while a grant goes on from it, or counts by it on whose device it was: all but those of free access.
const OVER: &str = "SELECT s.id, s.device FROM sessions s WHERE s.ended_at >= $1 AND s.ended_at < $2 \
     AND s.state IN ('consumed', 'expired', 'closed') AND NOT EXISTS (SELECT 1 FROM grants g \
     WHERE g.session = s.id AND (g.parked = 1 OR g.subject NOT LIKE 'device %')) ORDER BY s.ended_at LIMIT $3";

impl Store {
    /// The sessions that were over before then and that nothing needs, the oldest first, at most so many.
    pub async fn sessions_over(
        &self,
        before: WallTime,
        most: i64,
    ) -> Result<Vec<(SessionId, DeviceId)>, StoreError> {
        let query = sqlx::query(OVER).bind(ClockGuard::FLOOR.0).bind(before.0).bind(most);
        let rows = query.fetch_all(&self.readers).await?;
        let read = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "sessions");
            Ok((columns.parse()?, columns.parse()?))
        };
        rows.iter().map(read).collect()
    }

    /// The ends that were noted under a clock that was not set are taken to be now, at most so many of them. How many.
    pub async fn date_ends(&self, now: WallTime, most: i64) -> Result<u64, StoreError> {
        let undated = "SELECT id FROM sessions WHERE ended_at < $1 LIMIT $2";
        let query = sqlx::query_scalar::<_, String>(undated).bind(ClockGuard::FLOOR.0).bind(most);
        let ids = query.fetch_all(&self.readers).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let text = "UPDATE sessions SET ended_at = $1 WHERE ended_at < $2 AND id IN (SELECT value FROM json_each($3))";
        let query = sqlx::query(text).bind(now.0).bind(ClockGuard::FLOOR.0).bind(list(&ids)?);
        Ok(query.execute(&self.writer).await?.rows_affected())
    }

    /// Which of these devices have nothing that counts.
    pub async fn nothing_left(
        &self,
        devices: &[DeviceId],
        parting: &Parting,
    ) -> Result<Vec<DeviceId>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        look(&mut connection, devices, parting).await
    }
}

/// Whether a device has nothing that counts: the guard of its being forgotten.
pub(super) async fn hold(
    connection: &mut SqliteConnection,
    device: DeviceId,
    parting: &Parting,
) -> Result<Result<(), Refusal>, StoreError> {
    let found = look(connection, &[device], parting).await?;
    Ok(if found.is_empty() { Err(Refusal::Changed) } else { Ok(()) })
}

async fn look(
    connection: &mut SqliteConnection,
    devices: &[DeviceId],
    parting: &Parting,
) -> Result<Vec<DeviceId>, StoreError> {
    let ids: Vec<String> = devices.iter().map(ToString::to_string).collect();
    let query = sqlx::query(NOTHING_LEFT)
        .bind(list(&ids)?)
        .bind(parting.with_free)
        .bind(parting.granted_before.0)
        .bind(ClockGuard::FLOOR.0)
        .bind(parting.at.0);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Columns::new(row, "devices").parse()).collect()
}

/// What coins bought is noted at their sale before their session goes.
pub(super) async fn note_bought(connection: &mut SqliteConnection, of: Gone) -> Result<(), StoreError> {
    let (column, id) = match of {
        Gone::Session(id) => ("id", id.to_string()),
        Gone::Device(id) => ("device", id.to_string()),
    };
    let text = format!(
        "UPDATE sales SET bought_time_ms = coalesce(s.time_limit_ms, 0), \
         bought_data_bytes = coalesce(s.data_limit_bytes, 0) FROM sessions s \
         WHERE s.{column} = $1 AND sales.session = s.id AND sales.item = 'coins'"
    );
    sqlx::query(AssertSqlSafe(text)).bind(id).execute(connection).await?;
    Ok(())
}

/// What is about to be deleted.
pub(super) enum Gone {
    Session(SessionId),
    Device(DeviceId),
}

fn list(ids: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(ids).map_err(|error| StoreError::row("devices", "of a list", error))
}
