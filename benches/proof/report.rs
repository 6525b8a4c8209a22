//! The table, and the same as JSON.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value, json};

/// What one proof came to.
#[derive(Debug)]
pub struct Row {
    /// What was shown, in words.
    pub what: String,
    /// How many times it was tried.
    pub count: u64,
    /// How many times it held.
    pub held: u64,
    /// What did not, each with the seed that brings it back.
    pub failures: Vec<String>,
    /// Other figures worth knowing, by name.
    pub facts: Vec<(&'static str, Value)>,
}

impl Row {
    fn holds(&self) -> bool {
        self.failures.is_empty() && self.held == self.count && self.count > 0
    }
}

/// All proofs so far.
#[derive(Default)]
pub struct Report {
    now: Option<(&'static str, Instant)>,
    rows: Vec<(&'static str, f64, Row)>,
}

impl Report {
    /// What is added from now on belongs to this proof.
    pub fn begin(&mut self, proof: &'static str) {
        self.now = Some((proof, Instant::now()));
    }

    /// Notes what came of it.
    pub fn add(&mut self, row: Row) {
        let (proof, begun) = self.now.expect("a proof has begun");
        self.now = Some((proof, Instant::now()));
        for failure in &row.failures {
            println!("  FAILED: {failure}");
        }
        println!("  {}: {} of {} held", row.what, row.held, row.count);
        self.rows.push((proof, begun.elapsed().as_secs_f64(), row));
    }

    /// Prints the table and writes the file; whether all held.
    pub fn finish(&self) -> bool {
        let head = ["proof", "what", "count", "held", "failed", "seconds", "figures", ""].map(str::to_owned);
        let rows: Vec<[String; 8]> = self.rows.iter().map(line).collect();
        let width = |column: usize| {
            rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 8] = std::array::from_fn(width);
        let rule = widths.map(|width| "-".repeat(width));
        println!();
        for row in [&head, &rule].into_iter().chain(&rows) {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        let path = place();
        let proofs: Vec<Value> = self.rows.iter().map(as_json).collect();
        std::fs::write(&path, format!("{:#}\n", json!({ "proofs": proofs })))
            .expect("the file of the proofs");
        println!("\nalso in {}", path.display());
        !self.rows.is_empty() && self.rows.iter().all(|(_, _, row)| row.holds())
    }
}

/// Beside the build.
fn place() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_turnpike"));
    let target = binary.parent().and_then(Path::parent).expect("target/PROFILE/turnpike");
    let dir = target.join("bench");
    std::fs::create_dir_all(&dir).expect("a directory beside the build");
    dir.join("proof.json")
}

fn line((proof, secs, row): &(&'static str, f64, Row)) -> [String; 8] {
    let facts: Vec<String> = row.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    [
        (*proof).to_owned(),
        row.what.clone(),
        row.count.to_string(),
        row.held.to_string(),
        row.count.saturating_sub(row.held).max(row.failures.len() as u64).to_string(),
        format!("{secs:.0}"),
        facts.join(", "),
        if row.holds() { "held" } else { "FAILED" }.to_owned(),
    ]
}

fn as_json((proof, secs, row): &(&'static str, f64, Row)) -> Value {
    let facts: Map<String, Value> =
        row.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    json!({
        "proof": proof, "what": row.what, "count": row.count, "held": row.held, "failures": row.failures,
        "secs": secs, "figures": facts, "holds": row.holds(),
    })
}
