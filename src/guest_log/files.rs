//! A file for each day: `guests.log.2026-01-31`.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::day::Day;

const MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// So much of a disk is left free, but no more than [`MOST_SPARE_BYTES`]: the database may be on the same.
const SPARE_PART: u64 = 20;
const MOST_SPARE_BYTES: u64 = 32 << 20;

/// The files that are written.
#[derive(Debug)]
pub(super) struct Files {
    base: PathBuf,
    open: Option<DayFile>,
}

#[derive(Debug)]
struct DayFile {
    day: Day,
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    length: u64,
    /// Whether something stands behind them that could not be taken away.
    torn: bool,
}

impl Files {
    pub(super) const fn new(base: PathBuf) -> Self {
        Self { base, open: None }
    }

    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Appends whole lines to a day's file: all of them, or an error and none.
    pub(super) fn append(&mut self, day: Day, lines: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.day != day || !open.is_in_place()) {
            if let Some(before) = self.open.take()
                && before.day != day
            {
                // A day that is over is on the disk.
                before.file.sync_all()?;
            }
            self.open = Some(DayFile::open(&self.base, day)?);
        }
        match &mut self.open {
            Some(open) => open.append(lines),
            None => Ok(()),
        }
    }

    /// What was written is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |open| open.file.sync_all())
    }

    /// Removes the files of all days before this one, as far as that can be done. How many.
    pub(super) fn prune(&self, first_kept: Day) -> io::Result<usize> {
        let (mut removed, mut failed) = (0, None);
        for (_, path) in days(&self.base)?.into_iter().filter(|(day, _)| *day < first_kept) {
            // Of a link this removes the link.
            match fs::remove_file(path) {
                Ok(()) => removed += 1,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(removed), Err)
    }
}

impl DayFile {
    fn open(base: &Path, day: Day) -> io::Result<Self> {
        if let Some(folder) = base.parent()
            && !folder.exists()
        {
            DirBuilder::new().mode(FOLDER_MODE).create(folder)?;
        }
        let path = path_of(base, day);
        let (mut file, is_new) = match options().create_new(true).mode(MODE).open(&path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (options().open(&path)?, false),
            Err(error) => return Err(error),
        };
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "is no file"));
        }
        if is_new {
            // Whatever the umask.
            file.set_permissions(Permissions::from_mode(MODE))?;
            sync_folder(&path)?;
        }
        let length = found.len();
        let torn = length > 0 && last_byte(&mut file)? != b'\n';
        Ok(Self { day, file, path, length, torn })
    }

    /// Whether the file is still there under its name: somebody may have moved or removed it.
    fn is_in_place(&self) -> bool {
        let same =
            |there: fs::Metadata, ours: fs::Metadata| (there.dev(), there.ino()) == (ours.dev(), ours.ino());
        match (fs::symlink_metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(ours)) => same(there, ours),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.check_space(lines.len())?;
        let written = if self.torn { self.file.write_all(b"\n") } else { Ok(()) };
        match written.and_then(|()| self.file.write_all(lines)) {
            Ok(()) => {
                self.torn = false;
                self.length = self.file.metadata()?.len();
                Ok(())
            }
            Err(error) => {
                // Half a line is taken away again; else the next one begins on a line of its own.
                let was_torn = self.torn;
                self.torn = self.file.set_len(self.length).is_err() || was_torn;
                Err(error)
            }
        }
    }

    /// Leaves room for others.
    fn check_space(&self, bytes: usize) -> io::Result<()> {
        let found = rustix::fs::fstatvfs(&self.file)?;
        let total = found.f_blocks.saturating_mul(found.f_frsize);
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let spare = (total / SPARE_PART).min(MOST_SPARE_BYTES);
        let needed = spare.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if free < needed { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

/// No link is followed, and a pipe is not waited for.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).custom_flags(flags());
    options
}

/// What keeps an `open` from following a link and from waiting.
fn flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last[0])
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// A day's file.
pub(super) fn path_of(base: &Path, day: Day) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!(".{day}"));
    PathBuf::from(name)
}

/// Opens a day's file to be read.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "is no file"));
    }
    Ok(file)
}

/// The days that there are files of, the first first.
pub(super) fn days(base: &Path) -> io::Result<Vec<(Day, PathBuf)>> {
    let folder = base.parent().unwrap_or(Path::new("/"));
    let Some(name) = base.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name();
        let day =
            file_name.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('.')?.parse().ok());
        found.extend(day.map(|day| (day, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// The files that there are, the oldest day first.
///
/// # Errors
///
/// The folder cannot be read.
pub fn files(base: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(days(base)?.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_has_a_file_that_others_do_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("log/guests.log");
        let mut files = Files::new(base.clone());
        files.append(day("2026-06-01"), b"a\n").unwrap();
        files.append(day("2026-06-02"), b"b\n").unwrap();
        files.append(day("2026-06-01"), b"c\n").unwrap();
        let first = path_of(&base, day("2026-06-01"));
        assert_eq!(fs::read(&first).unwrap(), b"a\nc\n");
        assert_eq!(fs::metadata(&first).unwrap().mode() & 0o7777, MODE);
        assert_eq!(fs::metadata(first.parent().unwrap()).unwrap().mode() & 0o7777, FOLDER_MODE);
        fs::remove_file(&first).unwrap();
        files.append(day("2026-06-01"), b"d\n").unwrap();
        assert_eq!(fs::read(&first).unwrap(), b"d\n", "a file that was moved away is made anew");
    }

    #[test]
    fn half_a_line_stays_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("guests.log");
        let path = path_of(&base, day("2026-06-01"));
        fs::write(&path, b"a\nhal").unwrap();
        Files::new(base).append(day("2026-06-01"), b"b\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"a\nhal\nb\n");
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (base, target) = (dir.path().join("guests.log"), dir.path().join("target"));
        let path = path_of(&base, day("2026-06-01"));
        let mut files = Files::new(base);
        symlink(&target, &path).unwrap();
        assert!(files.append(day("2026-06-01"), b"a\n").is_err(), "a link to nothing");
        fs::write(&target, b"x\n").unwrap();
        assert!(files.append(day("2026-06-01"), b"a\n").is_err(), "a link");
        assert!(open_to_read(&path).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"x\n");
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(files.append(day("2026-06-01"), b"a\n").is_err(), "a pipe");
        assert!(open_to_read(&path).is_err(), "a pipe");
    }

    #[test]
    fn only_days_are_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("guests.log");
        let others = ["guests.log", "guests.log.2026-05-01.gz", "guests.log.old", "other.log.2026-05-01"];
        for name in others.into_iter().chain(["guests.log.2026-05-01", "guests.log.2026-05-31"]) {
            fs::write(dir.path().join(name), b"").unwrap();
        }
        let files = Files::new(base.clone());
        assert_eq!(files.prune(day("2026-05-31")).unwrap(), 1);
        assert_eq!(super::files(&base).unwrap(), [path_of(&base, day("2026-05-31"))]);
        assert!(others.into_iter().all(|name| dir.path().join(name).exists()));
    }
}
