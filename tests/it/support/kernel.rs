//! A kernel in memory: set elements, quotas and counters, and packets that meet them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use turnpike::clock::Clock;
use turnpike::domain::{
    Access, Books, BootTime, BoxFuture, ClassRates, ClientKey, GateOp, Grant, KernelBooks, MacAddr, ShapeOp,
};
use turnpike::runtime::{AllBooks, Kernel, KernelError};

/// What the kernel holds, and what it is told to refuse.
pub struct FakeKernel {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    loaded: bool,
    pairs: HashMap<MacAddr, ClientKey>,
    online: HashMap<ClientKey, Element>,
    books: HashMap<ClientKey, Books>,
    classes: HashMap<ClientKey, ClassRates>,
    refuse_opening: bool,
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
        Self { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on, opening is refused.
    pub fn refuse_opening(&self, refuse: bool) {
        self.state().refuse_opening = refuse;
    }

    /// The table is gone.
    pub fn flush(&self) {
        let mut state = self.state();
        let refuse_opening = state.refuse_opening;
        *state = State { refuse_opening, ..State::default() };
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
        if opens && self.refuse_opening {
            return Err(KernelError("no space left on device".to_owned()));
        }
        match op {
            GateOp::Learn { mac, key } => {
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
        self.state().loaded = true;
        Box::pin(async { Ok(()) })
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
        let keys: std::collections::HashSet<_> =
            state.online.keys().chain(state.books.keys()).copied().collect();
        let books = keys.into_iter().filter_map(|key| Some((key, state.reading(key, now)?))).collect();
        Box::pin(async move { Ok(books) })
    }

    fn read<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        let now = self.clock.now().boot.0;
        let state = self.state();
        let books = keys.iter().filter_map(|key| Some((*key, state.reading(*key, now)?))).collect();
        Box::pin(async move { Ok(books) })
    }

    fn shut<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>> {
        let now = self.clock.now().boot.0;
        let mut state = self.state();
        let mut books = AllBooks::new();
        for key in keys {
            books.extend(state.reading(*key, now).map(|reading| (*key, reading)));
            state.online.remove(key);
        }
        Box::pin(async move { Ok(books) })
    }

    fn apply<'a>(
        &'a self,
        now: BootTime,
        gate: &'a [GateOp],
        shape: &'a [ShapeOp],
    ) -> BoxFuture<'a, Vec<Result<(), KernelError>>> {
        let mut state = self.state();
        let results = gate.iter().map(|op| state.apply(op, now)).collect();
        for op in shape {
            match op {
                ShapeOp::Set { key, rates } => state.classes.insert(*key, rates.clone()),
                ShapeOp::Remove { key, .. } => state.classes.remove(key),
            };
        }
        Box::pin(async move { results })
    }

    fn reconcile<'a>(
        &'a self,
        now: BootTime,
        desired: &'a [Access],
    ) -> BoxFuture<'a, Result<u64, KernelError>> {
        let mut state = self.state();
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
