//! What happens to sessions, told to a plugin as fast as it reads. What it does not take in time waits in the store, not in
//! memory, and nobody else waits for it.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::link::Link;
use super::shapes::time;
use crate::domain::{Listener, Told};
use crate::runtime::{Handle, ToldGroup};
use crate::store::{LoggedSessionEvent, Store};

/// Events read from the store at a time.
const PAGE: u32 = 32;

/// One subscription.
pub(super) struct Feed {
    pub(super) handle: Handle,
    pub(super) store: Store,
    pub(super) link: Arc<Link>,
    pub(super) listener: Listener,
    pub(super) number: u64,
}

/// The plugin is gone, or the daemon stops.
struct Over;

/// Tells until the connection ends.
pub(super) async fn run(feed: Feed, told: broadcast::Receiver<ToldGroup>, since: Option<i64>) {
    // Only ends early when nobody is there to be told.
    let _ = feed.tell_all(told, since).await;
}

impl Feed {
    async fn tell_all(
        &self,
        mut told: broadcast::Receiver<ToldGroup>,
        since: Option<i64>,
    ) -> Result<(), Over> {
        let mut last = match since {
            None => self.snapshot().await?,
            Some(since) => self.catch_up(since).await?,
        };
        self.say("ready", json!({ "id": last })).await?;
        loop {
            match told.recv().await {
                Ok(group) => {
                    let first = group.first().map_or(0, |event| event.id);
                    if first > last + 1 {
                        last = self.catch_up(last).await?;
                    }
                    for event in group.iter().filter(|event| event.id > last) {
                        self.hear(event).await?;
                    }
                    last = last.max(group.last().map_or(0, |event| event.id));
                }
                Err(RecvError::Lagged(_)) => last = self.catch_up(last).await?,
                Err(RecvError::Closed) => return Err(Over),
            }
        }
    }

    /// An `open` for each session that there is.
    async fn snapshot(&self) -> Result<i64, Over> {
        let snapshot = self.handle.snapshot().await.map_err(|_| Over)?;
        let at = self.handle.now().wall;
        for (session, device, view) in snapshot.views() {
            if self.listener.matches(&view) {
                let properties = view.map(self.listener.chosen());
                let told = self.listener.open(session.id, device.id, at, &properties);
                self.event(snapshot.last_told, &told).await?;
            }
        }
        Ok(snapshot.last_told)
    }

    /// What the store holds after an event. If that is gone, says so and begins anew.
    async fn catch_up(&self, mut last: i64) -> Result<i64, Over> {
        loop {
            let newest = match self.store.session_event_range().await {
                Ok(range) => range.map_or(0, |(_, newest)| newest),
                Err(_) => return Err(Over),
            };
            let events = self.store.session_events(last, PAGE).await.map_err(|_| Over)?;
            let gap = events.first().is_some_and(|first| first.id != last.saturating_add(1));
            if gap || last > newest {
                self.say("resync", json!({ "id": last })).await?;
                return self.snapshot().await;
            }
            let Some(newest) = events.last().map(|event| event.id) else { return Ok(last) };
            for event in &events {
                self.hear(event).await?;
            }
            last = newest;
        }
    }

    async fn hear(&self, event: &LoggedSessionEvent) -> Result<(), Over> {
        match self.listener.hear(&event.event) {
            Some(told) => self.event(event.id, &told).await,
            None => Ok(()),
        }
    }

    async fn event(&self, id: i64, told: &Told<'_>) -> Result<(), Over> {
        let shape = json!({
            "id": id,
            "session": told.session.to_string(),
            "device": told.device.to_string(),
            "at": time(told.at),
            "reason": told.reason,
            "properties": told.properties,
            "previous": told.previous,
        });
        self.say(told.kind.as_str(), shape).await
    }

    async fn say(&self, kind: &str, mut shape: serde_json::Value) -> Result<(), Over> {
        if let Some(shape) = shape.as_object_mut() {
            shape.insert("type".to_owned(), kind.into());
            shape.insert("subscription".to_owned(), self.number.into());
        }
        if self.link.tell("event", &shape).await { Ok(()) } else { Err(Over) }
    }
}
