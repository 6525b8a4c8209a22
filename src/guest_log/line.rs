use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::ledger::{Guest, Visit};
use crate::domain::{Connection, ConnectionEvent, WallTime};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// The log begins, as with each start: everybody who is there follows.
    Began,
    /// A new day's file begins, or the log is sure again after a loss: everybody who is there follows.
    Continued,
    /// The log was ended in good order.
    Ended,
    /// Something could not be logged.
    Lost,
    /// How a device stood when the log or a file began.
    Present,
    /// A device got, changed or lost an address.
    Address,
    /// A device was let through.
    Connected,
    /// A device was cut off.
    Disconnected,
    /// What a device is called, or who is behind it, changed.
    Changed,
    /// A connection began.
    Connection,
    /// A connection is over.
    ConnectionEnded,
}

/// A line. What is not said is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// When (RFC 3339).
    pub(super) at: String,
    pub(super) event: Event,
    /// Whether the clock could not be believed then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) clock_unsure: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mac: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) zone: Option<String>,
    /// All addresses that the device has from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ipv4: Option<BTreeSet<Ipv4Addr>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ipv6: Option<BTreeSet<Ipv6Addr>>,
    /// The session that it runs from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) provider: Option<String>,
    /// The account, or whatever else the provider says is behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) who: Option<String>,
    /// The voucher's public name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) voucher: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) connection: Option<Flow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lost: Option<Lost>,
}

/// A connection as a line has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flow {
    pub(super) protocol: String,
    pub(super) source: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_port: Option<u16>,
    pub(super) translated: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) translated_port: Option<u16>,
    pub(super) destination: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) destination_port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) received_bytes: Option<u64>,
}

/// What could not be logged since the last line of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Lost {
    /// Lines that could not be written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) lines: usize,
    /// Beginnings and ends of connections that came too fast.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) connections: usize,
    /// How often the kernel had no room to tell of connections; how many each time, nobody knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) kernel_overflows: usize,
}

impl Lost {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// A moment, and whether the clock could be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: WallTime,
    pub(super) believed: bool,
}

impl Line {
    /// About nobody.
    pub(super) fn of_nobody(now: Moment, event: Event) -> Self {
        Self {
            // Years beyond 9999 have no such form.
            at: now.at.rfc3339().unwrap_or_default(),
            event,
            clock_unsure: !now.believed,
            mac: None,
            hostname: None,
            zone: None,
            ipv4: None,
            ipv6: None,
            session: None,
            provider: None,
            who: None,
            voucher: None,
            connection: None,
            lost: None,
        }
    }

    /// What could not be logged.
    pub(super) fn of_loss(now: Moment, lost: Lost) -> Self {
        Self { lost: Some(lost), ..Self::of_nobody(now, Event::Lost) }
    }

    /// How a device stands from then on.
    pub(super) fn of_guest(now: Moment, event: Event, guest: &Guest) -> Self {
        Self {
            hostname: guest.hostname.as_ref().map(ToString::to_string),
            ipv4: Some(guest.ipv4.clone()),
            ipv6: Some(guest.ipv6.clone()),
            ..Self::of_nobody(now, event).with(guest, guest.visit.as_ref())
        }
    }

    /// A connection, of this device and what it ran as far as that is known.
    pub(super) fn of_connection(
        connection: &Connection,
        believed: bool,
        whose: Option<(&Guest, Option<&Visit>)>,
    ) -> Self {
        let (event, bytes) = match connection.event {
            ConnectionEvent::Began => (Event::Connection, None),
            ConnectionEvent::Ended { bytes } => (Event::ConnectionEnded, bytes),
        };
        let Connection { source, translated, destination, .. } = connection;
        let flow = Flow {
            protocol: protocol(connection.protocol),
            source: source.address,
            source_port: source.port,
            translated: translated.address,
            translated_port: translated.port,
            destination: destination.address,
            destination_port: destination.port,
            sent_bytes: bytes.map(|(sent, _)| sent),
            received_bytes: bytes.map(|(_, received)| received),
        };
        let line = Self::of_nobody(Moment { at: connection.at, believed }, event);
        let line = match whose {
            Some((guest, visit)) => line.with(guest, visit),
            None => line,
        };
        Self { connection: Some(flow), ..line }
    }

    fn with(self, guest: &Guest, visit: Option<&Visit>) -> Self {
        Self {
            mac: Some(guest.mac.to_string()),
            zone: guest.zone.as_ref().map(ToString::to_string),
            session: visit.map(|visit| visit.session.to_string()),
            provider: visit.map(|visit| visit.provider.clone()),
            who: visit.and_then(|visit| visit.who.clone()),
            voucher: visit.and_then(|visit| visit.voucher.clone()),
            ..self
        }
    }

    /// One line of ASCII, whatever names are in it, without its end.
    pub(super) fn text(&self) -> String {
        // Texts, numbers, lists and maps of texts can always be written.
        ascii(&serde_json::to_string(self).unwrap_or_default())
    }

    /// When; `None` if it does not say so.
    pub(super) fn time(&self) -> Option<WallTime> {
        let at = chrono::DateTime::parse_from_rfc3339(&self.at).ok()?;
        Some(WallTime(at.timestamp_millis()))
    }

    /// Whether the device that it is about has this address from then on.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.ipv4.as_ref().is_some_and(|all| all.contains(&address)),
            IpAddr::V6(address) => self.ipv6.as_ref().is_some_and(|all| all.contains(&address)),
        }
    }
}

/// The name of an IP protocol, else its number.
fn protocol(number: u8) -> String {
    match number {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        58 => "icmpv6",
        132 => "sctp",
        136 => "udplite",
        number => return number.to_string(),
    }
    .to_owned()
}

/// JSON in which everything that is not plain ASCII is escaped: nothing in it turns a terminal's text around, and a log's
/// reader that knows no UTF-8 keeps it whole.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter == '\u{7f}' || !letter.is_ascii() {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a text does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(letter);
        }
    }
    text
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(name: &str) -> Line {
        let now = Moment { at: WallTime(1_780_272_000_123), believed: true };
        Line { hostname: Some(name.to_owned()), ..Line::of_nobody(now, Event::Present) }
    }

    #[test]
    fn a_line_is_plain_ascii() {
        let text = named("Zoë\u{202e}\u{7f}😀\n\"").text();
        assert_eq!(
            text,
            r#"{"at":"2026-06-01T00:00:00.123Z","event":"present","hostname":"Zo\u00eb\u202e\u007f\ud83d\ude00\n\""}"#
        );
    }

    proptest! {
        #[test]
        fn whatever_a_device_calls_itself_is_one_line(name in any::<String>()) {
            let line = named(&name);
            let text = line.text();
            prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}", text);
            prop_assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        }
    }
}
