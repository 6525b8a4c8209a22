use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::domain::SessionEvent;
use crate::store::LoggedSessionEvent;

/// How many groups of events a listener may lag behind before it has to read from the store.
const GROUPS: usize = 1024;

/// The events of one group, in the order of their numbers.
pub type ToldGroup = Arc<[LoggedSessionEvent]>;

/// Tells listeners of sessions. Never waits for any of them.
pub(super) struct Listeners {
    groups: broadcast::Sender<ToldGroup>,
    /// The number of the last event that was told. Changed in the owner's task only, between two looks at its state.
    last: Mutex<i64>,
}

impl Listeners {
    pub(super) fn new(last: i64) -> Self {
        Self { groups: broadcast::channel(GROUPS).0, last: Mutex::new(last) }
    }

    /// Tells the events of a group.
    pub(super) fn tell(&self, told: Vec<(i64, SessionEvent)>) {
        let Some((newest, _)) = told.last() else { return };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = *newest;
        let group: ToldGroup = told.into_iter().map(|(id, event)| LoggedSessionEvent { id, event }).collect();
        // Nobody may be listening.
        let _ = self.groups.send(group);
    }

    /// The number of the last event.
    pub(super) fn last(&self) -> i64 {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<ToldGroup> {
        self.groups.subscribe()
    }
}
