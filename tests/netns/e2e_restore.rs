//! A back-up is restored while guests are online, and the daemon is killed meanwhile.

use std::fs;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{
    Daemon, Desk, HttpRequest, Lab, NET4, Operator, UdpBlaster, UdpEcho, eventually, header_bytes, holds_for,
};

const SECOND: Duration = Duration::from_secs(1);

fn backup(daemon: &Daemon<'_>, lab: &Lab, name: &str) -> Vec<u8> {
    let file = lab.dir.path().join(name);
    let config = daemon.config().display().to_string();
    let made = Daemon::run_cli(lab, &["backup", &file.display().to_string(), "--config", &config]);
    assert!(made.ok(), "{made:?}");
    fs::read(file).unwrap()
}

/// Has the back-up restored on the pages.
fn restore(lab: &Lab, token: &str, file: &[u8]) {
    let desk = Desk::sign_in(lab, token);
    let answer = desk.upload("/admin/backup/upload", file);
    assert_eq!(answer.status, 303, "{answer:?}");
    let page = desk.get("/admin/backup/restore");
    let of = page.body.split("name=\"of\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let answer = desk.post("/admin/backup/restore", &[("of", of)]);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn token(daemon: &Daemon<'_>) -> String {
    let made = daemon.post("/api/v1/tokens", &json!({"name": "desk", "permissions": ["admin"]}));
    made["token"].as_str().unwrap().to_owned()
}

#[test]
fn whoever_is_in_the_back_up_stays_online_and_is_not_charged_twice() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let token = token(&daemon);
    let terms = json!({"kind": "data", "data_mb": 100});
    let session = daemon.let_through(&lab.phones[0], &terms);
    let echo = UdpEcho::open(&lab.internet, (NET4, 7));
    let gap = Duration::from_millis(2);
    let mut blaster = UdpBlaster::start(&lab.phones[0], (NET4, 7), 500, gap);
    assert!(eventually(SECOND, || blaster.answers() > 100));
    let file = backup(&daemon, &lab, "one.backup");
    // Whoever comes later is in no back-up.
    let later = daemon.let_through(&lab.phones[1], &terms);
    let stranger = UdpBlaster::start(&lab.phones[1], (NET4, 7), 100, gap);
    assert!(eventually(SECOND, || stranger.answers() > 100));
    let before = daemon.used(&session);
    restore(&lab, &token, &file);
    assert!(
        eventually(10 * SECOND, || daemon.log().contains("the restored state holds")),
        "{}",
        daemon.log()
    );
    assert_eq!(daemon.state(&session), "running");
    assert_eq!(daemon.send(&HttpRequest::get(&format!("/api/v1/sessions/{later}"))).status, 404);
    let shut = Instant::now() + SECOND / 10;
    assert!(
        holds_for(SECOND / 2, || stranger.last_answer().is_none_or(|sent| sent <= shut)),
        "who is not in the back-up is still online"
    );
    let answers = blaster.answers();
    assert!(eventually(SECOND, || blaster.answers() > answers + 100), "who is in the back-up is offline");
    blaster.stop();
    assert_eq!(blaster.answers(), blaster.packets(), "packets were lost on the way");
    let passed = echo_bytes(&blaster);
    let used = daemon.used(&session);
    assert!(used < passed && used > 0, "{used} of {passed}: what lay between is not charged");
    assert!(before > 0 && echo.packets() > 0);
    let audit = daemon.get("/api/v1/audit?action=backup.");
    assert_eq!(audit["items"][0]["action"], "backup.restore", "{audit}");
}

/// What the flow of a blaster comes to, in both directions.
fn echo_bytes(blaster: &UdpBlaster) -> u64 {
    let one_way = blaster.answer_bytes() + blaster.answers() * header_bytes((IpAddr::from(NET4), 7).into());
    2 * one_way as u64
}

#[test]
fn kill_9_at_any_moment_of_a_restore_leaves_the_old_or_the_new_state_whole() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let token = token(&daemon);
    let terms = json!({"kind": "data", "data_mb": 100});
    let session = daemon.let_through(&lab.phones[0], &terms);
    let file = backup(&daemon, &lab, "one.backup");
    let (mut old, mut new) = (0, 0);
    for wait in [0, 5, 10, 20, 40, 80, 120, 160, 240] {
        let mark = daemon.post("/api/v1/devices", &json!({"mac": format!("02:00:5e:00:54:{wait:02x}")}));
        restore(&lab, &token, &file);
        sleep(Duration::from_millis(wait));
        daemon.kill();
        daemon.restart();
        // The device that came after the back-up tells which state it is.
        let path = format!("/api/v1/devices/{}", mark["id"].as_str().unwrap());
        match daemon.send(&HttpRequest::get(&path)).status {
            200 => old += 1,
            404 => new += 1,
            status => panic!("{status}"),
        }
        assert_eq!(daemon.state(&session), "running", "after {wait} ms");
        // Its token is in both.
        Desk::sign_in(&lab, &token);
    }
    assert!(new > 0, "never restored: {old} times the old state, {new} times the new one");
}

#[test]
fn the_pages_of_settings_back_ups_and_the_log_can_be_used_by_everybody() {
    let lab = Lab::builder().office().build();
    let config = crate::lab::DaemonConfig { more: Operator::config(), ..Default::default() };
    let daemon = Daemon::start_with(&lab, &config);
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    operator.opens("/admin/settings");
    browser.waits_for("The configuration file");
    operator.looks("settings");
    let text = browser.value("#text");
    browser.fill("#text", &format!("{text}\n[gateway]\nname = \"Harbour café\"\nheight = 3\n"));
    browser.press("button[value=check]");
    browser.waits_for("There is a mistake");
    operator.looks("settings-mistake");
    browser.fill("#text", &format!("{text}\n[gateway]\nname = \"Harbour café\"\n"));
    browser.press("button[value=save]");
    browser.waits_for("Save and apply these settings?");
    operator.looks("settings-confirm");
    browser.press("form[action='/admin/settings/apply'] button");
    browser.waits_for("The new settings hold");
    operator.looks("settings-result");
    assert!(fs::read_to_string(daemon.config()).unwrap().contains("Harbour café"));
    operator.opens("/admin/log");
    browser.waits_for("turnpike is ready");
    operator.looks("log");
    operator.opens("/admin/backup");
    browser.waits_for("Make and download");
    operator.looks("backup");
    backup(&daemon, &lab, "one.backup");
    browser.choose_file("#file", &lab.dir.path().join("one.backup"));
    browser.press("form[enctype] button");
    browser.waits_for("Restore this back-up?");
    operator.looks("restore");
    browser.press("form[action='/admin/backup/restore'] button");
    browser.waits_for("The back-up is being restored");
    browser.press("main a.button");
    browser.waits_for("Sign in");
}
