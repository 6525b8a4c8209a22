use std::collections::{BTreeMap, BTreeSet};

use turnpike::domain::{
    Access, Books, BootTime, ClassRates, ClientKey, GateOp, Grant, KernelBooks, MacAddr, ShapeOp,
};

/// The kernel lets an element live so much longer than its deadline, in milliseconds, so that the daemon comes first.
const GRACE_MS: u64 = 50;

/// The sets and classes of the real ruleset, by their documented meaning.
#[derive(Debug, Default, Clone)]
pub struct SimKernel {
    /// `client_of` and `owner`.
    pub pairs: BTreeMap<MacAddr, ClientKey>,
    /// `online`.
    pub online: BTreeMap<ClientKey, Online>,
    /// `sent` and `received`.
    pub books: BTreeMap<ClientKey, Books>,
    /// `class_of`.
    pub class_of: BTreeSet<ClientKey>,
    /// The traffic classes.
    pub classes: BTreeMap<ClientKey, ClassRates>,
    /// How far beyond `end_counter` a client may get by an element that was made late: bytes that nobody had read.
    pub let_over: BTreeMap<ClientKey, u64>,
}

/// An element of `online`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// When it times out.
    pub ends_at: Option<BootTime>,
    /// Its quota, `until` so many bytes.
    pub quota: Option<u64>,
    /// What the quota was charged.
    pub used: u64,
    /// What of it was charged for packets that crossed the quota and did not pass.
    pub forfeited: u64,
}

impl Online {
    fn new(grant: &Grant, used: u64, forfeited: u64) -> Self {
        Self {
            ends_at: grant.deadline.map(|deadline| deadline.plus_millis(GRACE_MS)),
            quota: grant.bytes_left(),
            used: used.min(grant.bytes_left().unwrap_or(u64::MAX)),
            forfeited,
        }
    }

    /// Bytes that can still pass; `None` if data does not limit it.
    pub fn left(&self) -> Option<u64> {
        self.quota.map(|quota| quota - self.used)
    }
}

impl SimKernel {
    /// One packet of a device, `up` from it: whether it passes. The one that crosses the quota charges it but does not
    /// pass and is not counted.
    pub fn packet(&mut self, mac: MacAddr, up: bool, bytes: u64, now: BootTime) -> bool {
        self.expire(now);
        let Some(key) = self.pairs.get(&mac) else { return false };
        let Some(element) = self.online.get_mut(key) else { return false };
        let Some(books) = self.books.get_mut(key) else { return false };
        if let Some(quota) = element.quota.filter(|quota| element.used + bytes > *quota) {
            element.forfeited += quota - element.used;
            element.used = quota;
            return false;
        }
        // Without a limit it counts all the same: what passed before a swap is charged to the successor.
        element.used += bytes;
        if up {
            books.sent_bytes += bytes;
            books.sent_packets += 1;
        } else {
            books.received_bytes += bytes;
            books.received_packets += 1;
        }
        true
    }

    fn expire(&mut self, now: BootTime) {
        self.online.retain(|_, element| element.ends_at.is_none_or(|ends_at| now < ends_at));
    }

    /// Takes a client out of `online`.
    pub fn shut(&mut self, key: ClientKey) {
        self.online.remove(&key);
    }

    /// What a reading says; `None` if there are no elements at all.
    pub fn read(&mut self, key: ClientKey, now: BootTime) -> Option<KernelBooks> {
        self.expire(now);
        let element = self.online.get(&key);
        let books = *self.books.get(&key)?;
        Some(KernelBooks {
            books,
            quota_used: element.map(|element| element.used),
            quota_exhausted: element.is_some_and(|element| element.left() == Some(0)),
        })
    }

    /// One operation of a batch.
    pub fn apply(&mut self, op: &GateOp, now: BootTime) {
        self.expire(now);
        match op {
            GateOp::Learn { mac, key } => {
                let former = self.pairs.iter().find(|(owner, held)| *held == key && *owner != mac);
                assert!(former.is_none(), "key {key} goes to {mac} while {former:?} still has it");
                assert!(
                    self.pairs.get(mac).is_none_or(|held| held == key),
                    "{mac} gets key {key} and keeps another"
                );
                self.pairs.insert(*mac, *key);
            }
            GateOp::Forget { mac, key } => {
                if self.pairs.get(mac) == Some(key) {
                    self.pairs.remove(mac);
                }
                self.close(*key);
            }
            GateOp::Open { key, grant } => {
                self.books.entry(*key).or_insert(grant.books);
                self.put_online(*key, grant, 0, 0);
                self.set_class(*key, grant.rates.is_some());
            }
            GateOp::Swap { key, grant, quota_used } => {
                let (used, forfeited) = self
                    .online
                    .remove(key)
                    .map_or((0, 0), |old| (old.used.saturating_sub(*quota_used), old.forfeited));
                self.books.entry(*key).or_insert(grant.books);
                self.put_online(*key, grant, used, forfeited);
            }
            GateOp::Class { key, has_class } => self.set_class(*key, *has_class),
            GateOp::Close { key } => self.close(*key),
        }
    }

    fn put_online(&mut self, key: ClientKey, grant: &Grant, used: u64, forfeited: u64) {
        let element = Online::new(grant, used, forfeited);
        if let (Some(left), Some(end)) = (element.left(), grant.end_counter) {
            let counter = self.books.get(&key).map_or(0, Books::total_bytes);
            let over = (counter + left).saturating_sub(end);
            *self.let_over.entry(key).or_default() += over;
        }
        self.online.insert(key, element);
    }

    fn set_class(&mut self, key: ClientKey, has_class: bool) {
        if has_class {
            self.class_of.insert(key);
        } else {
            self.class_of.remove(&key);
        }
    }

    fn close(&mut self, key: ClientKey) {
        self.online.remove(&key);
        self.books.remove(&key);
        self.class_of.remove(&key);
    }

    /// A class comes or changes, or goes.
    pub fn shape(&mut self, op: &ShapeOp) {
        match op {
            ShapeOp::Set { key, rates } => {
                self.classes.insert(*key, rates.clone());
            }
            ShapeOp::Remove { key, zone } => {
                if self.classes.get(key).is_some_and(|rates| rates.zone == *zone) {
                    self.classes.remove(key);
                }
            }
        }
    }

    /// Makes the sets and classes exactly what they must be; counters that are lost start at the books.
    pub fn reconcile(&mut self, desired: &[Access], now: BootTime) {
        self.expire(now);
        self.pairs = desired.iter().map(|access| (access.mac, access.key)).collect();
        let granted: BTreeMap<_, _> =
            desired.iter().filter_map(|access| Some((access.key, access.grant.as_ref()?))).collect();
        self.books.retain(|key, _| granted.contains_key(key));
        self.online.retain(|key, _| granted.contains_key(key));
        self.class_of =
            granted.iter().filter(|(_, grant)| grant.rates.is_some()).map(|(key, _)| *key).collect();
        self.classes = granted.iter().filter_map(|(key, grant)| Some((*key, grant.rates.clone()?))).collect();
        for (key, grant) in granted {
            let counter = self.books.entry(key).or_insert(grant.books).total_bytes();
            let wanted = Online {
                ends_at: grant.deadline.map(|deadline| deadline.plus_millis(GRACE_MS)),
                quota: grant.end_counter.map(|end| end.saturating_sub(counter)),
                used: 0,
                forfeited: 0,
            };
            let same = self
                .online
                .get(&key)
                .is_some_and(|held| held.ends_at == wanted.ends_at && held.left() == wanted.left());
            if !same && wanted.ends_at.is_none_or(|ends_at| now < ends_at) {
                self.online.insert(key, wanted);
            }
        }
    }

    /// Somebody flushed the ruleset: our table is gone. The classes stay.
    pub fn flush(&mut self) {
        let classes = std::mem::take(&mut self.classes);
        *self = Self { classes, ..Self::default() };
    }
}
