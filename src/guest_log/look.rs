//! Who had an address at a time, as far as the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;

use super::day::Day;
use super::files::{days, open_to_read};
use super::line::{Event, Flow, Line};
use super::reading::Lines;
use crate::domain::{MacAddr, WallTime};

/// A connection that is still open began at most so many days before: the kernel forgets one on which nothing passes after
/// five (`nf_conntrack_tcp_timeout_established`).
const DAYS_OF_CONNECTION: u32 = 6;
/// After a start it takes a moment until everybody was seen again.
const SEEN_AGAIN_MS: i64 = 60_000;
/// An address is one device's; more than this only a file has that somebody else wrote.
const MOST_FOUND: usize = 64;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Who had an address.
    Address(IpAddr),
    /// How a device stood.
    Device(MacAddr),
    /// Whose connection had this address and port, before or after translation.
    Connection(IpAddr, u16),
}

/// What the log says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Answer {
    /// Who had it.
    pub guests: Vec<FoundGuest>,
    /// The connections that had it.
    pub connections: Vec<FoundConnection>,
    /// Why the answer may not be the whole truth, in sentences.
    pub notes: Vec<String>,
    /// Lines that could not be read.
    pub broken_lines: usize,
}

/// A device as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundGuest {
    /// Since when it has had the address, as far as the day's file says (RFC 3339).
    pub since: String,
    /// Whether the log vouches for it; else it is what was known last.
    pub sure: bool,
    /// What the log says of it.
    #[serde(flatten)]
    pub facts: Facts,
    /// Its IPv4 addresses.
    pub ipv4: Vec<String>,
    /// Its IPv6 addresses.
    pub ipv6: Vec<String>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundConnection {
    /// When it began (RFC 3339); `None` if the log does not say.
    pub began: Option<String>,
    /// When it was over; `None` if it went on, or the log does not say.
    pub ended: Option<String>,
    /// Whose it was.
    #[serde(flatten)]
    pub facts: Facts,
    /// The protocol.
    pub protocol: String,
    /// Where it came from: address and port.
    pub source: String,
    /// The same as the other side saw it.
    pub translated: String,
    /// Where it led to.
    pub destination: String,
}

/// Who a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Its MAC.
    pub mac: Option<String>,
    /// What it calls itself.
    pub hostname: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// The session that it ran; `None` if it was not let through.
    pub session: Option<String>,
    /// Where that came from.
    pub provider: Option<String>,
    /// The account behind it, or what else the provider says.
    pub who: Option<String>,
    /// The voucher's public name.
    pub voucher: Option<String>,
}

impl Facts {
    fn of(line: &Line) -> Self {
        Self {
            mac: line.mac.clone(),
            hostname: line.hostname.clone(),
            zone: line.zone.clone(),
            session: line.session.clone(),
            provider: line.provider.clone(),
            who: line.who.clone(),
            voucher: line.voucher.clone(),
        }
    }
}

/// Looks through the files of the days that matter, line by line.
///
/// # Errors
///
/// A file that is there cannot be read.
pub fn look(base: &Path, asked: Asked, at: WallTime) -> io::Result<Answer> {
    let (day, mut scan) = (Day::of(at), Scan::new(asked, at));
    let first = match asked {
        Asked::Connection(..) => day.back(DAYS_OF_CONNECTION),
        Asked::Address(_) | Asked::Device(_) => day,
    };
    let files = days(base)?;
    for (_, path) in files.iter().filter(|(of, _)| (first..=day).contains(of)) {
        scan.begin_file();
        let mut lines = Lines::new(named(path, open_to_read(path))?);
        while let Some(line) = named(path, lines.next())? {
            scan.take(line);
        }
    }
    if !files.iter().any(|(of, _)| *of == day) {
        scan.note(format!("there is no file of {day}: the log was off, or the file was removed"));
    }
    if scan.next.is_none()
        && let Some((_, path)) = files.iter().find(|(of, _)| *of == day.next())
        && let Some(Some(line)) = named(path, Lines::new(named(path, open_to_read(path))?).next())?
    {
        scan.take_later(&line);
    }
    Ok(scan.answer())
}

fn named<T>(path: &Path, done: io::Result<T>) -> io::Result<T> {
    done.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

struct Scan {
    asked: Asked,
    at: WallTime,
    /// Who has the address, by MAC, since when.
    holders: BTreeMap<String, (String, Line)>,
    /// Who had it before the log began anew, and when that was.
    before: BTreeMap<String, (String, Line)>,
    began: Option<WallTime>,
    /// The last line before, and when the log was ended, if it was.
    last: Option<WallTime>,
    ended: Option<WallTime>,
    /// The first line after the time.
    next: Option<(WallTime, Event)>,
    /// Connections by protocol.
    open: BTreeMap<String, FoundConnection>,
    began_later: BTreeSet<String>,
    lost: bool,
    notes: Vec<String>,
    broken: usize,
}

impl Scan {
    fn new(asked: Asked, at: WallTime) -> Self {
        Self {
            asked,
            at,
            holders: BTreeMap::new(),
            before: BTreeMap::new(),
            began: None,
            last: None,
            ended: None,
            next: None,
            open: BTreeMap::new(),
            began_later: BTreeSet::new(),
            lost: false,
            notes: Vec::new(),
            broken: 0,
        }
    }

    fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// What another day's file says of devices is said again.
    fn begin_file(&mut self) {
        self.holders.clear();
        self.lost = false;
    }

    fn take(&mut self, line: Option<Line>) {
        let Some((line, at)) = line.and_then(|line| line.time().map(|at| (line, at))) else {
            self.broken += 1;
            return;
        };
        if at > self.at {
            self.take_later(&line);
            return;
        }
        self.last = Some(at);
        match line.event {
            Event::Began => {
                (self.began, self.ended) = (Some(at), None);
                self.before = std::mem::take(&mut self.holders);
            }
            Event::Continued => {
                self.holders.clear();
                (self.ended, self.lost) = (None, false);
            }
            Event::Ended => self.ended = Some(at),
            Event::Lost => self.lost = true,
            Event::Present | Event::Address | Event::Connected | Event::Disconnected | Event::Changed => {
                self.take_guest(line)
            }
            Event::Connection | Event::ConnectionEnded => self.take_connection(&line, at),
        }
    }

    /// A line of after the time that is asked about.
    fn take_later(&mut self, line: &Line) {
        if self.next.is_none() {
            self.next = line.time().map(|at| (at, line.event));
        }
        let Some(flow) = line.connection.as_ref().filter(|flow| self.is_meant(flow)) else { return };
        match (line.event, self.open.get_mut(&flow.protocol)) {
            (Event::Connection, _) => drop(self.began_later.insert(flow.protocol.clone())),
            (Event::ConnectionEnded, Some(found))
                if found.ended.is_none() && !self.began_later.contains(&flow.protocol) =>
            {
                found.ended = Some(line.at.clone());
            }
            // It began before the log did, or its beginning was lost.
            (Event::ConnectionEnded, None) if !self.began_later.contains(&flow.protocol) => {
                self.add(found(line, flow, None, Some(line.at.clone())));
                self.note("the log does not say when the connection began".to_owned());
            }
            _ => {}
        }
    }

    fn take_guest(&mut self, line: Line) {
        let Some(mac) = line.mac.clone() else { return };
        let holds = match self.asked {
            Asked::Address(address) => line.holds(address),
            Asked::Device(asked) => mac == asked.to_string() && is_here(&line),
            Asked::Connection(..) => false,
        };
        if !holds {
            self.holders.remove(&mac);
        } else if let Some((_, known)) = self.holders.get_mut(&mac) {
            *known = line;
        } else if self.holders.len() < MOST_FOUND {
            self.holders.insert(mac, (line.at.clone(), line));
        }
    }

    fn take_connection(&mut self, line: &Line, at: WallTime) {
        let Some(flow) = line.connection.as_ref().filter(|flow| self.is_meant(flow)) else { return };
        if line.event == Event::Connection {
            self.add(found(line, flow, Some(line.at.clone()), None));
        } else if at < self.at {
            self.open.remove(&flow.protocol);
        } else {
            // At this very moment.
            let known = self.open.remove(&flow.protocol);
            let began = known.and_then(|known| known.began);
            self.add(found(line, flow, began, Some(line.at.clone())));
        }
    }

    fn add(&mut self, found: FoundConnection) {
        if self.open.len() < MOST_FOUND || self.open.contains_key(&found.protocol) {
            self.open.insert(found.protocol.clone(), found);
        }
    }

    fn is_meant(&self, flow: &Flow) -> bool {
        let Asked::Connection(address, port) = self.asked else { return false };
        [(flow.translated, flow.translated_port), (flow.source, flow.source_port)]
            .contains(&(address, Some(port)))
    }

    fn answer(mut self) -> Answer {
        let mut sure = true;
        if let Some(ended) = self.ended {
            sure = false;
            let since = shown(ended);
            self.note(format!("the log was not written at that time: it was ended at {since}"));
        } else if let (Some(last), Some((next, Event::Began))) = (self.last, self.next) {
            sure = false;
            let (last, next) = (shown(last), shown(next));
            self.note(format!(
                "the log breaks off at {last} and begins anew at {next}: nobody knows what was in between"
            ));
        } else if let (None, Some((next, _))) = (self.last, self.next) {
            let next = shown(next);
            self.note(format!("the log of that day begins at {next}"));
        }
        if self.lost {
            sure = false;
            self.note("some lines before that time were lost".to_owned());
        }
        if self.holders.is_empty()
            && let Some(began) = self.began.filter(|began| self.at.0 - began.0 < SEEN_AGAIN_MS)
            && !self.before.is_empty()
        {
            sure = false;
            self.holders = std::mem::take(&mut self.before);
            let began = shown(began);
            self.note(format!("the log began anew at {began}, and the device was not seen again yet"));
        }
        let guest = |(since, line): (String, Line)| FoundGuest {
            since,
            sure,
            facts: Facts::of(&line),
            ipv4: line.ipv4.iter().flatten().map(ToString::to_string).collect(),
            ipv6: line.ipv6.iter().flatten().map(ToString::to_string).collect(),
        };
        Answer {
            guests: self.holders.into_values().map(guest).collect(),
            connections: self.open.into_values().collect(),
            notes: self.notes,
            broken_lines: self.broken,
        }
    }
}

fn is_here(line: &Line) -> bool {
    let has_any = line.ipv4.as_ref().is_some_and(|all| !all.is_empty())
        || line.ipv6.as_ref().is_some_and(|all| !all.is_empty());
    has_any || line.session.is_some()
}

fn found(line: &Line, flow: &Flow, began: Option<String>, ended: Option<String>) -> FoundConnection {
    let end = |address: IpAddr, port: Option<u16>| match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    };
    FoundConnection {
        began,
        ended,
        facts: Facts::of(line),
        protocol: flow.protocol.clone(),
        source: end(flow.source, flow.source_port),
        translated: end(flow.translated, flow.translated_port),
        destination: end(flow.destination, flow.destination_port),
    }
}

fn shown(at: WallTime) -> String {
    at.rfc3339().unwrap_or_default()
}
