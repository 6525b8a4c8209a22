//! How exact the kernel ends and slows sessions: bytes over a quota, milliseconds over a time, the error of a speed. Sessions of random
//! kinds and sizes, half of them with the daemon dead.

use std::thread::sleep;
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

/// One session of each kind at a time.
fn run(lab: &Lab, router: &mut Router<'_>, random: &mut Random, is_dead: bool, found: &mut Found) {
    let [data, time, both, speed] = lab.phones.as_slice() else { panic!("a phone of each kind") };
    let bytes = 20_000 + random.below(1_000_000);
    let secs = 2 + random.below(3);
    let payload = usize::try_from(40 + random.below(1_300)).expect("small");
    let kbps = 500 + random.below(19_500);
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
    let (mb, mbps) = (bytes as f64 / 1e6, kbps as f64 / 1e3);
    // Of the two limits it is now the one that comes first, now the other.
    let (both_mb, both_secs) = if random.chance(50) { (mb, 60) } else { (1_000.0, secs) };
    let echoes = [1_u16, 2, 3].map(|port| UdpEcho::open(&lab.internet, (NET4, 7_000 + port)));
    let limited = [
        (data, json!({"kind": "data", "data_mb": mb})),
        (time, json!({"kind": "time", "time_secs": secs})),
        (both, json!({"kind": "time_or_data", "time_secs": both_secs, "data_mb": both_mb})),
    ];
    let ends = [
        (Some(bytes), None),
        (None, Some(secs)),
        if both_secs == 60 { (Some(bytes), None) } else { (None, Some(secs)) },
    ];
    router.let_through(
        &speed.mac,
        &json!({"kind": "time", "time_secs": 600, "down_mbps": mbps, "up_mbps": mbps}),
    );
    let flows: Vec<(UdpBlaster, Instant, String)> = limited
        .iter()
        .zip([7_001, 7_002, 7_003])
        .map(|((phone, terms), port)| {
            let blaster = UdpBlaster::start(phone, (NET4, port), payload, GAP);
            let asked = Instant::now();
            let session = router.let_through(&phone.mac, terms);
            (blaster, asked, session)
        })
        .collect();
    if is_dead {
        router.kill();
    }
    let speeds = frame_speeds(speed, &lab.internet, NET4, mbps * 1.3);
    // What comes down went up first: the way up is the one that is full.
    found.error_percent.add((speeds[1] / mbps - 1.0) * 100.0);
    let mut passed = Vec::new();
    for (((mut blaster, asked, session), echo), end) in flows.into_iter().zip(&echoes).zip(ends) {
        let last = || blaster.last_answer().unwrap_or(asked);
        assert!(
            eventually(PATIENCE, || blaster.answers() > 0 && last().elapsed() > SILENCE),
            "it never ends"
        );
        let last = last();
        blaster.stop();
        let down = blaster.answer_bytes() + blaster.answers() * header_bytes((NET4, 1).into());
        let all = (echo.l3_bytes() + down) as u64;
        match end {
            (Some(quota), _) => {
                let packet = payload + header_bytes((NET4, 1).into());
                #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
                let (over, short) =
                    (all.saturating_sub(quota) as f64, quota.saturating_sub(all) as f64 / packet as f64);
                found.over_bytes.add(over);
                found.short_packets.add(short);
            }
            (None, Some(secs)) => {
                let late = last.saturating_duration_since(asked).as_secs_f64()
                    - Duration::from_secs(secs).as_secs_f64();
                found.late_ms.add(late * 1e3);
            }
            (None, None) => {}
        }
        passed.push((session, all));
    }
    if is_dead {
        router.begin_again();
    }
    for (session, all) in passed {
        let used = || router.get(&format!("/api/v1/sessions/{session}")).as_ref().map(used_bytes);
        if !eventually(PATIENCE / 10, || used() == Some(all)) {
            eprintln!("{session}: {:?} charged, {all} passed", used());
            found.wrong_books += 1;
        }
    }
    for phone in &lab.phones {
        clear(router, phone);
    }
}

/// Ends what the phone has left.
fn clear(router: &Router<'_>, phone: &Phone) {
    let filter = format!("$Mac is '{}'", phone.mac);
    let body: Value = json!({ "filter": filter });
    router.post("/api/v1/sessions:close", &body);
    sleep(GAP);
}
