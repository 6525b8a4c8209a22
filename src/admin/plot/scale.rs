use chrono::{Datelike, Timelike};

use crate::domain::samples::Span;
use crate::domain::{LocalTime, WallTime};

/// What a plot's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things that are counted.
    Count,
    /// Bits in a second.
    BitsPerSec,
    /// Bytes.
    Bytes,
    /// Parts of a hundred.
    Percent,
    /// Whole units of the site's currency.
    Money,
}

impl Unit {
    /// What the axis counts in, and how much of the values that is.
    fn scale(self, top: f64) -> (&'static str, f64) {
        const BITS: [(&str, f64); 3] = [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)];
        const BYTES: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
        let fitting = |units: [(&'static str, f64); 3]| {
            let [_, _, least] = units;
            units.into_iter().find(|(_, size)| top >= *size).unwrap_or(least)
        };
        match self {
            Self::Count | Self::Money => ("", 1.0),
            Self::Percent => ("%", 1.0),
            Self::BitsPerSec => fitting(BITS),
            Self::Bytes => fitting(BYTES),
        }
    }

    /// A value for people.
    pub(crate) fn shown(self, value: f64) -> String {
        let (unit, size) = self.scale(value);
        let value = value / size;
        let number = match self {
            Self::Count | Self::Money => decimals(value, 1),
            Self::Percent | Self::BitsPerSec | Self::Bytes if value < 10.0 => decimals(value, 1),
            Self::Percent | Self::BitsPerSec | Self::Bytes => format!("{value:.0}"),
        };
        if unit.is_empty() { number } else { format!("{number} {unit}") }
    }
}

/// With so many decimals at most.
fn decimals(value: f64, most: usize) -> String {
    let text = format!("{value:.most$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick<T> {
    /// Where.
    pub(crate) at: T,
    /// What stands there.
    pub(crate) label: String,
}

/// An axis of values: from where to where, what its marks are, and what they count in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) bottom: f64,
    pub(super) top: f64,
    pub(super) ticks: Vec<Tick<f64>>,
    pub(super) unit: &'static str,
}

/// Marks at round values, so that all between the least and the most fits. Zero is always there.
pub(super) fn axis(unit: Unit, least: f64, most: f64) -> Axis {
    let floor = match unit {
        Unit::Count | Unit::Money => 1.0,
        Unit::Percent => 10.0,
        Unit::BitsPerSec | Unit::Bytes => 1e3,
    };
    let most = if most.is_finite() { most.max(0.0) } else { 0.0 };
    let least = if least.is_finite() { least.min(0.0) } else { 0.0 };
    // Nothing but zero has an axis of some height too.
    let most = if least < 0.0 { most } else { most.max(floor) };
    let reach = (most - least).max(floor);
    let (name, size) = unit.scale(reach);
    let raw = reach / size / 4.0;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let is_whole = unit == Unit::Count;
    let mut step = [1.0, 2.0, 5.0, 10.0]
        .map(|round| round * magnitude)
        .into_iter()
        .find(|step| *step >= raw * 0.999)
        .unwrap_or(raw);
    if is_whole {
        step = step.max(1.0);
    }
    let step = step * size;
    let steps = |value: f64| ((value / step) - 1e-6).ceil().max(0.0);
    let (above, below) = (steps(most), steps(-least));
    let places = if step / size < 1.0 { 2 } else { 0 };
    let mut ticks = Vec::new();
    let mut place = -below;
    // Four or five of them; the bound is for numbers that are none.
    while place <= above && ticks.len() < 12 {
        let at = place * step;
        ticks.push(Tick { at, label: decimals(at / size, places) });
        place += 1.0;
    }
    Axis { bottom: -below * step, top: above * step, ticks, unit: name }
}

/// Local time is looked at so often: clocks anywhere differ by quarters of an hour.
const QUARTER_MS: i64 = 900_000;

/// Marks on the axis of time, at round times of the place.
pub(crate) fn time_ticks(
    span: Span,
    from: WallTime,
    to: WallTime,
    place: &dyn LocalTime,
) -> Vec<Tick<WallTime>> {
    let mut ticks = Vec::new();
    let mut at = from.0.saturating_sub(from.0.rem_euclid(QUARTER_MS)).saturating_add(QUARTER_MS);
    while at < to.0 && ticks.len() < 40 {
        let local = place.local(WallTime(at));
        let begins_day = local.hour() == 0 && local.minute() == 0;
        let label = match span {
            Span::Hour => Some(local.format("%H:%M")),
            Span::Day => {
                (local.minute() == 0 && local.hour().is_multiple_of(6)).then(|| local.format("%H:%M"))
            }
            Span::Week => begins_day.then(|| local.format("%a")),
            Span::Month => {
                (begins_day && [1, 8, 15, 22].contains(&local.day())).then(|| local.format("%-d %b"))
            }
        };
        if let Some(label) = label {
            ticks.push(Tick { at: WallTime(at), label: label.to_string() });
        }
        at = at.saturating_add(QUARTER_MS);
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Utc;

    fn labels(unit: Unit, least: f64, most: f64) -> (Vec<String>, &'static str) {
        let axis = axis(unit, least, most);
        assert!(axis.bottom <= least.min(0.0) && axis.top >= most, "{axis:?}");
        (axis.ticks.into_iter().map(|tick| tick.label).collect(), axis.unit)
    }

    #[test]
    fn marks_are_round_and_take_in_everything() {
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(labels(Unit::Count, 0.0, 0.0), (of(&["0", "1"]), ""));
        assert_eq!(labels(Unit::Count, 0.0, 3.0), (of(&["0", "1", "2", "3"]), ""));
        assert_eq!(labels(Unit::Count, 0.0, 9_876.0), (of(&["0", "5000", "10000"]), ""));
        assert_eq!(labels(Unit::BitsPerSec, 0.0, 7.3e6), (of(&["0", "2", "4", "6", "8"]), "Mbit/s"));
        assert_eq!(labels(Unit::BitsPerSec, 0.0, 0.0), (of(&["0", "0.5", "1"]), "kbit/s"));
        assert_eq!(labels(Unit::Percent, 0.0, 3.0), (of(&["0", "5", "10"]), "%"));
        assert_eq!(labels(Unit::Percent, 0.0, 100.0), (of(&["0", "50", "100"]), "%"));
        assert_eq!(labels(Unit::Bytes, 0.0, 5e9), (of(&["0", "2", "4", "6"]), "GB"));
        assert_eq!(labels(Unit::Money, -3.0, 8.0), (of(&["-5", "0", "5", "10"]), ""));
        for most in [f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            assert!(axis(Unit::Count, 0.0, most).ticks.len() <= 12, "{most}");
        }
    }

    #[test]
    fn values_are_said_in_fitting_units() {
        for (unit, value, shown) in [
            (Unit::BitsPerSec, 0.0, "0 kbit/s"),
            (Unit::BitsPerSec, 1_234_000.0, "1.2 Mbit/s"),
            (Unit::BitsPerSec, 99e9, "99 Gbit/s"),
            (Unit::Bytes, 2_000.0, "2 kB"),
            (Unit::Percent, 33.3, "33 %"),
            (Unit::Count, 2.5, "2.5"),
            (Unit::Money, -0.01, "0"),
        ] {
            assert_eq!(unit.shown(value), shown);
        }
    }

    #[test]
    fn marks_of_time_stand_at_round_times_of_the_place() {
        #[derive(Debug)]
        struct India;
        impl LocalTime for India {
            fn local(&self, at: WallTime) -> chrono::NaiveDateTime {
                Utc.local(at.plus_millis(19_800_000))
            }
        }
        // 2026-06-03 12:00 UTC, a Wednesday.
        let to = WallTime(1_780_488_000_000);
        let said = |span: Span, place: &dyn LocalTime| {
            let ticks = time_ticks(span, to.plus_millis(-span.millis()), to, place);
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(said(Span::Hour, &Utc), "11:15 11:30 11:45");
        assert_eq!(said(Span::Day, &Utc), "18:00 00:00 06:00");
        assert_eq!(said(Span::Day, &India), "18:00 00:00 06:00 12:00");
        assert_eq!(said(Span::Week, &Utc), "Thu Fri Sat Sun Mon Tue Wed");
        assert_eq!(said(Span::Month, &India), "8 May 15 May 22 May 1 Jun");
    }
}
