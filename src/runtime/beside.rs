use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::retiring;
use super::shared::Shared;
use crate::store::{KEPT_ONCE, KEPT_SESSION_EVENTS, StoreError};

/// With nothing to prune, the logs are looked at again after so long.
const PRUNED: Duration = Duration::from_secs(600);
/// How many events for listeners, and how many messages, one step deletes.
const STEP: i64 = 500;
/// So many steps give room back before it is looked for what to prune again: ten minutes of them.
const STEPS: u32 = 2400;
/// Between two steps others have their turn with the store.
const NEXT_STEP: Duration = Duration::from_millis(250);
/// Who had what in a period is known for so long: two months, the longest period and as much again.
const KEPT_GRANTS_MS: i64 = 62 * 86_400_000;
/// Work that broke off begins anew after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps the logs of events and changes, the keys of requests, and what is over from growing for ever.
pub(super) async fn prune(shared: Arc<Shared>) {
    loop {
        let wait = match prune_step(&shared).await {
            Ok(0) => {
                if let Err(error) = give_back(&shared).await {
                    warn!(%error, "free room of the database could not be given back; trying again");
                    shared.store.measures().errors.count("prune");
                }
                PRUNED
            }
            Ok(_) => NEXT_STEP,
            Err(error) => {
                warn!(%error, "what is old could not be pruned; trying again");
                shared.store.measures().errors.count("prune");
                PRUNED
            }
        };
        tokio::time::sleep(wait).await;
    }
}

pub(super) async fn prune_step(shared: &Arc<Shared>) -> Result<u64, StoreError> {
    let mut lines = shared.store.prune_step().await?;
    lines += shared.store.prune_session_events(KEPT_SESSION_EVENTS, STEP).await?;
    lines += shared.store.prune_messages(shared.clock.now().wall, STEP).await?;
    lines += shared.store.prune_audit(shared.audit_keep_days).await?;
    lines += shared.store.prune_voucher_uses(shared.audit_keep_days).await?;
    if shared.clock.is_believed() {
        let over = shared.clock.believable().plus_millis(-KEPT_GRANTS_MS);
        lines += shared.store.prune_grants(over, STEP).await?;
    }
    match shared.clock.boot_id() {
        Ok(boot) => lines += shared.store.prune_once(&boot, shared.clock.now().boot, KEPT_ONCE).await?,
        Err(error) => warn!(%error, "the boot id cannot be read: no key of a request is forgotten"),
    }
    // Last: a row that cannot be read holds nothing else up.
    Ok(lines + retiring::step(shared).await?)
}

/// Gives room back that is not used any more: a few pages at a time, and none while somebody writes.
async fn give_back(shared: &Shared) -> Result<(), StoreError> {
    if !shared.store.pages().await?.are_worth_it() {
        return Ok(());
    }
    let before = shared.store.size()?.file_bytes;
    for _ in 0..STEPS {
        if shared.store.pages().await?.are_enough() {
            break;
        }
        if shared.store.is_idle() && !shared.store.give_back_step().await? {
            break;
        }
        tokio::time::sleep(NEXT_STEP).await;
    }
    // Until then it is only said in the log.
    shared.store.shorten().await?;
    let after = shared.store.size()?.file_bytes;
    info!(before_kb = before / 1024, after_kb = after / 1024, "room of the database was given back");
    Ok(())
}

/// Keeps work of no end going beside the owner's task: should it break off, it is said and begun anew.
pub(super) async fn keep<Work>(name: &'static str, begin: impl Fn() -> Work + Send)
where
    Work: Future<Output = ()> + Send + 'static,
{
    loop {
        // A set of one, so that it ends with whoever waits here.
        let mut work = JoinSet::new();
        work.spawn(begin());
        if let Some(Err(error)) = work.join_next().await {
            error!(%error, "{name} broke off; it begins anew");
        }
        tokio::time::sleep(AGAIN).await;
    }
}
