use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::SessionsMgr;
use super::access::class_of;
use super::table::{Entry, Held};
use crate::domain::{
    Change, ClientDevice, ClientSession, CloseReason, DeviceId, Event, EventKind, GateOp, Guard, Image, Now,
    Outcome, Refusal, SessionId, SessionState, ShapeOp, Text, Transition,
};

/// One transition in the making.
///
/// A handler changes rows through it. [`Work::finish`] then writes down what changed for the store, and what must be done
/// in the kernel: the difference between what it held of each touched device and what it must hold now.
pub(super) struct Work<'a> {
    pub(super) mgr: &'a mut SessionsMgr,
    pub(super) now: Now,
    pub(super) transition: Transition,
    /// In the order of their first touch.
    pub(super) touched: Vec<DeviceId>,
    is_touched: HashSet<DeviceId>,
    /// Where in `transition.before` the image of each row is.
    device_images: HashMap<DeviceId, usize>,
    session_images: HashMap<SessionId, usize>,
    /// Running sessions whose devices listeners know to be away.
    pub(super) was_away: HashSet<SessionId>,
}

impl<'a> Work<'a> {
    pub(super) fn new(mgr: &'a mut SessionsMgr, now: Now) -> Self {
        Self {
            mgr,
            now,
            transition: Transition::default(),
            touched: Vec::new(),
            is_touched: HashSet::new(),
            device_images: HashMap::new(),
            session_images: HashMap::new(),
            was_away: HashSet::new(),
        }
    }

    pub(super) fn entry(&self, id: DeviceId) -> Result<&Entry, Refusal> {
        self.mgr.table.device(id).ok_or(Refusal::UnknownDevice)
    }

    pub(super) fn session(&self, id: SessionId) -> Result<&ClientSession, Refusal> {
        self.mgr.table.session(id).ok_or(Refusal::UnknownSession)
    }

    /// Marks a device as touched, so that its access is compared at the end.
    pub(super) fn touch(&mut self, id: DeviceId) {
        if self.is_touched.insert(id) {
            self.touched.push(id);
        }
    }

    fn remember_device(&mut self, id: DeviceId) {
        self.touch(id);
        if !self.device_images.contains_key(&id) {
            self.device_images.insert(id, self.transition.before.len());
            let before = self.mgr.table.device(id).map(|entry| Arc::clone(&entry.device));
            self.transition.before.push(Image::Device(id, before));
        }
    }

    fn remember_session(&mut self, id: SessionId) {
        if !self.session_images.contains_key(&id) {
            self.session_images.insert(id, self.transition.before.len());
            let before = self.mgr.table.shared_session(id).map(Arc::clone);
            self.transition.before.push(Image::Session(id, before));
        }
    }

    /// A device's row before the transition: `Some(None)` if there was none, `None` if it was not changed.
    pub(super) fn device_image(&self, id: DeviceId) -> Option<Option<Arc<ClientDevice>>> {
        match self.transition.before.get(*self.device_images.get(&id)?)? {
            Image::Device(_, device) => Some(device.clone()),
            Image::Session(..) => None,
        }
    }

    /// A session's row before the transition, likewise.
    pub(super) fn session_image(&self, id: SessionId) -> Option<Option<Arc<ClientSession>>> {
        match self.transition.before.get(*self.session_images.get(&id)?)? {
            Image::Session(_, session) => Some(session.clone()),
            Image::Device(..) => None,
        }
    }

    /// Puts a new device in.
    pub(super) fn add_device(&mut self, device: ClientDevice) {
        self.remember_device(device.id);
        self.mgr.table.put_device(device.id, Some(device));
    }

    /// Changes a device row that is to be stored.
    pub(super) fn change_device(
        &mut self,
        id: DeviceId,
        change: impl FnOnce(&mut ClientDevice),
    ) -> Result<(), Refusal> {
        self.remember_device(id);
        let mut device = ClientDevice::clone(&self.entry(id)?.device);
        change(&mut device);
        self.mgr.table.put_device(id, Some(device));
        Ok(())
    }

    /// Puts a new session in.
    pub(super) fn add_session(&mut self, session: ClientSession) {
        self.touch(session.device);
        self.remember_session(session.id);
        let device = session.device;
        self.mgr.table.put_session(session.id, Some(session), self.now.boot);
        self.wait_with_first(device);
    }

    /// Changes a session; one that ends by it leaves memory.
    pub(super) fn change_session(
        &mut self,
        id: SessionId,
        change: impl FnOnce(&mut ClientSession),
    ) -> Result<(), Refusal> {
        self.remember_session(id);
        let mut session = self.session(id)?.clone();
        self.touch(session.device);
        self.note_away(&session);
        change(&mut session);
        if session.source.is_some() && !session.is_running() {
            session.source_seq = session.source_seq.saturating_add(1);
        }
        if !session.is_usable() {
            self.transition.changes.push(Change::Session(Box::new(session.clone())));
            // What was moved goes on under another id: its source is not to think that it is over.
            if !matches!(session.state, SessionState::Closed(CloseReason::Moved, _)) {
                self.transition.changes.extend(super::meter::outbox(&session));
            }
        }
        self.mgr.table.put_session(id, Some(session), self.now.boot);
        Ok(())
    }

    /// The note of it goes with the run.
    fn note_away(&mut self, session: &ClientSession) {
        let run = self.mgr.table.device(session.device).and_then(|entry| entry.run.as_ref());
        if run.is_some_and(|run| run.session == session.id && run.told_away) {
            self.was_away.insert(session.id);
        }
    }

    /// Takes a session out for good.
    pub(super) fn drop_session(&mut self, id: SessionId) -> Result<(), Refusal> {
        self.remember_session(id);
        let device = self.session(id)?.device;
        self.touch(device);
        self.last_save(id)?;
        self.mgr.table.put_session(id, None, self.now.boot);
        self.transition.changes.push(Change::DeleteSession(id));
        Ok(())
    }

    /// What a session that is about to be deleted has used goes back to its source all the same.
    fn last_save(&mut self, id: SessionId) -> Result<(), Refusal> {
        let mut last = self.session(id)?.clone();
        last.source_seq = last.source_seq.saturating_add(1);
        last.state = SessionState::Closed(CloseReason::Operator, Text::default());
        self.transition.changes.extend(super::meter::outbox(&last));
        Ok(())
    }

    /// Takes a device out for good, with its sessions.
    pub(super) fn drop_device(&mut self, id: DeviceId) -> Result<(), Refusal> {
        // First of all images: it is what the audit log names.
        self.remember_device(id);
        self.wait_no_more(id);
        for session in self.entry(id)?.sessions.clone() {
            self.remember_session(session);
            self.last_save(session)?;
        }
        let entry = self.entry(id)?;
        let (held, key, mac) = (entry.held.clone(), entry.device.key, entry.device.mac);
        if let Some(rates) = class_of(&held) {
            self.transition.shape.extend(key.map(|key| ShapeOp::Remove { key, zone: rates.zone.clone() }));
        }
        if let Some(key) = key {
            self.transition.gate.push(GateOp::Forget { mac, key });
            self.mgr.keys.give_back(key);
        }
        if let Some(at) = self.entry(id)?.soon {
            self.mgr.soon.remove(&(at, id));
        }
        self.mgr.table.put_device(id, None);
        self.transition.changes.push(Change::DeleteDevice(id));
        Ok(())
    }

    pub(super) fn guard(&mut self, guards: Vec<Guard>) {
        self.transition.guards.extend(guards);
    }

    pub(super) fn change(&mut self, change: Change) {
        self.transition.changes.push(change);
    }

    pub(super) fn event(&mut self, kind: EventKind, device: Option<DeviceId>, session: Option<SessionId>) {
        self.transition.events.push(Event { at: self.now.wall, device, session, kind });
    }

    /// Leaves a text for the device's portal page.
    pub(super) fn notice(&mut self, device: DeviceId, text: Option<Text>) -> Result<(), Refusal> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(()) };
        if self.entry(device)?.device.notice.as_ref() != Some(&text) {
            let stored = text.clone();
            self.change_device(device, |device| device.notice = Some(stored))?;
        }
        self.transition.notices.push((device, text));
        Ok(())
    }

    /// What an earlier connect or disconnect said is no longer so.
    pub(super) fn forget_notice(&mut self, device: DeviceId) -> Result<(), Refusal> {
        match self.entry(device)?.device.notice {
            Some(_) => self.change_device(device, |device| device.notice = None),
            None => Ok(()),
        }
    }

    /// Gives a device a key, taking one from a device that is not online if all are held.
    pub(super) fn ensure_key(&mut self, id: DeviceId) -> Result<(), Refusal> {
        if self.entry(id)?.device.key.is_some() {
            return Ok(());
        }
        let key = match self.mgr.keys.take() {
            Some(key) => key,
            None => self.take_key_from_another(id)?,
        };
        self.change_device(id, |device| device.key = Some(key))
    }

    /// The key of the device that was longest away, whose flows the gate deletes before the key changes hands.
    fn take_key_from_another(&mut self, taker: DeviceId) -> Result<crate::domain::ClientKey, Refusal> {
        let victim = self
            .mgr
            .table
            .devices()
            .filter(|entry| entry.run.is_none() && entry.device.key.is_some() && entry.device.id != taker)
            .min_by_key(|entry| {
                (entry.device.present, entry.device.last_seen, entry.device.first_seen, entry.device.id)
            })
            .map(|entry| entry.device.id)
            .ok_or(Refusal::KeysUsedUp)?;
        let (mac, key) = match self.entry(victim)?.device.as_ref() {
            device @ ClientDevice { key: Some(key), .. } => (device.mac, *key),
            ClientDevice { .. } => return Err(Refusal::KeysUsedUp),
        };
        self.change_device(victim, |device| device.key = None)?;
        self.transition.gate.push(GateOp::Forget { mac, key });
        if let Some(entry) = self.mgr.table.device_mut(victim) {
            entry.held = Held::Unknown;
        }
        Ok(key)
    }

    /// Takes everything back that a handler did before it refused.
    pub(super) fn abandon(self, refusal: Refusal) -> Refusal {
        let now = self.now;
        self.mgr.put_back(&self.transition.before, false, now);
        self.mgr.wait_since(&self.transition.waited, now.boot);
        refusal
    }

    /// Takes everything back: somebody outside is to be asked first, and the command comes again.
    pub(super) fn put_off_until_asked(self, outcome: Outcome) -> Transition {
        self.mgr.put_back(&self.transition.before, false, self.now);
        self.mgr.wait_since(&self.transition.waited, self.now.boot);
        Transition { outcome, ..Transition::default() }
    }

    /// The transition: rows that differ, and what the kernel must do to hold what it must hold now.
    pub(super) fn finish(mut self, outcome: Outcome) -> Transition {
        self.transition.outcome = outcome;
        let mut rows = Vec::new();
        for image in &self.transition.before {
            match image {
                Image::Device(id, before) => {
                    if let Some(entry) = self.mgr.table.device(*id)
                        && before.as_deref().is_none_or(|before| differs_in_store(before, &entry.device))
                    {
                        rows.push(Change::Device(Box::new(ClientDevice::clone(&entry.device))));
                    }
                }
                Image::Session(id, before) => {
                    if let Some(session) = self.mgr.table.session(*id)
                        && before.as_deref() != Some(session)
                    {
                        rows.push(Change::Session(Box::new(session.clone())));
                        if !session.is_running() {
                            rows.extend(super::meter::outbox(session));
                        }
                    }
                }
            }
        }
        // Devices before the sessions that refer to them; deletions and what is explicit come after.
        rows.sort_by_key(|change| !matches!(change, Change::Device(_)));
        rows.append(&mut self.transition.changes);
        self.transition.changes = rows;
        self.tell_listeners();
        self.mark_shaped_zones();
        for id in std::mem::take(&mut self.touched) {
            self.bring_access(id);
            self.mgr.look_soon(id, self.now.boot);
        }
        self.transition
    }
}

/// Whether the stored part of a device differs: addresses and presence come and go without being written.
fn differs_in_store(before: &ClientDevice, after: &ClientDevice) -> bool {
    let stored = |device: &ClientDevice| ClientDevice {
        ipv4: Default::default(),
        ipv6: Default::default(),
        present: false,
        interface: None,
        transport: Default::default(),
        ..device.clone()
    };
    stored(before) != stored(after)
}
