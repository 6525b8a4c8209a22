use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::{LocalTime, WallTime, When};

const DAY_MINUTES: u16 = 24 * 60;
const WEEK_MINUTES: u16 = 7 * DAY_MINUTES;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The hours of the week in which a zone lets guests in, by the clock on its wall; without a line: always.
///
/// A span of hours is the time between two moments of one day or of two: it begins when the clock first shows its begin or a
/// later time, and ends when it first shows its end or a later time. So an hour that is left out in spring is not open for
/// longer than it is there, and one that comes twice in autumn neither opens nor closes twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpeningHours {
    lines: Vec<String>,
    /// Apart from each other and in order; the last may go on into the next week. None: always open.
    spans: Vec<Span>,
}

/// From a minute of the week, which begins on Monday, up to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    from: u16,
    to: u16,
}

/// Whether it is open at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Whether it is.
    pub is_open: bool,
    /// When that changes next; `None`: never.
    pub until: Option<WallTime>,
}

/// One line of opening hours: `mon-fri 07:00-22:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningLine {
    text: String,
    spans: Vec<Span>,
}

impl OpeningLine {
    /// Reads a line: days and hours. An end that is not after its begin is on the next day.
    ///
    /// # Errors
    ///
    /// What would be right, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form =
            || "must be days and hours, as in \"mon-fri 07:00-22:00\" or \"sat,sun 09:00-24:00\"".to_owned();
        let lower = text.to_ascii_lowercase();
        let mut words = lower.split_ascii_whitespace();
        let (Some(days), Some(hours), None) = (words.next(), words.next(), words.next()) else {
            return Err(form());
        };
        let (from, to) = hours.split_once('-').ok_or_else(form)?;
        let (from, to) = (time(from)?, time(to)?);
        if from == DAY_MINUTES {
            return Err("cannot begin at 24:00: that is 00:00 of the next day".to_owned());
        }
        if from == to {
            return Err("must not begin and end at the same time; 00:00-24:00 is the whole day".to_owned());
        }
        let to = if to > from { to } else { to + DAY_MINUTES };
        let mut spans = Vec::new();
        for day in days.split(',').map(days_of).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            spans.push(Span { from: day * DAY_MINUTES + from, to: day * DAY_MINUTES + to });
        }
        Ok(Self { text: format!("{days} {hours}"), spans })
    }
}

/// `mon`, or all days of `fri-mon`.
fn days_of(text: &str) -> Result<Vec<u16>, String> {
    let day = |name: &str| {
        let found = (0_u16..).zip(DAYS).find(|(_, known)| *known == name);
        found.map(|(number, _)| number).ok_or_else(|| format!("days are {}, not {name:?}", DAYS.join(", ")))
    };
    match text.split_once('-') {
        None => Ok(vec![day(text)?]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            Ok((0..=(last + 7 - first) % 7).map(|after| (first + after) % 7).collect())
        }
    }
}

/// Minutes of the day.
fn time(text: &str) -> Result<u16, String> {
    let wrong = || format!("times are 00:00 to 24:00, not {text:?}");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str, least: usize| {
        let is_number =
            (least..=2).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_number).ok_or_else(wrong)
    };
    let (hour, minute) = (number(hour, 1)?, number(minute, 2)?);
    let minutes = hour * 60 + minute;
    if minute > 59 || minutes > DAY_MINUTES { Err(wrong()) } else { Ok(minutes) }
}

impl OpeningHours {
    /// The most lines that say them.
    pub const MOST_LINES: usize = 50;

    /// What these lines say together.
    pub fn new(lines: Vec<OpeningLine>) -> Self {
        let mut all: Vec<Span> = lines.iter().flat_map(|line| line.spans.iter().copied()).collect();
        all.sort_unstable();
        let mut spans: Vec<Span> = Vec::new();
        for span in all {
            match spans.last_mut() {
                Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
                _ => spans.push(span),
            }
        }
        // What goes on from Sunday into Monday takes in what is there.
        while let [first, .., last] = spans.as_mut_slice() {
            if last.to < first.from + WEEK_MINUTES {
                break;
            }
            last.to = last.to.max(first.to + WEEK_MINUTES);
            spans.remove(0);
        }
        if spans.iter().any(|span| span.to - span.from >= WEEK_MINUTES) {
            spans.clear();
        }
        Self { lines: lines.into_iter().map(|line| line.text).collect(), spans }
    }

    /// The lines that say them, as they are read.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether it never closes.
    pub const fn is_always(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether it is open at a moment, and until when.
    pub fn at(&self, at: WallTime, place: &dyn LocalTime) -> Opening {
        let shown = place.local(at);
        let mut open: Option<(WallTime, WallTime)> = None;
        for (from, to) in self.near(shown) {
            // Clocks are never put back by days: what is over by so much is over.
            if to + TimeDelta::days(2) < shown {
                continue;
            }
            let span = (place.moment(from), place.moment(to));
            match open.as_mut() {
                _ if span.1 <= at || span.0 >= span.1 => {}
                // Where an hour is left out two spans may touch.
                Some(open) if span.0 <= open.1 => open.1 = span.1,
                Some(_) => break,
                None => open = Some(span),
            }
        }
        match open {
            Some((from, to)) if from <= at => Opening { is_open: true, until: Some(to) },
            Some((from, _)) => Opening { is_open: false, until: Some(from) },
            None => Opening { is_open: self.is_always(), until: None },
        }
    }

    /// The spans of last week, this one and the next ones, as a clock on the wall shows them.
    fn near(&self, shown: NaiveDateTime) -> impl Iterator<Item = (NaiveDateTime, NaiveDateTime)> + '_ {
        let today = shown.date();
        let monday = today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday()) + 7));
        let weeks = (0_u64..4).filter_map(move |week| monday?.checked_add_days(Days::new(week * 7)));
        let minute = |monday: NaiveDate, minute: u16| {
            monday.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minute))
        };
        weeks.flat_map(move |monday| {
            self.spans.iter().map(move |span| (minute(monday, span.from), minute(monday, span.to)))
        })
    }
}

impl When {
    /// A moment ahead, as people say it who stand in front of a closed door: today, tomorrow, on Saturday.
    pub fn ahead(at: WallTime, now: WallTime, place: &dyn LocalTime) -> Self {
        let (local, now) = (place.local(at), place.local(now));
        let small = |number: u32| u8::try_from(number).unwrap_or_default();
        let clock = (small(local.hour()), small(local.minute()));
        match (local.date() - now.date()).num_days() {
            0 => Self::Today(clock.0, clock.1),
            1 => Self::Tomorrow(clock.0, clock.1),
            2..=6 => Self::Weekday { day: small(local.weekday().num_days_from_monday()), at: clock },
            _ => Self::On { month: small(local.month()), day: small(local.day()), at: clock },
        }
    }
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
