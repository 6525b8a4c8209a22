use std::fmt::Write;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::Args;

use super::args::ConfigFile;
use super::output::{Failure, say, tell};
use super::{DONE, FAILED};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{MacAddr, WallTime};
use crate::guest_log::{Answer, Asked, Facts, FoundConnection, FoundGuest, look};

/// `turnpike guest-log ADDRESS`.
#[derive(Debug, Args)]
pub struct GuestLog {
    /// An IPv4 or IPv6 address, or a MAC
    address: String,
    /// When, as in 2026-01-31T18:00:00Z, which is the whole second, or 2026-01-31T18:00:00.250Z; now, unless it is said
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<RangeInclusive<WallTime>>,
    /// So long before and after it, too: for a complaint by a clock that may be wrong
    #[arg(long, value_name = "SECS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=3600))]
    within: u16,
    /// Whose connection came from this port of the address, as in a complaint about the public one; needs connections in the log
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The log's files without the day at the end, in place of those of the configuration
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// A time without a fraction is that of a clock that shows none: the whole second.
fn time(text: &str) -> Result<RangeInclusive<WallTime>, String> {
    let at = chrono::DateTime::parse_from_rfc3339(text);
    let at = at.map_err(
        |_| "must be a time with its zone, as in 2026-01-31T18:00:00Z or 2026-01-31T19:00:00+01:00",
    )?;
    let from = WallTime(at.timestamp_millis());
    Ok(from..=if text.contains('.') { from } else { from.plus_millis(999) })
}

impl GuestLog {
    /// Works without a daemon: it reads the files.
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let asked = self.asked()?;
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.configured()?,
        };
        let now = Clock::machine().now().wall;
        let (at, until) = self.at.clone().unwrap_or(now..=now).into_inner();
        let within = i64::from(self.within) * 1_000;
        let when = at.plus_millis(-within)..=until.plus_millis(within);
        let mut answer = look(&file, asked, when).map_err(|error| Failure(error.to_string()))?;
        if at > now {
            answer.notes.push("that time has not come yet".to_owned());
        }
        let is_found = !answer.guests.is_empty() || !answer.connections.is_empty();
        if self.json {
            let text = serde_json::to_string_pretty(&answer).map_err(|error| Failure(error.to_string()))?;
            say(&format!("{text}\n"))?;
        } else {
            say(&as_text(&answer))?;
            for note in &answer.notes {
                tell(&format!("note: {note}"));
            }
            match answer.broken_lines {
                0 => {}
                broken => tell(&format!("note: lines that cannot be read: {broken}")),
            }
        }
        if is_found {
            return Ok(DONE);
        }
        let (at, address) = (at.rfc3339().unwrap_or_default(), &self.address);
        tell(&match asked {
            Asked::Address(_) => format!(
                "nobody in the log had {address} at {at}. Of a public address that guests share, say the --port as well"
            ),
            Asked::Device(_) => format!("{address} was not here at {at}, as far as the log says"),
            Asked::Connection(_, port) => {
                format!("no connection in the log had {address} and port {port} at {at}")
            }
        });
        Ok(FAILED)
    }

    fn asked(&self) -> Result<Asked, Failure> {
        let text = &self.address;
        match (text.parse::<IpAddr>(), text.parse::<MacAddr>(), self.port) {
            (Ok(address), _, port) => {
                let address = address.to_canonical();
                Ok(port.map_or(Asked::Address(address), |port| Asked::Connection(address, port)))
            }
            (Err(_), Ok(mac), None) => Ok(Asked::Device(mac)),
            (Err(_), Ok(_), Some(_)) => {
                Err(Failure("--port goes with an IP address, not with a MAC".to_owned()))
            }
            (Err(_), Err(_), _) => {
                let shown: String = text.chars().filter(|letter| !letter.is_control()).collect();
                Err(Failure(format!("{shown} is no IPv4 or IPv6 address and no MAC")))
            }
        }
    }

    fn configured(&self) -> Result<PathBuf, Failure> {
        let path = &self.config.config;
        let config = Config::load(path).map_err(|error| Failure(error.to_string()))?;
        config.guest_log.file.ok_or_else(|| {
            let path = path.display();
            Failure(format!(
                "no guest log is kept in a file: {path} has no [guest_log] file. Older files: --file FILE"
            ))
        })
    }
}

fn as_text(answer: &Answer) -> String {
    let mut text = String::new();
    for FoundGuest { since, sure, facts, ipv4, ipv6 } in &answer.guests {
        // Writing to a text does not fail.
        let name = facts.mac.as_deref().unwrap_or("a device without a MAC");
        let _ = writeln!(text, "{name}{}", vouched(*sure));
        row(&mut text, "since", Some(since));
        row(&mut text, "addresses", Some(&[ipv4.as_slice(), ipv6].concat().join(" ")));
        who(&mut text, facts);
    }
    for FoundConnection { began, ended, sure, facts, protocol, source, translated, destination } in
        &answer.connections
    {
        let name = facts.mac.as_deref().unwrap_or("a device that the log does not know");
        let _ = writeln!(text, "{name}{}", vouched(*sure));
        row(&mut text, "connection", Some(&format!("{protocol} {source} as {translated} to {destination}")));
        row(&mut text, "began", began.as_deref().or(Some("not in the log")));
        row(&mut text, "ended", ended.as_deref().or(Some("not in that day's file")));
        who(&mut text, facts);
    }
    text
}

const fn vouched(sure: bool) -> &'static str {
    if sure { "" } else { " (not sure: see the notes)" }
}

fn who(text: &mut String, facts: &Facts) {
    let Facts { mac, hostname, zone, session, provider, who, voucher } = facts;
    // Of a device that is not known, nobody knows that either.
    let none = mac.as_ref().map(|_| "none: not let through");
    row(text, "host name", hostname.as_deref());
    row(text, "zone", zone.as_deref());
    row(text, "session", session.as_deref().or(none));
    row(text, "from", provider.as_deref());
    row(text, "who", who.as_deref());
    row(text, "voucher", voucher.as_deref());
}

/// What came from outside turns no line around and makes no new one.
fn row(text: &mut String, name: &str, value: Option<&str>) {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return };
    let _ = write!(text, "  {name}: ");
    for letter in value.chars() {
        let turns = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
        if letter.is_control() || turns || matches!(letter, '\u{2028}' | '\u{2029}') {
            let _ = write!(text, "{}", letter.escape_unicode());
        } else {
            text.push(letter);
        }
    }
    text.push('\n');
}
