//! Plots as SVG, drawn here: what is shown is there without a script, and says the same to a screen reader as a table.
//!
//! Colours are classes of the style sheet, and every series differs from the others without them: lines by their dashes,
//! bars by their hatching.

mod draw;
mod scale;

pub(super) use draw::{Bars, Curve, Line, Lines};
pub(super) use scale::{Tick, Unit, time_ticks};

/// A plot with all that stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plot {
    /// Names its elements on the page.
    pub(super) id: &'static str,
    /// What it shows.
    pub(super) title: String,
    /// What it says, in a sentence.
    pub(super) about: String,
    /// The drawing; escaped.
    pub(super) svg: String,
    /// Its series.
    pub(super) legend: Vec<String>,
    /// Whether they are bars.
    pub(super) is_bars: bool,
    /// Whether some of the time was not measured.
    pub(super) has_gaps: bool,
    /// The headings of its table.
    pub(super) head: Vec<String>,
    /// Its table; the first of each row names it.
    pub(super) rows: Vec<Vec<String>>,
}

/// Text within SVG or HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}
