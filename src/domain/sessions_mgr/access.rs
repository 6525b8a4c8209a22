use super::table::{Entry, Held};
use super::work::Work;
use super::{SessionsMgr, Zone};
use crate::domain::{
    Access, ClassRates, ClientRates, DeviceId, GateOp, Grant, KernelBooks, SessionState, ShapeOp,
};

impl Work<'_> {
    /// From the first limit of a zone on, all its online clients get classes.
    pub(super) fn mark_shaped_zones(&mut self) {
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

    pub(super) fn bring_access(&mut self, id: DeviceId) {
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
                Held::Unknown | Held::Doubtful(_) | Held::Captive(..) => {
                    entry.kernel = KernelBooks::default()
                }
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
        let metered = !self.policies.is_unmetered(session, &entry.device);
        let by_time = session.time_left_ms().filter(|_| metered).map(|left| checkpoint.at.plus_millis(left));
        Some(Grant {
            deadline: by_time.into_iter().chain(self.closes_at(entry, checkpoint.at)).min(),
            end_counter: session
                .data_left_bytes()
                .filter(|_| metered)
                .map(|left| counter.saturating_add(left)),
            rates: rates.map(|client| ClassRates { zone: zone.policy.name.clone(), client }),
            books: entry.kernel.books,
        })
    }

    /// The speeds of a running device: its roles', its session's own, or the zone's for each client.
    pub(super) fn client_rates(&self, entry: &Entry) -> Option<ClientRates> {
        let session = self.table.session(entry.run.as_ref()?.session)?;
        Some(self.policies.rates(session, &entry.device))
    }
}

/// The class that a device holds.
pub(super) fn class_of(held: &Held) -> Option<&ClassRates> {
    match held {
        Held::Open(_, _, grant) | Held::Shut(_, _, grant) => grant.rates.as_ref(),
        Held::Doubtful(rates) => rates.as_ref(),
        Held::Unknown | Held::Captive(..) => None,
    }
}

/// What leads from what the kernel holds of one device to what it must hold.
fn difference(held: &Held, desired: &Held, quota_used: u64) -> (Vec<GateOp>, Vec<ShapeOp>) {
    let (mut gate, mut shape) = (Vec::new(), Vec::new());
    let pair = |held: &Held| match held {
        Held::Unknown | Held::Doubtful(_) => None,
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
    if old_rates != new_rates || matches!(held, Held::Doubtful(_)) {
        match (new_rates, new, old_rates, old.or(new)) {
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
        (Held::Doubtful(_), Held::Captive(_, key)) => gate.push(GateOp::Close { key: *key }),
        _ => {}
    }
    (gate, shape)
}
