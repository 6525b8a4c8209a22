//! Damage to the file: how SQLite says it, and how it is remembered until somebody has looked.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock::{beside, keep_owner};
use super::{Store, StoreError};

/// Primary result codes of SQLite for a file that is damaged or no database: <https://sqlite.org/rescode.html>.
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

/// Beside the database: the next start looks at all of it before it goes on.
const MARK: &str = ".check";

/// Whether any statement of this process was answered so. One for all: some two hundred statements may be the one that
/// meets the damaged page, and whichever it is, the whole file is looked at before anything follows.
static MET: AtomicBool = AtomicBool::new(false);

/// The primary result code of SQLite, if it is SQLite that says so.
pub(super) fn code_of(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}

/// Whether it says that the file is damaged, or no database.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(code_of(error), Some(CORRUPT | NOT_A_DATABASE))
}

/// Remembers that a statement met damage.
pub(super) fn note(error: &sqlx::Error) {
    if is_damage(error) {
        MET.store(true, Ordering::Relaxed);
    }
}

/// Whether the next start is to look at all of it.
pub(super) fn is_marked(database: &Path) -> bool {
    beside(database, MARK).exists()
}

/// Has the next start look at all of it.
pub(super) fn mark(database: &Path) -> Result<(), StoreError> {
    let path = beside(database, MARK);
    if path.exists() {
        return Ok(());
    }
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    match made.and_then(|file| file.sync_all()).and_then(|()| keep_owner(database, &path)) {
        Ok(()) => Ok(()),
        Err(source) => Err(StoreError::File { path, action: "mark the database for a check", source }),
    }
}

/// All was looked at.
pub(super) fn unmark(database: &Path) {
    // One that stays costs the next start another look.
    let _ = fs::remove_file(beside(database, MARK));
}

impl Store {
    /// Whether a statement was answered that the file is damaged, since this was last asked.
    pub fn met_damage() -> bool {
        MET.swap(false, Ordering::Relaxed)
    }

    /// Looks at all of it, indexes too, and says the first damage that there is. Others read and write meanwhile.
    pub async fn look_for_damage(&self) -> Result<Option<String>, StoreError> {
        match sqlx::query_scalar::<_, String>("PRAGMA integrity_check(1)").fetch_one(&self.readers).await {
            Ok(answer) if answer == "ok" => Ok(None),
            Ok(problem) => Ok(Some(problem)),
            Err(error) if is_damage(&error) => Ok(Some(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the next start look at all of it, whatever the end of this one.
    pub fn mark_for_check(&self) -> Result<(), StoreError> {
        mark(self.path())
    }
}
