//! The files of a salvage, so that a process that dies at any moment leaves the damaged state or the salvaged one, whole.
//!
//! What was salvaged lies ready as `FILE.salvaged`. A marker, `FILE.salvaging`, says under which name the damaged file is set
//! aside; from then on every start finishes what was begun, before anything is opened.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::domain::WallTime;
use crate::durable::{replace_private, sync_folder_of};
use crate::store::lock::{beside, keep_owner};
use crate::store::{SalvageFor, StoreError, damage, space};

/// A copy of the damaged file, so that reading it changes nothing in it.
pub(super) const COPY: &str = ".salvage";
/// The state that is to come.
pub(super) const FRESH: &str = ".salvaged";
const MARKER: &str = ".salvaging";
const ASIDE: &str = ".corrupt-";
const REPORT: &str = ".report";
const REFUSED: &str = ".unsalvaged";

/// Room for what is small, in bytes.
const SMALL_BYTES: u64 = 1 << 20;
/// The size of our pages, SQLite's usual.
const PAGE_BYTES: u16 = 4096;
/// With one in so many blocks that cannot be read, or more, no program goes on by itself: a disk that is gone, or comes and
/// goes, may have all of them again when somebody has seen to it.
const TOO_MANY: u64 = 4;
/// What the kernel says of a block that the disk cannot read.
const UNREADABLE: i32 = rustix::io::Errno::IO.raw_os_error();

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { path, action, source }
}

/// The name under which a file that is damaged is set aside: nothing has it yet.
pub(super) fn aside_suffix(database: &Path, now: WallTime) -> String {
    let at = chrono::DateTime::from_timestamp_millis(now.0).unwrap_or_default();
    let name = format!("{ASIDE}{}", at.format("%Y%m%d-%H%M%S"));
    let is_free = |suffix: &String| {
        ["", "-wal", "-shm", REPORT].iter().all(|end| !beside(database, &format!("{suffix}{end}")).exists())
    };
    let others = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(others).find(is_free).unwrap_or(name)
}

/// Removes what an interrupted salvage has left, but for what is set aside.
pub(super) fn clear(database: &Path) {
    for suffix in [COPY, FRESH] {
        for end in ["", "-wal", "-shm", "-journal", ".lock"] {
            // Mostly there is none.
            let _ = fs::remove_file(beside(database, &format!("{suffix}{end}")));
        }
    }
}

/// Whether there is room for a copy of the damaged file and for what is salvaged.
pub(super) fn ensure_room(database: &Path) -> Result<(), StoreError> {
    let length = |path: PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    let size = length(database.to_owned()).saturating_add(length(beside(database, "-wal")));
    space::ensure(database, size.saturating_mul(2).saturating_add(SMALL_BYTES), "to salvage the database")
}

/// Copies the damaged file and its log to where they are read; `None` if so much of them cannot be read that a human decides.
pub(super) fn copy(database: &Path, purpose: SalvageFor) -> Result<Option<PathBuf>, StoreError> {
    let to = beside(database, COPY);
    for end in ["", "-wal"] {
        let (from, to) = (beside(database, end), beside(&to, end));
        if !from.exists() {
            continue;
        }
        let mut place = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&to)
            .map_err(failed(&to, "make a copy of the damaged database"))?;
        let source = File::open(&from).map_err(failed(&from, "read it"))?;
        let length = source.metadata().map_err(failed(&from, "look at it"))?.len();
        let most = match purpose {
            SalvageFor::GoingOn => most_unreadable(length),
            SalvageFor::Looking | SalvageFor::GoingOnAnyway => u64::MAX,
        };
        let is_enough =
            copy_blocks(length, most, &mut |block, at| source.read_exact_at(block, at), &mut place)
                .map_err(failed(&to, "copy the damaged database"))?;
        if !is_enough {
            return Ok(None);
        }
    }
    Ok(Some(to))
}

/// So many blocks of a file may be unreadable, and it is gone on with what is left by itself.
fn most_unreadable(length: u64) -> u64 {
    (length.div_ceil(u64::from(PAGE_BYTES)) / TOO_MANY).saturating_sub(1).max(1)
}

/// Copies block by block: one that the disk cannot read any more is a page without anything in it. `false` if there are more
/// of them than that; the rest is not looked at then, since each may take the disk seconds.
fn copy_blocks(
    length: u64,
    most_unreadable: u64,
    read: &mut dyn FnMut(&mut [u8], u64) -> io::Result<()>,
    to: &mut dyn io::Write,
) -> io::Result<bool> {
    let mut block = [0; PAGE_BYTES as usize];
    let (mut at, mut unreadable) = (0, 0);
    while at < length {
        let size = usize::try_from(length - at).unwrap_or(usize::MAX).min(block.len());
        let Some(part) = block.get_mut(..size) else { break };
        match read(part, at) {
            Err(error) if error.raw_os_error() == Some(UNREADABLE) && unreadable < most_unreadable => {
                unreadable += 1;
                part.fill(0);
            }
            Err(error) if error.raw_os_error() == Some(UNREADABLE) => return Ok(false),
            done => done?,
        }
        to.write_all(part)?;
        at += u64::from(PAGE_BYTES);
    }
    Ok(true)
}

/// Makes a first page of a copy that has none, so that its log is read.
pub(super) fn mend_if_empty(copy: &Path) -> Result<(), StoreError> {
    let mended = fs::metadata(copy).and_then(|found| {
        if found.len() > 0 {
            return Ok(());
        }
        OpenOptions::new().write(true).open(copy)?.set_len(u64::from(PAGE_BYTES))?;
        mend_header(copy)
    });
    mended.map_err(failed(copy, "mend its header"))
}

/// Makes the header of the copy what ours is: <https://sqlite.org/fileformat2.html#the_database_header>.
pub(super) fn mend_header(copy: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(copy)?;
    let pages = u32::try_from(file.metadata()?.len() / u64::from(PAGE_BYTES)).unwrap_or(u32::MAX);
    let mut header = Vec::with_capacity(100);
    header.extend_from_slice(b"SQLite format 3\0");
    header.extend_from_slice(&PAGE_BYTES.to_be_bytes());
    // Written to and read through a log; nothing reserved; the fractions that there are.
    header.extend_from_slice(&[2, 2, 0, 64, 32, 32]);
    // Change counter, pages, no free pages, schema cookie, schema format, cache, no largest root, UTF-8, versions.
    for field in [1, pages, 0, 0, 1, 4, 0, 0, 1, 0, 0, 0] {
        header.extend_from_slice(&u32::to_be_bytes(field));
    }
    header.resize(92, 0);
    // For which change counter the number of pages holds.
    header.extend_from_slice(&1_u32.to_be_bytes());
    header.extend_from_slice(&0_u32.to_be_bytes());
    file.write_all_at(&header, 0)?;
    Ok(())
}

/// Removes the index of the copy's log, which belongs to another header.
pub(super) fn remove_index(copy: &Path) {
    // Mostly there is none.
    let _ = fs::remove_file(beside(copy, "-shm"));
}

/// What tells this state of the file from another.
fn fingerprint(database: &Path) -> io::Result<String> {
    let found = fs::metadata(database)?;
    Ok(format!("{} {} {} {}", found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// Remembers that not enough of the file can be read: whoever starts the daemon again and again has it not copied each time.
pub(super) fn remember_refusal(database: &Path, why: &str) -> Result<(), StoreError> {
    let path = beside(database, REFUSED);
    let written =
        fingerprint(database).and_then(|of| replace_private(&path, format!("{of}\n{why}\n").as_bytes()));
    written
        .and_then(|()| keep_owner(database, &path))
        .map_err(failed(&path, "note that it cannot be salvaged"))
}

/// Why not enough of the file can be read, if that was found out and it is the same file still.
pub(super) fn refusal(database: &Path) -> Option<String> {
    let text = fs::read_to_string(beside(database, REFUSED)).ok()?;
    let (of, why) = text.split_once('\n')?;
    (fingerprint(database).ok()? == of).then(|| why.trim_end().to_owned())
}

/// Puts what is salvaged in the place of the damaged file, and says so in a report.
pub(super) fn take_place(database: &Path, aside: &str, report: &str) -> Result<(), StoreError> {
    let fresh = beside(database, FRESH);
    keep_owner(database, &fresh).map_err(failed(&fresh, "give it to whom the database belongs"))?;
    File::open(&fresh)
        .and_then(|file| file.sync_all())
        .map_err(failed(&fresh, "write the salvaged database to the disk"))?;
    let report_file = beside(database, &format!("{aside}{REPORT}"));
    replace_private(&report_file, report.as_bytes())
        .and_then(|()| keep_owner(database, &report_file))
        .map_err(failed(&report_file, "write the report"))?;
    let marker = beside(database, MARKER);
    replace_private(&marker, aside.as_bytes()).map_err(failed(&marker, "mark the salvage"))?;
    // Nothing but this process looks at it unless it dies now.
    keep_owner(database, &marker).map_err(failed(&marker, "give it to whom the database belongs"))?;
    complete(database)
}

/// Finishes a salvage whose result was complete, if there is one. Whoever calls has the database to itself.
pub(in crate::store) fn complete(database: &Path) -> Result<(), StoreError> {
    complete_by(database, &mut |from, to| fs::rename(from, to))
        .map_err(failed(database, "finish the salvage that was begun"))
}

/// Each step is done if what it moves is there; so it may be begun anew at any of them.
fn complete_by(database: &Path, rename: &mut dyn FnMut(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let marker = beside(database, MARKER);
    let aside = match fs::read_to_string(&marker) {
        Ok(aside) if aside.starts_with(ASIDE) && !aside.contains('/') => aside,
        Ok(_) => return Err(io::Error::new(ErrorKind::InvalidData, "its marker says no name")),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let fresh = beside(database, FRESH);
    if fresh.exists() {
        // The log first: it must not be taken for one of what comes.
        for end in ["-wal", "-shm", ""] {
            let from = beside(database, end);
            if from.exists() {
                rename(&from, &beside(database, &format!("{aside}{end}")))?;
            }
        }
        sync_folder_of(database)?;
        rename(&fresh, database)?;
    }
    sync_folder_of(database)?;
    damage::unmark(database);
    // It is of a file that is set aside.
    let _ = fs::remove_file(beside(database, REFUSED));
    clear(database);
    fs::remove_file(&marker)?;
    sync_folder_of(database)
}

/// The newest report of a salvage that nobody has removed: its path, and its first line.
pub(in crate::store) fn newest_report(database: &Path) -> io::Result<Option<(PathBuf, String)>> {
    let Some(name) = database.file_name() else { return Ok(None) };
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let begins = format!("{}{ASIDE}", name.to_string_lossy());
    let mut newest: Option<PathBuf> = None;
    for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&begins) && name.ends_with(REPORT) {
            newest = newest.max(Some(entry.path()));
        }
    }
    let Some(path) = newest else { return Ok(None) };
    let text = fs::read_to_string(&path)?;
    let first = text.lines().next().unwrap_or_default().to_owned();
    Ok(Some((path, first)))
}

/// The newest copy that lies beside the database: before a restore or an upgrade, or a back-up.
pub(super) fn newest_copy(database: &Path) -> Option<PathBuf> {
    let name = database.file_name()?.to_string_lossy().into_owned();
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let copies = entries.flatten().filter_map(|entry| {
        let found = entry.file_name().to_string_lossy().into_owned();
        let is_before = found.strip_prefix(&name).is_some_and(|rest| rest.starts_with(".before-"))
            && ![".key", ".lock", "-wal", "-shm", ".new"].iter().any(|end| found.ends_with(end));
        // The one that is made to be sent away may be half of one.
        let is_backup = found.ends_with(".backup") && found != format!("{name}.backup");
        let changed = entry.metadata().ok()?.modified().ok()?;
        (is_before || is_backup).then(|| (changed, entry.path()))
    });
    copies.max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_the_disk_cannot_read_is_a_page_without_anything_in_it() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|place| u8::try_from(place % 250).unwrap() + 1).collect();
        let copied_if = |code: i32, most: u64| {
            let mut to = Vec::new();
            let mut read = |block: &mut [u8], at: u64| {
                if at == 4096 {
                    return Err(io::Error::from_raw_os_error(code));
                }
                let at = usize::try_from(at).unwrap();
                block.copy_from_slice(&bytes[at..at + block.len()]);
                Ok(())
            };
            copy_blocks(10_000, most, &mut read, &mut to).map(|is_enough| is_enough.then_some(to))
        };
        let copied = |code| copied_if(code, 1);
        let to = copied(UNREADABLE).unwrap().unwrap();
        assert!(to[..4096] == bytes[..4096] && to[8192..] == bytes[8192..]);
        assert!(to[4096..8192].iter().all(|byte| *byte == 0));
        assert_eq!(copied(13).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert!(copied_if(UNREADABLE, 0).unwrap().is_none());
    }

    #[test]
    fn a_disk_that_reads_nothing_is_given_up_soon() {
        for (pages, most) in [(1, 1), (4, 1), (8, 1), (100, 24), (4_000, 999)] {
            let length = pages * u64::from(PAGE_BYTES);
            assert_eq!(most_unreadable(length), most);
            let mut asked = 0;
            let mut read = |_: &mut [u8], _| {
                asked += 1;
                Err(io::Error::from_raw_os_error(UNREADABLE))
            };
            let is_enough = copy_blocks(length, most, &mut read, &mut io::sink()).unwrap();
            assert_eq!((is_enough, asked), (pages == 1, (most + 1).min(pages)), "{pages}");
        }
    }

    #[test]
    fn whenever_it_dies_the_next_start_finishes_it() {
        let mut deaths = 0;
        for steps in 0..5 {
            for again in 0..5 {
                let dir = tempfile::tempdir().unwrap();
                let database = dir.path().join("t.db");
                let read = |suffix: &str| fs::read_to_string(beside(&database, suffix)).ok();
                for (suffix, text) in
                    [("", "old"), ("-wal", "old wal"), ("-shm", "shm"), (".key", "key"), (FRESH, "new")]
                {
                    fs::write(beside(&database, suffix), text).unwrap();
                }
                complete(&database).unwrap();
                assert_eq!(read("").as_deref(), Some("old"), "nothing was begun");
                let aside = aside_suffix(&database, WallTime(0));
                assert_eq!(aside, ".corrupt-19700101-000000");
                fs::write(beside(&database, MARKER), &aside).unwrap();
                for steps in [steps, again] {
                    let mut left: usize = steps;
                    let died = complete_by(&database, &mut |from, to| {
                        left = left.checked_sub(1).ok_or_else(|| io::Error::other("died"))?;
                        fs::rename(from, to)
                    });
                    deaths += usize::from(died.is_err());
                }
                complete(&database).unwrap();
                let now = [read(""), read("-wal"), read("-shm"), read(".key")];
                assert_eq!(now.map(Option::unwrap_or_default), ["new", "", "", "key"], "{steps} {again}");
                let set_aside = ["", "-wal", "-shm"].map(|end| read(&format!("{aside}{end}")));
                assert_eq!(set_aside.map(Option::unwrap_or_default), ["old", "old wal", "shm"]);
                assert!(!beside(&database, MARKER).exists() && !beside(&database, FRESH).exists());
                assert_eq!(aside_suffix(&database, WallTime(0)), format!("{aside}-2"), "never overwritten");
            }
        }
        assert!(deaths > 20, "{deaths}");
    }
}
