use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::rows::{self, Columns, SESSION_COLUMNS};
use super::{Store, StoreError, voucher_uses};
use crate::domain::{
    BoxFuture, DeviceId, GrantBook, GrantChange, Helping, PeriodGrant, ProviderError, Refusal, SessionId,
    WallTime,
};

impl Store {
    /// How many sessions of a plan a subject has had in the period that began then.
    pub async fn grants(&self, subject: &str, plan: &str, period: WallTime) -> Result<u32, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM grants WHERE subject = $1 AND plan = $2 AND period = $3",
        )
        .bind(subject)
        .bind(plan)
        .bind(period.0)
        .fetch_one(&self.readers)
        .await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn read_helpings(
        &self,
        subject: &str,
        plan: &str,
        period: WallTime,
    ) -> Result<Vec<Helping>, StoreError> {
        const WHOSE: &str = "FROM grants WHERE subject = $1 AND plan = $2 AND period = $3";
        if let Some(device) = subject.strip_prefix("device ").and_then(|id| id.parse().ok())
            && !self.traces(device).await?.grants
        {
            return Ok(Vec::new());
        }
        let text = format!("SELECT session, parked {WHOSE} ORDER BY id");
        let query = sqlx::query(AssertSqlSafe(text)).bind(subject).bind(plan).bind(period.0);
        let granted = query.fetch_all(&self.readers).await?;
        if granted.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!("SELECT {SESSION_COLUMNS} FROM sessions WHERE id IN (SELECT session {WHOSE})");
        let query = sqlx::query(AssertSqlSafe(text)).bind(subject).bind(plan).bind(period.0);
        let sessions = query.fetch_all(&self.readers).await?;
        let sessions = sessions.iter().map(rows::session).collect::<Result<Vec<_>, _>>()?;
        granted
            .iter()
            .map(|row| {
                let mut columns = Columns::new(row, "grants");
                let (session, parked) = (columns.parse::<SessionId>()?, columns.flag()?);
                let row = sessions.iter().find(|known| known.id == session).cloned();
                Ok(Helping { session, parked, row })
            })
            .collect()
    }

    /// What a device has had, and where it is logged in, the same phone under another MAC has and is as well. For when it
    /// has no session left that could be moved: else that is part of the move.
    pub async fn follow_device(&self, from: DeviceId, to: DeviceId) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        change(&mut transaction, &GrantChange::Follow { from, to }).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets what was granted in periods that began before then. What was granted once and for all is never forgotten.
    pub async fn prune_grants(&self, before: WallTime, most: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE period <> 0 AND period < $1 LIMIT $2)",
        )
        .bind(before.0)
        .bind(most)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }
}

impl GrantBook for Store {
    fn helpings<'a>(
        &'a self,
        subject: &'a str,
        plan: &'a str,
        period: WallTime,
    ) -> BoxFuture<'a, Result<Vec<Helping>, ProviderError>> {
        Box::pin(async move {
            let read = self.read_helpings(subject, plan, period).await;
            read.map_err(|error| ProviderError(error.to_string()))
        })
    }
}

/// Has a session go on with what was left of another one whose device was logged out: once.
pub(super) async fn resume(
    connection: &mut SqliteConnection,
    from: SessionId,
    session: SessionId,
) -> Result<Result<(), Refusal>, StoreError> {
    let done = sqlx::query("UPDATE grants SET session = $2, parked = 0 WHERE session = $1 AND parked = 1")
        .bind(from.to_string())
        .bind(session.to_string())
        .execute(connection)
        .await?;
    Ok(if done.rows_affected() > 0 { Ok(()) } else { Err(Refusal::GrantUsed) })
}

/// Changes what is known of grants.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    change: &GrantChange,
) -> Result<(), StoreError> {
    match change {
        GrantChange::Park(session) => {
            sqlx::query("UPDATE grants SET parked = 1 WHERE session = $1")
                .bind(session.to_string())
                .execute(connection)
                .await?;
        }
        GrantChange::Carry { from, to } => {
            sqlx::query("UPDATE grants SET session = $2, parked = 0 WHERE session = $1")
                .bind(from.to_string())
                .bind(to.to_string())
                .execute(connection)
                .await?;
        }
        GrantChange::Follow { from, to } => follow(connection, *from, *to).await?,
    }
    Ok(())
}

/// What was left waits again: the session that was to go on with it has been taken back.
pub(super) async fn park_again(
    connection: &mut SqliteConnection,
    from: SessionId,
    session: SessionId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE grants SET session = $1, parked = 1 WHERE session = $2")
        .bind(from.to_string())
        .bind(session.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

async fn follow(connection: &mut SqliteConnection, from: DeviceId, to: DeviceId) -> Result<(), StoreError> {
    // A device is at the end of a subject, alone or behind an account. Both have had it from now on: whichever comes.
    sqlx::query(
        "INSERT INTO grants (subject, plan, period, session) \
         SELECT replace(subject, $1, $2), plan, period, session FROM grants AS had \
         WHERE (subject = 'device ' || $1 OR subject LIKE '% device ' || $1) AND NOT EXISTS (SELECT 1 FROM grants \
         WHERE subject = replace(had.subject, $1, $2) AND plan = had.plan AND period = had.period)",
    )
    .bind(from.to_string())
    .bind(to.to_string())
    .execute(&mut *connection)
    .await?;
    // It is logged in where it was, unless it has logged in anew meanwhile.
    sqlx::query("UPDATE OR IGNORE account_devices SET device = $2 WHERE device = $1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(&mut *connection)
        .await?;
    voucher_uses::follow(connection, from, to).await
}

/// Notes one more session of a plan, if the subject may have one: the guard of a grant.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    grant: &PeriodGrant,
) -> Result<Result<(), Refusal>, StoreError> {
    let done = sqlx::query(
        "INSERT INTO grants (subject, plan, period, session) SELECT $1, $2, $3, $4 \
         WHERE (SELECT count(*) FROM grants WHERE subject = $1 AND plan = $2 AND period = $3) < $5",
    )
    .bind(&grant.subject)
    .bind(&grant.plan)
    .bind(grant.period.0)
    .bind(grant.session.to_string())
    .bind(i64::from(grant.most))
    .execute(connection)
    .await?;
    Ok(if done.rows_affected() == 1 { Ok(()) } else { Err(Refusal::GrantUsed) })
}

/// A grant whose session has been taken back is to be had again.
pub(super) async fn give_back(
    connection: &mut SqliteConnection,
    grant: &PeriodGrant,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM grants WHERE subject = $1 AND plan = $2 AND period = $3 AND session = $4")
        .bind(&grant.subject)
        .bind(&grant.plan)
        .bind(grant.period.0)
        .bind(grant.session.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
