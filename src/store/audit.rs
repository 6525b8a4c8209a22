use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::events::PRUNED_AT_ONCE;
use super::rows::Columns;
use super::script::Script;
use super::sql::{RowsStatement, like_pattern, rows_before};
use super::{Store, StoreError};
use crate::domain::{AuditFields, AuditLine, ClockGuard, Text, WallTime};

/// How many lines are kept at most, however young.
const KEPT_LINES: i64 = 1_000_000;

/// What [`logged`] reads.
pub(super) const COLUMNS: &str = "id, at, actor, action, subject, details, origin, before, after";

/// One day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

static PUT_AUDIT: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT INTO audit (at, actor, action, subject, details, origin, before, after)",
        8,
        "",
    )
});

/// A line of the audit log as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedAudit {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: WallTime,
    /// Who.
    pub actor: Text,
    /// What.
    pub action: String,
    /// To whom or what.
    pub subject: Option<Text>,
    /// The rest.
    pub details: Text,
    /// From where.
    pub origin: Text,
    /// The fields that changed, as they were.
    pub before: Option<AuditFields>,
    /// The same fields, as they were afterwards.
    pub after: Option<AuditFields>,
}

/// Which lines a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Free text, found anywhere in actor, action, subject, details or origin, in any (ASCII) case.
    pub q: Option<String>,
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action, or all that begin so, if it ends with a dot (`session.`).
    pub action: Option<String>,
    /// Exactly this subject.
    pub subject: Option<String>,
    /// From then on.
    pub since: Option<WallTime>,
    /// Before then.
    pub until: Option<WallTime>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// Appends lines, in their order.
pub(super) async fn put(script: &mut Script<'_>, lines: &[AuditLine]) -> Result<(), StoreError> {
    let put = script.rows(&PUT_AUDIT, lines, |query, line| {
        let fields = |fields: &Option<AuditFields>| {
            let text = fields.as_ref().map(serde_json::to_string).transpose();
            text.map_err(|error| StoreError::row("audit", line.at.0, error))
        };
        Ok(query
            .bind(line.at.0)
            .bind(line.actor.name.as_str().to_owned())
            .bind(line.actor.action)
            .bind(line.subject.clone())
            .bind(line.actor.details.as_str().to_owned())
            .bind(line.actor.origin.as_str().to_owned())
            .bind(fields(&line.before)?)
            .bind(fields(&line.after)?))
    });
    put.await.map(drop)
}

impl Store {
    /// Deletes some of the lines that are older than so many days, and of those beyond the newest million. How many: 0 when
    /// there is nothing left to prune. The newest line stays.
    ///
    /// Days are counted back from the newest time that was believed, which is never ahead of the real one. A line that was
    /// written under a clock that had not been set yet seems old: it goes only after one that was written later has.
    pub async fn prune_audit(&self, keep_days: u32) -> Result<u64, StoreError> {
        let beyond = sqlx::query(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit \
             WHERE id <= (SELECT max(id) FROM audit) - $1 ORDER BY id LIMIT $2)",
        )
        .bind(KEPT_LINES)
        .bind(PRUNED_AT_ONCE)
        .execute(&self.writer)
        .await?
        .rows_affected();
        let believed: Option<i64> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'newest_wall'")
            .fetch_optional(&self.readers)
            .await?;
        let Some(believed) = believed else { return Ok(beyond) };
        // `+at`: what is old is found from the oldest on, and that is a few rows, not half of an index.
        let old = sqlx::query(
            "DELETE FROM audit WHERE id <= (SELECT max(id) FROM (SELECT id, at FROM audit WHERE id < \
             coalesce((SELECT id FROM audit WHERE +at >= $1 ORDER BY id LIMIT 1), (SELECT max(id) FROM audit)) \
             ORDER BY id LIMIT $2) WHERE at >= $3)",
        )
        .bind(believed.saturating_sub(i64::from(keep_days).saturating_mul(DAY_MS)))
        .bind(PRUNED_AT_ONCE)
        .bind(ClockGuard::FLOOR.0)
        .execute(&self.writer)
        .await?
        .rows_affected();
        Ok(beyond + old)
    }

    /// Appends lines, in their order, in one transaction.
    pub async fn append_audit(&self, lines: &[AuditLine]) -> Result<(), StoreError> {
        self.write_audit(lines).await.inspect_err(|_| self.measures().errors.count("audit"))
    }

    async fn write_audit(&self, lines: &[AuditLine]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let mut script = Script::new(&mut transaction);
        put(&mut script, lines).await?;
        script.run().await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A page of lines, newest first, and how many there are in all.
    pub async fn audit(&self, wanted: &AuditQuery) -> Result<(Vec<LoggedAudit>, u64), StoreError> {
        let mut counting = QueryBuilder::new("SELECT count(*) FROM audit");
        push_conditions(&mut counting, wanted);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM audit"));
        push_conditions(&mut query, wanted);
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        Ok((rows.iter().map(logged).collect::<Result<_, _>>()?, total.unsigned_abs()))
    }
}

/// Texts are bound, never written into the statement.
fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &AuditQuery) {
    query.push(" WHERE 1");
    for (column, value) in [("actor", &wanted.actor), ("subject", &wanted.subject)] {
        if let Some(value) = value {
            query.push(format_args!(" AND {column} = ")).push_bind(value.clone());
        }
    }
    match wanted.action.as_deref() {
        Some(action) if action.ends_with('.') => {
            query.push(" AND substr(action, 1, length(").push_bind(action.to_owned());
            query.push(")) = ").push_bind(action.to_owned());
        }
        Some(action) => {
            query.push(" AND action = ").push_bind(action.to_owned());
        }
        None => {}
    }
    if let Some(since) = wanted.since {
        query.push(" AND at >= ").push_bind(since.0);
    }
    if let Some(until) = wanted.until {
        query.push(" AND at < ").push_bind(until.0);
    }
    let Some(q) = wanted.q.as_deref().map(Text::new).filter(|q| !q.is_empty()) else { return };
    let pattern = like_pattern(q.as_str());
    query.push(" AND (0");
    for column in ["actor", "action", "subject", "details", "origin"] {
        query.push(format_args!(" OR {column} LIKE ")).push_bind(pattern.clone()).push(r" ESCAPE '\'");
    }
    query.push(")");
}

pub(super) fn logged(row: &SqliteRow) -> Result<LoggedAudit, StoreError> {
    let mut columns = Columns::new(row, "audit");
    let fields = |columns: &mut Columns<'_>| -> Result<Option<AuditFields>, StoreError> {
        let text = columns.text_if()?;
        text.map(serde_json::from_str).transpose().map_err(|error| columns.wrong(error))
    };
    Ok(LoggedAudit {
        id: columns.int()?,
        at: columns.wall()?,
        actor: Text::new(columns.text()?),
        action: columns.text()?.to_owned(),
        subject: columns.text_if()?.map(Text::new),
        details: Text::new(columns.text()?),
        origin: Text::new(columns.text()?),
        before: fields(&mut columns)?,
        after: fields(&mut columns)?,
    })
}
