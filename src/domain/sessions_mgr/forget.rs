use std::collections::VecDeque;

use super::SessionsMgr;
use super::table::Entry;
use super::work::Work;
use crate::domain::{DeviceId, EventKind, Now, WallTime};

/// How long and how many devices are kept that never had a session: passers-by, and MACs that somebody makes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// So many devices in all are no reason to forget any.
    pub most_devices: usize,
    /// A stranger that was not seen for so long is forgotten.
    pub unseen_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { most_devices: 20_000, unseen_days: 30 }
    }
}

/// How many are forgotten in one group: each has flows to be deleted in the kernel.
const AT_ONCE: usize = 16;
/// Too many devices are looked for at most so often, in milliseconds: it takes a look at each.
const LOOK_MS: u64 = 1_000;

impl SessionsMgr {
    /// Whether nothing would be missed if the device were forgotten: it has been here, has left, never had a session, and
    /// no operator did anything about it.
    fn is_stranger(&self, entry: &Entry) -> bool {
        !entry.had_session && entry.device.last_seen.is_some() && self.has_left_nothing_given(entry)
    }

    /// Whether a device is not here, and no operator did anything about it.
    pub(super) fn has_left_nothing_given(&self, entry: &Entry) -> bool {
        let device = &entry.device;
        !device.present
            && device.alias.is_none()
            && !device.blocked
            && device.roles.is_empty()
            && !self.zone_of(device).policy.trusted.contains(&device.mac)
    }

    /// The strangers that are to go, the longest unseen first.
    fn strangers(&self, now: Now) -> VecDeque<DeviceId> {
        let mut strangers: Vec<(Option<WallTime>, DeviceId)> = self
            .table
            .devices()
            .filter(|entry| self.is_stranger(entry))
            .map(|entry| (entry.device.last_seen, entry.device.id))
            .collect();
        strangers.sort_unstable();
        let most = self.retention.most_devices;
        let too_many = match self.table.device_count().saturating_sub(most) {
            0 => 0,
            // A little more than needed, so that this is not looked for with each one that comes.
            over => over + most / 20,
        };
        let is_old = |seen: Option<WallTime>| {
            self.clock_believed
                && seen.is_some_and(|seen| seen.plus_days(self.retention.unseen_days) <= now.wall)
        };
        let old = strangers.partition_point(|(seen, _)| is_old(*seen));
        strangers.into_iter().take(old.max(too_many)).map(|(_, id)| id).collect()
    }
}

impl Work<'_> {
    /// Forgets some of the strangers that are too many, or, at each flush, too long gone.
    pub(super) fn forget_some(&mut self, flush: bool) {
        let now = self.now;
        let too_many = self.mgr.table.device_count() > self.mgr.retention.most_devices;
        if flush || (too_many && self.mgr.to_forget.is_empty() && now.boot >= self.mgr.next_forget) {
            self.mgr.next_forget = now.boot.plus_millis(LOOK_MS);
            self.mgr.to_forget = self.mgr.strangers(now);
        }
        for _ in 0..AT_ONCE {
            let Some(id) = self.mgr.to_forget.pop_front() else { break };
            // It may have come back meanwhile.
            if self.entry(id).is_ok_and(|entry| self.mgr.is_stranger(entry)) && self.drop_device(id).is_ok() {
                self.event(EventKind::DeviceDeleted, Some(id), None);
            }
        }
    }
}
