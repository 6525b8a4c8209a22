use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::{ClientSession, DeviceId, Refusal};
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
    pub(super) async fn look(&self, handle: &Handle, device: DeviceId, look: Look) -> Option<ClientSession> {
        let patience = match look {
            Look::Lately => match self.said(device, FRESH) {
                Some(said) => return said,
                None if self.said(device, KEPT).is_some() => LIVE_PATIENCE,
                None => PATIENCE,
            },
            Look::Anew => PATIENCE,
        };
        let Some(mut answered) = self.ask(handle, device) else {
            return tokio::time::timeout(patience, ask(handle, device)).await.ok().flatten();
        };
        // It is closed with the answer, and never says anything.
        let _ = tokio::time::timeout(patience, answered.changed()).await;
        self.said(device, KEPT).flatten()
    }

    /// The device holds something now: what it was offered before is no longer true.
    pub(super) fn forget(&self, device: DeviceId) {
        self.entries().remove(&device);
    }

    /// Has the providers asked, unless they are being asked; what closes with the answer. `None`: too many are kept.
    fn ask(&self, handle: &Handle, device: DeviceId) -> Option<watch::Receiver<()>> {
        let mut entries = self.entries();
        if !entries.contains_key(&device) && entries.len() >= MOST_KEPT {
            entries.retain(|_, entry| entry.is_asking() || entry.within(KEPT).is_some());
            if entries.len() >= MOST_KEPT {
                return None;
            }
        }
        let entry = entries.entry(device).or_default();
        if let Some(asking) = entry.asking.clone().filter(|_| entry.is_asking()) {
            return Some(asking);
        }
        let (answered, asking) = watch::channel(());
        entry.asking = Some(asking.clone());
        let (offered, handle) = (self.clone(), handle.clone());
        tokio::spawn(async move {
            let said = ask(&handle, device).await;
            // Not if it was forgotten meanwhile.
            if let Some(entry) = offered.entries().get_mut(&device) {
                entry.said = Some((Instant::now(), said));
            }
            drop(answered);
        });
        Some(asking)
    }

    /// What was said about a device, if it is no older.
    fn said(&self, device: DeviceId, age: Duration) -> Option<Option<ClientSession>> {
        self.entries().get(&device).and_then(|entry| entry.within(age))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<DeviceId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A provider that fails has nothing.
async fn ask(handle: &Handle, device: DeviceId) -> Option<ClientSession> {
    match handle.get_session(device).await {
        Ok(offered) => offered,
        Err(Refusal::NoSession) => None,
        Err(refusal) => {
            tracing::warn!(%device, %refusal, "what the providers have for a device could not be found out");
            None
        }
    }
}
