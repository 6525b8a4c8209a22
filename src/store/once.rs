use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{Columns, integer};
use super::{Store, StoreError};
use crate::domain::{BootId, BootTime, DoneOnce, Once, OnceSubject, Refusal};

/// How many requests are remembered, unless they are too old.
pub const KEPT_ONCE: i64 = 100_000;

/// How many are looked at and deleted at a time.
const PRUNED_AT_ONCE: i64 = 1_000;

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedOnce {
    /// Of the request.
    pub fingerprint: [u8; 32],
    /// What it made or changed.
    pub subject: OnceSubject,
    /// Whether it made it.
    pub made: bool,
    /// What it was answered; `None` if that was not kept, or could not be any more.
    pub answer: Option<KeptAnswer>,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status, 200 to 299.
    pub status: u16,
    /// Where what was made is.
    pub location: Option<String>,
    /// Its entity tag.
    pub tag: Option<String>,
    /// JSON, or empty.
    pub body: String,
}

const INSERT: &str = "INSERT INTO once (caller, idempotency_key, fingerprint, subject, made, boot_id, at_boot_ms, at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";

impl Store {
    /// What is remembered of a caller's key.
    pub async fn find_once(&self, caller: &str, key: &str) -> Result<Option<RememberedOnce>, StoreError> {
        let row = sqlx::query(
            "SELECT id, fingerprint, subject, made, status, location, tag, body FROM once \
             WHERE caller = $1 AND idempotency_key = $2",
        )
        .bind(caller)
        .bind(key)
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(remembered).transpose()
    }

    /// Keeps the answer of a request that was carried out. One that changed nothing is remembered from now on.
    pub async fn keep_answer(&self, once: &Once, answer: &KeptAnswer) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let changed_nothing =
            DoneOnce { once: once.clone(), subject: OnceSubject::Nothing, made: answer.status == 201 };
        insert(&mut transaction, &changed_nothing).await?;
        sqlx::query(
            "UPDATE once SET status = $3, location = $4, tag = $5, body = $6 \
             WHERE caller = $1 AND idempotency_key = $2 AND fingerprint = $7",
        )
        .bind(&once.caller)
        .bind(&once.key)
        .bind(i64::from(answer.status))
        .bind(&answer.location)
        .bind(&answer.tag)
        .bind(&answer.body)
        .bind(once.fingerprint.to_vec())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets some of the requests that are older than [`Once::KEPT_MS`] or beyond the newest `keep`. How many: 0 when
    /// there is nothing left to forget.
    ///
    /// Age is told by CLOCK_BOOTTIME alone: what was asked in another boot is at least as old as this one.
    pub async fn prune_once(&self, boot_id: &BootId, now: BootTime, keep: i64) -> Result<u64, StoreError> {
        let day_ago = now.0.checked_sub(Once::KEPT_MS).map(|at| integer("once", "now", "at_boot_ms", at));
        // Below every time of a boot that is not a day old yet.
        let day_ago = day_ago.transpose()?.unwrap_or(-1);
        let done = sqlx::query(
            "DELETE FROM once WHERE id IN (SELECT id FROM (SELECT * FROM once ORDER BY id LIMIT $1) \
             WHERE id <= (SELECT max(id) FROM once) - $2 OR (boot_id = $3 AND at_boot_ms <= $4) \
             OR (boot_id <> $3 AND $4 >= 0))",
        )
        .bind(PRUNED_AT_ONCE)
        .bind(keep.max(1))
        .bind(boot_id.as_str())
        .bind(day_ago)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }
}

async fn insert(connection: &mut SqliteConnection, done: &DoneOnce) -> Result<bool, StoreError> {
    let once = &done.once;
    let inserted = sqlx::query(INSERT)
        .bind(&once.caller)
        .bind(&once.key)
        .bind(once.fingerprint.to_vec())
        .bind(done.subject.to_string())
        .bind(done.made)
        .bind(once.boot_id.as_str())
        .bind(integer("once", &once.key, "at_boot_ms", once.at.boot.0)?)
        .bind(once.at.wall.0)
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Remembers that a request is being carried out, in the transaction that does it: the guard against doing it twice.
pub(super) async fn remember(
    connection: &mut SqliteConnection,
    done: &DoneOnce,
) -> Result<Result<(), Refusal>, StoreError> {
    Ok(if insert(connection, done).await? { Ok(()) } else { Err(Refusal::DoneBefore) })
}

/// What was taken back was not done.
pub(super) async fn forget(
    connection: &mut SqliteConnection,
    caller: &str,
    key: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM once WHERE caller = $1 AND idempotency_key = $2")
        .bind(caller)
        .bind(key)
        .execute(connection)
        .await?;
    Ok(())
}

fn remembered(row: &SqliteRow) -> Result<RememberedOnce, StoreError> {
    let mut columns = Columns::new(row, "once");
    columns.int()?;
    let fingerprint = columns.blob()?;
    let fingerprint =
        fingerprint.try_into().map_err(|_| columns.wrong("the fingerprint is not 32 bytes long"))?;
    let (subject, made) = (columns.parse()?, columns.flag()?);
    let status = columns.int_if()?;
    let (location, tag, body) = (columns.text_if()?, columns.text_if()?, columns.text_if()?);
    let answer = status
        .map(|status| {
            Ok::<_, StoreError>(KeptAnswer {
                status: status.try_into().map_err(|_| columns.wrong("there is no such status"))?,
                location: location.map(str::to_owned),
                tag: tag.map(str::to_owned),
                body: body.unwrap_or_default().to_owned(),
            })
        })
        .transpose()?;
    Ok(RememberedOnce { fingerprint, subject, made, answer })
}
