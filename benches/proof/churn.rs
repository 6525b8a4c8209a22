//! Thousands of phones a day that nobody has seen before, for thirty days: what is kept of them stops growing.

use serde_json::json;
use turnpike::domain::ClientKey;

use crate::crowd::{Count, Crowd, kept};
use crate::report::{Report, Row};
use crate::{Effort, Stopwatch};

const DAYS: usize = 30;
/// What is over is kept for so many days: the sixth is full.
const KEPT_DAYS: u32 = 5;
/// The most devices that are kept without need, as the daemon has it.
const MOST: usize = 20_000;

pub fn prove(report: &mut Report, effort: Effort) {
    let phones = effort.count.unwrap_or(5_000);
    // From the fourteenth day on every number in the kernel has been used.
    let by_days = run(phones, kept(KEPT_DAYS, usize::MAX / 2, ClientKey::MAX), effort.seed);
    let bound = phones * 65 / 10 + 20;
    report.add(row("phones that never come again: kept for five days", &by_days, |count| {
        let rows = [count.device_rows, count.session_rows, count.grant_rows];
        let most = usize::try_from(rows.into_iter().max().unwrap_or_default()).unwrap_or(usize::MAX);
        // Those who come each day are granted something each day, and that is known for two months.
        let regulars = count.day * 10;
        if most <= bound + regulars { None } else { Some(format!("{most} rows, {bound} were expected")) }
    }));
    let by_number = run(phones, kept(90, MOST.min(phones * 4), ClientKey::MAX), effort.seed + 1);
    report.add(row("the same: kept for ninety days, 20,000 devices at most", &by_number, |count| {
        // One in ten was sold or given something and stays, as does who was here today.
        let bound = MOST.min(phones * 4) + phones + count.day * phones / 8;
        if count.devices <= bound { None } else { Some(format!("{} devices, not {bound}", count.devices)) }
    }));
}

/// What there was at the end of each day, and how many seconds it took.
struct Run {
    counts: Vec<Count>,
    secs: f64,
}

fn run(phones: usize, kept: crate::support::Kept, seed: u64) -> Run {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let watch = Stopwatch::start();
        let mut crowd = Crowd::start(kept, seed).await;
        let mut counts = Vec::new();
        for day in 1..=DAYS {
            let count = crowd.day(phones).await;
            println!("  {:.0} s: {count:?}", watch.secs());
            counts.push(count);
            if day % 10 == 0 {
                crowd = crowd.again(day == 10).await;
            }
        }
        crowd.saver_is_whole().await;
        Run { counts, secs: watch.secs() }
    })
}

fn row(what: &str, run: &Run, wrong: impl Fn(&Count) -> Option<String>) -> Row {
    let failures: Vec<String> = run
        .counts
        .iter()
        .filter_map(|count| wrong(count).map(|wrong| format!("day {}: {wrong}", count.day)))
        .collect();
    let days = [5, 10, 20, 30];
    let on = |of: fn(&Count) -> i64| json!(days.map(|day| run.counts.get(day - 1).map(of)));
    let longest = run.counts.iter().map(|count| count.longest_ms).fold(0.0, f64::max);
    Row {
        what: what.to_owned(),
        count: DAYS as u64,
        held: (DAYS - failures.len()) as u64,
        failures,
        facts: vec![
            ("on days", json!(days)),
            ("devices", on(|count| count.device_rows)),
            ("sessions", on(|count| count.session_rows)),
            ("grants", on(|count| count.grant_rows)),
            ("store MB", on(|count| count.used_kb / 1024)),
            ("VmRSS MB", on(|count| i64::try_from(count.rss_kb / 1024).unwrap_or_default())),
            ("longest answer while deleting ms", json!(longest.round())),
            ("simulated in s", json!(run.secs.round())),
        ],
    }
}
