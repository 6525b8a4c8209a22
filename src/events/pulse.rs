//! Sessions that come to match by the passing of time or data, which is no event.

use std::collections::HashMap;
use std::sync::Arc;

use super::member::Member;
use super::outlet::Put;
use super::source::Source;
use super::text;
use crate::domain::{DeviceId, Listener, PropertyMap, SessionId, WallTime};
use crate::runtime::Snapshot;

/// How many opens and closes one look leads to at most; the others follow with the next.
const MOST: usize = 200;

/// One look at all sessions, for all listeners whose filter looks at what flows.
pub(super) struct Pulse {
    snapshot: Arc<Snapshot>,
    at: WallTime,
    /// What matches, by the listener's key.
    found: HashMap<Arc<str>, HashMap<SessionId, (DeviceId, usize)>>,
}

/// Looks. `None` if the sessions cannot be had now.
pub(super) async fn look(source: Source, listeners: HashMap<Arc<str>, Arc<Listener>>) -> Option<Pulse> {
    let snapshot = source.snapshot(true).await.ok()?;
    let at = source.handle.now().wall;
    let mut found = HashMap::new();
    for (key, listener) in listeners {
        let matching = source.matching(&snapshot, &listener).await;
        found.insert(key, matching);
    }
    Some(Pulse { snapshot, at, found })
}

impl Pulse {
    /// The last event before the look.
    pub(super) fn last_told(&self) -> i64 {
        self.snapshot.last_told
    }

    /// Tells a listener what came to match and what ceased to. `changed_since` says which sessions an event has changed
    /// since the look: for them the listener knows better.
    pub(super) fn tell(&self, member: &mut Member, changed_since: impl Fn(SessionId) -> bool) -> Put {
        let (Some(found), Some(matching)) = (self.found.get(&member.key), member.matching.as_mut()) else {
            return Put::Taken;
        };
        if self.snapshot.now < member.seen_at {
            return Put::Taken;
        }
        let now = found.iter().map(|(id, (device, _))| (*id, *device)).collect();
        let shift = matching.shift(&now, changed_since, MOST);
        if shift.opened.is_empty() && shift.ceased.is_empty() {
            return Put::Taken;
        }
        let mut text = String::new();
        // Those that ceased to match are not among the found: one pass finds their places.
        let places: HashMap<SessionId, usize> = if shift.ceased.is_empty() {
            HashMap::new()
        } else {
            self.snapshot
                .sessions
                .iter()
                .enumerate()
                .map(|(place, (session, _))| (session.id, place))
                .collect()
        };
        for (session, device) in shift.ceased {
            let properties = self.properties(places.get(&session).copied(), member);
            let told = member.listener.cease(session, device, self.at, &properties);
            text::event(&mut text, member.last, &told);
        }
        for session in shift.opened {
            let Some((device, place)) = found.get(&session).copied() else { continue };
            let properties = self.properties(Some(place), member);
            let told = member.listener.open(session, device, self.at, &properties);
            text::event(&mut text, member.last, &told);
        }
        // What matches has been noted: it must be told, and a listener that does not read is found out by what follows.
        member.put_anyway(text.into())
    }

    fn properties(&self, place: Option<usize>, member: &Member) -> PropertyMap {
        let view = place.and_then(|place| self.snapshot.views_from(place).next());
        view.map_or_else(PropertyMap::new, |(_, _, view)| view.map(member.listener.chosen()))
    }
}
