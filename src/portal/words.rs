//! Times and amounts as guests read them.

/// `h:mm:ss`, from a day on with the days before it. Rounded down: a page never promises more than is left.
pub fn time(millis: u64) -> String {
    let secs = millis / 1000;
    let (days, hours, minutes, secs) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60, secs % 60);
    let clock = format!("{hours}:{minutes:02}:{secs:02}");
    match days {
        0 => clock,
        1 => format!("1 day {clock}"),
        days => format!("{days} days {clock}"),
    }
}

/// The same in words, coarse, for reading aloud: the two largest units.
pub fn spoken_time(millis: u64) -> String {
    let secs = millis / 1000;
    let parts = [
        (secs / 86_400, "day"),
        (secs / 3600 % 24, "hour"),
        (secs / 60 % 60, "minute"),
        (secs % 60, "second"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| counted(*count, unit))
        .collect();
    if said.is_empty() { "no time".to_owned() } else { said.join(" ") }
}

/// How long ago something was, coarse.
pub fn age(millis: u64) -> String {
    let minutes = millis / 60_000;
    match (minutes / 1440, minutes / 60, minutes) {
        (0, 0, 0) => "just now".to_owned(),
        (0, 0, minutes) => format!("{} ago", counted(minutes, "minute")),
        (0, hours, _) => format!("{} ago", counted(hours, "hour")),
        (days, _, _) => format!("{} ago", counted(days, "day")),
    }
}

fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// kB, MB or GB by powers of ten, as sessions are sold. Rounded down.
pub fn data(bytes: u64) -> String {
    const KB: u64 = 1_000;
    const MB: u64 = 1_000_000;
    const GB: u64 = 1_000_000_000;
    match bytes {
        GB.. => format!("{}.{:02} GB", bytes / GB, bytes % GB / (GB / 100)),
        MB.. => format!("{}.{} MB", bytes / MB, bytes % MB / (MB / 10)),
        KB.. => format!("{} kB", bytes / KB),
        0 => "0 MB".to_owned(),
        _ => "under 1 kB".to_owned(),
    }
}

/// As [`data`], without decimals that are zero: for amounts that were sold.
pub fn round_data(bytes: u64) -> String {
    let text = data(bytes);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        Some(_) | None => text,
    }
}

/// How much of the whole is left, 0 to 100. Rounded down, but not to 0 while something is left.
pub fn percent(left: u64, whole: u64) -> u8 {
    if whole == 0 {
        return 0;
    }
    let percent = u128::from(left.min(whole)) * 100 / u128::from(whole);
    let percent = u8::try_from(percent).unwrap_or(100);
    if left > 0 { percent.max(1) } else { percent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_clock() {
        for (millis, clock, spoken) in [
            (0, "0:00:00", "no time"),
            (999, "0:00:00", "no time"),
            (61_000, "0:01:01", "1 minute 1 second"),
            (3_600_000, "1:00:00", "1 hour"),
            (86_399_999, "23:59:59", "23 hours 59 minutes"),
            (90_061_000, "1 day 1:01:01", "1 day 1 hour"),
            (30 * 86_400_000, "30 days 0:00:00", "30 days"),
        ] {
            assert_eq!(time(millis), clock);
            assert_eq!(spoken_time(millis), spoken);
        }
        assert!(time(u64::MAX).ends_with("days 7:00:16") || time(u64::MAX).contains("days"));
    }

    #[test]
    fn ages_are_coarse() {
        for (millis, text) in [
            (59_999, "just now"),
            (60_000, "1 minute ago"),
            (3_599_999, "59 minutes ago"),
            (7_200_000, "2 hours ago"),
            (86_400_000, "1 day ago"),
        ] {
            assert_eq!(age(millis), text);
        }
    }

    #[test]
    fn amounts_are_decimal_and_never_promise_too_much() {
        for (bytes, live, sold) in [
            (0, "0 MB", "0 MB"),
            (1, "under 1 kB", "under 1 kB"),
            (999_999, "999 kB", "999 kB"),
            (2_000_000, "2.0 MB", "2 MB"),
            (1_999_999, "1.9 MB", "1.9 MB"),
            (999_999_999, "999.9 MB", "999.9 MB"),
            (1_000_000_000, "1.00 GB", "1 GB"),
            (1_509_000_000, "1.50 GB", "1.5 GB"),
            (100_000_000, "100.0 MB", "100 MB"),
        ] {
            assert_eq!(data(bytes), live);
            assert_eq!(round_data(bytes), sold);
        }
        assert!(data(u64::MAX).ends_with(" GB"));
    }

    #[test]
    fn percent_is_bounded_and_shows_the_last_bit() {
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(1, 1_000_000), 1);
        assert_eq!(percent(50, 100), 50);
        assert_eq!(percent(200, 100), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(0, 9), 0);
    }
}
