//! The table, and the same as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::stats::Sample;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    /// Less than this.
    Below(f64),
    /// At least this.
    AtLeast(f64),
    /// Exactly this.
    Exactly(f64),
    /// Nothing is promised; it is there to be compared with.
    Open,
}

impl Aim {
    fn is_met(self, value: f64) -> Option<bool> {
        match self {
            Self::Below(limit) => Some(value < limit),
            Self::AtLeast(limit) => Some(value >= limit),
            Self::Exactly(wanted) => Some((value - wanted).abs() < f64::EPSILON),
            Self::Open => None,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Below(limit) => format!("< {limit}"),
            Self::AtLeast(limit) => format!("≥ {limit}"),
            Self::Exactly(wanted) => format!("{wanted}"),
            Self::Open => String::new(),
        }
    }
}

struct Figure {
    area: &'static str,
    what: String,
    sample: Sample,
    unit: &'static str,
    aim: Aim,
}

/// All figures so far.
pub struct Report {
    machine: Value,
    figures: Vec<Figure>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(machine: Value) -> Self {
        Self { machine, figures: Vec::new() }
    }

    /// Notes a figure: its median and spread are shown.
    pub fn add(
        &mut self,
        area: &'static str,
        what: impl Into<String>,
        sample: Sample,
        unit: &'static str,
        aim: Aim,
    ) {
        let what = what.into();
        println!("  {what}: {} {unit}", number(sample.median()));
        self.figures.push(Figure { area, what, sample, unit, aim });
    }

    /// Notes a figure that was measured once.
    pub fn one(
        &mut self,
        area: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        aim: Aim,
    ) {
        self.add(area, what, Sample::from_iter([value]), unit, aim);
    }

    /// Prints the table and writes the file.
    pub fn finish(&self, path: &Path) {
        println!("\n{}\n", self.machine["text"].as_str().unwrap_or_default());
        let rows: Vec<[String; 7]> = self.figures.iter().map(Figure::row).collect();
        let head = ["area", "what", "median", "unit", "min – max (runs)", "aim", ""].map(str::to_owned);
        let width = |column: usize| {
            rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 7] = std::array::from_fn(width);
        let rule = widths.map(|width| "-".repeat(width));
        for row in [&head, &rule].into_iter().chain(&rows) {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .enumerate()
                .map(
                    |(column, (cell, width))| {
                        if column == 2 { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
                    },
                )
                .collect();
            println!("| {} |", cells.join(" | "));
        }
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        let whole = json!({"machine": self.machine, "figures": figures});
        std::fs::write(path, format!("{whole:#}\n")).expect("the file of the figures");
        println!("\nalso in {}", path.display());
    }
}

impl Figure {
    fn row(&self) -> [String; 7] {
        let (least, most) = self.sample.spread();
        let runs = self.sample.len();
        let spread =
            if runs > 1 { format!("{} – {} ({runs})", number(least), number(most)) } else { String::new() };
        let met = match self.aim.is_met(self.sample.median()) {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        [
            self.area.to_owned(),
            self.what.clone(),
            number(self.sample.median()),
            self.unit.to_owned(),
            spread,
            self.aim.words(),
            met.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let (least, most) = self.sample.spread();
        json!({
            "area": self.area, "what": self.what, "unit": self.unit, "median": self.sample.median(),
            "min": least, "max": most, "runs": self.sample.len(), "aim": self.aim.words(),
            "met": self.aim.is_met(self.sample.median()),
        })
    }
}

/// Three digits that say something.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 10.0 || size == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}
