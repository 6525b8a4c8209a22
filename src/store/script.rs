use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Execute, Executor};

use super::StoreError;
use super::sql::{Bound, RowsStatement};

/// As many rows of one kind as a single command writes. More are a group's, and their statements go one by one: every text of
/// a script is prepared and kept by itself, and there would be one for each size of a group.
const FEW: usize = 4;

/// Statements that go to the connection's thread together. The way there and back costs more than a row, and whoever
/// waits for a commit waits for every one of them.
pub(super) struct Script<'c> {
    connection: &'c mut SqliteConnection,
    text: String,
    values: Bound,
    /// The number of the last row that each statement put, in order.
    last_rows: Vec<i64>,
    /// Statements that wait in the text.
    waiting: usize,
}

/// Rows that were added to a script.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    statement: usize,
    rows: usize,
}

impl<'c> Script<'c> {
    /// An empty one.
    pub(super) fn new(connection: &'c mut SqliteConnection) -> Self {
        Self { connection, text: String::new(), values: sqlx::query(""), last_rows: Vec::new(), waiting: 0 }
    }

    /// Adds one statement, its values bound by `bind`; their placeholders are plain `?`.
    pub(super) fn add(
        &mut self,
        text: &str,
        bind: impl FnOnce(Bound) -> Result<Bound, StoreError>,
    ) -> Result<(), StoreError> {
        self.text.push_str(text);
        self.text.push(';');
        self.values = bind(std::mem::replace(&mut self.values, sqlx::query("")))?;
        self.waiting += 1;
        Ok(())
    }

    /// Adds rows, in order; `bind` adds one row's values in the order of the columns.
    pub(super) async fn rows<R>(
        &mut self,
        statement: &'static RowsStatement,
        rows: &[R],
        bind: impl Fn(Bound, &R) -> Result<Bound, StoreError>,
    ) -> Result<Added, StoreError> {
        for (text, chunk) in statement.chunks(rows) {
            if rows.len() > FEW {
                self.run().await?;
            }
            self.add(text, |values| chunk.iter().try_fold(values, &bind))?;
        }
        Ok(Added { statement: self.last_rows.len() + self.waiting, rows: rows.len() })
    }

    /// Runs what was added up to now, and gives the connection for what is no part of it.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.run().await?;
        Ok(self.connection)
    }

    /// Runs what was added since it ran last.
    pub(super) async fn run(&mut self) -> Result<(), StoreError> {
        if self.waiting == 0 {
            return Ok(());
        }
        let mut values = std::mem::replace(&mut self.values, sqlx::query(""));
        let values = values.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let script = sqlx::query_with(AssertSqlSafe(std::mem::take(&mut self.text)), values);
        let mut done = self.connection.execute_many(script);
        while let Some(done) = done.try_next().await? {
            self.last_rows.push(done.last_insert_rowid());
            self.waiting = self.waiting.saturating_sub(1);
        }
        Ok(())
    }

    /// The number that SQLite gave to the first of these rows, the others follow one by one; 0 if there is none. Once they ran.
    pub(super) fn first_number(&self, added: Added) -> i64 {
        let last = added.statement.checked_sub(1).and_then(|statement| self.last_rows.get(statement));
        match (last, i64::try_from(added.rows)) {
            (Some(last), Ok(rows @ 1..)) => last - rows + 1,
            _ => 0,
        }
    }
}
