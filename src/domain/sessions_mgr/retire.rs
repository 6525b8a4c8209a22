//! Devices that once had sessions and have nothing left: who may go is asked of memory here, and of the store by a guard.

use std::collections::BinaryHeap;

use super::SessionsMgr;
use super::table::Entry;
use super::work::Work;
use crate::domain::{
    Change, ClockGuard, DeviceId, EventKind, Guard, Outcome, Parting, Refusal, SessionId, WallTime,
};

/// A device that may go, by when it was last seen.
pub type Departed = (WallTime, DeviceId);

impl SessionsMgr {
    /// The devices that have nothing in memory and were not seen since then, the longest unseen first, at most so many of those
    /// behind `after`. What the store has of them is still to be asked.
    pub fn departed(&self, unseen_since: WallTime, after: Option<Departed>, most: usize) -> Vec<Departed> {
        let mut found = BinaryHeap::with_capacity(most.saturating_add(1).min(8_192));
        let may_go = self.table.devices().filter(|entry| self.has_departed(entry, unseen_since));
        for one in may_go.filter_map(|entry| Some((entry.device.last_seen?, entry.device.id))) {
            if after.is_some_and(|after| one <= after) {
                continue;
            }
            found.push(one);
            if found.len() > most {
                found.pop();
            }
        }
        found.into_sorted_vec()
    }

    /// How many devices there are beyond the most that are kept without need.
    pub fn devices_too_many(&self) -> usize {
        self.table.device_count().saturating_sub(self.retention.most_devices)
    }

    /// Whether a device has left and has nothing that could be used or that an operator gave it. When one was seen under a
    /// clock that was not set is not known.
    fn has_departed(&self, entry: &Entry, unseen_since: WallTime) -> bool {
        self.clock_believed
            && entry.sessions.is_empty()
            && entry.run.is_none()
            && self.has_left_nothing_given(entry)
            && entry.device.last_seen.is_some_and(|seen| (ClockGuard::FLOOR..=unseen_since).contains(&seen))
    }
}

impl Work<'_> {
    /// Forgets a device that has departed, with what hangs on it only, if the store has nothing of it that counts.
    pub(super) fn retire(&mut self, id: DeviceId, parting: Parting) -> Result<Outcome, Refusal> {
        if !self.mgr.has_departed(self.entry(id)?, parting.unseen_since) {
            return Err(Refusal::Changed);
        }
        self.guard(vec![Guard::NothingLeft(id, parting)]);
        self.delete_device(id)
    }

    /// Forgets sessions that were over long ago: they are in the store only.
    pub(super) fn forget_sessions(&mut self, over: Vec<(SessionId, DeviceId)>) -> Outcome {
        for (session, device) in over {
            if self.session(session).is_err() {
                self.change(Change::DeleteSession(session));
                self.event(EventKind::SessionDeleted, Some(device), Some(session));
            }
        }
        Outcome::Done
    }

    /// When devices were last seen under a clock that was not set is taken to be now: it cannot have been later.
    pub(super) fn date_sightings(&mut self) {
        let now = self.now.wall;
        let undated = |entry: &&Entry| entry.device.last_seen.is_some_and(|seen| seen < ClockGuard::FLOOR);
        let ids: Vec<DeviceId> =
            self.mgr.table.devices().filter(undated).map(|entry| entry.device.id).collect();
        for id in ids {
            let dated = self.change_device(id, |device| device.last_seen = Some(now));
            debug_assert!(dated.is_ok(), "the device was just listed");
        }
    }
}
