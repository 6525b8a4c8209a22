use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::{Store, StoreError};

/// How much room there is where the store lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that are free for us.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl Store {
    /// How much room there is where the database lies.
    pub fn space(&self) -> Result<DiskSpace, StoreError> {
        space_at(self.path())
    }
}

fn space_at(database: &Path) -> Result<DiskSpace, StoreError> {
    let directory = database.parent().filter(|path| !path.as_os_str().is_empty());
    space_in(directory.unwrap_or(Path::new(".")))
}

fn space_in(directory: &Path) -> Result<DiskSpace, StoreError> {
    let found = rustix::fs::statvfs(directory).map_err(|error| StoreError::File {
        path: directory.to_owned(),
        action: "ask how much room there is",
        source: error.into(),
    })?;
    Ok(DiskSpace {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// Whether so much room is free beside a database.
///
/// # Errors
///
/// [`StoreError::NoRoom`] says how much is missing.
pub(super) fn ensure(database: &Path, needed_bytes: u64, what: &'static str) -> Result<(), StoreError> {
    let free_bytes = space_at(database)?.free_bytes;
    if free_bytes >= needed_bytes {
        return Ok(());
    }
    Err(StoreError::NoRoom { path: database.to_owned(), what, needed_bytes, free_bytes })
}

/// Whether so much room is free where SQLite makes its temporary files: <https://sqlite.org/tempfiles.html>.
///
/// # Errors
///
/// [`StoreError::NoRoom`] says how much is missing.
pub(super) fn ensure_temporary(needed_bytes: u64, what: &'static str) -> Result<(), StoreError> {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp", "."].into_iter().map(PathBuf::from);
    let may_write = |folder: &PathBuf| {
        folder.is_dir() && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    };
    let folder = named.chain(usual).find(may_write).unwrap_or_else(|| PathBuf::from("."));
    ensure(&folder.join("temporary files"), needed_bytes, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_said_with_figures() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("t.db");
        ensure(&database, 1, "to do it").unwrap();
        let error = ensure(&database, 1 << 62, "to do it").unwrap_err().to_string();
        assert!(error.contains("to do it, 4503599627370496 KB have to be free beside it"), "{error}");
        ensure_temporary(1, "to do it").unwrap();
        assert!(ensure_temporary(1 << 62, "to do it").is_err());
    }
}
