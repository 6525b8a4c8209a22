use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{broadcast, oneshot};

use super::mail::{Mail, Reply};
use super::measures::Measures;
use super::notices::PortalNotice;
use super::shared::Shared;
use crate::clock::Stopwatch;
pub use crate::domain::sessions_mgr::DevicePatch;
use crate::domain::sessions_mgr::{Command, NewSession};
use crate::domain::{
    ClientDevice, ClientSession, CloseReason, DeviceId, MacAddr, Now, PauseReason, ProviderName, Proviso,
    Refusal, SessionId, SessionPatch, SessionTerms, SessionsMgr, SourceData, Text, WallTime, ZoneName,
};
use crate::metrics::Gauge;
use crate::providers::Registry;
use crate::store::LoggedEvent;

/// The provider of sessions that were made by hand, through API or CLI.
pub(super) const OPERATOR: &str = "operator";

/// The sessions manager's mailbox: every face and provider speaks to it through this.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) proviso: Option<Arc<Proviso>>,
}

/// How callers name a device: by id, MAC or IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceRef {
    /// By id.
    Id(DeviceId),
    /// By MAC.
    Mac(MacAddr),
    /// By an address that it has now.
    Ip(IpAddr),
}

/// Whether a device answered, and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ping {
    /// Whether it answered.
    pub reachable: bool,
    /// The time it took, in milliseconds.
    pub rtt_ms: Option<f64>,
}

/// How the whole is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStatus {
    /// Since when this daemon runs.
    pub started_at: WallTime,
    /// Seconds it has run.
    pub uptime_secs: u64,
    /// Devices known.
    pub devices: usize,
    /// Devices let through.
    pub connected: usize,
    /// Sessions that could be used or are.
    pub usable_sessions: usize,
    /// Elements that the reconciler had to put right since the start.
    pub repairs: u64,
    /// What an operator should know: a foreign qdisc, flow offload, a failed flush. Plain sentences.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, proviso: None }
    }

    pub(super) async fn command(&self, command: Command) -> Result<Reply, Refusal> {
        let watch =
            matches!(command, Command::Connect { .. } | Command::ConnectOn { .. }).then(Stopwatch::start);
        let answer = self.carry_out(command).await;
        if let Some(watch) = watch {
            self.shared.measures.connect_secs.observe(watch.secs());
        }
        answer.map_err(|refusal| self.shared.measures.refused(refusal))
    }

    async fn carry_out(&self, command: Command) -> Result<Reply, Refusal> {
        let (reply, answer) = oneshot::channel();
        let mail = Mail::Command(Box::new(self.provided(command)), Some(reply));
        self.shared.mailbox.send(mail).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    pub(super) async fn for_session(&self, command: Command) -> Result<ClientSession, Refusal> {
        match self.command(command).await? {
            Reply::Session(session) => Ok(*session),
            Reply::Done | Reply::Device(_) | Reply::Previous(_) | Reply::Matched(_) => {
                Err(Refusal::UnknownSession)
            }
        }
    }

    pub(super) async fn for_device(&self, command: Command) -> Result<ClientDevice, Refusal> {
        match self.command(command).await? {
            Reply::Device(device) => Ok(*device),
            Reply::Done | Reply::Session(_) | Reply::Previous(_) | Reply::Matched(_) => {
                Err(Refusal::UnknownDevice)
            }
        }
    }

    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&SessionsMgr, Now) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        // The asker may have gone away meanwhile.
        let question = Box::new(move |mgr: &SessionsMgr, now: Now| drop(reply.send(question(mgr, now))));
        self.shared.mailbox.send(Mail::Ask(question)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)
    }

    pub(super) async fn ask_exact<T: Send + 'static>(
        &self,
        device: DeviceId,
        question: impl FnOnce(&SessionsMgr, Now) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let question = Box::new(move |mgr: &SessionsMgr, now: Now| drop(reply.send(question(mgr, now))));
        self.shared.mailbox.send(Mail::AskExact(device, question)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.map_err(|_| Refusal::Stopping)
    }

    /// `connect(device, notify)`: lets the device through on its running or next usable session. Idempotent.
    pub async fn connect(&self, device: DeviceId, notify: Option<Text>) -> Result<ClientSession, Refusal> {
        self.for_session(Command::Connect { device, notify, answer: None, verdict: None }).await
    }

    /// The same on one of the device's own sessions, in place of what it runs, which is paused. Idempotent.
    ///
    /// # Errors
    ///
    /// Another device's session is [`Refusal::UnknownSession`]; one with nothing left is [`Refusal::NoSession`].
    pub async fn connect_on(&self, device: DeviceId, session: SessionId) -> Result<ClientSession, Refusal> {
        self.for_session(Command::ConnectOn { device, session, answer: None, verdict: None }).await
    }

    /// `disconnect(device, notify)`: cuts it off and pauses its running session. Idempotent.
    pub async fn disconnect(&self, device: DeviceId, notify: Option<Text>) -> Result<ClientDevice, Refusal> {
        self.for_device(Command::Disconnect { device, notify, reason: PauseReason::Asked }).await
    }

    /// Whether the device is let through.
    pub async fn is_connected(&self, device: DeviceId) -> Result<bool, Refusal> {
        self.ask(move |mgr, _| mgr.device(device).map(|_| mgr.is_connected(device))).await?
    }

    /// Makes a session for the device; its provider is `operator`.
    pub async fn create_session(
        &self,
        device: DeviceId,
        terms: SessionTerms,
    ) -> Result<ClientSession, Refusal> {
        self.for_session(Command::CreateSession(Box::new(new_session(device, OPERATOR, terms)))).await
    }

    /// The running session, with usage to the last packet.
    pub async fn curr_session(&self, device: DeviceId) -> Result<Option<ClientSession>, Refusal> {
        self.ask_exact(device, move |mgr, now| {
            mgr.device(device)?;
            Ok(mgr.curr_session(device).and_then(|id| mgr.session_now(id, now.boot)))
        })
        .await?
    }

    /// Any session the device could use: running, paused or available, else what the providers offer.
    pub async fn get_session(&self, device: DeviceId) -> Result<Option<ClientSession>, Refusal> {
        let (known, usable) = self
            .ask_exact(device, move |mgr, now| {
                let first = mgr.usable_sessions(device).into_iter().next();
                (mgr.device(device).cloned(), first.and_then(|id| mgr.session_now(id, now.boot)))
            })
            .await?;
        let known = known?;
        if usable.is_some() {
            return Ok(usable);
        }
        Ok(self.offered(&Arc::new(known)).await)
    }

    /// What the providers have for a device that holds nothing. It is not made until the device connects: shown under an id
    /// of its own.
    pub async fn offered(&self, device: &Arc<ClientDevice>) -> Option<ClientSession> {
        let offer = self.shared.registry.get_session(device).await?;
        let id = SessionId::new(uuid::Uuid::now_v7());
        let new = NewSession { id, device: device.id, provider: offer.provider, data: offer.data };
        Some(new.session(self.now().wall))
    }

    /// The usable sessions of a device: the running one first, then paused, then available, oldest first.
    pub async fn usable_sessions(&self, device: DeviceId) -> Result<Vec<ClientSession>, Refusal> {
        self.visit_of(device).await.map(|visit| visit.usable)
    }

    /// One session as it is now, ended ones too (from the store).
    pub async fn session(&self, id: SessionId) -> Result<ClientSession, Refusal> {
        let device = self.ask(move |mgr, _| mgr.session(id).map(|session| session.device)).await?;
        if let Some(device) = device
            && let Some(session) =
                self.ask_exact(device, move |mgr, now| mgr.session_now(id, now.boot)).await?
        {
            return Ok(session);
        }
        self.stored_session(id).await?.ok_or(Refusal::UnknownSession)
    }

    pub(super) async fn stored_session(&self, id: SessionId) -> Result<Option<ClientSession>, Refusal> {
        self.shared.store.session(id).await.map_err(Refusal::from)
    }

    /// Brings the usage of those that run up to date: what the store lists is as old as the last flush.
    pub async fn freshen(&self, sessions: Vec<ClientSession>) -> Result<Vec<ClientSession>, Refusal> {
        self.ask(move |mgr, now| {
            sessions
                .into_iter()
                .map(|session| mgr.session_now(session.id, now.boot).unwrap_or(session))
                .collect()
        })
        .await
    }

    /// Changes terms; acts at once on a running session.
    pub async fn update_session(&self, id: SessionId, patch: SessionPatch) -> Result<ClientSession, Refusal> {
        match self.for_session(Command::UpdateSession { session: id, patch }).await {
            Err(refusal) => Err(self.or_ended(id, refusal).await),
            done => done,
        }
    }

    /// Ends a session. Closing what is closed changes nothing.
    pub async fn close_session(
        &self,
        id: SessionId,
        reason: CloseReason,
        text: Text,
    ) -> Result<ClientSession, Refusal> {
        match self.for_session(Command::CloseSession { session: id, reason, text }).await {
            Err(Refusal::UnknownSession) => {
                self.expects(self.stored_session(id).await?.ok_or(Refusal::UnknownSession)?)
            }
            other => other,
        }
    }

    /// Deletes a session; a running one is cut off first.
    pub async fn delete_session(&self, id: SessionId) -> Result<(), Refusal> {
        match self.command(Command::DeleteSession { session: id, ended: None }).await {
            Err(Refusal::UnknownSession) => {
                let ended = self.stored_session(id).await?.ok_or(Refusal::UnknownSession)?;
                self.command(Command::DeleteSession { session: id, ended: Some(Box::new(ended)) })
                    .await
                    .map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }

    /// Makes a device known by its MAC before it is ever seen.
    pub async fn register_device(
        &self,
        mac: MacAddr,
        alias: Option<Text>,
        zone: Option<ZoneName>,
    ) -> Result<ClientDevice, Refusal> {
        let id = DeviceId::new(uuid::Uuid::now_v7());
        self.for_device(Command::RegisterDevice { id, mac, alias, zone }).await
    }

    /// Changes, blocks or unblocks a device. Blocking cuts it off and pauses its session.
    pub async fn update_device(&self, device: DeviceId, patch: DevicePatch) -> Result<ClientDevice, Refusal> {
        self.for_device(Command::UpdateDevice { device, patch }).await
    }

    /// Forgets a device with its sessions.
    pub async fn delete_device(&self, device: DeviceId) -> Result<(), Refusal> {
        self.command(Command::DeleteDevice { device }).await.map(|_| ())
    }

    /// The device of that id, MAC or IP.
    pub async fn find_device(&self, device: DeviceRef) -> Result<ClientDevice, Refusal> {
        self.ask(move |mgr, _| {
            match device {
                DeviceRef::Id(id) => mgr.device(id).ok(),
                DeviceRef::Mac(mac) => mgr.device_by_mac(mac),
                DeviceRef::Ip(address) => mgr.device_by_ip(address).map(Arc::as_ref),
            }
            .cloned()
            .ok_or(Refusal::UnknownDevice)
        })
        .await?
    }

    /// All devices; the caller sorts and cuts.
    pub async fn devices(&self) -> Result<Vec<ClientDevice>, Refusal> {
        self.ask(|mgr, _| mgr.devices().cloned().collect()).await
    }

    /// Which of these devices are let through.
    pub async fn connected(&self, devices: Vec<DeviceId>) -> Result<Vec<DeviceId>, Refusal> {
        self.ask(move |mgr, _| devices.into_iter().filter(|id| mgr.is_connected(*id)).collect()).await
    }

    /// Compares the kernel with what it must hold, soon. `reload` also puts the base ruleset in place anew.
    pub async fn reconcile(&self, reload: bool, why: &'static str) -> Result<(), Refusal> {
        let mail = Mail::Reconcile { reload, why, done: None };
        self.shared.mailbox.send(mail).await.map_err(|_| Refusal::Stopping)
    }

    /// The same, and waits until the kernel holds it: what fails is tried again until then.
    pub async fn reconciled(&self, reload: bool, why: &'static str) -> Result<(), Refusal> {
        let (done, is_done) = oneshot::channel();
        let mail = Mail::Reconcile { reload, why, done: Some(done) };
        self.shared.mailbox.send(mail).await.map_err(|_| Refusal::Stopping)?;
        is_done.await.map_err(|_| Refusal::Stopping)
    }

    /// Writes all usage and stops the owner's task. The rules stand.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.shared.mailbox.send(Mail::Stop(done)).await.is_ok() {
            // An error means that it had stopped already.
            let _ = stopped.await;
        }
    }

    /// How the whole is doing.
    pub async fn status(&self) -> Result<ServiceStatus, Refusal> {
        let (devices, connected, usable_sessions) = self.ask(|mgr, _| mgr.counts()).await?;
        let mut warnings = self.shared.kernel.warnings();
        warnings.extend(self.shared.failing());
        Ok(ServiceStatus {
            started_at: self.shared.started.wall,
            uptime_secs: self.now().boot.millis_since(self.shared.started.boot) / 1000,
            devices,
            connected,
            usable_sessions,
            repairs: u64::try_from(self.shared.repairs.load(Ordering::Relaxed)).unwrap_or(u64::MAX),
            warnings,
        })
    }

    /// What was counted and measured since the start.
    pub fn measures(&self) -> &Measures {
        &self.shared.measures
    }

    /// Counts who listens to events: one, for as long as the guard that [`Gauge::hold`] gives is held.
    pub fn listeners_gauge(&self) -> Gauge {
        self.shared.measures.listeners.clone()
    }

    /// How many commands and questions wait.
    pub fn mailbox_depth(&self) -> usize {
        self.shared.mailbox.max_capacity().saturating_sub(self.shared.mailbox.capacity())
    }

    /// The session providers and authenticators.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Notes a lasting problem for `status`, by area, or takes it back.
    pub fn warn(&self, area: &'static str, text: Option<String>) {
        self.shared.fail(area, text);
    }

    /// Texts for a device's portal page, and hints that it should look again.
    pub fn notices(&self, device: DeviceId) -> broadcast::Receiver<PortalNotice> {
        self.shared.notices.subscribe(device)
    }

    /// Events as they are logged. A receiver that lags reads the rest from the store.
    pub fn events(&self) -> broadcast::Receiver<Arc<LoggedEvent>> {
        self.shared.events.subscribe()
    }

    /// The wall clock's time as far as it can be believed; see [`crate::clock::Clock::believable`]. What money is noted at:
    /// a router that starts in 1970 loses no sale from the reports.
    pub fn believable(&self) -> WallTime {
        self.shared.clock.believable()
    }

    /// The wall clock's time if it can be believed: what is told people of days that are counted.
    pub fn believed(&self) -> Option<WallTime> {
        self.shared.clock.is_believed().then(|| self.now().wall)
    }

    /// Now by both clocks.
    pub fn now(&self) -> Now {
        self.shared.clock.now()
    }
}

pub(super) fn new_session(device: DeviceId, provider: &str, terms: SessionTerms) -> NewSession {
    NewSession {
        id: SessionId::new(uuid::Uuid::now_v7()),
        device,
        provider: ProviderName::new(provider),
        data: SourceData::new(terms),
    }
}
