//! Damage to the database that is met while the daemon runs: it ends, and its next start salvages what can be read. The rules
//! stand meanwhile.

use std::time::Duration;

use tracing::{error, warn};

use crate::runtime::Handle;
use crate::store::Store;

/// How often it is asked whether a statement has met any.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Resolves when a statement has met damage, and a look at the whole file has found it as well.
pub(super) async fn met(store: &Store) -> anyhow::Error {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if !Store::met_damage() {
            continue;
        }
        match store.look_for_damage().await {
            Ok(Some(problem)) => {
                have_it_looked_at(store);
                return anyhow::anyhow!(
                    "the database is damaged: {problem}; the next start goes on with what can be read of it"
                );
            }
            Ok(None) => warn!("the database seemed to be damaged, and a look at all of it found nothing"),
            Err(error) => warn!(%error, "the database seems to be damaged, and cannot be looked at"),
        }
    }
}

/// Has the next start look at all of the database.
pub(super) fn have_it_looked_at(store: &Store) {
    if let Err(error) = store.mark_for_check() {
        error!(%error, "the next start may not notice that the database is damaged");
    }
}

/// Says on every status that something was salvaged, until somebody has removed the report.
pub(super) fn warn_of_salvage(store: &Store, handle: &Handle) {
    match store.salvage_report() {
        Ok(Some((report, text))) => {
            let text = format!("{text}. Remove {} when you have read it", report.display());
            handle.warn("salvage", Some(text));
        }
        Ok(None) => {}
        Err(error) => warn!(%error, "whether the database was salvaged is not known"),
    }
}
