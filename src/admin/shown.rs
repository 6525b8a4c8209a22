//! Times, amounts and things as the pages show them.

use crate::domain::{
    ClientDevice, ClientSession, LocalTime, PauseReason, SessionState, SessionTerms, VoucherStatus, WallTime,
};

/// `2026-06-01 14:30`, as the clocks of the place show it.
pub(super) fn time(at: WallTime, place: &dyn LocalTime) -> String {
    place.local(at).format("%Y-%m-%d %H:%M").to_string()
}

/// Hours and minutes of what is left or granted, days before them. Rounded down, but not to nothing.
pub(super) fn duration(millis: u64) -> String {
    let secs = millis / 1000;
    let parts = [(secs / 86_400, "d"), (secs / 3600 % 24, "h"), (secs / 60 % 60, "min")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if said.is_empty() { format!("{secs} s") } else { said.join(" ") }
}

/// MB or GB by powers of ten, as sessions are sold. Rounded down.
pub(super) fn data(bytes: u64) -> String {
    const MB: u64 = 1_000_000;
    const GB: u64 = 1_000_000_000;
    match bytes {
        GB.. if bytes.is_multiple_of(GB) => format!("{} GB", bytes / GB),
        GB.. => format!("{}.{} GB", bytes / GB, bytes % GB / (GB / 10)),
        _ => format!("{} MB", bytes / MB),
    }
}

/// What is granted, in a few words: `1 h 30 min or 500 MB, for 7 days`.
pub(super) fn terms(terms: &SessionTerms) -> String {
    let limits: Vec<String> =
        [terms.time_limit_ms.map(duration), terms.data_limit_bytes.map(data)].into_iter().flatten().collect();
    let mut text = if limits.is_empty() { "without limit".to_owned() } else { limits.join(" or ") };
    match terms.exp_days {
        Some(1) => text.push_str(", for 1 day"),
        Some(days) => text.push_str(&format!(", for {days} days")),
        None => {}
    }
    text
}

/// What is left of a session, in a few words.
pub(super) fn left(session: &ClientSession) -> String {
    let limits: Vec<String> = [session.time_left_ms().map(duration), session.data_left_bytes().map(data)]
        .into_iter()
        .flatten()
        .collect();
    if limits.is_empty() { "no limit".to_owned() } else { limits.join(" or ") }
}

/// Where a session stands, for people.
pub(super) const fn state(session: &ClientSession) -> &'static str {
    match &session.state {
        SessionState::Available => "not started yet",
        SessionState::Running(_) => "running",
        SessionState::Paused(PauseReason::Asked) => "paused",
        SessionState::Paused(PauseReason::Idle) => "paused: idle",
        SessionState::Paused(PauseReason::Away) => "paused: device is away",
        SessionState::Paused(PauseReason::Reboot) => "paused: router restarted",
        SessionState::Paused(PauseReason::Blocked) => "paused: device is blocked",
        SessionState::Paused(PauseReason::OpeningHours) => "paused: zone is closed",
        SessionState::Consumed => "used up",
        SessionState::Expired => "expired",
        SessionState::Closed(..) => "closed",
    }
}

/// Where a voucher stands, for people.
pub(super) const fn standing(status: VoucherStatus) -> &'static str {
    match status {
        VoucherStatus::Unsold => "can be redeemed",
        VoucherStatus::Sold => "sold, can be redeemed",
        VoucherStatus::NotYetValid => "not valid yet",
        VoucherStatus::Expired => "expired",
        VoucherStatus::Redeemed => "redeemed",
        VoucherStatus::Revoked => "taken back",
    }
}

/// What a device is called: its alias, else its host name, else its MAC.
pub(super) fn device_name(device: &ClientDevice) -> String {
    let name = device.alias.as_ref().or(device.hostname.as_ref()).filter(|name| !name.is_empty());
    name.map_or_else(|| device.mac.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SessionKind, Utc};

    #[test]
    fn what_is_granted_is_said_in_a_few_words() {
        let said =
            |kind, secs, mb, days| terms(&SessionTerms::new(kind, secs, mb, days, 0.0, 0.0, false).unwrap());
        assert_eq!(said(SessionKind::Time, Some(5_400), None, None), "1 h 30 min");
        assert_eq!(said(SessionKind::Data, None, Some(1_500.0), Some(1)), "1.5 GB, for 1 day");
        assert_eq!(
            said(SessionKind::TimeOrData, Some(90_061), Some(500.0), Some(7)),
            "1 d 1 h 1 min or 500 MB, for 7 days"
        );
        assert_eq!((duration(59_999), data(2_000_000_000)), ("59 s".to_owned(), "2 GB".to_owned()));
        assert_eq!(time(WallTime(1_780_315_200_000), &Utc), "2026-06-01 12:00");
    }
}
