//! Boxes without a battery for their clock, clocks that are set, and boxes that sleep.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{Daemon, DaemonConfig, Lab, NET6, UdpBlaster, UdpEcho, eventually, holds_for};

const SECOND: Duration = Duration::from_secs(1);
const DAY_MS: i64 = 86_400_000;

/// What the wall clock has to be put back by to read the first seconds of 1970.
fn back_to_1970() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    -i64::try_from(now.as_millis()).unwrap()
}

/// The daemon anew, as after a boot, with this clock.
fn boots<'lab>(lab: &'lab Lab, config: &DaemonConfig, clock: &str) -> Daemon<'lab> {
    std::fs::write(lab.dir.path().join("clock"), clock).unwrap();
    Daemon::start_with(lab, config)
}

/// The clock is set by NTP when the way to the Internet is there: what was sold before lasts as long as what is sold afterwards.
#[test]
fn a_box_that_starts_in_1970_sells_minutes_that_last_when_its_clock_is_set() {
    let lab = Lab::with_phones(2);
    let daemon = boots(&lab, &DaemonConfig::default(), &format!("wall_offset_ms={}\n", back_to_1970()));
    let [online, later] = lab.phones.as_slice() else { panic!("two phones") };
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let terms = json!({"kind": "time", "time_secs": 600, "exp_days": 1});
    let begun = Instant::now();
    let session = daemon.let_through(online, &terms);
    let device = daemon.meet(later);
    let unused = daemon.create_session(&device, &terms);
    let vouchers =
        daemon.post("/api/v1/vouchers", &json!({"count": 1, "kind": "time", "time_secs": 60, "exp_days": 1}));
    let blaster = UdpBlaster::start(online, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 20));

    // Fifty-six years later.
    daemon.set_clock("");
    let as_it_was = || {
        let (used, real) = (daemon.secs_used(&session), begun.elapsed().as_secs_f64());
        daemon.state(&session) == "running" && (used - real).abs() < 2.0
    };
    let answers = blaster.answers();
    assert!(holds_for(3 * SECOND, as_it_was), "{}", daemon.session(&session));
    assert!(blaster.answers() > answers + 200, "it is offline");
    assert_eq!(daemon.state(&unused), "available");
    daemon.connect(&later.mac);
    assert_eq!(daemon.state(&unused), "running");
    let code = vouchers["codes"][0].as_str().unwrap();
    daemon.post(&format!("/api/v1/vouchers/{code}/redeem"), &json!({"device": later.mac}));

    // The next boot begins in 1970 again.
    drop(daemon);
    let used = begun.elapsed().as_secs_f64();
    let daemon = boots(&lab, &DaemonConfig::default(), &format!("wall_offset_ms={}\n", back_to_1970()));
    assert_eq!(daemon.state(&session), "running", "{}", daemon.session(&session));
    let now = daemon.secs_used(&session);
    assert!((now - used).abs() < 5.0, "{now} of {used} s");
}

/// A leap second, a summer time that somebody's clock is set by, a day lost, and back again.
#[test]
fn a_clock_that_is_set_a_little_or_a_day_changes_no_consumption() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let begun = Instant::now();
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600, "exp_days": 3}));
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 10));
    for (what, millis) in [
        ("a leap second", 1_000),
        ("a leap second taken back", -1_000),
        ("summer", 3_600_000),
        ("winter", -3_600_000),
        ("a day back", -DAY_MS),
        ("a day on", DAY_MS),
        ("as it was", 0),
    ] {
        daemon.set_clock(&format!("wall_offset_ms={millis}\n"));
        let answers = blaster.answers();
        let as_it_was = || {
            let (used, real) = (daemon.secs_used(&session), begun.elapsed().as_secs_f64());
            daemon.state(&session) == "running" && (used - real).abs() < 2.0
        };
        assert!(holds_for(SECOND, as_it_was), "{what}: {}", daemon.session(&session));
        assert!(eventually(SECOND, || blaster.answers() > answers + 50), "{what}: offline");
    }
}

/// While it sleeps its boottime goes on, and the kernel's timers do not: a session has what was left of it when the box wakes up, less
/// the sleep.
#[test]
fn a_box_that_slept_has_counted_its_sleep_and_gives_nothing_away() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let begun = Instant::now();
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 300}));
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 10));

    daemon.set_clock("boot_offset_ms=200000\n");
    let counted = || (daemon.secs_used(&session) - 200.0 - begun.elapsed().as_secs_f64()).abs() < 2.0;
    assert!(eventually(2 * SECOND, counted), "{}", daemon.session(&session));
    assert_eq!(daemon.state(&session), "running");
    let answers = blaster.answers();
    assert!(eventually(SECOND, || blaster.answers() > answers + 50), "offline with minutes left");

    // It sleeps again, and for longer than there is left.
    daemon.set_clock("boot_offset_ms=400000\n");
    let woke = Instant::now();
    assert!(eventually(3 * SECOND, || daemon.state(&session) == "consumed"), "{}", daemon.session(&session));
    let last = blaster.last_answer().unwrap().saturating_duration_since(woke);
    assert!(last < 3 * SECOND, "let through for {last:?} after it woke");
    let answers = blaster.answers();
    assert!(holds_for(SECOND / 2, || blaster.answers() == answers), "let through after its time");
    let used = daemon.secs_used(&session);
    assert!((used - 300.0).abs() < 0.001, "charged {used} of 300 s");
}
