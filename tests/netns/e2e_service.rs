//! The daemon as its service manager and the firewall's scripts meet it: signs of life, reload, and rules without a daemon.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::lab::{
    Daemon, DaemonConfig, Lab, NET4, NET6, Traffic, UdpSink, eventually, holds_for, send_datagrams,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(1);

/// What systemd would be told.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn listen(lab: &Lab) -> (Self, Vec<(String, String)>) {
        let path = lab.dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(10 * SECOND)).unwrap();
        let environment =
            [("NOTIFY_SOCKET", path.display().to_string()), ("WATCHDOG_USEC", "900000".to_owned())];
        (Self { socket }, environment.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// The next message.
    fn hears(&self) -> String {
        let mut message = [0; 500];
        let length = self.socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    /// The next message that begins so; signs of life may come before it.
    fn hears_of(&self, what: &str) -> String {
        loop {
            let message = self.hears();
            if message.starts_with(what) {
                return message;
            }
            assert_eq!(message, "WATCHDOG=1\n", "instead of {what}");
        }
    }
}

#[test]
fn a_service_manager_is_told_when_it_is_ready_alive_reloading_and_stopping() {
    let lab = Lab::with_phones(1);
    let (manager, environment) = Manager::listen(&lab);
    let mut daemon = Daemon::start_with(&lab, &DaemonConfig { environment, ..DaemonConfig::default() });
    manager.hears_of("READY=1\n");
    // Signs of life come well within the 0.9 s after which it would be killed.
    for _ in 0..4 {
        let before = Instant::now();
        manager.hears_of("WATCHDOG=1\n");
        assert!(before.elapsed() < Duration::from_millis(900), "{:?}", before.elapsed());
    }
    let plain = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), format!("{plain}[gateway]\nname = \"anew\"\n")).unwrap();
    daemon.signal(Signal::HUP);
    let reloading = manager.hears_of("RELOADING=1\n");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.hears_of("READY=1\n");
    // Stopped as by a debugger: nobody says that it is alive while it is not.
    daemon.signal(Signal::STOP);
    manager.socket.set_read_timeout(Some(2 * SECOND)).unwrap();
    // One may have been on its way.
    let said = (0..3).take_while(|_| manager.socket.recv(&mut [0; 500]).is_ok()).count();
    assert!(said < 3, "signs of life of one that does not answer");
    manager.socket.set_read_timeout(Some(10 * SECOND)).unwrap();
    daemon.signal(Signal::CONT);
    manager.hears_of("WATCHDOG=1\n");
    daemon.stop();
    manager.hears_of("STOPPING=1\n");
}

#[test]
fn reload_says_what_became_of_it_and_nobody_loses_a_packet() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 100}));
    daemon.meet(captive);
    let traffic = Traffic::start(&lab, phone, captive);
    assert!(traffic.goes_on());

    let same = daemon.cli(&["reload"]);
    assert!(same.ok() && same.stdout.contains("the same as before"), "{same:?}");
    let plain = fs::read_to_string(daemon.config()).unwrap();
    // Every mistake at once, and nothing is applied.
    let wrong = plain.replace("name = \"guests\"", "name = \"guests\"\nspeed = 7\ndown_mbps = \"fast\"");
    fs::write(daemon.config(), wrong).unwrap();
    let refused = daemon.cli(&["reload"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    for key in ["zone.speed", "zone.down_mbps"] {
        assert!(refused.stderr.lines().any(|line| line.contains(key)), "{refused:?}");
    }
    // Speeds, gardens, and one zone more.
    let zone = "\ndown_mbps = 50\ngarden_addresses = [\"203.0.113.77\"]";
    let more = "[[zone]]\nname = \"cellar\"\nlan = [\"br-guest\"]\nportal = \"[::]:2060\"\n";
    let new = plain.replace("name = \"guests\"", &format!("name = \"guests\"{zone}")) + more;
    fs::write(daemon.config(), new).unwrap();
    let would = daemon.cli_json(&["reload", "--dry-run"]);
    assert_eq!((&would["changed"], &would["cuts_off"]), (&json!(true), &json!(false)), "{would}");
    assert!(would["meaning"].to_string().contains("The zone cellar is added"), "{would}");
    let taken = daemon.cli_json(&["reload"]);
    assert_eq!(taken["last_order"]["state"], "done", "{taken}");
    assert!(daemon.cli(&["reload"]).ok());
    assert!(traffic.goes_on());
    // What shows only when it is tried is taken back, and said.
    let broken = plain.replace("turnpike.db\"", "control.sock/turnpike.db\"");
    fs::write(daemon.config(), broken).unwrap();
    let asked = daemon.cli(&["reload"]);
    assert!(asked.code == 1 && asked.stderr.contains("may be cut off"), "{asked:?}");
    assert!(asked.stderr.contains("The zone cellar is removed"), "{asked:?}");
    let back = daemon.cli(&["reload", "--yes"]);
    assert!(back.code == 1 && back.stderr.contains("the old one holds again"), "{back:?}");
    fs::write(daemon.config(), &plain).unwrap();
    assert!(daemon.cli(&["reload", "--yes"]).ok());
    assert!(traffic.goes_on());
    assert_eq!(daemon.state(&session), "running");
    assert_eq!(traffic.settle(), daemon.used(&session));
    let audit = daemon.get("/api/v1/audit?action=settings.change");
    let by: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|line| line["actor"].as_str().unwrap()).collect();
    assert_eq!(by, ["root", "root", "root"], "{audit}");
}

#[test]
fn rules_without_a_daemon_keep_guests_out_and_are_taken_over() {
    let lab = Lab::with_phones(1);
    let config = Daemon::write_config(&lab, &DaemonConfig::default()).display().to_string();
    let phone = &lab.phones[0];
    let sinks = [UdpSink::open(&lab.internet, (NET4, 9)), UdpSink::open(&lab.internet, (NET6, 9))];
    let arrived = || sinks.iter().map(UdpSink::packets).sum::<usize>();
    let send = || {
        send_datagrams(phone, (NET4, 9), 100, 5, GAP);
        send_datagrams(phone, (NET6, 9), 100, 5, GAP);
    };
    let gets_out = || {
        let before = arrived();
        send();
        eventually(SECOND, || arrived() == before + 10)
    };
    let stays_in = || {
        let before = arrived();
        send();
        holds_for(SECOND / 4, || arrived() == before)
    };
    // Neighbours know each other: what comes next is the rules' doing alone.
    assert!(phone.ping(NET4) && phone.ping(NET6));
    assert!(gets_out(), "the lab routes");
    let closed = Daemon::run_cli(&lab, &["close", "--config", &config]);
    assert!(closed.ok(), "{closed:?}");
    assert!(stays_in(), "open before the daemon runs");
    // The operator's side stays as it was: the router itself reaches the Internet.
    assert!(lab.router.ping(NET4));

    let mut daemon = Daemon::start(&lab);
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 100}));
    assert!(gets_out());
    // While it runs or is dead, closing drops nobody who has a session.
    for _ in 0..2 {
        let closed = Daemon::run_cli(&lab, &["close", "--config", &config]);
        assert!(closed.ok() && gets_out(), "{closed:?}");
        daemon.kill();
    }
    daemon.restart();
    assert_eq!(daemon.state(&session), "running");
    // Somebody's firewall took everything: nobody gets out any more, nor do those who have no session, and one command
    // puts all back.
    daemon.signal(Signal::STOP);
    lab.router.nft("flush ruleset");
    assert!(Daemon::run_cli(&lab, &["close", "--config", &config]).ok());
    assert!(stays_in(), "closed for all until the daemon looks");
    daemon.signal(Signal::CONT);
    let put_back = daemon.cli(&["reconcile"]);
    assert!(put_back.ok(), "{put_back:?}");
    let looks = || {
        let before = arrived();
        send();
        arrived() == before + 10
    };
    assert!(eventually(2 * SECOND, looks));
    // A file with a mistake in it leaves nobody in: what last worked closes the networks.
    daemon.stop();
    let right = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), format!("{right}speed = 7\n")).unwrap();
    lab.router.nft("flush ruleset");
    assert!(gets_out(), "the lab routes");
    let closed = Daemon::run_cli(&lab, &["close", "--config", &config]);
    assert!(
        closed.ok() && closed.stderr.contains("speed") && closed.stderr.contains("worked last"),
        "{closed:?}"
    );
    assert!(stays_in(), "open for want of a comma");
    fs::write(daemon.config(), right).unwrap();
    // Nothing of it stays.
    assert!(Daemon::run_cli(&lab, &["down", "--config", &config]).ok());
    assert!(!lab.router.must(&["nft", "list", "tables"]).contains("turnpike"));
}
