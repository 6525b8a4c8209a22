use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::WallTime;
use crate::providers::voucher::VoucherVault;
use crate::store::{BackupFacts, BackupNote, StoreError, back_up, restore};

/// A back-up that could not be made or taken, and why, in a sentence's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BackupError(String);

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self(match error {
            // Of a file that has no name for whoever sent it.
            StoreError::Version { problem, .. } => problem,
            other @ (StoreError::InUse { .. }
            | StoreError::File { .. }
            | StoreError::Open { .. }
            | StoreError::Damaged { .. }
            | StoreError::Unsalvaged { .. }
            | StoreError::NoRoom { .. }
            | StoreError::Row { .. }
            | StoreError::Database(_)) => other.to_string(),
        })
    }
}

/// The vouchers' key lies beside the database, so that a copy of the database alone gives no code away.
pub fn key_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// Where a back-up is made that is sent away: always the same place, so that what a killed process leaves is found.
pub fn backup_part(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".backup");
    path.into()
}

/// Removes what is at [`backup_part`]: it has all keys in it.
pub fn clear_backup_part(database: &Path) {
    let part = backup_part(database);
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut path = part.clone().into_os_string();
        path.push(suffix);
        // Mostly there is none.
        let _ = fs::remove_file(path);
    }
}

/// Writes a back-up of a database and what belongs to it, also while it is in use. The file is its owner's only.
pub async fn write_backup(
    database: &Path,
    to: &Path,
    settings: String,
    gateway: &str,
    now: WallTime,
) -> Result<(), BackupError> {
    let key = key_path(database);
    let key = fs::read_to_string(&key).map_err(|error| BackupError(format!("{}: {error}", key.display())))?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let note = BackupNote { made_at: now, version, gateway: gateway.to_owned(), key, settings };
    let made = back_up(database, to, &note).await;
    if made.is_err() {
        // Half of it is of no use.
        let _ = fs::remove_file(to);
    }
    Ok(made?)
}

/// Checks what was put at [`restore::upload_path`] and makes it ready; nothing else is touched.
pub async fn stage_backup(database: &Path) -> Result<BackupFacts, BackupError> {
    let (facts, store) = restore::stage(database).await?;
    let sample = store.any_voucher().await;
    let closed = store.close().await;
    let fits = async {
        closed?;
        let sample = sample?;
        VoucherVault::open(&restore::staged_key_path(database), sample.as_ref())
            .map_err(|_| BackupError("its key does not fit its vouchers".to_owned()))?;
        Ok(facts)
    };
    fits.await.inspect_err(|_| restore::discard(database))
}
