use super::table::{Entry, Held};
use super::{SessionsMgr, Zone};
use crate::domain::{
    Access, Change, ClassRates, ClientDevice, ClientRates, ClientSession, DeviceId, Event, EventKind, GateOp,
    Grant, Guard, Image, KernelBooks, Now, Outcome, Refusal, SessionId, SessionState, ShapeOp, Text,
    Transition,
};

/// One transition in the making.
///
/// A handler changes rows through it. [`Work::finish`] then writes down what changed for the store, and what must be done
/// in the kernel: the difference between what it held of each touched device and what it must hold now.
pub(super) struct Work<'a> {
    pub(super) mgr: &'a mut SessionsMgr,
    pub(super) now: Now,
    transition: Transition,
    touched: Vec<DeviceId>,
}

impl<'a> Work<'a> {
    pub(super) fn new(mgr: &'a mut SessionsMgr, now: Now) -> Self {
        Self { mgr, now, transition: Transition::default(), touched: Vec::new() }
    }

    pub(super) fn entry(&self, id: DeviceId) -> Result<&Entry, Refusal> {
        self.mgr.table.device(id).ok_or(Refusal::UnknownDevice)
    }

    pub(super) fn session(&self, id: SessionId) -> Result<&ClientSession, Refusal> {
        self.mgr.table.session(id).ok_or(Refusal::UnknownSession)
    }

    /// Marks a device as touched, so that its access is compared at the end.
    pub(super) fn touch(&mut self, id: DeviceId) {
        if !self.touched.contains(&id) {
            self.touched.push(id);
        }
    }

    fn remember_device(&mut self, id: DeviceId) {
        self.touch(id);
        let known = |image: &Image| matches!(image, Image::Device(known, _) if *known == id);
        if !self.transition.before.iter().any(known) {
            let before = self.mgr.table.device(id).map(|entry| Box::new(entry.device.clone()));
            self.transition.before.push(Image::Device(id, before));
        }
    }

    fn remember_session(&mut self, id: SessionId) {
        let known = |image: &Image| matches!(image, Image::Session(known, _) if *known == id);
        if !self.transition.before.iter().any(known) {
            let before = self.mgr.table.session(id).map(|session| Box::new(session.clone()));
            self.transition.before.push(Image::Session(id, before));
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
        let mut device = self.entry(id)?.device.clone();
        change(&mut device);
        self.mgr.table.put_device(id, Some(device));
        Ok(())
    }

    /// Puts a new session in.
    pub(super) fn add_session(&mut self, session: ClientSession) {
        self.touch(session.device);
        self.remember_session(session.id);
        self.mgr.table.put_session(session.id, Some(session), self.now.boot);
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
        change(&mut session);
        if session.source.is_some() && !session.is_running() {
            session.source_seq = session.source_seq.saturating_add(1);
        }
        if !session.is_usable() {
            self.transition.changes.push(Change::Session(Box::new(session.clone())));
            self.transition.changes.extend(super::meter::outbox(&session));
        }
        self.mgr.table.put_session(id, Some(session), self.now.boot);
        Ok(())
    }

    /// Takes a session out for good.
    pub(super) fn drop_session(&mut self, id: SessionId) -> Result<(), Refusal> {
        self.remember_session(id);
        let device = self.session(id)?.device;
        self.touch(device);
        self.mgr.table.put_session(id, None, self.now.boot);
        self.transition.changes.push(Change::DeleteSession(id));
        Ok(())
    }

    /// Takes a device out for good, with its sessions.
    pub(super) fn drop_device(&mut self, id: DeviceId) -> Result<(), Refusal> {
        for session in self.entry(id)?.sessions.clone() {
            self.remember_session(session);
        }
        self.remember_device(id);
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
        let (mac, key) = match &self.entry(victim)?.device {
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
        refusal
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
                        rows.push(Change::Device(Box::new(entry.device.clone())));
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
        self.mark_shaped_zones();
        for id in std::mem::take(&mut self.touched) {
            self.bring_access(id);
            self.mgr.look_soon(id, self.now.boot);
        }
        self.transition
    }

    /// From the first limit of a zone on, all its online clients get classes.
    fn mark_shaped_zones(&mut self) {
        let mut shaped = Vec::new();
        for id in &self.touched {
            if let Some(entry) = self.mgr.table.device(*id)
                && let Some(rates) = self.mgr.client_rates(entry)
                && (rates.down.is_some() || rates.up.is_some())
            {
                let zone = self.mgr.zone_of(&entry.device);
                if !zone.shaped {
                    shaped.push(zone.policy.name.clone());
                }
            }
        }
        for name in shaped {
            if let Some(zone) = self.mgr.zones.get_mut(&name) {
                zone.shaped = true;
            }
            let others: Vec<DeviceId> = self
                .mgr
                .table
                .running()
                .filter(|entry| self.mgr.zone_of(&entry.device).policy.name == name)
                .map(|entry| entry.device.id)
                .collect();
            for id in others {
                self.touch(id);
            }
        }
    }

    fn bring_access(&mut self, id: DeviceId) {
        let Some(entry) = self.mgr.table.device(id) else { return };
        let desired = Held::of(self.mgr.access(entry));
        let held = entry.held.clone();
        let quota_used = entry.kernel.quota_used.unwrap_or(0);
        if held == desired {
            return;
        }
        let (gate, shape) = difference(&held, &desired, quota_used);
        self.transition.gate.extend(gate);
        self.transition.shape.extend(shape);
        if let Some(entry) = self.mgr.table.device_mut(id) {
            match &desired {
                Held::Unknown | Held::Captive(..) => entry.kernel = KernelBooks::default(),
                // A new element begins with nothing used; what the last reading said was of the old one.
                Held::Open(..) => {
                    entry.kernel = KernelBooks { books: entry.kernel.books, ..KernelBooks::default() };
                }
                Held::Shut(..) => {}
            }
            entry.held = desired;
        }
    }
}

fn class_of(held: &Held) -> Option<&ClassRates> {
    match held {
        Held::Open(_, _, grant) | Held::Shut(_, _, grant) => grant.rates.as_ref(),
        Held::Unknown | Held::Captive(..) => None,
    }
}

/// What leads from what the kernel holds of one device to what it must hold.
fn difference(held: &Held, desired: &Held, quota_used: u64) -> (Vec<GateOp>, Vec<ShapeOp>) {
    let (mut gate, mut shape) = (Vec::new(), Vec::new());
    let pair = |held: &Held| match held {
        Held::Unknown => None,
        Held::Captive(mac, key) | Held::Shut(mac, key, _) | Held::Open(mac, key, _) => Some((*mac, *key)),
    };
    let (old, new) = (pair(held), pair(desired));
    if let Some((mac, key)) = old.filter(|_| old != new) {
        gate.push(GateOp::Forget { mac, key });
    }
    if let Some((mac, key)) = new.filter(|_| old != new) {
        gate.push(GateOp::Learn { mac, key });
    }
    let (old_rates, new_rates) = (class_of(held), class_of(desired));
    if old_rates != new_rates {
        match (new_rates, new, old_rates, old) {
            (Some(rates), Some((_, key)), _, _) => shape.push(ShapeOp::Set { key, rates: rates.clone() }),
            (None, _, Some(rates), Some((_, key))) => {
                shape.push(ShapeOp::Remove { key, zone: rates.zone.clone() })
            }
            _ => {}
        }
    }
    match (held, desired) {
        (Held::Open(_, _, before), Held::Open(_, key, grant)) if old == new => {
            if !before.same_limits(grant) {
                gate.push(GateOp::Swap { key: *key, grant: grant.clone(), quota_used });
            }
            if before.rates.is_some() != grant.rates.is_some() {
                gate.push(GateOp::Class { key: *key, has_class: grant.rates.is_some() });
            }
        }
        (_, Held::Open(_, key, grant)) => gate.push(GateOp::Open { key: *key, grant: grant.clone() }),
        (Held::Open(_, key, _) | Held::Shut(_, key, _), Held::Captive(..)) if old == new => {
            gate.push(GateOp::Close { key: *key });
        }
        _ => {}
    }
    (gate, shape)
}

/// Whether the stored part of a device differs: addresses and presence come and go without being written.
fn differs_in_store(before: &ClientDevice, after: &ClientDevice) -> bool {
    let stored = |device: &ClientDevice| ClientDevice {
        ipv4: Default::default(),
        ipv6: Default::default(),
        present: false,
        ..device.clone()
    };
    stored(before) != stored(after)
}

impl SessionsMgr {
    /// What the kernel must hold of a device; `None` if it has no key.
    pub(super) fn access(&self, entry: &Entry) -> Option<Access> {
        let key = entry.device.key?;
        Some(Access { mac: entry.device.mac, key, grant: self.grant(entry) })
    }

    fn grant(&self, entry: &Entry) -> Option<Grant> {
        let session = self.table.session(entry.run.as_ref()?.session)?;
        let SessionState::Running(checkpoint) = &session.state else { return None };
        let zone: &Zone = self.zone_of(&entry.device);
        let counter = checkpoint.sent_bytes.saturating_add(checkpoint.received_bytes);
        let rates = self.client_rates(entry).filter(|_| zone.shaped);
        Some(Grant {
            deadline: session.time_left_ms().map(|left| checkpoint.at.plus_millis(left)),
            end_counter: session.data_left_bytes().map(|left| counter.saturating_add(left)),
            rates: rates.map(|client| ClassRates { zone: zone.policy.name.clone(), client }),
            books: entry.kernel.books,
        })
    }

    /// The speeds of a running device: its session's own, or the zone's for each client.
    pub(super) fn client_rates(&self, entry: &Entry) -> Option<ClientRates> {
        let session = self.table.session(entry.run.as_ref()?.session)?;
        let policy = &self.zone_of(&entry.device).policy;
        Some(if session.terms.use_global_speed {
            ClientRates { down: policy.client_down, up: policy.client_up }
        } else {
            ClientRates { down: session.terms.down, up: session.terms.up }
        })
    }

    /// Puts rows back as they were; what the store needs to follow is returned. If sources may have been `told` of it, their
    /// numbers stay, so that none is given twice.
    pub(super) fn put_back(&mut self, before: &[Image], told: bool, now: Now) -> Vec<Change> {
        let mut changes = Vec::new();
        for image in before.iter().filter(|image| matches!(image, Image::Device(..))) {
            let Image::Device(id, device) = image else { continue };
            let entry = self.table.device(*id);
            if let Some(key) = entry.and_then(|entry| entry.device.key)
                && device.as_ref().and_then(|device| device.key) != Some(key)
            {
                self.keys.give_back(key);
            }
            if let Some(at) = entry.and_then(|entry| entry.soon).filter(|_| device.is_none()) {
                self.soon.remove(&(at, *id));
            }
            self.table.put_device(*id, device.as_deref().cloned());
            changes.push(match device {
                Some(device) => Change::Device(device.clone()),
                None => Change::DeleteDevice(*id),
            });
        }
        for image in before.iter().filter(|image| matches!(image, Image::Device(_, Some(_)))) {
            let Image::Device(_, Some(device)) = image else { continue };
            if let Some(key) = device.key {
                self.keys.withdraw(key);
            }
        }
        // Those that do not run first, so that the one that does is the last word on what the device runs.
        let mut sessions: Vec<_> = before
            .iter()
            .filter_map(|image| match image {
                Image::Session(id, session) => Some((*id, session.as_deref().cloned())),
                Image::Device(..) => None,
            })
            .collect();
        sessions.sort_by_key(|(_, session)| session.as_ref().is_some_and(ClientSession::is_running));
        for (id, mut session) in sessions {
            if let (Some(session), Some(known)) = (session.as_mut(), self.table.session(id).filter(|_| told))
            {
                session.source_seq = session.source_seq.max(known.source_seq);
            }
            changes.push(match &session {
                Some(session) => Change::Session(Box::new(session.clone())),
                None => Change::DeleteSession(id),
            });
            let touched = session.as_ref().or(self.table.session(id)).map(|session| session.device);
            self.restore_books(session.as_ref());
            self.table.put_session(id, session, now.boot);
            if let Some(device) = touched {
                self.look_later(device, now.boot);
            }
        }
        changes
    }

    /// The books of a session that runs again are those of its checkpoint.
    fn restore_books(&mut self, session: Option<&ClientSession>) {
        if let Some(session) = session
            && let SessionState::Running(checkpoint) = &session.state
            && let Some(entry) = self.table.device_mut(session.device)
        {
            entry.kernel.books.sent_bytes = checkpoint.sent_bytes;
            entry.kernel.books.received_bytes = checkpoint.received_bytes;
        }
    }

    /// What the kernel holds has been made what it must hold: nothing is left to bring about.
    pub fn reconciled(&mut self) {
        let held: Vec<(DeviceId, Held)> =
            self.table.devices().map(|entry| (entry.device.id, Held::of(self.access(entry)))).collect();
        for (id, held) in held {
            if let Some(entry) = self.table.device_mut(id) {
                entry.held = held;
            }
        }
    }
}
