//! What cannot be less: the disk's sync, SQLite's commit, the kernel's answer. And how far from them a connect is.

use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use turnpike::domain::{Books, BootTime, ClientKey, GateOp, Grant};
use turnpike::gate::Gate;

use crate::Effort;
use crate::crowd::MARK_MASK;
use crate::lab::{HttpRequest, Lab, Ns};
use crate::machine::{sync_ms, work_dir};
use crate::report::{Aim, Report};
use crate::router::{Router, device_call, macs};
use crate::stats::Sample;

const AREA: &str = "limits";
const TIMES: usize = 200;
const BATCH: u16 = 10_000;
/// Keys that nobody has while few devices are known.
const FIRST_KEY: u16 = 20_000;

/// All of them in each run, one after the other.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(effort.connects);
    router.register(&macs);
    router.all("connect", &macs);
    router.all("disconnect", &macs);
    let [mut sync, mut commit, mut open, mut open_mean, mut batch, mut connect, mut stored, mut told] =
        std::array::from_fn(|_| Sample::default());
    for _ in 0..effort.runs {
        sync.add(sync_ms().median());
        commit.add(commit_ms());
        let before = Spent::so_far(&router);
        let calls = router.callers().post(1, macs.iter().map(|mac| device_call(mac, "connect")).collect());
        let spent = Spent::so_far(&router);
        connect.add(calls.each_ms.median());
        stored.add(spent.store.mean_since(before.store));
        told.add(spent.kernel.mean_since(before.kernel));
        router.all("disconnect", &macs);
        // The daemon would take away who is none of its own.
        router.freeze();
        let (one, all) = gate_ms(&lab.router);
        router.thaw();
        open.add(one.median());
        open_mean.add(one.mean());
        batch.add(all);
    }
    let least: Sample = commit.plus(&open);
    let ratio = connect.over(&least);
    let kernels = told.over(&open_mean);
    report.add(AREA, "fdatasync of 4 KiB", sync, "ms", Aim::Open);
    report.add(AREA, "SQLite: one row, committed and synced", commit, "ms", Aim::Open);
    report.add(AREA, "kernel: one client let through", open, "ms", Aim::Open);
    report.add(AREA, "kernel: one client let through: mean", open_mean, "ms", Aim::Open);
    report.add(AREA, format!("kernel: {BATCH} clients let through in one go"), batch, "ms", Aim::Open);
    report.add(AREA, "connect, one caller: p50", connect, "ms", Aim::Below(5.0));
    report.add(AREA, "… of it the store, by the daemon's own count: mean", stored, "ms", Aim::Open);
    report.add(AREA, "… of it the kernel: mean", told, "ms", Aim::Open);
    report.add(AREA, "… over one client let through, both means", kernels, "times", Aim::Open);
    report.add(AREA, "connect over one commit and one client", ratio, "times", Aim::Open);
}

/// What the daemon has spent by its own metrics.
struct Spent {
    store: Total,
    kernel: Total,
}

/// Seconds, and of how many.
#[derive(Clone, Copy)]
struct Total {
    secs: f64,
    count: f64,
}

impl Spent {
    fn so_far(router: &Router<'_>) -> Self {
        let answer = HttpRequest::get("/metrics").send_unix(&router.socket()).expect("an answer");
        let value = |name: String| {
            let mut lines = answer.body.lines();
            lines.find_map(|line| line.strip_prefix(&name)?.trim().parse().ok()).unwrap_or(f64::NAN)
        };
        let total = |name: &str| Total {
            secs: value(format!("{name}_sum ")),
            count: value(format!("{name}_count ")),
        };
        Self {
            store: total("turnpike_store_commit_duration_seconds"),
            kernel: total("turnpike_kernel_batch_duration_seconds"),
        }
    }
}

impl Total {
    /// In milliseconds.
    fn mean_since(self, before: Self) -> f64 {
        (self.secs - before.secs) / (self.count - before.count) * 1e3
    }
}

/// The median of commits of a row of the size of an event's, on the disk that the daemon's store is on.
fn commit_ms() -> f64 {
    let path = work_dir().join("limits.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sample: Sample = runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut store = options.connect().await.expect("a database");
        sqlx::query("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, what TEXT)")
            .execute(&mut store)
            .await
            .expect("a table");
        let mut sample = Sample::default();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let row = sqlx::query("INSERT INTO rows (what) VALUES (?)").bind("x".repeat(200));
            row.execute(&mut store).await.expect("a row");
            sample.add(begun.elapsed().as_secs_f64() * 1e3);
        }
        store.close().await.expect("closed");
        sample
    });
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(work_dir().join(format!("limits.db{end}"))).ok();
    }
    sample.median()
}

/// Letting one client through, each time, and what ten thousand take in one message; in milliseconds.
fn gate_ms(router: &Ns) -> (Sample, f64) {
    router.enter_async(|| async move {
        let gate = Gate::open(MARK_MASK).expect("the gate's socket");
        let now = BootTime(0);
        let open = |number: u16| {
            let key = ClientKey::new(FIRST_KEY + number).expect("a key");
            let [high, low] = number.to_be_bytes();
            let mac = format!("02:12:00:00:{high:02x}:{low:02x}").parse().expect("a MAC");
            let grant = Grant {
                deadline: None,
                end_counter: Some(u64::MAX >> 8),
                rates: None,
                books: Books::default(),
            };
            (
                [GateOp::Learn { mac, key }, GateOp::Open { key, grant }],
                [GateOp::Close { key }, GateOp::Forget { mac, key }],
            )
        };
        let apply = async |ops: &[GateOp]| {
            let begun = Instant::now();
            for result in gate.apply(now, ops).await {
                result.expect("applied");
            }
            begun.elapsed().as_secs_f64() * 1e3
        };
        let mut one = Sample::default();
        for number in 0..u16::try_from(TIMES).expect("few") {
            let ([learn, open], close) = open(number);
            apply(&[learn]).await;
            one.add(apply(&[open]).await);
            apply(&close).await;
        }
        let (on, off): (Vec<_>, Vec<_>) = (0..BATCH).map(open).unzip();
        let all = apply(&on.concat()).await;
        apply(&off.concat()).await;
        (one, all)
    })
}
