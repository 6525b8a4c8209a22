use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::{GIVE_UP_MS, Shared, Tried, message};
use crate::clock::Stopwatch;
use crate::domain::{Hook, HookSecret};
use crate::http::Line;
use crate::store::{Delivery, StoreError};

/// How many events are sent before those that were taken are taken out, in one transaction …
const BATCH: u32 = 32;
/// … or sooner, if sending them takes longer than this.
const BATCH_SECS: f64 = 1.0;
/// The wait after the first try in vain; it doubles with each further one …
const FIRST_WAIT_MS: u64 = 1_000;
/// … up to five minutes.
const LONGEST_WAIT_MS: u64 = 300_000;
/// With nothing to send, a connection is kept for so long, and the queue looked at all the same.
const IDLE: Duration = Duration::from_secs(60);
/// After the store refused.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// A hook as its courier needs it.
#[derive(Debug, PartialEq)]
pub(super) struct Order {
    pub(super) hook: Hook,
    pub(super) secret: HookSecret,
}

/// Brings one hook's events to its receiver: one after the other, oldest first, until nobody gives orders any more.
pub(super) struct Courier {
    pub(super) shared: Arc<Shared>,
    pub(super) orders: watch::Receiver<Arc<Order>>,
    /// Something new may wait.
    pub(super) wake: Arc<Notify>,
}

/// What became of a batch.
struct Round {
    /// The rows that the receiver took.
    taken: Vec<i64>,
    /// What went wrong with the one behind them.
    failure: Option<crate::domain::Text>,
}

/// Nobody gives orders any more.
struct Stopped;

impl Courier {
    pub(super) async fn run(mut self) {
        let order = Arc::clone(&self.orders.borrow_and_update());
        let mut line = self.shared.client.line(order.hook.url.clone());
        let (mut order, mut failures) = (order, 0_u32);
        // Taken, but not taken out yet.
        let mut taken = Vec::new();
        loop {
            if self.orders.has_changed().unwrap_or(false) {
                order = Arc::clone(&self.orders.borrow_and_update());
                if *line.url() != order.hook.url {
                    line = self.shared.client.line(order.hook.url.clone());
                }
                // The receiver may be another one: it is tried at once.
                failures = 0;
            }
            let waited = match self.step(&order, &mut line, &mut taken, &mut failures).await {
                Ok(None) if self.orders.has_changed().is_ok() => continue,
                // What was taken is noted; the rest can wait for the next start.
                Ok(None) => return,
                Ok(Some(wait)) => self.wait(wait, failures == 0, &mut line).await,
                Err(error) => {
                    tracing::error!(%error, hook = %order.hook.name, "a hook's events cannot be sent; trying again");
                    self.shared.store.measures().errors.count("hooks");
                    self.wait(STORE_WAIT, false, &mut line).await
                }
            };
            if waited.is_err() {
                return;
            }
        }
    }

    /// Sends the next few; how long to wait then, if at all.
    async fn step(
        &self,
        order: &Order,
        line: &mut Line,
        taken: &mut Vec<i64>,
        failures: &mut u32,
    ) -> Result<Option<Duration>, StoreError> {
        let (shared, hook) = (&self.shared, &order.hook);
        // What could not be taken out is not sent again before that.
        shared.store.hook_delivered(hook.id, taken, shared.handle.now().wall).await?;
        taken.clear();
        if !hook.enabled {
            return Ok(Some(IDLE));
        }
        let waiting = shared.store.hook_waiting(hook.id, BATCH).await?;
        if waiting.is_empty() {
            return Ok(Some(IDLE));
        }
        let round = self.send_all(order, line, waiting).await;
        if !round.taken.is_empty() {
            *failures = 0;
        }
        *taken = round.taken;
        shared.store.hook_delivered(hook.id, taken, shared.handle.now().wall).await?;
        taken.clear();
        let Some(error) = round.failure else {
            shared.tries(hook.id, None);
            return Ok(None);
        };
        *failures = failures.saturating_add(1);
        if *failures == 1 {
            tracing::warn!(hook = %hook.name, %error, "a hook's receiver did not take an event; trying again");
        }
        let (boot_id, now) = (shared.boot_id()?, shared.handle.now());
        let dropped = shared.store.hook_failed(hook.id, &error, GIVE_UP_MS, &boot_id, now).await?;
        if dropped > 0 {
            tracing::warn!(hook = %hook.name, dropped, "a hook's receiver took nothing for a day: its oldest events are given up");
        }
        let wait = back_off(*failures);
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        shared.tries(hook.id, Some(now.wall.plus_millis(millis)));
        Ok(Some(wait))
    }

    async fn send_all(&self, order: &Order, line: &mut Line, waiting: Vec<Delivery>) -> Round {
        let mut round = Round { taken: Vec::new(), failure: None };
        let watch = Stopwatch::start();
        for Delivery { row, event, body } in waiting {
            let tried = send(line, &order.hook, &order.secret, &event, body, &self.shared).await;
            round.failure = tried.failure();
            if round.failure.is_some() {
                break;
            }
            round.taken.push(row);
            // Changed, or to stop: first what was taken is noted.
            if watch.secs() > BATCH_SECS || self.orders.has_changed().unwrap_or(true) {
                break;
            }
        }
        round
    }

    /// Waits for so long, for other orders, or, if it may be woken, for something new.
    async fn wait(&mut self, time: Duration, may_wake: bool, line: &mut Line) -> Result<(), Stopped> {
        tokio::select! {
            changed = self.orders.changed() => {
                changed.map_err(|_| Stopped)?;
                // It is looked at where it was left.
                self.orders.mark_changed();
            }
            () = self.wake.notified(), if may_wake => {}
            () = sleep(time) => line.close(),
        }
        Ok(())
    }
}

/// Sends one event and waits for what comes back.
pub(super) async fn send(
    line: &mut Line,
    hook: &Hook,
    secret: &HookSecret,
    event: &str,
    body: String,
    shared: &Shared,
) -> Tried {
    let request = message::request(hook.id, secret, event, Bytes::from(body), shared.handle.now().wall);
    let watch = Stopwatch::start();
    let answer = line.send(&request, shared.within).await;
    Tried { answer, secs: watch.secs() }
}

/// Between half of the whole wait and all of it, so that those that failed together do not come back together.
fn back_off(failures: u32) -> Duration {
    let doubled = FIRST_WAIT_MS.checked_shl(failures.saturating_sub(1)).unwrap_or(LONGEST_WAIT_MS);
    let half = doubled.clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS) / 2;
    // Without randomness all the same: later.
    let random = getrandom::u32().map_or(half, |random| u64::from(random) % (half + 1));
    Duration::from_millis(half + random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        for (failures, most) in
            [(1, 1_000), (2, 2_000), (4, 8_000), (9, 256_000), (10, 300_000), (90, 300_000)]
        {
            let wait = back_off(failures).as_millis();
            assert!((most / 2..=most).contains(&wait), "{failures}: {wait}");
        }
    }
}
