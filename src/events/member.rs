use std::sync::Arc;

use axum::body::Bytes;
use tokio::time::Instant;

use super::outlet::{Outlet, Put};
use super::text;
use crate::domain::{BootTime, Listener, Matching};
use crate::store::LoggedSessionEvent;

/// Somebody who listens.
pub(super) struct Member {
    pub(super) listener: Arc<Listener>,
    /// The same text for all that are told the same.
    pub(super) key: Arc<str>,
    pub(super) outlet: Arc<Outlet>,
    /// The last event that was looked at for it.
    pub(super) last: i64,
    /// The last one that it was told the number of.
    pub(super) said: i64,
    /// What is open for it, if its filter looks at what flows.
    pub(super) matching: Option<Matching>,
    /// As of when it was told all sessions that there were.
    pub(super) seen_at: BootTime,
    /// When it was last told anything.
    pub(super) told_at: Instant,
}

impl Member {
    pub(super) fn new(listener: Listener, outlet: Arc<Outlet>) -> Self {
        Self {
            key: listener.key().into(),
            listener: Arc::new(listener),
            outlet,
            last: 0,
            said: 0,
            matching: None,
            seen_at: BootTime(0),
            told_at: Instant::now(),
        }
    }

    /// What it hears of events that it has not been told, written out; nothing is sent yet.
    pub(super) fn text_of(&mut self, events: &[LoggedSessionEvent]) -> String {
        let mut text = String::new();
        for logged in events.iter().filter(|logged| logged.id > self.last) {
            let told = match &mut self.matching {
                Some(matching) => matching.hear(&self.listener, &logged.event),
                None => self.listener.hear(&logged.event),
            };
            if let Some(told) = told {
                text::event(&mut text, logged.id, &told);
            }
        }
        if let Some(newest) = events.last() {
            self.last = self.last.max(newest.id);
        }
        text
    }

    /// Sends a text that ends with its newest event.
    pub(super) fn put(&mut self, text: Bytes) -> Put {
        let put = self.outlet.put(text);
        self.note(put)
    }

    /// The same, room or not.
    pub(super) fn put_anyway(&mut self, text: Bytes) -> Put {
        let put = self.outlet.put_anyway(text);
        self.note(put)
    }

    fn note(&mut self, put: Put) -> Put {
        if put == Put::Taken {
            self.told_at = Instant::now();
            self.said = self.last;
        }
        put
    }

    /// Lets it go, since it does not take what it is told.
    pub(super) fn drop_slow(&self) {
        if !self.outlet.is_over() {
            tracing::info!(listener = %self.key, "a listener does not read and is dropped");
        }
        self.outlet
            .end(text::dropped("too slow: its events were not taken; come back with the last id"), true);
    }
}

impl Drop for Member {
    /// Whoever is told nothing more gets to know it, whatever the cause.
    fn drop(&mut self) {
        if !self.outlet.is_over() {
            self.outlet.end(text::dropped("turnpike ends this; come back with the last id"), false);
        }
    }
}
