use std::path::{Path, PathBuf};

use super::BackupError;
use crate::domain::WallTime;
use crate::store::{Salvage, SalvageFor, Store, StoreError, begin_empty, salvage};

/// Looks at all of a database that no daemon has, and salvages it if it is damaged; `None` if it is whole.
pub async fn look_and_salvage(
    database: &Path,
    now: WallTime,
    purpose: SalvageFor,
) -> Result<Option<Salvage>, BackupError> {
    let problem = match Store::open(database).await {
        Ok(store) => {
            let found = store.look_for_damage().await;
            store.close().await?;
            match found? {
                Some(problem) => problem,
                None => return Ok(None),
            }
        }
        Err(StoreError::Damaged { problem, .. }) => problem,
        Err(error) => return Err(error.into()),
    };
    Ok(Some(salvage(database, &problem, now, purpose).await?))
}

/// Sets a database aside that no daemon has, and makes an empty one. Where the old one is now.
pub async fn begin_anew(database: &Path, now: WallTime) -> Result<PathBuf, BackupError> {
    Ok(begin_empty(database, now).await?)
}
