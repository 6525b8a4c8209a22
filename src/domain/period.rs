use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDateTime, Timelike};

use super::WallTime;

/// How often an allowance comes anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Every {
    /// Each day.
    Day,
    /// Each week, from Monday.
    Week,
    /// Each month, from its first day.
    Month,
}

impl Every {
    /// The name in API, CLI, configuration and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month].into_iter().find(|every| every.as_str() == name)
    }
}

/// An allowance that comes anew: how often, and at which hour of the local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repeat {
    /// How often.
    pub every: Every,
    /// The hour at which the day begins, 0 to 23.
    pub at_hour: u8,
}

/// The time that one allowance is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// From then on.
    pub start: WallTime,
    /// Until then: the next one begins.
    pub end: WallTime,
}

/// The local time of a place: what its clocks on the wall show.
pub trait LocalTime: fmt::Debug + Send + Sync {
    /// What they show at a moment.
    fn local(&self, at: WallTime) -> NaiveDateTime;

    /// The first moment at which they show this time or a later one: an hour that is skipped in spring is over as it
    /// begins, one that comes twice in autumn is the first.
    fn moment(&self, local: NaiveDateTime) -> WallTime {
        // No place is further from universal time than this; clocks are put forward and back at a quarter of an hour.
        const FURTHEST_MS: i64 = 26 * 3_600_000;
        const STEP_MS: i64 = 900_000;
        let universal = local.and_utc().timestamp_millis();
        let shows = |at: i64| self.local(WallTime(at)) >= local;
        let mut after = universal.saturating_sub(FURTHEST_MS);
        let last = universal.saturating_add(FURTHEST_MS);
        while after < last && !shows(after) {
            after = after.saturating_add(STEP_MS);
        }
        let mut before = after.saturating_sub(STEP_MS);
        while after.saturating_sub(before) > 1 {
            let middle = before + (after - before) / 2;
            if shows(middle) { after = middle } else { before = middle }
        }
        WallTime(after)
    }
}

/// A place where the clocks show universal time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Utc;

impl LocalTime for Utc {
    fn local(&self, at: WallTime) -> NaiveDateTime {
        chrono::DateTime::from_timestamp_millis(at.0).unwrap_or_default().naive_utc()
    }

    fn moment(&self, local: NaiveDateTime) -> WallTime {
        WallTime(local.and_utc().timestamp_millis())
    }
}

impl Repeat {
    /// The period that a moment is in.
    pub fn period(self, at: WallTime, place: &dyn LocalTime) -> Period {
        let local = place.local(at);
        let mut day = local.date();
        if local.hour() < u32::from(self.at_hour) {
            day = day.pred_opt().unwrap_or(day);
        }
        let first = match self.every {
            Every::Day => Some(day),
            Every::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Every::Month => day.with_day(1),
        }
        .unwrap_or(day);
        let next = match self.every {
            Every::Day => first.checked_add_days(Days::new(1)),
            Every::Week => first.checked_add_days(Days::new(7)),
            Every::Month => first.checked_add_months(Months::new(1)),
        }
        .unwrap_or(first);
        let moment = |day: chrono::NaiveDate| {
            place.moment(day.and_hms_opt(u32::from(self.at_hour.min(23)), 0, 0).unwrap_or(local))
        };
        Period { start: moment(first), end: moment(next) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::domain) fn at(text: &str) -> WallTime {
        WallTime(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    #[test]
    fn a_period_begins_at_its_hour() {
        for (every, at_hour, now, start, end) in [
            (Every::Day, 0, "2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
            (Every::Day, 4, "2026-11-21T03:59:59Z", "2026-11-20T04:00:00Z", "2026-11-21T04:00:00Z"),
            (Every::Week, 0, "2026-11-21T12:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
            (Every::Week, 6, "2026-11-16T05:00:00Z", "2026-11-09T06:00:00Z", "2026-11-16T06:00:00Z"),
            (Every::Month, 0, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Every::Month, 3, "2026-03-01T02:00:00Z", "2026-02-01T03:00:00Z", "2026-03-01T03:00:00Z"),
        ] {
            let period = Repeat { every, at_hour }.period(at(now), &Utc);
            assert_eq!(period, Period { start: at(start), end: at(end) }, "{every:?} {now}");
        }
    }

    /// Two hours ahead of universal time in summer, one in winter, as in much of Europe in 2026.
    #[derive(Debug)]
    pub(in crate::domain) struct Summer;

    impl LocalTime for Summer {
        fn local(&self, moment: WallTime) -> NaiveDateTime {
            let is_summer = (at("2026-03-29T01:00:00Z")..at("2026-10-25T01:00:00Z")).contains(&moment);
            Utc.local(moment.plus_millis(if is_summer { 7_200_000 } else { 3_600_000 }))
        }
    }

    #[test]
    fn days_are_23_and_25_hours_long_when_clocks_are_changed() {
        let day = |at_hour| Repeat { every: Every::Day, at_hour };
        for (at_hour, now, start, end) in [
            (0, "2026-06-01T12:00:00Z", "2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z"),
            (0, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (0, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // The hour from 2 to 3 is left out in March, and comes twice in October.
            (2, "2026-03-29T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"),
            (2, "2026-10-25T12:00:00Z", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"),
        ] {
            let period = day(at_hour).period(at(now), &Summer);
            assert_eq!(period, Period { start: at(start), end: at(end) }, "{at_hour} {now}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_moment_is_in_its_period_and_in_no_other(
            moment in 1_767_225_600_000_i64..1_830_000_000_000, at_hour in 0_u8..24, which in 0_usize..3,
        ) {
            let every = [Every::Day, Every::Week, Every::Month][which];
            let repeat = Repeat { every, at_hour };
            let period = repeat.period(WallTime(moment), &Summer);
            proptest::prop_assert!(period.start < period.end);
            // In the hour that comes twice the clock on the wall is back before the period began.
            let twice = (at("2026-10-25T00:00:00Z").0..at("2026-10-25T02:00:00Z").0).contains(&moment);
            proptest::prop_assert!(twice || period.start.0 <= moment && moment < period.end.0);
            proptest::prop_assert_eq!(repeat.period(period.start, &Summer), period);
        }
    }
}
