//! One customer at a time at the coin slot, and walking away frees it: with devices that really leave.

use std::fs;
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Daemon, DaemonConfig, LAN4, Lab, Phone, eventually, holds_for};

const SECOND: Duration = Duration::from_secs(1);
const SLOT: &str = "coinslot/1";

fn daemon(lab: &Lab) -> Daemon<'_> {
    Daemon::start_with(
        lab,
        &DaemonConfig { zone: "away_pause_secs = 60\n".to_owned(), ..DaemonConfig::default() },
    )
}

/// Who holds a lock, by id.
fn owner(daemon: &Daemon<'_>, name: &str) -> Option<String> {
    let locks = daemon.get("/api/v1/locks");
    let lock = locks["items"].as_array().unwrap().iter().find(|lock| lock["name"] == name)?;
    Some(lock["owner"].as_str().unwrap().to_owned())
}

fn acquire(daemon: &Daemon<'_>, name: &str, phone: &Phone, scope: &str) -> Value {
    daemon.cli_json(&["lock", "acquire", name, &phone.mac, "--scope", scope])
}

fn set_link(phone: &Phone, state: &str) {
    phone.ip(&format!("link set eth0 {state}\n"));
}

/// Joins again and is seen to be there.
fn come_back(daemon: &Daemon<'_>, phone: &Phone) {
    set_link(phone, "up");
    let path = format!("/api/v1/devices/{}", phone.mac);
    let is_back = || {
        let device = daemon.get(&path);
        phone.ping(LAN4) && device["present"] == true && device["ipv4"][0] == phone.v4.to_string()
    };
    assert!(eventually(10 * SECOND, is_back), "it does not come back:\n{}", daemon.log());
}

/// A command that waits for a lock: when it got it, on this machine's clock.
fn wait_for<'scope>(
    daemon: &'scope Daemon<'_>,
    scope: &'scope std::thread::Scope<'scope, '_>,
    name: &'static str,
    phone: &'scope Phone,
) -> ScopedJoinHandle<'scope, Instant> {
    let line = || {
        let locks = daemon.get("/api/v1/locks");
        let lock = locks["items"].as_array().unwrap().iter().find(|lock| lock["name"] == name).cloned();
        lock.map_or(0, |lock| lock["waiting"].as_array().unwrap().len())
    };
    let before = line();
    let waits = scope.spawn(move || {
        let got = daemon.cli_json(&["lock", "acquire", name, &phone.mac, "--wait", "60"]);
        assert_eq!(got["name"], name);
        Instant::now()
    });
    assert!(eventually(5 * SECOND, || line() == before + 1), "the command does not wait");
    waits
}

#[test]
fn walking_away_frees_the_coin_slot_within_5_s() {
    let lab = Lab::builder().phones(2).alone().build();
    let daemon = daemon(&lab);
    let ids: Vec<String> = lab.phones.iter().map(|phone| daemon.meet(phone)).collect();
    let mut times = Vec::new();
    // Each of them holds it once and walks off while the other waits.
    for (holder, other) in [(0, 1), (1, 0), (0, 1)] {
        let (phone, waiter) = (&lab.phones[holder], &lab.phones[other]);
        assert_eq!(acquire(&daemon, SLOT, phone, "connection")["owner"], ids[holder].as_str());
        scope(|scope| {
            let waits = wait_for(&daemon, scope, SLOT, waiter);
            // It says nothing and has no session, but it is here.
            let stays =
                holds_for(4 * SECOND, || owner(&daemon, SLOT).as_deref() == Some(ids[holder].as_str()));
            assert!(stays, "taken from a device that is here:\n{}", daemon.log());
            let left = Instant::now();
            set_link(phone, "down");
            times.push(waits.join().unwrap() - left);
        });
        assert_eq!(owner(&daemon, SLOT).as_deref(), Some(ids[other].as_str()));
        assert!(daemon.cli(&["lock", "release", SLOT, "--device", &waiter.mac]).ok());
        come_back(&daemon, phone);
    }
    eprintln!("from leaving to the next one in line: {times:?}");
    for time in &times {
        assert!(*time < 5 * SECOND, "{times:?}");
    }
}

#[test]
fn a_lock_for_the_session_outlives_a_short_absence() {
    let lab = Lab::builder().phones(2).alone().build();
    let daemon = daemon(&lab);
    let ids: Vec<String> = lab.phones.iter().map(|phone| daemon.meet(phone)).collect();
    let (phone, other) = (&lab.phones[0], &lab.phones[1]);
    let is_held = |name: &str| owner(&daemon, name).as_deref() == Some(ids[0].as_str());
    acquire(&daemon, "strong", phone, "session");
    acquire(&daemon, "weak", phone, "connection");

    set_link(phone, "down");
    assert!(eventually(6 * SECOND, || owner(&daemon, "weak").is_none()), "{}", daemon.log());
    assert!(is_held("strong"), "freed by a short absence:\n{}", daemon.log());
    come_back(&daemon, phone);
    // It is back for good when it keeps what it would lose by being away.
    let back = eventually(10 * SECOND, || {
        acquire(&daemon, "weak", phone, "connection");
        holds_for(3 * SECOND, || is_held("weak"))
    });
    assert!(back, "it is not seen to be back:\n{}", daemon.log());
    // What it was away before does not count.
    daemon.set_clock("boot_offset_ms=100000\n");
    assert!(holds_for(3 * SECOND, || is_held("strong")), "{}", daemon.log());

    scope(|scope| {
        let waits = wait_for(&daemon, scope, "strong", other);
        set_link(phone, "down");
        assert!(eventually(6 * SECOND, || owner(&daemon, "weak").is_none()), "{}", daemon.log());
        daemon.set_clock("boot_offset_ms=140000\n");
        sleep(2 * SECOND);
        assert!(is_held("strong"), "freed before away_pause_secs were over:\n{}", daemon.log());
        daemon.set_clock("boot_offset_ms=160000\n");
        let over = Instant::now();
        let got = waits.join().unwrap();
        assert!(got.saturating_duration_since(over) < 5 * SECOND, "{:?}", got - over);
    });
    assert_eq!(owner(&daemon, "strong").as_deref(), Some(ids[1].as_str()));

    // Blocking frees it, wherever the device is.
    assert!(daemon.cli(&["block", &other.mac]).ok());
    assert!(eventually(3 * SECOND, || owner(&daemon, "strong").is_none()), "{}", daemon.log());
    let refused = daemon.cli(&["lock", "acquire", "strong", &other.mac]);
    assert_eq!((refused.code, refused.stderr.contains("this device is blocked")), (1, true), "{refused:?}");
}

#[test]
fn in_a_zone_of_two_bridges_a_device_is_looked_for_where_it_is() {
    let lab = Lab::builder().phones(1).guests(1).alone().build();
    let mut daemon = daemon(&lab);
    let config = fs::read_to_string(daemon.config()).unwrap();
    let both = config.replace("lan = [\"br-lan\"]", "lan = [\"br-lan\", \"br-guest\"]");
    assert_ne!(config, both);
    fs::write(daemon.config(), both).unwrap();
    daemon.stop();
    daemon.restart();
    let phones = [("first", &lab.phones[0]), ("second", &lab.guests[0])];
    let ids = phones.map(|(name, phone)| {
        let id = daemon.meet(phone);
        acquire(&daemon, name, phone, "connection");
        assert_eq!(daemon.cli_json(&["ping", &phone.mac])["reachable"], true, "{name}");
        id
    });
    let held = holds_for(5 * SECOND, || {
        phones.iter().zip(&ids).all(|((name, _), id)| owner(&daemon, name).as_deref() == Some(id.as_str()))
    });
    assert!(held, "{}", daemon.log());
    for (name, phone) in phones {
        set_link(phone, "down");
        let left = Instant::now();
        assert!(eventually(10 * SECOND, || owner(&daemon, name).is_none()), "{name}: {}", daemon.log());
        assert!(left.elapsed() < 5 * SECOND, "{name}: {:?}", left.elapsed());
    }
}
