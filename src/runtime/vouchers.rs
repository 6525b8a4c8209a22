use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt, stream};

use super::handle::{DeviceRef, Handle};
use super::mail::Reply;
use crate::domain::sessions_mgr::Command;
use crate::domain::{
    ClientSession, CloseReason, DeviceId, Guard, Occasion, PauseReason, ProviderName, Refusal, SessionId,
    SessionState, SessionsMgr, Text, Voucher, VoucherUse, WhenFull,
};
use crate::providers::voucher::{TryLimiter, VoucherCode, VoucherProvider, time_of_use};
use crate::store::{ListedVoucher, Revoked, StoreError};

/// How many sessions of a batch that is taken back are closed at the same time.
const SIDE_BY_SIDE: usize = 64;
/// How often a place is looked for while others take the places of the same code.
const TRIES: usize = 8;

pub(super) fn store_failed(error: StoreError) -> Refusal {
    error.into()
}

/// Vouchers: who redeems them, and what becomes of their sessions when they are taken back.
impl Handle {
    /// Redeems a voucher code for a device: durable before it is answered; wrong codes are limited per device.
    /// The session is made, not connected.
    pub async fn redeem(&self, code: &str, device: DeviceId) -> Result<ClientSession, Refusal> {
        let known = self.find_device(DeviceRef::Id(device)).await?;
        let measures = &self.shared.measures;
        if known.blocked {
            return Err(measures.refused(Refusal::Blocked));
        }
        let boot = self.shared.clock.now().boot;
        // Charged before the look-up, so that tries side by side do not get round it.
        self.limiter().charge(device, boot).map_err(|refusal| measures.refused(refusal))?;
        let (session, is_new) = self.redeem_checked(code, device).await?;
        // A code that is known but used up or revoked forgives nothing: it could be shown again and again. Nor does one
        // that is taken over: two devices could take turns without end.
        if is_new {
            self.limiter().right(&device);
        }
        Ok(session)
    }

    fn limiter(&self) -> std::sync::MutexGuard<'_, TryLimiter> {
        self.shared.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, and whether it is a new one: not taken over from another device.
    async fn redeem_checked(&self, code: &str, device: DeviceId) -> Result<(ClientSession, bool), Refusal> {
        let measures = &self.shared.measures;
        let mut tries = 0;
        loop {
            let voucher = self.valid_voucher(code).await.map_err(|refusal| measures.refused(refusal))?;
            let printed = VoucherCode::parse(code).map(|code| code.to_string()).unwrap_or_default();
            let shown_as = voucher.shown_as(&printed);
            let is_new = !voucher.is_full();
            let done = if is_new {
                self.take_place(&voucher, shown_as, device).await
            } else {
                self.take_over(&voucher, shown_as, device).await
            };
            tries += 1;
            match done {
                // The place went to another one in the same moment; there may be one to be taken over.
                Err(Refusal::VoucherUsed)
                    if voucher.batch.offer.when_full == WhenFull::TakeOver && tries < TRIES => {}
                done => return done.map(|session| (session, is_new)),
            }
        }
    }

    async fn valid_voucher(&self, code: &str) -> Result<Voucher, Refusal> {
        let lookup = self.shared.vault.lookup(code).ok_or(Refusal::VoucherUnknown)?;
        let found = self.shared.store.find_voucher(&lookup).await.map_err(store_failed)?;
        let voucher = found.ok_or(Refusal::VoucherUnknown)?;
        voucher.check(self.now().wall)?;
        // A clock that runs late gives no day twice.
        if voucher.ends_at().is_some_and(|end| self.believable() >= end) {
            return Err(Refusal::VoucherNotValid("any more"));
        }
        Ok(voucher)
    }

    /// A place is left.
    async fn take_place(
        &self,
        voucher: &Voucher,
        shown_as: String,
        device: DeviceId,
    ) -> Result<ClientSession, Refusal> {
        let clock = &self.shared.clock;
        let at = time_of_use(voucher, clock);
        let mut data = voucher.source_data(shown_as, at, clock);
        data.guards = voucher.guards(device, at, clock);
        self.grant(device, &ProviderName::new(VoucherProvider::NAME), data, Occasion::LogIn).await
    }

    /// All places are taken: that of the device which is away the longest, else of the first, with what it has left.
    async fn take_over(
        &self,
        voucher: &Voucher,
        shown_as: String,
        device: DeviceId,
    ) -> Result<ClientSession, Refusal> {
        let uses = self.shared.store.voucher_places(voucher.id).await.map_err(store_failed)?;
        if uses.iter().any(|place| place.redeemed.device == device) {
            return Err(self.shared.measures.refused(Refusal::VoucherUsed));
        }
        let found = self.ask(move |mgr, _| longest_away(mgr, &uses, &shown_as)).await?;
        let (from, left) = found.ok_or(Refusal::VoucherUsed)?;
        let fresh = || SessionId::new(uuid::Uuid::now_v7());
        let sessions: Vec<_> = left.iter().map(|session| (session.id, fresh())).collect();
        // What they would change of it they are asked again when it runs; here they can only say no.
        if let Some((first, (_, id))) = left.into_iter().zip(&sessions).next() {
            let (id, state) = (*id, SessionState::Paused(PauseReason::Asked));
            let state = if first.is_running() { state } else { first.state.clone() };
            let proposed = ClientSession { id, device, state, resumed_at: None, ..first };
            self.authenticate(proposed, Occasion::LogIn, None).await?;
        }
        let session = SessionId::new(uuid::Uuid::nil());
        let at = time_of_use(voucher, &self.shared.clock).noted;
        let guard = Guard::TakeOverVoucher { voucher: voucher.id, from, device, session, at };
        let command = Command::TakeOver { from, to: device, sessions, guards: vec![guard] };
        match self.command(command).await? {
            Reply::Session(session) => Ok(*session),
            Reply::Done | Reply::Device(_) | Reply::Previous(_) | Reply::Matched(_) => {
                Err(Refusal::VoucherUsed)
            }
        }
    }

    /// Takes a voucher back and closes all sessions that came of it. Again, it closes what a crash left open.
    pub async fn revoke_voucher(&self, code: &str) -> Result<Revoked, Refusal> {
        let store = &self.shared.store;
        let lookup = self.shared.vault.lookup(code).ok_or(Refusal::VoucherUnknown)?;
        let revoked = store.revoke_voucher(&lookup, self.now().wall).await.map_err(store_failed)?;
        let revoked = revoked.ok_or(Refusal::VoucherUnknown)?;
        self.close_vouchers(vec![self.listed_voucher(revoked.voucher.id).await?]).await?;
        Ok(revoked)
    }

    /// Takes a batch back, and closes all sessions that came of it: how many vouchers were not taken back before, and how
    /// many sessions were closed.
    pub async fn revoke_batch(&self, batch: i64) -> Result<(u64, usize), Refusal> {
        let store = &self.shared.store;
        let count = store.revoke_batch(batch, self.now().wall).await.map_err(store_failed)?;
        let count = count.ok_or(Refusal::UnknownBatch)?;
        let used = store.redeemed_of_batch(batch).await.map_err(store_failed)?;
        Ok((count, self.close_vouchers(used).await?))
    }

    /// Closes what a crash has left open after vouchers were taken back, and after refunds; how many of vouchers.
    pub(super) async fn close_revoked(&self) -> Result<usize, Refusal> {
        let refunded = self.shared.store.refunded_with_sessions(None).await.map_err(store_failed)?;
        self.close_refunded(refunded).await?;
        let left = self.shared.store.revoked_with_sessions().await.map_err(store_failed)?;
        if left.is_empty() { Ok(0) } else { self.close_vouchers(left).await }
    }

    /// A voucher with what its code is printed from.
    pub(super) async fn listed_voucher(&self, id: i64) -> Result<ListedVoucher, Refusal> {
        let found = self.shared.store.voucher_by_id(id).await.map_err(store_failed)?;
        found.ok_or(Refusal::VoucherUnknown)
    }

    /// The sessions that came of vouchers and are not over.
    pub async fn voucher_sessions(
        &self,
        vouchers: Vec<ListedVoucher>,
    ) -> Result<Vec<ClientSession>, Refusal> {
        let vault = Arc::clone(&self.shared.vault);
        // Many codes take a moment to be read: not where others wait.
        let names = tokio::task::spawn_blocking(move || {
            let mut names = HashSet::new();
            for listed in &vouchers {
                let code = vault.unseal(&listed.code).map_err(|error| Refusal::Store(error.to_string()))?;
                names.extend([listed.voucher.reference(), code.to_string()]);
            }
            Ok::<_, Refusal>(names)
        })
        .await
        .map_err(|error| Refusal::Store(error.to_string()))??;
        let snapshot = self.snapshot().await?;
        let is_theirs = |session: &ClientSession| {
            session.provider.as_str() == VoucherProvider::NAME
                && session.voucher.as_ref().is_some_and(|voucher| names.contains(voucher))
        };
        let sessions = snapshot.sessions.iter().map(|(session, _)| session.as_ref());
        Ok(sessions.filter(|session| is_theirs(session)).cloned().collect())
    }

    /// Closes all sessions that came of vouchers which were taken back; how many.
    pub(super) async fn close_vouchers(&self, vouchers: Vec<ListedVoucher>) -> Result<usize, Refusal> {
        // What the request depends on was decided with the voucher.
        let handle = Self { proviso: None, ..self.clone() };
        let sessions = handle.voucher_sessions(vouchers).await?;
        let ids: Vec<SessionId> = sessions.iter().map(|session| session.id).collect();
        let mut closing = stream::iter(ids)
            .map(|id| handle.close_session(id, CloseReason::Revoked, Text::default()))
            .buffer_unordered(SIDE_BY_SIDE);
        let mut closed = 0;
        while let Some(done) = closing.next().await {
            match done {
                Ok(_) => closed += 1,
                // It was forgotten meanwhile.
                Err(Refusal::UnknownSession) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(closed)
    }
}

/// Of those who hold a place and have something left: whose it is to be taken, and what.
fn longest_away(
    mgr: &SessionsMgr,
    uses: &[VoucherUse],
    shown_as: &str,
) -> Option<(DeviceId, Vec<ClientSession>)> {
    let has_left = |session: &&ClientSession| {
        session.voucher.as_deref() == Some(shown_as)
            && session.time_left_ms() != Some(0)
            && session.data_left_bytes() != Some(0)
    };
    let left = uses.iter().enumerate().filter_map(|(order, place)| {
        let device = mgr.device(place.redeemed.device).ok()?;
        let usable = mgr.usable_sessions(device.id);
        let usable = usable.iter().filter_map(|id| mgr.session(*id));
        let sessions: Vec<ClientSession> = usable.filter(has_left).cloned().collect();
        let away_since = device.last_seen.filter(|_| !device.present);
        (!sessions.is_empty()).then_some(((device.present, away_since, order), device.id, sessions))
    });
    left.min_by_key(|(key, _, _)| *key).map(|(_, device, sessions)| (device, sessions))
}
