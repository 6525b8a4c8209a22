use std::collections::BTreeMap;

use super::connections::Connections;
use super::{Answer, Asked, Facts, FoundGuest};
use crate::domain::WallTime;
use crate::guest_log::day::Day;
use crate::guest_log::line::{Event, Line};

/// After a start it takes a moment until everybody was seen again.
const SEEN_AGAIN_MS: i64 = 60_000;
/// A loss of connections alone is said within seconds: one that is said later is of later.
const LOSS_SAID_MS: i64 = 60_000;
/// An address is one device's; more than this only a file has that somebody else wrote.
const MOST_FOUND: usize = 64;
/// Reads the log from its beginning, line by line.
pub(super) struct Scan {
    asked: Asked,
    from: WallTime,
    until: WallTime,
    /// The day whose file is read.
    day: Option<Day>,
    /// Who has the address, by MAC, since when.
    holders: BTreeMap<String, (String, Line)>,
    /// Who had it in the time that is asked about, by MAC and session.
    found: BTreeMap<(String, Option<String>), (String, Line)>,
    /// Whether those are among them who had it when that time began.
    is_reached: bool,
    /// Who had it before the log began anew, and when that was.
    before: BTreeMap<String, (String, Line)>,
    began: Option<WallTime>,
    /// The last line before, and when the log was ended, if it was.
    last: Option<WallTime>,
    ended: Option<WallTime>,
    /// The first line after the time.
    next: Option<(WallTime, Event)>,
    /// When the log went on with everybody after that.
    continued: Option<WallTime>,
    /// Whether what follows was looked at as far as it says something of before.
    is_decided: bool,
    connections: Connections,
    /// Whether lines were lost, and nothing was said anew since.
    lost: bool,
    /// When connections were last lost.
    lost_connections: Option<WallTime>,
    /// Whether the log has a gap within or right after the time.
    has_gap: bool,
    is_cut: bool,
    notes: Vec<String>,
    broken: usize,
}

impl Scan {
    pub(super) fn new(asked: Asked, from: WallTime, until: WallTime) -> Self {
        Self {
            asked,
            from,
            until,
            day: None,
            holders: BTreeMap::new(),
            found: BTreeMap::new(),
            is_reached: false,
            before: BTreeMap::new(),
            began: None,
            last: None,
            ended: None,
            next: None,
            continued: None,
            is_decided: false,
            connections: Connections::new(asked, from),
            lost: false,
            lost_connections: None,
            has_gap: false,
            is_cut: false,
            notes: Vec::new(),
            broken: 0,
        }
    }

    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// What another day's file says of devices is said again.
    pub(super) fn begin_file(&mut self, day: Day) {
        if day > Day::of(self.from) {
            self.reach();
        }
        self.holders.clear();
        if self.day.replace(day).is_some_and(|before| before.next() != day) {
            self.connections.doubt();
        }
    }

    /// There is no file of a day that is asked about.
    pub(super) fn miss(&mut self, day: Day) {
        self.has_gap = true;
        self.note(format!("there is no file of {day}: the log was off, or the file was removed"));
    }

    /// Whether more lines may say more.
    pub(super) fn wants_more(&self) -> bool {
        !self.is_decided
    }

    /// Takes the next line; `None` is one that cannot be read.
    pub(super) fn take(&mut self, line: Option<Line>) {
        let Some((line, at)) = line.and_then(|line| line.time().map(|at| (line, at))) else {
            self.broken += 1;
            return;
        };
        if at > self.until {
            self.take_later(&line, at);
            return;
        }
        let is_within = at > self.from;
        if is_within {
            self.reach();
        }
        self.last = self.last.max(Some(at));
        match line.event {
            Event::Began => {
                (self.began, self.ended, self.lost) = (Some(at), None, false);
                self.before = std::mem::take(&mut self.holders);
                self.connections.doubt();
                if is_within {
                    self.has_gap = true;
                    self.note(format!("the log began at {}", shown(at)));
                }
            }
            Event::Continued => {
                self.holders.clear();
                (self.ended, self.lost) = (None, false);
            }
            Event::Ended => self.ended = Some(at),
            Event::Lost => {
                // What does not say what was lost may have lost anything.
                self.lost |= line.lost.is_none_or(|lost| lost.lines > 0);
                self.has_gap |= is_within && self.lost;
                self.lost_connections = Some(at);
                self.connections.doubt();
            }
            Event::Present | Event::Address | Event::Connected | Event::Disconnected | Event::Changed => {
                self.take_guest(line, is_within)
            }
            Event::Connection | Event::ConnectionEnded => self.connections.take(&line, at),
        }
    }

    /// A line of after the time that is asked about.
    fn take_later(&mut self, line: &Line, at: WallTime) {
        self.next.get_or_insert((at, line.event));
        match line.event {
            Event::Began => self.is_decided = true,
            // A day begins so as well, and what was lost just before is said just after.
            Event::Continued => {
                self.continued.get_or_insert(at);
            }
            Event::Lost if !self.is_decided => self.take_later_loss(line, at),
            Event::Connection | Event::ConnectionEnded => {
                self.decide(at);
                self.connections.take_later(line);
            }
            Event::Address | Event::Connected | Event::Disconnected | Event::Changed => self.decide(at),
            Event::Lost | Event::Ended | Event::Present => {}
        }
    }

    /// Something happened then and was written: what was lost before the log went on would have been said.
    fn decide(&mut self, at: WallTime) {
        self.is_decided |= self.continued.is_some_and(|since| at.0.saturating_sub(since.0) >= LOSS_SAID_MS);
    }

    /// What was lost is said when the gap is over: it may be of the time that is asked about.
    fn take_later_loss(&mut self, line: &Line, at: WallTime) {
        let is_connection = matches!(self.asked, Asked::Connection(..));
        let matters = match line.lost {
            Some(lost) if lost.lines == 0 => {
                is_connection && at.0.saturating_sub(self.until.0) < LOSS_SAID_MS
            }
            Some(_) | None => true,
        };
        if matters {
            (self.is_decided, self.has_gap) = (true, true);
            self.note(format!("something was lost before {}, perhaps of that time", shown(at)));
        }
    }

    fn take_guest(&mut self, line: Line, is_within: bool) {
        let Some(mac) = line.mac.clone() else { return };
        let holds = match self.asked {
            Asked::Address(address) => line.holds(address),
            Asked::Device(asked) => mac == asked.to_string() && is_here(&line),
            Asked::Connection(..) => false,
        };
        if !holds {
            self.holders.remove(&mac);
            return;
        }
        let since = match self.holders.get(&mac) {
            Some((since, _)) => since.clone(),
            None if self.holders.len() < MOST_FOUND => line.at.clone(),
            None => {
                self.is_cut = true;
                return;
            }
        };
        if is_within {
            self.find(mac.clone(), since.clone(), line.clone());
        }
        self.holders.insert(mac, (since, line));
    }

    /// The time that is asked about has begun: who has it now had it then.
    fn reach(&mut self) {
        if !self.is_reached {
            self.is_reached = true;
            for (mac, (since, line)) in self.holders.clone() {
                self.find(mac, since, line);
            }
        }
    }

    fn find(&mut self, mac: String, since: String, line: Line) {
        let nothing = (mac.clone(), None);
        let is_known = self.found.range(nothing.clone()..).next().is_some_and(|((of, _), _)| *of == mac);
        if is_known && line.session.is_none() {
            // What it ran in that time says more.
            return;
        }
        self.found.remove(&nothing);
        if self.found.len() < MOST_FOUND {
            self.found.insert((mac, line.session.clone()), (since, line));
        } else {
            self.is_cut = true;
        }
    }

    pub(super) fn answer(mut self) -> Answer {
        self.reach();
        let mut sure = self.check_ends() && !self.has_gap;
        if self.lost {
            sure = false;
            self.note("some lines before that time were lost".to_owned());
        }
        if let Some(lost) = self.lost_connections
            && matches!(self.asked, Asked::Connection(..))
        {
            let lost = shown(lost);
            self.note(format!(
                "the log lost connections before that time, at last at {lost}: there may be others"
            ));
        }
        if self.found.is_empty()
            && let Some(began) =
                self.began.filter(|began| self.from.0.saturating_sub(began.0) < SEEN_AGAIN_MS)
            && !self.before.is_empty()
        {
            sure = false;
            for (mac, (since, line)) in std::mem::take(&mut self.before) {
                self.find(mac, since, line);
            }
            let began = shown(began);
            self.note(format!("the log began anew at {began}, and the device was not seen again yet"));
        }
        if self.connections.lacks_beginning() {
            self.note("the log does not say when a connection began".to_owned());
        }
        if self.is_cut || self.connections.is_cut() {
            self.note("there are more than can be shown".to_owned());
        }
        let guest = |(since, line): (String, Line)| FoundGuest {
            since,
            sure,
            facts: Facts::of(&line),
            ipv4: line.ipv4.iter().flatten().map(ToString::to_string).collect(),
            ipv6: line.ipv6.iter().flatten().map(ToString::to_string).collect(),
        };
        Answer {
            guests: self.found.into_values().map(guest).collect(),
            connections: self.connections.found(sure),
            notes: self.notes,
            broken_lines: self.broken,
        }
    }

    /// Whether the log was written at that time, by what stands before and after it.
    fn check_ends(&mut self) -> bool {
        if let Some(ended) = self.ended {
            let since = shown(ended);
            self.note(format!("the log was not written at that time: it was ended at {since}"));
            return false;
        }
        match (self.last, self.next) {
            (Some(last), Some((next, Event::Began))) => {
                let (last, next) = (shown(last), shown(next));
                self.note(format!(
                    "the log breaks off at {last} and begins anew at {next}: nobody knows what was in between"
                ));
                false
            }
            (Some(last), None) if self.until > last => {
                let last = shown(last);
                self.note(format!(
                    "the log's last line is of {last}: it does not say whether it was written after that"
                ));
                false
            }
            (None, Some((next, _))) => {
                let next = shown(next);
                self.note(format!("the log of that day begins at {next}"));
                true
            }
            _ => true,
        }
    }
}

fn is_here(line: &Line) -> bool {
    let has_any = line.ipv4.as_ref().is_some_and(|all| !all.is_empty())
        || line.ipv6.as_ref().is_some_and(|all| !all.is_empty());
    has_any || line.session.is_some()
}

fn shown(at: WallTime) -> String {
    at.rfc3339().unwrap_or_default()
}
