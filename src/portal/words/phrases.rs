use std::borrow::Cow;

use fluent_bundle::FluentValue;

use super::{Language, Words};
use crate::domain::{Part, Text, When};

/// Begins and ends what has a direction of its own (Unicode UAX 9, 2.4).
const ISOLATE: char = '\u{2068}';
const END_OF_ISOLATE: char = '\u{2069}';

impl Words {
    /// A text: in the guest's language if it is ours, as it is if not.
    pub fn text(self, text: &Text) -> Cow<'_, str> {
        match text.said() {
            // It has its English at hand.
            Some(_) if self.0 == Language::English => Cow::Borrowed(text.as_str()),
            Some(said) => {
                self.with(said.phrase.id(), said.parts.iter().map(|(name, part)| (*name, self.part(part))))
            }
            None => Cow::Borrowed(text.as_str()),
        }
    }

    fn part<'p>(self, part: &'p Part) -> FluentValue<'p> {
        match part {
            Part::Text(text) if text.said().is_some() => self.text(text).into_owned().into(),
            Part::Text(text) => self.apart(text.as_str()).into(),
            Part::Money(amount) => self.apart(&self.0.digits(amount)).into(),
            Part::Count(count) => (*count).into(),
            Part::Seconds(secs) => self.one("seconds", "count", *secs).into(),
            Part::Grant(amount) => self.amount(*amount).into(),
            Part::Prices(rows) => {
                let row = |(price, amount): &(String, _)| {
                    format!("{}: {}", self.apart(&self.0.digits(price)), self.amount(*amount))
                };
                rows.iter().map(row).collect::<Vec<_>>().join(" · ").into()
            }
            Part::When(when) => self.when(*when).into(),
        }
    }

    /// A moment ahead: "on Saturday at 09:00".
    pub fn when(self, when: When) -> Cow<'static, str> {
        let clock =
            |hour: u8, minute: u8| FluentValue::from(self.0.digits(&format!("{hour:02}:{minute:02}")));
        match when {
            When::Later => self.get("when-later"),
            When::Today(hour, minute) => self.with("when-today", [("time", clock(hour, minute))]),
            When::Tomorrow(hour, minute) => self.with("when-tomorrow", [("time", clock(hour, minute))]),
            When::Weekday { day, at: (hour, minute) } => {
                let day = self.get(match day {
                    0 => "weekday-1",
                    1 => "weekday-2",
                    2 => "weekday-3",
                    3 => "weekday-4",
                    4 => "weekday-5",
                    5 => "weekday-6",
                    _ => "weekday-7",
                });
                self.with("when-weekday", [("day", day.into()), ("time", clock(hour, minute))])
            }
            When::On { month, day, at: (hour, minute) } => {
                let month = self.get(match month {
                    1 => "month-1",
                    2 => "month-2",
                    3 => "month-3",
                    4 => "month-4",
                    5 => "month-5",
                    6 => "month-6",
                    7 => "month-7",
                    8 => "month-8",
                    9 => "month-9",
                    10 => "month-10",
                    11 => "month-11",
                    _ => "month-12",
                });
                let parts = [("day", day.into()), ("month", month.into()), ("time", clock(hour, minute))];
                self.with("when-on", parts)
            }
        }
    }

    /// A foreign text within a sentence: its direction is its own, and must not disturb what stands around it.
    fn apart(self, text: &str) -> String {
        let is_right_to_left = |letter| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
        if self.0.dir() == "rtl" || text.contains(is_right_to_left) {
            let text = text.replace([ISOLATE, END_OF_ISOLATE], "");
            format!("{ISOLATE}{text}{END_OF_ISOLATE}")
        } else {
            text.to_owned()
        }
    }
}
