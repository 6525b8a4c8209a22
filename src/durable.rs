//! Files that a power cut leaves whole: as they were, or as they were to be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::faults::boundary;

/// Writes a file that only its owner may read: beside its place, onto the disk, and then into its place.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    remove_if_there(&beside)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    boundary("durable.rename");
    fs::rename(&beside, path)?;
    boundary("durable.renamed");
    sync_folder_of(path)
}

/// A file that is written beside its place, under a hidden name, and is not there yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    beside: PathBuf,
}

impl Staged {
    /// Writes it onto the disk; everybody may read it.
    pub fn write(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".new");
        let beside = path.with_file_name(hidden);
        remove_if_there(&beside)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside)?;
        let staged = Self { path: path.to_owned(), beside };
        // Whatever the umask.
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Where it is now.
    pub fn beside(&self) -> &Path {
        &self.beside
    }

    /// Puts it into its place.
    pub fn take_place(self) -> io::Result<()> {
        fs::rename(&self.beside, &self.path)?;
        sync_folder_of(&self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // It may have taken its place; one that stays is replaced by the next.
        let _ = fs::remove_file(&self.beside);
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What was made, moved or removed beside a file is so after a power cut, too.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
