use std::net::IpAddr;
use std::sync::Arc;

use super::steer::MAX_ROLES;
use super::table::addresses;
use super::work::Work;
use super::{DevicePatch, NewSession};
use crate::domain::{
    Change, ClientDevice, ClientType, DeviceId, EventKind, MacAddr, Outcome, PauseReason, ProviderName,
    Refusal, SessionId, SessionState, SessionTerms, SourceData, Text, Transport, ZoneName,
};

/// The provider of the sessions that trusted devices run.
pub(super) const TRUSTED: &str = "trusted";

/// What a browser says of its device is noted at most so many times …
const NOTES: u8 = 4;
/// … in so many milliseconds.
const NOTES_MS: u64 = 60_000;

/// A device as the network shows it.
pub(super) struct Sighting {
    pub(super) fresh: DeviceId,
    pub(super) fresh_session: SessionId,
    pub(super) mac: MacAddr,
    pub(super) zone: ZoneName,
    pub(super) address: Option<IpAddr>,
    pub(super) hostname: Option<Text>,
    pub(super) attached: Option<(Text, Transport)>,
    pub(super) alive: bool,
}

impl Work<'_> {
    pub(super) fn register_device(
        &mut self,
        id: DeviceId,
        mac: MacAddr,
        alias: Option<Text>,
        zone: Option<ZoneName>,
    ) -> Result<Outcome, Refusal> {
        if self.mgr.table.by_mac(mac).is_some() {
            return Err(Refusal::DeviceExists);
        }
        self.check_zone(zone.as_ref())?;
        let mut device = ClientDevice::new(id, mac, self.now.wall);
        device.alias = alias.filter(|alias| !alias.is_empty());
        device.zone = zone;
        self.make_known(device)?;
        Ok(Outcome::Device(Box::new(ClientDevice::clone(&self.entry(id)?.device))))
    }

    fn make_known(&mut self, device: ClientDevice) -> Result<(), Refusal> {
        let id = device.id;
        self.add_device(device);
        // Without a key it is known all the same, and captive; it gets one when one is free.
        match self.ensure_key(id) {
            Ok(()) | Err(Refusal::KeysUsedUp) => {}
            Err(refusal) => return Err(refusal),
        }
        self.event(EventKind::DeviceCreated, Some(id), None);
        Ok(())
    }

    fn check_zone(&self, zone: Option<&ZoneName>) -> Result<(), Refusal> {
        match zone {
            Some(zone) if !self.mgr.zones.contains_key(zone) => Err(Refusal::UnknownZone(zone.to_string())),
            _ => Ok(()),
        }
    }

    pub(super) fn update_device(&mut self, id: DeviceId, patch: DevicePatch) -> Result<Outcome, Refusal> {
        self.check_zone(patch.zone.as_ref())?;
        if patch.disconnect {
            self.disconnect(id, None, PauseReason::Asked)?;
        }
        let before = Arc::clone(&self.entry(id)?.device);
        let mut after = ClientDevice::clone(&before);
        if let Some(alias) = patch.alias {
            after.alias = alias.filter(|alias| !alias.is_empty());
        }
        if let Some(zone) = patch.zone {
            after.zone = Some(zone);
        }
        if let Some(roles) = patch.roles {
            if roles.len() > MAX_ROLES {
                return Err(Refusal::TooManyRoles(MAX_ROLES));
            }
            after.roles = roles;
        }
        after.blocked = patch.blocked.unwrap_or(before.blocked);
        if after != *before {
            let named = after.alias != before.alias;
            let (zoned, roled) = (after.zone != before.zone, after.roles != before.roles);
            let blocked = (after.blocked != before.blocked).then_some(after.blocked);
            if zoned {
                // Up to now by the opening hours of where it was.
                self.mgr.spend_to(id, self.now.boot);
            }
            if blocked == Some(true) {
                self.pause(id, PauseReason::Blocked)?;
            }
            self.change_device(id, |device| {
                device.alias = after.alias;
                device.zone = after.zone;
                device.blocked = after.blocked;
                device.roles = after.roles;
            })?;
            if roled && let Some(run) = &self.entry(id)?.run {
                // What was used up to now was charged by the old roles, and must not be charged anew after a crash.
                let used = self.session(run.session)?.clone();
                self.change(Change::Usage(Box::new(used)));
            }
            if named || zoned || roled {
                self.event(EventKind::DeviceUpdated, Some(id), None);
            }
            if let Some(blocked) = blocked {
                self.event(
                    if blocked { EventKind::DeviceBlocked } else { EventKind::DeviceUnblocked },
                    Some(id),
                    None,
                );
            }
        }
        Ok(Outcome::Device(Box::new(ClientDevice::clone(&self.entry(id)?.device))))
    }

    pub(super) fn delete_device(&mut self, id: DeviceId) -> Result<Outcome, Refusal> {
        self.drop_device(id)?;
        self.event(EventKind::DeviceDeleted, Some(id), None);
        Ok(Outcome::Done)
    }

    pub(super) fn seen(&mut self, sighting: Sighting) -> Result<Outcome, Refusal> {
        let Sighting { fresh, fresh_session, mac, zone, address, hostname, attached, alive } = sighting;
        self.check_zone(Some(&zone))?;
        let id = match self.mgr.table.by_mac(mac) {
            Some(id) => id,
            None => {
                let mut device = ClientDevice::new(fresh, mac, self.now.wall);
                device.zone = Some(zone.clone());
                self.make_known(device)?;
                fresh
            }
        };
        let before = Arc::clone(&self.entry(id)?.device);
        if before.zone.as_ref() != Some(&zone) {
            // Up to now by the opening hours of where it was.
            self.mgr.spend_to(id, self.now.boot);
        }
        let mut after = ClientDevice::clone(&before);
        after.zone = Some(zone);
        if hostname.is_some() {
            after.hostname = hostname;
        }
        if let Some((interface, transport)) = attached {
            (after.interface, after.transport) = (Some(interface), transport);
        }
        if let Some(address) = address {
            add_address(&mut after, address);
            self.take_address_from_another(id, address)?;
        }
        let joined = !before.present && (alive || before.last_seen.is_none());
        if joined {
            after.present = true;
            after.last_seen = Some(self.now.wall);
        }
        if after != *before {
            let shown = (&before.zone, &before.hostname) != (&after.zone, &after.hostname);
            self.change_device(id, |device| *device = after)?;
            if shown && before.last_seen.is_some() {
                self.event(EventKind::DeviceUpdated, Some(id), None);
            }
        }
        if joined && let Some(entry) = self.mgr.table.device_mut(id) {
            entry.away_since = None;
        }
        if joined {
            self.ensure_key(id)
                .or_else(|refusal| if refusal == Refusal::KeysUsedUp { Ok(()) } else { Err(refusal) })?;
            self.joined(id, fresh_session)?;
        }
        Ok(Outcome::Device(Box::new(ClientDevice::clone(&self.entry(id)?.device))))
    }

    /// What a browser says of its device: nothing is told of it.
    pub(super) fn note_client(
        &mut self,
        id: DeviceId,
        client_type: Option<ClientType>,
        language: Option<Text>,
    ) -> Result<Outcome, Refusal> {
        let before = &self.entry(id)?.device;
        let client_type = client_type.or(before.client_type);
        let language = language.or_else(|| before.language.clone());
        if (client_type, &language) != (before.client_type, &before.language) {
            // A browser that says something else each time is not worth a commit each time.
            let now = self.now.boot;
            let entry = self.mgr.table.device_mut(id).ok_or(Refusal::UnknownDevice)?;
            let (since, notes) = match entry.noted {
                Some((since, notes)) if now.millis_since(since) < NOTES_MS => (since, notes),
                _ => (now, 0),
            };
            if notes >= NOTES {
                return Ok(Outcome::Done);
            }
            entry.noted = Some((since, notes + 1));
            self.change_device(id, |device| (device.client_type, device.language) = (client_type, language))?;
        }
        Ok(Outcome::Done)
    }

    /// A device has come (back) to the network: what was interrupted goes on, what is automatic begins.
    fn joined(&mut self, id: DeviceId, fresh_session: SessionId) -> Result<(), Refusal> {
        let entry = self.entry(id)?;
        if entry.device.blocked || entry.run.is_some() || entry.device.key.is_none() {
            return Ok(());
        }
        let policy = &self.mgr.zone_of(&entry.device).policy;
        let (trusted, auto_connect) = (policy.trusted.contains(&entry.device.mac), policy.auto_connect);
        if trusted && entry.sessions.is_empty() {
            self.create_session(NewSession {
                id: fresh_session,
                device: id,
                provider: ProviderName::new(TRUSTED),
                data: SourceData::new(SessionTerms::unlimited()),
            })?;
        }
        if self.mgr.is_shut_out(self.entry(id)?, self.now.boot) {
            self.wait_for_opening(id);
            return Ok(());
        }
        self.let_in(id, trusted, auto_connect)
    }

    /// Lets a device through that is here and runs nothing, if it need not ask.
    pub(super) fn let_in(&mut self, id: DeviceId, trusted: bool, auto_connect: bool) -> Result<(), Refusal> {
        let Some(next) = self.interrupted(id).or_else(|| self.next_usable(id)) else { return Ok(()) };
        let interrupted = self.interrupted(id).is_some();
        if auto_connect && !trusted && !interrupted && self.mgr.asks_authenticators {
            self.ask_to_let_in(id);
            return Ok(());
        }
        if trusted || auto_connect || interrupted {
            self.start(next)?;
            self.event(EventKind::DeviceConnected, Some(id), Some(next));
        }
        Ok(())
    }

    /// The session that a reboot interrupted, which is not always the one that a connect would choose.
    fn interrupted(&self, id: DeviceId) -> Option<SessionId> {
        self.usable(id).find(|session| {
            self.session(*session)
                .is_ok_and(|session| matches!(session.state, SessionState::Paused(PauseReason::Reboot)))
        })
    }

    pub(super) fn lost(&mut self, mac: MacAddr, address: IpAddr) -> Result<Outcome, Refusal> {
        let id = self.mgr.table.by_mac(mac).ok_or(Refusal::UnknownDevice)?;
        let before = Arc::clone(&self.entry(id)?.device);
        let mut after = ClientDevice::clone(&before);
        match address {
            IpAddr::V4(address) => after.ipv4.remove(&address),
            IpAddr::V6(address) => after.ipv6.remove(&address),
        };
        if after == *before {
            return Ok(Outcome::Done);
        }
        let gone = addresses(&after).next().is_none();
        if gone && after.present {
            after.present = false;
            after.last_seen = Some(self.now.wall);
        }
        self.change_device(id, |device| *device = after)?;
        let now = self.now.boot;
        if gone && let Some(entry) = self.mgr.table.device_mut(id) {
            entry.away_since.get_or_insert(now);
            if let Some(run) = entry.run.as_mut() {
                run.spoke = false;
            }
        }
        Ok(Outcome::Done)
    }

    /// An address belongs to whoever used it last: DHCP hands them round.
    fn take_address_from_another(&mut self, id: DeviceId, address: IpAddr) -> Result<(), Refusal> {
        match self.mgr.table.by_ip(address) {
            Some(other) if other != id => self.change_device(other, |device| match address {
                IpAddr::V4(address) => {
                    device.ipv4.remove(&address);
                }
                IpAddr::V6(address) => {
                    device.ipv6.remove(&address);
                }
            }),
            _ => Ok(()),
        }
    }
}

/// Adds an address, making room if a device shows more than are kept.
fn add_address(device: &mut ClientDevice, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            if device.ipv4.len() >= ClientDevice::MAX_ADDRESSES && !device.ipv4.contains(&address) {
                device.ipv4.pop_first();
            }
            device.ipv4.insert(address);
        }
        IpAddr::V6(address) => {
            if device.ipv6.len() >= ClientDevice::MAX_ADDRESSES && !device.ipv6.contains(&address) {
                device.ipv6.pop_first();
            }
            device.ipv6.insert(address);
        }
    }
}
