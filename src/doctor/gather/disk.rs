use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{StatVfsMountFlags, statfs, statvfs};

use super::{Known, reason};
use crate::doctor::Place;
use crate::store::{DatabaseLook, StoreError, look_into};

/// `TMPFS_MAGIC`, `RAMFS_MAGIC`, `OVERLAYFS_SUPER_MAGIC` (`include/uapi/linux/magic.h`).
const TMPFS: u64 = 0x0102_1994;
const RAMFS: u64 = 0x8584_58f6;
const OVERLAYFS: u64 = 0x794c_7630;
/// A database of a busy year on a slow card.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the database lies, and how it is.
#[derive(Debug)]
pub struct Disk {
    /// The directory, or of those above it the first that is there.
    pub directory: PathBuf,
    /// Whether that is the directory itself.
    pub is_there: bool,
    /// Owner, group and mode of it.
    pub owner: (u32, u32, u32),
    /// Whether the file system cannot be written to.
    pub is_read_only: bool,
    /// The file system in memory that it is on, if so: its name.
    pub in_memory: Option<&'static str>,
    /// Bytes that are free.
    pub free_bytes: u64,
    /// `None` if there is no database yet.
    pub database: Option<Known<Result<DatabaseLook, String>>>,
}

/// Looks at the directory and the database in it.
pub async fn look_at_disk(place: &Place, database: &Path) -> Known<Disk> {
    let path = place.path(database);
    let wanted = path.parent().unwrap_or(Path::new("/")).to_owned();
    let mut directory = wanted.as_path();
    let metadata = loop {
        match std::fs::metadata(directory) {
            Ok(metadata) => break metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                directory = directory.parent().ok_or_else(|| format!("{}: {error}", wanted.display()))?;
            }
            Err(error) => return Err(format!("{}: {error}", directory.display())),
        }
    };
    let space = statvfs(directory).map_err(reason)?;
    let found = if path.exists() { Some(look(&path).await) } else { None };
    Ok(Disk {
        is_there: directory == wanted,
        owner: (metadata.uid(), metadata.gid(), metadata.mode()),
        is_read_only: space.f_flag.contains(StatVfsMountFlags::RDONLY),
        in_memory: in_memory(place, directory)?,
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        database: found,
        directory: directory.to_owned(),
    })
}

/// The database, or what is wrong with it: in the inner result what it is itself, in the outer that it could not be read.
async fn look(path: &Path) -> Known<Result<DatabaseLook, String>> {
    match tokio::time::timeout(PATIENCE, look_into(path)).await {
        Ok(Ok(look)) => Ok(Ok(look)),
        Ok(Err(StoreError::Damaged { problem, .. })) => Ok(Err(problem)),
        Ok(Err(error)) => Err(reason(error)),
        Err(_) => Err(format!("it was not read within {} s", PATIENCE.as_secs())),
    }
}

fn in_memory(place: &Place, directory: &Path) -> Known<Option<&'static str>> {
    match kind_of(directory)? {
        TMPFS => Ok(Some("tmpfs")),
        RAMFS => Ok(Some("ramfs")),
        OVERLAYFS => {
            let mounts = place.read("/proc/self/mountinfo").map_err(reason)?;
            let real = std::fs::canonicalize(directory).map_err(reason)?;
            let Some(upper) = upper_directory(&mounts, &real) else { return Ok(None) };
            // In a container it lies where nobody here can see it.
            let is_memory = kind_of(Path::new(&upper)).is_ok_and(|kind| matches!(kind, TMPFS | RAMFS));
            Ok(is_memory.then_some("an overlay on tmpfs"))
        }
        _ => Ok(None),
    }
}

fn kind_of(path: &Path) -> Known<u64> {
    let found = statfs(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // Its type differs from machine to machine; the numbers have 32 bits.
    #[expect(clippy::cast_sign_loss, reason = "32 bits of any signedness")]
    let kind = (found.f_type as u64) & 0xffff_ffff;
    Ok(kind)
}

/// Where the overlay that a directory is on keeps what is written (`proc_pid_mountinfo(5)`).
fn upper_directory(mounts: &str, directory: &Path) -> Option<String> {
    let over = mounts.lines().filter_map(|line| {
        let (place, options) = line.split_once(" - ")?;
        let point = place.split(' ').nth(4)?;
        directory.starts_with(point).then_some((point.len(), options))
    });
    let (_, options) = over.max_by_key(|(length, _)| *length)?;
    let options = options.strip_prefix("overlay ")?.split_once(' ')?.1;
    options.split(',').find_map(|option| option.strip_prefix("upperdir=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_directory_of_the_nearest_mount_is_found() {
        let mounts = "22 1 0:20 / / rw,noatime - overlay overlayfs:/overlay rw,lowerdir=/,upperdir=/overlay/upper,workdir=/overlay/work\n\
                      23 22 0:21 / /tmp rw - tmpfs tmpfs rw\nodd\n";
        let upper = |path: &str| upper_directory(mounts, Path::new(path));
        assert_eq!(upper("/etc/turnpike").as_deref(), Some("/overlay/upper"));
        assert_eq!(upper("/tmp/x"), None);
        assert_eq!(upper("/tmpx").as_deref(), Some("/overlay/upper"));
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_judged_by_what_is_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::below(dir.path());
        let disk = look_at_disk(&place, Path::new("/var/lib/turnpike/turnpike.db")).await.unwrap();
        assert!(!disk.is_there && disk.database.is_none() && disk.directory == dir.path(), "{disk:?}");
        std::fs::write(dir.path().join("turnpike.db"), "no database".repeat(200)).unwrap();
        let disk = look_at_disk(&place, Path::new("/turnpike.db")).await.unwrap();
        assert!(disk.is_there && disk.free_bytes > 0);
        assert!(matches!(disk.database, Some(Ok(Err(_)))), "{disk:?}");
    }
}
