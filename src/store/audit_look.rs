use sqlx::{QueryBuilder, Sqlite};

use super::audit::{COLUMNS, logged};
use super::{LoggedAudit, Store, StoreError};
use crate::domain::WallTime;

/// So many different names are listed.
const MOST_NAMES: i64 = 500;
/// So many pairs of an actor and an action are looked for one by one; beyond that line by line.
const MOST_PAIRS: usize = 64;

/// Which lines somebody looks through; `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditLook {
    /// Only by these.
    pub actors: Option<Vec<String>>,
    /// Only these actions.
    pub actions: Option<Vec<String>>,
    /// Only to this session, device or other thing.
    pub subject: Option<String>,
    /// From then on.
    pub since: Option<WallTime>,
    /// Before then.
    pub until: Option<WallTime>,
}

/// What part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditPlace {
    /// The newest.
    Newest,
    /// Those before this line.
    Before(i64),
    /// Those after this line: the oldest of them.
    After(i64),
}

/// The lines that can be looked at: their ids, first and last.
type Span = (i64, i64);

impl Store {
    /// Lines of the log, newest first, at most so many. However many there are in all, only about as many are read as are
    /// shown, unless the times are far apart or very much is asked for at once.
    pub async fn look_at_audit(
        &self,
        look: &AuditLook,
        place: AuditPlace,
        most: u32,
    ) -> Result<Vec<LoggedAudit>, StoreError> {
        let mut span = self.audit_span(look).await?;
        match place {
            AuditPlace::Newest => {}
            AuditPlace::Before(id) => span.1 = span.1.min(id.saturating_sub(1)),
            AuditPlace::After(id) => span.0 = span.0.max(id.saturating_add(1)),
        }
        let any = || vec![None];
        let each = |names: &Option<Vec<String>>| match names {
            Some(names) => names.iter().cloned().map(Some).collect(),
            None => any(),
        };
        let (actors, actions): (Vec<_>, Vec<_>) = (each(&look.actors), each(&look.actions));
        let mut found = Vec::new();
        if actors.len().saturating_mul(actions.len()) > MOST_PAIRS {
            let mut query = self.reading(look, span);
            for (column, names) in [("actor", &look.actors), ("action", &look.actions)] {
                let Some(names) = names else { continue };
                // `+`: many names together are no way into an index.
                query.push(format_args!(" AND +{column} IN ("));
                let mut listed = query.separated(", ");
                for name in names {
                    listed.push_bind(name.clone());
                }
                query.push(")");
            }
            found = self.read_audit(query, place, most).await?;
        } else {
            for actor in &actors {
                for action in &actions {
                    let mut query = self.reading(look, span);
                    for (column, name) in [("actor", actor), ("action", action)] {
                        let Some(name) = name else { continue };
                        query.push(format_args!(" AND {column} = ")).push_bind(name.clone());
                    }
                    found.extend(self.read_audit(query, place, most).await?);
                }
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        found.sort_by_key(|line| std::cmp::Reverse(line.id));
        if let AuditPlace::After(_) = place {
            found.drain(..found.len().saturating_sub(most));
        }
        found.truncate(most);
        Ok(found)
    }

    fn reading(&self, look: &AuditLook, (first, last): Span) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM audit WHERE id >= "));
        query.push_bind(first).push(" AND id <= ").push_bind(last);
        if let Some(subject) = &look.subject {
            query.push(" AND subject = ").push_bind(subject.clone());
        }
        // `+`: the span is the way to them.
        if let Some(since) = look.since {
            query.push(" AND +at >= ").push_bind(since.0);
        }
        if let Some(until) = look.until {
            query.push(" AND +at < ").push_bind(until.0);
        }
        query
    }

    async fn read_audit(
        &self,
        mut query: QueryBuilder<Sqlite>,
        place: AuditPlace,
        most: u32,
    ) -> Result<Vec<LoggedAudit>, StoreError> {
        let order =
            if let AuditPlace::After(_) = place { " ORDER BY id LIMIT " } else { " ORDER BY id DESC LIMIT " };
        query.push(order).push_bind(i64::from(most));
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        rows.iter().map(logged).collect()
    }

    /// Between which lines those of the time are. The clock may have been set back between them: the first and the last by
    /// their order are looked for, in the index alone.
    async fn audit_span(&self, look: &AuditLook) -> Result<Span, StoreError> {
        let first: Option<i64> = match look.since {
            Some(since) => {
                sqlx::query_scalar("SELECT min(id) FROM audit WHERE at >= $1")
                    .bind(since.0)
                    .fetch_one(&self.readers)
                    .await?
            }
            None => Some(0),
        };
        let last: Option<i64> = match look.until {
            Some(until) => {
                sqlx::query_scalar("SELECT max(id) FROM audit WHERE at < $1")
                    .bind(until.0)
                    .fetch_one(&self.readers)
                    .await?
            }
            None => Some(i64::MAX),
        };
        Ok(first.zip(last).unwrap_or((1, 0)))
    }

    /// Everybody of whom there is a line, by name; at most 500.
    pub async fn audit_actors(&self) -> Result<Vec<String>, StoreError> {
        self.audit_names("actor").await
    }

    /// Every action of which there is a line, by name; at most 500.
    pub async fn audit_actions(&self) -> Result<Vec<String>, StoreError> {
        self.audit_names("action").await
    }

    /// Goes from one name to the next in the index, however many lines there are of each.
    async fn audit_names(&self, column: &'static str) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "WITH RECURSIVE names (name) AS (SELECT (SELECT min({column}) FROM audit) \
             UNION ALL SELECT (SELECT min({column}) FROM audit WHERE {column} > name) FROM names \
             WHERE name IS NOT NULL) \
             SELECT name FROM names WHERE name IS NOT NULL LIMIT $1"
        );
        let names = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(MOST_NAMES).fetch_all(&self.readers);
        Ok(names.await?)
    }
}
