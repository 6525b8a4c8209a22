use std::borrow::Cow;

use super::Words;
use crate::domain::{Amount, ClientRates, Mbps};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const KB: u64 = 1_000;
const MB: u64 = 1_000_000;
const GB: u64 = 1_000_000_000;

impl Words {
    /// `h:mm:ss`, from a day on with the days before it. Rounded down: a page never promises more than is left.
    pub fn time(self, millis: u64) -> String {
        let (days, rest) = (millis / DAY, millis % DAY);
        let clock = format!("{}:{:02}:{:02}", rest / HOUR, rest % HOUR / MINUTE, rest % MINUTE / SECOND);
        let clock = self.0.digits(&clock);
        match days {
            0 => clock,
            days => {
                self.with("days-and-clock", [("count", days.into()), ("clock", clock.into())]).into_owned()
            }
        }
    }

    /// The same in words, coarse, for reading aloud: the two largest units.
    pub fn spoken_time(self, millis: u64) -> String {
        let units =
            [(millis / DAY, "days"), (millis % DAY / HOUR, "hours"), (millis % HOUR / MINUTE, "minutes")];
        let units = units.into_iter().chain([(millis % MINUTE / SECOND, "seconds")]);
        let mut said =
            units.filter(|(count, _)| *count > 0).map(|(count, unit)| self.one(unit, "count", count));
        match (said.next(), said.next()) {
            (None, _) => self.get("no-time").into_owned(),
            (Some(one), None) => one.into_owned(),
            (Some(first), Some(second)) => {
                self.with("two-units", [("first", first.into()), ("second", second.into())]).into_owned()
            }
        }
    }

    /// How long ago something was, coarse.
    pub fn age(self, millis: u64) -> Cow<'static, str> {
        match millis {
            DAY.. => self.one("days-ago", "count", millis / DAY),
            HOUR.. => self.one("hours-ago", "count", millis / HOUR),
            MINUTE.. => self.one("minutes-ago", "count", millis / MINUTE),
            _ => self.get("just-now"),
        }
    }

    /// kB, MB or GB by powers of ten, as sessions are sold. Rounded down.
    pub fn data(self, bytes: u64) -> String {
        self.sized(bytes, false)
    }

    /// As [`Words::data`], without decimals that are zero: for amounts that were sold.
    pub fn round_data(self, bytes: u64) -> String {
        self.sized(bytes, true)
    }

    fn sized(self, bytes: u64, round: bool) -> String {
        let (number, unit) = match bytes {
            GB.. => (format!("{}.{:02}", bytes / GB, bytes % GB / (GB / 100)), "gigabytes"),
            MB.. => (format!("{}.{}", bytes / MB, bytes % MB / (MB / 10)), "megabytes"),
            KB.. => ((bytes / KB).to_string(), "kilobytes"),
            0 => ("0".to_owned(), "megabytes"),
            _ => return self.get("under-a-kilobyte").into_owned(),
        };
        let number = match number.contains('.') && round {
            true => number.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => number,
        };
        self.one(unit, "number", self.0.digits(&number)).into_owned()
    }

    /// What is bought or given: "1 h 10 min or 500 MB".
    pub fn amount(self, amount: Amount) -> String {
        let time = (amount.time_ms > 0).then(|| self.short_time(amount.time_ms));
        let data = (amount.data_bytes > 0).then(|| self.whole_data(amount.data_bytes));
        match (time, data) {
            (Some(time), Some(data)) => {
                self.with("or", [("first", time.into()), ("second", data.into())]).into_owned()
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => String::new(),
        }
    }

    fn short_time(self, millis: u64) -> String {
        let units = [
            (millis / DAY, "short-days"),
            (millis % DAY / HOUR, "short-hours"),
            (millis % HOUR / MINUTE, "short-minutes"),
            (millis % MINUTE / SECOND, "short-seconds"),
        ];
        let units = units.into_iter().filter(|(count, _)| *count > 0);
        units.map(|(count, unit)| self.one(unit, "count", count)).collect::<Vec<_>>().join(" ")
    }

    /// To the thousandth: what somebody pays for.
    fn whole_data(self, bytes: u64) -> String {
        let (unit, name) = if bytes >= GB { (GB, "gigabytes") } else { (MB, "megabytes") };
        let number = format!("{}.{:03}", bytes / unit, bytes % unit / (unit / 1_000));
        let number = number.trim_end_matches('0').trim_end_matches('.');
        self.one(name, "number", self.0.digits(number)).into_owned()
    }

    /// A session's speeds; empty if nothing limits them.
    pub fn speed(self, rates: ClientRates) -> Cow<'static, str> {
        let mbps = |rate: Mbps| self.one("mbps", "number", self.0.digits(&rate.as_mbps().to_string()));
        match (rates.down, rates.up) {
            (None, None) => Cow::Borrowed(""),
            (Some(down), None) => self.one("speed-down", "down", mbps(down)),
            (None, Some(up)) => self.one("speed-up", "up", mbps(up)),
            (Some(down), Some(up)) if down == up => self.one("speed", "speed", mbps(down)),
            (Some(down), Some(up)) => {
                self.with("speed-both", [("down", mbps(down).into()), ("up", mbps(up).into())])
            }
        }
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
