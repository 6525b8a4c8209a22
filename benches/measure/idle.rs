//! What a box costs while a thousand are online: processor time, and what it writes to the disk.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Effort;
use crate::lab::Lab;
use crate::report::{Aim, Report};
use crate::router::{Router, macs};

const AREA: &str = "idle";
const ONLINE: usize = 1_000;
/// Until what comes of their connects is done.
const SETTLE: Duration = Duration::from_secs(5);
/// How often usage is written unless the configuration says otherwise (`[store] flush_secs`).
const FLUSH: Duration = Duration::from_secs(60);
const HOUR: f64 = 3_600.0;

/// Processor time and bytes, over whole flushes.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(ONLINE);
    router.register(&macs);
    router.all("connect", &macs);
    router.wait_for(ONLINE);
    sleep(SETTLE);
    let flushes: u32 = if effort.runs > 5 { 3 } else { 1 };
    let (begun, cpu, written) = (Instant::now(), router.cpu_secs(), router.written_bytes());
    sleep(FLUSH * flushes);
    let secs = begun.elapsed().as_secs_f64();
    let (cpu, written) = (router.cpu_secs() - cpu, router.written_bytes() - written);
    report.one(AREA, format!("processor, {ONLINE} online"), 100.0 * cpu / secs, "% of one", Aim::Open);
    let what =
        format!("written to the disk, {ONLINE} online, each with time left that is written each minute");
    report.one(AREA, what, written / secs * HOUR / 1e6, "MB an hour", Aim::Open);
    report.one(AREA, format!("memory, {ONLINE} online (VmRSS)"), router.memory_mb("VmRSS"), "MB", Aim::Open);
    report.one(AREA, "… of it its own (RssAnon)", router.memory_mb("RssAnon"), "MB", Aim::Open);
}
