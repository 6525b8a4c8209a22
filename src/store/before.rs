//! A copy of the database as it was before a newer program changed its tables, so that the older one can be gone back to.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::sqlite::SqlitePool;
use tracing::info;

use super::backup::plain;
use super::lock::{beside, keep_owner};
use super::open::known_version;
use super::{StoreError, space};
use crate::durable::sync_folder_of;
use crate::faults::boundary;

const BEFORE: &str = ".before-";
const UNFINISHED: &str = ".new";
/// Room for what is small, in bytes.
const SMALL_BYTES: u64 = 1 << 20;

const IS_OURS: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations')";
const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations";

/// Keeps a copy of a database whose tables are older than this program's; it is on the disk when this returns.
///
/// # Errors
///
/// [`StoreError::NoRoom`] if there is no room for it: nothing was changed then.
pub(super) async fn keep_copy(database: &Path, writer: &SqlitePool) -> Result<(), StoreError> {
    if !sqlx::query_scalar::<_, bool>(IS_OURS).fetch_one(writer).await? {
        return Ok(());
    }
    let version: Option<i64> = sqlx::query_scalar(VERSION).fetch_one(writer).await?;
    if version.is_none_or(|version| version >= known_version()) {
        return Ok(());
    }
    let kept = beside(database, &format!("{BEFORE}{}", env!("CARGO_PKG_VERSION")));
    if version_in(&kept).await.zip(version).is_some_and(|(before, now)| before < now) {
        // The upgrade was cut short and goes on: what was there before it is what can be gone back to.
        return Ok(());
    }
    let length = |path: PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    let size = length(database.to_owned()).saturating_add(length(beside(database, "-wal")));
    // The copy, and what is written while the tables are changed.
    let needed = size.saturating_mul(2).saturating_add(SMALL_BYTES);
    space::ensure(database, needed, "to keep a copy of the database before it is brought up to date")?;
    let new = beside(&kept, UNFINISHED);
    let failed =
        |source| StoreError::File { path: new.clone(), action: "write a copy of the database", source };
    // What an interrupted one has left is no copy of anything.
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    made.map_err(failed)?;
    let text = new.to_string_lossy().into_owned();
    boundary("store.copy");
    let copied = sqlx::query("VACUUM INTO ?").bind(text).execute(writer).await;
    if copied.is_err() {
        // Half of it is of no use.
        let _ = fs::remove_file(&new);
    }
    copied?;
    File::open(&new)
        .and_then(|file| file.sync_all())
        .and_then(|()| keep_owner(database, &new))
        .map_err(failed)?;
    boundary("store.copied");
    fs::rename(&new, &kept).and_then(|()| sync_folder_of(&kept)).map_err(failed)?;
    boundary("store.kept");
    info!(copy = %kept.display(), "the database is kept as it was before this version");
    for older in copies(database).map_err(failed)?.into_iter().filter(|copy| *copy != kept) {
        fs::remove_file(&older).map_err(|source| StoreError::File {
            path: older,
            action: "remove the copy from before an older version",
            source,
        })?;
    }
    Ok(())
}

/// The copies from before upgrades that lie beside a database, finished or not.
fn copies(database: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(name) = database.file_name() else { return Ok(Vec::new()) };
    let begins = format!("{}{BEFORE}", name.to_string_lossy());
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name();
        // A version begins with a digit; what a restore has set aside does not.
        let rest = name.to_str().and_then(|name| name.strip_prefix(&begins));
        if rest.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit())) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A copy beside the database that this program can use, if there is one.
pub(super) async fn fitting_copy(database: &Path) -> Option<PathBuf> {
    for copy in copies(database).ok()? {
        if copy.to_string_lossy().ends_with(UNFINISHED) {
            continue;
        }
        if version_in(&copy).await.is_some_and(|version| version <= known_version()) {
            return Some(copy);
        }
    }
    None
}

/// The version of a copy's tables; one that cannot be read is not worth a word.
async fn version_in(copy: &Path) -> Option<i64> {
    let version = async {
        let mut file = plain(copy, true).await?;
        let version = sqlx::query_scalar::<_, Option<i64>>(VERSION).fetch_one(&mut file).await;
        file.close().await?;
        version
    };
    version.await.ok().flatten()
}
