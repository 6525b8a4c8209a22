//! Who had an address at a time, as far as the log says.

mod connections;
mod scan;

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;

use super::day::Day;
use super::files::{days, open_to_read};
use super::line::Line;
use super::reading::Lines;
use crate::domain::{MacAddr, WallTime};
use scan::Scan;

/// A connection that is still open began at most so many days before: the kernel forgets one on which nothing passes after
/// five (`nf_conntrack_tcp_timeout_established`).
const DAYS_OF_CONNECTION: u32 = 6;

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
    /// Whether the log vouches for it: that it was there at that time, and whose it was.
    pub sure: bool,
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

/// Looks through the files of the days that matter, line by line: for everybody who had it at any moment of that time.
///
/// # Errors
///
/// A file that is there cannot be read.
pub fn look(base: &Path, asked: Asked, when: RangeInclusive<WallTime>) -> io::Result<Answer> {
    let (from, until) = when.into_inner();
    let (day, last_day) = (Day::of(from), Day::of(until));
    let first = match asked {
        Asked::Connection(..) => day.back(DAYS_OF_CONNECTION),
        Asked::Address(_) | Asked::Device(_) => day,
    };
    let mut scan = Scan::new(asked, from, until);
    let files = days(base)?;
    for (of, path) in files.iter().filter(|(of, _)| (first..=last_day).contains(of)) {
        scan.begin_file(*of);
        let mut lines = Lines::new(named(path, open_to_read(path))?);
        while let Some(line) = named(path, lines.next())? {
            scan.take(line);
        }
    }
    for missing in BTreeSet::from([day, last_day]) {
        if !files.iter().any(|(of, _)| *of == missing) {
            scan.miss(missing);
        }
    }
    // What follows says whether the log went on, and whether it was whole.
    if let Some((_, path)) = files.iter().find(|(of, _)| *of > last_day) {
        let mut lines = None;
        while scan.wants_more() {
            let lines = match &mut lines {
                Some(lines) => lines,
                None => lines.insert(Lines::new(named(path, open_to_read(path))?)),
            };
            match named(path, lines.next())? {
                Some(line) => scan.take(line),
                None => break,
            }
        }
    }
    Ok(scan.answer())
}

fn named<T>(path: &Path, done: io::Result<T>) -> io::Result<T> {
    done.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
