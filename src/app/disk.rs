//! A disk that does not take what is to be stored, for as long as it lasts: it is said in the log, on every status and in the metrics,
//! and tried again, so that it is said as well that it is over. What cannot be stored is refused meanwhile, and the kernel
//! enforces what was.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info};

use crate::runtime::Handle;
use crate::store::Store;

/// How often it is asked whether a statement was refused, and then whether one would be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Keeps an eye on it; never ends.
pub(super) async fn watch(store: Store, handle: Handle) {
    loop {
        sleep(LOOK_EVERY).await;
        if !Store::met_trouble() {
            continue;
        }
        let mut known = None;
        while let Err(trouble) = store.try_disk().await {
            if known != Some(trouble) {
                known = Some(trouble);
                let text = format!(
                    "nothing can be stored: {trouble}. Nothing is sold and nobody new comes in; whoever is online stays online, and \
                     what they use is charged as soon as it can be stored"
                );
                error!("{text}");
                handle.warn("disk", Some(text));
                store.measures().set_writable(false);
            }
            sleep(LOOK_EVERY).await;
        }
        // Of what was met until now the trial has shown that it is over.
        Store::met_trouble();
        if known.is_some() {
            info!("the disk takes what is to be stored again");
            handle.warn("disk", None);
            handle.warn("store", None);
            store.measures().set_writable(true);
        }
    }
}
