//! Opening hours on the real daemon and kernel: closing on time, also with nobody there to do it, and opening again.

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::lab::{
    Daemon, DaemonConfig, HttpRequest, LAN4, Lab, NET6, UdpBlaster, UdpEcho, eventually, holds_for,
};

const SECOND: Duration = Duration::from_secs(1);

/// A zone that is closed for two minutes, which begin at a full minute that is near.
struct Hours {
    closes: SystemTime,
    line: String,
}

impl Hours {
    fn soon() -> Self {
        let minute = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60 + 10;
        let clock = |minute: u64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let line = format!("mon-sun {}-{}", clock(minute + 2), clock(minute));
        Self { closes: UNIX_EPOCH + Duration::from_secs(minute * 60), line }
    }

    /// What moves a clock so that it closes in so many milliseconds; it has closed if they are negative.
    fn offset(&self, closes_in_ms: i64) -> String {
        let away = self.closes.duration_since(SystemTime::now()).unwrap();
        format!("wall_offset_ms={}\n", i64::try_from(away.as_millis()).unwrap() - closes_in_ms)
    }

    fn config(&self, more: &str) -> DaemonConfig {
        DaemonConfig {
            zone: format!("auto_connect = true\nopen = [\"{}\"]\n{more}", self.line),
            environment: vec![("TZ".to_owned(), "UTC".to_owned())],
            ..DaemonConfig::default()
        }
    }
}

fn zone(daemon: &Daemon<'_>) -> Value {
    daemon.get("/api/v1/status")["zones"][0].clone()
}

#[test]
fn with_the_daemon_killed_the_kernel_closes_and_what_was_used_is_charged() {
    let lab = Lab::with_phones(1);
    let hours = Hours::soon();
    fs::write(lab.dir.path().join("clock"), hours.offset(60_000)).unwrap();
    let mut daemon = Daemon::start_with(&lab, &hours.config(""));
    let phone = &lab.phones[0];
    let echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let begun = Instant::now();
    let session =
        daemon.let_through(phone, &json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 100}));
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 10));
    assert_eq!(zone(&daemon)["open"], true, "{}", zone(&daemon));

    let closes_in = Duration::from_secs(5);
    let clock = hours.offset(5_000);
    let set = Instant::now();
    daemon.set_clock(&clock);
    // Within a second the deadline is in the kernel.
    let closes_soon = || {
        let elements = lab.router.run(&["nft", "-j", "list", "set", "inet", "turnpike", "online"]).json();
        let expires = elements.pointer("/nftables/1/set/elem/0/elem/expires").and_then(Value::as_u64);
        expires.is_some_and(|secs| secs <= closes_in.as_secs())
    };
    assert!(eventually(3 * SECOND, closes_soon), "{}", daemon.log());
    daemon.kill();
    assert!(holds_for(SECOND, || {
        let before = blaster.answers();
        std::thread::sleep(SECOND / 10);
        blaster.answers() > before
    }));
    let mut last = (blaster.answers(), Instant::now());
    let stopped = eventually(8 * SECOND, || {
        let answers = blaster.answers();
        if answers != last.0 {
            last = (answers, Instant::now());
        }
        last.1.elapsed() > SECOND
    });
    assert!(stopped, "the kernel lets it through after the closing");
    let (closed_after, online_for) = (last.1 - set, last.1 - begun);
    assert!(
        (closes_in - SECOND / 5..closes_in + SECOND / 2).contains(&closed_after),
        "it closed after {closed_after:?}"
    );

    daemon.restart();
    assert_eq!(daemon.session(&session)["state"], "paused");
    assert_eq!(daemon.session(&session)["reason"], "opening_hours", "{}", daemon.session(&session));
    let used = daemon.secs_used(&session);
    assert!((online_for.as_secs_f64() - used).abs() < 1.0, "online for {online_for:?}, {used} s are charged");
    let answer =
        daemon.send(&HttpRequest::json("POST", &format!("/api/v1/devices/{}/connect", phone.mac), "{}"));
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (409, Some("/problems/zone-closed")),
        "{answer:?}"
    );
    let page = HttpRequest::get("/").send(phone, (LAN4, 2050)).unwrap();
    assert!(page.body.contains("Closed now") && page.body.contains("Open again at "), "{}", page.body);
    assert_eq!(zone(&daemon)["open"], false);

    // It opens, and the phone need not ask.
    let answers = blaster.answers();
    daemon.set_clock(&hours.offset(-118_000));
    assert!(
        eventually(10 * SECOND, || blaster.answers() > answers + 20),
        "{}\n{}",
        zone(&daemon),
        daemon.log()
    );
    assert_eq!(daemon.state(&session), "running");
    drop(echo);
}

#[test]
fn new_hours_act_at_once_and_a_reload_says_whom_they_cut_off() {
    let lab = Lab::with_phones(1);
    let hours = Hours::soon();
    fs::write(lab.dir.path().join("clock"), hours.offset(-60_000)).unwrap();
    let always = DaemonConfig { zone: "auto_connect = true\n".to_owned(), ..hours.config("") };
    let daemon = Daemon::start_with(&lab, &always);
    let phone = &lab.phones[0];
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 10));
    let seconds_alone = daemon.secs_used(&session);

    let path = Daemon::write_config(&lab, &hours.config(""));
    assert_eq!(path, daemon.config());
    let said = daemon.post("/api/v1/service/reload", &json!({"dry_run": true}));
    assert_eq!(said["cuts_off"], true, "{said}");
    assert!(said["meaning"].to_string().contains("is closed now, by its new opening hours"), "{said}");
    assert_eq!(daemon.state(&session), "running", "nothing is done yet");
    let asked = daemon.cli(&["reload"]);
    assert!(!asked.ok() && asked.stderr.contains("somebody may be cut off"), "{asked:?}");
    assert_eq!(daemon.state(&session), "running", "not without being asked");
    let reloaded = daemon.cli(&["reload", "--yes"]);
    assert!(reloaded.ok(), "{reloaded:?}");
    assert!(eventually(5 * SECOND, || daemon.state(&session) == "paused"), "{}", daemon.session(&session));
    let (answers, used) = (blaster.answers(), daemon.secs_used(&session));
    assert!(used >= seconds_alone);
    assert!(holds_for(SECOND, || blaster.answers() == answers && daemon.state(&session) == "paused"));
    assert!((daemon.secs_used(&session) - used).abs() < f64::EPSILON);

    Daemon::write_config(&lab, &always);
    let reloaded = daemon.cli(&["reload"]);
    assert!(reloaded.ok(), "{reloaded:?}");
    assert!(eventually(10 * SECOND, || blaster.answers() > answers + 20), "{}", daemon.log());
    assert_eq!(daemon.state(&session), "running");
}
