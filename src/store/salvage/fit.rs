//! Makes what was read hold: texts are texts, every row's parent is there, no number is given twice.

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::rows::{attempt, from_both_ends};
use crate::domain::WallTime;
use crate::store::StoreError;
use crate::store::damage::is_damage;

/// Numbers that may have been given and are not known any more are left out: so many.
const LEFT_OUT: i64 = 1_000_000;

/// A version of a device's cookies and codes that none has reached.
const NEVER_GIVEN: i64 = 1_000_000;

/// Columns that hold JSON: a row whose JSON is none would be met in the middle of something.
const JSON: &[(&str, &str)] = &[
    ("accounts", "properties"),
    ("accounts", "roles"),
    ("admins", "permissions"),
    ("audit", "after"),
    ("audit", "before"),
    ("devices", "roles"),
    ("events", "details"),
    ("hooks", "kinds"),
    ("plans", "properties"),
    ("plans", "roles"),
    ("samples", "zones"),
    ("session_events", "previous"),
    ("session_events", "properties"),
    ("sessions", "properties"),
    ("sessions", "roles"),
    ("themes", "shape"),
    ("tokens", "permissions"),
    ("voucher_batches", "properties"),
    ("voucher_batches", "roles"),
];

/// Removes the rows of a table that hold a text that is none: SQLite does not look, this program does.
pub(super) async fn remove_broken_texts(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<(), StoreError> {
    let found = sqlx::query("SELECT name, type, pk FROM pragma_table_info($1, 'main') ORDER BY cid")
        .bind(table.to_owned())
        .fetch_all(&mut *connection)
        .await?;
    let (mut texts, mut keys) = (Vec::new(), Vec::new());
    for row in &found {
        let (name, kind, key): (String, String, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if kind == "TEXT" {
            texts.push(format!("\"{name}\""));
        }
        if key > 0 {
            keys.push(format!("CAST(\"{name}\" AS BLOB)"));
        }
    }
    // What tells a row from the others whatever is in it.
    let identity = keys.join(" || ");
    let mut broken: Vec<Vec<u8>> = Vec::new();
    if !texts.is_empty() {
        let text = format!("SELECT CAST({identity} AS BLOB), {} FROM main.{table}", texts.join(", "));
        let mut rows = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let is_text = |place: usize| row.try_get::<Option<String>, _>(place).is_ok();
            if !(1..=texts.len()).all(is_text) {
                broken.push(row.try_get(0)?);
            }
        }
    }
    for identity_of in broken {
        let text = format!("DELETE FROM main.{table} WHERE CAST({identity} AS BLOB) = $1");
        sqlx::query(AssertSqlSafe(text)).bind(identity_of).execute(&mut *connection).await?;
    }
    for (_, column) in JSON.iter().filter(|(of, _)| *of == table) {
        if found.iter().any(|row| row.try_get::<String, _>(0).is_ok_and(|name| name == *column)) {
            let text =
                format!("DELETE FROM main.{table} WHERE {column} IS NOT NULL AND NOT json_valid({column})");
            sqlx::query(AssertSqlSafe(text)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Devices whose own row cannot be read, from the indexes of their ids and MACs: what they have paid for hangs on them. How
/// many. Nothing else is known of them; what ran on them is paused until they are seen.
pub(super) async fn devices_by_index(
    connection: &mut SqliteConnection,
    now: WallTime,
) -> Result<u64, StoreError> {
    for (table, column) in [("salvaged_ids", "id"), ("salvaged_macs", "mac")] {
        let make =
            format!("CREATE TEMP TABLE {table} (number INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT");
        sqlx::query(AssertSqlSafe(make)).execute(&mut *connection).await?;
        let Some(index) = index_of(connection, column).await? else { return Ok(0) };
        let insert = format!("INSERT OR IGNORE INTO temp.{table} (number, value)");
        let from = format!("SELECT rowid, {column} FROM bad.devices INDEXED BY \"{index}\"");
        from_both_ends(connection, &insert, &from, column).await?;
        // Of their usual shape, or it is not what it was.
        let shape = if column == "id" { "length(value) = 36" } else { "length(value) = 17" };
        let odd = format!("DELETE FROM temp.{table} WHERE NOT ({shape}) OR value GLOB '*[^-:0-9a-f]*'");
        sqlx::query(AssertSqlSafe(odd)).execute(&mut *connection).await?;
    }
    sqlx::query(
        "CREATE TEMP TABLE salvaged_made AS SELECT i.number FROM temp.salvaged_ids i \
         WHERE NOT EXISTS (SELECT 1 FROM main.devices d WHERE d.rowid = i.number)",
    )
    .execute(&mut *connection)
    .await?;
    let made = sqlx::query(
        "INSERT OR IGNORE INTO main.devices (rowid, id, mac, blocked, roles, first_seen) \
         SELECT i.number, i.value, m.value, 0, '[]', $1 FROM temp.salvaged_ids i \
         JOIN temp.salvaged_macs m ON m.number = i.number",
    )
    .bind(now.0)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if made > 0 && has_column(connection, "devices", "identity").await? {
        // What version its cookies and codes were is not known: none that was given is taken any more.
        sqlx::query(
            "UPDATE main.devices SET identity = $1 WHERE identity = 0 AND EXISTS \
             (SELECT 1 FROM temp.salvaged_made made WHERE made.number = devices.rowid)",
        )
        .bind(NEVER_GIVEN)
        .execute(&mut *connection)
        .await?;
    }
    // Without its number in the kernel nothing can go on that ran.
    sqlx::query(
        "UPDATE main.sessions SET boot_id = 'salvaged' WHERE state = 'running' \
         AND device IN (SELECT id FROM main.devices WHERE client_key IS NULL)",
    )
    .execute(connection)
    .await?;
    Ok(made)
}

async fn has_column(
    connection: &mut SqliteConnection,
    table: &str,
    column: &str,
) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT 1 FROM pragma_table_info($1, 'main') WHERE name = $2)";
    let found = sqlx::query_scalar(text).bind(table.to_owned()).bind(column.to_owned());
    Ok(found.fetch_one(connection).await?)
}

/// The index that keeps a column of `devices` unique.
async fn index_of(connection: &mut SqliteConnection, column: &str) -> Result<Option<String>, StoreError> {
    let found = sqlx::query_scalar(
        "SELECT l.name FROM pragma_index_list('devices', 'bad') l, pragma_index_info(l.name, 'bad') i \
         WHERE l.\"unique\" AND i.seqno = 0 AND i.name = $1",
    )
    .bind(column.to_owned())
    .fetch_optional(connection)
    .await;
    match found {
        Ok(name) => Ok(name),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many rows a table has by an index of it that can be read.
pub(super) async fn rows_by_index(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Option<u64>, StoreError> {
    let found: Result<Vec<String>, _> =
        sqlx::query_scalar("SELECT name FROM pragma_index_list($1, 'bad') WHERE NOT partial")
            .bind(table.to_owned())
            .fetch_all(&mut *connection)
            .await;
    let names = match found {
        Ok(names) => names,
        Err(error) if is_damage(&error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    for name in names {
        let text = format!("SELECT count(*) FROM bad.{table} INDEXED BY \"{name}\"");
        match sqlx::query_scalar::<_, i64>(AssertSqlSafe(text)).fetch_one(&mut *connection).await {
            Ok(rows) => return Ok(Some(rows.unsigned_abs())),
            Err(error) if is_damage(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Whether a line of the till is there that was given back, and the line that gave it back is not: it could be given back again.
pub(super) async fn refunds_are_orphaned(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    if !has_column(connection, "refunds", "refunded").await? {
        return Ok(false);
    }
    let orphaned = "SELECT EXISTS (SELECT 1 FROM main.refunds r WHERE EXISTS (SELECT 1 FROM main.sales WHERE id = r.refunded) \
                    AND NOT EXISTS (SELECT 1 FROM main.sales WHERE id = r.sale))";
    Ok(sqlx::query_scalar(orphaned).fetch_one(connection).await?)
}

/// Whether there are codes that several devices may use.
pub(super) async fn has_shared_codes(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    if !has_column(connection, "voucher_batches", "max_devices").await? {
        return Ok(false);
    }
    let shared = "SELECT EXISTS (SELECT 1 FROM main.voucher_batches WHERE max_devices > 1)";
    Ok(sqlx::query_scalar(shared).fetch_one(connection).await?)
}

/// A voucher that was redeemed has a place that is held: where that is lost, the first who had one has it again, or anybody
/// could redeem it a second time. (It is reset when a redemption is taken back, and a place ends only as another begins.)
pub(super) async fn take_places_again(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if !has_column(connection, "voucher_uses", "ended_at").await? {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO main.voucher_uses (voucher, device, session, at) \
         SELECT id, device, session, redeemed_at FROM main.vouchers v WHERE redeemed_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM main.voucher_uses u WHERE u.voucher = v.id AND u.ended_at IS NULL) ORDER BY redeemed_at",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes rows whose parent is lost, and theirs.
pub(super) async fn remove_orphans(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    loop {
        let orphans = sqlx::query("PRAGMA main.foreign_key_check").fetch_all(&mut *connection).await?;
        if orphans.is_empty() {
            return Ok(());
        }
        for row in orphans {
            let (table, number): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            let text = format!("DELETE FROM main.{table} WHERE rowid = $1");
            sqlx::query(AssertSqlSafe(text)).bind(number).execute(&mut *connection).await?;
        }
    }
}

/// Numbers that are never given twice are counted on from what was given, or from far above it where that is not known.
pub(super) async fn keep_numbers(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let counted: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'",
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("CREATE TEMP TABLE given (name TEXT, seq INTEGER)").execute(&mut *connection).await?;
    let is_there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_list WHERE schema = 'bad' AND name = 'sqlite_sequence')",
    )
    .fetch_one(&mut *connection)
    .await?;
    let read = "INSERT INTO temp.given SELECT name, seq FROM bad.sqlite_sequence";
    let is_known = is_there && attempt(connection, read).await?.is_some();
    for table in counted {
        let top = format!(
            "SELECT max(coalesce((SELECT max(id) FROM main.{table}), 0), \
             coalesce((SELECT max(seq) FROM temp.given WHERE name = '{table}'), 0))"
        );
        let top: i64 = sqlx::query_scalar(AssertSqlSafe(top)).fetch_one(&mut *connection).await?;
        let top = if is_known { top } else { top.saturating_add(LEFT_OUT) };
        sqlx::query("DELETE FROM main.sqlite_sequence WHERE name = $1")
            .bind(table.clone())
            .execute(&mut *connection)
            .await?;
        sqlx::query("INSERT INTO main.sqlite_sequence (name, seq) VALUES ($1, $2)")
            .bind(table)
            .bind(top)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Events that were lost may have been told: the newest one stands behind all that there can have been, so that whoever follows
/// them by number finds a gap and begins anew.
pub(super) async fn leave_event_numbers_out(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<(), StoreError> {
    let has_hooks: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'hooks')")
            .fetch_one(&mut *connection)
            .await?;
    let is_followed = table == "session_events" && has_hooks;
    let newest = format!("SELECT max(id) FROM main.{table}");
    let newest: Option<i64> = sqlx::query_scalar(AssertSqlSafe(newest)).fetch_one(&mut *connection).await?;
    let followed: Option<i64> = match is_followed {
        true => sqlx::query_scalar("SELECT max(cursor) FROM main.hooks").fetch_one(&mut *connection).await?,
        false => None,
    };
    let Some(newest) = newest else {
        if is_followed {
            // Numbers begin anew: nobody may wait for the one that comes after those that are gone.
            sqlx::query("UPDATE main.hooks SET cursor = 0").execute(connection).await?;
        }
        return Ok(());
    };
    let behind = newest.max(followed.unwrap_or(0)).saturating_add(LEFT_OUT);
    if is_followed {
        sqlx::query("UPDATE main.hooks SET cursor = $1 WHERE cursor >= $2")
            .bind(behind)
            .bind(newest)
            .execute(&mut *connection)
            .await?;
    }
    let moved = format!("UPDATE main.{table} SET id = $1 WHERE id = $2");
    sqlx::query(AssertSqlSafe(moved)).bind(behind).bind(newest).execute(connection).await?;
    Ok(())
}
