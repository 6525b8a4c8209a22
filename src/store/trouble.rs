//! A disk that does not take what is to be stored: how SQLite says it, that it is noticed whichever statement meets it, and when
//! it is over.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::damage::code_of;
use super::lock::beside;
use super::{Store, StoreError};
use crate::domain::{DiskTrouble, Refusal};

/// Primary result codes of SQLite: <https://sqlite.org/rescode.html>.
const READ_ONLY: i32 = 8;
const INPUT_OUTPUT: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// Whether any statement of this process was answered so since it was last asked: some two hundred may be.
static MET: AtomicBool = AtomicBool::new(false);

fn trouble_of(error: &sqlx::Error) -> Option<DiskTrouble> {
    match code_of(error)? {
        FULL => Some(DiskTrouble::Full),
        READ_ONLY => Some(DiskTrouble::ReadOnly),
        INPUT_OUTPUT | CANNOT_OPEN => Some(DiskTrouble::Failing),
        CORRUPT | NOT_A_DATABASE => Some(DiskTrouble::Damaged),
        _ => None,
    }
}

/// Remembers that a statement met a disk that does not do its part. Damage is remembered elsewhere.
pub(super) fn note(error: &sqlx::Error) {
    if trouble_of(error).is_some_and(|trouble| trouble != DiskTrouble::Damaged) {
        MET.store(true, Ordering::Relaxed);
    }
}

impl StoreError {
    /// What is wrong with the disk, if it is the disk.
    pub fn trouble(&self) -> Option<DiskTrouble> {
        match self {
            Self::Open { source, .. } | Self::Database(source) => trouble_of(source),
            Self::File { source, .. } => of_io(source.kind()),
            Self::NoRoom { .. } => Some(DiskTrouble::Full),
            Self::Damaged { .. } | Self::Unsalvaged { .. } => Some(DiskTrouble::Damaged),
            Self::InUse { .. } | Self::Version { .. } | Self::Row { .. } => None,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        error.trouble().map_or_else(|| Self::Store(error.to_string()), Self::Disk)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the standard library's many, these say what a disk has"
)]
fn of_io(kind: ErrorKind) -> Option<DiskTrouble> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(DiskTrouble::Full),
        ErrorKind::ReadOnlyFilesystem => Some(DiskTrouble::ReadOnly),
        _ => None,
    }
}

/// What a small file says that is written beside the database. SQLite has one word for most that a disk can answer.
fn ask_beside(database: &Path) -> Result<(), DiskTrouble> {
    let path = beside(database, ".try");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&[0; 8192])?;
        file.sync_all()
    });
    // One that cannot be removed is written again by the next try.
    let _ = std::fs::remove_file(&path);
    written.map_err(|error| of_io(error.kind()).unwrap_or(DiskTrouble::Failing))
}

impl Store {
    /// Whether a statement met a disk that does not do its part, since this was last asked.
    pub fn met_trouble() -> bool {
        MET.swap(false, Ordering::Relaxed)
    }

    /// Writes something that changes nothing, all the way to the disk.
    ///
    /// # Errors
    ///
    /// What is wrong, as far as it is the disk; what else is wrong is none of its business.
    pub async fn try_disk(&self) -> Result<(), DiskTrouble> {
        // The version that SQLite keeps for its users, and nobody here does: each time a page of the log.
        let written = sqlx::query("PRAGMA user_version = 0").execute(&self.writer).await;
        let trouble = written.err().as_ref().and_then(trouble_of);
        let path = self.path().to_owned();
        // Also where it was written: a log that need not grow has room on a full disk.
        match (tokio::task::spawn_blocking(move || ask_beside(&path)).await, trouble) {
            (Ok(Err(said)), _) => Err(said),
            (Ok(Ok(())) | Err(_), Some(trouble)) => Err(trouble),
            (Ok(Ok(())) | Err(_), None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_takes_it_is_no_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("t.db")).await.unwrap();
        store.try_disk().await.unwrap();
        let before = store.size().unwrap().log_bytes;
        store.try_disk().await.unwrap();
        assert!(store.size().unwrap().log_bytes > before, "nothing was written");
        assert_eq!(ask_beside(&dir.path().join("t.db")), Ok(()));
        assert!(!dir.path().join("t.db.try").exists());
        assert_eq!(ask_beside(&dir.path().join("no/t.db")), Err(DiskTrouble::Failing));
    }

    #[test]
    fn whoever_asks_reads_what_is_wrong_and_nothing_of_the_inside() {
        let full = StoreError::File {
            path: "/dev/sda1".into(),
            action: "write",
            source: ErrorKind::StorageFull.into(),
        };
        let refusal = Refusal::from(full);
        assert_eq!(refusal, Refusal::Disk(DiskTrouble::Full));
        assert_eq!(refusal.to_string(), "nothing was done: the disk is full");
        let row = Refusal::from(StoreError::row("sales", 1, "odd"));
        assert!(matches!(row, Refusal::Store(_)), "{row:?}");
    }
}
