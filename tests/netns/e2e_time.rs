//! Clocks that jump and boxes that reboot.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{
    Daemon, DaemonConfig, LAN4, Lab, NET6, UdpBlaster, UdpEcho, UdpSink, eventually, holds_for,
};

const SECOND: Duration = Duration::from_secs(1);
const YEAR_MS: i64 = 365 * 86_400_000;

#[test]
fn a_wall_clock_that_jumps_by_years_changes_no_consumption() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    let begun = Instant::now();
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 10));
    for years in [20, -30, 0, 5] {
        daemon.set_clock(&format!("wall_offset_ms={}\n", years * YEAR_MS));
        let answers = blaster.answers();
        assert!(
            holds_for(SECOND, || {
                let (used, real) = (daemon.secs_used(&session), begun.elapsed().as_secs_f64());
                daemon.state(&session) == "running" && (used - real).abs() < 2.0
            }),
            "after a jump by {years} years: {}",
            daemon.session(&session)
        );
        assert!(
            eventually(SECOND, || blaster.answers() > answers + 50),
            "after a jump by {years} years the phone is offline"
        );
    }
}

#[test]
fn paused_time_is_not_charged() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let begun = Instant::now();
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    std::thread::sleep(SECOND);
    daemon.disconnect(&phone.mac);
    let used = daemon.secs_used(&session);
    assert!((1.0 - 0.5..begun.elapsed().as_secs_f64() + 1.0).contains(&used), "{used}");
    assert_eq!(daemon.state(&session), "paused");
    std::thread::sleep(2 * SECOND);
    assert!((daemon.secs_used(&session) - used).abs() < f64::EPSILON);
    let begun = Instant::now();
    daemon.connect(&phone.mac);
    let more = daemon.secs_used(&session) - used;
    assert!(more < begun.elapsed().as_secs_f64() + 1.0, "{more}");
}

#[test]
fn after_a_reboot_sessions_resume_as_their_devices_come_back() {
    let lab = Lab::with_phones(3);
    let config = DaemonConfig { flush_secs: 1, ..DaemonConfig::default() };
    let mut daemon = Daemon::start_with(&lab, &config);
    daemon.set_clock("boot_id=first\n");
    daemon.stop();
    daemon.restart();
    let [online, paused, never] = [&lab.phones[0], &lab.phones[1], &lab.phones[2]];
    let terms = json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 100});
    let session = daemon.let_through(online, &terms);
    let paused_session = daemon.let_through(paused, &terms);
    daemon.disconnect(&paused.mac);
    let never_session = {
        let device = daemon.meet(never);
        daemon.create_session(&device, &terms)
    };
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let mut blaster = UdpBlaster::start(online, (NET6, 7), 500, Duration::from_millis(2));
    assert!(eventually(3 * SECOND, || blaster.answers() > 200));
    blaster.stop();
    // Two flushes later all of it is on disk.
    std::thread::sleep(Duration::from_millis(2500));
    let (used_bytes, used_secs) = (daemon.used(&session), daemon.secs_used(&session));
    daemon.kill();

    // The power goes: an empty kernel, another boot id, a boottime that begins again; nobody speaks yet.
    lab.router.nft("flush ruleset");
    lab.router.run(&["conntrack", "-F"]);
    for device in ["wan", "br-lan"] {
        lab.router.run(&["tc", "qdisc", "delete", "dev", device, "root"]);
    }
    for phone in &lab.phones {
        phone.ip("link set eth0 down\n");
    }
    lab.router.ip("neigh flush all\n");
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let back = (uptime - 5.0) * 1000.0;
    daemon.set_clock(&format!("boot_id=second\nboot_offset_ms=-{back:.0}\n"));
    daemon.restart();
    assert_ne!(daemon.state(&session), "consumed");
    assert_eq!(daemon.used(&session), used_bytes);
    assert!((daemon.secs_used(&session) - used_secs).abs() < 2.5, "{}", daemon.session(&session));

    // They come back.
    let sink = UdpSink::open(&lab.internet, (NET6, 9));
    for phone in &lab.phones {
        phone.ip("link set eth0 up\n");
        let routes =
            format!("route replace default via {LAN4}\nroute replace default via {}\n", crate::lab::LAN6);
        phone.ip(&format!("address replace {}/64 dev eth0 nodad\n{routes}", phone.v6));
        assert!(eventually(3 * SECOND, || phone.ping(LAN4)));
    }
    let thieves =
        [paused, never].map(|phone| UdpBlaster::start(phone, (NET6, 9), 100, Duration::from_millis(5)));
    let again = UdpBlaster::start(online, (NET6, 7), 100, Duration::from_millis(5));
    assert!(
        eventually(5 * SECOND, || again.answers() > 20),
        "it does not resume: {} {}\n{}",
        daemon.session(&session),
        daemon.get("/api/v1/devices"),
        daemon.log()
    );
    assert_eq!(daemon.state(&session), "running");
    assert!(eventually(2 * SECOND, || thieves.iter().all(|thief| thief.packets() > 100)));
    assert_eq!(sink.packets(), 0, "somebody is online who was not");
    assert_eq!(daemon.state(&paused_session), "paused");
    assert_eq!(daemon.state(&never_session), "available");
    assert!(daemon.used(&session) >= used_bytes);
}
