use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::{
    Access, BootTime, ClassRates, ClientDevice, ClientKey, ClientSession, DeviceId, Grant, KernelBooks,
    MacAddr, SessionId, SessionState,
};

/// All devices and usable sessions with their indices. Nothing is decided here.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Boxed, as the sessions are: a hash table keeps up to twice as many places as it holds, and doubles them at once.
    devices: HashMap<DeviceId, Box<Entry>>,
    /// Shared with whoever looks at all of them; copied when changed meanwhile.
    sessions: HashMap<SessionId, Arc<ClientSession>>,
    by_mac: HashMap<MacAddr, DeviceId>,
    by_ip: HashMap<IpAddr, DeviceId>,
    by_key: HashMap<ClientKey, DeviceId>,
    running: HashSet<DeviceId>,
}

/// A device, its usable sessions, and what is known of its client in the kernel.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) device: Arc<ClientDevice>,
    pub(super) sessions: Vec<SessionId>,
    pub(super) run: Option<Run>,
    pub(super) held: Held,
    /// What the kernel said when it was last read; zero while captive.
    pub(super) kernel: KernelBooks,
    /// Its place in the set of near deadlines.
    pub(super) soon: Option<BootTime>,
    /// Since when it has not been on the network; `None` while it is.
    pub(super) away_since: Option<BootTime>,
    /// Whether it ever had a session, also one that has ended.
    pub(super) had_session: bool,
    /// Since when what its browser says was noted, and how many times.
    pub(super) noted: Option<(BootTime, u8)>,
}

/// The running session as the meter sees it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) session: SessionId,
    pub(super) read_at: BootTime,
    /// Bytes per second, both directions, between the last two readings.
    pub(super) bytes_per_sec: u64,
    /// When something last passed.
    pub(super) active_at: BootTime,
    /// Whether usage moved since it was last written.
    pub(super) dirty: bool,
    /// Whether listeners were told that its device is not there.
    pub(super) told_away: bool,
    /// Whether it has sent something since that was last looked at: it is here, whatever the neighbour table thinks.
    pub(super) spoke: bool,
}

/// What the kernel holds of a device, as far as we told it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Held {
    /// Nothing.
    #[default]
    Unknown,
    /// It was told something that was taken back: until the next comparison, nobody knows whether it did it. The class that it
    /// may have.
    Doubtful(Option<ClassRates>),
    /// MAC and key.
    Captive(MacAddr, ClientKey),
    /// Taken out of `online`; books and class are still there.
    Shut(MacAddr, ClientKey, Grant),
    /// Let through.
    Open(MacAddr, ClientKey, Grant),
}

impl Held {
    pub(super) fn of(access: Option<Access>) -> Self {
        match access {
            None => Self::Unknown,
            Some(Access { mac, key, grant: None }) => Self::Captive(mac, key),
            Some(Access { mac, key, grant: Some(grant) }) => Self::Open(mac, key, grant),
        }
    }
}

impl Table {
    pub(super) fn device(&self, id: DeviceId) -> Option<&Entry> {
        self.devices.get(&id).map(Box::as_ref)
    }

    pub(super) fn device_count(&self) -> usize {
        self.devices.len()
    }

    pub(super) fn device_mut(&mut self, id: DeviceId) -> Option<&mut Entry> {
        self.devices.get_mut(&id).map(Box::as_mut)
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = &Entry> {
        self.devices.values().map(Box::as_ref)
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Entry> {
        self.running.iter().filter_map(|id| self.device(*id))
    }

    pub(super) fn session(&self, id: SessionId) -> Option<&ClientSession> {
        self.sessions.get(&id).map(Arc::as_ref)
    }

    pub(super) fn shared_session(&self, id: SessionId) -> Option<&Arc<ClientSession>> {
        self.sessions.get(&id)
    }

    pub(super) fn shared_sessions(&self) -> impl Iterator<Item = &Arc<ClientSession>> {
        self.sessions.values()
    }

    pub(super) fn session_mut(&mut self, id: SessionId) -> Option<&mut ClientSession> {
        self.sessions.get_mut(&id).map(Arc::make_mut)
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &ClientSession> {
        self.sessions.values().map(Arc::as_ref)
    }

    pub(super) fn session_count(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn by_mac(&self, mac: MacAddr) -> Option<DeviceId> {
        self.by_mac.get(&mac).copied()
    }

    pub(super) fn by_ip(&self, address: IpAddr) -> Option<DeviceId> {
        self.by_ip.get(&address).copied()
    }

    pub(super) fn by_key(&self, key: ClientKey) -> Option<DeviceId> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn usable_in_order(&self, device: DeviceId) -> Vec<SessionId> {
        let Some(entry) = self.devices.get(&device) else { return Vec::new() };
        let mut sessions: Vec<&ClientSession> =
            entry.sessions.iter().filter_map(|id| self.session(*id)).collect();
        sessions.sort_by_key(|session| (rank(session), session.created_at, session.id));
        sessions.into_iter().map(|session| session.id).collect()
    }

    /// Puts a device row in, replaces it, or takes it out; keeps the indices. What is known of the kernel stays.
    pub(super) fn put_device(&mut self, id: DeviceId, device: Option<ClientDevice>) {
        if let Some(entry) = self.devices.get(&id) {
            if self.by_mac.get(&entry.device.mac) == Some(&id) {
                self.by_mac.remove(&entry.device.mac);
            }
            // The key may have changed hands already: rows of one transition are put back in any order.
            if let Some(key) = entry.device.key.filter(|key| self.by_key.get(key) == Some(&id)) {
                self.by_key.remove(&key);
            }
            for address in addresses(&entry.device) {
                if self.by_ip.get(&address) == Some(&id) {
                    self.by_ip.remove(&address);
                }
            }
        }
        let Some(device) = device else {
            self.running.remove(&id);
            if let Some(entry) = self.devices.remove(&id) {
                for session in entry.sessions {
                    self.sessions.remove(&session);
                }
            }
            return;
        };
        self.by_mac.insert(device.mac, id);
        if let Some(key) = device.key {
            self.by_key.insert(key, id);
        }
        for address in addresses(&device) {
            self.by_ip.insert(address, id);
        }
        match self.devices.get_mut(&id) {
            Some(entry) => entry.device = Arc::new(device),
            None => {
                let entry = Entry {
                    device: Arc::new(device),
                    sessions: Vec::new(),
                    run: None,
                    held: Held::Unknown,
                    kernel: KernelBooks::default(),
                    soon: None,
                    away_since: None,
                    had_session: false,
                    noted: None,
                };
                self.devices.insert(id, Box::new(entry));
            }
        }
    }

    /// Puts a session in, replaces it, or takes it out; keeps the device's list, its run and the set of running devices.
    pub(super) fn put_session(&mut self, id: SessionId, session: Option<ClientSession>, now: BootTime) {
        let device = session.as_ref().or_else(|| self.session(id)).map(|session| session.device);
        let Some(device) = device else { return };
        let Some(entry) = self.devices.get_mut(&device) else { return };
        match session.filter(ClientSession::is_usable) {
            Some(session) => {
                entry.had_session = true;
                if !entry.sessions.contains(&id) {
                    entry.sessions.push(id);
                }
                match &session.state {
                    SessionState::Running(_) => {
                        if entry.run.as_ref().is_none_or(|run| run.session != id) {
                            let bytes_per_sec = entry.run.as_ref().map_or(0, |run| run.bytes_per_sec);
                            entry.run = Some(Run {
                                session: id,
                                read_at: now,
                                bytes_per_sec,
                                active_at: now,
                                dirty: false,
                                told_away: false,
                                spoke: false,
                            });
                            self.running.insert(device);
                        }
                    }
                    SessionState::Available
                    | SessionState::Paused(_)
                    | SessionState::Consumed
                    | SessionState::Expired
                    | SessionState::Closed(..) => stop(entry, &mut self.running, id),
                }
                self.sessions.insert(id, Arc::new(session));
            }
            None => {
                entry.sessions.retain(|known| *known != id);
                stop(entry, &mut self.running, id);
                self.sessions.remove(&id);
            }
        }
    }
}

fn stop(entry: &mut Entry, running: &mut HashSet<DeviceId>, session: SessionId) {
    if entry.run.as_ref().is_some_and(|run| run.session == session) {
        entry.run = None;
        running.remove(&entry.device.id);
    }
}

fn rank(session: &ClientSession) -> u8 {
    match session.state {
        SessionState::Running(_) => 0,
        SessionState::Paused(_) | SessionState::Available if session.slowed => 3,
        SessionState::Paused(_) => 1,
        SessionState::Available => 2,
        SessionState::Consumed | SessionState::Expired | SessionState::Closed(..) => 4,
    }
}

pub(super) fn addresses(device: &ClientDevice) -> impl Iterator<Item = IpAddr> + '_ {
    device.ipv4.iter().copied().map(IpAddr::V4).chain(device.ipv6.iter().copied().map(IpAddr::V6))
}
