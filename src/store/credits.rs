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
}

const COLUMNS: &str = "id, source, at, amount, device, claimed_at, session";

impl Store {
    /// Notes money that has come in; on disk when it returns. The same reference of the same source is counted once:
    /// whether it was new.
    pub async fn add_credit(
        &self,
        source: &str,
        reference: &str,
        amount: Money,
        device: Option<DeviceId>,
        at: WallTime,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO credits (source, reference, at, amount, device) VALUES ($1, $2, $3, $4, $5) \
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
            "SELECT {COLUMNS} FROM credits WHERE claimed_at IS NULL AND ($1 IS NULL OR source = $1) \
             AND ($2 IS NULL OR device = $2) ORDER BY id LIMIT 1000"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(source)
            .bind(device.map(|device| device.to_string()))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(credit).collect()
    }

    /// Says whose unclaimed money this is: what nobody was at the slot for, or whose device has a new MAC. Whether it was
    /// still unclaimed.
    pub async fn assign_credit(&self, id: i64, device: DeviceId) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE credits SET device = $2 WHERE id = $1 AND claimed_at IS NULL")
            .bind(id)
            .bind(device.to_string())
            .execute(&self.writer)
            .await?;
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
    })
}

/// Marks money as turned into a session, if all of it is unclaimed: the guard of a sale by coins.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    credits: &[i64],
    session: SessionId,
    at: WallTime,
) -> Result<Result<(), Refusal>, StoreError> {
    let rows = serde_json::to_string(credits).map_err(|error| StoreError::row("credits", "list", error))?;
    let unclaimed = "id IN (SELECT value FROM json_each($1)) AND claimed_at IS NULL";
    let found: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM credits WHERE {unclaimed}")))
            .bind(&rows)
            .fetch_one(&mut *connection)
            .await?;
    if usize::try_from(found) != Ok(credits.len()) {
        return Ok(Err(Refusal::CreditClaimed));
    }
    let text = format!("UPDATE credits SET claimed_at = $2, session = $3 WHERE {unclaimed}");
    sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(&rows)
        .bind(at.0)
        .bind(session.to_string())
        .execute(connection)
        .await?;
    Ok(Ok(()))
}
