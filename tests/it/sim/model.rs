use std::collections::{BTreeMap, BTreeSet, HashMap};

use turnpike::domain::{
    BootTime, ClientDevice, ClientKey, ClientSession, DeviceId, GateOp, KernelBooks, MacAddr, Now,
    OpeningHours, SessionId, SessionState, SessionsMgr, SourceData, Utc, WallTime, ZoneName, ZonePolicy,
};

use super::kernel::SimKernel;
use super::store::SimStore;

/// The kernel may let a client through so much longer than its time, in milliseconds.
const GRACE_MS: u64 = 50;
const DAY_MS: i64 = 86_400_000;
/// The most that a group takes from its `now` to its end: what moves into a zone that is closed is not charged for it.
const GROUP_MS: u64 = 20;
/// An opening or closing may come so much late or early: the clocks may drift apart by a second, and the kernel's grace.
const SURELY_MS: i64 = 1_100;

/// What each session should have been charged, by plain arithmetic: every byte that passed goes to the session that was
/// running in the store when the byte was read, every millisecond to the one that was running in the store meanwhile.
#[derive(Debug, Default)]
pub struct Model {
    /// Bytes that passed and that no reading has shown yet.
    unread: BTreeMap<MacAddr, u64>,
    sessions: BTreeMap<SessionId, Account>,
    ended: BTreeSet<SessionId>,
    /// What sessions that were moved became.
    moved: BTreeMap<SessionId, SessionId>,
    /// When store or kernel last refused something.
    pub failed_at: Option<BootTime>,
    /// How far the wall clock is off, in milliseconds.
    wall_off: i64,
    /// The zones.
    zones: Vec<ZonePolicy>,
    /// Whether the daemon knows what time it is, as of the last look.
    is_sure: bool,
    /// In which zone each device was at the last look, and since when.
    places: BTreeMap<MacAddr, (Option<ZoneName>, BootTime)>,
    /// When a clock that was right leapt ahead by more than a day.
    leapt: Option<BootTime>,
}

#[derive(Debug, Default, Clone)]
struct Account {
    bytes: u64,
    /// Of them, those that were read while it was free.
    free_bytes: u64,
    /// Milliseconds that its row said it runs and is free.
    free_millis: u64,
    /// Milliseconds that its row said it runs.
    millis: u64,
    /// It may be charged so much more: a group takes time between its `now` and its commit.
    more: u64,
    /// Or so much less: the same at its end, or while it was not let through around a crash.
    less: u64,
    /// Bytes beyond its limit that passed unread while the kernel was still to hear of the limit.
    over: u64,
    /// The highest data limit it ever had.
    limit: Option<u64>,
    /// The highest time limit it ever had, in milliseconds: the kernel hears of a lower one after the store.
    time_limit: u64,
    /// The last that was seen: usage never shrinks.
    seen: (u64, u64),
}

impl Account {
    /// These limits held for a while.
    fn granted(&mut self, session: &ClientSession) {
        self.time_limit = self.time_limit.max(session.terms.time_limit_ms.unwrap_or(u64::MAX));
        self.limit = self.limit.max(Some(session.terms.data_limit_bytes.unwrap_or(u64::MAX)));
    }
}

impl Model {
    /// A row was written: its limits hold, if only until the next one of the same group.
    pub fn written(&mut self, session: &ClientSession) {
        self.account(session.id).granted(session);
    }

    fn account(&mut self, id: SessionId) -> &mut Account {
        self.sessions.entry(id).or_default()
    }

    /// Time went by.
    pub fn time_passed(&mut self, store: &SimStore, millis: u64, from: WallTime) {
        let to = from.plus_millis(i64::try_from(millis).unwrap() + SURELY_MS);
        for session in store.sessions.values().filter(|session| session.is_running()) {
            let hours = self.hours_of(&store.devices[&session.device]);
            let is_open_throughout = hours.is_none_or(|hours| {
                let opening = hours.at(from.plus_millis(-SURELY_MS), &Utc);
                self.is_sure && opening.is_open && opening.until.is_none_or(|until| until > to)
            });
            let account = self.account(session.id);
            account.millis += millis;
            if !is_open_throughout {
                account.less += millis;
            }
            if store.is_free(session) {
                account.free_millis += millis;
            }
        }
    }

    /// The opening hours that are a device's concern.
    fn hours_of(&self, device: &ClientDevice) -> Option<OpeningHours> {
        let zone =
            self.zones.iter().find(|zone| Some(&zone.name) == device.zone.as_ref()).or(self.zones.first())?;
        let is_concern = !zone.open.is_always() && !zone.trusted.contains(&device.mac);
        is_concern.then(|| zone.open.clone())
    }

    /// Nobody passes while their zone is closed.
    fn check_open(&self, device: &ClientDevice, now: Now) {
        let Some(hours) = self.hours_of(device) else { return };
        let came = self.places.get(&device.mac).filter(|(zone, _)| *zone == device.zone);
        let is_settled = came.is_some_and(|(_, since)| now.boot.millis_since(*since) > GRACE_MS);
        let opening = hours.at(now.wall.plus_millis(-SURELY_MS), &Utc);
        let was_open = opening.is_open || opening.until.is_some_and(|until| until <= now.wall);
        assert!(was_open || !self.is_sure || !is_settled, "{} passes in a zone that is closed", device.mac);
    }

    /// The wall clock was set.
    pub fn clock_stepped(&mut self, millis: i64, now: BootTime) {
        self.is_sure = false;
        if self.wall_off == 0 && millis > DAY_MS {
            self.leapt = Some(now);
        }
        self.wall_off += millis;
        if self.wall_off <= DAY_MS {
            self.leapt = None;
        }
    }

    /// How far the wall clock is off, in milliseconds.
    pub const fn wall_off(&self) -> i64 {
        self.wall_off
    }

    /// A packet passed: somebody must be running on something, within its time.
    pub fn packet_passed(&mut self, mac: MacAddr, store: &SimStore, bytes: u64, now: Now) {
        let device =
            store.devices.values().find(|device| device.mac == mac).expect("an unknown device passes");
        assert!(!device.blocked, "a blocked device passes");
        self.check_open(device, now);
        let session = store.running(device.id).expect("a device passes without a running session");
        *self.unread.entry(mac).or_default() += bytes;
        if let Some(limit) = session.terms.time_limit_ms.filter(|_| !store.is_free(session)) {
            let account = self.account(session.id);
            let ran = account.millis.saturating_sub(account.less + account.free_millis);
            let most = limit.max(account.time_limit).saturating_add(GRACE_MS + account.more);
            assert!(ran <= most, "{} ran {ran} of {limit} ms and still passes", session.id);
        }
    }

    /// A reading showed what had passed.
    pub fn books_read(&mut self, mac: MacAddr, device: DeviceId, store: &SimStore) {
        let bytes = self.unread.remove(&mac).unwrap_or(0);
        if bytes > 0 {
            let session = store.running(device).expect("bytes passed that nobody pays for");
            let account = self.account(session.id);
            account.bytes += bytes;
            if store.is_free(session) {
                account.free_bytes += bytes;
            }
        }
    }

    /// Rows that run have changed, within a group of phases that took so many milliseconds each.
    pub fn ran(
        &mut self,
        before: &BTreeMap<DeviceId, SessionId>,
        after: &BTreeMap<DeviceId, SessionId>,
        phase_millis: u64,
    ) {
        let before: BTreeSet<SessionId> = before.values().copied().collect();
        let after: BTreeSet<SessionId> = after.values().copied().collect();
        for id in before.symmetric_difference(&after) {
            let account = self.account(*id);
            account.more += 5 * phase_millis;
            account.less += 5 * phase_millis;
        }
    }

    /// A provider offers a session with what is used of it already.
    pub fn offered(&mut self, id: SessionId, data: Option<&SourceData>) {
        if let Some(data) = data {
            let account = self.account(id);
            account.bytes = data.usage.data_bytes();
            account.millis = data.usage.time_ms;
        }
    }

    /// What a session has left goes on under another id.
    pub fn moved(&mut self, old: SessionId, new: SessionId) {
        let account = self.account(old).clone();
        self.sessions.insert(new, account);
        self.moved.insert(old, new);
    }

    /// A source said anew what is used.
    pub fn reloaded(&mut self, id: SessionId, data: Option<&SourceData>) {
        // The answer comes after its group, in which what it said may have moved on.
        if let Some(new) = self.moved.get(&id).copied() {
            self.reloaded(new, data);
        }
        if let Some(data) = data {
            let account = self.account(id);
            account.bytes = account.bytes.max(data.usage.data_bytes() + account.free_bytes);
            account.millis = account.millis.max(data.usage.time_ms + account.free_millis);
            account.more += data.usage.time_ms;
            account.less += data.usage.time_ms;
            // It may say that more is used than it grants.
            account.seen.0 = account.seen.0.max(data.usage.data_bytes() + account.free_bytes);
        }
    }

    /// Nothing unread may be thrown away with the elements.
    pub fn before_gate_op(&self, op: &GateOp, kernel: &SimKernel) {
        if let GateOp::Close { key } | GateOp::Forget { key, .. } = op {
            let mac = kernel.pairs.iter().find(|(_, held)| *held == key).map(|(mac, _)| *mac);
            let unread = mac.and_then(|mac| self.unread.get(&mac)).copied().unwrap_or(0);
            assert_eq!(unread, 0, "{op:?} throws away bytes that were never read");
        }
    }

    /// Only what passed unread may lie beyond the limit of the session that takes over.
    pub fn after_gate_op(&mut self, op: &GateOp, kernel: &mut SimKernel, store: &SimStore) {
        let over = kernel.let_over.remove(&op.key()).unwrap_or(0);
        if over > 0 {
            let mac = kernel.pairs.iter().find(|(_, held)| **held == op.key()).map(|(mac, _)| *mac).unwrap();
            let unread = self.unread.get(&mac).copied().unwrap_or(0);
            assert!(over <= unread, "{op:?} lets {over} bytes beyond the limit, {unread} were unread");
            let device = store.devices.values().find(|device| device.mac == mac).unwrap();
            let session = store.running(device.id).unwrap().id;
            self.account(session).over += over;
        }
    }

    /// The daemon died between commit and kernel: the successor pays for what passed on the old element.
    pub fn died_before_swapping(&mut self, store: &SimStore) {
        for (mac, unread) in self.unread.clone() {
            if let Some(device) = store.devices.values().find(|device| device.mac == mac)
                && let Some(session) = store.running(device.id)
            {
                self.account(session.id).over += unread;
            }
        }
    }

    /// The kernel's counters are gone with what nobody had read.
    pub fn counters_lost(&mut self) {
        self.unread.clear();
    }

    /// A daemon starts on these rows and these books.
    pub fn restarting(&mut self, store: &SimStore, found: &HashMap<ClientKey, KernelBooks>, now: Now) {
        // A new daemon cannot know that the clock leapt before it was started.
        self.leapt = None;
        for session in store.sessions.values() {
            let SessionState::Running(checkpoint) = &session.state else { continue };
            let device = &store.devices[&session.device];
            if found.contains_key(&checkpoint.key) {
                self.books_read(device.mac, device.id, store);
            }
            // Not let through when the daemon died: nobody knows since when, and the guest gets the benefit.
            if found.get(&checkpoint.key).is_none_or(|reading| reading.quota_used.is_none()) {
                let millis = now.boot.millis_since(checkpoint.at);
                let account = self.account(session.id);
                account.less += millis;
                account.seen.1 = session.usage.time_ms;
            }
        }
    }

    /// Power is back: what was not flushed is gone.
    pub fn rebooted(&mut self, store: &SimStore) {
        self.unread.clear();
        self.failed_at = None;
        for session in store.sessions.values() {
            let account = self.account(session.id);
            let flushed = session.usage.data_bytes();
            assert!(flushed <= account.bytes, "more is stored than passed");
            account.bytes = flushed;
            account.free_bytes = session.free.data_bytes();
            account.millis = session.usage.time_ms;
            account.free_millis = session.free.time_ms;
            (account.more, account.less) = (0, 0);
            account.seen = (flushed, session.usage.time_ms);
        }
    }

    /// Everything that must hold when nothing is under way.
    pub fn check(
        &mut self,
        mgr: &SessionsMgr,
        store: &SimStore,
        kernel: &SimKernel,
        zones: &[ZonePolicy],
        now: Now,
    ) {
        self.zones = zones.to_vec();
        self.is_sure = self.wall_off == 0 && mgr.belief().0;
        for device in mgr.devices() {
            let place = self.places.entry(device.mac).or_insert((device.zone.clone(), now.boot));
            if place.0 != device.zone {
                *place = (device.zone.clone(), now.boot);
                let of_device = store.sessions.values().filter(|session| session.device == device.id);
                for session in of_device {
                    self.sessions.entry(session.id).or_default().less += GROUP_MS;
                }
            }
        }
        super::invariants::store_agrees(mgr, store);
        super::invariants::kernel_agrees(mgr, kernel, now);
        super::invariants::classes_agree(mgr, kernel, zones);
        super::invariants::deadlines_come(mgr, self.failed_at);
        self.check_accounts(mgr, store, now.boot);
        self.check_ended(store, now);
    }

    fn check_accounts(&mut self, mgr: &SessionsMgr, store: &SimStore, now: BootTime) {
        for row in store.sessions.values() {
            let session = mgr.session(row.id).unwrap_or(row);
            let (bytes, millis) = (session.usage.data_bytes(), session.usage.time_ms);
            let account = self.account(row.id);
            assert_eq!(bytes, account.bytes, "{}: charged and passed bytes", row.id);
            assert_eq!(session.free.data_bytes(), account.free_bytes, "{}: free bytes", row.id);
            account.granted(session);
            if let Some(limit) = account.limit {
                let most = limit.saturating_add(account.over);
                let consumed = session.consumed_bytes();
                assert!(consumed <= most.max(account.seen.0), "{}: {consumed} bytes of {most}", row.id);
            }
            assert!(millis <= account.millis + account.more, "{}: {millis} ms, {account:?}", row.id);
            let consumed = session.consumed_ms();
            if session.terms.time_limit_ms.is_some_and(|limit| consumed >= limit) {
                account.less = account.less.max(account.millis.saturating_sub(millis));
            }
            // Between two readings time has passed that is not charged yet.
            let owed = if let SessionState::Running(checkpoint) = &session.state {
                now.millis_since(checkpoint.at)
            } else {
                0
            };
            let least = account.millis.saturating_sub(account.less + owed);
            assert!(millis >= least, "{}: {millis} ms of {least}, {account:?}", row.id);
            assert!(bytes >= account.seen.0, "{}: data shrank to {bytes}: {account:?}", row.id);
            assert!(millis >= account.seen.1, "{}: time shrank to {millis}: {account:?}", row.id);
            account.seen = (bytes, millis);
        }
    }

    fn check_ended(&mut self, store: &SimStore, now: Now) {
        for row in store.sessions.values() {
            assert!(!(row.is_usable() && self.ended.contains(&row.id)), "{} came back", row.id);
            if row.is_usable() || !self.ended.insert(row.id) {
                continue;
            }
            assert!(row.ended_at.is_some());
            if row.state == SessionState::Expired
                && let Some(leapt) = self.leapt
            {
                let right = now.wall.plus_millis(-self.wall_off);
                let believable = now.boot.millis_since(leapt) >= 86_400_000;
                assert!(
                    believable || row.expires_at.is_some_and(|expires| right >= expires),
                    "{} expired by a clock that nobody should believe",
                    row.id
                );
            }
        }
    }
}
