use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous, SqliteTransactionManager,
};
use sqlx::{ConnectOptions, Connection};

use sqlx_core::transaction::TransactionManager;
use tokio::sync::Semaphore;
use tracing::error;

use super::half_done::HalfDone;
use super::lock::{DatabaseLock, beside};
use super::salvage::place;
use super::traces::KeptTraces;
use super::{Salvage, SalvageFor, StoreError, StoreMeasures, before, damage, restore, salvage, vacuum};
use crate::domain::WallTime;
use crate::faults::boundary;

/// The tables, embedded; append-only once released.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a statement waits for another connection: reads never block in WAL mode, checkpoints may for an instant.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that read at the same time. Each is a thread and a page cache, so: few, made when first needed, and
/// closed when idle.
const READERS: u32 = 2;
const READER_IDLE: Duration = Duration::from_secs(20);

/// Page caches in KiB (negative: SQLite's notation). The kernel's page cache holds the file anyway.
const WRITE_CACHE: &str = "-1024";
const READ_CACHE: &str = "-512";

/// The log is cut back to this after a checkpoint, so that one large batch does not keep flash occupied.
const JOURNAL_LIMIT_BYTES: &str = "4194304";

/// The database of one daemon.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    /// One search at a time: however long it takes, a reader is left for look-ups.
    pub(super) searches: Arc<Semaphore>,
    /// Whether there are accounts: asked for each portal page.
    pub(super) accounts: Arc<AtomicBool>,
    pub(super) kept_traces: Arc<KeptTraces>,
    pub(super) half_done: HalfDone,
    path: Arc<PathBuf>,
    measures: Arc<StoreMeasures>,
    lock: Arc<DatabaseLock>,
}

/// How much the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSize {
    /// Bytes of the database file.
    pub file_bytes: u64,
    /// Bytes of its log, which shrinks at checkpoints.
    pub log_bytes: u64,
}

impl Store {
    /// Opens the database, making it (mode 0600) and its directory (mode 0700) if there is none, and brings its tables
    /// up to date. After a stop that was not clean the file is checked for damage.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another process has it; [`StoreError::Damaged`], [`StoreError::Version`] and the like
    /// name the file.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_here(path, true).await
    }

    /// The same of a file that is a copy itself: none is kept of it.
    pub(super) async fn open_copy(path: &Path) -> Result<Self, StoreError> {
        Self::open_here(path, false).await
    }

    async fn open_here(path: &Path, keeps_copy: bool) -> Result<Self, StoreError> {
        make_directory(path)?;
        let lock = DatabaseLock::take(path)?;
        place::complete(path)?;
        restore::complete(path)?;
        if keeps_copy {
            refuse_emptied(path)?;
        }
        let is_new = make_file(path)?;
        // SQLite deletes its log on a clean close.
        let was_cut_short = beside(path, "-wal").exists();
        let kept_traces = Arc::new(KeptTraces::default());
        let half_done = HalfDone::default();
        let writer = match writer_pool(path, &kept_traces, &half_done).await {
            Ok(writer) => writer,
            Err(source) => {
                if is_new {
                    unmake_file(path);
                }
                return Err(opening(path, source));
            }
        };
        let any = match prepare(path, &writer, was_cut_short, keeps_copy).await {
            Ok(any) => any,
            Err(error) => {
                // It would move its log into the file while somebody else looks at both.
                writer.close().await;
                if is_new {
                    unmake_file(path);
                    return Err(error);
                }
                let error = damaged(path, error);
                // It was closed in good order: nobody would look again otherwise.
                if keeps_copy
                    && matches!(error, StoreError::Damaged { .. })
                    && let Err(failed) = damage::mark(path)
                {
                    error!(error = %failed, "the next start may not notice that the database is damaged");
                }
                return Err(error);
            }
        };
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(0)
            .idle_timeout(READER_IDLE)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options(path, READ_CACHE).pragma("query_only", "ON"));
        let accounts = Arc::new(AtomicBool::new(any));
        let (path, measures) = (Arc::new(path.to_owned()), Arc::default());
        let searches = Arc::new(Semaphore::new(1));
        let lock = Arc::new(lock);
        Ok(Self { writer, readers, searches, accounts, kept_traces, half_done, path, measures, lock })
    }

    /// Opens the database, and if it is damaged goes on with what can be read of it, if that is enough.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open`]; [`StoreError::Unsalvaged`] if it is damaged and what can be read is not enough.
    pub async fn open_or_salvage(path: &Path, now: WallTime) -> Result<(Self, Option<Salvage>), StoreError> {
        match Self::open(path).await {
            Err(StoreError::Damaged { problem, .. }) => {
                // Should the disk not take what is to be written now, it is known all the same.
                error!(problem, "the database is damaged: what can be read of it is looked for");
                let salvaged = salvage::salvage(path, &problem, now, SalvageFor::GoingOn).await?;
                Ok((Self::open(path).await?, Some(salvaged)))
            }
            opened => Ok((opened?, None)),
        }
    }

    /// What the newest report of a salvage says in its first line, and the report; as long as nobody has removed it.
    pub fn salvage_report(&self) -> Result<Option<(PathBuf, String)>, StoreError> {
        let failed = |source| StoreError::File {
            path: self.path().to_owned(),
            action: "look for reports of a salvage beside it",
            source,
        };
        place::newest_report(self.path()).map_err(failed)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it took and what failed since it was opened.
    pub fn measures(&self) -> &StoreMeasures {
        &self.measures
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// How much disk it takes.
    pub fn size(&self) -> Result<StoreSize, StoreError> {
        let length = |path: PathBuf| match std::fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(source) => Err(StoreError::File { path, action: "look at it", source }),
        };
        Ok(StoreSize {
            file_bytes: length(self.path().to_owned())?,
            log_bytes: length(beside(&self.path, "-wal"))?,
        })
    }

    /// Moves the log into the database file, as far as readers let it.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await?;
        Ok(())
    }

    /// The clean end: everything in one file, all connections closed, free for the next. Later calls fail, but for this one.
    pub async fn close(&self) -> Result<(), StoreError> {
        if self.writer.is_closed() {
            return Ok(());
        }
        self.readers.close().await;
        let moved = self.checkpoint().await;
        self.writer.close().await;
        self.lock.release();
        moved
    }
}

/// Looks for damage if there is a reason to, and brings the tables up to date. Whether there are accounts.
async fn prepare(
    path: &Path,
    writer: &SqlitePool,
    was_cut_short: bool,
    keeps_copy: bool,
) -> Result<bool, StoreError> {
    if damage::is_marked(path) {
        check(path, writer, "PRAGMA integrity_check(1)").await?;
        damage::unmark(path);
    } else if was_cut_short {
        check(path, writer, "PRAGMA quick_check(1)").await?;
    }
    if keeps_copy {
        before::keep_copy(path, writer).await?;
    }
    boundary("store.migrate");
    if let Err(error) = MIGRATIONS.run(writer).await {
        let copy = before::fitting_copy(path).await;
        return Err(migrating(path, error, copy.as_deref()));
    }
    boundary("store.migrated");
    vacuum::make_room_returnable(path, writer).await?;
    boundary("store.prepared");
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts)").fetch_one(writer).await?)
}

/// Damage that any statement meets while the database is opened is damage of the database.
fn damaged(path: &Path, error: StoreError) -> StoreError {
    if let StoreError::Database(source) = &error
        && damage::is_damage(source)
    {
        return StoreError::Damaged { path: path.to_owned(), problem: source.to_string() };
    }
    error
}

/// A power cut can leave a file without anything in it, which to SQLite is an empty database whose log is of no use. The key is
/// made after the tables, and the log after the first page of the file.
fn refuse_emptied(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).ok().map(|found| found.len());
    let has_log = length(&beside(path, "-wal")).is_some_and(|length| length > 0);
    if length(path) != Some(0) || !(has_log || beside(path, ".key").exists()) {
        return Ok(());
    }
    let problem = "the file is empty, and what lies beside it says that it was not".to_owned();
    Err(StoreError::Damaged { path: path.to_owned(), problem })
}

fn make_directory(path: &Path) -> Result<(), StoreError> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| StoreError::File {
        path: directory.to_owned(),
        action: "make the directory",
        source,
    })
}

/// Makes the file, so that SQLite and the files it adds never have wider permissions. Whether there was none.
pub(super) fn make_file(path: &Path) -> Result<bool, StoreError> {
    let open = |is_new| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .create_new(is_new)
            .mode(0o600)
            .open(path)
    };
    let made = match open(true) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => open(false).map(|_| false),
        made => made.map(|_| true),
    };
    made.map_err(|source| StoreError::File { path: path.to_owned(), action: "open the database", source })
}

/// Removes a file that was made just now and could not be filled: beside an old key, the next start would take it for one that
/// a power cut has emptied.
fn unmake_file(path: &Path) {
    for end in ["-wal", "-shm", ""] {
        // Mostly there is only the last one; what cannot be removed the next start names.
        let _ = std::fs::remove_file(beside(path, end));
    }
}

fn options(path: &Path, cache: &'static str) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", cache)
        .pragma("journal_size_limit", JOURNAL_LIMIT_BYTES)
        // Damage that SQLite meets on its way is an error rather than a guess.
        .pragma("cell_size_check", "ON")
        .statement_cache_capacity(48)
        .thread_name(|_| "store".to_owned())
        .disable_statement_logging()
}

async fn writer_pool(
    path: &Path,
    traces: &Arc<KeptTraces>,
    half_done: &HalfDone,
) -> Result<SqlitePool, sqlx::Error> {
    let mut options = options(path, WRITE_CACHE);
    // Room that is freed can be given back in small steps. It is said to a new file only: to say it is to write it.
    if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        options = options.auto_vacuum(SqliteAutoVacuum::Incremental);
    }
    let (made, taken, given_back) = (Arc::clone(traces), Arc::clone(traces), Arc::clone(traces));
    let (new, left) = (half_done.clone(), half_done.clone());
    SqlitePoolOptions::new()
        // One that was made just now is used without being taken from those that wait.
        .after_connect(move |_, _| {
            made.write_begins();
            new.is_whole();
            Box::pin(std::future::ready(Ok(())))
        })
        .before_acquire(move |connection, _| {
            boundary("store.write");
            let (taken, left) = (Arc::clone(&taken), left.clone());
            Box::pin(async move {
                let usable = end_left_over(connection).await && left.take_back(connection).await;
                if usable {
                    taken.write_begins();
                }
                Ok(usable)
            })
        })
        .after_release(move |_, _| {
            boundary("store.written");
            given_back.write_ended();
            Box::pin(std::future::ready(Ok(true)))
        })
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

/// Where the disk fails at the end of a transaction SQLite takes it back by itself, and sqlx goes on waiting for its end: nothing
/// could be written any more, whatever became of the disk. Whether the connection can be used; else it is made anew.
async fn end_left_over(connection: &mut SqliteConnection) -> bool {
    if connection.is_in_transaction() {
        // One for both to end. If it is there after all, it is taken back.
        let _ = sqlx::query("BEGIN").execute(&mut *connection).await;
        let _ = SqliteTransactionManager::rollback(connection).await;
    }
    !connection.is_in_transaction()
}

/// One of SQLite's checks: the quick one looks at every page and row, the whole one at every entry of an index as well.
async fn check(path: &Path, writer: &SqlitePool, check: &'static str) -> Result<(), StoreError> {
    let answer: String =
        sqlx::query_scalar(check).fetch_one(writer).await.map_err(|source| opening(path, source))?;
    if answer == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: path.to_owned(), problem: answer }) }
}

pub(super) fn opening(path: &Path, source: sqlx::Error) -> StoreError {
    let path = path.to_owned();
    if damage::is_damage(&source) {
        return StoreError::Damaged { path, problem: source.to_string() };
    }
    StoreError::Open { path, source }
}

/// The version of the tables that this program knows.
pub(super) fn known_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

fn migrating(path: &Path, error: MigrateError, copy: Option<&Path>) -> StoreError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "another crate's errors; their own texts will do")]
    let problem = match error {
        MigrateError::VersionMissing(version) => {
            let copy = copy.map_or_else(String::new, |copy| {
                let copy = copy.display();
                format!(", or go back to {copy}, which is as it was before the upgrade (docs/upgrade.md)")
            });
            format!(
                "a newer turnpike has used this database (its tables are at {version}); update this one{copy}"
            )
        }
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            return opening(path, source);
        }
        other => other.to_string(),
    };
    StoreError::Version { path: path.to_owned(), problem }
}
