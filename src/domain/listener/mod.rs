//! What one listener makes of the events of sessions: which of them it hears, as what, and with which properties.
//!
//! Whether a session matched before an event follows from the event itself, whose previous values take the properties
//! back. So a listener keeps nothing, and one that comes back later hears what it missed just as it would have then. Only
//! a filter that looks at what flows by itself ([`FixedKey::flows`]) needs to know what matched ([`Matching`]).

mod matching;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{
    DeviceId, Filter, FixedKey, Lookup, PropertyMap, Select, SessionEvent, SessionEventKind, SessionId,
    WallTime,
};
use shown::{Previous, Shown};

pub use matching::{Matching, Shift};

/// Why a session that no longer matches is closed for a listener.
pub const NO_LONGER_MATCHES: &str = "no_longer_matches";

/// Which sessions somebody listens to, and what of them is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    filter: Filter,
    chosen: Select,
    since: Option<WallTime>,
    flows: bool,
}

/// What a listener is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told<'e> {
    /// As what.
    pub kind: SessionEventKind,
    /// The session.
    pub session: SessionId,
    /// Its device.
    pub device: DeviceId,
    /// When, by the wall clock.
    pub at: WallTime,
    /// Why it is disconnected or closed.
    pub reason: Option<&'e str>,
    /// The chosen properties that are set.
    pub properties: BTreeMap<&'e str, &'e str>,
    /// The chosen properties that changed, as they were before; `None` was not set.
    pub previous: BTreeMap<&'e str, Option<&'e str>>,
}

impl Listener {
    /// To the sessions that the filter selects; those that started before `since`, or never did, are left out.
    pub fn new(filter: Filter, chosen: Select, since: Option<WallTime>) -> Self {
        let flows = filter.keys().filter_map(FixedKey::from_name).any(FixedKey::flows);
        Self { filter, chosen, since, flows }
    }

    /// Whether sessions come to match, and cease to, without an event.
    pub const fn flows(&self) -> bool {
        self.flows
    }

    /// Which properties it is told.
    pub const fn chosen(&self) -> &Select {
        &self.chosen
    }

    /// The same text for the same listener, another for any other.
    pub fn key(&self) -> String {
        format!("{:?} {:?} {}", self.since, self.chosen, self.filter)
    }

    /// Whether it listens to the session with these properties.
    pub fn matches(&self, of: &dyn Lookup) -> bool {
        let started = |since: &WallTime| {
            of.get(FixedKey::StartTime.as_str())
                .and_then(|at| at.parse().ok())
                .is_some_and(|at: i64| at >= since.0)
        };
        self.since.as_ref().is_none_or(started) && self.filter.matches(of)
    }

    /// What it is told of an event, if anything.
    pub fn hear<'e>(&self, event: &'e SessionEvent) -> Option<Told<'e>> {
        let was = event.kind != SessionEventKind::Open && self.matches(&Shown::before(event));
        self.hear_knowing(event, was)
    }

    /// The same where it is known whether the session matched before.
    fn hear_knowing<'e>(&self, event: &'e SessionEvent, was: bool) -> Option<Told<'e>> {
        let is = event.kind != SessionEventKind::Close && self.matches(&Shown::after(event));
        let own = || event.reason.as_deref();
        let (kind, reason) = match (was, is) {
            (false, false) => return None,
            (false, true) => (SessionEventKind::Open, None),
            (true, false) if event.kind == SessionEventKind::Close => (event.kind, own()),
            (true, false) => (SessionEventKind::Close, Some(NO_LONGER_MATCHES)),
            // It is open for the listener already.
            (true, true) if event.kind == SessionEventKind::Open => return None,
            (true, true) => (event.kind, own()),
        };
        let previous =
            if kind == SessionEventKind::Open { Previous::new() } else { self.chosen_previous(event) };
        if kind == SessionEventKind::Update && previous.is_empty() {
            return None;
        }
        let properties = self.chosen_of(&event.properties);
        let (session, device, at) = (event.session, event.device, event.at);
        Some(Told { kind, session, device, at, reason, properties, previous })
    }

    /// The `open` of a session that is there already; `properties` are those of [`Listener::chosen`].
    pub fn open<'e>(
        &self,
        session: SessionId,
        device: DeviceId,
        at: WallTime,
        properties: &'e PropertyMap,
    ) -> Told<'e> {
        let (kind, properties) = (SessionEventKind::Open, self.chosen_of(properties));
        Told { kind, session, device, at, reason: None, properties, previous: Previous::new() }
    }

    /// The `close` of a session that ceased to match by itself.
    pub fn cease<'e>(
        &self,
        session: SessionId,
        device: DeviceId,
        at: WallTime,
        properties: &'e PropertyMap,
    ) -> Told<'e> {
        let reason = Some(NO_LONGER_MATCHES);
        Told { kind: SessionEventKind::Close, reason, ..self.open(session, device, at, properties) }
    }

    fn chosen_of<'e>(&self, properties: &'e PropertyMap) -> BTreeMap<&'e str, &'e str> {
        let chosen = properties.iter().filter(|(key, _)| self.chosen.wants(key));
        chosen.map(|(key, value)| (key.as_ref(), value.as_str())).collect()
    }

    fn chosen_previous<'e>(&self, event: &'e SessionEvent) -> Previous<'e> {
        let chosen = event.previous.iter().filter(|(key, _)| self.chosen.wants(key));
        chosen.map(|(key, value)| (key.as_ref(), value.as_deref())).collect()
    }
}
