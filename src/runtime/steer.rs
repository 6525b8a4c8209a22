use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::handle::Handle;
use super::listeners::ToldGroup;
use super::mail::Reply;
use super::shared::Shared;
use crate::domain::filter::Filter;
use crate::domain::sessions_mgr::{Bulk, BulkAct, Command, RolePatch, Selection};
use crate::domain::{
    BootTime, ClientDevice, ClientSession, DeviceId, Message, Now, Occasion, Policies, PropertyMap,
    PropertyPatch, Refusal, Select, SessionId, SessionView, SessionsMgr, Text,
};
use tokio::sync::broadcast;

/// All sessions that are not over, with their devices, as they stood between two groups. Shared, not copied.
pub struct Snapshot {
    /// Each with its device, in no order.
    pub sessions: Vec<(Arc<ClientSession>, Arc<ClientDevice>)>,
    /// What the configuration says.
    pub policies: Arc<Policies>,
    /// When.
    pub now: BootTime,
    /// The number of the last event that listeners were told before.
    pub last_told: i64,
}

impl Snapshot {
    pub(super) fn of(mgr: &SessionsMgr, now: Now, shared: &Shared) -> Self {
        Self {
            sessions: mgr.snapshot(),
            policies: Arc::clone(mgr.policies()),
            now: now.boot,
            last_told: shared.listeners.last(),
        }
    }

    /// Each as its properties show it.
    pub fn views(&self) -> impl Iterator<Item = (&ClientSession, &ClientDevice, SessionView<'_>)> {
        self.views_from(0)
    }

    /// The same from one place in [`Snapshot::sessions`] on.
    pub fn views_from(
        &self,
        place: usize,
    ) -> impl Iterator<Item = (&ClientSession, &ClientDevice, SessionView<'_>)> {
        self.sessions.get(place..).unwrap_or_default().iter().map(|(session, device)| {
            let view = SessionView::new(session, device, &self.policies, self.now);
            (session.as_ref(), device.as_ref(), view)
        })
    }
}

/// All devices, as they stood between two groups. Shared, not copied.
pub struct DeviceSnapshot {
    /// Each with the session that it runs, or else would run; in no order.
    pub devices: Vec<(Arc<ClientDevice>, Option<Arc<ClientSession>>)>,
    /// What the configuration says.
    pub policies: Arc<Policies>,
    /// When.
    pub now: BootTime,
}

/// What operators and plugins do to sessions beyond letting them run.
impl Handle {
    /// All sessions that are not over.
    pub async fn snapshot(&self) -> Result<Snapshot, Refusal> {
        let shared = Arc::clone(&self.shared);
        self.ask(move |mgr, now| Snapshot::of(mgr, now, &shared)).await
    }

    /// All devices, each with the session that it runs, or else would run.
    pub async fn device_snapshot(&self) -> Result<DeviceSnapshot, Refusal> {
        self.ask(|mgr, now| DeviceSnapshot {
            devices: mgr.device_snapshot(),
            policies: Arc::clone(mgr.policies()),
            now: now.boot,
        })
        .await
    }

    /// What the configuration says of zones, roles and the gateway.
    pub async fn policies(&self) -> Result<Arc<Policies>, Refusal> {
        self.ask(|mgr, _| Arc::clone(mgr.policies())).await
    }

    /// The properties of a session, one that is over too; fixed ones that are wanted and not set are absent.
    pub async fn properties(&self, id: SessionId, wanted: Select) -> Result<PropertyMap, Refusal> {
        let session = self.session(id).await?;
        self.ask(move |mgr, now| {
            let device = mgr.device(session.device)?;
            Ok(SessionView::new(&session, device, mgr.policies(), now.boot).map(&wanted))
        })
        .await?
    }

    /// Sets and deletes properties; those named as they were before, `None` for what was not set.
    pub async fn set_properties(
        &self,
        id: SessionId,
        patch: PropertyPatch,
    ) -> Result<BTreeMap<String, Option<String>>, Refusal> {
        match self.command(Command::SetProperties { session: id, patch }).await {
            Ok(Reply::Previous(previous)) => Ok(previous),
            Ok(_) => Err(Refusal::UnknownSession),
            Err(refusal) => Err(self.or_ended(id, refusal).await),
        }
    }

    /// Adds and takes away roles of a session; acts at once on a running one.
    pub async fn change_roles(&self, id: SessionId, patch: RolePatch) -> Result<ClientSession, Refusal> {
        match self.for_session(Command::ChangeRoles { session: id, patch }).await {
            Err(refusal) => Err(self.or_ended(id, refusal).await),
            done => done,
        }
    }

    /// Says who is behind a session; `None` is nobody. Authenticators are asked; their no leaves everything as it was.
    pub async fn set_principal(
        &self,
        id: SessionId,
        principal: Option<String>,
    ) -> Result<ClientSession, Refusal> {
        let known = self.ask(move |mgr, now| mgr.session_now(id, now.boot)).await?;
        let mut proposed = match known {
            Some(session) => session,
            None => return Err(self.or_ended(id, Refusal::UnknownSession).await),
        };
        let previous = std::mem::replace(&mut proposed.principal, principal.clone());
        let allowed = self.authenticate(proposed, Occasion::Principal, previous).await?;
        match self.for_session(Command::SetPrincipal { session: id, principal, allowed }).await {
            Err(refusal) => Err(self.or_ended(id, refusal).await),
            done => done,
        }
    }

    /// A session that only the store knows is over, which says more than that it is not known.
    pub(super) async fn or_ended(&self, id: SessionId, refusal: Refusal) -> Refusal {
        if refusal != Refusal::UnknownSession {
            return refusal;
        }
        match self.stored_session(id).await {
            Ok(Some(ended)) => Refusal::SessionEnded(ended.state.as_str()),
            Ok(None) => Refusal::UnknownSession,
            Err(refusal) => refusal,
        }
    }

    /// Leaves a text for a device's portal page, the device named by itself or by a session: shown at once if it is open, else when it is next opened.
    pub async fn message(
        &self,
        device: DeviceId,
        session: Option<SessionId>,
        text: Text,
        lasts_ms: u64,
    ) -> Result<Message, Refusal> {
        let created_at = self.now().wall;
        let lasts = i64::try_from(lasts_ms).unwrap_or(i64::MAX);
        let message = Message {
            id: uuid::Uuid::now_v7(),
            device,
            text,
            created_at,
            expires_at: created_at.plus_millis(lasts),
        };
        self.command(Command::Message { message: Box::new(message.clone()), session }).await?;
        Ok(message)
    }

    /// Changes all sessions that a filter selects, of those that are not over; all of them or none. How many.
    pub async fn bulk(&self, filter: Filter, act: BulkAct, dry_run: bool) -> Result<usize, Refusal> {
        self.carry_out_bulk(Bulk { which: Selection::Filter(filter), act, dry_run, selected: None }).await
    }

    /// The same of these sessions, as far as they are not over. How many.
    pub async fn bulk_of(&self, these: BTreeSet<SessionId>, act: BulkAct) -> Result<usize, Refusal> {
        self.carry_out_bulk(Bulk { which: Selection::These(these), act, dry_run: false, selected: None })
            .await
    }

    async fn carry_out_bulk(&self, bulk: Bulk) -> Result<usize, Refusal> {
        match self.command(Command::Bulk(Box::new(bulk))).await? {
            Reply::Matched(count) => Ok(count),
            Reply::Done | Reply::Device(_) | Reply::Session(_) | Reply::Previous(_) => Ok(0),
        }
    }

    /// The number of the last event that listeners were told.
    pub fn last_told(&self) -> i64 {
        self.shared.listeners.last()
    }

    /// What happens to sessions from now on, a group at a time. A receiver that lags reads the rest from the store.
    pub fn listen(&self) -> broadcast::Receiver<ToldGroup> {
        self.shared.listeners.subscribe()
    }
}
