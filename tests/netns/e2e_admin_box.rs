//! The box itself, in a real browser in the office: who may do what, who is told, what happened, and what it is set to.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;

use crate::lab::{
    Daemon, DaemonConfig, HttpRequest, Lab, NET4, OFFICE4, Operator, TcpServer, Transfer, eventually,
};

const SECOND: Duration = Duration::from_secs(1);
const FAR: (Ipv4Addr, u16) = (NET4, 8080);
const ADMIN: (Ipv4Addr, u16) = (OFFICE4, 2051);

fn config(zone: &str) -> DaemonConfig {
    DaemonConfig { zone: zone.to_owned(), more: Operator::config(), ..DaemonConfig::default() }
}

#[test]
fn tokens_hooks_locks_the_audit_log_and_events_as_they_happen() {
    let lab = Lab::builder().phones(1).office().build();
    let daemon = Daemon::start_with(&lab, &config(""));
    let office = lab.office.as_ref().unwrap();
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;

    // A token is shown once, works, and is taken back.
    operator.opens("/admin/tokens");
    browser.press(".empty .button");
    browser.fill("[name=name]", "till on the first floor");
    browser.press("#view_session");
    browser.press("main form button");
    browser.waits_for("It is shown only now");
    operator.looks("token-made");
    let token = browser.text_of(".secret").unwrap();
    let status =
        || HttpRequest::get("/api/v1/devices").token(token.trim()).send(office, ADMIN).unwrap().status;
    assert_eq!(status(), 200);
    browser.runs("location.reload();");
    assert!(!browser.text().contains(token.trim()), "it is not shown again");
    operator.opens("/admin/tokens");
    browser.press("a.danger");
    browser.waits_for("Cancel");
    browser.press("main form button");
    browser.waits_for("Revoked: 1");
    assert_eq!(status(), 401);

    operator.opens("/admin/hooks/new");
    browser.fill("[name=name]", "bookkeeping");
    browser.fill("[name=url]", "ftp://example.com/");
    browser.press("main form button");
    browser.waits_for("Error:");
    assert_eq!(browser.value("[name=name]"), "bookkeeping");
    browser.fill("[name=url]", "http://127.0.0.1:9/");
    browser.press("main form button");
    browser.waits_for("It is shown only now");
    browser.press(".actions .button");
    browser.waits_for("How it is doing");
    browser.press("form[action$='/test'] button");
    browser.waits_for("did not take the test");
    operator.looks("hook-test");
    browser.press("a.danger");
    browser.waits_for("Cancel");
    browser.press("main form button");
    browser.waits_for("There are no hooks yet");

    let phone = &lab.phones[0];
    daemon.meet(phone);
    daemon.create_session(&phone.mac, &json!({"kind": "time", "time_secs": 600}));
    operator.opens("/admin/events");
    browser.waits_for("Live events");
    // The page hears of it without being loaded again.
    browser.runs("window.stays = true;");
    daemon.connect(&phone.mac);
    let heard = eventually(8 * SECOND, || {
        browser.text_of("#events tbody").is_some_and(|rows| rows.contains("update"))
    });
    assert!(heard, "{}", browser.text());
    assert_eq!(browser.evaluate("window.stays"), true);
    operator.looks("events-live");

    daemon.post("/api/v1/locks", &json!({"name": "door/1", "device": phone.mac}));
    operator.opens("/admin/locks");
    browser.waits_for("door/1");
    browser.press("td a.button");
    browser.waits_for("Cancel");
    browser.press("main form button");
    browser.waits_for("Nobody holds a lock");
    assert_eq!(daemon.get("/api/v1/locks")["total"], 0);

    operator.opens("/admin/audit?who=ana");
    browser.waits_for("token.revoke");
    assert!(browser.text().contains("lock.release"), "{}", browser.text());
    operator.looks("audit-who");
}

#[test]
fn a_setting_is_checked_saved_and_in_force_while_a_download_goes_on() {
    let lab = Lab::builder().phones(1).office().alone().build();
    let daemon = Daemon::start_with(&lab, &config("client_down_mbps = 8\n"));
    let _server = TcpServer::open(&lab.internet, FAR);
    let phone = &lab.phones[0];
    let terms = json!({"kind": "data", "data_mb": 50_000, "use_global_speed": true});
    let session = daemon.let_through(phone, &terms);
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    operator.opens("/admin/settings");
    let text = browser.value("#text");
    let changed = |to: &str| {
        let text = text.replace("client_down_mbps = 8", to);
        let script = format!("document.getElementById('text').value = {};", json!(text));
        browser.runs(&script);
    };
    changed("client_down_mbps = \"fast\"");
    browser.press("button[name=go][value=save]");
    browser.waits_for("Nothing was changed");
    assert!(browser.text().contains("zone.client_down_mbps"), "{}", browser.text());
    operator.looks("settings-wrong");

    let download = Transfer::download(phone, FAR);
    assert!(eventually(8 * SECOND, || download.bytes() > 300_000), "nothing comes through");
    changed("client_down_mbps = 16");
    browser.press("button[name=go][value=save]");
    browser.waits_for("What it means");
    operator.looks("settings-confirm");
    browser.press("form[action='/admin/settings/apply'] button");
    // The same person is still signed in afterwards, and the download has never stopped.
    let applied = eventually(20 * SECOND, || {
        std::fs::read_to_string(daemon.config()).is_ok_and(|text| text.contains("client_down_mbps = 16"))
            && browser.text().contains("The new settings hold")
    });
    assert!(applied, "{}\n{}", browser.text(), daemon.log());
    operator.looks("settings-applied");
    let before = download.bytes();
    assert!(eventually(8 * SECOND, || download.bytes() > before + 1_000_000), "the download stopped");
    let shown = daemon.session(&session);
    assert_eq!(shown["state"], "running", "{shown}");
    operator.opens("/admin/log");
    browser.waits_for("turnpike is ready");
    operator.looks("log");
}
