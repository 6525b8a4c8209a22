//! A look into the database of a daemon that may be running; nothing is changed.

use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::StoreError;
use super::lock::beside;
use super::open::{MIGRATIONS, opening};
use crate::domain::WallTime;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const ALL_WELL: &str = "ok";

/// What a look at a database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseLook {
    /// The number of the newest change to its tables; 0 if it has none of ours.
    pub version: i64,
    /// The newest that this program knows.
    pub known_version: i64,
    /// The first damage that SQLite's quick check finds.
    pub damage: Option<String>,
    /// The newest wall-clock time that was ever believed.
    pub newest_wall: Option<WallTime>,
}

/// Looks into a database, also while a daemon has it. Leaves no file behind that was not there.
///
/// # Errors
///
/// [`StoreError::Damaged`] if it is no database or cannot be read to its end, [`StoreError::Open`] if it cannot be opened,
/// [`StoreError::File`] if it cannot be read without making a file: a log of a daemon that was cut off, without its index.
pub async fn look_into(path: &Path) -> Result<DatabaseLook, StoreError> {
    let log = beside(path, "-wal");
    let is_in_use = log.exists();
    if is_in_use && !beside(path, "-shm").exists() {
        let source =
            io::Error::other("its index is gone; the daemon's next start makes it, and checks the whole");
        return Err(StoreError::File { path: log, action: "read it without changing anything", source });
    }
    let looked = look(path, !is_in_use).await;
    let is_well = looked.as_ref().is_ok_and(|look| look.damage.is_none());
    if is_well || is_in_use || !log.exists() {
        return looked;
    }
    // Somebody began to write while it was read as a file that nobody writes to.
    look(path, false).await
}

/// A database that nobody has open is read as it lies there: SQLite would make its log beside it otherwise.
async fn look(path: &Path, lies_still: bool) -> Result<DatabaseLook, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(true)
        .immutable(lies_still)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging();
    let mut file = options.connect().await.map_err(|source| opening(path, source))?;
    let found = read(&mut file).await.map_err(|source| opening(path, source));
    // What was read is known, whatever becomes of the connection.
    let _ = file.close().await;
    found
}

async fn read(file: &mut SqliteConnection) -> Result<DatabaseLook, sqlx::Error> {
    let check: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *file).await?;
    let has = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)";
    let mut version = 0;
    if sqlx::query_scalar::<_, bool>(has).bind("_sqlx_migrations").fetch_one(&mut *file).await? {
        let newest = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
        version = sqlx::query_scalar(newest).fetch_one(&mut *file).await?;
    }
    let mut newest_wall: Option<i64> = None;
    if sqlx::query_scalar::<_, bool>(has).bind("meta").fetch_one(&mut *file).await? {
        let newest = "SELECT value FROM meta WHERE name = 'newest_wall'";
        newest_wall = sqlx::query_scalar(newest).fetch_optional(&mut *file).await?;
    }
    Ok(DatabaseLook {
        version,
        known_version: MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default(),
        damage: Some(check).filter(|check| check != ALL_WELL),
        newest_wall: newest_wall.map(WallTime),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::Store;

    fn files(folder: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[tokio::test]
    async fn a_database_is_looked_into_open_or_not_and_nothing_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("turnpike.db");
        assert!(matches!(look_into(&path).await, Err(StoreError::Open { .. })));
        let store = Store::open(&path).await.unwrap();
        let open = files(dir.path());
        let look = look_into(&path).await.unwrap();
        assert_eq!((look.version, look.damage.clone()), (look.known_version, None));
        assert_eq!(files(dir.path()), open);
        store.close().await.unwrap();
        let (closed, bytes) = (files(dir.path()), std::fs::read(&path).unwrap());
        assert_eq!(look_into(&path).await.unwrap(), look);
        assert_eq!((files(dir.path()), std::fs::read(&path).unwrap()), (closed, bytes));
    }

    #[tokio::test]
    async fn what_a_killed_daemon_left_in_the_log_is_read_and_stays_there() {
        let dir = tempfile::tempdir().unwrap();
        let (path, copy) = (dir.path().join("turnpike.db"), dir.path().join("copy.db"));
        let store = Store::open(&path).await.unwrap();
        let seen = "INSERT INTO meta (name, value) VALUES ('newest_wall', 4711)";
        sqlx::query(seen).execute(&store.writer).await.unwrap();
        let copied = |suffix| std::fs::copy(beside(&path, suffix), beside(&copy, suffix)).unwrap();
        assert!(copied("") > 0 && copied("-wal") > 0);
        let (before, unread) = (files(dir.path()), look_into(&copy).await.unwrap_err());
        assert!(unread.to_string().contains("its index is gone"), "{unread}");
        assert_eq!(files(dir.path()), before);
        assert!(copied("-shm") > 0);
        let before = files(dir.path());
        let log = std::fs::read(beside(&copy, "-wal")).unwrap();
        let look = look_into(&copy).await.unwrap();
        assert_eq!((look.newest_wall, look.damage), (Some(WallTime(4711)), None));
        assert_eq!(std::fs::read(beside(&copy, "-wal")).unwrap(), log);
        assert_eq!(files(dir.path()), before);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn damage_and_what_is_no_database_are_told_apart_from_a_newer_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("turnpike.db");
        std::fs::write(
            &path,
            "this is no database, but long enough to be looked at as if it were one".repeat(99),
        )
        .unwrap();
        assert!(matches!(look_into(&path).await, Err(StoreError::Damaged { .. })));
        std::fs::remove_file(&path).unwrap();
        let store = Store::open(&path).await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'of tomorrow', 1, x'00', 0)";
        sqlx::query(newer).execute(&store.writer).await.unwrap();
        store.close().await.unwrap();
        let look = look_into(&path).await.unwrap();
        assert!(look.version == 9999 && look.known_version < 9999, "{look:?}");
    }
}
