use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::yield_now;

use super::{Shared, message};
use crate::domain::{Hook, HookId, Listener};
use crate::store::{HookHeard, KeptHook, LoggedSessionEvent, NewDelivery, StoreError};

/// How many events are read at a time.
const PAGE: u32 = 128;
/// What was heard in vain is noted so seldom: less than a twentieth of the events that are kept.
const NOTE_EVERY: i64 = 200;

/// Where each hook has heard to.
pub(super) struct Hearing {
    shared: Arc<Shared>,
    hooks: Vec<Ear>,
}

struct Ear {
    shared: Arc<Shared>,
    hook: Hook,
    listener: Listener,
    /// As the store has it.
    noted: i64,
    /// The last event that was looked at.
    position: i64,
}

impl Hearing {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, hooks: Vec::new() }
    }

    /// Takes the hooks as they are now.
    pub(super) fn take(&mut self, hooks: &[KeptHook]) {
        let heard: HashMap<HookId, i64> = self.hooks.iter().map(|ear| (ear.hook.id, ear.position)).collect();
        self.hooks = hooks
            .iter()
            .map(|kept| Ear {
                shared: Arc::clone(&self.shared),
                listener: kept.hook.listener(),
                hook: kept.hook.clone(),
                noted: kept.cursor,
                position: heard.get(&kept.hook.id).copied().unwrap_or(0).max(kept.cursor),
            })
            .collect();
    }

    /// Hears the next events. Who is to be told something now; `None` if there was nothing more to hear.
    pub(super) async fn step(&mut self) -> Result<Option<Vec<HookId>>, StoreError> {
        let enabled = self.hooks.iter().filter(|ear| ear.hook.enabled);
        let Some(after) = enabled.map(|ear| ear.position).min() else { return Ok(None) };
        let events = self.shared.store.session_events(after, PAGE).await?;
        let mut told = Vec::new();
        for ear in &mut self.hooks {
            if ear.hook.enabled && ear.hear(&events).await? {
                told.push(ear.hook.id);
            }
            // Many hooks and many events: others have their turn.
            yield_now().await;
        }
        Ok((!events.is_empty()).then_some(told))
    }

    /// Has those hooks begin anew that stand behind the newest event: the log is another one, as after a copy was restored.
    pub(super) async fn check(&mut self) -> Result<(), StoreError> {
        let newest = self.shared.store.session_event_range().await?.map_or(0, |(_, newest)| newest);
        for ear in &mut self.hooks {
            if ear.position > newest {
                let reason = "the log of events is another one";
                let resync = ear.resync(newest, reason);
                ear.queue(newest, vec![resync]).await?;
            }
        }
        Ok(())
    }
}

impl Ear {
    /// Hears those of the events that it has not heard; whether there is something to tell.
    async fn hear(&mut self, events: &[LoggedSessionEvent]) -> Result<bool, StoreError> {
        let Some((last, deliveries)) = self.listen(events) else { return Ok(false) };
        if deliveries.is_empty() && last - self.noted < NOTE_EVERY {
            self.position = last;
            return Ok(false);
        }
        self.queue(last, deliveries).await
    }

    /// The last of the events and what is to be told of them; `None` if it has heard them all.
    fn listen(&self, events: &[LoggedSessionEvent]) -> Option<(i64, Vec<NewDelivery>)> {
        let heard = events.iter().take_while(|logged| logged.id <= self.position).count();
        let news = events.get(heard..)?;
        let (first, last) = (news.first()?.id, news.last()?.id);
        let mut deliveries = Vec::new();
        if first > self.position + 1 {
            deliveries.push(self.resync(first - 1, "the events up to this one are no longer kept"));
        }
        for logged in news {
            if let Some(told) = self.hook.hear(&self.listener, &logged.event) {
                let (event, body) = message::told(logged.id, self.hook.id, told, &self.shared.gateway);
                deliveries.push(NewDelivery { event, body });
            }
        }
        Some((last, deliveries))
    }

    fn resync(&self, last: i64, reason: &str) -> NewDelivery {
        let at = self.shared.handle.now().wall;
        let (event, body) = message::resync(last, self.hook.id, reason, &self.shared.gateway, at);
        NewDelivery { event, body }
    }

    /// Has what it is to be told wait; whether that is anything.
    async fn queue(&mut self, to: i64, deliveries: Vec<NewDelivery>) -> Result<bool, StoreError> {
        let boot_id = self.shared.boot_id()?;
        let is_news = !deliveries.is_empty();
        let heard = HookHeard { hook: self.hook.id, from: self.position, to, deliveries };
        let queued = self.shared.store.queue_for_hook(&heard, &boot_id, self.shared.handle.now()).await?;
        (self.position, self.noted) = (to, to);
        if let Some(dropped @ 1..) = queued {
            tracing::warn!(hook = %self.hook.name, dropped, "too many events wait for a hook: the oldest are given up");
        }
        Ok(is_news && queued.is_some())
    }
}
