//! What is sold, from the plan to the voucher that is taken back, in a real browser in the office.

use std::time::Duration;

use serde_json::json;

use crate::lab::{Daemon, DaemonConfig, Lab, Operator, eventually};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_plan_its_vouchers_on_paper_and_taken_back() {
    let lab = Lab::builder().phones(1).office().build();
    let more = format!("{}[site]\ncurrency = \"EUR\"\n", Operator::config());
    let daemon = Daemon::start_with(&lab, &DaemonConfig { more, ..DaemonConfig::default() });
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;

    // The empty page says what to do first; a mistake is said beside its field, and what was typed stays.
    operator.opens("/admin/plans");
    browser.press(".empty .button");
    browser.fill("[name=name]", "hour");
    browser.fill("[name=title]", "One hour & more");
    browser.fill("[name=price]", "two");
    browser.choose("[name=kind]", "time");
    browser.fill("[name=time_min]", "60");
    browser.press("form.sold button");
    browser.waits_for("Error:");
    assert_eq!(browser.value("[name=title]"), "One hour & more");
    assert!(browser.shows("#f-price-error"), "{}", browser.text());
    operator.looks("plan-wrong");
    browser.fill("[name=price]", "2.50");
    browser.press("form.sold button");
    browser.waits_for("Plan hour");
    let plan = daemon.get("/api/v1/plans/hour");
    assert_eq!((&plan["time_secs"], &plan["price"]), (&json!(3600), &json!("2.50")), "{plan}");

    operator.opens("/admin/vouchers/new");
    browser.fill("[name=count]", "3");
    browser.fill("[name=name]", "July");
    browser.choose("[name=plan]", "hour");
    browser.press("form.sold button");
    browser.waits_for("July");
    operator.looks("batch-made");
    assert_eq!(daemon.get("/api/v1/vouchers")["total"], 3);
    // As it was sent once more: they are not made twice.
    browser.runs("history.back();");
    browser.waits_for("Make vouchers");
    browser.press("form.sold button");
    browser.waits_for("July");
    assert_eq!(daemon.get("/api/v1/vouchers")["total"], 3, "{}", browser.text());

    let batch = browser.url();
    browser.press("form[action$='/sheet'] button");
    let codes: Vec<String> = daemon.get("/api/v1/vouchers")["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|voucher| voucher["code"].as_str().unwrap().to_owned())
        .collect();
    for code in &codes {
        browser.waits_for(code);
    }
    browser.shot("admin-sheet");
    browser.goto(&batch);
    browser.press("a[href^='/admin/vouchers/codes']");
    browser.waits_for("1 to 3 of 3");
    operator.looks("codes");

    // One is used on a phone.
    let phone = &lab.phones[0];
    daemon.meet(phone);
    daemon.post(&format!("/api/v1/vouchers/{}/redeem", codes[0]), &json!({"device": phone.mac}));
    daemon.connect(&phone.mac);
    let running = || daemon.get(&format!("/api/v1/devices/{}/session", phone.mac))["state"].clone();
    assert_eq!(running(), "running");
    browser.goto(&batch);
    browser.press("a[href$='/revoke']");
    browser.waits_for("Cancel");
    operator.looks("batch-revoke");
    let said = browser.text();
    assert!(said.contains('2') && said.contains('1'), "{said}");
    assert_eq!(running(), "running", "nothing is done before it is confirmed");
    browser.press("main form button");
    let over = eventually(8 * SECOND, || {
        let sessions = daemon.get(&format!("/api/v1/devices/{}/sessions", phone.mac));
        sessions["items"][0]["state"] == "closed"
    });
    assert!(over, "{}", browser.text());
    let revoked = daemon.get("/api/v1/vouchers?revoked=true");
    assert_eq!(revoked["total"], 3, "{revoked}");
}

#[test]
fn an_account_is_made_blocked_and_deleted_and_a_seller_sees_what_sellers_may() {
    let lab = Lab::builder().phones(1).office().build();
    let daemon =
        Daemon::start_with(&lab, &DaemonConfig { more: Operator::config(), ..DaemonConfig::default() });
    daemon
        .post("/api/v1/plans", &json!({"name": "day", "title": "A day", "kind": "time", "time_secs": 86400}));
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    browser.waits_for("Sign out");

    operator.opens("/admin/accounts/new");
    browser.fill("[name=name]", "ben");
    browser.fill("[name=password]", "1");
    browser.choose("[name=plan]", "day");
    browser.press("form.sold button");
    browser.waits_for("Error:");
    assert!(browser.shows("#f-password-error"), "{}", browser.text());
    browser.fill("[name=password]", "battery staple");
    browser.press("form.sold button");
    let made = eventually(8 * SECOND, || daemon.get("/api/v1/accounts")["total"] == 1);
    assert!(made, "{}", browser.text());
    operator.opens("/admin/accounts/account?name=ben");
    browser.waits_for("Block");
    operator.looks("account");
    browser.press("a.danger[href*='disable']");
    browser.waits_for("Cancel");
    browser.press("main form button");
    browser.waits_for("Let it in again");
    browser.press("a.danger[href*='delete']");
    browser.waits_for("Cancel");
    browser.press("main form button");
    let gone = eventually(8 * SECOND, || daemon.get("/api/v1/accounts")["total"] == 0);
    assert!(gone, "{}", browser.text());

    // A person who sells: the counter and the till, and nobody else's account.
    operator.opens("/admin/people/new");
    browser.fill("[name=name]", "carl");
    browser.fill("[name=password]", "vouchers for all");
    browser.press("#manage_vouchers");
    browser.press("main form button");
    browser.waits_for("carl");
    browser.press("form[action='/admin/logout'] button");
    browser.waits_for("Sign in");
    browser.fill("[name=name]", "carl");
    browser.fill("[name=password]", "vouchers for all");
    browser.press("main form button");
    browser.waits_for("Sign out");
    let shown = browser.text();
    assert!(shown.contains("Till") && !shown.contains("People"), "{shown}");
    operator.opens("/admin/people");
    browser.waits_for("You lack the permission admin");
    operator.looks("forbidden");
}
