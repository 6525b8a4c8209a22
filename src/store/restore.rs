//! Another state in the place of the present one: the whole old one or the whole new one, whenever the process dies.
//!
//! What is to come lies ready as `FILE.staged` with `FILE.staged.key`. A marker, `FILE.restoring`, is renamed into place; from
//! then on every start finishes what was begun, before anything is opened. What was there is set aside as
//! `FILE.before-restore`.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::backup::{BackupFacts, plain, read_backup};
use super::lock::{DatabaseLock, beside};
use super::{Store, StoreError};
use crate::durable::{replace_private, sync_folder_of};
use crate::faults::boundary;

const UPLOAD: &str = ".upload";
const STAGED: &str = ".staged";
const MARKER: &str = ".restoring";
const ASIDE: &str = ".before-restore";
const REFUSED: &str = ".restore-refused";
const UNDO: &str = "undo";

/// Renames a file.
type Rename<'r> = &'r mut dyn FnMut(&Path, &Path) -> io::Result<()>;

/// Where a file that is to be restored is put first: beside the database, so that it need not be moved between disks.
pub fn upload_path(database: &Path) -> PathBuf {
    beside(database, UPLOAD)
}

/// Where its key is once it is staged.
pub fn staged_key_path(database: &Path) -> PathBuf {
    beside(database, &format!("{STAGED}.key"))
}

/// Checks what was put at [`upload_path`] and makes everything ready. The present state is not touched.
///
/// # Errors
///
/// [`StoreError::Version`] says why it cannot be taken. The file is gone then.
pub async fn stage(database: &Path) -> Result<(BackupFacts, Store), StoreError> {
    let staged = stage_here(database).await;
    if staged.is_err() {
        discard(database);
    }
    staged
}

async fn stage_here(database: &Path) -> Result<(BackupFacts, Store), StoreError> {
    let (upload, staged) = (upload_path(database), beside(database, STAGED));
    let failed = |action| {
        let path = staged.clone();
        move |source| StoreError::File { path, action, source }
    };
    let facts = read_backup(&upload).await?;
    clear(database, STAGED);
    fs::rename(&upload, &staged).map_err(failed("stage the back-up"))?;
    let mut copy = plain(&staged, false).await?;
    // The key must not lie in the database, where a copy of it would give all codes away.
    sqlx::query("DROP TABLE turnpike_backup").execute(&mut copy).await?;
    copy.close().await?;
    replace_private(&staged_key_path(database), facts.note.key.as_bytes())
        .map_err(failed("write the key"))?;
    // Brings its tables up to date, or says that they are newer than this program.
    let store = Store::open_copy(&staged).await.map_err(|error| match error {
        StoreError::Version { problem, .. } => StoreError::Version { path: PathBuf::new(), problem },
        error @ (StoreError::InUse { .. }
        | StoreError::File { .. }
        | StoreError::Open { .. }
        | StoreError::Damaged { .. }
        | StoreError::Unsalvaged { .. }
        | StoreError::NoRoom { .. }
        | StoreError::Row { .. }
        | StoreError::Database(_)) => error,
    })?;
    let (theirs, ours) = (schema(&staged).await?, schema(database).await?);
    if theirs != ours {
        store.close().await?;
        let problem = "its tables are not those of turnpike".to_owned();
        return Err(StoreError::Version { path: PathBuf::new(), problem });
    }
    Ok((facts, store))
}

async fn schema(path: &Path) -> Result<Vec<(String, String)>, StoreError> {
    let mut file = plain(path, true).await?;
    let rows = sqlx::query(
        "SELECT name, COALESCE(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2",
    );
    let rows = rows.fetch_all(&mut file).await?;
    file.close().await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Forgets what is staged.
pub fn discard(database: &Path) {
    for suffix in [UPLOAD, STAGED] {
        clear(database, suffix);
    }
}

/// Whether something is staged.
pub fn is_staged(database: &Path) -> bool {
    beside(database, STAGED).exists() && staged_key_path(database).exists()
}

/// Removes a database with all that belongs to it; what is not there need not go.
fn clear(database: &Path, suffix: &str) {
    for end in ["", "-wal", "-shm", "-journal", ".key", ".lock"] {
        let _ = fs::remove_file(beside(database, &format!("{suffix}{end}")));
    }
}

/// Begins to put what is staged in the place of the database, which nobody may have open. The next [`Store::open`], or
/// [`finish`], does the rest, however often the process dies.
pub async fn begin(database: &Path) -> Result<(), StoreError> {
    let _lock = DatabaseLock::take(database)?;
    let staged = beside(database, STAGED);
    let mut new = plain(&staged, false).await?;
    let fitted = fit(&mut new, database).await;
    new.close().await?;
    fitted?;
    let failed = |source| StoreError::File { path: staged.clone(), action: "write to the disk", source };
    clear(database, ASIDE);
    File::open(&staged).and_then(|file| file.sync_all()).map_err(failed)?;
    mark(database, "restore").map_err(failed)
}

/// Begins to put back what was set aside by the last restore.
pub fn begin_undo(database: &Path) -> Result<(), StoreError> {
    let _lock = DatabaseLock::take(database)?;
    clear(database, REFUSED);
    let path = database.to_owned();
    mark(database, UNDO).map_err(|source| StoreError::File { path, action: "put the old state back", source })
}

/// Whether nobody has the database open; the error says who has.
pub fn is_free(database: &Path) -> Result<(), StoreError> {
    DatabaseLock::take(database).map(drop)
}

/// Finishes what [`begin`] began.
pub fn finish(database: &Path) -> Result<(), StoreError> {
    let _lock = DatabaseLock::take(database)?;
    complete(database)
}

/// Makes the restored state go on from what the kernel has counted by now.
///
/// A session that was running in both goes on from the present state's last reading of its device's counters, if these are the
/// same device's; its usage is that of the back-up. Any other one that was running is paused, as after a reboot, until its
/// device is seen; and a number in the kernel that has another owner by now is given up. So nothing that passed between is
/// charged to anybody, nothing is charged twice, and nobody is charged for another.
async fn fit(new: &mut SqliteConnection, database: &Path) -> Result<(), StoreError> {
    sqlx::query("ATTACH DATABASE ? AS old")
        .bind(database.to_string_lossy().into_owned())
        .execute(&mut *new)
        .await?;
    let mut changes = new.begin().await?;
    for change in [
        "UPDATE sessions SET boot_id = 'restored' WHERE state = 'running'",
        "UPDATE sessions SET boot_id = was.boot_id, at_boot_ms = was.at_boot_ms, counter_sent = was.counter_sent, \
             counter_received = was.counter_received \
         FROM (SELECT mine.id AS device, s.counter_key, s.boot_id, s.at_boot_ms, s.counter_sent, s.counter_received \
             FROM old.sessions s JOIN old.devices d ON d.id = s.device AND d.client_key = s.counter_key \
             JOIN main.devices mine ON mine.mac = d.mac AND mine.client_key = d.client_key \
             WHERE s.state = 'running') AS was \
         WHERE sessions.state = 'running' AND sessions.device = was.device AND sessions.counter_key = was.counter_key",
        "UPDATE devices SET client_key = NULL WHERE client_key IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM old.devices o WHERE o.mac = devices.mac AND o.client_key = devices.client_key)",
        // Whoever is told totals ignores a number that was there before.
        "UPDATE sessions SET source_seq = MAX(source_seq, \
             (SELECT o.source_seq FROM old.sessions o WHERE o.id = sessions.id)) \
         WHERE EXISTS (SELECT 1 FROM old.sessions o WHERE o.id = sessions.id)",
        // No number of an event is given twice, and whoever resumes behind one that is not here any more finds a gap and
        // begins anew: the newest event, from which numbers are counted on, stands behind all that were given. A webhook
        // that was told of it is not told again.
        "UPDATE hooks SET cursor = (SELECT MAX(id) + 2 FROM old.session_events) \
         WHERE cursor >= (SELECT COALESCE(MAX(id), 0) FROM main.session_events) \
             AND (SELECT COALESCE(MAX(id), 0) FROM main.session_events) <= (SELECT MAX(id) FROM old.session_events)",
        "INSERT INTO session_events (id, at, session, device, kind, reason, properties, previous) \
         SELECT id, at, session, device, kind, reason, properties, previous FROM old.session_events \
         WHERE NOT EXISTS (SELECT 1 FROM main.session_events) ORDER BY id DESC LIMIT 1",
        "UPDATE session_events SET id = (SELECT MAX(id) + 2 FROM old.session_events) \
         WHERE id = (SELECT MAX(id) FROM main.session_events) AND id <= (SELECT MAX(id) FROM old.session_events)",
        "UPDATE events SET id = (SELECT MAX(id) + 1 FROM old.events) \
         WHERE id = (SELECT MAX(id) FROM main.events) AND id <= (SELECT MAX(id) FROM old.events)",
    ] {
        sqlx::query(change).execute(&mut *changes).await?;
    }
    changes.commit().await?;
    sqlx::query("DETACH DATABASE old").execute(&mut *new).await?;
    Ok(())
}

fn mark(database: &Path, what: &str) -> io::Result<()> {
    replace_private(&beside(database, MARKER), what.as_bytes())
}

/// Finishes a restore that was begun, if one was. Whoever calls has the database to itself.
pub(super) fn complete(database: &Path) -> Result<(), StoreError> {
    let mut rename = |from: &Path, to: &Path| {
        boundary("restore.rename");
        fs::rename(from, to)
    };
    complete_by(database, &mut rename).map_err(|source| StoreError::File {
        path: database.to_owned(),
        action: "finish the restore that was begun",
        source,
    })
}

/// Each step is done if what it moves is there; so it may be begun anew at any of them.
fn complete_by(database: &Path, rename: Rename<'_>) -> io::Result<()> {
    let marker = beside(database, MARKER);
    let what = match fs::read_to_string(&marker) {
        Ok(what) => what,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (from, aside) = if what == UNDO { (ASIDE, REFUSED) } else { (STAGED, ASIDE) };
    let place = |suffix: &str, end: &str| beside(database, &format!("{suffix}{end}"));
    let mut shift = |from: PathBuf, to: PathBuf| if from.exists() { rename(&from, &to) } else { Ok(()) };
    if place(from, ".key").exists() {
        shift(place("", ".key"), place(aside, ".key"))?;
        shift(place(from, ".key"), place("", ".key"))?;
    }
    if place(from, "").exists() {
        if database.exists() {
            shift(place("", "-wal"), place(aside, "-wal"))?;
            shift(database.to_owned(), place(aside, ""))?;
        }
        let _ = fs::remove_file(place("", "-shm"));
        shift(place(from, "-wal"), place("", "-wal"))?;
        shift(place(from, ""), database.to_owned())?;
    }
    sync_folder_of(database)?;
    boundary("restore.renamed");
    fs::remove_file(&marker)?;
    // Its lock file belongs to nobody any more.
    let _ = fs::remove_file(place(STAGED, ".lock"));
    sync_folder_of(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(database: &Path, suffix: &str) -> Option<String> {
        fs::read_to_string(beside(database, suffix)).ok()
    }

    fn whole(database: &Path) -> (Option<String>, Option<String>, Option<String>) {
        (read(database, ""), read(database, "-wal"), read(database, ".key"))
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// Dies after so many steps; whether it got that far.
    fn dies_after(database: &Path, steps: usize) -> bool {
        let mut left = steps;
        let died = complete_by(database, &mut |from, to| {
            left = left.checked_sub(1).ok_or_else(|| io::Error::other("died"))?;
            fs::rename(from, to)
        });
        died.is_err()
    }

    #[test]
    fn whenever_it_dies_the_next_start_finishes_it() {
        let mut deaths = 0;
        for steps in 0..8 {
            for again in 0..8 {
                let dir = tempfile::tempdir().unwrap();
                let database = dir.path().join("t.db");
                for (suffix, text) in [
                    ("", "old"),
                    ("-wal", "old wal"),
                    (".key", "old key"),
                    (".staged", "new"),
                    (".staged.key", "new key"),
                ] {
                    fs::write(beside(&database, suffix), text).unwrap();
                }
                complete(&database).unwrap();
                assert_eq!(
                    whole(&database),
                    (text("old"), text("old wal"), text("old key")),
                    "nothing was begun"
                );
                mark(&database, "restore").unwrap();
                deaths += usize::from(dies_after(&database, steps));
                deaths += usize::from(dies_after(&database, again));
                complete(&database).unwrap();
                assert_eq!(whole(&database), (text("new"), None, text("new key")), "{steps} {again}");
                let aside = (
                    read(&database, ASIDE),
                    read(&database, ".before-restore-wal"),
                    read(&database, ".before-restore.key"),
                );
                assert_eq!(aside, (text("old"), text("old wal"), text("old key")), "{steps} {again}");
                mark(&database, UNDO).unwrap();
                deaths += usize::from(dies_after(&database, steps));
                deaths += usize::from(dies_after(&database, again));
                complete(&database).unwrap();
                assert_eq!(
                    whole(&database),
                    (text("old"), text("old wal"), text("old key")),
                    "{steps} {again}"
                );
                assert_eq!(read(&database, REFUSED), text("new"));
                assert!(!beside(&database, MARKER).exists());
            }
        }
        assert!(deaths > 50, "{deaths}");
    }
}
