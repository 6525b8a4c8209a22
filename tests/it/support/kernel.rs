//! A kernel in memory: set elements, quotas and counters, and packets that meet them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::{Semaphore, SemaphorePermit};
use turnpike::clock::Clock;
use turnpike::domain::{
    Access, Books, BootTime, BoxFuture, ClassRates, ClientKey, GateOp, Grant, KernelBooks, MacAddr, ShapeOp,
};
use turnpike::runtime::{AllBooks, Kernel, KernelError};

/// What the kernel holds, and what it is told to refuse.
pub struct FakeKernel {
    clock: Clock,
    state: Mutex<State>,
    /// Changes go through while there are permits.
    turns: Semaphore,
}

#[derive(Default)]
struct State {
    loaded: bool,
    pairs: HashMap<MacAddr, ClientKey>,
    online: HashMap<ClientKey, Element>,
    books: HashMap<ClientKey, Books>,
    classes: HashMap<ClientKey, ClassRates>,
    trouble: Trouble,
    calls: Calls,
    held_twice: usize,
    /// Who was last given each key.
    owners: HashMap<ClientKey, MacAddr>,
}

/// What the kernel is told to do wrong.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Opening and swapping are refused.
    pub refuse_opening: bool,
    /// This device cannot be made known.
    pub refuse_learning: Option<MacAddr>,
    /// The books cannot be read.
    pub fail_reading: bool,
    /// Whoever is to be shut is, but nobody is told.
    pub fail_after_shutting: bool,
    /// The base ruleset cannot be loaded.
    pub fail_loading: bool,
}

/// How often the kernel was asked for what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calls {
    pub shut: usize,
    pub load: usize,
    pub reconcile: usize,
}

struct Element {
    until: Option<u64>,
    quota: u64,
    used: u64,
}

/// What the kernel gives beyond the deadline, so that the daemon ends a session first.
const GRACE_MS: u64 = 50;

impl FakeKernel {
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), turns: Semaphore::new(1) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on, opening is refused.
    pub fn refuse_opening(&self, refuse: bool) {
        self.trouble(Trouble { refuse_opening: refuse, ..Trouble::default() });
    }

    /// What goes wrong from now on.
    pub fn trouble(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    /// How often it was asked for what so far.
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// Changes wait while this is held.
    pub async fn hold(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.unwrap()
    }

    /// The element of `online` goes, and nobody is told.
    pub fn lose_online(&self, mac: MacAddr) {
        let mut state = self.state();
        let key = state.pairs[&mac];
        state.online.remove(&key);
    }

    /// How often a key was given to a device while another one held it.
    pub fn held_twice(&self) -> usize {
        self.state().held_twice
    }

    /// How many devices it knows.
    pub fn known(&self) -> usize {
        self.state().pairs.len()
    }

    /// Whether the ruleset is in place.
    pub fn is_loaded(&self) -> bool {
        self.state().loaded
    }

    /// The table is gone.
    pub fn flush(&self) {
        let mut state = self.state();
        let (trouble, calls) = (state.trouble.clone(), state.calls);
        *state = State { trouble, calls, ..State::default() };
    }

    /// A packet of a device; whether it passes.
    pub fn packet(&self, mac: MacAddr, bytes: u64, up: bool) -> bool {
        let now = self.clock.now().boot.0;
        let mut state = self.state();
        let Some(key) = state.pairs.get(&mac).copied() else { return false };
        let Some(element) = state.online.get_mut(&key) else { return false };
        if element.until.is_some_and(|until| now >= until) {
            return false;
        }
        element.used += bytes;
        if element.used > element.quota {
            return false;
        }
        let books = state.books.entry(key).or_default();
        if up {
            books.sent_bytes += bytes;
            books.sent_packets += 1;
        } else {
            books.received_bytes += bytes;
            books.received_packets += 1;
        }
        true
    }

    /// Whether a device would be let through now.
    pub fn is_open(&self, mac: MacAddr) -> bool {
        let now = self.clock.now().boot.0;
        let state = self.state();
        state.pairs.get(&mac).and_then(|key| state.online.get(key)).is_some_and(|element| {
            element.until.is_none_or(|until| now < until) && element.used < element.quota
        })
    }

    /// The class of a device.
    pub fn class(&self, mac: MacAddr) -> Option<ClassRates> {
        let state = self.state();
        state.pairs.get(&mac).and_then(|key| state.classes.get(key)).cloned()
    }
}

fn unreadable() -> KernelError {
    KernelError("no answer".to_owned())
}

impl State {
    fn reading(&self, key: ClientKey, now: u64) -> Option<KernelBooks> {
        let element = self.online.get(&key).filter(|element| element.until.is_none_or(|until| now < until));
        let books = self.books.get(&key).copied();
        if element.is_none() && books.is_none() {
            return None;
        }
        Some(KernelBooks {
            books: books.unwrap_or_default(),
            quota_used: element.map(|element| element.used.min(element.quota)),
            quota_exhausted: element.is_some_and(|element| element.used >= element.quota),
        })
    }

    fn open(&mut self, key: ClientKey, grant: &Grant, now: BootTime, used: u64) {
        self.books.entry(key).or_insert(grant.books);
        let element = Element {
            until: grant.deadline.map(|deadline| deadline.0.max(now.0) + GRACE_MS),
            quota: grant.bytes_left().unwrap_or(u64::MAX / 2),
            used,
        };
        self.online.insert(key, element);
    }

    fn apply(&mut self, op: &GateOp, now: BootTime) -> Result<(), KernelError> {
        let opens = matches!(op, GateOp::Open { .. } | GateOp::Swap { .. });
        if opens && self.trouble.refuse_opening {
            return Err(KernelError("no space left on device".to_owned()));
        }
        match op {
            GateOp::Learn { mac, .. } if self.trouble.refuse_learning == Some(*mac) => {
                return Err(KernelError("no space left on device".to_owned()));
            }
            GateOp::Learn { mac, key } => {
                let before = self.owners.insert(*key, *mac).filter(|other| other != mac);
                let still = before.is_some_and(|other| self.pairs.get(&other) == Some(key));
                self.held_twice += usize::from(still);
                self.pairs.insert(*mac, *key);
            }
            GateOp::Forget { mac, key } => {
                self.pairs.remove(mac);
                self.online.remove(key);
                self.books.remove(key);
            }
            GateOp::Open { key, grant } => self.open(*key, grant, now, 0),
            GateOp::Swap { key, grant, quota_used } => {
                let passed =
                    self.online.get(key).map_or(0, |old| old.used.min(old.quota).saturating_sub(*quota_used));
                self.open(*key, grant, now, passed);
            }
            GateOp::Class { .. } => {}
            GateOp::Close { key } => {
                self.online.remove(key);
                self.books.remove(key);
            }
        }
        Ok(())
    }
}

impl Kernel for FakeKernel {
    fn load(&self) -> BoxFuture<'_, Result<(), KernelError>> {
        let mut state = self.state();
        state.calls.load += 1;
        state.loaded |= !state.trouble.fail_loading;
        let refused = state.trouble.fail_loading;
        Box::pin(
            async move { if refused { Err(KernelError("nft: no such file".to_owned())) } else { Ok(()) } },
        )
    }

    fn read_table(&self) -> BoxFuture<'_, Result<Option<AllBooks>, KernelError>> {
        Box::pin(async {
            let loaded = self.state().loaded;
            if loaded { self.read_all().await.map(Some) } else { Ok(None) }
        })
    }

    fn read_all(&self) -> BoxFuture<'_, Result<AllBooks, KernelError>> {
        let now = self.clock.now().boot.0;
        let state = self.state();
        if state.trouble.fail_reading {
            return Box::pin(async { Err(unreadable()) });
        }
        let keys: std::collections::HashSet<_> =
            state.online.keys().chain(state.books.keys()).copied().collect();
        let books = keys.into_iter().filter_map(|key| Some((key, state.reading(key, now)?))).collect();
        Box::pin(async move { Ok(books) })
    }

    fn read<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        let now = self.clock.now().boot.0;
        let state = self.state();
        if state.trouble.fail_reading {
            return Box::pin(async { Err(unreadable()) });
        }
        let books = keys.iter().filter_map(|key| Some((*key, state.reading(*key, now)?))).collect();
        Box::pin(async move { Ok(books) })
    }

    fn shut<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        let now = self.clock.now().boot.0;
        let mut state = self.state();
        state.calls.shut += 1;
        if state.trouble.fail_reading {
            return Box::pin(async { Err(unreadable()) });
        }
        let mut books = AllBooks::new();
        for key in keys {
            books.extend(state.reading(*key, now).map(|reading| (*key, reading)));
            state.online.remove(key);
        }
        let fails = state.trouble.fail_after_shutting;
        Box::pin(async move { if fails { Err(unreadable()) } else { Ok(books) } })
    }

    fn apply<'a>(
        &'a self,
        now: BootTime,
        gate: &'a [GateOp],
        shape: &'a [ShapeOp],
    ) -> BoxFuture<'a, Vec<Result<(), KernelError>>> {
        Box::pin(async move {
            let _turn = self.turns.acquire().await;
            let mut state = self.state();
            for op in shape {
                match op {
                    ShapeOp::Set { key, rates } => state.classes.insert(*key, rates.clone()),
                    ShapeOp::Remove { key, .. } => state.classes.remove(key),
                };
            }
            gate.iter().map(|op| state.apply(op, now)).collect()
        })
    }

    fn reconcile<'a>(
        &'a self,
        now: BootTime,
        desired: &'a [Access],
    ) -> BoxFuture<'a, Result<u64, KernelError>> {
        let mut state = self.state();
        state.calls.reconcile += 1;
        if !state.loaded {
            return Box::pin(async { Err(KernelError("the table is not there".to_owned())) });
        }
        let mut repairs = 0;
        state.pairs = desired.iter().map(|access| (access.mac, access.key)).collect();
        for access in desired {
            match &access.grant {
                Some(grant) => {
                    if !state.online.contains_key(&access.key) {
                        repairs += 1;
                    }
                    let counted = state.books.get(&access.key).copied();
                    let grant = Grant { books: counted.unwrap_or(grant.books), ..grant.clone() };
                    state.open(access.key, &grant, now, 0);
                    if let Some(rates) = grant.rates {
                        state.classes.insert(access.key, rates);
                    }
                }
                None => {
                    repairs += u64::from(state.online.remove(&access.key).is_some());
                    state.books.remove(&access.key);
                }
            }
        }
        Box::pin(async move { Ok(repairs) })
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
