//! What happened over time: counted exactly, written seldom, kept in bounded room, and gaps where nobody looked.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use turnpike::domain::samples::{Figures, Sample, Span, Tier, ZoneFigures};
use turnpike::domain::{ClientDevice, Now, Permission, WallTime, ZoneName};
use turnpike::runtime::SampleStep;
use turnpike::store::Store;

use crate::api::Api;
use crate::counter::Counter;
use crate::support::{START, TestApp, mac, megabytes, minutes};

const STEP: Duration = Duration::from_secs(10);
const DAY_MS: i64 = 86_400_000;

/// Lets ten seconds pass and takes a step.
async fn step(app: &TestApp) -> SampleStep {
    app.pass(STEP).await;
    app.handle.sample_step().await.unwrap()
}

async fn online(app: &TestApp, number: u8) -> ClientDevice {
    let device = app.device(number).await;
    app.handle.create_session(device.id, minutes(600)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    device
}

/// Of everything that is shown for a span.
async fn total(app: &TestApp, span: Span) -> Figures {
    let samples = app.handle.samples(span, None).await.unwrap();
    samples.iter().fold(Figures::default(), |sum, sample| sum.plus(&sample.whole))
}

/// What counts, without what the machine under the test did.
fn counted(figures: &Figures) -> [u64; 6] {
    let Figures { covered_ms, online_ms, down_bytes, up_bytes, started, ended, .. } = *figures;
    [covered_ms, online_ms, down_bytes, up_bytes, started, ended]
}

#[tokio::test]
async fn what_passes_is_counted_to_the_byte_and_written_once_a_minute() {
    let app = TestApp::start().await;
    assert_eq!(
        app.handle.sample_step().await.unwrap(),
        SampleStep::default(),
        "the first look counts nothing"
    );
    online(&app, 1).await;
    let two = app.device(2).await;
    app.handle.create_session(two.id, megabytes(1.0)).await.unwrap();
    app.handle.connect(two.id, None).await.unwrap();
    app.kernel.packet(mac(1), 5_000, false);
    app.kernel.packet(mac(1), 70, true);
    let mut written = 0;
    for number in 0..12 {
        if number == 3 {
            // Used up.
            app.kernel.packet(mac(2), 1_000_000, false);
        }
        let done = step(&app).await;
        assert!(done.sampled);
        written += u64::from(done.written);
    }
    assert_eq!(written, 2, "once a minute");
    for span in [Span::Hour, Span::Day, Span::Week, Span::Month] {
        let sum = total(&app, span).await;
        assert_eq!(counted(&sum), [120_000, 160_000, 1_005_000, 70, 2, 1], "{span:?}");
        assert_eq!(sum.clients_most, 2);
        assert!(sum.own_memory_kb > 0 && sum.store_kb > 0 && sum.box_cpu_of_ms < 600_000, "{sum:?}");
    }
    let zone = app.handle.samples(Span::Day, Some(&ZoneName::new("guests"))).await.unwrap();
    let sum = zone.iter().fold(Figures::default(), |sum, sample| sum.plus(&sample.whole));
    assert_eq!((sum.down_bytes, sum.up_bytes, sum.online_ms, sum.started), (1_005_000, 70, 160_000, 0));
    let hour = app.handle.samples(Span::Hour, None).await.unwrap();
    assert!(hour.iter().all(|sample| sample.tier == Tier::TenSeconds) && hour.len() == 12, "{hour:?}");
    assert_eq!(app.handle.latest_sample().unwrap().whole.clients_most, 1);
}

#[tokio::test]
async fn a_restart_leaves_a_gap_and_a_crash_loses_a_minute_at_most() {
    let app = TestApp::start().await;
    app.handle.sample_step().await.unwrap();
    online(&app, 1).await;
    for _ in 0..10 {
        app.kernel.packet(mac(1), 1_000, false);
        step(&app).await;
    }
    let before = total(&app, Span::Day).await;
    assert_eq!((before.down_bytes, before.covered_ms), (10_000, 100_000));
    // 60 s were written; 40 s were not, unless the end is in good order.
    assert!(app.handle.write_samples().await.unwrap() && !app.handle.write_samples().await.unwrap());
    let app = app.restart().await;
    for span in [Span::Hour, Span::Day, Span::Week, Span::Month] {
        assert_eq!(counted(&total(&app, span).await), counted(&before), "{span:?}");
    }
    app.pass(Duration::from_secs(300)).await;
    app.handle.sample_step().await.unwrap();
    for _ in 0..8 {
        app.kernel.packet(mac(1), 1_000, false);
        step(&app).await;
    }
    assert_eq!(total(&app, Span::Hour).await.down_bytes, 18_000);
    let app = app.crash().await;
    let kept = total(&app, Span::Hour).await;
    assert!((16_000..=18_000).contains(&kept.down_bytes), "{kept:?}");
    let starts: Vec<i64> =
        app.handle.samples(Span::Hour, None).await.unwrap().iter().map(|sample| sample.at.0).collect();
    assert!(starts.windows(2).any(|pair| pair[1] - pair[0] > 240_000), "a gap: {starts:?}");
}

#[tokio::test]
async fn what_is_being_written_when_everything_stops_is_neither_lost_nor_doubled() {
    let app = TestApp::start().await;
    app.handle.sample_step().await.unwrap();
    online(&app, 1).await;
    for _ in 0..3 {
        app.kernel.packet(mac(1), 1_000, false);
        step(&app).await;
    }
    let before = total(&app, Span::Day).await;
    assert_eq!(before.down_bytes, 3_000);
    let mut write = Box::pin(app.handle.write_samples());
    assert!(futures_util::poll!(&mut write).is_pending());
    drop(write);
    // The one that ends in good order waits for it, and so does whoever looks.
    app.handle.write_samples().await.unwrap();
    assert_eq!(counted(&total(&app, Span::Day).await), counted(&before));
    let app = app.restart().await;
    assert_eq!(counted(&total(&app, Span::Day).await), counted(&before));
}

#[tokio::test]
async fn a_clock_that_jumps_neither_loses_nor_doubles_anything() {
    let app = TestApp::start().await;
    app.handle.sample_step().await.unwrap();
    online(&app, 1).await;
    let mut passed = 0;
    for jump in [0, 3_600_000, 0, -3_600_000, 0, 0, -120_000, 7 * 3_600_000, 0] {
        let Now { boot, wall } = app.clock.now();
        app.clock.set(Now { boot, wall: wall.plus_millis(jump) });
        for _ in 0..7 {
            app.kernel.packet(mac(1), 10, true);
            passed += 10;
            step(&app).await;
        }
    }
    let sum = total(&app, Span::Day).await;
    assert_eq!((sum.up_bytes, sum.covered_ms, sum.online_ms), (passed, 630_000, 630_000));
    app.handle.write_samples().await.unwrap();
    for tier in Tier::STORED {
        let all = app.store.samples(tier, WallTime(i64::MIN), WallTime(i64::MAX)).await.unwrap();
        let sum = all.iter().fold(Figures::default(), |sum, sample| sum.plus(&sample.whole));
        assert_eq!((sum.up_bytes, sum.covered_ms, sum.started), (passed, 630_000, 1), "{tier:?}");
    }
}

fn minute(at: i64, bytes: u64) -> Sample {
    let whole = Figures { covered_ms: 60_000, down_bytes: bytes, clients_most: bytes, ..Figures::default() };
    let zone = ZoneFigures { down_bytes: bytes, ..ZoneFigures::default() };
    let zones = BTreeMap::from([(ZoneName::new("a \"zone\""), zone)]);
    Sample { at: Tier::Minute.slot(WallTime(at)), tier: Tier::Minute, whole, zones }
}

#[tokio::test]
async fn the_rings_never_grow_beyond_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("t.db")).await.unwrap();
    let now = START.wall.0;
    // Sixty days by the hour, then two days by the minute, all at once for speed.
    let old: Vec<Sample> = (0..60 * 24).map(|hour| minute(now - 62 * DAY_MS + hour * 3_600_000, 7)).collect();
    let new: Vec<Sample> =
        (0..2 * 1_440).map(|number| minute(now - 2 * DAY_MS + number * 60_000, 1)).collect();
    store.add_samples(&old).await.unwrap();
    store.add_samples(&new).await.unwrap();
    let most: u64 = Tier::STORED.iter().map(|tier| u64::from(tier.slots())).sum();
    assert!(store.sample_count().await.unwrap() <= most);
    for (tier, back) in [(Tier::Minute, DAY_MS), (Tier::TenMinutes, 2 * DAY_MS), (Tier::Hour, 2 * DAY_MS)] {
        let samples = store.samples(tier, WallTime(now - back), WallTime(now)).await.unwrap();
        let sum: u64 = samples.iter().map(|sample| sample.whole.down_bytes).sum();
        assert_eq!(sum, u64::try_from(back / 60_000).unwrap(), "{tier:?}");
        let zones = samples
            .iter()
            .all(|sample| sample.zones.values().all(|zone| zone.down_bytes == sample.whole.down_bytes));
        assert!(zones && samples.iter().all(|sample| sample.zones.len() == 1));
    }
    let size = store.size().unwrap();
    store.checkpoint().await.unwrap();
    assert!(store.size().unwrap().file_bytes < 2_000_000, "{size:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// However samples are cut into writes, every ring holds the same sums.
    #[test]
    fn writes_add_up_however_they_are_cut(
        samples in prop::collection::vec((0_i64..7_200_000, 0_u64..1_000), 1..60),
        cut in 1_usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(&dir.path().join("t.db")).await.unwrap();
            let samples: Vec<Sample> =
                samples.iter().map(|(at, bytes)| minute(START.wall.0 + at, *bytes)).collect();
            for some in samples.chunks(cut) {
                store.add_samples(some).await.unwrap();
            }
            let expected: u64 = samples.iter().map(|sample| sample.whole.down_bytes).sum();
            let most = samples.iter().map(|sample| sample.whole.down_bytes).max();
            for tier in Tier::STORED {
                let stored = store.samples(tier, WallTime(0), WallTime(i64::MAX)).await.unwrap();
                assert_eq!(stored.iter().map(|sample| sample.whole.down_bytes).sum::<u64>(), expected);
                assert_eq!(stored.iter().map(|sample| sample.whole.clients_most).max(), most);
                let covered: u64 = stored.iter().map(|sample| sample.whole.covered_ms).sum();
                assert_eq!(covered, 60_000 * samples.len() as u64);
            }
        });
    }
}

#[tokio::test]
async fn the_api_shows_them_and_says_what_it_does_not_know() {
    let api = Api::start().await;
    api.app.handle.sample_step().await.unwrap();
    online(&api.app, 1).await;
    for _ in 0..3 {
        api.app.kernel.packet(mac(1), 400, false);
        step(&api.app).await;
    }
    let (status, hour) = api.get("/api/v1/samples").await;
    assert_eq!((status, &hour["span"], &hour["zone"]), (200, &json!("hour"), &Value::Null));
    assert_eq!(
        (&hour["from"], &hour["to"]),
        (&json!("2026-05-31T23:00:30.000Z"), &json!("2026-06-01T00:00:30.000Z"))
    );
    let items = hour["items"].as_array().unwrap();
    let first = &items[0];
    assert_eq!(
        (items.len(), &first["at"], &first["step_secs"]),
        (3, &json!("2026-06-01T00:00:00.000Z"), &json!(10))
    );
    assert_eq!((&first["covered_secs"], &first["clients"]), (&json!(10.0), &json!(1.0)));
    assert_eq!(
        (&first["down_bytes"], &first["started"], &first["uplink_percent"]),
        (&json!(400), &json!(1), &Value::Null)
    );
    api.app.handle.note_uplink(true);
    step(&api.app).await;
    let (_, day) = api.get("/api/v1/samples?span=day&zone=").await;
    assert_eq!((&day["items"][0]["step_secs"], &day["items"][0]["covered_secs"]), (&json!(60), &json!(40.0)));
    assert_eq!(
        (&day["items"][0]["down_bytes"], &day["items"][0]["uplink_percent"]),
        (&json!(1_200), &json!(100.0))
    );
    let (_, zone) = api.get("/api/v1/samples?span=month&zone=guests").await;
    assert_eq!((&zone["zone"], &zone["items"][0]["down_bytes"]), (&json!("guests"), &json!(1_200)));
    assert_eq!(
        (&zone["items"][0]["started"], &zone["items"][0]["own_memory_kb"]),
        (&Value::Null, &Value::Null)
    );
    for (wrong, field) in [
        ("span=year", "span"),
        ("zone=none", "zone"),
        ("zone=%3Cb%3E", "zone"),
        ("span=hour&zone=Guests", "zone"),
    ] {
        let (status, problem) = api.get(&format!("/api/v1/samples?{wrong}")).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{wrong}: {problem}");
    }
    let token = api.token(&[Permission::ManageVouchers]).await;
    assert_eq!(api.raw(&token, "GET", "/api/v1/samples", Vec::new()).await.0, 403);
}

#[tokio::test]
async fn what_was_sold_is_known_by_voucher_plan_and_refund() {
    let counter = Counter::open().await;
    counter.hour().await;
    let sold = || async {
        let at = counter.wall();
        let sold = counter.app.store.sold_amounts(at.plus_millis(-DAY_MS), at.plus_millis(1)).await.unwrap();
        (sold.time_ms, sold.data_bytes, sold.unknown)
    };
    assert_eq!(sold().await, (0, 0, 0));
    let (_, first) = counter.post("/api/v1/vouchers/sell", json!({ "plan": "hour" })).await;
    let (batch, _) = counter.batch(json!({ "count": 2, "kind": "data", "data_mb": 500, "price": "1" })).await;
    counter.post("/api/v1/vouchers/sell", json!({ "batch": batch })).await;
    assert_eq!(sold().await, (3_600_000, 500_000_000, 0));
    let code = first["voucher"]["code"].as_str().unwrap();
    counter.online(1, code).await;
    let to = "10.0.0.1";
    let (status, body) = counter.post("/api/v1/top_ups", json!({ "to": to, "plan": "hour" })).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(sold().await, (7_200_000, 500_000_000, 0));
    counter.post("/api/v1/top_ups", json!({ "to": to, "add_time_secs": 60, "price": "1" })).await;
    assert_eq!(sold().await, (7_200_000, 500_000_000, 1), "an amount by hand is in no plan");
    let (status, _) = counter
        .post(&format!("/api/v1/sales/{}/refund", first["sale"]["id"].as_str().unwrap()), json!({}))
        .await;
    assert_eq!((status, sold().await), (201, (3_600_000, 500_000_000, 1)), "taken back, taken off");
}

#[tokio::test]
async fn the_busiest_clients_come_first_and_zones_are_counted() {
    let app = TestApp::start().await;
    for number in 1..=5 {
        online(&app, number).await;
    }
    app.device(6).await;
    app.pass(Duration::from_secs(1)).await;
    for (number, bytes) in [(1, 10), (2, 5_000), (3, 0), (4, 70_000), (5, 600)] {
        app.kernel.packet(mac(number), bytes, number % 2 == 0);
    }
    app.pass(Duration::from_secs(1)).await;
    let standing = app.handle.standing(3, None).await.unwrap();
    let first: Vec<_> = standing.busiest.iter().map(|busy| (busy.device.mac, busy.bytes_per_sec)).collect();
    assert_eq!(first, [(mac(4), 70_000), (mac(2), 5_000), (mac(5), 600)]);
    assert_eq!((standing.devices, standing.online), (6, 5));
    assert_eq!(standing.zones, [(ZoneName::new("guests"), 5)]);
    assert!(standing.clock_believed && standing.uplink.is_none());
    let unknown = app.handle.standing(9, Some(ZoneName::new("nowhere"))).await.unwrap();
    assert_eq!(unknown.busiest.len(), 5, "a zone that is none is no filter");
}
