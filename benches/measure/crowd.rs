//! Ten thousand clients online: starting again, the books, memory, processor time.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use turnpike::gate::Gate;

use crate::Effort;
use crate::lab::{Lab, Ns, eventually};
use crate::report::{Aim, Report};
use crate::router::{Router, macs};
use crate::stats::Sample;

const AREA: &str = "crowd";
/// The daemon's own, unless the configuration says otherwise.
pub const MARK_MASK: u32 = 0xff00_00ff;
/// Until the last work of a start is done and its memory given back.
const SETTLE: Duration = Duration::from_secs(3);

/// Restarts, books, memory.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let mut router = Router::start(&lab, "");
    sleep(SETTLE);
    report.one(AREA, "memory with no clients (VmRSS)", router.memory_mb("VmRSS"), "MB", Aim::Below(8.0));
    report.one(AREA, "… of it its own (RssAnon)", router.memory_mb("RssAnon"), "MB", Aim::Open);

    let clients = effort.clients;
    let macs = macs(clients);
    router.register(&macs);
    router.all("connect", &macs);
    router.wait_for(clients);
    sleep(SETTLE);
    let memory = "memory after so many were made and connected";
    report.one(AREA, memory, router.memory_mb("VmRSS"), "MB", Aim::Below(40.0));
    let cpu = |router: &Router<'_>| {
        let (begun, before) = (Instant::now(), router.cpu_secs());
        sleep(Duration::from_secs(5));
        (router.cpu_secs() - before) / begun.elapsed().as_secs_f64() * 100.0
    };
    report.one(AREA, "processor while nothing happens", cpu(&router), "% of one", Aim::Open);

    let mut books = Sample::default();
    for _ in 0..effort.runs {
        books.add(read_books_ms(&lab.router, clients));
    }
    report.add(AREA, "reading all the books", books, "ms", Aim::Below(30.0));

    let mut repaired = Sample::default();
    for _ in 0..effort.runs {
        lab.router.nft("delete table inet turnpike");
        let begun = Instant::now();
        assert!(eventually(SETTLE * 5, || online(&lab.router) == Some(clients)), "never repaired");
        repaired.add(begun.elapsed().as_secs_f64() * 1e3);
    }
    report.add(
        AREA,
        "table deleted under it: until all are let through again",
        repaired,
        "ms",
        Aim::Below(1000.0),
    );

    let (mut killed, mut stopped, mut emptied) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..effort.runs {
        killed.add(router.restart(Signal::KILL, clients));
        assert_eq!(online(&lab.router), Some(clients), "the kernel after kill -9");
        stopped.add(router.restart(Signal::TERM, clients));
        assert_eq!(online(&lab.router), Some(clients), "the kernel after a stop");
        lab.router.nft("delete table inet turnpike");
        emptied.add(router.restart(Signal::KILL, clients));
        assert_eq!(online(&lab.router), Some(clients), "the kernel after it had lost the table");
    }
    report.add(AREA, "restart after kill -9 to full service", killed, "ms", Aim::Below(1000.0));
    report.add(AREA, "restart after a stop to full service", stopped, "ms", Aim::Below(1000.0));
    report.add(AREA, "restart with the kernel's table gone", emptied, "ms", Aim::Below(1000.0));
    sleep(SETTLE);
    report.one(AREA, "memory after a restart (VmRSS)", router.memory_mb("VmRSS"), "MB", Aim::Below(40.0));
    report.one(AREA, "… of it its own (RssAnon)", router.memory_mb("RssAnon"), "MB", Aim::Open);
}

fn read_books_ms(router: &Ns, clients: usize) -> f64 {
    router.enter_async(|| async move {
        let gate = Gate::open(MARK_MASK).expect("the gate's socket");
        let begun = Instant::now();
        let books = gate.read_all().await.expect("the books");
        let took = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!(books.len(), clients);
        took
    })
}

/// How many the kernel lets through; `None` while there is no table.
fn online(router: &Ns) -> Option<usize> {
    router.enter_async(|| async {
        let gate = Gate::open(MARK_MASK).expect("the gate's socket");
        let books = gate.read_all().await.ok()?;
        Some(books.values().filter(|books| books.quota_used.is_some()).count())
    })
}
