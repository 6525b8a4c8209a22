use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::StoreError;

/// The claim of one process on a database: `flock` on the file `<database>.lock`, gone with the process however it dies.
///
/// The file is never deleted: between the deletion and the next creation two processes could hold two different files.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    file: File,
}

impl DatabaseLock {
    /// Takes the claim, or says who has it.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database, ".lock");
        let failed = |action| {
            let path = path.clone();
            move |source| StoreError::File { path, action, source }
        };
        // Opened close-on-exec, as std does: a child that inherited it would keep the claim alive.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: database.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .map_err(failed("write the lock file"))?;
        Ok(Self { file })
    }
}

impl DatabaseLock {
    /// Gives the claim up before all who know of it are gone.
    pub(super) fn release(&self) {
        // What cannot be given up now goes with the file.
        let _ = self.file.unlock();
    }
}

/// The path of a file that belongs to the database: its name with something appended.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whoever does something as root leaves what the daemon's user can read and write: a file beside the database has its owner.
/// What others make is theirs, and they may not give it away.
pub(super) fn keep_owner(database: &Path, file: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let (owned, other) = (fs::metadata(database)?, fs::metadata(file)?);
    if (owned.uid(), owned.gid()) == (other.uid(), other.gid()) {
        return Ok(());
    }
    chown(file, Some(owned.uid()), Some(owned.gid()))
}

/// The process id in the lock file; `None` if its holder has not written it yet.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
