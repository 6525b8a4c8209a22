use std::collections::{BTreeMap, BTreeSet};

use super::names::FREE;
use turnpike::domain::{
    Change, ClientDevice, ClientSession, DeviceId, Guard, Refusal, SessionId, SourceUsage, WallTime,
};

/// The rows that survive everything.
#[derive(Debug, Default, Clone)]
pub struct SimStore {
    /// Devices.
    pub devices: BTreeMap<DeviceId, ClientDevice>,
    /// Sessions, ended ones too.
    pub sessions: BTreeMap<SessionId, ClientSession>,
    /// Vouchers that are redeemed.
    pub redeemed: BTreeSet<i64>,
    /// Keys of requests that were carried out.
    pub once: BTreeSet<String>,
    /// What is owed to sources.
    pub outbox: Vec<SourceUsage>,
    /// The newest believed time.
    pub newest_wall: WallTime,
}

impl SimStore {
    /// Checks and sets the guards of one transition: all or none.
    pub fn hold(&mut self, guards: &[Guard]) -> Result<(), Refusal> {
        let keys: Vec<String> = guards
            .iter()
            .filter_map(|guard| match guard {
                Guard::Once(done) => Some(done.once.key.clone()),
                Guard::RedeemVoucher { .. }
                | Guard::HoldsVoucher { .. }
                | Guard::TakeOverVoucher { .. }
                | Guard::Grant(_)
                | Guard::Account(_)
                | Guard::Resume { .. }
                | Guard::ClaimCredits { .. }
                | Guard::NothingLeft(..) => None,
            })
            .collect();
        if keys.iter().any(|key| self.once.contains(key)) {
            return Err(Refusal::DoneBefore);
        }
        let wanted: Vec<i64> = guards
            .iter()
            .filter_map(|guard| match guard {
                Guard::RedeemVoucher { voucher, .. } => Some(*voucher),
                Guard::TakeOverVoucher { .. }
                | Guard::HoldsVoucher { .. }
                | Guard::Once(_)
                | Guard::Grant(_)
                | Guard::Account(_)
                | Guard::Resume { .. }
                | Guard::ClaimCredits { .. }
                | Guard::NothingLeft(..) => None,
            })
            .collect();
        if wanted.iter().any(|voucher| self.redeemed.contains(voucher)) {
            return Err(Refusal::VoucherUsed);
        }
        self.redeemed.extend(wanted);
        self.once.extend(keys);
        Ok(())
    }

    /// Whether what a session uses is counted only.
    pub fn is_free(&self, session: &ClientSession) -> bool {
        let device = self.devices.get(&session.device);
        session.roles.contains(FREE) || device.is_some_and(|device| device.roles.contains(FREE))
    }

    /// Writes one row.
    pub fn write(&mut self, change: &Change) {
        match change {
            Change::Device(device) => {
                self.devices.insert(device.id, (**device).clone());
            }
            Change::DeleteDevice(id) => {
                self.devices.remove(id);
                self.sessions.retain(|_, session| session.device != *id);
            }
            Change::Session(session) => {
                assert!(self.devices.contains_key(&session.device), "a session without its device");
                self.sessions.insert(session.id, (**session).clone());
            }
            Change::DeleteSession(id) => {
                self.sessions.remove(id);
            }
            Change::Usage(session) => {
                if let Some(row) = self.sessions.get_mut(&session.id)
                    && row.is_running()
                {
                    row.usage = session.usage;
                    row.free = session.free;
                    row.state = session.state.clone();
                }
            }
            Change::Outbox(usage) => {
                let last = self.outbox.iter().rev().find(|owed| owed.session == usage.session);
                assert!(
                    last.is_none_or(|last| last.seq < usage.seq),
                    "a source ignores {usage:?} after {last:?}"
                );
                self.outbox.push(usage.clone());
            }
            Change::NewestWall(wall) => self.newest_wall = *wall,
            // Looked at elsewhere.
            Change::Message(_)
            | Change::Audit(_)
            | Change::Sale(_)
            | Change::Grants(_)
            | Change::MoveCredits { .. }
            | Change::Origin { .. }
            | Change::GiveBack(_)
            | Change::DropSale(_) => {}
            Change::ForgetOnce { key, .. } => assert!(self.once.remove(key), "forgotten and never done"),
        }
    }

    /// What a starting daemon loads: addresses and presence are not stored, ended sessions stay where they are.
    pub fn load(&self) -> (Vec<ClientDevice>, Vec<ClientSession>) {
        let devices = self.devices.values().map(|device| ClientDevice {
            ipv4: BTreeSet::new(),
            ipv6: BTreeSet::new(),
            present: false,
            interface: None,
            transport: Default::default(),
            ..device.clone()
        });
        let sessions = self.sessions.values().filter(|session| session.is_usable()).cloned();
        (devices.collect(), sessions.collect())
    }

    /// The session that a device is running, as committed.
    pub fn running(&self, device: DeviceId) -> Option<&ClientSession> {
        self.sessions.values().find(|session| session.device == device && session.is_running())
    }
}
