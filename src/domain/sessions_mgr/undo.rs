use super::SessionsMgr;
use super::access::class_of;
use super::table::Held;
use crate::domain::{Change, ClientSession, DeviceId, Image, Now, SessionState};

impl SessionsMgr {
    /// Puts rows back as they were; what the store needs to follow is returned. If sources may have been `told` of it, their
    /// numbers stay, so that none is given twice.
    pub(super) fn put_back(&mut self, before: &[Image], told: bool, now: Now) -> Vec<Change> {
        let (mut changes, mut touched) = (Vec::new(), Vec::new());
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
            // An address that has moved on stays with whoever uses it now: no page is shown to the wrong device.
            let device = device.as_deref().cloned().map(|mut device| {
                device.ipv4.retain(|address| self.is_free_for((*address).into(), before));
                device.ipv6.retain(|address| self.is_free_for((*address).into(), before));
                device
            });
            changes.push(match &device {
                Some(device) => Change::Device(Box::new(device.clone())),
                None => Change::DeleteDevice(*id),
            });
            let was_dropped = entry.is_none() && device.is_some();
            self.table.put_device(*id, device);
            // What it had may be in the store only: it is no stranger.
            if was_dropped && let Some(entry) = self.table.device_mut(*id) {
                entry.had_session = true;
            }
            touched.push(*id);
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
            let device = session.as_ref().or(self.table.session(id)).map(|session| session.device);
            self.restore_books(session.as_ref());
            self.table.put_session(id, session, now.boot);
            if let Some(device) = device {
                touched.push(device);
                self.look_later(device, now.boot);
            }
        }
        for id in touched.into_iter().filter(|_| told) {
            self.doubt(id);
        }
        changes
    }

    /// Whether the kernel let a device through is not known, now that it must not be. Of one that goes on, the next change
    /// leads to the right limits from either state; its books must not be written anew.
    fn doubt(&mut self, id: DeviceId) {
        if let Some(entry) = self.table.device_mut(id).filter(|entry| entry.run.is_none()) {
            entry.held = Held::Doubtful(class_of(&entry.held).cloned());
        }
    }

    /// Whether nobody has an address but those whose rows are put back.
    fn is_free_for(&self, address: std::net::IpAddr, before: &[Image]) -> bool {
        let is_put_back =
            |holder| before.iter().any(|image| matches!(image, Image::Device(id, _) if *id == holder));
        self.table.by_ip(address).is_none_or(is_put_back)
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
