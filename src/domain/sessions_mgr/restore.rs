use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::devices::TRUSTED;
use super::keys::KeyPool;
use super::table::Table;
use super::work::Work;
use super::{SessionsMgr, Settings, Zone};
use crate::domain::{
    Books, Change, ClientDevice, ClientKey, ClientSession, ClockGuard, CloseReason, DeviceId, EventKind,
    KernelBooks, Now, Outcome, PauseReason, Policies, Refusal, SessionState, Text, Transition, WallTime,
};

/// What the daemon finds when it starts.
#[derive(Debug, Default)]
pub struct Restored {
    /// The store's devices.
    pub devices: Vec<ClientDevice>,
    /// The store's usable sessions.
    pub sessions: Vec<ClientSession>,
    /// Devices that ever had a session, also one that has ended.
    pub had_session: HashSet<DeviceId>,
    /// The newest wall-clock time that was believed.
    pub newest_wall: WallTime,
    /// When the wall clock could last be believed, since this process began.
    pub last_believed: Option<Now>,
    /// What the kernel holds; `None` if our table is not there.
    pub kernel: Option<HashMap<ClientKey, KernelBooks>>,
}

/// What has become of a session that the store says is running.
enum Found {
    /// It goes on.
    Running,
    /// It was cut off.
    Stopped(PauseReason),
}

impl SessionsMgr {
    /// Starts from what the store and the kernel hold: the kernel wins for usage, the store for intent.
    ///
    /// The transition stores what has changed meanwhile. The kernel is to be reconciled with [`SessionsMgr::desired`] afterwards.
    ///
    /// # Panics
    /// If `settings` has no zone; the configuration does not allow that.
    pub fn restore(settings: Settings, found: Restored, now: Now) -> (Self, Transition) {
        assert!(!settings.zones.is_empty(), "the configuration has at least one zone");
        let first_zone = settings.zones[0].name.clone();
        let zones: BTreeMap<_, _> = settings
            .zones
            .into_iter()
            .map(|policy| {
                (
                    policy.name.clone(),
                    Zone {
                        shaped: policy.has_limit(),
                        hours: Default::default(),
                        policy,
                        traffic: Default::default(),
                    },
                )
            })
            .collect();
        let policies = Arc::new(Policies {
            zones: zones.iter().map(|(name, zone)| (name.clone(), zone.policy.clone())).collect(),
            first_zone: first_zone.clone(),
            roles: settings.roles,
            gateway: settings.gateway,
        });
        let mut clock = ClockGuard::new(found.newest_wall);
        let clock_believed = clock.observe(now);
        let mut table = Table::default();
        let mut held = HashSet::new();
        let mut rekeyed = HashSet::new();
        for mut device in found.devices {
            if let Some(key) = device.key
                && (key.get() > settings.max_key || !held.insert(key))
            {
                device.key = None;
                rekeyed.insert(device.id);
            }
            device.present = false;
            let id = device.id;
            table.put_device(id, Some(device));
            if let Some(entry) = table.device_mut(id) {
                entry.had_session = found.had_session.contains(&id);
            }
        }
        for session in found.sessions {
            table.put_session(session.id, Some(session), now.boot);
        }
        let mut mgr = Self {
            asks_authenticators: false,
            zones,
            policies,
            first_zone,
            boot_id: settings.boot_id,
            table,
            keys: KeyPool::new(settings.max_key, &held),
            clock,
            clock_believed,
            last_believed: if clock_believed { Some(now) } else { found.last_believed },
            hours_at: now.boot,
            place: settings.place,
            became_believed: clock_believed,
            stored_wall: found.newest_wall,
            flush_ms: settings.flush_ms,
            next_meter: now.boot,
            next_flush: now.boot.plus_millis(settings.flush_ms),
            soon: Default::default(),
            to_flush: VecDeque::new(),
            retention: settings.retention,
            next_forget: now.boot,
            to_forget: VecDeque::new(),
        };
        mgr.look_at_hours(now);
        let running: Vec<_> = mgr.table.running().map(|entry| entry.device.id).collect();
        let mut stopped = Vec::new();
        for id in running {
            match mgr.continue_running(id, found.kernel.as_ref(), now) {
                Found::Running => {}
                Found::Stopped(reason) => stopped.push((id, reason)),
            }
        }
        let mut work = Work::new(&mut mgr, now);
        work.event(EventKind::GatewayStarted, None, None);
        let mut failed = Vec::new();
        for (id, reason) in stopped {
            failed.extend(work.pause(id, reason).err());
        }
        failed.extend(work.give_out_free_keys(&rekeyed).err());
        failed.extend(work.close_untrusted().err());
        debug_assert!(failed.is_empty(), "what was just loaded is there: {failed:?}");
        // Who goes on may have a speed of its own: its zone is shaped again.
        let going_on: Vec<_> = work.mgr.table.running().map(|entry| entry.device.id).collect();
        going_on.into_iter().for_each(|id| work.touch(id));
        let mut transition = work.finish(Outcome::Done);
        // Reconciling brings about what the kernel must hold: all of it, not only what differs by this transition.
        transition.gate.clear();
        transition.shape.clear();
        mgr.reconciled();
        (mgr, transition)
    }

    /// Goes on with a session that the store says is running. One of an earlier boot does not, nor one that the kernel cut
    /// off as its zone closed.
    fn continue_running(
        &mut self,
        id: DeviceId,
        kernel: Option<&HashMap<ClientKey, KernelBooks>>,
        now: Now,
    ) -> Found {
        let boot_id = self.boot_id.clone();
        let interrupted = Found::Stopped(PauseReason::Reboot);
        let Some(entry) = self.table.device_mut(id) else { return interrupted };
        entry.away_since = Some(now.boot);
        let (Some(run), Some(key)) = (entry.run.as_ref(), entry.device.key) else { return interrupted };
        let session = run.session;
        let Some(SessionState::Running(checkpoint)) =
            self.table.session(session).map(|session| session.state.clone())
        else {
            return interrupted;
        };
        if checkpoint.boot_id != boot_id || checkpoint.key != key || checkpoint.at > now.boot {
            return interrupted;
        }
        let stored = Books {
            sent_bytes: checkpoint.sent_bytes,
            received_bytes: checkpoint.received_bytes,
            ..Books::default()
        };
        let reading = kernel.and_then(|kernel| kernel.get(&key)).copied();
        if let Some(entry) = self.table.device_mut(id) {
            entry.kernel = KernelBooks { books: stored, ..KernelBooks::default() };
        }
        // The table stands but does not let this client through, and its time is not over: it was not opened yet, or just
        // shut, when the daemon died. Nothing has passed since, so no time is charged.
        let time_left = self.table.session(session).and_then(ClientSession::time_left_ms);
        let over = time_left.is_some_and(|left| now.boot.millis_since(checkpoint.at) >= left);
        let passes = reading.is_some_and(|reading| reading.quota_used.is_some());
        // It was online up to the closing of its zone, which the kernel enforced alone, and until then it is charged.
        let closed_at = self
            .closed_since(id, checkpoint.at, now)
            .filter(|_| !passes && (kernel.is_none() || reading.is_some()));
        let was_shut = kernel.is_some() && !passes && !over && closed_at.is_none();
        if was_shut
            && let Some(session) = self.table.session_mut(session)
            && let SessionState::Running(checkpoint) = &mut session.state
        {
            checkpoint.at = now.boot;
        }
        // What the kernel has lost altogether starts again at the last values that were stored.
        let lost = |reading: &KernelBooks| {
            reading.books.sent_bytes < stored.sent_bytes
                || reading.books.received_bytes < stored.received_bytes
        };
        let reading = match reading {
            Some(reading) if !lost(&reading) => reading,
            Some(reading) => KernelBooks { books: stored, ..reading },
            None => KernelBooks { books: stored, ..KernelBooks::default() },
        };
        self.settle(key, &reading, false, closed_at.unwrap_or(now.boot));
        closed_at.map_or(Found::Running, |_| Found::Stopped(PauseReason::OpeningHours))
    }
}

impl Work<'_> {
    /// Keys that nobody holds for devices that have none: who was seen last is first in line. None is taken from another for
    /// that; the rest get one when they join. Who lost theirs, because it does not fit any more, is stored without.
    fn give_out_free_keys(&mut self, rekeyed: &HashSet<DeviceId>) -> Result<(), Refusal> {
        let without = self.mgr.table.devices().filter(|entry| entry.device.key.is_none());
        let mut in_line: Vec<_> =
            without.map(|entry| (Reverse(entry.device.last_seen), entry.device.id)).collect();
        in_line.sort_unstable();
        for (_, id) in in_line {
            match self.mgr.keys.take() {
                Some(key) => self.change_device(id, |device| device.key = Some(key))?,
                None if rekeyed.contains(&id) => {
                    let device = ClientDevice::clone(&self.entry(id)?.device);
                    self.change(Change::Device(Box::new(device)));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Sessions of devices that the configuration no longer trusts end.
    fn close_untrusted(&mut self) -> Result<(), Refusal> {
        let untrusted: Vec<_> = self
            .mgr
            .table
            .sessions()
            .filter(|session| session.provider.as_str() == TRUSTED)
            .filter(|session| {
                self.mgr.table.device(session.device).is_none_or(|entry| {
                    !self.mgr.zone_of(&entry.device).policy.trusted.contains(&entry.device.mac)
                })
            })
            .map(|session| session.id)
            .collect();
        for id in untrusted {
            let text = Text::new("the device is no longer trusted");
            self.close_session(id, CloseReason::Operator, text)?;
        }
        Ok(())
    }
}
