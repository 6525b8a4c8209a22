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
/// Extended ones for a part of it that cannot be read: `IOERR_READ`, `IOERR_SHORT_READ`, `IOERR_DATA` and, for what the
/// kernel answers with EIO, `IOERR_CORRUPTFS`. Most statements say `CORRUPT` for the last one, but not those that are the
/// first to read the first page or the log. The other I/O errors (of writing, of locks) say nothing about what is in the file.
const UNREADABLE: [i32; 4] = [266, 522, 8202, 8458];

/// Beside the database: the next start looks at all of it before it goes on.
const MARK: &str = ".check";

/// Whether any statement of this process was answered so. One for all: some two hundred statements may be the one that
/// meets the damaged page, and whichever it is, the whole file is looked at before anything follows.
static MET: AtomicBool = AtomicBool::new(false);

fn extended_code_of(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// The primary result code of SQLite, if it is SQLite that says so.
pub(super) fn code_of(error: &sqlx::Error) -> Option<i32> {
    extended_code_of(error).map(|code| code & 0xff)
}

/// Whether it says that the file is damaged, no database, or cannot be read in some place.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    extended_code_of(error).is_some_and(says_damage)
}

fn says_damage(code: i32) -> bool {
    matches!(code & 0xff, CORRUPT | NOT_A_DATABASE) || UNREADABLE.contains(&code)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_damage_and_what_cannot_be_written_is_not() {
        let corrupt = [11, 11 | 1 << 8, 26];
        let unreadable = [10 | 1 << 8, 10 | 2 << 8, 10 | 32 << 8, 10 | 33 << 8];
        assert!(corrupt.into_iter().chain(unreadable).all(says_damage));
        // Busy, no memory, read-only, full, cannot be opened; and of the I/O errors: without a word of which, of writing,
        // of bringing to the disk, of locks, without memory.
        let others = [5, 7, 8, 13, 14, 10, 10 | 3 << 8, 10 | 4 << 8, 10 | 15 << 8, 10 | 12 << 8];
        assert!(!others.into_iter().any(says_damage));
    }
}
