use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::{BoxFuture, ClientDevice, ClientSession, DeviceId};
use crate::runtime::Handle;

/// How long a page waits for the providers: without what they have it is still right.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long the live numbers wait, which look every second, if there is an earlier answer.
const LIVE_PATIENCE: Duration = Duration::from_millis(100);
/// How long an answer is good enough for the live numbers.
const FRESH: Duration = Duration::from_secs(10);
/// How long an answer stands in for one that is late.
const KEPT: Duration = Duration::from_secs(60);
/// The answers that are kept in all; beyond, providers are still asked, and what they say is shown once.
const MOST_KEPT: usize = 4_096;

/// What the providers have for devices that hold nothing.
///
/// Each device's are asked once at a time, outside the page: a provider that is slow or hangs delays no page for longer than
/// [`PATIENCE`], is asked to its own deadline all the same, and what it says late is on the next look.
#[derive(Clone, Default)]
pub(super) struct Offered(Arc<Mutex<HashMap<DeviceId, Entry>>>);

/// Which answer will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// A page that is loaded: they are asked.
    Anew,
    /// The live numbers: what they said lately will do.
    Lately,
}

/// A question to the providers.
type Asking = BoxFuture<'static, Option<ClientSession>>;

/// What came of asking them.
enum Asked {
    /// They said so at once.
    Said(Option<Box<ClientSession>>),
    /// They are at it; this closes with the answer.
    Waits(watch::Receiver<()>),
    /// The same, and nobody keeps what they say: too much is kept.
    Unkept(Asking),
}

impl Asked {
    fn said(said: Option<ClientSession>) -> Self {
        Self::Said(said.map(Box::new))
    }
}

#[derive(Default)]
struct Entry {
    /// What was said last, and when.
    said: Option<(Instant, Option<ClientSession>)>,
    /// Closes when the question that is under way is answered.
    asking: Option<watch::Receiver<()>>,
}

impl Entry {
    fn within(&self, age: Duration) -> Option<Option<ClientSession>> {
        self.said.as_ref().filter(|(at, _)| at.elapsed() < age).map(|(_, said)| said.clone())
    }

    fn is_asking(&self) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.has_changed().is_ok())
    }
}

impl Offered {
    /// What the providers have for a device, as far as they say so in time.
    pub(super) async fn look(
        &self,
        handle: &Handle,
        device: &Arc<ClientDevice>,
        look: Look,
    ) -> Option<ClientSession> {
        let patience = match look {
            Look::Lately => match self.said(device.id, FRESH) {
                Some(said) => return said,
                None if self.said(device.id, KEPT).is_some() => LIVE_PATIENCE,
                None => PATIENCE,
            },
            Look::Anew => PATIENCE,
        };
        match self.ask(handle, device) {
            Asked::Said(said) => said.map(|said| *said),
            Asked::Waits(mut answered) => {
                // It is closed with the answer, and never says anything.
                let _ = tokio::time::timeout(patience, answered.changed()).await;
                self.said(device.id, KEPT).flatten()
            }
            Asked::Unkept(asking) => tokio::time::timeout(patience, asking).await.ok().flatten(),
        }
    }

    /// The device holds something now: what it was offered before is no longer true.
    pub(super) fn forget(&self, device: DeviceId) {
        self.entries().remove(&device);
    }

    /// Has the providers asked, unless they are being asked.
    fn ask(&self, handle: &Handle, device: &Arc<ClientDevice>) -> Asked {
        let id = device.id;
        if let Some(asking) = self.under_way(id) {
            return Asked::Waits(asking);
        }
        let (to, about) = (handle.clone(), Arc::clone(device));
        let mut asking: Asking = Box::pin(async move { to.offered(&about).await });
        // Mostly they answer from memory, and nothing is to be waited for.
        let at_once = asking.as_mut().now_or_never();
        let mut entries = self.entries();
        if !entries.contains_key(&id) && entries.len() >= MOST_KEPT {
            entries.retain(|_, entry| entry.is_asking() || entry.within(KEPT).is_some());
            if entries.len() >= MOST_KEPT {
                return at_once.map_or(Asked::Unkept(asking), Asked::said);
            }
        }
        let entry = entries.entry(id).or_default();
        if let Some(said) = at_once {
            entry.said = Some((Instant::now(), said.clone()));
            return Asked::said(said);
        }
        // Somebody else may have begun meanwhile.
        if let Some(waits) = entry.asking.clone().filter(|_| entry.is_asking()) {
            return Asked::Waits(waits);
        }
        let (answered, waits) = watch::channel(());
        entry.asking = Some(waits.clone());
        let offered = self.clone();
        tokio::spawn(async move {
            let said = asking.await;
            // Not if it was forgotten meanwhile.
            if let Some(entry) = offered.entries().get_mut(&id) {
                entry.said = Some((Instant::now(), said));
            }
            drop(answered);
        });
        Asked::Waits(waits)
    }

    /// What closes with the answer, if they are being asked.
    fn under_way(&self, device: DeviceId) -> Option<watch::Receiver<()>> {
        let entries = self.entries();
        let entry = entries.get(&device).filter(|entry| entry.is_asking())?;
        entry.asking.clone()
    }

    /// What was said about a device, if it is no older.
    fn said(&self, device: DeviceId, age: Duration) -> Option<Option<ClientSession>> {
        self.entries().get(&device).and_then(|entry| entry.within(age))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<DeviceId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
