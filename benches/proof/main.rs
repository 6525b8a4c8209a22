//! Shows that the promises hold when everything goes wrong: one run, one table, one JSON file. It ends with 1 if one did not hold.
//!
//! `scripts/proof` builds and runs it; `docs/proof.md` says what each proof does. To add one: a file here with a function that
//! takes the [`Report`] and the [`Effort`], and a line in [`PROOFS`].
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a proof stops when it cannot be made, prints, and asks the real clock"
)]

mod churn;
#[path = "../../tests/it/churn/crowd.rs"]
mod crowd;
#[path = "../../tests/netns/faulty_disk/cuts.rs"]
mod cuts;
#[path = "../../tests/netns/lab/mod.rs"]
mod lab;
mod power_cut;
mod report;
#[expect(dead_code, unused_imports, reason = "the tests' own, of which a part is needed here")]
#[path = "../../tests/it/support/mod.rs"]
mod support;

use report::Report;
use turnpike::clock::Stopwatch;

/// How much is tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effort {
    /// Where the random numbers begin.
    pub seed: u64,
    /// How many times, if not as many as the proof is meant for.
    pub count: Option<usize>,
}

type Proof = (&'static str, fn(&mut Report, Effort));
const PROOFS: [Proof; 2] = [("churn", churn::prove), ("power-cut", power_cut::prove)];

fn usage() -> ! {
    let names = PROOFS.map(|(name, _)| name).join("|");
    eprintln!("scripts/proof [--seed N] [--count N] [{names}]…");
    std::process::exit(2)
}

fn main() {
    let mut effort = Effort { seed: 1, count: None };
    let mut wanted = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number =
            || words.next().and_then(|number| number.parse::<u32>().ok()).unwrap_or_else(|| usage());
        match word.as_str() {
            // What cargo adds.
            "--bench" => {}
            "--seed" => effort.seed = number().into(),
            "--count" => effort.count = Some(number() as usize),
            name if PROOFS.iter().any(|(proof, _)| *proof == name) => wanted.push(word),
            _ => usage(),
        }
    }
    let mut report = Report::default();
    for (name, prove) in PROOFS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("proving: {name}");
            report.begin(name);
            prove(&mut report, effort);
        }
    }
    if !report.finish() {
        std::process::exit(1);
    }
}
