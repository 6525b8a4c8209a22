//! When zones are open: looked at with the clock, and carried out as deadlines on CLOCK_BOOTTIME, so that the kernel closes
//! on time while nobody is there to tell it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::SessionsMgr;
use super::table::Entry;
use super::work::Work;
use crate::domain::{
    BootTime, DeviceId, LocalTime, Now, Opening, OpeningHours, PauseReason, Refusal, SessionState, WallTime,
    When, ZoneName,
};

/// By so much the wall clock may go faster or slower than CLOCK_BOOTTIME before a deadline is set anew.
const DRIFT_MS: u64 = 1_000;
/// A zone's hours are looked at anew after so long: somebody may have put this box into another time zone.
const LOOK_MS: u64 = 60_000;
/// Who was let in and had to be cut off again, since that could not be stored, waits for so long.
const AGAIN_MS: u64 = 1_000;
/// Who waits for the authenticators' word waits on for so long: it comes in less, and whoever could not be let in after it
/// is asked about again. Not each second, since those who are asked may be far away.
const ASKED_MS: u64 = 10_000;

/// Whether a zone is open, and what is known of the next change.
#[derive(Debug)]
pub(super) struct Hours {
    is_open: bool,
    next: Option<NextChange>,
    /// When it last closed, since the start: whoever ran then is cut off, also if it is open again.
    closed_at: Option<BootTime>,
    looked_at: Option<BootTime>,
    /// The last change that came as it was said to: a wall clock that is a little behind does not take it back.
    last: WallTime,
    /// Deadlines of its clients are to be brought up to date.
    is_news: bool,
    /// Who is let in by itself as it opens, and since when: they were cut off by the hours, or came meanwhile. Nobody who
    /// runs something, and nobody who has nothing to run.
    waiting: BTreeMap<DeviceId, BootTime>,
    /// The last moment that was asked for, and what was so from then on: many ask for nearly the same one at the start.
    asked: Option<(WallTime, Opening)>,
}

/// The next change, by both clocks.
#[derive(Debug, Clone, Copy)]
struct NextChange {
    wall: WallTime,
    boot: BootTime,
}

impl Default for Hours {
    fn default() -> Self {
        Self {
            is_open: true,
            next: None,
            closed_at: None,
            looked_at: None,
            last: WallTime(i64::MIN),
            is_news: false,
            waiting: BTreeMap::new(),
            asked: None,
        }
    }
}

/// How a zone stands to its opening hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneOpening {
    /// Whether it is open.
    pub is_open: bool,
    /// When that changes next; `None`: never, or nobody knows the time.
    pub changes_at: Option<WallTime>,
    /// In how many milliseconds that is, whatever the wall clock shows.
    pub changes_in_ms: Option<u64>,
}

impl Hours {
    fn look(&mut self, hours: &OpeningHours, wall: WallTime, boot: BootTime, place: &dyn LocalTime) {
        let is_fresh = self.looked_at.is_some_and(|at| boot.millis_since(at) < LOOK_MS);
        if let Some(next) = self.next {
            let keeps_step = next.boot.0.abs_diff(boot_of(next.wall, wall, boot).0) <= DRIFT_MS;
            if keeps_step && boot >= next.boot {
                self.last = next.wall;
            } else if keeps_step && is_fresh {
                return;
            }
        } else if is_fresh {
            return;
        }
        let is_behind = wall < self.last && self.last.0.abs_diff(wall.0) <= 2 * DRIFT_MS;
        let opening = hours.at(if is_behind { self.last } else { wall }, place);
        let next = opening.until.map(|until| NextChange { wall: until, boot: boot_of(until, wall, boot) });
        self.looked_at = Some(boot);
        let is_same = opening.is_open == self.is_open
            && match (self.next, next) {
                (Some(old), Some(new)) => old.wall == new.wall && old.boot.0.abs_diff(new.boot.0) <= DRIFT_MS,
                (old, new) => old.is_none() && new.is_none(),
            };
        if is_same {
            return;
        }
        if self.is_open && !opening.is_open {
            self.closed_at = Some(self.next.map_or(boot, |next| next.boot.min(boot)));
        } else {
            // It may have closed and opened again since the last look.
            self.closed_at = self.closed_by(boot);
        }
        self.is_open = opening.is_open;
        self.next = next;
        self.is_news = true;
    }

    fn at(&mut self, hours: &OpeningHours, wall: WallTime, place: &dyn LocalTime) -> Opening {
        if let Some((from, known)) = self.asked
            && from <= wall
            && known.until.is_some_and(|until| wall < until)
        {
            return known;
        }
        let opening = hours.at(wall, place);
        self.asked = Some((wall, opening));
        opening
    }

    fn opening(&self, boot: BootTime) -> ZoneOpening {
        ZoneOpening {
            is_open: self.is_open_at(boot),
            changes_at: self.next.map(|next| next.wall),
            changes_in_ms: self.next.map(|next| next.boot.millis_since(boot)),
        }
    }

    fn is_open_at(&self, boot: BootTime) -> bool {
        self.is_open == self.next.is_none_or(|next| boot < next.boot)
    }

    /// When it last closed, up to now.
    fn closed_by(&self, boot: BootTime) -> Option<BootTime> {
        let closes = self.next.map(|next| next.boot).filter(|at| self.is_open && *at <= boot);
        closes.or(self.closed_at)
    }
}

/// When it will be so late on the wall, by CLOCK_BOOTTIME.
fn boot_of(at: WallTime, wall: WallTime, boot: BootTime) -> BootTime {
    BootTime(boot.0.saturating_add_signed(at.0.saturating_sub(wall.0)))
}

impl SessionsMgr {
    /// Looks at the hours of every zone. While no clock could be believed since the start, all are open: a box that starts in
    /// 1970 shuts nobody out. If it cannot be believed any more, time goes on from when it could.
    pub(super) fn look_at_hours(&mut self, now: Now) {
        self.hours_at = now.boot;
        let Some(wall) = self.hours_wall(now) else { return };
        for zone in self.zones.values_mut().filter(|zone| !zone.policy.open.is_always()) {
            zone.hours.look(&zone.policy.open, wall, now.boot, self.place.as_ref());
        }
    }

    /// What opening hours take for the time on the wall.
    fn hours_wall(&self, now: Now) -> Option<WallTime> {
        let believed = self.last_believed?;
        let since = i64::try_from(now.boot.millis_since(believed.boot)).unwrap_or(i64::MAX);
        Some(believed.wall.plus_millis(since))
    }

    /// When the next zone opens or closes, or somebody waits who can be let in.
    pub(super) fn next_opening(&self) -> Option<BootTime> {
        let hours = || self.zones.values().map(|zone| &zone.hours);
        let waiting = hours().filter(|hours| hours.is_open).flat_map(|hours| hours.waiting.values());
        let changes = hours().filter_map(|hours| hours.next).map(|next| next.boot);
        changes.chain(waiting.map(|since| since.plus_millis(1))).min()
    }

    /// Whether a device's zone is closed, and the device not trusted.
    pub(super) fn is_shut_out(&self, entry: &Entry, boot: BootTime) -> bool {
        self.hours_for(entry).is_some_and(|hours| !hours.is_open_at(boot))
    }

    /// When a device that runs since, or whose books are as of, then is cut off because its zone closes: in the past if it
    /// has closed. `None`: never.
    pub(super) fn closes_at(&self, entry: &Entry, since: BootTime) -> Option<BootTime> {
        let hours = self.hours_for(entry)?;
        let next = hours.next.map(|next| next.boot).filter(|_| hours.is_open);
        let has_closed = hours.closed_at.filter(|closed| since <= *closed);
        // It was cut off before it could run here: it came from another zone, or its zone closed otherwise.
        let is_closed = (!hours.is_open).then_some(since);
        has_closed.or(next).or(is_closed)
    }

    /// The hours that are a device's concern.
    fn hours_for(&self, entry: &Entry) -> Option<&Hours> {
        let zone = self.zone_of(&entry.device);
        let is_trusted = zone.policy.trusted.contains(&entry.device.mac);
        (!zone.policy.open.is_always() && !is_trusted).then_some(&zone.hours)
    }

    /// Whether a device's zone lets it in now, as far as opening hours go.
    pub fn lets_in(&self, device: DeviceId, now: Now) -> Result<(), Refusal> {
        self.must_be_open(self.table.device(device).ok_or(Refusal::UnknownDevice)?, now)
    }

    pub(super) fn must_be_open(&self, entry: &Entry, now: Now) -> Result<(), Refusal> {
        if !self.is_shut_out(entry, now.boot) {
            return Ok(());
        }
        let opens = self.zone_of(&entry.device).hours.next.filter(|next| next.boot > now.boot);
        Err(match opens {
            Some(next) => Refusal::Closed {
                opens: When::ahead(next.wall, self.hours_wall(now).unwrap_or(now.wall), self.place.as_ref()),
                retry_secs: next.boot.millis_since(now.boot).div_ceil(1_000),
            },
            // It has just closed: when it opens is known in a moment.
            None => Refusal::Closed { opens: When::Later, retry_secs: 1 },
        })
    }

    /// Charges what a device runs for its time up to now, or up to the closing of its zone: the kernel let nothing through
    /// after that, however late this is.
    pub(super) fn spend_to(&mut self, id: DeviceId, now: BootTime) {
        let Some(entry) = self.table.device(id) else { return };
        let Some(known) = entry.run.as_ref().and_then(|run| self.table.session(run.session)) else { return };
        let SessionState::Running(checkpoint) = &known.state else { return };
        let until = self.closes_at(entry, checkpoint.at).map_or(now, |at| now.min(at));
        let spent = until.millis_since(checkpoint.at);
        let (session, unmetered) = (known.id, self.policies.is_unmetered(known, &entry.device));
        let zone = self.zone_of(&entry.device).policy.name.clone();
        if let Some(session) = self.table.session_mut(session)
            && let SessionState::Running(checkpoint) = &mut session.state
        {
            checkpoint.at = checkpoint.at.plus_millis(spent);
            session.spend(spent, unmetered);
        }
        if let Some(zone) = self.zones.get_mut(&zone) {
            zone.traffic.online_ms += spent;
        }
    }

    /// The first moment after `since` at which a device's zone was closed, up to now.
    pub(super) fn closed_since(&mut self, device: DeviceId, since: BootTime, now: Now) -> Option<BootTime> {
        let wall = self.hours_wall(now)?;
        let entry = self.table.device(device)?;
        let policy = &self.zone_of(&entry.device).policy;
        if policy.open.is_always() || policy.trusted.contains(&entry.device.mac) {
            return None;
        }
        let (name, place) = (policy.name.clone(), Arc::clone(&self.place));
        let before = i64::try_from(now.boot.millis_since(since)).unwrap_or(i64::MAX);
        let zone = self.zones.get_mut(&name)?;
        let then = wall.plus_millis(before.saturating_neg());
        let opening = zone.hours.at(&zone.policy.open, then, place.as_ref());
        let closed = opening.until.filter(|until| opening.is_open && *until <= wall)?;
        Some(boot_of(closed, wall, now.boot).max(since))
    }

    /// How each zone stands to its opening hours, in the order of their names.
    pub fn openings(&self, now: Now) -> Vec<(ZoneName, ZoneOpening)> {
        self.zones.iter().map(|(name, zone)| (name.clone(), zone.hours.opening(now.boot))).collect()
    }

    /// How a device's zone stands to its opening hours; `None` if they are no concern of the device.
    pub fn opening_for(&self, device: DeviceId, now: Now) -> Option<ZoneOpening> {
        let entry = self.table.device(device)?;
        self.hours_for(entry).map(|hours| hours.opening(now.boot))
    }

    /// These devices wait for their zone to open, since then: if they run nothing, and there is something that would be let
    /// run by itself.
    pub(super) fn wait_since(&mut self, devices: &[DeviceId], since: BootTime) {
        for id in devices {
            let Some(entry) = self.table.device(*id).filter(|entry| self.goes_on_by_itself(entry)) else {
                continue;
            };
            let zone = self.zone_of(&entry.device).policy.name.clone();
            if let Some(zone) = self.zones.get_mut(&zone) {
                zone.hours.waiting.insert(*id, since);
            }
        }
    }

    /// These waited, and could not be let in since that could not be stored: not at once, a store that cannot write would be
    /// asked without a pause.
    pub(super) fn wait_again(&mut self, devices: &[DeviceId], boot: BootTime) {
        let pause = if self.asks_authenticators { ASKED_MS } else { AGAIN_MS };
        self.wait_since(devices, boot.plus_millis(pause));
    }

    /// The authenticators do not let a device in.
    pub(super) fn was_denied(&mut self, device: DeviceId) {
        for zone in self.zones.values_mut() {
            zone.hours.waiting.remove(&device);
        }
    }

    fn goes_on_by_itself(&self, entry: &Entry) -> bool {
        let is_interrupted = |id| {
            self.table.session(id).is_some_and(|session| {
                matches!(session.state, SessionState::Paused(PauseReason::Reboot | PauseReason::OpeningHours))
            })
        };
        let auto_connect = self.zone_of(&entry.device).policy.auto_connect;
        let mut sessions = entry.sessions.iter();
        entry.run.is_none() && sessions.any(|id| auto_connect || is_interrupted(*id))
    }
}

impl Work<'_> {
    /// The device is let in as its zone opens, as if it came then.
    pub(super) fn wait_for_opening(&mut self, id: DeviceId) {
        self.mgr.wait_since(&[id], self.now.boot);
    }

    /// The authenticators are to be asked about a device, which goes on waiting until it is connected, or they say no: what
    /// they allow may not be stored.
    pub(super) fn ask_to_let_in(&mut self, id: DeviceId) {
        self.transition.wants_connect.push(id);
        self.mgr.wait_since(&[id], self.now.boot.plus_millis(ASKED_MS));
    }

    /// It runs something, or somebody has cut it off since, or it is not known any more.
    pub(super) fn wait_no_more(&mut self, id: DeviceId) {
        for zone in self.mgr.zones.values_mut() {
            if zone.hours.waiting.remove(&id).is_some() {
                self.transition.waited.push(id);
            }
        }
    }

    /// A device has its first session while its zone is closed: it came with nothing to wait with.
    pub(super) fn wait_with_first(&mut self, id: DeviceId) {
        let waits = self.entry(id).is_ok_and(|entry| {
            entry.sessions.len() == 1
                && entry.device.present
                && !entry.device.blocked
                && self.mgr.is_shut_out(entry, self.now.boot)
        });
        if waits {
            self.wait_for_opening(id);
        }
    }

    /// Brings the deadlines up to date of who is online where a change of the hours is news, and lets in whoever waits where
    /// it is open: at most so many at a time, and nobody whom another step of this group has `touched`.
    pub(super) fn keep_hours(&mut self, touched: &HashSet<DeviceId>, most: usize) {
        let mut news = Vec::new();
        let mut waiting = Vec::new();
        let now = self.now.boot;
        for (name, zone) in &mut self.mgr.zones {
            if std::mem::take(&mut zone.hours.is_news) {
                news.push(name.clone());
            }
            if zone.hours.is_open_at(now) {
                // Who was cut off in this very group is let in with the next: what a group takes away goes last.
                zone.hours.waiting.retain(|id, since| {
                    if *since >= now || waiting.len() >= most {
                        return true;
                    }
                    if touched.contains(id) {
                        *since = now;
                        return true;
                    }
                    waiting.push(*id);
                    false
                });
            }
        }
        for zone in news {
            let here = |entry: &&Entry| self.mgr.zone_of(&entry.device).policy.name == zone;
            let running: Vec<DeviceId> =
                self.mgr.table.running().filter(here).map(|entry| entry.device.id).collect();
            running.into_iter().for_each(|id| self.touch(id));
        }
        self.transition.waited.extend(&waiting);
        for id in waiting {
            if let Err(refusal) = self.let_in_at_opening(id) {
                // It was forgotten meanwhile, or asks on its page when there is room again.
                debug_assert!(matches!(refusal, Refusal::UnknownDevice | Refusal::KeysUsedUp), "{refusal}");
            }
        }
    }

    fn let_in_at_opening(&mut self, id: DeviceId) -> Result<(), Refusal> {
        let entry = self.entry(id)?;
        if !entry.device.present || entry.device.blocked || entry.run.is_some() {
            // Who comes back, or is unblocked, is looked at then.
            return Ok(());
        }
        if self.mgr.is_shut_out(entry, self.now.boot) {
            // It is in another zone now.
            self.wait_for_opening(id);
            return Ok(());
        }
        let auto_connect = self.mgr.zone_of(&entry.device).policy.auto_connect;
        self.let_in(id, false, auto_connect)
    }
}
