//! What listeners are told of a transition: the difference between a session's properties before and after it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::SessionsMgr;
use super::work::Work;
use crate::domain::{
    Change, ClientDevice, ClientSession, FixedKey, Image, PauseReason, Select, SessionEvent,
    SessionEventKind, SessionId, SessionState, SessionView,
};

/// A session with its device, at one moment.
type Pair = (Arc<ClientSession>, Arc<ClientDevice>);

/// The properties that changed, as they were before.
type Previous = BTreeMap<Cow<'static, str>, Option<String>>;

impl Work<'_> {
    /// Notes one event for each session that the transition made, changed or ended. Called when its rows are known.
    pub(super) fn tell_listeners(&mut self) {
        let row = |change: &Change| {
            let Change::Session(session) = change else { return None };
            (!session.is_usable()).then(|| (session.id, ClientSession::clone(session)))
        };
        let ended: HashMap<SessionId, ClientSession> =
            self.transition.changes.iter().filter_map(row).collect();
        let pairs: Vec<_> = self
            .sessions_to_tell()
            .into_iter()
            .map(|id| (id, self.before(id), self.after(id, &ended)))
            .collect();
        for (id, before, after) in pairs {
            let event = self.told(id, before.as_ref(), after.as_ref());
            self.transition.told.extend(event);
        }
    }

    /// Those whose own row changed, and the usable ones of every device whose row changed.
    fn sessions_to_tell(&self) -> Vec<SessionId> {
        let mut ids = Vec::new();
        for image in &self.transition.before {
            match image {
                Image::Session(id, _) => ids.push(*id),
                Image::Device(id, before) => {
                    // One that is new has no sessions but those with images of their own.
                    if let (Some(before), Some(entry)) = (before, self.mgr.table.device(*id))
                        && **before != *entry.device
                    {
                        ids.extend(&entry.sessions);
                    }
                }
            }
        }
        let mut known = HashSet::new();
        ids.retain(|id| known.insert(*id));
        ids
    }

    fn before(&self, id: SessionId) -> Option<Pair> {
        let session = match self.session_image(id) {
            Some(session) => session,
            None => self.mgr.table.shared_session(id).cloned(),
        }?;
        let device = match self.device_image(session.device) {
            Some(device) => device,
            None => self.mgr.table.device(session.device).map(|entry| Arc::clone(&entry.device)),
        }?;
        Some((session, device))
    }

    /// How the session stands now; one that ended left memory, and its last row is to be written. `None`: deleted.
    fn after(&self, id: SessionId, ended: &HashMap<SessionId, ClientSession>) -> Option<Pair> {
        let ended = || ended.get(&id).map(|session| Arc::new(session.clone()));
        let session = self.mgr.table.shared_session(id).cloned().or_else(ended)?;
        let device = Arc::clone(&self.mgr.table.device(session.device)?.device);
        Some((session, device))
    }

    fn told(&mut self, id: SessionId, before: Option<&Pair>, after: Option<&Pair>) -> Option<SessionEvent> {
        let (kind, reason) = self.kind_of(id, before, after)?;
        let shown = after.or(before)?;
        let previous = match (before, after) {
            (Some(before), Some(after)) => self.previous(before, after),
            _ => Previous::new(),
        };
        if kind == SessionEventKind::Update && previous.is_empty() {
            return None;
        }
        let properties = self.mgr.view(shown, self.now.boot).map(&Select::everything());
        let (session, device) = (shown.0.id, shown.1.id);
        Some(SessionEvent { at: self.now.wall, session, device, kind, reason, properties, previous })
    }

    fn kind_of(
        &mut self,
        id: SessionId,
        before: Option<&Pair>,
        after: Option<&Pair>,
    ) -> Option<(SessionEventKind, Option<Cow<'static, str>>)> {
        let was_usable = before.is_some_and(|(session, _)| session.is_usable());
        let is_usable = after.is_some_and(|(session, _)| session.is_usable());
        let (before, after) = match (was_usable, is_usable) {
            (false, false) => return None,
            (false, true) => return Some((SessionEventKind::Open, None)),
            (true, false) => return Some((SessionEventKind::Close, Some(self.why_closed(id)))),
            (true, true) => (before?, after?),
        };
        let (ran, runs) = (before.0.is_running(), after.0.is_running());
        let left = before.1.present && !after.1.present;
        let device = self.mgr.table.device_mut(after.1.id)?;
        let run = device.run.as_mut().filter(|run| run.session == id);
        let told_away = run.as_ref().is_some_and(|run| run.told_away);
        let kind = match (ran, runs) {
            (true, false) if !self.was_away.contains(&id) => SessionEventKind::Disconnected,
            (true, true) if left && !told_away => SessionEventKind::Disconnected,
            (true, true) if told_away && after.1.present => SessionEventKind::Reconnected,
            (false, true) if !matches!(before.0.state, SessionState::Available) => {
                SessionEventKind::Reconnected
            }
            _ => SessionEventKind::Update,
        };
        if let Some(run) = run {
            match kind {
                SessionEventKind::Disconnected => run.told_away = true,
                SessionEventKind::Reconnected => run.told_away = false,
                SessionEventKind::Open
                | SessionEventKind::Update
                | SessionEventKind::FailedOver
                | SessionEventKind::Close => {}
            }
        }
        let reason = match (&kind, &after.0.state) {
            (SessionEventKind::Disconnected, SessionState::Paused(reason)) => Some(reason.as_str()),
            (SessionEventKind::Disconnected, _) => Some(PauseReason::Away.as_str()),
            _ => None,
        };
        Some((kind, reason.map(Cow::Borrowed)))
    }

    fn why_closed(&self, id: SessionId) -> Cow<'static, str> {
        let mut of_this = self.transition.events.iter().filter(|event| event.session == Some(id));
        let said = of_this.find_map(|event| event.kind.close_reason());
        Cow::Borrowed(said.unwrap_or("deleted"))
    }

    /// The properties that differ. What flows by itself counts only if its limit was changed.
    fn previous(&self, before: &Pair, after: &Pair) -> Previous {
        let (old, new) = (self.mgr.view(before, self.now.boot), self.mgr.view(after, self.now.boot));
        let same_limits = before.0.terms.time_limit_ms == after.0.terms.time_limit_ms
            && before.0.terms.data_limit_bytes == after.0.terms.data_limit_bytes;
        // Where a device is is not stored: the first sighting after a start is no news.
        let device = &before.1;
        let is_first = device.ipv4.is_empty() && device.ipv6.is_empty() && device.interface.is_none();
        let is_where =
            |key: FixedKey| matches!(key, FixedKey::ClientIp | FixedKey::Interface | FixedKey::Transport);
        let is_news = |key: &&FixedKey| !(key.flows() && same_limits || is_where(**key) && is_first);
        let mut previous = Previous::new();
        for key in FixedKey::ALL.iter().filter(is_news) {
            let was = old.fixed(*key);
            if was != new.fixed(*key) {
                previous.insert(Cow::Borrowed(key.as_str()), was.map(Cow::into_owned));
            }
        }
        let (old, new) = (&before.0.properties, &after.0.properties);
        if old != new {
            let keys = old.keys().chain(new.keys()).filter(|key| !key.starts_with('$'));
            for key in keys.filter(|key| old.get(*key) != new.get(*key)) {
                previous.insert(Cow::Owned(key.clone()), old.get(key).cloned());
            }
        }
        previous
    }
}

impl SessionsMgr {
    fn view<'a>(&'a self, pair: &'a Pair, now: crate::domain::BootTime) -> SessionView<'a> {
        SessionView::new(&pair.0, &pair.1, &self.policies, now)
    }
}
