//! What a guest does, in a real browser in the phone's own namespace.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::e2e_walk::code_of;
use crate::lab::{Browser, Daemon, DaemonConfig, LAN4, Lab, NET4, Phone, TcpServer, Transfer, eventually};

const SECOND: Duration = Duration::from_secs(1);
const FAR: (Ipv4Addr, u16) = (NET4, 8080);

fn portal() -> String {
    format!("http://{LAN4}:2050/")
}

/// Unfolds what a provider shows, if it is folded, and presses its button.
pub fn submit(browser: &Browser<'_>, provider: &str, fields: &[(&str, &str)]) {
    let form = format!("form[action='/providers/{provider}']");
    if !browser.shows(&form) {
        browser.press(&format!("details:has({form}) > summary"));
    }
    for (name, value) in fields {
        browser.fill(&format!("{form} [name={name}]"), value);
    }
    browser.press(&format!("{form} button"));
}

/// The sessions that a device could use or uses.
fn usable(daemon: &Daemon<'_>, mac: &str) -> Vec<Value> {
    let sessions = daemon.get(&format!("/api/v1/devices/{mac}/sessions"));
    let is_usable = |session: &&Value| {
        ["available", "running", "paused"].contains(&session["state"].as_str().unwrap_or_default())
    };
    sessions["items"].as_array().unwrap().iter().filter(is_usable).cloned().collect()
}

/// The only session that a device has.
fn only(daemon: &Daemon<'_>, mac: &str) -> Value {
    let mut sessions = usable(daemon, mac);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.remove(0)
}

/// What a session grants and what is used of it: the same of two sessions is the same balance.
fn balance(session: &Value) -> Vec<Value> {
    ["kind", "time_secs", "data_mb", "time_used_secs", "data_used_mb", "plan", "principal", "provider"]
        .map(|field| session[field].clone())
        .into()
}

/// A guest with a phone that makes up a new MAC each time.
struct Guest<'lab> {
    lab: &'lab Lab,
    daemon: &'lab Daemon<'lab>,
    mac: String,
    visits: u8,
}

impl Guest<'_> {
    fn phone(&self) -> &Phone {
        &self.lab.phones[0]
    }

    /// A browser that knows nothing of earlier visits, on the portal's page.
    fn browser(&mut self) -> Browser<'_> {
        self.visits += 1;
        let browser = Browser::open(self.lab, &self.lab.phones[0], &format!("visit-{}", self.visits));
        browser.goto(&portal());
        browser
    }

    /// Uses some of what it got, pauses on the page, and comes back under another MAC in a browser that knows nothing:
    /// the recovery code brings over exactly what was left.
    fn uses_pauses_and_comes_back(&mut self, way: &str) {
        let download = Transfer::download(self.phone(), FAR);
        assert!(eventually(8 * SECOND, || download.bytes() > 300_000), "{way}: nothing comes through");
        // At the speed of this machine it would leave nothing for the browser.
        drop(download);
        let browser = self.browser();
        browser.waits_for("You are online");
        browser.shot(&format!("{way}-online"));
        browser.press("form[action='/disconnect'] button");
        browser.waits_for("Your access is paused");
        browser.shot(&format!("{way}-paused"));
        let code = browser.text_of(".recovery");
        let code = code.unwrap_or_else(|| panic!("{way}: no recovery code:\n{}", browser.text()));
        browser.close();
        let before = only(self.daemon, &self.mac);
        assert!(before["data_used_mb"].as_f64().unwrap() >= 0.3, "{before}");

        let old = std::mem::replace(&mut self.mac, format!("02:00:00:00:77:{:02x}", self.visits));
        self.phone().change_mac(&self.mac);
        let (mac, daemon) = (self.mac.clone(), self.daemon);
        let browser = self.browser();
        browser.press("details:has(form[action='/move']) > summary");
        browser.fill("form[action='/move'] input[name=code]", &code);
        browser.press("form[action='/move'] button");
        let arrived = eventually(8 * SECOND, || usable(daemon, &mac).len() == 1);
        assert!(arrived, "{way}: {}\n{}", browser.text(), daemon.log());
        browser.shot(&format!("{way}-moved"));
        let after = only(daemon, &mac);
        assert_eq!(balance(&after), balance(&before), "{way}: the balance is exact");
        assert!(usable(daemon, &old).is_empty(), "{way}: nothing is left under the old MAC");
        browser.press("form[action='/connect'] button");
        browser.waits_for("You are online");
        browser.close();
        // Nothing of this way in may be left for the next one.
        let id = after["id"].as_str().unwrap();
        daemon.post(&format!("/api/v1/sessions/{id}/close"), &json!({}));
    }
}

/// A coin as the acceptor tells it: so many pulses of 20 ms.
fn insert(pipe: &std::path::Path, pulses: u64, at_ms: &mut u64) {
    let mut file = OpenOptions::new().append(true).open(pipe).expect("the pipe that the daemon made");
    for _ in 0..pulses {
        let (down, up) = (*at_ms * 1_000_000, (*at_ms + 20) * 1_000_000);
        file.write_all(format!("1 {down}\n0 {up}\n").as_bytes()).unwrap();
        *at_ms += 60;
    }
    *at_ms += 5_000;
}

#[test]
fn every_way_in_and_back_again_under_another_mac() {
    let lab = Lab::builder().phones(1).alone().build();
    let pipe = lab.dir.path().join("coins");
    let zone = format!(
        "[site]\ncurrency = \"PHP\"\n\
         [free]\ntitle = \"Free Wi-Fi\"\ntime_secs = 1800\nfields = [\"email\", \"terms\"]\nrequired = [\"email\"]\n\
         [[coinslot]]\nname = \"1\"\npipe = \"{}\"\nwindow_secs = 60\npulses = [[1, \"1\"], [5, \"5\"]]\n\
         rates = [{{ amount = \"1\", time_secs = 600 }}, {{ amount = \"5\", time_secs = 3600 }}]\n",
        pipe.display()
    );
    let daemon = Daemon::start_with(&lab, &DaemonConfig { zone, ..DaemonConfig::default() });
    let _server = TcpServer::open(&lab.internet, FAR);
    let mac = lab.phones[0].mac.clone();
    let mut guest = Guest { lab: &lab, daemon: &daemon, mac, visits: 0 };

    // By a coin of five, then one of one: an hour and ten minutes.
    let browser = guest.browser();
    browser.shot("welcome-all");
    submit(&browser, "coin-1", &[]);
    browser.waits_for("Insert coins");
    browser.shot("coin-window");
    let mut clock_ms = 1_000;
    insert(&pipe, 5, &mut clock_ms);
    browser.waits_for("5.00 PHP");
    insert(&pipe, 1, &mut clock_ms);
    browser.waits_for("6.00 PHP");
    browser.shot("coin-inserted");
    browser.press("button[name=action][value=done]");
    browser.waits_for("You are online");
    browser.close();
    assert_eq!(only(&daemon, &guest.mac)["time_secs"], 4200);
    guest.uses_pauses_and_comes_back("coin");
    let report = daemon.get("/api/v1/sales");
    assert_eq!(report["items"].as_array().unwrap().len(), 1, "{report}");

    // By the link in a voucher's QR.
    let created =
        daemon.cli_json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", "50"]);
    let browser = guest.browser();
    browser.goto(&format!("{}?code={}", portal(), code_of(&created)));
    assert_eq!(browser.value("input[name=code]"), code_of(&created));
    browser.shot("voucher-link");
    submit(&browser, "voucher", &[]);
    browser.waits_for("You are online");
    browser.close();
    guest.uses_pauses_and_comes_back("voucher");

    // By a name and a password.
    daemon
        .post("/api/v1/plans", &json!({"name": "day", "title": "A day", "kind": "time", "time_secs": 86400}));
    daemon.post("/api/v1/accounts", &json!({"name": "ana", "password": "correct horse", "plans": ["day"]}));
    let browser = guest.browser();
    submit(&browser, "account", &[("name", "Ana"), ("password", "battery staple")]);
    browser.waits_for("password");
    browser.shot("account-wrong");
    submit(&browser, "account", &[("name", "Ana"), ("password", "correct horse")]);
    browser.waits_for("You are online");
    browser.close();
    assert_eq!(only(&daemon, &guest.mac)["principal"], "ana");
    guest.uses_pauses_and_comes_back("account");

    // By a free click.
    let browser = guest.browser();
    if !browser.shows("form[action='/providers/free']") {
        browser.press("details:has(form[action='/providers/free']) > summary");
    }
    browser.press("form[action='/providers/free'] input[name=terms]");
    submit(&browser, "free", &[("email", "o'ana&co@example.org")]);
    browser.waits_for("You are online");
    browser.close();
    assert_eq!(only(&daemon, &guest.mac)["properties"]["free_email"], "o'ana&co@example.org");
    guest.uses_pauses_and_comes_back("free");
}

#[test]
fn a_voucher_typed_in_then_pause_and_go_on() {
    let lab = Lab::builder().phones(1).alone().build();
    // Slow enough for there to be something left when the button is pressed.
    let zone = "client_down_mbps = 8\n".to_owned();
    let daemon = Daemon::start_with(&lab, &DaemonConfig { zone, ..DaemonConfig::default() });
    let phone = &lab.phones[0];
    let _server = TcpServer::open(&lab.internet, FAR);
    let created =
        daemon.cli_json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", "100"]);
    let browser = Browser::open(&lab, phone, "ana");
    // The phone asks for any page of the open Internet and is led to the portal.
    browser.goto("http://neverssl.test/");
    browser.waits_for("Welcome");
    assert_eq!(browser.url(), portal());
    browser.shot("welcome");
    submit(&browser, "voucher", &[("code", "WRONG-CODE")]);
    browser.waits_for("We do not know this code");
    submit(&browser, "voucher", &[("code", &code_of(&created))]);
    browser.waits_for("You are online");
    browser.shot("online");
    let download = Transfer::download(phone, FAR);
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
