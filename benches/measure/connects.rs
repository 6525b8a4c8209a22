//! Connecting through the API, with the commit on the disk.

use crate::Effort;
use crate::api::Callers;
use crate::lab::Lab;
use crate::report::{Aim, Report};
use crate::router::{Router, device_call, macs};
use crate::stats::Sample;

const AREA: &str = "connect";
/// Callers at a time.
const CALLERS: [usize; 4] = [1, 8, 64, 256];

/// Few and many callers, over the socket and over TCP, in turns; then the whole crowd at once.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(effort.connects * 16);
    router.register(&macs);
    let token = router.token();
    let ways = [("socket", router.callers()), ("TCP", router.tcp_callers(&token))];
    // Once beforehand, uncounted: the first connect of a device is not what comes again and again.
    router.all("connect", &macs);
    router.all("disconnect", &macs);
    let mut found: [[Found; CALLERS.len()]; 2] =
        std::array::from_fn(|_| std::array::from_fn(|_| Found::default()));
    for _ in 0..effort.runs {
        for ((_, way), found) in ways.iter().zip(&mut found) {
            for (callers, found) in CALLERS.into_iter().zip(found) {
                // One caller takes sixteen times as long.
                let count = if callers == 1 { effort.connects } else { macs.len() };
                found.run(way, callers, macs.get(..count).unwrap_or_default());
            }
        }
    }
    for ((way, _), found) in ways.iter().zip(found) {
        for (callers, found) in CALLERS.into_iter().zip(found) {
            let who = if callers == 1 { "one caller".to_owned() } else { format!("{callers} callers") };
            let [p50, per_sec] = match callers {
                1 => [Aim::Below(5.0), Aim::Open],
                64 => [Aim::Open, Aim::AtLeast(3000.0)],
                _ => [Aim::Open; 2],
            };
            report.add(AREA, format!("{who}, {way}: p50"), found.p50, "ms", p50);
            report.add(AREA, format!("{who}, {way}: p99"), found.p99, "ms", Aim::Open);
            report.add(AREA, format!("{who}, {way}"), found.per_sec, "per second", per_sec);
            report.add(AREA, format!("disconnect, {who}, {way}"), found.off_per_sec, "per second", Aim::Open);
        }
    }
    crowd(report, effort);
}

#[derive(Default)]
struct Found {
    p50: Sample,
    p99: Sample,
    per_sec: Sample,
    off_per_sec: Sample,
}

impl Found {
    fn run(&mut self, way: &Callers<'_>, callers: usize, macs: &[String]) {
        let all = |what| way.post(callers, macs.iter().map(|mac| device_call(mac, what)).collect());
        let on = all("connect");
        self.p50.add(on.each_ms.median());
        self.p99.add(on.each_ms.quantile(0.99));
        self.per_sec.add(on.per_sec());
        self.off_per_sec.add(all("disconnect").per_sec());
    }
}

/// After a power cut: everybody presses Connect.
fn crowd(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(effort.clients);
    router.register(&macs);
    let mut took = Sample::default();
    for _ in 0..effort.runs.div_ceil(3) {
        let calls = router.callers().post(256, macs.iter().map(|mac| device_call(mac, "connect")).collect());
        took.add(calls.whole.as_secs_f64());
        router.all("disconnect", &macs);
    }
    report.add(AREA, format!("{} devices, 256 callers, all of them", macs.len()), took, "s", Aim::Open);
}
