//! Reads a table of the damaged file row by row into the fresh one, around what cannot be read.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use crate::store::StoreError;
use crate::store::damage::{code_of, is_damage};

/// So many rows are taken at once where all is well.
const AT_ONCE: i64 = 1000;
/// Behind damage, the next row is looked for in steps of a part of the way that was gone already: pages that are whole between
/// two damaged ones are found unless they are few among many that are not.
const STEP_PART: i64 = 128;
/// More rows than a table without numbers for them has (`samples`: 3,192).
const MOST_OF_KEYED: i64 = 1 << 16;

/// SQLite's primary result codes for a row that is there and does not fit: too big, against a constraint, of another type.
const DOES_NOT_FIT: [i32; 3] = [18, 19, 20];

/// A table as both files have it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// What is copied.
    columns: String,
    /// The columns of its key if rows have no numbers of their own.
    keyed_by: Option<String>,
}

/// What came of a table.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Copied {
    /// Rows that are there and were not taken.
    pub(super) misfits: u64,
    /// Whether there are places that cannot be read.
    pub(super) has_gaps: bool,
}

impl Table {
    /// A table of the fresh file; `None` if the damaged one says nothing of it any more.
    pub(super) async fn find(
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<Option<Self>, StoreError> {
        let columns = |schema: &'static str| {
            let text = "SELECT name, type, pk FROM pragma_table_info($1, $2) ORDER BY cid";
            sqlx::query(text).bind(name.to_owned()).bind(schema)
        };
        let there: Vec<String> = match columns("bad").fetch_all(&mut *connection).await {
            Ok(rows) => rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
            Err(error) if is_damage(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let (mut taken, mut keys, mut is_numbered) = (Vec::new(), Vec::new(), false);
        for row in columns("main").fetch_all(&mut *connection).await? {
            let (column, kind, place): (String, String, i64) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            if place > 0 {
                is_numbered = kind == "INTEGER";
                keys.push((place, column.clone()));
            }
            if there.contains(&column) {
                taken.push(format!("\"{column}\""));
            }
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let without: bool =
            sqlx::query_scalar("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = $1")
                .bind(name.to_owned())
                .fetch_one(&mut *connection)
                .await?;
        keys.sort();
        let key = || keys.iter().map(|(_, column)| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
        let keyed_by = without.then(key);
        // Rows keep their numbers, and with them their order; where a column is the number, it is copied as one.
        let is_its_number = is_numbered && keys.len() == 1;
        if !without && !is_its_number {
            taken.insert(0, "rowid".to_owned());
        }
        Ok(Some(Self { name: name.to_owned(), columns: taken.join(", "), keyed_by }))
    }

    /// Takes what can be read.
    pub(super) async fn copy(&self, connection: &mut SqliteConnection) -> Result<Copied, StoreError> {
        let Some(key) = &self.keyed_by else { return self.copy_numbered(connection).await };
        let insert = format!("INSERT OR IGNORE INTO main.{} ({})", self.name, self.columns);
        let from = format!("SELECT {} FROM bad.{}", self.columns, self.name);
        Ok(Copied { misfits: 0, has_gaps: !from_both_ends(connection, &insert, &from, key).await? })
    }

    async fn copy_numbered(&self, connection: &mut SqliteConnection) -> Result<Copied, StoreError> {
        let mut copied = Copied::default();
        // Every number of ours is above 0, but one of SQLite's own choosing may be anything.
        let (mut after, mut at_once) = (i64::MIN, AT_ONCE);
        loop {
            match self.take(connection, after.saturating_add(1), at_once).await? {
                Some(last) => {
                    let Some(last) = last.filter(|last| *last > after) else { return Ok(copied) };
                    after = last;
                    at_once = at_once.saturating_mul(4).min(AT_ONCE);
                }
                None if at_once > 1 => at_once /= 4,
                None => match self.next(connection, after.saturating_add(1)).await? {
                    Next::End => return Ok(copied),
                    // It is there, and the damage is in itself.
                    Next::Row(number) => {
                        copied.misfits += 1;
                        after = number;
                    }
                    Next::Damage => {
                        copied.has_gaps = true;
                        let Some(number) = self.behind(connection, after.saturating_add(1)).await? else {
                            return Ok(copied);
                        };
                        after = number.saturating_sub(1);
                    }
                },
            }
            at_once = at_once.max(1);
        }
    }

    /// Takes rows from that number on, all or none of them, and looks for them nowhere before (there may be damage): the last one's number (none: there is no row any more), or `None` if one of
    /// them cannot be taken.
    async fn take(
        &self,
        connection: &mut SqliteConnection,
        from: i64,
        at_once: i64,
    ) -> Result<Option<Option<i64>>, StoreError> {
        let Self { name, columns, .. } = self;
        let text = format!(
            "INSERT INTO main.{name} ({columns}) SELECT {columns} FROM bad.{name} NOT INDEXED \
             WHERE rowid >= {from} ORDER BY rowid LIMIT {at_once}"
        );
        let Some(rows) = attempt(connection, &text).await? else { return Ok(None) };
        if rows == 0 {
            return Ok(Some(None));
        }
        let last = format!("SELECT max(rowid) FROM main.{name}");
        Ok(Some(sqlx::query_scalar(AssertSqlSafe(last)).fetch_one(connection).await?))
    }

    /// What comes at that number or behind it.
    async fn next(&self, connection: &mut SqliteConnection, from: i64) -> Result<Next, StoreError> {
        let text = format!(
            "SELECT rowid FROM bad.{} NOT INDEXED WHERE rowid >= $1 ORDER BY rowid LIMIT 1",
            self.name
        );
        match sqlx::query_scalar::<_, i64>(AssertSqlSafe(text)).bind(from).fetch_optional(connection).await {
            Ok(Some(number)) if number >= from => Ok(Next::Row(number)),
            // Rows that are not in their order are damage as well.
            Ok(Some(_)) => Ok(Next::Damage),
            Ok(None) => Ok(Next::End),
            Err(error) if is_damage(&error) => Ok(Next::Damage),
            Err(error) => Err(error.into()),
        }
    }

    /// The first row behind damage that begins at that number.
    async fn behind(&self, connection: &mut SqliteConnection, from: i64) -> Result<Option<i64>, StoreError> {
        let from = from.max(0);
        let (mut damaged, mut found) = (from.saturating_sub(1), None);
        let mut at = from;
        while found.is_none() {
            match self.next(connection, at).await? {
                Next::Row(number) => found = Some((at, number)),
                Next::End => found = Some((at, i64::MAX)),
                Next::Damage => {
                    damaged = at;
                    let step = ((at - from) / STEP_PART).max(1);
                    match at.checked_add(step) {
                        Some(next) => at = next,
                        None => return Ok(None),
                    }
                }
            }
        }
        // Where exactly it begins.
        let Some((mut whole, mut number)) = found else { return Ok(None) };
        while whole - damaged > 1 {
            let middle = damaged + (whole - damaged) / 2;
            match self.next(connection, middle).await? {
                Next::Row(first) => (whole, number) = (middle, first),
                Next::End => whole = middle,
                Next::Damage => damaged = middle,
            }
        }
        Ok(Some(number).filter(|number| *number < i64::MAX))
    }
}

enum Next {
    Row(i64),
    End,
    Damage,
}

/// Does a statement or nothing of it: how many rows it wrote, or `None` if what it reads is damaged or does not fit.
///
/// Never within a transaction: SQLite writes nothing more in one in which it has met damage.
pub(super) async fn attempt(
    connection: &mut SqliteConnection,
    text: &str,
) -> Result<Option<u64>, StoreError> {
    let done = sqlx::query(AssertSqlSafe(text.to_owned())).persistent(false).execute(connection).await;
    match done {
        Ok(done) => Ok(Some(done.rows_affected())),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) if code_of(&error).is_some_and(|code| DOES_NOT_FIT.contains(&code)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes as many rows as can be read from the first on, and from the last back. Whether that is all.
pub(super) async fn from_both_ends(
    connection: &mut SqliteConnection,
    insert: &str,
    from: &str,
    key: &str,
) -> Result<bool, StoreError> {
    if attempt(connection, &format!("{insert} {from}")).await?.is_some() {
        return Ok(true);
    }
    for direction in ["", " DESC"] {
        let order: Vec<String> = key.split(", ").map(|column| format!("{column}{direction}")).collect();
        let (mut works, mut fails) = (0, MOST_OF_KEYED);
        while fails - works > 1 {
            let middle = works + (fails - works) / 2;
            let text = format!("{insert} {from} ORDER BY {} LIMIT {middle}", order.join(", "));
            match attempt(connection, &text).await? {
                Some(_) => works = middle,
                None => fails = middle,
            }
        }
    }
    Ok(false)
}
