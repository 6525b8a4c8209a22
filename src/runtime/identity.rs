//! Who a device is beyond its MAC: phones that make up a new one bring along what they have left.

use std::collections::HashMap;
use std::sync::PoisonError;

use super::handle::Handle;
use crate::domain::{
    Actor, ClientDevice, ClientSession, DeviceId, Proviso, RecoveryCode, Refusal, Text, WallTime,
};
use crate::providers::voucher::{TryLimiter, VoucherVault};

/// The name of guests in the audit log.
const GUEST: &str = "guest";

/// What is known of recovery codes.
#[derive(Default)]
pub(super) struct Recovery {
    limiter: TryLimiter,
    /// The codes of those who had something left when one was last looked for: each is derived once.
    codes: HashMap<DeviceId, (u32, RecoveryCode)>,
}

impl Recovery {
    /// Whose code it is, of devices in their versions. One that two have is nobody's.
    fn find(
        &mut self,
        devices: Vec<(DeviceId, u32)>,
        typed: RecoveryCode,
        vault: &VoucherVault,
    ) -> Option<DeviceId> {
        let known = std::mem::take(&mut self.codes);
        self.codes.extend(devices.into_iter().map(|(device, version)| {
            let code = known.get(&device).filter(|(of, _)| *of == version).map(|(_, code)| *code);
            (device, (version, code.unwrap_or_else(|| vault.recovery_code(device, version))))
        }));
        let mut found = self.codes.iter().filter(|(_, (_, code))| *code == typed).map(|(device, _)| *device);
        found.next().filter(|_| found.next().is_none())
    }
}

/// What a page shows of who its device was and will be.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The code that brings along what it has left; `None` if it has nothing.
    pub code: Option<RecoveryCode>,
    /// What its browser is to keep; `None` if it has nothing.
    pub token: Option<String>,
    /// What another device has left that the same browser was on.
    pub earlier: Vec<ClientSession>,
}

/// What became of a move.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The device that has it all now.
    pub device: ClientDevice,
    /// If the other one was let through, whether this one is.
    pub connected: Option<Result<ClientSession, Refusal>>,
}

impl Handle {
    /// Who a device is, and who it was by the token that its browser keeps. A bad token says nothing.
    pub async fn known(&self, device: DeviceId, token: Option<&str>) -> Result<Known, Refusal> {
        let version = self
            .ask(move |mgr, _| {
                let known = mgr.device(device)?;
                Ok::<_, Refusal>(mgr.has_movable_sessions(device).then_some(known.identity.version))
            })
            .await??;
        let vault = &self.shared.vault;
        let earlier = match token.and_then(|token| vault.read_device_token(token)) {
            Some((earlier, version)) if earlier != device => self.left_behind(earlier, version).await?,
            _ => Vec::new(),
        };
        Ok(Known {
            code: version.map(|version| vault.recovery_code(device, version)),
            token: version.map(|version| vault.device_token(device, version)),
            earlier,
        })
    }

    /// What could be moved from a device, if it is still of that version.
    async fn left_behind(&self, device: DeviceId, version: u32) -> Result<Vec<ClientSession>, Refusal> {
        self.ask_exact(device, move |mgr, now| {
            let is_it = |known: &ClientDevice| known.identity.version == version && !known.blocked;
            if !mgr.device(device).is_ok_and(is_it) {
                return Vec::new();
            }
            let sessions = mgr.movable_sessions(device).into_iter();
            sessions.filter_map(|session| mgr.session_now(session, now.boot)).collect()
        })
        .await
    }

    /// The code that moves what a device has left.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] if that is nothing.
    pub async fn recovery_code(&self, device: DeviceId) -> Result<RecoveryCode, Refusal> {
        self.known(device, None).await?.code.ok_or(Refusal::NoSession)
    }

    /// Moves what a device has left to another one, which is let through if the first was. See [`Handle::move_sessions`].
    pub async fn move_device(&self, from: DeviceId, to: DeviceId) -> Result<Moved, Refusal> {
        let was_connected = self.is_connected(from).await?;
        let device = self.move_sessions(from, to).await?;
        // A change of its own: the proviso was for the move.
        let free = Self { proviso: None, ..self.clone() };
        let connected = if was_connected { Some(free.connect(to, None).await) } else { None };
        Ok(Moved { device, connected })
    }

    /// A guest brings over what the device of a recovery code has left. Wrong codes are limited per device.
    ///
    /// # Errors
    ///
    /// [`Refusal::RecoveryUnknown`], [`Refusal::TooManyTries`], [`Refusal::TooManyMoves`], [`Refusal::SameDevice`].
    pub async fn move_by_code(&self, typed: &str, to: DeviceId, origin: Text) -> Result<Moved, Refusal> {
        let boot = self.now().boot;
        let refused = |refusal| self.shared.measures.refused(refusal);
        // Charged before the look-up, so that tries side by side do not get round it.
        self.recovery().limiter.charge(to, boot).map_err(refused)?;
        let from = self.device_of_code(typed).await.map_err(refused)?;
        let moved = self.move_for_guest(from, to, origin, "by recovery code").await?;
        self.recovery().limiter.right(&to);
        Ok(moved)
    }

    async fn device_of_code(&self, typed: &str) -> Result<DeviceId, Refusal> {
        let typed = RecoveryCode::parse(typed).ok_or(Refusal::RecoveryUnknown)?;
        let devices = self
            .ask(|mgr, _| {
                let has_some =
                    |device: &&ClientDevice| !device.blocked && mgr.has_movable_sessions(device.id);
                let devices = mgr.devices().filter(has_some);
                devices.map(|device| (device.id, device.identity.version)).collect::<Vec<_>>()
            })
            .await?;
        self.recovery().find(devices, typed, &self.shared.vault).ok_or(Refusal::RecoveryUnknown)
    }

    /// A guest brings over what the device has left that its browser was on before.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] if the token is not one of ours, is of before an earlier move, or nothing is left.
    pub async fn move_by_token(&self, token: &str, to: DeviceId, origin: Text) -> Result<Moved, Refusal> {
        let (from, version) = self.shared.vault.read_device_token(token).ok_or(Refusal::NoSession)?;
        if self.left_behind(from, version).await?.is_empty() {
            return Err(Refusal::NoSession);
        }
        self.move_for_guest(from, to, origin, "by the browser's cookie").await
    }

    async fn move_for_guest(
        &self,
        from: DeviceId,
        to: DeviceId,
        origin: Text,
        how: &str,
    ) -> Result<Moved, Refusal> {
        let at: WallTime = self.now().wall;
        let checked = self.ask(move |mgr, _| {
            let (from, to) = (mgr.device(from)?, mgr.device(to)?);
            to.identity.taking_over(from.identity, at).check(at)?;
            Ok(from.mac)
        });
        let mac = checked.await?.map_err(|refusal| self.shared.measures.refused(refusal))?;
        let details = Text::new(&format!("from {mac} ({from}), {how}"));
        let by = Actor { name: Text::new(GUEST), origin, action: "device.move", details };
        let proviso = Proviso { by: Some(by), ..Proviso::default() };
        self.under(proviso).move_device(from, to).await
    }

    fn recovery(&self) -> std::sync::MutexGuard<'_, Recovery> {
        self.shared.recovery.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_derived_once_and_void_ones_are_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let vault = VoucherVault::open(&directory.path().join("key"), None).unwrap();
        let device = |number| DeviceId::new(uuid::Uuid::from_u128(number));
        let all: Vec<_> = (0..100).map(|number| (device(number), 0)).collect();
        let mut recovery = Recovery::default();
        let code = vault.recovery_code(device(42), 0);
        assert_eq!(recovery.find(all.clone(), code, &vault), Some(device(42)));
        assert_eq!(recovery.codes.len(), 100);
        assert_eq!(recovery.find(vec![(device(42), 1)], code, &vault), None, "of before a move");
        assert_eq!(recovery.codes.len(), 1);
        assert_eq!(recovery.find(Vec::new(), code, &vault), None);
        // That two devices share a code is all but impossible; if they do, neither is robbed.
        recovery.codes = HashMap::from([(device(1), (0, code)), (device(2), (0, code))]);
        assert_eq!(recovery.find(vec![(device(1), 0), (device(2), 0)], code, &vault), None);
    }
}
