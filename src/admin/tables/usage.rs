//! What of a session is used and left, as bars, and how its data grew, as far as what was told of it says.

use super::name::Name;
use crate::admin::plot::{Curve, Unit};
use crate::admin::shown;
use crate::domain::{ClientSession, FixedKey, WallTime};
use crate::store::LoggedSessionEvent;

/// A limit and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) label: &'static str,
    /// What is used, in words.
    pub(super) used: String,
    /// What is left, in words; `None` without a limit.
    pub(super) left: Option<String>,
    /// Thousandths of the limit that are used.
    pub(super) thousandths: u64,
}

impl Bar {
    /// The bars of a session: its time, and its data.
    pub(super) fn of(session: &ClientSession) -> [Self; 2] {
        let part = |used: u64, limit: Option<u64>| match limit {
            Some(limit) if limit > 0 => {
                let share = u128::from(used.min(limit)) * 1000 / u128::from(limit);
                u64::try_from(share).unwrap_or(1000)
            }
            Some(_) | None => 0,
        };
        [
            Self {
                label: "Time",
                used: shown::duration(session.usage.time_ms),
                left: session.time_left_ms().map(shown::duration),
                thousandths: part(session.consumed_ms(), session.terms.time_limit_ms),
            },
            Self {
                label: "Data",
                used: amount(session.usage.data_bytes()),
                left: session.data_left_bytes().map(amount),
                thousandths: part(session.consumed_bytes(), session.terms.data_limit_bytes),
            },
        ]
    }
}

/// Bytes, kilobytes below a megabyte.
pub(super) fn amount(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000.. => shown::data(bytes),
    }
}

/// How a session's data grew, as SVG. Times are in milliseconds; `time` writes one. `None` if what was told of it and how it
/// stands now are too little for a line.
pub(super) fn grown(
    told: &[LoggedSessionEvent],
    session: &ClientSession,
    now_ms: i64,
    time: impl Fn(i64) -> String,
) -> Option<String> {
    let used = |event: &LoggedSessionEvent| {
        let text = event.event.properties.get(FixedKey::DataUsed.as_str())?;
        Some((event.event.at.0, megabytes(text)?))
    };
    let end = session.ended_at.map_or(now_ms, |at| at.0);
    let mut corners: Vec<(i64, u64)> = told.iter().filter_map(used).collect();
    corners.push((end, session.usage.data_bytes()));
    corners.sort_by_key(|(at, _)| *at);
    let (first, last) = (corners.first()?.0, corners.last()?.0);
    let most = corners.iter().map(|(_, bytes)| *bytes).max()?;
    if most == 0 || corners.len() < 3 || first >= last {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "places on a drawing")]
    let points: Vec<(WallTime, f64)> =
        corners.into_iter().map(|(at, bytes)| (WallTime(at), bytes as f64)).collect();
    let (from, until) = (time(first), time(last));
    let about = format!("Data used from {from} to {until}: up to {}.", amount(most));
    let curve = Curve {
        id: "grown",
        title: "Data used",
        about: &about,
        unit: Unit::Bytes,
        points: &points,
        ends: [&from, &until],
    };
    Some(curve.svg())
}

/// Bytes of a property in MB.
fn megabytes(text: &str) -> Option<u64> {
    text.parse().ok().and_then(crate::domain::mb_to_bytes)
}

/// The speeds that hold, in words.
pub(super) fn speeds(down: Option<crate::domain::Mbps>, up: Option<crate::domain::Mbps>) -> Name {
    let said = |speed: Option<crate::domain::Mbps>| {
        speed.map_or_else(|| "no limit".to_owned(), |speed| speed.to_string())
    };
    Name::whole(format!("{} down, {} up", said(down), said(up)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeviceId, ProviderName, SessionId, SessionKind, SessionTerms};

    fn session(used_ms: u64, used_bytes: u64) -> ClientSession {
        let terms =
            SessionTerms::new(SessionKind::TimeOrData, Some(60), Some(2.0), None, 0.0, 0.0, false).unwrap();
        let (id, device) = (SessionId::new(uuid::Uuid::nil()), DeviceId::new(uuid::Uuid::nil()));
        let mut session = ClientSession::new(id, device, ProviderName::new("x"), terms, WallTime(0));
        session.usage.time_ms = used_ms;
        session.usage.sent_bytes = used_bytes;
        session
    }

    #[test]
    fn bars_say_what_is_used_and_left() {
        let [time, data] = Bar::of(&session(45_000, 2_500_000));
        assert_eq!((time.thousandths, time.left.as_deref()), (750, Some("15 s")));
        assert_eq!((data.thousandths, data.used.as_str(), data.left.as_deref()), (1000, "2 MB", Some("0 B")));
        assert_eq!((amount(999), amount(999_999)), ("999 B".to_owned(), "999 kB".to_owned()));
    }

    #[test]
    fn without_history_there_is_no_line() {
        assert_eq!(grown(&[], &session(1, 1), 10, |at| at.to_string()), None);
    }
}
