//! Connecting through the API, with the commit on the disk.

use crate::Effort;
use crate::api::Callers;
use crate::lab::Lab;
use crate::report::{Aim, Report};
use crate::router::{Router, device_call, macs};
use crate::stats::Sample;

const AREA: &str = "connect";
const MANY: usize = 64;

/// One caller and 64, over the socket and over TCP, in turns.
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
    let mut found: [Found; 2] = std::array::from_fn(|_| Found::default());
    for _ in 0..effort.runs {
        for ((_, callers), found) in ways.iter().zip(&mut found) {
            found.one(&router, callers, macs.get(..effort.connects).unwrap_or_default());
            found.many(&router, callers, &macs);
        }
    }
    for ((way, _), found) in ways.iter().zip(found) {
        report.add(AREA, format!("one caller, {way}: p50"), found.p50, "ms", Aim::Below(5.0));
        report.add(AREA, format!("one caller, {way}: p99"), found.p99, "ms", Aim::Open);
        report.add(AREA, format!("{MANY} callers, {way}"), found.per_sec, "per second", Aim::AtLeast(3000.0));
        report.add(AREA, format!("{MANY} callers, {way}: p99"), found.many_p99, "ms", Aim::Open);
    }
}

#[derive(Default)]
struct Found {
    p50: Sample,
    p99: Sample,
    per_sec: Sample,
    many_p99: Sample,
}

impl Found {
    fn one(&mut self, router: &Router<'_>, callers: &Callers<'_>, macs: &[String]) {
        let calls = callers.post(1, macs.iter().map(|mac| device_call(mac, "connect")).collect());
        self.p50.add(calls.each_ms.median());
        self.p99.add(calls.each_ms.quantile(0.99));
        router.all("disconnect", macs);
    }

    fn many(&mut self, router: &Router<'_>, callers: &Callers<'_>, macs: &[String]) {
        let calls = callers.post(MANY, macs.iter().map(|mac| device_call(mac, "connect")).collect());
        self.per_sec.add(calls.per_sec());
        self.many_p99.add(calls.each_ms.quantile(0.99));
        router.all("disconnect", macs);
    }
}
