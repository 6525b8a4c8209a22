use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use super::shared::Shared;
use crate::domain::BoxFuture;
use crate::providers::{Delivery, Outbox, OutboxError, OwedUsage};
use crate::store::Store;

/// Sources that did not answer, or wait for their turn, are looked at again after so long.
const RETRY: Duration = Duration::from_secs(2);
/// With nothing waiting, the queue is looked at all the same.
const IDLE: Duration = Duration::from_secs(60);

/// The store's queue as the providers see it.
struct Queue(Store);

impl Outbox for Queue {
    fn pending(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Vec<OwedUsage>, OutboxError>> {
        Box::pin(async move {
            let pending =
                self.0.outbox_pending(after, limit).await.map_err(|error| OutboxError(error.to_string()))?;
            let owed = |row: crate::store::PendingUsage| OwedUsage {
                row: row.row,
                provider: row.provider,
                usage: row.usage,
            };
            Ok(pending.into_iter().map(owed).collect())
        })
    }

    fn done(&self, rows: Vec<i64>) -> BoxFuture<'_, Result<(), OutboxError>> {
        Box::pin(
            async move { self.0.outbox_done(&rows).await.map_err(|error| OutboxError(error.to_string())) },
        )
    }
}

/// Saves usage to sources that live elsewhere: at least once, in order per session, across crashes.
pub(super) async fn run(shared: Arc<Shared>) {
    let queue = Queue(shared.store.clone());
    let mut delivery = Delivery::default();
    loop {
        let wait = match delivery.deliver_step(&queue, &shared.registry, shared.clock.now().boot).await {
            Ok(step) if !step.at_end || step.saved > 0 => continue,
            Ok(step) if step.failed + step.waiting > 0 => RETRY,
            Ok(_) => IDLE,
            Err(error) => {
                error!(%error, "usage could not be saved to where it came from; trying again");
                shared.store.measures().errors.count("outbox");
                RETRY
            }
        };
        tokio::select! {
            () = shared.outbox.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
