use std::fmt::Write;

use super::escaped;
use super::scale::{Axis, Tick, Unit, axis};
use crate::domain::WallTime;

/// The size of a drawing, in its own units; it is stretched to the width that there is.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 200.0;
/// What is left free for the marks' texts.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 24.0;

/// A series of values over time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Its values, one for each slot; `None` where nothing was measured.
    pub(crate) values: Vec<Option<f64>>,
}

/// A plot of lines over slots of one length.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    /// Names its elements on the page.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// What it says.
    pub(crate) about: &'a str,
    /// What its values are.
    pub(crate) unit: Unit,
    /// Where slots begin, and where the last one ends.
    pub(crate) edges: &'a [WallTime],
    /// The series.
    pub(crate) lines: &'a [Line],
    /// Marks on the axis of time.
    pub(crate) ticks: &'a [Tick<WallTime>],
}

/// A plot of one line through points in time.
#[derive(Debug, Clone)]
pub(crate) struct Curve<'a> {
    /// Names its elements on the page.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// What it says.
    pub(crate) about: &'a str,
    /// What its values are.
    pub(crate) unit: Unit,
    /// In their order.
    pub(crate) points: &'a [(WallTime, f64)],
    /// What stands below its first and its last point.
    pub(crate) ends: [&'a str; 2],
}

/// A plot of bars, one group for each slot.
#[derive(Debug, Clone)]
pub(crate) struct Bars<'a> {
    /// Names its elements on the page.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// What it says.
    pub(crate) about: &'a str,
    /// What its values are.
    pub(crate) unit: Unit,
    /// Its series, each with one value for each slot.
    pub(crate) series: &'a [Vec<f64>],
    /// How many slots.
    pub(crate) slots: usize,
    /// On top of each other, or beside each other.
    pub(crate) stacked: bool,
    /// What stands below slots, by their numbers.
    pub(crate) ticks: &'a [Tick<usize>],
}

impl Lines<'_> {
    pub(crate) fn svg(&self) -> String {
        let values = || self.lines.iter().flat_map(|line| line.values.iter().flatten().copied());
        let axis = axis(self.unit, values().fold(0.0, f64::min), values().fold(0.0, f64::max));
        let mut svg = head(self.id, self.title, self.about);
        let first = self.edges.first().map_or(0, |edge| edge.0);
        let last = self.edges.last().map_or(1, |edge| edge.0).max(first + 1);
        let x = |at: WallTime| along(at.0.saturating_sub(first), last.saturating_sub(first));
        grid(&mut svg, &axis);
        for tick in self.ticks.iter().filter(|tick| tick.at.0 >= first && tick.at.0 <= last) {
            below(&mut svg, x(tick.at), &tick.label, true);
        }
        for (from, to) in self.gaps() {
            let (from, to) = (x(from), x(to));
            let (width, height) = (to - from, HEIGHT - TOP - BOTTOM);
            // Writing to a String cannot fail.
            let _ = write!(
                svg,
                "<rect class=\"gap\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\" \
                 fill=\"url(#{}-gap)\"/>",
                self.id
            );
        }
        for (number, line) in (1..).zip(self.lines) {
            let path = path(&line.values, self.edges, &x, &axis);
            let _ = write!(svg, "<path class=\"line s{number}\" d=\"{path}\"/>");
        }
        svg.push_str("</svg>");
        svg
    }

    /// The slots in which no line has a value, those that follow each other as one.
    pub(crate) fn gaps(&self) -> Vec<(WallTime, WallTime)> {
        let mut gaps: Vec<(WallTime, WallTime)> = Vec::new();
        for (number, pair) in self.edges.windows(2).enumerate() {
            let [from, to] = pair else { continue };
            if self.lines.iter().any(|line| matches!(line.values.get(number), Some(Some(_)))) {
                continue;
            }
            match gaps.last_mut().filter(|gap| gap.1 == *from) {
                Some(gap) => gap.1 = *to,
                None => gaps.push((*from, *to)),
            }
        }
        gaps
    }
}

impl Curve<'_> {
    pub(crate) fn svg(&self) -> String {
        let axis = axis(self.unit, 0.0, self.points.iter().map(|(_, value)| *value).fold(0.0, f64::max));
        let mut svg = head(self.id, self.title, self.about);
        grid(&mut svg, &axis);
        let first = self.points.first().map_or(0, |(at, _)| at.0);
        let last = self.points.last().map_or(1, |(at, _)| at.0).max(first.saturating_add(1));
        for (label, at) in self.ends.into_iter().zip([first, last]) {
            below(&mut svg, along(at.saturating_sub(first), last.saturating_sub(first)), label, true);
        }
        let mut path = String::new();
        for (at, value) in self.points {
            let step = if path.is_empty() { 'M' } else { 'L' };
            let x = along(at.0.saturating_sub(first), last.saturating_sub(first));
            // Writing to a String cannot fail.
            let _ = write!(path, "{step}{x:.1} {:.1}", up(*value, &axis));
        }
        let _ = write!(svg, "<path class=\"line s1\" d=\"{path}\"/></svg>");
        svg
    }
}

impl Bars<'_> {
    pub(crate) fn svg(&self) -> String {
        let slots = 0..self.slots;
        let values = |slot: usize| self.series.iter().filter_map(move |values| values.get(slot).copied());
        let ends: Vec<(f64, f64)> = slots
            .clone()
            .map(|slot| {
                let (low, high) = values(slot).fold((0.0, 0.0), |(low, high), value| {
                    if self.stacked {
                        (low + f64::min(value, 0.0), high + f64::max(value, 0.0))
                    } else {
                        (f64::min(low, value), f64::max(high, value))
                    }
                });
                (low, high)
            })
            .collect();
        let least = ends.iter().map(|(low, _)| *low).fold(0.0, f64::min);
        let most = ends.iter().map(|(_, high)| *high).fold(0.0, f64::max);
        let axis = axis(self.unit, least, most);
        let mut svg = head(self.id, self.title, self.about);
        grid(&mut svg, &axis);
        let room = (WIDTH - LEFT - RIGHT) / share(self.slots.max(1));
        for tick in self.ticks {
            below(&mut svg, LEFT + room * (share(tick.at) + 0.5), &tick.label, false);
        }
        let beside = if self.stacked { 1.0 } else { share(self.series.len().max(1)) };
        let width = room * 0.8 / beside;
        for slot in slots {
            let (mut low, mut high) = (0.0, 0.0);
            for (number, value) in values(slot).enumerate() {
                let place = if self.stacked { 0.0 } else { share(number) };
                let (from, to) = match (self.stacked, value < 0.0) {
                    (false, _) => (0.0, value),
                    (true, false) => (high, high + value),
                    (true, true) => (low, low + value),
                };
                if self.stacked {
                    (low, high) = (f64::min(low, to), f64::max(high, to));
                }
                if value == 0.0 {
                    continue;
                }
                let x = LEFT + room * (share(slot) + 0.1) + width * place;
                let (y, height) = (up(f64::max(from, to), &axis), up(f64::min(from, to), &axis));
                let height = f64::max(height - y, 1.0);
                let series = number + 1;
                let _ = write!(
                    svg,
                    "<rect class=\"bar s{series}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                     height=\"{height:.1}\"/>"
                );
                if number > 0 {
                    let _ = write!(
                        svg,
                        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                         fill=\"url(#{}-h{})\"/>",
                        self.id,
                        number.min(HATCHES.len())
                    );
                }
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

/// How the bars of the second series and those after it are hatched.
const HATCHES: [&str; 5] = ["M0 6L6 0", "M0 0L6 6", "M0 3H6", "M3 0V6", "M0 6L6 0M0 0L6 6"];

/// The beginning of a drawing: its title and description, and what it is hatched with.
fn head(id: &str, title: &str, about: &str) -> String {
    let (title, about) = (escaped(title), escaped(about));
    let mut svg = format!(
        "<svg class=\"drawing\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{about}</desc><defs>\
         <pattern id=\"{id}-gap\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
         <path class=\"hatch-gap\" d=\"M0 8L8 0\"/></pattern>"
    );
    for (number, path) in (1..).zip(HATCHES) {
        let _ = write!(
            svg,
            "<pattern id=\"{id}-h{number}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <path class=\"hatch\" d=\"{path}\"/></pattern>"
        );
    }
    svg.push_str("</defs>");
    svg
}

/// The marks of the values, and a line at each.
fn grid(svg: &mut String, axis: &Axis) {
    let (right, middle) = (WIDTH - RIGHT, LEFT - 5.0);
    for tick in &axis.ticks {
        let y = up(tick.at, axis);
        let class = if tick.at == 0.0 { "zero" } else { "grid" };
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{right}\"/>\
             <text class=\"mark\" text-anchor=\"end\" x=\"{middle}\" y=\"{:.1}\">{}</text>",
            y + 4.0,
            escaped(&tick.label)
        );
    }
    if !axis.unit.is_empty() {
        let _ = write!(svg, "<text class=\"mark\" x=\"2\" y=\"11\">{}</text>", axis.unit);
    }
}

/// A text below the drawing, within its width.
fn below(svg: &mut String, x: f64, label: &str, with_mark: bool) {
    let y = HEIGHT - BOTTOM;
    if with_mark {
        let _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {y}v4\"/>");
    }
    let half = share(label.chars().count()) * 4.2;
    let middle = x.min(WIDTH - half).max(half);
    let _ = write!(
        svg,
        "<text class=\"mark\" text-anchor=\"middle\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
        HEIGHT - 6.0,
        escaped(label)
    );
}

/// A line from slot to slot that breaks off where nothing was measured; a slot alone is a short line of its own.
fn path(values: &[Option<f64>], edges: &[WallTime], x: &dyn Fn(WallTime) -> f64, axis: &Axis) -> String {
    let mut path = String::new();
    let value = |number: usize| values.get(number).copied().flatten();
    for (number, pair) in edges.windows(2).enumerate() {
        let ([from, to], Some(here)) = (pair, value(number)) else { continue };
        let (from, to, y) = (x(*from), x(*to), up(here, axis));
        let before = number.checked_sub(1).and_then(value);
        match (before, value(number + 1)) {
            (None, None) => {
                let _ = write!(path, "M{from:.1} {y:.1}H{to:.1}");
            }
            (None, Some(_)) => {
                let _ = write!(path, "M{:.1} {y:.1}", (from + to) / 2.0);
            }
            (Some(_), _) => {
                let _ = write!(path, "L{:.1} {y:.1}", (from + to) / 2.0);
            }
        }
    }
    path
}

#[expect(clippy::cast_precision_loss, reason = "places on a drawing")]
fn along(part: i64, whole: i64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * (part as f64 / whole as f64)
}

fn up(value: f64, axis: &Axis) -> f64 {
    let reach = f64::max(axis.top - axis.bottom, f64::MIN_POSITIVE);
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((value - axis.bottom) / reach)
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn share(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(count: i64) -> Vec<WallTime> {
        (0..=count).map(|number| WallTime(number * 60_000)).collect()
    }

    #[test]
    fn a_line_breaks_off_where_nothing_was_measured() {
        let line = Line { values: vec![Some(1.0), Some(2.0), None, None, Some(3.0), None] };
        let edges = edges(6);
        let lines = Lines {
            id: "p",
            title: "A <b>",
            about: "up & down",
            unit: Unit::Count,
            edges: &edges,
            lines: &[line],
            ticks: &[Tick { at: WallTime(60_000), label: "12:00".to_owned() }],
        };
        let minute = |number: i64| WallTime(number * 60_000);
        assert_eq!(lines.gaps(), [(minute(2), minute(4)), (minute(5), minute(6))]);
        let svg = lines.svg();
        assert_eq!(svg.matches("class=\"gap\"").count(), 2);
        // Begins at the middle of the first slot, goes to the second; the fifth stands alone.
        assert!(svg.contains("d=\"M71.5 126.0L122.5 76.0M250.0 26.0H301.0\""), "{svg}");
        assert!(
            svg.contains("<title id=\"p-title\">A &lt;b&gt;</title><desc id=\"p-desc\">up &amp; down</desc>")
        );
        assert!(svg.contains(">12:00</text>") && !svg.contains("style=") && !svg.contains("NaN"));
    }

    #[test]
    fn bars_stand_beside_or_on_top_of_each_other_and_hang_below_zero() {
        let bars = Bars {
            id: "p",
            title: "",
            about: "",
            unit: Unit::Money,
            series: &[vec![2.0, -1.0], vec![2.0, 0.0]],
            slots: 2,
            stacked: true,
            ticks: &[Tick { at: 0, label: "Mon".to_owned() }],
        };
        let svg = bars.svg();
        assert_eq!(svg.matches("class=\"bar s1\"").count(), 2);
        assert_eq!(svg.matches("class=\"bar s2\"").count(), 1, "nothing is no bar");
        assert_eq!(svg.matches("url(#p-h1)").count(), 1);
        assert!(svg.contains(">-2</text>") && svg.contains(">4</text>"), "{svg}");
        let beside = Bars { stacked: false, ..bars };
        assert!(beside.svg().contains(">2</text>"));
    }

    #[test]
    fn a_curve_goes_through_its_points() {
        let points = [(WallTime(0), 0.0), (WallTime(50), 2e3), (WallTime(100), 4e3)];
        let about = "up & away";
        let curve =
            Curve { id: "c", title: "Data", about, unit: Unit::Bytes, points: &points, ends: ["a", "b"] };
        let svg = curve.svg();
        assert!(svg.contains("class=\"line s1\" d=\"M46.0 ") && svg.contains("L352.0 "), "{svg}");
        assert!(svg.contains("up &amp; away") && svg.contains(">b</text>") && !svg.contains("NaN"), "{svg}");
        assert!(!Curve { points: &[], ..curve }.svg().contains("NaN"));
    }

    #[test]
    fn nothing_at_all_is_drawn_too() {
        let lines =
            Lines { id: "p", title: "", about: "", unit: Unit::Bytes, edges: &[], lines: &[], ticks: &[] };
        assert!(lines.gaps().is_empty() && !lines.svg().contains("NaN"));
        let bars = Bars {
            id: "p",
            title: "",
            about: "",
            unit: Unit::Count,
            series: &[],
            slots: 0,
            stacked: false,
            ticks: &[],
        };
        assert!(!bars.svg().contains("NaN") && !bars.svg().contains("inf"));
    }
}
