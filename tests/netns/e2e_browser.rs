//! What a guest does, in a real browser in the phone's own namespace.

use std::thread::sleep;
use std::time::Duration;

use crate::e2e_walk::code_of;
use crate::lab::{Browser, Daemon, LAN4, Lab, NET4, TcpServer, Transfer, eventually};

const SECOND: Duration = Duration::from_secs(1);

fn portal() -> String {
    format!("http://{LAN4}:2050/")
}

#[test]
fn a_voucher_typed_in_then_pause_and_go_on() {
    let lab = Lab::builder().phones(1).alone().build();
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let _server = TcpServer::open(&lab.internet, (NET4, 8080));
    let created = daemon.cli_json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", "5"]);
    let browser = Browser::open(&lab, phone, "ana");
    // The phone asks for any page of the open Internet and is led to the portal.
    browser.goto("http://neverssl.test/");
    browser.waits_for("Welcome");
    assert_eq!(browser.url(), portal());
    browser.shot("welcome");
    browser.fill("input[name=code]", "WRONG-CODE");
    browser.press("form[action='/providers/voucher'] button");
    browser.waits_for("We do not know this code");
    browser.fill("input[name=code]", &code_of(&created));
    browser.press("form[action='/providers/voucher'] button");
    browser.waits_for("You are online");
    browser.shot("online");
    let download = Transfer::download(phone, (NET4, 8080));
    assert!(eventually(5 * SECOND, || download.bytes() > 1_000_000));
    browser.press("form[action='/disconnect'] button");
    browser.waits_for("Your access is paused");
    sleep(SECOND);
    let session = &daemon.get("/api/v1/sessions")["items"][0];
    let used = crate::lab::used_bytes(session);
    let came = u64::try_from(download.bytes()).unwrap();
    assert!(used >= came, "{used} charged, {came} came through");
    sleep(SECOND);
    let still = crate::lab::used_bytes(&daemon.get("/api/v1/sessions")["items"][0]);
    assert_eq!(still, used, "nothing is used while it is paused");
    browser.press("form[action='/connect'] button");
    browser.waits_for("You are online");
    browser.close();
}
