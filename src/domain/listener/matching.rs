use std::collections::HashMap;

use super::{Listener, SessionEventKind, Told};
use crate::domain::{DeviceId, SessionEvent, SessionId};

/// The sessions that are open for one listener, with their devices: for a filter that looks at what flows by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching(HashMap<SessionId, DeviceId>);

/// How the sessions that match have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shift {
    /// Those that now match, too.
    pub opened: Vec<SessionId>,
    /// Those that no longer do.
    pub ceased: Vec<(SessionId, DeviceId)>,
}

impl Matching {
    /// What the listener is told of an event, if anything.
    pub fn hear<'e>(&mut self, listener: &Listener, event: &'e SessionEvent) -> Option<Told<'e>> {
        let told = listener.hear_knowing(event, self.0.contains_key(&event.session))?;
        match told.kind {
            SessionEventKind::Open => self.add(event.session, event.device),
            SessionEventKind::Close => drop(self.0.remove(&event.session)),
            SessionEventKind::Update
            | SessionEventKind::Disconnected
            | SessionEventKind::Reconnected
            | SessionEventKind::FailedOver => {}
        }
        Some(told)
    }

    /// A session that is open for the listener from now on.
    pub fn add(&mut self, session: SessionId, device: DeviceId) {
        self.0.insert(session, device);
    }

    /// Takes what matches at one moment; `skip` says which sessions changed since and are left as they are. Of those that
    /// came to match and of those that ceased to at most `most` are taken now.
    pub fn shift(
        &mut self,
        now: &HashMap<SessionId, DeviceId>,
        skip: impl Fn(SessionId) -> bool,
        most: usize,
    ) -> Shift {
        let ceased: Vec<_> = self
            .0
            .iter()
            .filter(|(id, _)| !now.contains_key(*id) && !skip(**id))
            .map(|(id, device)| (*id, *device))
            .take(most)
            .collect();
        let opened: Vec<_> =
            now.keys().copied().filter(|id| !self.0.contains_key(id) && !skip(*id)).take(most).collect();
        for (id, _) in &ceased {
            self.0.remove(id);
        }
        for id in &opened {
            if let Some(device) = now.get(id) {
                self.0.insert(*id, *device);
            }
        }
        Shift { opened, ceased }
    }

    /// The sessions that are open.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.0.keys().copied()
    }
}
