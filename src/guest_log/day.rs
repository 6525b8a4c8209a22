use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate};

use crate::domain::WallTime;

const DAY_MS: i64 = 86_400_000;

/// A day of universal time. Days of a place's own time would be 23 or 25 hours long, and somebody's file would be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(NaiveDate);

impl Day {
    /// The day of a moment; the first or last that can be said for those beyond.
    pub(super) fn of(at: WallTime) -> Self {
        let known = DateTime::from_timestamp_millis(at.0).map(|at| at.date_naive());
        let beyond = if at.0 < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
        Self(known.unwrap_or(beyond))
    }

    /// Its first moment.
    pub(super) fn start(self) -> WallTime {
        let days = self.0.signed_duration_since(NaiveDate::default()).num_days();
        WallTime(days.saturating_mul(DAY_MS))
    }

    /// So many days earlier.
    pub(super) fn back(self, days: u32) -> Self {
        Self(self.0.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN))
    }

    /// The day after it.
    pub(super) fn next(self) -> Self {
        Self(self.0.succ_opt().unwrap_or(NaiveDate::MAX))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

impl FromStr for Day {
    type Err = ();

    /// Reads exactly what [`Day`] shows.
    fn from_str(text: &str) -> Result<Self, ()> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self).map_err(|_| ())?;
        if day.to_string() == text { Ok(day) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_universal_time() {
        let day: Day = "2026-06-01".parse().unwrap();
        assert_eq!(day.start(), WallTime(1_780_272_000_000));
        assert_eq!((Day::of(day.start()), Day::of(WallTime(day.start().0 - 1))), (day, day.back(1)));
        assert_eq!(day.back(1).to_string(), "2026-05-31");
        assert_eq!(day.back(1).next(), day);
        for wrong in ["2026-6-1", "2026-06-31", "2026-06-01.gz", "", "x", "+2026-06-01"] {
            assert_eq!(wrong.parse::<Day>(), Err(()), "{wrong}");
        }
    }
}
