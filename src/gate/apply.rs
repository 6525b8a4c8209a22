//! What the sessions manager asks for, as changes of elements.

use super::error::GateError;
use super::kernel::{Group, Kernel, quota_of};
use super::names::{ONLINE, OWNER, RECEIVED, SENT};
use super::netlink::element::Quota;
use super::netlink::flows::Flows;
use crate::domain::{BootTime, ClientKey, GateOp, Grant};

/// How often a swapped quota is compared with the books without a gap before the client has to wait for it.
const COMPARISONS: usize = 8;

/// With so few bytes left a swap shuts first and opens when the books are read: what would pass meanwhile might be more
/// than is left. Two milliseconds of 1 Gbit/s; the swap takes a tenth of it.
const NEARLY_NOTHING_BYTES: u64 = 256 << 10;

/// A client whose element of `online` was replaced while data limits it.
struct Swapped<'grant> {
    op: usize,
    key: ClientKey,
    grant: &'grant Grant,
    /// Whether it was shut and is still to be opened.
    is_shut: bool,
    /// What the old element let through since the grant's books were read, as far as it knew at its end.
    unseen_bytes: u64,
}

impl Kernel {
    /// Does all of it in one batch (several if it is huge), each with its own result.
    pub(super) fn apply(&mut self, now: BootTime, ops: &[GateOp]) -> Vec<Result<(), GateError>> {
        let mut before: Vec<Result<Option<u64>, GateError>> = ops.iter().map(|op| self.prepare(op)).collect();
        self.free_keys(ops, &mut before);
        let groups: Vec<Group> = ops
            .iter()
            .zip(&before)
            .map(|(op, left)| left.as_ref().map_or_else(|_| Group::new(), |left| self.group(now, op, *left)))
            .collect();
        let (mut results, echoes) = self.run(&groups);
        let mut lefts = Vec::new();
        for (result, earlier) in results.iter_mut().zip(before) {
            match earlier {
                Ok(left) => lefts.push(left),
                Err(error) => {
                    *result = Err(error);
                    lefts.push(None);
                }
            }
        }
        let (mut swaps, mut ended) = (Vec::new(), Vec::new());
        for (number, ((op, result), left)) in ops.iter().zip(&mut results).zip(lefts).enumerate() {
            if result.is_err() {
                continue;
            }
            match op {
                GateOp::Swap { key, grant, quota_used } if left.is_some() => {
                    let used = echoes.get(&(ONLINE, self.mark_bytes(*key))).and_then(|element| element.quota);
                    let unseen_bytes = used.map_or(0, |quota| quota.used_bytes.saturating_sub(*quota_used));
                    let is_shut = left.is_some_and(is_nearly_nothing);
                    swaps.push(Swapped { op: number, key: *key, grant, is_shut, unseen_bytes });
                }
                // What the portal has taken goes on: between the end of the time and this a phone may have asked for it.
                GateOp::Close { key } => ended.push((number, *key, Flows::WhereTheyWereSent)),
                GateOp::Forget { key, .. } => ended.push((number, *key, Flows::All)),
                GateOp::Learn { .. } | GateOp::Open { .. } | GateOp::Swap { .. } | GateOp::Class { .. } => {}
            }
        }
        // Those who go on first: to look through all connections takes the longest.
        for swap in swaps {
            if let (Err(error), Some(result)) = (self.settle(now, &swap), results.get_mut(swap.op)) {
                *result = Err(error);
            }
        }
        if let Err(error) = self.delete_flows(ended.iter().map(|(_, key, which)| (*key, *which))) {
            fail(&mut results, ended.iter().map(|(op, ..)| *op), &error);
        }
        results
    }

    /// What has to be true before the batch: the key fits. Of a swap, what the books leave of the client's data now, if data
    /// limits it.
    fn prepare(&mut self, op: &GateOp) -> Result<Option<u64>, GateError> {
        self.check_key(op.key())?;
        match op {
            GateOp::Swap { key, grant, .. } if grant.end_counter.is_some() => {
                let mark = self.mark_bytes(*key);
                self.left_by_books(&mark, grant, 0).map(Some)
            }
            GateOp::Learn { .. }
            | GateOp::Forget { .. }
            | GateOp::Open { .. }
            | GateOp::Swap { .. }
            | GateOp::Class { .. }
            | GateOp::Close { .. } => Ok(None),
        }
    }

    /// Deletes the connections that carry a key which a device is about to get: they are somebody else's.
    fn free_keys(&mut self, ops: &[GateOp], before: &mut [Result<Option<u64>, GateError>]) {
        let (mut learned, mut pairs) = (Vec::new(), Vec::new());
        for (number, (op, ready)) in ops.iter().zip(&*before).enumerate() {
            if let (GateOp::Learn { mac, key }, Ok(_)) = (op, ready) {
                learned.push((number, *key));
                pairs.push(self.pair_bytes(*mac, *key));
            }
        }
        let freed = self.socket.get(OWNER, &pairs).and_then(|known| {
            let new = learned.iter().zip(&known).filter(|(_, known)| known.is_none());
            self.delete_flows(new.map(|((_, key), _)| (*key, Flows::All)))
        });
        if let Err(error) = freed {
            fail(before, learned.iter().map(|(number, _)| *number), &error);
        }
    }

    fn group(&self, now: BootTime, op: &GateOp, left: Option<u64>) -> Group {
        match op {
            GateOp::Learn { mac, key } => self.learn(*mac, *key),
            GateOp::Forget { mac, key } => self.forget(*mac, *key),
            GateOp::Open { key, grant } => {
                let mut group = self.books(*key, &grant.books);
                group.extend(self.class(*key, grant.rates.is_some()));
                group.extend(self.replace_online(now, *key, grant, 0));
                group
            }
            GateOp::Swap { key, grant, .. } => {
                let mut group = self.class(*key, grant.rates.is_some());
                if left.is_some_and(is_nearly_nothing) {
                    group.push(self.shut(*key));
                } else {
                    group.extend(self.replace_online(now, *key, grant, used_of(grant, left)));
                }
                group
            }
            GateOp::Class { key, has_class } => self.class(*key, *has_class),
            GateOp::Close { key } => self.close(*key),
        }
    }

    /// The element of `online` replaced by one for what the grant leaves, less what is said to be used up already.
    pub(super) fn replace_online(
        &self,
        now: BootTime,
        key: ClientKey,
        grant: &Grant,
        used_bytes: u64,
    ) -> Group {
        let mut group = vec![self.shut(key)];
        let quota = quota_of(grant.bytes_left())
            .map(|quota| Quota { used_bytes: used_bytes.min(quota.limit_bytes), ..quota });
        group.extend(quota.and_then(|quota| self.online(now, key, grant, quota)));
        group
    }

    /// Makes a client's new element leave exactly what the books leave of its data.
    ///
    /// The quota and the books are two look-ups of each packet, and no two sets are read in one step. So the books are read
    /// before and after the quota: if nothing passed meanwhile, the difference is exact, and only bytes too many are taken
    /// away. A packet between its two look-ups at that moment is in the next comparison. A client that is so busy that
    /// something always passes waits for the microseconds in which it is exact.
    fn settle(&mut self, now: BootTime, swap: &Swapped<'_>) -> Result<(), GateError> {
        let mark = self.mark_bytes(swap.key);
        for _ in 0..if swap.is_shut { 0 } else { COMPARISONS } {
            let before = self.left_by_books(&mark, swap.grant, swap.unseen_bytes)?;
            let found = self.socket.get(ONLINE, std::slice::from_ref(&mark))?;
            // Timed out meanwhile: nothing passes any more.
            let Some(quota) = found.into_iter().flatten().next().and_then(|element| element.quota) else {
                return Ok(());
            };
            let after = self.left_by_books(&mark, swap.grant, swap.unseen_bytes)?;
            if quota.left_bytes() <= after {
                return Ok(());
            }
            let excess = quota.left_bytes().saturating_sub(before);
            if excess > 0 {
                let used = quota.used_bytes.saturating_add(excess);
                self.run_one(self.replace_online(now, swap.key, swap.grant, used))?;
            }
        }
        self.run_one(vec![self.shut(swap.key)])?;
        let left = self.left_by_books(&mark, swap.grant, swap.unseen_bytes)?;
        self.run_one(self.replace_online(now, swap.key, swap.grant, used_of(swap.grant, Some(left))))
    }

    /// What the books leave of a client's data. If somebody has deleted them, what the grant's leave, less what is known to
    /// have passed since.
    fn left_by_books(&mut self, mark: &Vec<u8>, grant: &Grant, unseen_bytes: u64) -> Result<u64, GateError> {
        let mut counted = [None; 2];
        for (set, bytes) in [SENT, RECEIVED].into_iter().zip(&mut counted) {
            let found = self.socket.get(set, std::slice::from_ref(mark))?.into_iter().flatten().next();
            *bytes = found.map(|element| element.counter.unwrap_or_default().bytes);
        }
        let passed = match counted {
            [Some(sent), Some(received)] => sent.saturating_add(received),
            [None, _] | [_, None] => grant.books.total_bytes().saturating_add(unseen_bytes),
        };
        Ok(grant.end_counter.unwrap_or_default().saturating_sub(passed))
    }

    fn run_one(&mut self, group: Group) -> Result<(), GateError> {
        self.run(&[group]).0.into_iter().collect()
    }
}

/// Nothing of what several operations asked for together is known to have happened.
fn fail<T>(results: &mut [Result<T, GateError>], numbers: impl Iterator<Item = usize>, error: &GateError) {
    for number in numbers {
        if let Some(result) = results.get_mut(number) {
            *result = Err(error.again());
        }
    }
}

const fn is_nearly_nothing(bytes_left: u64) -> bool {
    bytes_left < NEARLY_NOTHING_BYTES
}

/// How much of the quota that a grant gives is used up already if the books leave `left`.
fn used_of(grant: &Grant, left: Option<u64>) -> u64 {
    grant.bytes_left().zip(left).map_or(0, |(given, left)| given.saturating_sub(left))
}
