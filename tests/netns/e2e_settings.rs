//! Settings that change while everybody is online: nobody loses a packet, nothing is charged twice, and what does not work
//! changes nothing.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::lab::{Daemon, DaemonConfig, Desk, HttpAnswer, HttpRequest, LAN4, Lab, Traffic, eventually, hex};

const SECOND: Duration = Duration::from_secs(1);
const ADMIN: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 2051);

/// How often a line has been logged.
fn logged(daemon: &Daemon<'_>, text: &str) -> usize {
    daemon.log().matches(text).count()
}

/// Saves a text in the place of another.
fn apply(desk: &Desk<'_>, old: &str, new: &str) -> HttpAnswer {
    let seen = hex(&Sha256::digest(old), 32);
    desk.post("/admin/settings/apply", &[("text", new), ("seen", &seen)])
}

#[test]
fn settings_change_under_traffic_and_nobody_loses_a_packet_or_a_byte() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let session =
        daemon.let_through(phone, &json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 100}));
    daemon.meet(captive);
    let desk = Desk::open(&lab, &daemon);
    let traffic = Traffic::start(&lab, phone, captive);
    let text = |number: usize| {
        fs::read_to_string(daemon.config()).unwrap()
            + &format!("# {number}\n[gateway]\nname = \"box {number}\"\n")
    };
    let plain = fs::read_to_string(daemon.config()).unwrap();
    for round in 0..3 {
        assert!(traffic.goes_on());
        if round == 1 {
            // By hand, and SIGHUP.
            fs::write(daemon.config(), format!("{plain}[gateway]\nname = \"by hand\"\n")).unwrap();
            daemon.signal(Signal::HUP);
        } else {
            let old = fs::read_to_string(daemon.config()).unwrap();
            let new = if round == 0 { text(round) } else { plain.clone() };
            let answer = apply(&desk, &old, &new);
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, Some("/admin/settings/result")),
                "{answer:?}"
            );
            // The door stays open: who knocks while the service starts anew waits, and is still signed in.
            let result = desk.get("/admin/settings/result");
            assert!(result.status == 200 && result.body.contains("The new settings hold"), "{result:?}");
            assert_eq!(fs::read_to_string(daemon.config()).unwrap(), new);
            assert!(
                !daemon.config().with_extension("toml.untried").exists(),
                "they have shown that they work"
            );
        }
        let holds = eventually(10 * SECOND, || logged(&daemon, "the new configuration holds") == round + 1);
        assert!(holds, "{}", daemon.log());
        assert_eq!(daemon.state(&session), "running");
    }
    assert_eq!(traffic.settle(), daemon.used(&session));
    let audit = daemon.get("/api/v1/audit?action=settings.");
    assert_eq!(audit["items"].as_array().unwrap().len(), 3, "{audit}");
}

#[test]
fn what_does_not_work_changes_nothing_and_is_said() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "data", "data_mb": 100}));
    let desk = Desk::open(&lab, &daemon);
    let plain = fs::read_to_string(daemon.config()).unwrap();
    // A broken file: refused with line and key.
    fs::write(daemon.config(), plain.replace("name = \"guests\"", "name = \"guests\"\nspeed = 7")).unwrap();
    daemon.signal(Signal::HUP);
    assert!(eventually(5 * SECOND, || logged(&daemon, "zone.speed: ") == 1), "{}", daemon.log());
    fs::write(daemon.config(), &plain).unwrap();
    // A listener that somebody else has: refused before anything changes.
    let _other = lab.router.enter(|| std::net::TcpListener::bind("127.0.0.1:2099").unwrap());
    let answer = apply(&desk, &plain, &format!("{plain}[admin]\nlisten = \"127.0.0.1:2099\"\n"));
    assert!(answer.status == 409 && answer.body.contains("cannot be opened"), "{answer:?}");
    assert_eq!(fs::read_to_string(daemon.config()).unwrap(), plain);
    // What fails only when it is done: the old settings hold again, in the file as well.
    let broken = plain.replace("turnpike.db\"", "control.sock/turnpike.db\"");
    assert_ne!(broken, plain);
    let answer = apply(&desk, &plain, &broken);
    assert_eq!(answer.status, 303, "{answer:?}");
    // It named another database: whoever was signed in is not any more, also where that was taken back.
    let result = desk.get("/admin/settings/result");
    assert!(result.status == 303 && result.header("location") == Some("/admin/login"), "{result:?}");
    let desk = Desk::open(&lab, &daemon);
    let result = desk.get("/admin/settings/result");
    assert!(result.body.contains("do not work"), "{result:?}");
    assert_eq!(fs::read_to_string(daemon.config()).unwrap(), plain);
    assert_eq!(daemon.state(&session), "running");
    assert_eq!(logged(&daemon, "the new configuration holds"), 0, "{}", daemon.log());
    // The pages move, and the old place is closed.
    let answer = apply(&desk, &plain, &format!("{plain}[admin]\nlisten = \"127.0.0.1:2098\"\n"));
    assert!(answer.status == 200 && answer.body.contains("http://127.0.0.1:2098/admin"), "{answer:?}");
    let there = HttpRequest::get("/admin/settings/result").header("Cookie", &desk.cookie);
    let there = there.send(&lab.router, (Ipv4Addr::LOCALHOST, 2098)).unwrap();
    assert!(there.status == 200 && there.body.contains("hold"), "{there:?}");
    assert!(HttpRequest::get("/healthz").send(&lab.router, ADMIN).is_err(), "the old place is open");
}

#[test]
fn settings_that_nobody_has_tried_are_gone_back_from_by_the_next_process() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "data", "data_mb": 100}));
    let plain = fs::read_to_string(daemon.config()).unwrap();
    let broken = plain.replace("turnpike.db\"", "turnpike.toml/turnpike.db\"");
    assert_ne!(broken, plain);
    // Killed after the file was written, and before the service began with it.
    daemon.kill();
    let beside = |end: &str| daemon.config().with_extension(format!("toml.{end}"));
    fs::write(beside("previous"), &plain).unwrap();
    fs::write(beside("untried"), hex(&Sha256::digest(&broken), 32)).unwrap();
    fs::write(daemon.config(), &broken).unwrap();
    let (refused, untried) = (beside("refused"), beside("untried"));
    daemon.restart();
    assert_eq!(fs::read_to_string(daemon.config()).unwrap(), plain);
    assert_eq!(fs::read_to_string(refused).unwrap(), broken);
    assert!(!untried.exists());
    assert_eq!(daemon.state(&session), "running");
    let audit = daemon.get("/api/v1/audit?action=settings.taken_back");
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    let result = Desk::open(&lab, &daemon).get("/admin/settings/result");
    assert!(result.body.contains("do not work"), "{result:?}");
}

#[test]
fn another_picture_in_the_same_place_is_taken_on_sighup() {
    let lab = Lab::with_phones(1);
    let logo = lab.dir.path().join("logo.png");
    let paint = |colour| fs::write(&logo, crate::e2e_browser_themes::png(8, 8, |_, _| colour)).unwrap();
    paint([200, 0, 0]);
    let more = format!("[theme]\nlogo = \"{}\"\n", logo.display());
    let daemon = Daemon::start_with(&lab, &DaemonConfig { more, ..DaemonConfig::default() });
    let shown = || {
        let page = HttpRequest::get("/").send(&lab.phones[0], (LAN4, 2050)).unwrap().body;
        page.split("/portal/logo-").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
    };
    let red = shown();
    daemon.signal(Signal::HUP);
    assert!(eventually(5 * SECOND, || logged(&daemon, "the same as before") == 1), "{}", daemon.log());
    paint([0, 0, 200]);
    daemon.signal(Signal::HUP);
    assert!(
        eventually(10 * SECOND, || logged(&daemon, "the new configuration holds") == 1),
        "{}",
        daemon.log()
    );
    assert_ne!(shown(), red);
}

#[test]
fn an_open_page_does_not_hold_up_the_end() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    daemon.let_through(&lab.phones[0], &json!({"kind": "data", "data_mb": 100}));
    let page = lab.dir.path().join("page.log");
    let events = format!("http://{LAN4}:2050/events");
    let _open = lab.phones[0].spawn(&["curl", "-sN", "-m", "60", &events], &page);
    let shown = |text: &str| fs::read_to_string(&page).unwrap_or_default().contains(text);
    assert!(eventually(5 * SECOND, || shown("event: status")), "no page");
    daemon.stop();
    assert_eq!(logged(&daemon, "some requests were still under way"), 0, "{}", daemon.log());
}

#[test]
fn a_zone_comes_and_goes_while_another_is_online() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "data", "data_mb": 100}));
    let one = fs::read_to_string(daemon.config()).unwrap();
    let cellar = DaemonConfig { cellar: Some(String::new()), ..DaemonConfig::default() };
    Daemon::write_config(&lab, &cellar);
    daemon.signal(Signal::HUP);
    assert!(
        eventually(10 * SECOND, || logged(&daemon, "the new configuration holds") == 1),
        "{}",
        daemon.log()
    );
    let portal = HttpRequest::get("/capport").send(&lab.router, (Ipv4Addr::LOCALHOST, 2060));
    assert_eq!(portal.unwrap().status, 200);
    fs::write(daemon.config(), one).unwrap();
    daemon.signal(Signal::HUP);
    assert!(
        eventually(10 * SECOND, || logged(&daemon, "the new configuration holds") == 2),
        "{}",
        daemon.log()
    );
    assert!(HttpRequest::get("/capport").send(&lab.router, (Ipv4Addr::LOCALHOST, 2060)).is_err());
    assert_eq!(daemon.state(&session), "running");
}
