use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Asked, Facts, FoundConnection};
use crate::domain::WallTime;
use crate::guest_log::line::{Event, Flow, Line};

/// One port may lead to very many others: so many connections are remembered, and shown.
const MOST_CONNECTIONS: usize = 4_096;

/// What makes a connection another one: protocol, source, translated source and destination. A translated port alone does not:
/// it is given to many connections at a time, as long as they lead elsewhere.
type Tuple = [String; 4];

/// The connections that had an address and port.
pub(super) struct Connections {
    asked: Asked,
    from: WallTime,
    /// Those of which no end was read.
    open: BTreeMap<Tuple, FoundConnection>,
    /// Those that ended within the time or after it.
    over: Vec<FoundConnection>,
    /// Those that began after the time, and are not over.
    began_later: BTreeSet<Tuple>,
    is_cut: bool,
}

impl Connections {
    pub(super) fn new(asked: Asked, from: WallTime) -> Self {
        let (open, over, began_later) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self { asked, from, open, over, began_later, is_cut: false }
    }

    /// A line of before the time that is asked about, or of within it.
    pub(super) fn take(&mut self, line: &Line, at: WallTime) {
        let Some((tuple, told)) = self.read(line) else { return };
        if line.event == Event::ConnectionEnded {
            if at < self.from {
                self.open.remove(&tuple);
            } else {
                self.end(&tuple, told, line);
            }
            return;
        }
        if let Some(before) = self.open.remove(&tuple)
            && at > self.from
        {
            // Its end was lost.
            self.over.push(FoundConnection { sure: false, ..before });
        }
        if self.has_room() {
            self.open.insert(tuple, FoundConnection { began: Some(line.at.clone()), ..told });
        }
    }

    /// A line of after the time.
    pub(super) fn take_later(&mut self, line: &Line) {
        let Some((tuple, told)) = self.read(line) else { return };
        if line.event == Event::Connection {
            if let Some(before) = self.open.get_mut(&tuple) {
                // Its end was lost.
                before.sure = false;
            }
            self.began_later.insert(tuple);
        } else if !self.began_later.remove(&tuple) {
            self.end(&tuple, told, line);
        }
    }

    /// One ended that was there at the time, as far as the log says.
    fn end(&mut self, tuple: &Tuple, told: FoundConnection, line: &Line) {
        let ended = Some(line.at.clone());
        let found = match self.open.remove(tuple) {
            Some(known) => {
                // Whose both ends are had what is between, whatever else was lost there.
                let is_known = known.facts.mac.is_some();
                let sure = !is_known || told.facts.mac.is_none() || told.facts.mac == known.facts.mac;
                let facts = if is_known { known.facts } else { told.facts };
                FoundConnection { ended, sure, facts, ..known }
            }
            // It began before the log did, or from outside, or its beginning was lost.
            None => FoundConnection { ended, sure: false, ..told },
        };
        if self.has_room() {
            self.over.push(found);
        }
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.open.len() + self.over.len() < MOST_CONNECTIONS;
        self.is_cut |= !has_room;
        has_room
    }

    /// The ends of those that are open may be missing.
    pub(super) fn doubt(&mut self) {
        for found in self.open.values_mut() {
            found.sure = false;
        }
    }

    /// Whether there were more than are remembered.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether nobody knows of one since when it was there.
    pub(super) fn lacks_beginning(&self) -> bool {
        self.over.iter().any(|found| found.began.is_none())
    }

    /// All of them, those first that are sure. `sure`: whether the log vouches for it that no end is missing.
    pub(super) fn found(self, sure: bool) -> Vec<FoundConnection> {
        let open = self.open.into_values().map(|found| FoundConnection { sure: found.sure && sure, ..found });
        let mut all: Vec<_> = self.over.into_iter().chain(open).collect();
        all.sort_by(|one, other| (!one.sure, &one.began).cmp(&(!other.sure, &other.began)));
        all
    }

    /// The connection of a line, if it is one that is asked about.
    fn read(&self, line: &Line) -> Option<(Tuple, FoundConnection)> {
        let Asked::Connection(address, port) = self.asked else { return None };
        let flow = line.connection.as_ref()?;
        let is_meant = [(flow.translated, flow.translated_port), (flow.source, flow.source_port)]
            .contains(&(address, Some(port)));
        let told = is_meant.then(|| connection(line, flow))?;
        let FoundConnection { protocol, source, translated, destination, .. } = &told;
        Some(([protocol, source, translated, destination].map(Clone::clone), told))
    }
}

fn connection(line: &Line, flow: &Flow) -> FoundConnection {
    let end = |address: IpAddr, port: Option<u16>| match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    };
    FoundConnection {
        began: None,
        ended: None,
        sure: true,
        facts: Facts::of(line),
        protocol: flow.protocol.clone(),
        source: end(flow.source, flow.source_port),
        translated: end(flow.translated, flow.translated_port),
        destination: end(flow.destination, flow.destination_port),
    }
}
