use std::sync::LazyLock;

use super::rows::Columns;
use super::sql::RowsStatement;
use super::{Store, StoreError};
use crate::domain::{Text, WallTime};

static PUT_AUDIT: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new("INSERT INTO audit (at, actor, action, subject, details, origin)", 6, "")
});

/// A line of the audit log: who, what, when, from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: WallTime,
    /// Who: a token or account by name, or root on the socket.
    pub actor: Text,
    /// What was done, by a stable name such as `session.close`.
    pub action: &'static str,
    /// To whom or what: an id or a name.
    pub subject: Option<Text>,
    /// The rest, for people; never a secret.
    pub details: Text,
    /// From where: an address, or the socket.
    pub origin: Text,
}

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
}

impl Store {
    /// Appends lines, in their order, in one transaction.
    pub async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        PUT_AUDIT
            .execute(&mut transaction, entries, |query, entry| {
                Ok(query
                    .bind(entry.at.0)
                    .bind(entry.actor.as_str().to_owned())
                    .bind(entry.action)
                    .bind(entry.subject.as_ref().map(|subject| subject.as_str().to_owned()))
                    .bind(entry.details.as_str().to_owned())
                    .bind(entry.origin.as_str().to_owned()))
            })
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The lines before a number, newest first; `None` from the newest on.
    pub async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<LoggedAudit>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at, actor, action, subject, details, origin FROM audit \
             WHERE id < $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::new(row, "audit");
                Ok(LoggedAudit {
                    id: columns.int()?,
                    at: columns.wall()?,
                    actor: Text::new(columns.text()?),
                    action: columns.text()?.to_owned(),
                    subject: columns.text_if()?.map(Text::new),
                    details: Text::new(columns.text()?),
                    origin: Text::new(columns.text()?),
                })
            })
            .collect()
    }
}
