use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Row};

use super::StoreError;
use crate::domain::WallTime;

/// What the table that makes a database a back-up looks like.
const FORMAT: &str = "1";
/// The longest of its values that is read, in bytes.
const MAX_VALUE_BYTES: i64 = 1_000_000;

/// What a back-up holds beside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupNote {
    /// When it was made.
    pub made_at: WallTime,
    /// By which version.
    pub version: String,
    /// Of which box.
    pub gateway: String,
    /// The text of the key file: without it no voucher code can be read.
    pub key: String,
    /// The text of the configuration file.
    pub settings: String,
}

/// What is in a back-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFacts {
    /// When, by whom, of what.
    pub note: BackupNote,
    /// Devices that are known.
    pub devices: i64,
    /// Sessions that are not over.
    pub sessions: i64,
    /// Vouchers.
    pub vouchers: i64,
    /// What the till has in all, in the currency's smallest unit.
    pub till: i64,
}

/// Writes a whole back-up of a database that may be in use meanwhile; the file must be empty or not there. Readers and the
/// writer go on: it is a copy of one moment.
pub async fn back_up(database: &Path, to: &Path, note: &BackupNote) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(to);
    made.map_err(|source| StoreError::File { path: to.to_owned(), action: "make the back-up", source })?;
    let mut from = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        .busy_timeout(std::time::Duration::from_secs(5))
        .disable_statement_logging()
        .connect()
        .await?;
    sqlx::query("VACUUM INTO ?").bind(to.to_string_lossy().into_owned()).execute(&mut from).await?;
    from.close().await?;
    let mut copy = plain(to, false).await?;
    sqlx::query("CREATE TABLE turnpike_backup (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT")
        .execute(&mut copy)
        .await?;
    let made_at = note.made_at.0.to_string();
    for (name, value) in [
        ("format", FORMAT),
        ("made_at", &made_at),
        ("version", &note.version),
        ("gateway", &note.gateway),
        ("key", &note.key),
        ("settings", &note.settings),
    ] {
        sqlx::query("INSERT INTO turnpike_backup (name, value) VALUES (?, ?)")
            .bind(name)
            .bind(value)
            .execute(&mut copy)
            .await?;
    }
    copy.close().await?;
    Ok(())
}

/// Looks through a file that is said to be a back-up: whether it is whole, and what is in it.
pub async fn read_backup(path: &Path) -> Result<BackupFacts, StoreError> {
    let not_ours = |problem: &str| StoreError::Version { path: PathBuf::new(), problem: problem.to_owned() };
    let foreign = || not_ours("this is no back-up of turnpike");
    let mut file = plain(path, true).await.map_err(|_| foreign())?;
    let found = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'turnpike_backup'")
        .fetch_optional(&mut file)
        .await;
    if found.map_err(|_| foreign())?.is_none() {
        return Err(foreign());
    }
    let broken = |_| not_ours("the back-up is damaged: it was cut off or changed on its way");
    let check: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut file).await.map_err(broken)?;
    if check != "ok" {
        return Err(not_ours("the back-up is damaged: it was cut off or changed on its way"));
    }
    let mut values = std::collections::HashMap::new();
    let rows = sqlx::query("SELECT name, value FROM turnpike_backup WHERE length(value) <= ? LIMIT 20")
        .bind(MAX_VALUE_BYTES)
        .fetch_all(&mut file)
        .await
        .map_err(broken)?;
    for row in rows {
        values.insert(row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?);
    }
    let mut take = |name: &str| values.remove(name).ok_or_else(foreign);
    if take("format")? != FORMAT {
        return Err(not_ours("a newer turnpike made this back-up; update this one first"));
    }
    let note = BackupNote {
        made_at: WallTime(take("made_at")?.parse().map_err(|_| foreign())?),
        version: take("version")?,
        gateway: take("gateway")?,
        key: take("key")?,
        settings: take("settings")?,
    };
    let counts = [
        "SELECT COUNT(*) FROM devices",
        "SELECT COUNT(*) FROM sessions WHERE state IN ('available', 'running', 'paused')",
        "SELECT COUNT(*) FROM vouchers",
        "SELECT COALESCE(SUM(amount), 0) FROM sales",
    ];
    let mut found = [0_i64; 4];
    for (count, place) in counts.into_iter().zip(&mut found) {
        *place = sqlx::query_scalar(count).fetch_one(&mut file).await.map_err(broken)?;
    }
    file.close().await?;
    let [devices, sessions, vouchers, till] = found;
    Ok(BackupFacts { note, devices, sessions, vouchers, till })
}

/// A connection that leaves nothing beside the file, and runs nothing that the file brings along.
pub(super) async fn plain(path: &Path, read_only: bool) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(read_only)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("secure_delete", "ON")
        .disable_statement_logging();
    let options = if read_only { options } else { options.journal_mode(SqliteJournalMode::Delete) };
    options.connect().await
}
