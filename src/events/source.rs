use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::domain::{DeviceId, Listener, Refusal, SessionId};
use crate::runtime::{Handle, Snapshot};
use crate::store::Store;

/// Listeners that come together share one look at the sessions.
const FRESH: Duration = Duration::from_millis(200);
/// How many sessions or events are written or judged before others have their turn.
pub(super) const SLICE: usize = 32;

/// The last look, and when that was.
type Seen = (Instant, Arc<Snapshot>);

/// Where events and sessions come from. Long work is done in slices, one at a time in the whole process, so that
/// listeners never take more than a part of one processor from whoever connects.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) handle: Handle,
    pub(super) store: Store,
    turn: Arc<Semaphore>,
    seen: Arc<Mutex<Option<Seen>>>,
}

impl Source {
    pub(super) fn new(handle: Handle, store: Store) -> Self {
        Self { handle, store, turn: Arc::new(Semaphore::new(1)), seen: Arc::default() }
    }

    /// Waits for the turn to do a slice.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.turn.acquire().await.ok();
        // Whoever else is ready goes first.
        tokio::task::yield_now().await;
        turn
    }

    /// The sessions that are not over. With `exact` time used is that of now, else of a moment ago.
    pub(super) async fn snapshot(&self, exact: bool) -> Result<Arc<Snapshot>, Refusal> {
        let mut seen = self.seen.lock().await;
        if let Some((at, snapshot)) = &*seen
            && !exact
            && at.elapsed() < FRESH
            && snapshot.last_told == self.handle.last_told()
        {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = Arc::new(self.handle.snapshot().await?);
        *seen = Some((Instant::now(), Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    /// Forgets the last look: it holds every session.
    pub(super) async fn forget(&self) {
        *self.seen.lock().await = None;
    }

    /// Which sessions of a snapshot a listener listens to.
    pub(super) async fn matching(
        &self,
        snapshot: &Snapshot,
        listener: &Listener,
    ) -> HashMap<SessionId, (DeviceId, usize)> {
        let mut found = HashMap::new();
        for start in (0..snapshot.sessions.len()).step_by(SLICE) {
            let _turn = self.turn().await;
            let views = (start..).zip(snapshot.views_from(start)).take(SLICE);
            let matching = views.filter(|(_, (_, _, view))| listener.matches(view));
            found.extend(matching.map(|(place, (session, device, _))| (session.id, (device.id, place))));
        }
        found
    }
}
