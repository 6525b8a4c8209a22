use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::Columns;
use super::{Store, StoreError};
use crate::domain::{DeviceId, Money, Refusal, SessionId, WallTime};

/// Money that a machine took, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Its row.
    pub id: i64,
    /// Which machine: `coinslot/NAME`, `plugin/NAME`.
    pub source: String,
    /// When.
    pub at: WallTime,
    /// How much.
    pub amount: Money,
    /// Who had the slot; `None` if nobody.
    pub device: Option<DeviceId>,
    /// When it was turned into a session.
    pub claimed_at: Option<WallTime>,
    /// Which.
    pub session: Option<SessionId>,
    /// When it was handed back.
    pub returned_at: Option<WallTime>,
}

/// Which credits are listed.
#[derive(Debug, Clone, Default)]
pub struct CreditQuery {
    /// Only those that nobody has got anything for, or only the others.
    pub unclaimed: Option<bool>,
    /// Of this machine.
    pub source: Option<String>,
    /// Of this device.
    pub device: Option<DeviceId>,
    /// The page, from 1.
    pub page: u32,
    /// Items of a page.
    pub per_page: u32,
}

const COLUMNS: &str = "id, source, at, amount, device, claimed_at, session, returned_at";
/// What can still be claimed.
const OPEN: &str = "claimed_at IS NULL AND returned_at IS NULL";

impl Store {
    /// Notes money that has come in; on disk when it returns. The same reference of the same source is counted once:
    /// whether it was new. That of a device that was deleted meanwhile is nobody's.
    pub async fn add_credit(
        &self,
        source: &str,
        reference: &str,
        amount: Money,
        device: Option<DeviceId>,
        at: WallTime,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO credits (source, reference, at, amount, device) \
             VALUES ($1, $2, $3, $4, (SELECT id FROM devices WHERE id = $5)) \
             ON CONFLICT (source, reference) DO NOTHING",
        )
        .bind(source)
        .bind(reference)
        .bind(at.0)
        .bind(amount.0)
        .bind(device.map(|device| device.to_string()))
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// What came in at a source and nobody has got anything for, oldest first; of one device, or (`None`) all.
    pub async fn unclaimed_credits(
        &self,
        source: Option<&str>,
        device: Option<DeviceId>,
    ) -> Result<Vec<Credit>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM credits WHERE {OPEN} AND ($1 IS NULL OR source = $1) \
             AND ($2 IS NULL OR device = $2) ORDER BY id LIMIT 1000"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(source)
            .bind(device.map(|device| device.to_string()))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(credit).collect()
    }

    /// One of them.
    pub async fn credit(&self, id: i64) -> Result<Option<Credit>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM credits WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(credit).transpose()
    }

    /// How many coins and notes a machine took from a moment on, and how much that is.
    pub async fn credits_since(&self, source: &str, since: WallTime) -> Result<(u64, Money), StoreError> {
        let (count, sum): (i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(amount), 0) FROM credits WHERE source = $1 AND at >= $2",
        )
        .bind(source)
        .bind(since.0)
        .fetch_one(&self.readers)
        .await?;
        Ok((count.unsigned_abs(), Money(sum)))
    }

    /// A page of all money that ever came in, the newest first, and how many there are.
    pub async fn list_credits(&self, wanted: &CreditQuery) -> Result<(Vec<Credit>, u64), StoreError> {
        let device = wanted.device.map(|device| device.to_string());
        let matches = "($1 IS NULL OR (claimed_at IS NULL AND returned_at IS NULL) = $1) AND ($2 IS NULL OR source = $2) \
                       AND ($3 IS NULL OR device = $3)";
        let text = format!("SELECT count(*) FROM credits WHERE {matches}");
        let total: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(text))
            .bind(wanted.unclaimed)
            .bind(&wanted.source)
            .bind(&device)
            .fetch_one(&self.readers)
            .await?;
        let text =
            format!("SELECT {COLUMNS} FROM credits WHERE {matches} ORDER BY id DESC LIMIT $4 OFFSET $5");
        let skip = (i64::from(wanted.page) - 1).saturating_mul(wanted.per_page.into());
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(wanted.unclaimed)
            .bind(&wanted.source)
            .bind(&device)
            .bind(wanted.per_page)
            .bind(skip)
            .fetch_all(&self.readers)
            .await?;
        let credits = rows.iter().map(credit).collect::<Result<_, _>>()?;
        Ok((credits, u64::try_from(total).unwrap_or(0)))
    }

    /// Says whose unclaimed money this is: what nobody was at the slot for, or whose device has a new MAC. Whether it was
    /// still unclaimed.
    pub async fn assign_credit(&self, id: i64, device: DeviceId) -> Result<bool, StoreError> {
        let text = format!("UPDATE credits SET device = $2 WHERE id = $1 AND {OPEN}");
        let done = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(id)
            .bind(device.to_string())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes that unclaimed money was handed back over the counter. Whether it was still unclaimed.
    pub async fn return_credit(&self, id: i64, at: WallTime) -> Result<bool, StoreError> {
        let text = format!("UPDATE credits SET returned_at = $2 WHERE id = $1 AND {OPEN}");
        let done = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).bind(at.0).execute(&self.writer).await?;
        Ok(done.rows_affected() == 1)
    }
}

fn credit(row: &SqliteRow) -> Result<Credit, StoreError> {
    let mut columns = Columns::new(row, "credits");
    Ok(Credit {
        id: columns.int()?,
        source: columns.text()?.to_owned(),
        at: columns.wall()?,
        amount: Money(columns.int()?),
        device: columns.parse_if()?,
        claimed_at: columns.wall_if()?,
        session: columns.parse_if()?,
        returned_at: columns.wall_if()?,
    })
}

/// Marks money as turned into a session: so much of these rows, if all of them are unclaimed. The row at the border is cut
/// in two, so that the sum of all rows is what came in, always. The guard of a sale by coins.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    credits: &[i64],
    amount: Money,
    session: SessionId,
    at: WallTime,
) -> Result<Result<(), Refusal>, StoreError> {
    let rows = serde_json::to_string(credits).map_err(|error| StoreError::row("credits", "list", error))?;
    let text = format!(
        "SELECT id, amount FROM credits WHERE id IN (SELECT value FROM json_each($1)) AND {OPEN} ORDER BY id"
    );
    let found: Vec<(i64, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(&rows).fetch_all(&mut *connection).await?;
    let sum = found.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount));
    if found.len() != credits.len() || sum < amount.0 || amount <= Money::ZERO {
        return Ok(Err(Refusal::CreditClaimed));
    }
    let mut wanted = amount.0;
    for (id, amount) in found {
        if wanted == 0 {
            break;
        }
        if amount > wanted {
            sqlx::query(
                "INSERT INTO credits (source, reference, at, amount, device) \
                 SELECT source, $2, at, amount - $3, device FROM credits WHERE id = $1",
            )
            .bind(id)
            // A session is bought once, and cuts one row at most.
            .bind(format!("rest of {session}"))
            .bind(wanted)
            .execute(&mut *connection)
            .await?;
        }
        let taken = amount.min(wanted);
        sqlx::query("UPDATE credits SET amount = $2, claimed_at = $3, session = $4 WHERE id = $1")
            .bind(id)
            .bind(taken)
            .bind(at.0)
            .bind(session.to_string())
            .execute(&mut *connection)
            .await?;
        wanted -= taken;
    }
    Ok(Ok(()))
}

/// What a device has got nothing for yet goes to the one that it is now.
pub(super) async fn reassign(
    connection: &mut SqliteConnection,
    from: DeviceId,
    to: DeviceId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE credits SET device = $2 WHERE device = $1 AND claimed_at IS NULL")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// What a device has got nothing for yet is nobody's once it is deleted: its number never comes again, and an operator finds
/// the money among that of nobody.
pub(super) async fn orphan(connection: &mut SqliteConnection, device: DeviceId) -> Result<(), StoreError> {
    let text = format!(
        "UPDATE credits SET device = NULL WHERE device = $1 AND {OPEN} \
         AND NOT EXISTS (SELECT 1 FROM devices WHERE id = $1)"
    );
    sqlx::query(sqlx::AssertSqlSafe(text)).bind(device.to_string()).execute(connection).await?;
    Ok(())
}

/// Money that was claimed for a session that has been taken back is unclaimed again.
pub(super) async fn unclaim(connection: &mut SqliteConnection, session: SessionId) -> Result<(), StoreError> {
    sqlx::query("UPDATE credits SET claimed_at = NULL, session = NULL WHERE session = $1")
        .bind(session.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
