//! What an operator does, in a real browser in the office.

use std::time::Duration;

use serde_json::json;

use crate::lab::{Daemon, DaemonConfig, Lab, Operator, eventually};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> DaemonConfig {
    DaemonConfig { more: Operator::config(), ..DaemonConfig::default() }
}

#[test]
fn the_first_account_signing_out_and_in_by_keyboard_alone() {
    let lab = Lab::builder().phones(1).office().build();
    let daemon = Daemon::start_with(&lab, &config());
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    // The code is used up: nobody makes another first account.
    operator.opens("/admin/setup");
    assert!(browser.url().ends_with("/admin/login"), "{}", browser.url());
    operator.opens("/admin");
    browser.press("form[action='/admin/logout'] button");
    browser.waits_for("Sign in");
    // From the top of the page with the keyboard: past the link to the content, into the fields.
    operator.opens("/admin/login");
    browser.types("\u{e004}");
    assert_eq!(browser.evaluate("document.activeElement.className"), "skip");
    browser.types("\u{e007}");
    let mut steps = 0;
    while browser.evaluate("document.activeElement.name") != "name" {
        browser.types("\u{e004}");
        steps += 1;
        assert!(steps < 12, "no way to the field by keyboard");
    }
    browser.types("ana\u{e004}wrong horse battery\u{e007}");
    let told = eventually(8 * SECOND, || {
        browser.evaluate("document.title").as_str().unwrap_or_default().starts_with("Error: ")
    });
    assert!(told, "{}", browser.text());
    browser.must_be_accessible("wrong password");
    browser.shot("admin-login-wrong");
    browser.fill("[name=name]", "ana");
    browser.fill("[name=password]", "correct horse battery");
    browser.types("\u{e007}");
    browser.waits_for("Sign out");
}

#[test]
fn sessions_are_found_by_a_filter_and_closed_after_a_look() {
    let lab = Lab::builder().phones(2).office().build();
    let daemon = Daemon::start_with(&lab, &config());
    let (one, two) = (&lab.phones[0], &lab.phones[1]);
    let terms = |mb: u32| json!({"kind": "data", "data_mb": mb});
    let (low, high) = (daemon.let_through(one, &terms(5)), daemon.let_through(two, &terms(500)));
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    operator.opens("/admin/sessions");
    browser.fill("#q", "$DataLeft lt \"10\" and");
    browser.press("form.seek button");
    browser.waits_for("at column 22");
    operator.looks("sessions-wrong-filter");
    // The word that is begun is completed by keyboard.
    browser.fill("#q", "$DataL");
    let offered = eventually(8 * SECOND, || browser.shows("#filter-words [role=option]"));
    assert!(offered, "no completion");
    browser.shot("admin-completion");
    browser.types("\u{e015}\u{e007}");
    assert!(browser.value("#q").starts_with("$DataLeft"), "{}", browser.value("#q"));
    browser.fill("#q", "$DataLeft lt \"10\"");
    browser.press("form.seek button");
    browser.waits_for("1 to 1 of 1");
    assert!(browser.text().contains(&one.mac) && !browser.text().contains(&two.mac), "{}", browser.text());
    // All that the filter finds are to be closed; first the page says how many that is.
    browser.choose("#act", "close");
    browser.choose("#which", "found");
    browser.press("fieldset.bulk button");
    browser.waits_for("1 session");
    operator.looks("sessions-preview");
    browser.press("main form button");
    let closed = eventually(8 * SECOND, || daemon.state(&low) == "closed");
    assert!(closed, "{}\n{}", daemon.state(&low), browser.text());
    assert_eq!(daemon.state(&high), "running");
}

#[test]
fn the_dashboard_keeps_up_by_itself() {
    let lab = Lab::builder().phones(1).office().build();
    let daemon = Daemon::start_with(&lab, &config());
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    browser.waits_for("Nobody is online");
    browser.runs("window.stays = true;");
    daemon.let_through(&lab.phones[0], &json!({"kind": "time", "time_secs": 600}));
    let kept_up =
        eventually(20 * SECOND, || browser.text_of("#live-busy").is_some_and(|text| text.contains("min")));
    assert!(kept_up, "{}", browser.text());
    assert_eq!(browser.evaluate("window.stays"), true, "without being loaded again");
    // Paused, it stays as it is.
    browser.press("#live-pause");
    browser.waits_for("Go on");
    browser.shot("admin-dashboard-paused");
}
