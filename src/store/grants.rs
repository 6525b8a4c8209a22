use sqlx::sqlite::SqliteConnection;

use super::{Store, StoreError};
use crate::domain::{PeriodGrant, Refusal, WallTime};

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
