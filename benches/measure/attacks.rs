//! How long an honest phone waits for the portal while another does it harm in each way.

use std::time::{Duration, Instant};

use crate::Effort;
use crate::lab::{Attack, Attacker, HttpRequest, LAN4, Lab, Phone, eventually};
use crate::report::{Aim, Report};
use crate::router::Router;
use crate::stats::Sample;

const AREA: &str = "attacks";
const BUSY: Duration = Duration::from_secs(10);
/// Between two visits of the honest phone: it is no attacker itself.
const PAUSE: Duration = Duration::from_millis(10);

/// Visits alone, then beside each attack.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(3);
    let _router = Router::start(&lab, "");
    let [attacker, honest, _] = lab.phones.as_slice() else { panic!("three phones") };
    Attacker::equip(&lab, attacker);
    // Longer than a slow head is waited for (10 s), in a whole run, so that places that were taken come free and are taken again.
    let time = Duration::from_secs_f64(effort.secs * 6.0);
    let alone = visits(honest, time);
    report.one(
        AREA,
        "the portal's page on a new connection, nobody else: p50",
        alone.median(),
        "ms",
        Aim::Open,
    );
    report.one(AREA, "… p99", alone.quantile(0.99), "ms", Aim::Open);
    for attack in Attack::ALL {
        let attacking = Attacker::start(&lab, attacker, attack);
        let busy = !attack.connects() || eventually(BUSY, || attacking.begun() > 2_000);
        assert!(busy, "{}: only {}", attack.words(), attacking.begun());
        let found = visits(honest, time);
        report.one(AREA, format!("beside {}: p50", attack.words()), found.median(), "ms", Aim::Open);
        report.one(
            AREA,
            format!("beside {}: p99", attack.words()),
            found.quantile(0.99),
            "ms",
            Aim::Below(200.0),
        );
        report.one(AREA, format!("beside {}: longest", attack.words()), found.spread().1, "ms", Aim::Open);
        drop(attacking);
        // What it leaves behind is no matter of the next.
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// The page again and again, each time on a connection of its own; every one has to be answered.
fn visits(phone: &Phone, time: Duration) -> Sample {
    let begun = Instant::now();
    let mut each_ms = Sample::default();
    while begun.elapsed() < time {
        let asked = Instant::now();
        let page = HttpRequest::get("/").send(phone, (LAN4, 2050)).expect("the portal answers");
        each_ms.add(asked.elapsed().as_secs_f64() * 1e3);
        assert_eq!(page.status, 200, "{page:?}");
        std::thread::sleep(PAUSE);
    }
    each_ms
}
