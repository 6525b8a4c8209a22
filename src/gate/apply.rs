//! What the sessions manager asks for, as changes of elements.

use super::error::GateError;
use super::kernel::{Group, Kernel, quota_of};
use super::names::{ONLINE, OWNER};
use super::netlink::element::Quota;
use crate::domain::{BootTime, ClientKey, GateOp, Grant};

/// How often a swapped quota is corrected without a gap before the client has to wait for it.
const CORRECTIONS: usize = 4;

/// An element of `online` that was replaced, and by how much the new one is too generous.
struct Debt<'grant> {
    op: usize,
    key: ClientKey,
    grant: &'grant Grant,
    bytes: u64,
}

impl Kernel {
    /// Does all of it in one batch (several if it is huge), each with its own result.
    pub(super) fn apply(&mut self, now: BootTime, ops: &[GateOp]) -> Vec<Result<(), GateError>> {
        let before: Vec<Result<(), GateError>> = ops.iter().map(|op| self.prepare(op)).collect();
        let groups: Vec<Group> = ops
            .iter()
            .zip(&before)
            .map(|(op, result)| if result.is_ok() { self.group(now, op) } else { Group::new() })
            .collect();
        let (mut results, echoes) = self.run(&groups);
        for (result, earlier) in results.iter_mut().zip(before) {
            if earlier.is_err() {
                *result = earlier;
            }
        }
        let mut debts = Vec::new();
        for (number, (op, result)) in ops.iter().zip(&mut results).enumerate() {
            if result.is_err() {
                continue;
            }
            match op {
                GateOp::Swap { key, grant, quota_used } => {
                    let used = echoes.get(&(ONLINE, self.mark_bytes(*key))).and_then(|element| element.quota);
                    let bytes = used.map_or(0, |quota| quota.used_bytes.saturating_sub(*quota_used));
                    if bytes > 0 && grant.end_counter.is_some() {
                        debts.push(Debt { op: number, key: *key, grant, bytes });
                    }
                }
                GateOp::Close { key } | GateOp::Forget { key, .. } => *result = self.delete_flows(*key),
                GateOp::Learn { .. } | GateOp::Open { .. } | GateOp::Class { .. } => {}
            }
        }
        for debt in debts {
            if let (Err(error), Some(result)) = (self.settle(now, &debt), results.get_mut(debt.op)) {
                *result = Err(error);
            }
        }
        results
    }

    /// What has to be true before the batch: the key fits, and nobody's connections carry it.
    fn prepare(&mut self, op: &GateOp) -> Result<(), GateError> {
        self.check_key(op.key())?;
        let GateOp::Learn { mac, key } = op else { return Ok(()) };
        let pair = self.pair_bytes(*mac, *key);
        let known = self.socket.get(OWNER, &[pair])?;
        if known.iter().any(Option::is_some) { Ok(()) } else { self.delete_flows(*key) }
    }

    fn group(&self, now: BootTime, op: &GateOp) -> Group {
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
                group.extend(self.replace_online(now, *key, grant, 0));
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

    /// Charges to a client's new element what passed the old one unseen.
    ///
    /// Reading and replacing is not one step, so what passes in between is the next debt; it is mostly none. A client that
    /// is so busy that it always is waits for the microseconds in which it is exact.
    fn settle(&mut self, now: BootTime, debt: &Debt<'_>) -> Result<(), GateError> {
        let mark = self.mark_bytes(debt.key);
        let mut unpaid = debt.bytes;
        for _ in 0..CORRECTIONS {
            if unpaid == 0 {
                return Ok(());
            }
            let found = self.socket.get(ONLINE, std::slice::from_ref(&mark))?;
            // Timed out meanwhile: nothing passes any more.
            let Some(quota) = found.into_iter().flatten().next().and_then(|element| element.quota) else {
                return Ok(());
            };
            let used = quota.used_bytes.saturating_add(unpaid);
            let group = self.replace_online(now, debt.key, debt.grant, used);
            unpaid = self
                .used_at_removal(&mark, &[group])?
                .map_or(0, |last| last.saturating_sub(quota.used_bytes));
        }
        let Some(used) = self.used_at_removal(&mark, &[vec![self.shut(debt.key)]])? else { return Ok(()) };
        let group = self.replace_online(now, debt.key, debt.grant, used.saturating_add(unpaid));
        self.used_at_removal(&mark, &[group]).map(drop)
    }

    fn used_at_removal(&mut self, mark: &[u8], groups: &[Group]) -> Result<Option<u64>, GateError> {
        let (results, echoes) = self.run(groups);
        results.into_iter().collect::<Result<(), _>>()?;
        Ok(echoes
            .get(&(ONLINE, mark.to_vec()))
            .and_then(|element| element.quota)
            .map(|quota| quota.used_bytes))
    }
}
