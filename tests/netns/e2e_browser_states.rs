//! Every state of the guests' page in a real browser: small and large, light and dark, from left to right and back; and what
//! an open page says by itself.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;

use crate::e2e_browser::submit;
use crate::e2e_walk::code_of;
use crate::lab::{Browser, Daemon, DaemonConfig, LAN4, Lab, NET4, NET6, TcpServer, Transfer, eventually};

const SECOND: Duration = Duration::from_secs(1);
const FAR: (Ipv4Addr, u16) = (NET4, 8080);
const SCREENS: [(&str, u32, u32, bool); 4] = [
    ("phone", 390, 844, false),
    ("phone-dark", 390, 844, true),
    ("narrow", 320, 640, false),
    ("desk", 1280, 800, false),
];

/// Looks at the page that is there, on every screen, in English and in Arabic. Nothing may reach beyond the screen, and all
/// that can be pressed must be large enough for a finger.
fn look_at(browser: &Browser<'_>, state: &str, heading: &str) {
    for (language, dir) in [("ar", "rtl"), ("en", "ltr")] {
        // An open page that loads itself just then goes elsewhere.
        let turned = eventually(10 * SECOND, || {
            browser.goto(&format!("http://{LAN4}:2050/?lang={language}"));
            browser.evaluate("document.documentElement.dir") == dir
        });
        assert!(turned, "{state} {language}");
        for (screen, width, height, dark) in SCREENS {
            browser.screen(width, height, dark);
            let small = browser.evaluate(
                "[].filter.call(document.querySelectorAll('button, input:not([type=checkbox]), select, summary, .button'), \
                 function (it) { var box = it.getBoundingClientRect(); return box.height > 0 && box.height < 44; })\
                 .map(function (it) { return it.outerHTML; }).join()",
            );
            assert_eq!(small, "", "{state} {language} {screen}");
            browser.must_be_accessible(&format!("{state} {language} {screen}"));
            browser.shot(&format!("{state}-{language}-{screen}"));
        }
        browser.screen(390, 844, false);
        let hurdles = browser.keyboard_hurdles(&format!("{state} {language}"));
        assert!(hurdles.is_empty(), "{}", hurdles.join("\n"));
    }
    assert!(browser.text().contains(heading), "{state}: {}", browser.text());
}

#[test]
fn each_state_is_clear_on_every_screen_and_an_open_page_keeps_up() {
    let lab = Lab::builder().phones(1).alone().build();
    let pipe = lab.dir.path().join("coins");
    let zone = format!(
        "client_down_mbps = 20\nnotice_mb = 57\n[site]\ncurrency = \"PHP\"\n[free]\ntime_secs = 1800\n\
         [[coinslot]]\nname = \"1\"\npipe = \"{}\"\nwindow_secs = 60\npulses = [[1, \"1\"], [5, \"5\"]]\n\
         rates = [{{ amount = \"1\", time_secs = 600 }}, {{ amount = \"5\", time_secs = 3600 }}]\n",
        pipe.display()
    );
    let daemon = Daemon::start_with(&lab, &DaemonConfig { zone, ..DaemonConfig::default() });
    let _server = TcpServer::open(&lab.internet, FAR);
    let phone = &lab.phones[0];
    let browser = Browser::open(&lab, phone, "states");
    look_at(&browser, "welcome", "Free today: 30 min");
    // The way to the other languages without a script.
    browser.press(".languages summary");
    browser.shot("languages");
    browser.press(".languages a[lang=es]");
    browser.waits_for("Te damos la bienvenida");
    browser.goto(&format!("http://{LAN4}:2050/?lang=en"));

    submit(&browser, "coin-1", &[]);
    browser.waits_for("Insert coins now");
    look_at(&browser, "coin", "Insert coins now");
    browser.press("button[name=action][value=cancel]");
    browser.waits_for("Welcome");

    let voucher =
        |mb: &str| daemon.cli_json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", mb]);
    for made in [voucher("60"), voucher("100")] {
        browser.goto(&format!("http://{LAN4}:2050/?lang=en&code={}", code_of(&made)));
        submit(&browser, "voucher", &[]);
        browser.waits_for("You are online");
    }
    look_at(&browser, "online", "1 more session is waiting for you");
    assert!(!browser.shows("#soon"), "there is enough left");

    // The open page says by itself that little is left, and that the Internet is gone and back. A download ends when
    // this test gets to it: far above the 3 MB that it takes there is room.
    browser.goto(&format!("http://{LAN4}:2050/?lang=en"));
    let download = Transfer::download(phone, FAR);
    let came = eventually(20 * SECOND, || download.bytes() > 3_300_000);
    drop(download);
    assert!(came, "nothing comes through");
    browser.waits_for("Less than 57 MB left.");
    look_at(&browser, "soon", "Less than 57 MB left.");
    lab.router.ip(&format!("route del default via {NET4}\nroute del default via {NET6}\n"));
    browser.waits_for("no Internet connection");
    look_at(&browser, "offline", "Nothing is used up meanwhile.");
    lab.router.ip(&format!("route add default via {NET4}\nroute add default via {NET6}\n"));
    let back = eventually(10 * SECOND, || !browser.text().contains("no Internet connection"));
    assert!(back, "{}", daemon.log());

    browser.press("form[action='/disconnect'] button");
    browser.waits_for("Your access is paused");
    look_at(&browser, "paused", "Your access is paused");
    for session in daemon.get("/api/v1/sessions")["items"].as_array().unwrap() {
        let id = session["id"].as_str().unwrap();
        daemon.post(&format!("/api/v1/sessions/{id}/close"), &json!({}));
    }
    browser.waits_for("Your access has ended");
    look_at(&browser, "used-up", "You can go on with one of these");

    assert!(daemon.cli(&["block", &phone.mac]).ok());
    look_at(&browser, "blocked", "This device is blocked");
    browser.close();
}

#[test]
fn what_is_typed_and_what_was_said_stays_and_days_are_counted_down() {
    const DAY_MS: u64 = 86_400_000;
    let lab = Lab::builder().phones(1).alone().build();
    let more = "[roles.staff]\nunmetered = true\ndown_mbps = 7\n".to_owned();
    let daemon = Daemon::start_with(&lab, &DaemonConfig { more, ..DaemonConfig::default() });
    let browser = Browser::open(&lab, &lab.phones[0], "stays");
    let portal = format!("http://{LAN4}:2050/?lang=en");
    let device = daemon.meet(&lab.phones[0]);
    let code = "form[action='/providers/voucher'] [name=code]";
    browser.goto(&portal);
    browser.screen(390, 844, false);
    submit(&browser, "voucher", &[("code", "AAAA-BBBB-CCCC")]);
    browser.waits_for("We do not know this code");
    let session =
        daemon.create_session(&device, &json!({"kind": "time", "time_secs": 90_000, "exp_days": 1}));
    browser.waits_for("Your access is ready");
    assert!(browser.text().contains("We do not know this code"), "{}", browser.text());
    assert_eq!(browser.value(code), "AAAA-BBBB-CCCC");
    browser.shot("refused-stays");
    // A code that came with the address.
    browser.goto(&format!("{portal}&code=DDDD-EEEE-FFFF"));
    daemon.connect(&device);
    browser.waits_for("You are online");
    assert_eq!(browser.value(code), "DDDD-EEEE-FFFF");

    browser.goto(&portal);
    browser.waits_for("another 23 hours 59 minutes");
    assert!(browser.text().contains("The time within which you can use it still passes."));
    browser.shot("days");
    // The page that is open says it by itself.
    daemon.set_clock(&format!("wall_offset_ms={}\n", DAY_MS - 200_000));
    browser.waits_for("Less than 5 minutes left.");
    browser.waits_for("another 3 minutes");
    let left = browser.text_of("#time-left").unwrap();
    assert!(left.starts_with("0:03:") || left.starts_with("0:02:"), "{left}");
    for (screen, width, height, dark) in SCREENS {
        browser.screen(width, height, dark);
        browser.must_be_accessible(&format!("days {screen}"));
        browser.shot(&format!("days-soon-{screen}"));
    }
    // What a role changes is on the page as well.
    daemon.set_clock("wall_offset_ms=0\n");
    daemon.post(&format!("/api/v1/sessions/{session}/roles"), &json!({"add": ["staff"]}));
    browser.waits_for("Up to 7 Mbit/s down");
    browser.close();
}
