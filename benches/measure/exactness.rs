//! How exact the kernel ends and slows sessions: bytes over a quota, milliseconds over a time, the error of a speed. Sessions of random
//! kinds and sizes, half of them with the daemon dead.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Effort;
use crate::lab::{
    Lab, NET4, Phone, Random, UdpBlaster, UdpEcho, eventually, frame_speeds, header_bytes, used_bytes,
};
use crate::report::{Aim, Report};
use crate::router::Router;
use crate::stats::Sample;

const AREA: &str = "exactness";
/// Sessions of a whole run, and of a quick one.
const SESSIONS: [usize; 2] = [200, 40];
/// One of each kind at a time, each on a phone of its own.
const KINDS: usize = 4;
const GAP: Duration = Duration::from_millis(1);
/// Nothing for so long, while packets are sent all the time: it is over.
const SILENCE: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured of sessions while the daemon is alive, or dead.
#[derive(Default)]
struct Found {
    over_bytes: Sample,
    short_packets: Sample,
    late_ms: Sample,
    error_percent: Sample,
    wrong_books: usize,
}

/// All of them, in groups of one of each kind.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(KINDS);
    let mut router = Router::start(&lab, "");
    let mut random = Random::new(1);
    let [whole, quick] = SESSIONS;
    let groups = if effort.runs > 5 { whole } else { quick } / KINDS;
    let mut found: [Found; 2] = std::array::from_fn(|_| Found::default());
    for group in 0..groups {
        let is_dead = group % 2 == 1;
        if let Some(found) = found.get_mut(usize::from(is_dead)) {
            run(&lab, &mut router, &mut random, is_dead, found);
        }
    }
    for (how, found) in ["daemon alive", "daemon dead"].into_iter().zip(found) {
        let most = |sample: &Sample| sample.spread().1;
        let count = found.over_bytes.len();
        report.one(
            AREA,
            format!("{how}: most bytes over a quota, {count} sessions"),
            most(&found.over_bytes),
            "bytes",
            Aim::Exactly(0.0),
        );
        report.one(
            AREA,
            format!("{how}: most packets short of it"),
            most(&found.short_packets),
            "packets",
            Aim::Below(1.0),
        );
        report.add(AREA, format!("{how}: over the time"), found.late_ms, "ms", Aim::Below(100.0));
        report.add(AREA, format!("{how}: error of the speed"), found.error_percent, "%", Aim::Open);
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let wrong = found.wrong_books as f64;
        report.one(
            AREA,
            format!("{how}: sessions whose books are not what passed"),
            wrong,
            "sessions",
            Aim::Exactly(0.0),
        );
    }
}

/// What ends a session.
#[derive(Debug, Clone, Copy)]
enum End {
    Bytes(u64),
    Secs(u64),
}

/// A session with packets both ways all the time, until nothing passes any more.
struct Flow {
    blaster: UdpBlaster,
    echo: UdpEcho,
    payload: usize,
    /// When its connect was asked for: it began no earlier.
    asked: Instant,
    session: String,
    end: End,
}

/// One session of each kind at a time.
fn run(lab: &Lab, router: &mut Router<'_>, random: &mut Random, is_dead: bool, found: &mut Found) {
    let [data, time, both, speed] = lab.phones.as_slice() else { panic!("a phone of each kind") };
    let (bytes, secs) = (20_000 + random.below(1_000_000), 2 + random.below(3));
    let kbps = 500 + random.below(19_500);
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
    let (mb, mbps) = (bytes as f64 / 1e6, kbps as f64 / 1e3);
    // Of two limits it is now the one that comes first, now the other.
    let (both_mb, both_secs, both_end) =
        if random.chance(50) { (mb, 60, End::Bytes(bytes)) } else { (1_000.0, secs, End::Secs(secs)) };
    let limited = [
        (data, json!({"kind": "data", "data_mb": mb}), End::Bytes(bytes)),
        (time, json!({"kind": "time", "time_secs": secs}), End::Secs(secs)),
        (both, json!({"kind": "time_or_data", "time_secs": both_secs, "data_mb": both_mb}), both_end),
    ];
    let terms = json!({"kind": "time", "time_secs": 600, "down_mbps": mbps, "up_mbps": mbps});
    router.let_through(&speed.mac, &terms);
    let payload = usize::try_from(40 + random.below(1_300)).expect("small");
    let flows: Vec<Flow> = limited
        .iter()
        .zip(7_001..)
        .map(|((phone, terms, end), port)| Flow::begin(lab, router, phone, port, payload, terms, *end))
        .collect();
    if is_dead {
        router.kill();
    }
    let [_, up] = frame_speeds(speed, &lab.internet, NET4, mbps * 1.3);
    // What comes down went up first: the way up is the one that is full.
    found.error_percent.add((up / mbps - 1.0) * 100.0);
    let passed: Vec<(String, u64)> = flows.into_iter().map(|flow| flow.finish(found)).collect();
    if is_dead {
        router.begin_again();
    }
    for (session, bytes) in passed {
        let used = || router.get(&format!("/api/v1/sessions/{session}")).as_ref().map(used_bytes);
        if !eventually(PATIENCE / 10, || used() == Some(bytes)) {
            println!("  {session}: {:?} charged, {bytes} passed", used());
            found.wrong_books += 1;
        }
    }
    // Nobody has anything left for the next time.
    router.post("/api/v1/sessions:close", &json!({"filter": "all"}));
}

impl Flow {
    fn begin(
        lab: &Lab,
        router: &Router<'_>,
        phone: &Phone,
        port: u16,
        payload: usize,
        terms: &Value,
        end: End,
    ) -> Self {
        let echo = UdpEcho::open(&lab.internet, (NET4, port));
        let blaster = UdpBlaster::start(phone, (NET4, port), payload, GAP);
        let asked = Instant::now();
        let session = router.let_through(&phone.mac, terms);
        Self { blaster, echo, payload, asked, session, end }
    }

    /// Waits for its end and notes how exact that was; the session, and the bytes that passed.
    fn finish(mut self, found: &mut Found) -> (String, u64) {
        let last = || self.blaster.last_answer().filter(|last| *last > self.asked);
        let is_over = || last().is_some_and(|last| last.elapsed() > SILENCE);
        assert!(eventually(PATIENCE, is_over), "it never ends");
        let lasted = last().map_or(Duration::ZERO, |last| last - self.asked);
        self.blaster.stop();
        let header = header_bytes(self.blaster.to());
        let down = self.blaster.answer_bytes() + self.blaster.answers() * header;
        let bytes = (self.echo.l3_bytes() + down) as u64;
        match self.end {
            #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
            End::Bytes(quota) => {
                found.over_bytes.add(bytes.saturating_sub(quota) as f64);
                found.short_packets.add(quota.saturating_sub(bytes) as f64 / (self.payload + header) as f64);
            }
            End::Secs(secs) => {
                found.late_ms.add((lasted.as_secs_f64() - Duration::from_secs(secs).as_secs_f64()) * 1e3);
            }
        }
        (self.session, bytes)
    }
}
