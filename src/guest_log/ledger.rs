use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::line::Event;
use crate::domain::sessions_mgr::Whereabouts;
use crate::domain::{
    ClientDevice, ClientKey, ClientSession, Connection, ConnectionEvent, DeviceId, MacAddr, SessionId, Text,
    WallTime, ZoneName,
};

/// The kernel's connections of a session are deleted as it ends: one that ends later than this was none of it, but led to the
/// walled garden.
const ENDS_WITHIN_MS: i64 = 10_000;
/// So much of a spent code is shown at its end.
const SHOWN_OF_CODE: usize = 4;

/// A device as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guest {
    pub(super) mac: MacAddr,
    pub(super) hostname: Option<Text>,
    pub(super) zone: Option<ZoneName>,
    pub(super) ipv4: BTreeSet<Ipv4Addr>,
    pub(super) ipv6: BTreeSet<Ipv6Addr>,
    pub(super) visit: Option<Visit>,
    /// What it ran last, and until when.
    last_visit: Option<(Visit, WallTime)>,
    key: Option<ClientKey>,
}

/// What it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) session: SessionId,
    pub(super) provider: String,
    pub(super) who: Option<String>,
    pub(super) voucher: Option<String>,
}

impl Guest {
    fn of(found: &Whereabouts) -> Self {
        let ClientDevice { mac, hostname, zone, ipv4, ipv6, key, .. } = found.device.as_ref();
        Self {
            mac: *mac,
            hostname: hostname.clone().filter(|name| !name.is_empty()),
            zone: zone.clone(),
            ipv4: ipv4.clone(),
            ipv6: ipv6.clone(),
            visit: found.runs.as_deref().map(Visit::of),
            last_visit: None,
            key: *key,
        }
    }

    /// Whether there is anything to say of it.
    fn is_here(&self) -> bool {
        !self.ipv4.is_empty() || !self.ipv6.is_empty() || self.visit.is_some()
    }

    /// The same device, gone.
    fn gone(&self) -> Self {
        Self { ipv4: BTreeSet::new(), ipv6: BTreeSet::new(), visit: None, ..self.clone() }
    }

    /// What a connection of it is of that ends then.
    fn visit_ended(&self, at: WallTime) -> Option<&Visit> {
        let is_of_last = |until: &WallTime| at.0.saturating_sub(until.0) <= ENDS_WITHIN_MS;
        let last = self.last_visit.as_ref().filter(|(_, until)| is_of_last(until)).map(|(visit, _)| visit);
        self.visit.as_ref().or(last)
    }

    /// What is told of it after it was like `before`.
    fn events_since(&self, before: Option<&Self>) -> Vec<Event> {
        let nowhere = self.gone();
        let before = before.unwrap_or(&nowhere);
        let mut events = Vec::new();
        if (&self.ipv4, &self.ipv6) != (&before.ipv4, &before.ipv6) {
            events.push(Event::Address);
        }
        let session = |guest: &Self| guest.visit.as_ref().map(|visit| visit.session);
        match (session(before), session(self)) {
            (before, after) if before == after => {}
            (_, Some(_)) => events.push(Event::Connected),
            (_, None) => events.push(Event::Disconnected),
        }
        let said = |guest: &Self| (guest.hostname.clone(), guest.zone.clone(), guest.visit.clone());
        if events.is_empty() && said(before) != said(self) {
            events.push(Event::Changed);
        }
        events
    }
}

impl Visit {
    fn of(session: &ClientSession) -> Self {
        Self {
            session: session.id,
            provider: session.provider.as_str().to_owned(),
            who: session.principal.clone().filter(|who| !who.is_empty()),
            voucher: session.voucher.as_deref().map(public_name),
        }
    }
}

/// A voucher as it may be read by whoever reads the log: its reference, or the end of a code that is spent.
fn public_name(shown_as: &str) -> String {
    if shown_as.starts_with('#') {
        return shown_as.to_owned();
    }
    let symbols: Vec<char> = shown_as.chars().filter(|symbol| symbol.is_alphanumeric()).collect();
    // Never the whole of a short one.
    let shown = SHOWN_OF_CODE.min(symbols.len() / 2);
    let end = symbols.get(symbols.len() - shown..).unwrap_or_default();
    format!("...{}", end.iter().collect::<String>())
}

/// Everybody who is there, as the log's last lines have it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    guests: HashMap<DeviceId, Guest>,
    by_key: HashMap<ClientKey, DeviceId>,
    /// Who had a key last that nobody has now: its connections end later than it leaves.
    past: HashMap<ClientKey, Guest>,
}

impl Ledger {
    /// Takes in how a device stands since then; what is to be told of it, and how it stands.
    pub(super) fn take(
        &mut self,
        id: DeviceId,
        found: Option<&Whereabouts>,
        at: WallTime,
    ) -> Option<(Vec<Event>, Guest)> {
        let before = self.guests.remove(&id);
        let last_visit = before.as_ref().and_then(|before| {
            let ran = before.visit.clone().map(|visit| (visit, at));
            ran.or_else(|| before.last_visit.clone())
        });
        if let Some(key) = before.as_ref().and_then(|guest| guest.key)
            && self.by_key.get(&key) == Some(&id)
        {
            self.by_key.remove(&key);
            if let Some(before) = &before {
                let last_visit = last_visit.clone();
                self.past.insert(key, Guest { visit: None, last_visit, ..before.clone() });
            }
        }
        let mut after = match (found, &before) {
            (Some(found), _) => Guest::of(found),
            (None, Some(before)) => before.gone(),
            (None, None) => return None,
        };
        if !after.is_here() && before.is_none() {
            return None;
        }
        after.last_visit = last_visit;
        let events = after.events_since(before.as_ref());
        if after.is_here() {
            if let Some(key) = after.key {
                self.past.remove(&key);
                self.by_key.insert(key, id);
            }
            self.guests.insert(id, after.clone());
        }
        (!events.is_empty()).then_some((events, after))
    }

    /// Takes in how everybody stands, after something was missed; what is to be told of whom.
    pub(super) fn take_all(&mut self, found: &[Whereabouts], at: WallTime) -> Vec<(Vec<Event>, Guest)> {
        let there: std::collections::HashSet<DeviceId> = found.iter().map(|found| found.device.id).collect();
        let missing: Vec<DeviceId> = self.guests.keys().filter(|id| !there.contains(id)).copied().collect();
        let mut told: Vec<_> = missing.into_iter().filter_map(|id| self.take(id, None, at)).collect();
        told.extend(found.iter().filter_map(|found| self.take(found.device.id, Some(found), at)));
        told
    }

    /// Everybody, in the order of their MACs.
    pub(super) fn guests(&self) -> Vec<&Guest> {
        let mut all: Vec<&Guest> = self.guests.values().collect();
        all.sort_by_key(|guest| guest.mac);
        all
    }

    /// Whose connection this is, and what it ran.
    pub(super) fn whose(&self, connection: &Connection) -> Option<(&Guest, Option<&Visit>)> {
        let key = connection.key;
        let here = self.by_key.get(&key).and_then(|id| self.guests.get(id));
        let guest = here.or_else(|| self.past.get(&key))?;
        let visit = match connection.event {
            ConnectionEvent::Began => guest.visit.as_ref(),
            ConnectionEvent::Ended { .. } => guest.visit_ended(connection.at),
        };
        Some((guest, visit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_shown_whole() {
        for (shown_as, name) in [
            ("#7/12", "#7/12"),
            ("ABCD-EFGH-JKLM", "...JKLM"),
            ("SUMMER", "...MER"),
            ("AB", "...B"),
            ("A", "..."),
            ("", "..."),
            ("é-ü-ß", "...ß"),
        ] {
            assert_eq!(public_name(shown_as), name);
        }
    }
}
