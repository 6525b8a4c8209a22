use std::path::Path;

use super::BackupError;
use crate::domain::WallTime;
use crate::store::{Salvage, SalvageFor, Store, StoreError, salvage};

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
