//! The one place that decides who is let through.
//!
//! A state machine: a [`Command`], a reading of the kernel's books or a deadline goes in; a [`Transition`] comes out. What
//! is to be stored and what the kernel must do is never written by hand in a handler: it is the difference between how
//! things stood before the handler and how they stand after it (see [`work`]).

mod access;
mod bulk;
mod choice;
mod command;
mod connect;
mod devices;
mod forget;
mod hours;
mod keys;
mod look;
mod meter;
mod moving;
mod presence;
mod proviso;
mod restore;
mod retire;
mod sessions;
mod steer;
mod table;
mod tell;
mod trail;
mod undo;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use bulk::{Bulk, BulkAct, Selection};
pub use command::{AuthAnswer, Command, DevicePatch, NewSession, ProviderAnswer, Want};
pub use forget::Retention;
pub use hours::ZoneOpening;
pub use look::{Busy, Whereabouts};
pub use presence::Presence;
pub use restore::Restored;
pub use retire::Departed;
pub use steer::RolePatch;

use super::{
    Access, BootId, BootTime, ClientDevice, ClientKey, ClientSession, ClockGuard, DeviceId, GatewayFacts,
    LocalTime, Now, Policies, Refusal, RolePolicy, SessionId, Transition, ZoneName, ZonePolicy,
};
use keys::KeyPool;
use table::Table;

/// What the sessions manager is told once, at start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The zones, in the order of the configuration; at least one.
    pub zones: Vec<ZonePolicy>,
    /// What roles change, by name.
    pub roles: BTreeMap<String, RolePolicy>,
    /// This box.
    pub gateway: GatewayFacts,
    /// Where this box is: opening hours are by the clock on the wall there.
    pub place: Arc<dyn LocalTime>,
    /// This boot.
    pub boot_id: BootId,
    /// The highest key that fits into the mark mask.
    pub max_key: u16,
    /// How often usage goes to the store, in milliseconds.
    pub flush_ms: u64,
    /// How long and how many devices that never had a session are kept.
    pub retention: Retention,
}

/// All devices and usable sessions, and what follows from every command, reading and deadline.
#[derive(Debug)]
pub struct SessionsMgr {
    zones: BTreeMap<ZoneName, Zone>,
    policies: Arc<Policies>,
    first_zone: ZoneName,
    boot_id: BootId,
    table: Table,
    keys: KeyPool,
    clock: ClockGuard,
    clock_believed: bool,
    /// When the wall clock could last be believed.
    last_believed: Option<Now>,
    /// When opening hours were last looked at.
    hours_at: BootTime,
    place: Arc<dyn LocalTime>,
    /// It was not, and nothing was done yet about days that had to wait for it.
    became_believed: bool,
    /// The newest believed time that the store knows.
    stored_wall: super::WallTime,
    flush_ms: u64,
    next_meter: BootTime,
    next_flush: BootTime,
    /// Running devices whose end may come before the next reading of all books.
    soon: BTreeSet<(BootTime, DeviceId)>,
    /// Running devices whose usage is still to be written in this round of the flush.
    to_flush: VecDeque<DeviceId>,
    retention: Retention,
    /// Whether there are authenticators, who are asked before a device is let through.
    asks_authenticators: bool,
    /// When strangers beyond the most that are kept are looked for next.
    next_forget: BootTime,
    /// Devices that never had a session and are to be forgotten in this round.
    to_forget: VecDeque<DeviceId>,
}

/// A zone and whether its clients have classes.
#[derive(Debug)]
struct Zone {
    policy: ZonePolicy,
    /// From the first limit on, every client of the zone has a class: no class is no limit.
    shaped: bool,
    /// Whether it is open.
    hours: hours::Hours,
    /// What its clients were charged for since the start.
    traffic: Traffic,
}

/// Bytes that passed for clients, as their books were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// From the clients.
    pub sent_bytes: u64,
    /// Towards them.
    pub received_bytes: u64,
    /// Milliseconds that they were online, all of them together.
    pub online_ms: u64,
}

impl SessionsMgr {
    /// Whether authenticators are to be asked before a device is let through from now on.
    pub const fn ask_authenticators(&mut self, asks: bool) {
        self.asks_authenticators = asks;
    }

    /// Whether the wall clock could be believed when it was last looked at, and the newest time that ever could.
    pub const fn belief(&self) -> (bool, super::WallTime) {
        (self.clock_believed, self.clock.newest())
    }

    /// What passed in each zone since the start.
    pub fn traffic(&self) -> impl Iterator<Item = (&ZoneName, Traffic)> {
        self.zones.iter().map(|(name, zone)| (name, zone.traffic))
    }

    /// A device, by its id.
    pub fn device(&self, id: DeviceId) -> Result<&ClientDevice, Refusal> {
        self.shared_device(id).map(Arc::as_ref)
    }

    /// The same, to be kept.
    pub fn shared_device(&self, id: DeviceId) -> Result<&Arc<ClientDevice>, Refusal> {
        self.table.device(id).map(|entry| &entry.device).ok_or(Refusal::UnknownDevice)
    }

    /// A device, by its MAC.
    pub fn device_by_mac(&self, mac: super::MacAddr) -> Option<&ClientDevice> {
        self.table.by_mac(mac).and_then(|id| self.table.device(id)).map(|entry| entry.device.as_ref())
    }

    /// A device, by an address that it has now.
    pub fn device_by_ip(&self, address: std::net::IpAddr) -> Option<&Arc<ClientDevice>> {
        self.table.by_ip(address).and_then(|id| self.table.device(id)).map(|entry| &entry.device)
    }

    /// A device, by its key in the kernel.
    pub fn device_by_key(&self, key: ClientKey) -> Option<DeviceId> {
        self.table.by_key(key)
    }

    /// All devices.
    pub fn devices(&self) -> impl Iterator<Item = &ClientDevice> {
        self.table.devices().map(|entry| entry.device.as_ref())
    }

    /// How many devices are known, let through, and how many sessions could be used or are.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.table.devices().count(), self.table.running().count(), self.table.session_count())
    }

    /// A usable session, as of the last reading of its books.
    pub fn session(&self, id: SessionId) -> Option<&ClientSession> {
        self.table.session(id)
    }

    /// The session as it is now: its time up to this moment, its data up to the last reading.
    pub fn session_now(&self, id: SessionId, now: BootTime) -> Option<ClientSession> {
        let mut session = self.table.session(id)?.clone();
        let unmetered = self.is_unmetered(&session);
        if let super::SessionState::Running(checkpoint) = &mut session.state {
            let entry = self.table.device(session.device);
            let closes_at = entry.and_then(|entry| self.closes_at(entry, checkpoint.at));
            let spent = closes_at.map_or(now, |at| now.min(at)).millis_since(checkpoint.at);
            checkpoint.at = checkpoint.at.plus_millis(spent);
            session.spend(spent, unmetered);
        }
        Some(session)
    }

    /// Whether what a session uses now is counted only.
    pub(super) fn is_unmetered(&self, session: &ClientSession) -> bool {
        let entry = self.table.device(session.device);
        entry.is_some_and(|entry| self.policies.is_unmetered(session, &entry.device))
    }

    /// All usable sessions with their devices, as of the last reading of their books. Shared, not copied: to be looked
    /// through elsewhere.
    pub fn snapshot(&self) -> Vec<(Arc<ClientSession>, Arc<ClientDevice>)> {
        let with_device = |session: &Arc<ClientSession>| {
            let entry = self.table.device(session.device)?;
            Some((Arc::clone(session), Arc::clone(&entry.device)))
        };
        self.table.shared_sessions().filter_map(with_device).collect()
    }

    /// All devices, each with the session that it runs, or else would run. Shared, not copied.
    pub fn device_snapshot(&self) -> Vec<(Arc<ClientDevice>, Option<Arc<ClientSession>>)> {
        let with_session = |entry: &table::Entry| {
            let running = entry.run.as_ref().map(|run| run.session);
            let session = match entry.sessions.as_slice() {
                [] => None,
                [only] => Some(*only),
                _ => running.or_else(|| self.table.usable_in_order(entry.device.id).first().copied()),
            };
            let session = session.and_then(|id| self.table.shared_session(id)).map(Arc::clone);
            (Arc::clone(&entry.device), session)
        };
        self.table.devices().map(with_session).collect()
    }

    /// What the configuration says.
    pub const fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// The session that a device is running.
    pub fn curr_session(&self, device: DeviceId) -> Option<SessionId> {
        self.table.device(device).and_then(|entry| entry.run.as_ref()).map(|run| run.session)
    }

    /// Whether a device is let through.
    pub fn is_connected(&self, device: DeviceId) -> bool {
        self.curr_session(device).is_some()
    }

    /// What a device could use, in the order in which it would: running, paused, available, each oldest first.
    pub fn usable_sessions(&self, device: DeviceId) -> Vec<SessionId> {
        self.table.usable_in_order(device)
    }

    /// What the kernel must hold of every device with a key.
    pub fn desired(&self) -> Vec<Access> {
        self.table.devices().filter_map(|entry| self.access(entry)).collect()
    }

    /// The devices that hold access in the kernel now, with their keys.
    pub fn running_keys(&self) -> Vec<ClientKey> {
        self.table.running().filter_map(|entry| entry.device.key).collect()
    }

    /// The newest wall-clock time that was believed.
    pub const fn newest_wall(&self) -> super::WallTime {
        self.clock.newest()
    }

    /// Takes a transition back after the store or the kernel refused it. The changes put the store's rows back; they are
    /// not needed when the store itself refused. The kernel's elements of its devices are to be reconciled.
    pub fn undo(&mut self, transition: &Transition, now: Now) -> Vec<super::Change> {
        let mut changes = self.put_back(&transition.before, true, now);
        self.wait_again(&transition.waited, now.boot);
        changes.extend(proviso::give_back(transition));
        changes.extend(trail::taken_back(&transition.changes, now));
        changes
    }

    fn zone_of(&self, device: &ClientDevice) -> &Zone {
        let name = device.zone.as_ref().unwrap_or(&self.first_zone);
        // A zone that has left the configuration while a device row still names it: the first one stands in.
        self.zones.get(name).unwrap_or_else(|| &self.zones[&self.first_zone])
    }
}
