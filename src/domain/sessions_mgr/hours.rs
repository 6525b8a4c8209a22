//! When zones are open: looked at with the clock, and carried out as deadlines on CLOCK_BOOTTIME, so that the kernel closes
//! on time while nobody is there to tell it.

use std::collections::BTreeMap;

use super::SessionsMgr;
use super::table::Entry;
use super::work::Work;
use crate::domain::{
    BootTime, DeviceId, LocalTime, Now, OpeningHours, Refusal, SessionState, WallTime, When, ZoneName,
};

/// By so much the wall clock may go faster or slower than CLOCK_BOOTTIME before a deadline is set anew.
const DRIFT_MS: u64 = 1_000;
/// A zone's hours are looked at anew after so long: somebody may have put this box into another time zone.
const LOOK_MS: u64 = 60_000;

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
    /// runs something.
    waiting: BTreeMap<DeviceId, BootTime>,
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
        let Some(believed) = self.last_believed else { return };
        let since = i64::try_from(now.boot.millis_since(believed.boot)).unwrap_or(i64::MAX);
        let wall = believed.wall.plus_millis(since);
        for zone in self.zones.values_mut().filter(|zone| !zone.policy.open.is_always()) {
            zone.hours.look(&zone.policy.open, wall, now.boot, self.place.as_ref());
        }
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
                opens: When::ahead(next.wall, now.wall, self.place.as_ref()),
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
    pub(super) fn closed_since(&self, device: DeviceId, since: BootTime, now: Now) -> Option<BootTime> {
        let entry = self.table.device(device)?;
        let policy = &self.zone_of(&entry.device).policy;
        if self.last_believed.is_none()
            || policy.open.is_always()
            || policy.trusted.contains(&entry.device.mac)
        {
            return None;
        }
        let before = i64::try_from(now.boot.millis_since(since)).unwrap_or(i64::MAX);
        let opening = policy.open.at(now.wall.plus_millis(before.saturating_neg()), self.place.as_ref());
        let closed = opening.until.filter(|until| opening.is_open && *until <= now.wall)?;
        Some(boot_of(closed, now.wall, now.boot).max(since))
    }

    /// How each zone stands to its opening hours, in the order of their names.
    pub fn openings(&self, now: Now) -> Vec<(ZoneName, ZoneOpening)> {
        let opening = |zone: &super::Zone| ZoneOpening {
            is_open: zone.hours.is_open_at(now.boot),
            changes_at: zone.hours.next.map(|next| next.wall),
        };
        self.zones.iter().map(|(name, zone)| (name.clone(), opening(zone))).collect()
    }

    /// How a device's zone stands to its opening hours; `None` if they are no concern of the device.
    pub fn opening_for(&self, device: DeviceId, now: Now) -> Option<ZoneOpening> {
        let entry = self.table.device(device)?;
        let zone = self.zone_of(&entry.device);
        let changes_at = zone.hours.next.map(|next| next.wall);
        let is_open = zone.hours.is_open_at(now.boot);
        let is_concerned = !zone.policy.open.is_always() && !zone.policy.trusted.contains(&entry.device.mac);
        is_concerned.then_some(ZoneOpening { is_open, changes_at })
    }
}

impl Work<'_> {
    /// The device is let in as its zone opens, as if it came then.
    pub(super) fn wait_for_opening(&mut self, id: DeviceId) {
        let zone = self.entry(id).map(|entry| self.mgr.zone_of(&entry.device).policy.name.clone());
        let now = self.now.boot;
        if let Some(zone) = zone.ok().and_then(|zone| self.mgr.zones.get_mut(&zone)) {
            zone.hours.waiting.insert(id, now);
        }
    }

    /// It runs something, or somebody has cut it off since.
    pub(super) fn wait_no_more(&mut self, id: DeviceId) {
        for zone in self.mgr.zones.values_mut() {
            zone.hours.waiting.remove(&id);
        }
    }

    /// Brings the deadlines up to date of who is online where a change of the hours is news, and lets in whoever waits where
    /// it is open.
    pub(super) fn keep_hours(&mut self) {
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
                    let is_due = *since < now;
                    waiting.extend(is_due.then_some(*id));
                    !is_due
                });
            }
        }
        for zone in news {
            let here = |entry: &&Entry| self.mgr.zone_of(&entry.device).policy.name == zone;
            let running: Vec<DeviceId> =
                self.mgr.table.running().filter(here).map(|entry| entry.device.id).collect();
            running.into_iter().for_each(|id| self.touch(id));
        }
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
