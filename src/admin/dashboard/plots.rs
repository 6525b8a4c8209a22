use chrono::{Days, NaiveDate, NaiveTime};

use super::within;
use crate::admin::plot::{Bars, Line, Lines, Plot, Tick, Unit, time_ticks};
use crate::admin::shown;
use crate::domain::samples::{Figures, Sample, Span, Tier, grouped};
use crate::domain::{LocalTime, WallTime};

/// How time is cut on this page, made once for all plots of it.
#[derive(Debug)]
pub(super) struct Slots {
    span: Span,
    now: WallTime,
    /// Where the groups of bars and the rows of tables begin, and where the last one ends.
    groups: Vec<WallTime>,
    group_names: Vec<String>,
    days: Vec<NaiveDate>,
    day_edges: Vec<WallTime>,
    ticks: Vec<Tick<WallTime>>,
}

impl Slots {
    pub(super) fn new(span: Span, now: WallTime, place: &dyn LocalTime) -> Self {
        let today = place.local(now).date();
        let count: u64 = if span == Span::Month { 31 } else { 7 };
        let day = |back: u64| today.checked_sub_days(Days::new(back)).unwrap_or(today);
        let days: Vec<NaiveDate> = (0..count).rev().map(day).collect();
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        let midnight = |day: &NaiveDate| place.moment(day.and_time(NaiveTime::MIN));
        let day_edges: Vec<WallTime> = days.iter().chain([&tomorrow]).map(midnight).collect();
        let even = |step_ms: i64, count: i64| {
            let end = now.0.saturating_sub(now.0.rem_euclid(step_ms)).saturating_add(step_ms);
            (0..=count).map(|number| WallTime(end - (count - number) * step_ms)).collect::<Vec<_>>()
        };
        let groups = match span {
            Span::Hour => even(300_000, 12),
            Span::Day => even(3_600_000, 24),
            // What the figures count begins within a day: that part of it is a group of its own.
            Span::Week | Span::Month => {
                let first = span.tier().slot(now.plus_millis(-span.millis()));
                let is_before = |edge: &&WallTime| **edge > first;
                let part = day_edges.first().filter(is_before).map(|_| first);
                part.into_iter().chain(day_edges.iter().copied()).collect()
            }
        };
        let name = |at: &WallTime| {
            let local = place.local(*at);
            match span {
                Span::Hour | Span::Day => local.format("%H:%M").to_string(),
                Span::Week | Span::Month if !day_edges.contains(at) => {
                    local.format("%a %-d %b, from %H:%M").to_string()
                }
                Span::Week | Span::Month => local.format("%a %-d %b").to_string(),
            }
        };
        let group_names = groups.iter().take(groups.len().saturating_sub(1)).map(name).collect();
        let ticks = time_ticks(span, now.plus_millis(-span.millis()), now, place);
        Self { span, now, groups, group_names, days, day_edges, ticks }
    }

    /// What the span is called.
    pub(super) const fn within(&self) -> &'static str {
        within(self.span)
    }

    /// The days of the place that money is shown for, today the last.
    pub(super) fn days(&self) -> &[NaiveDate] {
        &self.days
    }

    /// When the first of them began, and when the last is over.
    pub(super) fn days_bounds(&self) -> (WallTime, WallTime) {
        let first = self.day_edges.first().copied().unwrap_or(self.now);
        (first, self.day_edges.last().copied().unwrap_or(self.now))
    }

    /// What they are called.
    pub(super) fn day_names(&self) -> Vec<String> {
        self.days.iter().map(|day| day.format("%a %-d %b").to_string()).collect()
    }

    /// Marks below them.
    pub(super) fn day_ticks(&self) -> Vec<Tick<usize>> {
        let every = if self.days.len() > 7 { 7 } else { 1 };
        let format = if every == 1 { "%a" } else { "%-d %b" };
        let last = self.days.len().saturating_sub(1);
        let is_marked = |place: &usize| (last - place).is_multiple_of(every);
        let tick = |(at, day): (usize, &NaiveDate)| Tick { at, label: day.format(format).to_string() };
        self.days.iter().enumerate().filter(|(place, _)| is_marked(place)).map(tick).collect()
    }

    fn group_ticks(&self) -> Vec<Tick<usize>> {
        match self.span {
            Span::Week | Span::Month => {
                let part = self.groups.len().saturating_sub(self.day_edges.len());
                self.day_ticks().into_iter().map(|tick| Tick { at: tick.at + part, ..tick }).collect()
            }
            Span::Hour | Span::Day => {
                let every = if self.span == Span::Hour { 3 } else { 6 };
                let marked =
                    self.group_names.iter().enumerate().filter(|(place, _)| place.is_multiple_of(every));
                marked.map(|(at, name)| Tick { at, label: name.clone() }).collect()
            }
        }
    }

    /// Where the slots of lines begin: so many that a line is smooth, and so few that the page is small.
    fn fine(&self, samples: &[Sample]) -> Vec<WallTime> {
        let step_ms = match self.span {
            // What is known by minutes only would leave every other slot empty.
            Span::Hour if samples.iter().any(|sample| sample.tier != Tier::TenSeconds) => 60_000,
            Span::Hour => 20_000,
            Span::Day => 600_000,
            Span::Week => 3_600_000,
            Span::Month => 4 * 3_600_000,
        };
        let end = self.now.0.saturating_sub(self.now.0.rem_euclid(step_ms)).saturating_add(step_ms);
        let count = self.span.millis() / step_ms;
        (0..=count).map(|number| WallTime(end - (count - number) * step_ms)).collect()
    }
}

/// A value of a slot; `None` where there is none.
type Value = fn(&Figures) -> Option<f64>;

/// What a plot of lines shows.
struct Shape {
    id: &'static str,
    title: &'static str,
    unit: Unit,
    /// Each line with its name.
    lines: [(&'static str, Value); 2],
}

/// Bytes, of KiB.
#[expect(clippy::cast_precision_loss, reason = "for a plot")]
fn of_kib(kib: u64) -> Option<f64> {
    (kib > 0).then_some(kib as f64 * 1024.0)
}

#[expect(clippy::cast_precision_loss, reason = "for a plot")]
const fn number(count: u64) -> f64 {
    count as f64
}

/// The plots of what was sampled; one zone has fewer.
pub(super) fn of_samples(samples: &[Sample], slots: &Slots, is_whole: bool) -> Vec<Plot> {
    let mut edges = slots.fine(samples);
    let mut fine = grouped(samples, &edges);
    // The slot that has just begun may have nothing in it yet: that is no gap.
    if fine.last().is_some_and(Option::is_none) {
        edges.pop();
        fine.pop();
    }
    let coarse = grouped(samples, &slots.groups);
    let throughput = Shape {
        id: "throughput",
        title: "Throughput",
        unit: Unit::BitsPerSec,
        lines: [("Down", Figures::down_bps), ("Up", Figures::up_bps)],
    };
    let online = Shape {
        id: "online",
        title: "Clients online",
        unit: Unit::Count,
        lines: [
            ("On average", Figures::clients),
            ("Most at once", |figures| Some(number(figures.clients_most))),
        ],
    };
    let mut plots = vec![
        lines(&throughput, slots, &edges, &fine, &coarse),
        lines(&online, slots, &edges, &fine, &coarse),
    ];
    if is_whole {
        plots.push(sessions(slots, &coarse));
        let processor = Shape {
            id: "processor",
            title: "Processor",
            unit: Unit::Percent,
            lines: [
                ("The box", Figures::box_cpu_percent),
                ("Turnpike, of one core", Figures::own_cpu_percent),
            ],
        };
        let memory = Shape {
            id: "memory",
            title: "Memory in use",
            unit: Unit::Bytes,
            lines: [
                ("The box", |figures| of_kib(figures.box_memory_kb)),
                ("Turnpike", |figures| of_kib(figures.own_memory_kb)),
            ],
        };
        plots.push(lines(&processor, slots, &edges, &fine, &coarse));
        plots.push(lines(&memory, slots, &edges, &fine, &coarse));
    }
    plots
}

fn lines(
    shape: &Shape,
    slots: &Slots,
    edges: &[WallTime],
    fine: &[Option<Figures>],
    coarse: &[Option<Figures>],
) -> Plot {
    let drawn: Vec<Line> = shape
        .lines
        .iter()
        .map(|(_, value)| Line {
            values: fine.iter().map(|figures| figures.as_ref().and_then(value)).collect(),
        })
        .collect();
    let about = about(shape, fine, slots);
    let plot = Lines {
        id: shape.id,
        title: shape.title,
        about: &about,
        unit: shape.unit,
        edges,
        lines: &drawn,
        ticks: &slots.ticks,
    };
    let (svg, has_gaps) = (plot.svg(), !plot.gaps().is_empty());
    let said = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| shape.unit.shown(value));
    let row = |(name, figures): (&String, &Option<Figures>)| {
        let mut row = vec![name.clone()];
        row.extend(shape.lines.iter().map(|(_, value)| said(figures.as_ref().and_then(value))));
        row
    };
    let legend: Vec<String> = shape.lines.iter().map(|(name, _)| (*name).to_owned()).collect();
    Plot {
        id: shape.id,
        title: shape.title.to_owned(),
        svg,
        is_bars: false,
        has_gaps,
        head: std::iter::once("From".to_owned()).chain(legend.iter().cloned()).collect(),
        legend,
        rows: slots.group_names.iter().zip(coarse).map(row).collect(),
        about,
    }
}

/// What a plot says, in a sentence.
fn about(shape: &Shape, fine: &[Option<Figures>], slots: &Slots) -> String {
    let mut parts = Vec::new();
    for (name, value) in &shape.lines {
        let values: Vec<f64> = fine.iter().filter_map(|figures| figures.as_ref().and_then(value)).collect();
        let most = values
            .iter()
            .copied()
            .fold(None, |most: Option<f64>, value| Some(most.map_or(value, |most| most.max(value))));
        if let (Some(last), Some(most)) = (values.last(), most) {
            parts.push(format!(
                "{name}: {} last, {} at most",
                shape.unit.shown(*last),
                shape.unit.shown(most)
            ));
        }
    }
    if parts.is_empty() {
        return format!("Nothing was measured {}.", slots.within());
    }
    format!("{}; {}.", parts.join("; "), slots.within())
}

fn sessions(slots: &Slots, coarse: &[Option<Figures>]) -> Plot {
    let of = |count: fn(&Figures) -> u64| -> Vec<f64> {
        coarse.iter().map(|figures| figures.as_ref().map_or(0.0, |figures| number(count(figures)))).collect()
    };
    let series = [of(|figures| figures.started), of(|figures| figures.ended)];
    let all = coarse.iter().flatten().fold(Figures::default(), |sum, figures| sum.plus(figures));
    let about = format!("{} started and {} ended {}.", all.started, all.ended, slots.within());
    let bars = Bars {
        id: "sessions",
        title: "Sessions started and ended",
        about: &about,
        unit: Unit::Count,
        series: &series,
        slots: coarse.len(),
        stacked: false,
        ticks: &slots.group_ticks(),
    };
    let svg = bars.svg();
    let row = |(name, figures): (&String, &Option<Figures>)| {
        let said = |count: Option<String>| count.unwrap_or_else(|| "–".to_owned());
        let of = |count: fn(&Figures) -> String| said(figures.as_ref().map(count));
        vec![
            name.clone(),
            of(|figures| figures.started.to_string()),
            of(|figures| figures.ended.to_string()),
            of(|figures| shown::duration(figures.online_ms)),
            of(|figures| shown::data(figures.down_bytes.saturating_add(figures.up_bytes))),
        ]
    };
    Plot {
        id: "sessions",
        title: "Sessions started and ended".to_owned(),
        svg,
        legend: vec!["Started".to_owned(), "Ended".to_owned()],
        is_bars: true,
        has_gaps: false,
        head: ["From", "Started", "Ended", "Time used", "Data used"].map(str::to_owned).into(),
        rows: slots.group_names.iter().zip(coarse).map(row).collect(),
        about,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::Utc;

    /// 2026-06-03 12:00:30 UTC.
    const NOW: WallTime = WallTime(1_780_488_030_000);

    fn sample(tier: Tier, back: i64) -> Sample {
        let whole = Figures {
            covered_ms: 10_000,
            online_ms: 30_000,
            started: 1,
            clients_most: 4,
            ..Figures::default()
        };
        Sample { at: tier.slot(NOW.plus_millis(-back)), tier, whole, zones: BTreeMap::new() }
    }

    #[test]
    fn groups_are_named_by_the_clocks_of_the_place() {
        let names = |span| {
            let slots = Slots::new(span, NOW, &Utc);
            assert_eq!(slots.groups.len(), slots.group_names.len() + 1);
            let ends =
                (slots.group_names.first().cloned().unwrap(), slots.group_names.last().cloned().unwrap());
            (slots.group_names.len(), ends.0, ends.1)
        };
        let of = |count, first: &str, last: &str| (count, first.to_owned(), last.to_owned());
        assert_eq!(names(Span::Hour), of(12, "11:05", "12:00"));
        assert_eq!(names(Span::Day), of(24, "13:00", "12:00"));
        assert_eq!(names(Span::Week), of(8, "Wed 27 May, from 12:00", "Wed 3 Jun"));
        assert_eq!(names(Span::Month), of(32, "Sun 3 May, from 12:00", "Wed 3 Jun"));
    }

    #[test]
    fn bars_and_figures_count_the_same_hours() {
        for span in [Span::Week, Span::Month] {
            let slots = Slots::new(span, NOW, &Utc);
            let hours = span.millis() / 3_600_000;
            let samples: Vec<Sample> =
                (0..=hours).map(|back| sample(span.tier(), back * 3_600_000)).collect();
            let in_bars: u64 =
                grouped(&samples, &slots.groups).iter().flatten().map(|figures| figures.started).sum();
            assert_eq!(in_bars, samples.len() as u64, "{span:?}");
            assert_eq!(slots.group_ticks().last().map(|tick| tick.at), Some(slots.group_names.len() - 1));
        }
    }

    #[test]
    fn nothing_measured_is_a_gap_and_said_so() {
        for (span, _) in Span::ALL {
            let slots = Slots::new(span, NOW, &Utc);
            let plots = of_samples(&[], &slots, true);
            assert_eq!(plots.len(), 5);
            for plot in plots {
                assert!(
                    plot.is_bars || plot.has_gaps && plot.about.starts_with("Nothing was measured"),
                    "{plot:?}"
                );
                assert!(plot.rows.iter().all(|row| row.len() == plot.head.len()));
            }
        }
        let slots = Slots::new(Span::Hour, NOW, &Utc);
        let samples = [sample(Tier::TenSeconds, 60_000), sample(Tier::TenSeconds, 20_000)];
        let plots = of_samples(&samples, &slots, false);
        let [throughput, online] = plots.as_slice() else { panic!("{}", plots.len()) };
        assert!(throughput.has_gaps);
        assert!(online.about.contains("On average: 3 last, 3 at most"), "{}", online.about);
    }

    #[test]
    fn a_page_of_plots_stays_small() {
        let slots = Slots::new(Span::Day, NOW, &Utc);
        let samples: Vec<Sample> = (0..1_440).map(|back| sample(Tier::Minute, back * 60_000)).collect();
        let plots = of_samples(&samples, &slots, true);
        let size: usize = plots.iter().map(|plot| plot.svg.len()).sum();
        assert!(size < 40_000, "{size}");
        assert_eq!(
            plots.iter().filter(|plot| plot.has_gaps).count(),
            1,
            "the box does not say what memory it has"
        );
    }
}
