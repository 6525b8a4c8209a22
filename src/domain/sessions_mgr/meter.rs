use std::collections::HashSet;
use std::sync::Arc;

use super::connect::is_used_up;
use super::sessions::More;
use super::table::{Entry, Held};
use super::work::Work;
use super::{SessionsMgr, Want};
use crate::domain::{
    BootTime, Change, ClientKey, ClientSession, CloseReason, Deadline, DeviceId, EventKind, KernelBooks, Now,
    Outcome, PauseReason, SessionState, SourceUsage, Transition,
};

/// All running books are read this often, in milliseconds.
const METER_MS: u64 = 1_000;
/// After a session that ran for less, nobody is asked for another one by itself.
const WORTH_ASKING_MS: u64 = 5_000;
/// No session is looked at again sooner than after so many milliseconds.
const SOONEST_MS: u64 = 100;
/// A device that has sent nothing for so long is asked whether it is still there.
const QUIET_MS: u64 = 5_000;

impl SessionsMgr {
    /// When this wants to be looked at next, and why.
    pub fn poll_timeout(&self) -> Deadline {
        let mut next = Deadline { at: self.next_meter, reason: "all running books are read" };
        if let Some((at, _)) = self.soon.first()
            && *at < next.at
        {
            next = Deadline { at: *at, reason: "a session may be at its end" };
        }
        if let Some(at) = self.next_opening().filter(|at| *at < next.at) {
            next = Deadline { at, reason: "a zone opens or closes" };
        }
        if !self.to_forget.is_empty() {
            next = Deadline { at: BootTime(0), reason: "strangers are still to be forgotten" };
        }
        if !self.to_flush.is_empty() {
            next = Deadline { at: BootTime(0), reason: "usage is still to be written" };
        }
        next
    }

    /// What must be asked of the kernel now, before [`SessionsMgr::handle_timeout`] for each of these devices: all that run,
    /// once a second, else those whose session may be at its end. One that is at its end and has no successor is shut
    /// first, so that its last books are final.
    pub fn due(&mut self, now: Now) -> Vec<(DeviceId, Want)> {
        self.look_at_clock(now);
        let due: Vec<DeviceId> = if now.boot >= self.next_meter {
            // From here on, "soon" means before the next round.
            self.next_meter = now.boot.plus_millis(METER_MS);
            self.note_absent(now.boot);
            self.table.running().map(|entry| entry.device.id).collect()
        } else {
            self.soon.range(..=(now.boot, DeviceId::new(uuid::Uuid::max()))).map(|(_, id)| *id).collect()
        };
        due.into_iter()
            .filter_map(|id| {
                let entry = self.table.device(id)?;
                let key = entry.device.key?;
                let last = match self.ends(entry, now) {
                    // Nobody takes over from who is paused.
                    Some(End::Pause(_)) => true,
                    Some(End::Session(..)) => !self.has_successor(entry, now),
                    None => false,
                };
                Some((id, if last { Want::Shut(key) } else { Want::Read(key) }))
            })
            .collect()
    }

    fn has_successor(&self, entry: &Entry, now: Now) -> bool {
        // Nobody takes over before the authenticators have spoken, or in a zone that is closed.
        !self.asks_authenticators
            && !self.is_shut_out(entry, now.boot)
            && entry.sessions.iter().filter_map(|id| self.table.session(*id)).any(|session| {
                !session.is_running() && !is_used_up(session) && !self.has_expired(session, now)
            })
    }

    /// Takes in what the kernel says of a client. `shut` if it was taken out of `online` before the reading.
    pub fn settle(&mut self, key: ClientKey, reading: &KernelBooks, shut: bool, now: BootTime) {
        let Some(id) = self.table.by_key(key) else { return };
        let Some(entry) = self.table.device_mut(id) else { return };
        let Some(run) = entry.run.as_mut() else { return };
        let (session, books) = (run.session, reading.books);
        let passed = books.total_bytes().saturating_sub(entry.kernel.books.total_bytes());
        let elapsed = now.millis_since(run.read_at);
        if elapsed >= SOONEST_MS {
            run.bytes_per_sec = passed.saturating_mul(1000).checked_div(elapsed).unwrap_or(0);
            run.read_at = now;
        }
        if books.sent_bytes != entry.kernel.books.sent_bytes {
            run.spoke = true;
            entry.away_since = None;
        }
        if passed > 0 {
            run.active_at = now;
        }
        run.dirty = true;
        let device = Arc::clone(&entry.device);
        entry.kernel = *reading;
        if shut && let Held::Open(mac, key, grant) = entry.held.clone() {
            entry.held = Held::Shut(mac, key, grant);
        }
        let Some(known) = self.table.session(session) else { return };
        let unmetered = self.policies.is_unmetered(known, &device);
        if let Some(session) = self.table.session_mut(session)
            && let SessionState::Running(checkpoint) = &mut session.state
        {
            // A counter below the last one was reset by somebody: what it shows has passed since.
            let since = |new: u64, old: u64| new.checked_sub(old).unwrap_or(new);
            let sent = since(books.sent_bytes, checkpoint.sent_bytes);
            let received = since(books.received_bytes, checkpoint.received_bytes);
            session.usage.sent_bytes += sent;
            session.usage.received_bytes += received;
            if unmetered {
                session.free.sent_bytes += sent;
                session.free.received_bytes += received;
            }
            checkpoint.sent_bytes = books.sent_bytes;
            checkpoint.received_bytes = books.received_bytes;
            // The first zone stands in for one that has left the configuration, as everywhere.
            let zone = device.zone.as_ref().filter(|zone| self.zones.contains_key(*zone));
            if let Some(zone) = self.zones.get_mut(zone.unwrap_or(&self.first_zone)) {
                zone.traffic.sent_bytes += sent;
                zone.traffic.received_bytes += received;
            }
        }
        self.spend_to(id, now);
    }

    /// The kernel has no elements of a client that should have them: its counters are taken to stand where they stood.
    pub fn settle_lost(&mut self, key: ClientKey, shut: bool, now: BootTime) {
        let Some(entry) = self.table.by_key(key).and_then(|id| self.table.device(id)) else { return };
        let reading = KernelBooks { quota_used: None, quota_exhausted: false, ..entry.kernel };
        self.settle(key, &reading, shut, now);
    }

    /// What follows for one device after its books were taken in: the end of its session, a hand-over, a pause.
    pub fn handle_timeout(&mut self, device: DeviceId, now: Now) -> Option<Transition> {
        let entry = self.table.device(device)?;
        let Some(run) = entry.run.as_ref() else {
            self.look_soon(device, now.boot);
            return None;
        };
        let session = run.session;
        let Some(end) = self.ends(entry, now) else {
            let was_shut = matches!(entry.held, Held::Shut(..));
            let came_back = run.spoke && !entry.device.present;
            self.look_soon(device, now.boot);
            if came_back {
                return Some(Work::new(self, now).came_back(device));
            }
            // Shut for an end that the last packet put off (it spoke after all): let it through again.
            if was_shut {
                let mut work = Work::new(self, now);
                work.touch(device);
                return Some(work.finish(Outcome::Done));
            }
            return None;
        };
        let last = match &end {
            End::Pause(_) => true,
            End::Session(..) => !self.has_successor(entry, now),
        };
        // It came to its end while the books were read, and still passes: what passes until it is shut is to be charged.
        // Whose data is used up passes nothing any more.
        let passes = !entry.kernel.quota_exhausted
            && self.table.session(session).is_none_or(|session| session.data_left_bytes() != Some(0));
        if last && passes && matches!(entry.held, Held::Open(..)) {
            self.look_soon(device, now.boot);
            return None;
        }
        let mut work = Work::new(self, now);
        let done = match end {
            End::Session(state, event) => {
                let ran_ms =
                    work.mgr.session_now(session, now.boot).map_or(0, |session| session.usage.time_ms);
                // What ends as soon as it begins would be asked for again and again.
                let more = if ran_ms >= WORTH_ASKING_MS { More::MayCome } else { More::Unwanted };
                work.end(session, state, event).and_then(|()| work.hand_over(device, session, more))
            }
            End::Pause(reason) => work.pause(device, reason).map(|_| ()),
        };
        match done {
            Ok(()) => Some(work.finish(Outcome::Done)),
            Err(refusal) => {
                let _unchanged = work.abandon(refusal);
                None
            }
        }
    }

    /// Whether the running session of a device is at its end now, or is to be paused.
    fn ends(&self, entry: &Entry, now: Now) -> Option<End> {
        let run = entry.run.as_ref()?;
        let session = self.table.session(run.session)?;
        let SessionState::Running(checkpoint) = &session.state else { return None };
        let closed_at = self.closes_at(entry, checkpoint.at);
        let until = closed_at.map_or(now.boot, |at| now.boot.min(at));
        let time_left =
            session.time_left_ms().map(|left| left.saturating_sub(until.millis_since(checkpoint.at)));
        let metered = !self.policies.is_unmetered(session, &entry.device);
        if metered && time_left == Some(0) {
            return Some(End::Session(SessionState::Consumed, EventKind::SessionConsumed(CloseReason::Time)));
        }
        let data_is_used_up = session.data_left_bytes() == Some(0)
            || (entry.kernel.quota_exhausted && session.data_left_bytes().is_some());
        if metered && data_is_used_up {
            return Some(End::Session(SessionState::Consumed, EventKind::SessionConsumed(CloseReason::Data)));
        }
        if self.has_expired(session, now) {
            return Some(End::Session(SessionState::Expired, EventKind::SessionExpired));
        }
        if closed_at.is_some_and(|at| at <= now.boot) {
            return Some(End::Pause(PauseReason::OpeningHours));
        }
        let away_pause_secs = self.zone_of(&entry.device).policy.away_pause_secs;
        let idle_timeout_secs = self.policies.idle_timeout_secs(session, &entry.device);
        let longer_than = |since: BootTime, secs: Option<u64>| {
            secs.is_some_and(|secs| now.boot.millis_since(since) >= secs.saturating_mul(1000))
        };
        if longer_than(run.active_at, idle_timeout_secs) {
            return Some(End::Pause(PauseReason::Idle));
        }
        if entry.away_since.is_some_and(|since| longer_than(since, away_pause_secs)) {
            return Some(End::Pause(PauseReason::Away));
        }
        None
    }

    /// Sets when a running device must be looked at before the next reading of all books.
    pub(super) fn look_soon(&mut self, id: DeviceId, now: BootTime) {
        let at = self.table.device(id).and_then(|entry| self.next_look(entry, now));
        self.set_soon(id, at);
    }

    /// As [`Self::look_soon`], after something went wrong: not at once again, whatever is due.
    pub(super) fn look_later(&mut self, id: DeviceId, now: BootTime) {
        let at = self.table.device(id).and_then(|entry| self.next_look(entry, now));
        self.set_soon(id, at.map(|at| at.max(now.plus_millis(SOONEST_MS))));
    }

    /// The books of a device that is due could not be read: it is looked at again after a moment, not at once.
    pub fn put_off(&mut self, id: DeviceId, now: Now) {
        self.look_later(id, now.boot);
    }

    /// Whether a client is let through as far as is known, with time and data left: its element must be there.
    pub fn should_pass(&self, key: ClientKey, now: BootTime) -> bool {
        let entry = self.table.by_key(key).and_then(|id| self.table.device(id));
        let Some(entry) = entry.filter(|entry| matches!(entry.held, Held::Open(..))) else { return false };
        let session = entry.run.as_ref().and_then(|run| self.table.session(run.session));
        session.is_some_and(|session| {
            let SessionState::Running(checkpoint) = &session.state else { return false };
            let spent = now.millis_since(checkpoint.at);
            if self.closes_at(entry, checkpoint.at).is_some_and(|at| at <= now) {
                return false;
            }
            self.is_unmetered(session)
                || session.time_left_ms().is_none_or(|left| left > spent)
                    && session.data_left_bytes() != Some(0)
        })
    }

    fn set_soon(&mut self, id: DeviceId, at: Option<BootTime>) {
        let at = at.filter(|at| *at < self.next_meter);
        let Some(entry) = self.table.device_mut(id) else { return };
        if entry.soon != at {
            if let Some(old) = entry.soon {
                self.soon.remove(&(old, id));
            }
            entry.soon = at;
            self.soon.extend(at.map(|at| (at, id)));
        }
    }

    /// The earliest instant at which the running session can end.
    fn next_look(&self, entry: &Entry, now: BootTime) -> Option<BootTime> {
        let run = entry.run.as_ref()?;
        let session = self.table.session(run.session)?;
        let SessionState::Running(checkpoint) = &session.state else { return None };
        let by_hours = self.closes_at(entry, checkpoint.at);
        if self.policies.is_unmetered(session, &entry.device) {
            return by_hours;
        }
        let by_time = session.time_left_ms().map(|left| checkpoint.at.plus_millis(left));
        let by_data = session.data_left_bytes().map(|left| {
            let class = self
                .client_rates(entry)
                .and_then(|rates| Some(rates.down?.bytes_per_sec() + rates.up?.bytes_per_sec()));
            let rate = class.unwrap_or(0).max(run.bytes_per_sec.saturating_mul(2)).max(1);
            let millis = left.saturating_mul(1000) / rate;
            now.plus_millis(millis.clamp(SOONEST_MS, METER_MS))
        });
        by_time.into_iter().chain(by_data).chain(by_hours).min()
    }

    /// Whether the wall clock can be believed at this moment: asked before anything is decided by it.
    pub(super) fn look_at_clock(&mut self, now: Now) {
        let believed = self.clock.observe(now);
        self.became_believed |= believed && !self.clock_believed;
        self.clock_believed = believed;
        if believed {
            self.last_believed = Some(now);
        }
        self.look_at_hours(now);
    }

    /// After all books were read and every device was looked at: the next round; expiry of what is not running; the clock;
    /// usage that is due to be written. At most `most` rows of usage at a time, so that a large flush never holds up a connect.
    /// Nobody is let in whom another step of this group has `touched`: each can be taken back without the other.
    pub fn housekeeping(&mut self, now: Now, most: usize, touched: &HashSet<DeviceId>) -> Transition {
        self.look_at_clock(now);
        let (newest, believed) = (self.clock.newest(), self.clock_believed);
        let became_believed = std::mem::take(&mut self.became_believed) && believed;
        let flush = now.boot >= self.next_flush;
        if flush {
            self.next_flush = now.boot.plus_millis(self.flush_ms);
            let dirty = |entry: &&Entry| entry.run.as_ref().is_some_and(|run| run.dirty);
            self.to_flush = self.table.running().filter(dirty).map(|entry| entry.device.id).collect();
        }
        let mut changes = Vec::new();
        if flush && newest > self.stored_wall {
            self.stored_wall = newest;
            changes.push(Change::NewestWall(newest));
        }
        self.flush_some(most, &mut changes);
        let mut work = Work::new(self, now);
        if believed && (flush || became_believed) {
            work.count_days();
        }
        if became_believed {
            work.date_sightings();
        }
        work.keep_hours(touched, most);
        work.forget_some(flush);
        changes.into_iter().for_each(|change| work.change(change));
        work.finish(Outcome::Done)
    }

    fn flush_some(&mut self, most: usize, changes: &mut Vec<Change>) {
        for _ in 0..most {
            let Some(id) = self.to_flush.pop_front() else { break };
            let Some(run) = self.table.device_mut(id).and_then(|entry| entry.run.as_mut()) else { continue };
            run.dirty = false;
            let session = run.session;
            let Some(session) = self.table.session_mut(session) else { continue };
            if session.source.is_some() {
                // The whole row: the number must be as durable as what is sent under it.
                session.source_seq = session.source_seq.saturating_add(1);
                changes.push(Change::Session(Box::new(session.clone())));
                changes.extend(outbox(session));
            } else {
                changes.push(Change::Usage(Box::new(session.clone())));
            }
        }
    }

    /// All usage, at once: for the last flush before the daemon stops.
    pub fn flush_all(&mut self, now: Now) -> Transition {
        self.to_flush = self.table.running().map(|entry| entry.device.id).collect();
        self.housekeeping(now, usize::MAX, &HashSet::new())
    }

    /// A flush that could not be written is tried again in the next round.
    pub fn flush_failed(&mut self, transition: &Transition) {
        for change in &transition.changes {
            if let Change::Usage(session) | Change::Session(session) = change
                && let Some(run) = self.table.device_mut(session.device).and_then(|entry| entry.run.as_mut())
            {
                run.dirty = true;
            }
        }
    }

    fn note_absent(&mut self, now: BootTime) {
        let absent: Vec<DeviceId> = self
            .table
            .running()
            .filter(|entry| !entry.device.present && entry.away_since.is_none())
            .map(|entry| entry.device.id)
            .collect();
        for id in absent {
            if let Some(entry) = self.table.device_mut(id) {
                entry.away_since = Some(now);
            }
        }
    }

    /// Devices that are let through and have been quiet: whether they are still there is to be asked of the network.
    pub fn quiet(&self, now: BootTime) -> Vec<DeviceId> {
        let quiet = |entry: &&Entry| {
            entry.run.as_ref().is_some_and(|run| now.millis_since(run.active_at) >= QUIET_MS)
                && self.zone_of(&entry.device).policy.away_pause_secs.is_some()
        };
        self.table.running().filter(quiet).map(|entry| entry.device.id).collect()
    }
}

/// What becomes of a running session.
enum End {
    Session(SessionState, EventKind),
    Pause(PauseReason),
}

/// The save that is due to the session's source, if it has one elsewhere.
pub(super) fn outbox(session: &ClientSession) -> Option<Change> {
    let reference = session.source.clone().filter(|_| session.source_seq > 0)?;
    Some(Change::Outbox(SourceUsage {
        session: session.id,
        reference,
        seq: session.source_seq,
        usage: session.consumed(),
        state: session.state.as_str(),
    }))
}

impl Work<'_> {
    /// A device that the neighbour table had given up sends: it is here.
    fn came_back(mut self, id: DeviceId) -> Transition {
        let changed = self.change_device(id, |device| device.present = true);
        debug_assert!(changed.is_ok(), "the device was just looked at");
        self.finish(Outcome::Done)
    }

    /// Days that could not be counted while the clock was wrong begin now; those that are over end what is not running.
    fn count_days(&mut self) {
        let wall = self.now.wall;
        let begins = |session: &&ClientSession| {
            session.terms.exp_days.is_some() && session.expires_at.is_none() && session.started_at.is_some()
        };
        let over = |session: &&ClientSession| {
            !session.is_running() && session.expires_at.is_some_and(|expires| wall >= expires)
        };
        let late: Vec<_> = self.mgr.table.sessions().filter(begins).map(|session| session.id).collect();
        let ended: Vec<_> = self.mgr.table.sessions().filter(over).map(|session| session.id).collect();
        for id in late {
            let counted = self.change_session(id, |session| {
                session.expires_at = session.terms.exp_days.map(|days| wall.plus_days(days));
            });
            debug_assert!(counted.is_ok(), "the session was just listed");
        }
        for id in ended {
            let expired = self.end(id, SessionState::Expired, EventKind::SessionExpired);
            debug_assert!(expired.is_ok(), "the session was just listed");
        }
    }
}
