//! Who is logged in as whom, from the log-in to the end of an account.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::handle::Handle;
use super::mail::Reply;
use super::shared::Shared;
use crate::domain::sessions_mgr::Command;
use crate::domain::{
    AccountName, AccountOff, ClientSession, CloseReason, DeviceId, Enter, Guard, LogIn, Occasion,
    PasswordHash, ProviderName, Refusal, SessionId, Text, WallTime, standing,
};
use crate::providers::account::AccountProvider;
use crate::store::Binding;

/// Accounts whose time is over are looked for so often.
const EVERY: Duration = Duration::from_secs(10);
/// A device that was given nothing for so many days is no longer known.
const FORGOTTEN_DAYS: u32 = 90;

/// A session of an account that is not over.
#[derive(Debug, Clone)]
struct Live {
    session: SessionId,
    device: DeviceId,
    principal: String,
}

impl Handle {
    /// The hash of a new password, for the store.
    pub async fn hash_password(&self, password: &str) -> Result<PasswordHash, Refusal> {
        let hashed = self.shared.hasher.hash(password).await;
        hashed.map_err(|error| Refusal::Provider(error.to_string()))
    }

    /// Lets somebody in who has shown who they are. Authenticators are asked first; their no leaves everything as it was.
    pub(super) async fn log_in(
        &self,
        device: DeviceId,
        provider: &ProviderName,
        log_in: LogIn,
    ) -> Result<ClientSession, Refusal> {
        match log_in.enter {
            Enter::Grant(data) => {
                self.grant(device, provider, *data, Occasion::LogIn).await?;
            }
            Enter::TakeOver { from, guards } => {
                self.go_on_here(provider, from, device, log_in.principal, guards).await?;
            }
        }
        // What the device had of another account, and what devices had that have made room.
        self.enforce_accounts().await?;
        self.connect(device, None).await
    }

    /// What one device has of an account goes on on another one.
    async fn go_on_here(
        &self,
        provider: &ProviderName,
        from: DeviceId,
        to: DeviceId,
        principal: String,
        guards: Vec<Guard>,
    ) -> Result<(), Refusal> {
        let of_account = |session: &ClientSession| {
            session.provider == *provider && session.principal.as_ref() == Some(&principal)
        };
        let mut moved = self.usable_sessions(from).await?;
        moved.retain(of_account);
        let sessions: Vec<(SessionId, SessionId)> =
            moved.iter().map(|session| (session.id, SessionId::new(uuid::Uuid::now_v7()))).collect();
        let Some(first) = moved.into_iter().next() else { return Err(Refusal::NoSession) };
        let proposed = ClientSession { device: to, ..first };
        self.authenticate(proposed, Occasion::LogIn, Some(principal)).await?;
        match self.command(Command::TakeOver { from, to, sessions, guards }).await? {
            Reply::Session(_) => Ok(()),
            // Its last books have ended it.
            Reply::Done | Reply::Device(_) | Reply::Previous(_) | Reply::Matched(_) => {
                Err(Refusal::NoSession)
            }
        }
    }

    /// Logs a device out: what it has of the account waits for the next log-in, wherever that is.
    pub(super) async fn log_out(
        &self,
        device: DeviceId,
        provider: &ProviderName,
        principal: String,
    ) -> Result<(), Refusal> {
        let known = self.usable_sessions(device).await?.into_iter();
        let of_account = |session: &ClientSession| {
            session.provider == *provider && session.principal.as_ref() == Some(&principal)
        };
        for mut proposed in known.filter(of_account) {
            proposed.principal = None;
            self.authenticate(proposed, Occasion::Principal, Some(principal.clone())).await?;
        }
        let name = AccountName::parse(&principal)?;
        let store = &self.shared.store;
        store.unbind(&name, Some(device)).await.map_err(Refusal::from)?;
        self.enforce_accounts().await
    }

    /// Ends what accounts have on devices where they are not logged in, or not any more: they were disabled, deleted, are
    /// over, or the device was logged out. At once, and again after every start, so that no crash leaves one behind.
    pub async fn enforce_accounts(&self) -> Result<(), Refusal> {
        // Without the caller's proviso: what follows from its change is no change of its own.
        let handle = Self::new(Arc::clone(&self.shared));
        handle.enforce().await.map(|_| ())
    }

    /// Looks at every session of an account; those that go on are on these devices.
    async fn enforce(&self) -> Result<(HashSet<DeviceId>, Vec<Binding>), Refusal> {
        // The sessions first: whatever made one has bound its device before.
        let live = self
            .ask(|mgr, _| {
                let of_account = |session: &ClientSession| {
                    let principal = session.principal.clone()?;
                    let is_one = session.provider.as_str() == AccountProvider::NAME;
                    is_one.then_some(Live { session: session.id, device: session.device, principal })
                };
                mgr.snapshot().iter().filter_map(|(session, _)| of_account(session)).collect::<Vec<_>>()
            })
            .await?;
        let store = &self.shared.store;
        let bindings = store.bindings().await.map_err(Refusal::from)?;
        let by_device: HashMap<DeviceId, &Binding> =
            bindings.iter().map(|binding| (binding.device, binding)).collect();
        let at = self.shared.clock.believable();
        let mut going_on = HashSet::new();
        for session in live {
            let ends = self.ends(&session, by_device.get(&session.device).copied(), at).await?;
            let Some((reason, text)) = ends else {
                going_on.insert(session.device);
                continue;
            };
            match self.close_session(session.session, reason, Text::new(text)).await {
                // It may have ended by itself meanwhile.
                Ok(_) | Err(Refusal::UnknownSession | Refusal::SessionEnded(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok((going_on, bindings))
    }

    /// Why a session must not go on; `None` if it may.
    async fn ends(
        &self,
        session: &Live,
        binding: Option<&Binding>,
        at: WallTime,
    ) -> Result<Option<(CloseReason, &'static str)>, Refusal> {
        let store = &self.shared.store;
        let is_account = async || match AccountName::parse(&session.principal) {
            Ok(name) => {
                let found = store.find_account(&name).await;
                found.map(|found| found.is_some()).map_err(Refusal::from)
            }
            Err(_) => Ok(false),
        };
        Ok(match binding {
            Some(binding) => match standing(binding.disabled, binding.expires_at, at) {
                Err(AccountOff::Disabled) => Some((CloseReason::Revoked, "the account was disabled")),
                Err(AccountOff::Expired) => Some((CloseReason::Expired, "the account has expired")),
                Ok(()) if binding.account == session.principal => None,
                // An operator may call it what they like; what another account has is not this device's any more.
                Ok(()) => is_account().await?.then_some((CloseReason::Moved, "logged out")),
            },
            None if is_account().await? => Some((CloseReason::Moved, "logged out")),
            None => Some((CloseReason::Revoked, "the account was deleted")),
        })
    }

    /// Logs out devices that were given nothing for long.
    async fn forget_devices(&self, in_use: &HashSet<DeviceId>, bindings: &[Binding]) -> Result<(), Refusal> {
        if !self.shared.clock.is_believed() {
            return Ok(());
        }
        let long_ago =
            self.shared.clock.believable().plus_millis(-i64::from(FORGOTTEN_DAYS).saturating_mul(86_400_000));
        let is_old = |binding: &&Binding| binding.used_at < long_ago && !in_use.contains(&binding.device);
        let old: Vec<DeviceId> = bindings.iter().filter(is_old).map(|binding| binding.device).collect();
        let forgotten = self.shared.store.forget_bindings(&old, long_ago).await;
        forgotten.map_err(Refusal::from)
    }
}

/// Looks after accounts as long as the daemon runs.
pub(super) async fn keep(shared: Arc<Shared>) {
    use crate::domain::AccountBook;
    let handle = Handle::new(Arc::clone(&shared));
    // Once in any case: what the last account had may outlive it by a crash.
    let mut look = true;
    loop {
        if look {
            let kept = match handle.enforce().await {
                Ok((in_use, bindings)) => handle.forget_devices(&in_use, &bindings).await,
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = kept {
                warn!(%refusal, "accounts could not be looked after; trying again");
            }
        }
        tokio::time::sleep(EVERY).await;
        look = shared.store.any_account();
    }
}
