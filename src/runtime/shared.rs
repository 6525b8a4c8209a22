use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, broadcast, mpsc};

use super::identity::Recovery;
use super::lan::Lan;
use super::listeners::Listeners;
use super::locks::Locks;
use super::mail::Mail;
use super::measures::Measures;
use super::notices::{Notices, PortalNotice};
use super::retiring::{Keeping, Retiring};
use super::samples::Samples;
use super::whereabouts::{GROUPS, Moves};
use crate::clock::Clock;
use crate::domain::{DeviceId, Now, ProviderName, SetupCode, Waiting};
use crate::providers::Registry;
use crate::providers::account::Hasher;
use crate::providers::voucher::{TryLimiter, VoucherVault};
use crate::store::{LoggedEvent, Store};

/// What the owner's task and its callers both look at.
pub(super) struct Shared {
    pub(super) mailbox: mpsc::Sender<Mail>,
    pub(super) notices: Notices,
    pub(super) events: broadcast::Sender<Arc<LoggedEvent>>,
    pub(super) listeners: Listeners,
    /// Who comes, goes and changes addresses.
    pub(super) moves: broadcast::Sender<Arc<Moves>>,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    pub(super) vault: Arc<VoucherVault>,
    pub(super) lan: Arc<dyn Lan>,
    pub(super) kernel: Arc<dyn super::kernel::Kernel>,
    pub(super) limiter: Mutex<TryLimiter>,
    pub(super) recovery: Mutex<Recovery>,
    /// For the passwords that operators give: guests' wait for their turn elsewhere.
    pub(super) hasher: Hasher,
    /// What the first admin account is made with.
    pub(super) setup: Mutex<Option<SetupCode>>,
    pub(super) locks: Mutex<Locks>,
    /// What pages show while a provider waits for something outside them.
    pub(super) waiting: Mutex<HashMap<DeviceId, (ProviderName, Waiting)>>,
    /// Wakes the worker that saves usage to sources elsewhere.
    pub(super) outbox: Notify,
    pub(super) repairs: AtomicUsize,
    pub(super) measures: Arc<Measures>,
    /// What happened lately.
    pub(super) samples: Samples,
    pub(super) audit_keep_days: u32,
    pub(super) keeping: Keeping,
    /// How far the pruning of what is over has come.
    pub(super) retiring: tokio::sync::Mutex<Retiring>,
    pub(super) started: Now,
    /// What fails at present, by area.
    failures: Mutex<BTreeMap<&'static str, String>>,
}

/// What a [`Handle`] is made of.
pub(super) struct Parts {
    pub(super) mailbox: mpsc::Sender<Mail>,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    pub(super) vault: Arc<VoucherVault>,
    pub(super) lan: Arc<dyn Lan>,
    pub(super) kernel: Arc<dyn super::kernel::Kernel>,
    pub(super) last_told: i64,
    pub(super) measures: Arc<Measures>,
    pub(super) audit_keep_days: u32,
    pub(super) keeping: Keeping,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let started = parts.clock.now();
        Arc::new(Self {
            mailbox: parts.mailbox,
            notices: Notices::default(),
            events: broadcast::channel(1024).0,
            listeners: Listeners::new(parts.last_told),
            moves: broadcast::channel(GROUPS).0,
            clock: parts.clock,
            store: parts.store,
            registry: parts.registry,
            vault: parts.vault,
            lan: parts.lan,
            kernel: parts.kernel,
            limiter: Mutex::new(TryLimiter::default()),
            recovery: Mutex::default(),
            hasher: Hasher::default(),
            setup: Mutex::default(),
            locks: Mutex::new(Locks::default()),
            waiting: Mutex::default(),
            outbox: Notify::new(),
            repairs: AtomicUsize::new(0),
            measures: parts.measures,
            samples: Samples::default(),
            audit_keep_days: parts.audit_keep_days,
            keeping: parts.keeping,
            retiring: tokio::sync::Mutex::default(),
            started,
            failures: Mutex::new(BTreeMap::new()),
        })
    }

    /// Notes that something fails, or that it works again.
    pub(super) fn fail(&self, area: &'static str, text: Option<String>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => failures.insert(area, text),
            None => failures.remove(area),
        };
    }

    /// Nobody waits for a device any more that has gone, or is another one now.
    pub(super) fn end_wait(&self, device: DeviceId) {
        let ended = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&device);
        if ended.is_some() {
            // Nobody may be looking.
            self.notices.send(device, PortalNotice { text: None });
        }
    }

    /// What fails at present, in words.
    pub(super) fn failing(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
