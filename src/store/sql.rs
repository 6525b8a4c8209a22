use std::fmt::Write;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};

use super::StoreError;

/// A query with its values bound.
pub(super) type Bound = Query<'static, Sqlite, SqliteArguments>;

/// How many rows one statement takes. Every statement is a round trip to the connection's thread, which costs more than
/// the insert itself; a few sizes keep as many prepared statements instead of one per number of rows.
const CHUNKS: [usize; 5] = [32, 8, 4, 2, 1];

/// One statement for many rows: `head VALUES (…),(…) tail`.
pub(super) struct RowsStatement {
    texts: [String; CHUNKS.len()],
}

impl RowsStatement {
    /// Prepares the texts; meant for a `LazyLock`, since a query borrows its text for as long as the program runs.
    ///
    /// The placeholders are plain `?`: SQLite looks named ones up one by one, which is quadratic in their number.
    pub(super) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        Self {
            texts: CHUNKS.map(|rows| {
                let mut text = String::with_capacity(head.len() + tail.len() + rows * (row.len() + 1) + 16);
                // Writing to a String cannot fail.
                let _ = write!(text, "{head} VALUES {} {tail}", vec![row.as_str(); rows].join(","));
                text
            }),
        }
    }

    /// Executes it for all rows, in order; `bind` adds one row's values in the order of the columns. Rows affected.
    pub(super) async fn execute<R>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(Bound, &R) -> Result<Bound, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut affected = 0;
        for (text, chunk) in self.chunks(rows) {
            let query = chunk.iter().try_fold(sqlx::query(text), &bind)?;
            affected += query.execute(&mut *connection).await?.rows_affected();
        }
        Ok(affected)
    }

    /// The statements for all rows, in order, each with those that it takes.
    pub(super) fn chunks<'a, R>(
        &'static self,
        rows: &'a [R],
    ) -> impl Iterator<Item = (&'static str, &'a [R])> {
        let mut rest = rows;
        let mut sizes = CHUNKS.into_iter().zip(&self.texts).peekable();
        std::iter::from_fn(move || {
            loop {
                let (size, text) = sizes.peek()?;
                if let Some((chunk, after)) = rest.split_at_checked(*size) {
                    rest = after;
                    return Some((text.as_str(), chunk));
                }
                sizes.next();
            }
        })
    }
}

/// Rows before a page (from 1), for `OFFSET`.
pub(super) fn rows_before(page: u32, per_page: u32) -> i64 {
    i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page))
}

/// A pattern that finds the text anywhere, its own wildcards taken literally.
pub(super) fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
