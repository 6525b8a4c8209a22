//! What the promises of the design are measured with: one run, one table, one JSON file.
//!
//! `scripts/bench` builds and runs it; `--quick` takes fewer and shorter runs, words after it name the areas to measure.
//! It works in network namespaces of its own, with the real daemon, and needs root.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement stops when something is wrong, prints, and asks the real clock"
)]

mod api;
mod attacks;
mod connects;
mod crowd;
mod exactness;
mod footprint;
mod idle;
#[path = "../../tests/netns/lab/mod.rs"]
mod lab;
mod layout;
mod limits;
mod listeners;
mod lists;
mod machine;
mod packets;
mod pages;
mod phones;
mod plugins;
mod report;
mod router;
mod share;
mod soak;
mod stats;
mod steer;
mod vouchers;

use report::Report;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Interleaved runs of whatever is compared.
    pub runs: usize,
    /// Clients of the crowd.
    pub clients: usize,
    /// Seconds of traffic in one run.
    pub secs: f64,
    /// Connects of one caller in one run; 64 callers make sixteen times as many.
    pub connects: usize,
}

const FULL: Effort = Effort { runs: 10, clients: 10_000, secs: 2.0, connects: 200 };
const QUICK: Effort = Effort { runs: 3, clients: 10_000, secs: 0.5, connects: 100 };

type Area = (&'static str, fn(&mut Report, Effort));
const AREAS: [Area; 15] = [
    ("footprint", footprint::measure),
    ("limits", limits::measure),
    ("connects", connects::measure),
    ("listeners", listeners::measure),
    ("plugins", plugins::measure),
    ("crowd", crowd::measure),
    ("idle", idle::measure),
    ("steering", steer::measure),
    ("vouchers", vouchers::measure),
    ("pages", pages::measure),
    ("attacks", attacks::measure),
    ("lists", lists::measure),
    ("packets", packets::measure),
    ("share", share::measure),
    ("exactness", exactness::measure),
];
/// What takes long, and is done only when it is asked for.
const LONG: [Area; 1] = [("soak", soak::measure)];

fn main() {
    let mut effort = FULL;
    let mut wanted = Vec::new();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            // What cargo adds.
            "--bench" => {}
            "--quick" => effort = QUICK,
            name if AREAS.iter().chain(&LONG).any(|(area, _)| *area == name) => wanted.push(word),
            _ => {
                let names: Vec<&str> = AREAS.iter().chain(&LONG).map(|(name, _)| *name).collect();
                let names = names.join("|");
                eprintln!("scripts/bench [--quick] [{names}]…");
                std::process::exit(2);
            }
        }
    }
    let mut report = Report::new(machine::describe());
    let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted == name);
    let all = AREAS.into_iter().filter(|(name, _)| wanted.is_empty() || is_wanted(name));
    for (name, measure) in all.chain(LONG.into_iter().filter(|(name, _)| is_wanted(name))) {
        println!("measuring: {name}");
        measure(&mut report, effort);
    }
    report.finish(&machine::work_dir().join("figures.json"));
}
