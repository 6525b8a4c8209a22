//! The damaged file as SQLite can still take it: beside a fresh one, at the version that it is of.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::store::StoreError;
use crate::store::damage::{code_of, is_damage};
use crate::store::open::{MIGRATIONS, known_version};

/// SQLite's primary result code for tables or an encoding that make no sense.
const MAKES_NO_SENSE: i32 = 1;

/// Whether the file says nothing of its tables. What is no damage (busy, no room, no such right, no memory) says nothing about
/// the file.
fn says_nothing(error: &sqlx::Error) -> bool {
    is_damage(error) || code_of(error) == Some(MAKES_NO_SENSE)
}

/// A connection that reads what is damaged. What it writes is thrown away if the process dies: nothing needs to be on disk
/// before it is whole.
pub(super) async fn connection_to(options: SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    let options = options
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        // Parents may come after their children, or not at all; what is left is checked.
        .foreign_keys(false)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        // What the damaged file says of its tables is taken as far as it can be read.
        .pragma("writable_schema", "ON")
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// Brings its tables up to that version, or to ours. Not by `run`, whose argument is any that a connection can be had from: the
/// compiler cannot tell that this is sent between threads then.
pub(super) async fn migrate(connection: &mut SqliteConnection, to: Option<i64>) -> Result<(), StoreError> {
    let done = MIGRATIONS.run_direct(to, connection, false).await;
    done.map_err(|error| StoreError::Version { path: PathBuf::new(), problem: error.to_string() })
}

/// Whether the damaged file says anything of its tables.
pub(super) async fn attach(connection: &mut SqliteConnection, copy: &Path) -> Result<bool, StoreError> {
    let name = copy.to_string_lossy().into_owned();
    let attached = sqlx::query("ATTACH DATABASE ? AS bad").bind(name).execute(&mut *connection).await;
    let found = match attached {
        Ok(_) => {
            let tables =
                "SELECT count(*) FROM pragma_table_list WHERE schema = 'bad' AND name NOT LIKE 'sqlite_%'";
            sqlx::query_scalar::<_, i64>(tables).fetch_one(connection).await
        }
        Err(error) => Err(error),
    };
    match found {
        Ok(tables) => Ok(tables > 0),
        Err(error) if says_nothing(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The version of its tables: the one that it says, else the newest that what is left of it looks like.
pub(super) async fn version_of(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let said = "SELECT max(version) FROM bad._sqlx_migrations";
    match sqlx::query_scalar::<_, Option<i64>>(said).fetch_one(&mut *connection).await {
        Ok(Some(version)) if version > 0 => return Ok(version),
        Ok(_) => {}
        Err(error) if says_nothing(&error) => {}
        Err(error) => return Err(error.into()),
    }
    let shape = "SELECT t.name || '.' || c.name FROM pragma_table_list t, pragma_table_info(t.name, t.schema) c \
                 WHERE t.schema = $1 AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations'";
    let theirs: HashSet<String> =
        sqlx::query_scalar(shape).bind("bad").fetch_all(&mut *connection).await?.into_iter().collect();
    let tables: HashSet<&str> = theirs.iter().filter_map(|column| column.split('.').next()).collect();
    let mut like = SqliteConnectOptions::new().in_memory(true).connect().await?;
    let mut newest = 0;
    for migration in MIGRATIONS.iter() {
        migrate(&mut like, Some(migration.version)).await?;
        let ours: HashSet<String> =
            sqlx::query_scalar(shape).bind("main").fetch_all(&mut like).await?.into_iter().collect();
        let of_theirs =
            |column: &&String| column.split('.').next().is_some_and(|table| tables.contains(table));
        if ours.iter().filter(of_theirs).count() == theirs.len() && theirs.is_subset(&ours) {
            newest = migration.version;
        }
    }
    like.close().await?;
    // Nothing fits: every column that both have is taken.
    Ok(if newest > 0 { newest } else { known_version() })
}
