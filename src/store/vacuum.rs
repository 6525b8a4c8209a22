//! Room of the file that is not used any more is given back to the disk, a little at a time.

use std::path::Path;

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tracing::{info, warn};

use super::damage::is_damage;
use super::{Store, StoreError, space};
use crate::clock::Stopwatch;

/// `PRAGMA auto_vacuum`: free pages are known well enough to be given back one by one.
const INCREMENTAL: i64 = 2;
/// How many pages one step gives back at most: of 4 KB each.
const STEP_PAGES: &str = "PRAGMA incremental_vacuum(16)";
/// Less than that is not worth any writing.
const FEW_PAGES: i64 = 256;

/// A file up to here is rewritten without a look at the room for temporary files.
const LITTLE_BYTES: u64 = 4 << 20;

/// How the pages of the file are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePages {
    /// Pages in which nothing is.
    pub free: i64,
    /// Pages in all.
    pub all: i64,
}

impl FilePages {
    /// Whether so much is free that it should be given back: more than a quarter.
    pub const fn are_worth_it(self) -> bool {
        self.free >= FEW_PAGES && self.free.saturating_mul(4) > self.all
    }

    /// Whether enough was given back: what is left is soon used again.
    pub const fn are_enough(self) -> bool {
        self.free < FEW_PAGES || self.free.saturating_mul(16) <= self.all
    }
}

/// Rewrites a file from before room could be given back in steps, once. Without room for it that is left for another start.
pub(super) async fn make_room_returnable(database: &Path, writer: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = writer.acquire().await?;
    if mode(&mut connection).await? == INCREMENTAL {
        return Ok(());
    }
    let size = std::fs::metadata(database).map_or(0, |found| found.len());
    // The rewritten file passes through the log.
    if let Err(error) = space::ensure(database, size.saturating_mul(3), "to rewrite the database once") {
        warn!(%error, "the database keeps its size whatever is deleted from it");
        return Ok(());
    }
    // SQLite makes the rewritten file there first: on a router that is memory.
    if size > LITTLE_BYTES
        && let Err(error) = space::ensure_temporary(size.saturating_mul(3), "to rewrite the database once")
    {
        warn!(%error, "the database keeps its size whatever is deleted from it");
        return Ok(());
    }
    let watch = Stopwatch::start();
    for text in ["PRAGMA auto_vacuum = INCREMENTAL", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        match sqlx::query(text).execute(&mut *connection).await {
            Ok(_) => {}
            Err(error) if is_damage(&error) => return Err(error.into()),
            Err(error) => {
                warn!(%error, "the database could not be rewritten: it keeps its size whatever is deleted from it");
                return Ok(());
            }
        }
    }
    info!(secs = watch.secs(), "the database was rewritten once, so that it can shrink from now on");
    Ok(())
}

async fn mode(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(connection).await?)
}

impl Store {
    /// How the pages of the file are used.
    pub async fn pages(&self) -> Result<FilePages, StoreError> {
        let mut reader = self.readers.acquire().await?;
        let free = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut *reader).await?;
        let all = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *reader).await?;
        Ok(FilePages { free, all })
    }

    /// Whether nobody writes at this moment.
    pub fn is_idle(&self) -> bool {
        self.writer.num_idle() > 0
    }

    /// Gives a few free pages back. Whether there were any.
    pub async fn give_back_step(&self) -> Result<bool, StoreError> {
        let mut writer = self.writer.acquire().await?;
        if mode(&mut writer).await? != INCREMENTAL {
            return Ok(false);
        }
        let before: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut *writer).await?;
        sqlx::query(STEP_PAGES).execute(&mut *writer).await?;
        let after: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut *writer).await?;
        Ok(after < before)
    }

    /// Makes the file as short as what was given back lets it be, as far as readers let it. Nobody is waited for.
    pub async fn shorten(&self) -> Result<(), StoreError> {
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.writer).await?;
        Ok(())
    }
}
