//! Every admin page in a real browser in the office, on every screen: accessible, nothing beyond the edge; and names of
//! guests that are meant to do harm do none.

use serde_json::{Value, json};

use crate::lab::{Browser, Daemon, DaemonConfig, HttpRequest, LAN4, Lab, Operator, Phone};

/// What would run, if it were not shown as the text that it is; the dot tells the places apart.
const MARK: &str = "window.pwned=1";

/// Markup, script, ends of attributes and elements, marks that turn text around, and then as much as is taken.
fn hostile(length: usize) -> String {
    let begin = format!(
        "<img/src=x/onerror={MARK}>\"'></td></script><script>{MARK}</script>\u{202e}gnp\u{2066}&amp;"
    );
    begin.chars().chain(std::iter::repeat('W')).take(length).collect()
}

/// Nothing of what came from outside has become part of the page.
fn must_be_harmless(browser: &Browser<'_>) {
    let found = browser.evaluate(
        "[typeof window.pwned, document.querySelectorAll('img[src=x], script:not([src])').length,\
          document.querySelectorAll('[onerror], [onclick], [style]').length]",
    );
    assert_eq!(found, json!(["undefined", 0, 0]), "{}", browser.url());
}

/// The paths of all links of the page that lead to other admin pages.
fn links(browser: &Browser<'_>) -> Vec<String> {
    let found = browser.evaluate(
        "[].map.call(document.querySelectorAll('main a[href], nav a[href]'), function (link) {\
           return link.origin === location.origin ? link.pathname + link.search : ''; })\
         .filter(function (path) { return path.indexOf('/admin') === 0; })",
    );
    found.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

/// The pages of the navigation.
fn pages(browser: &Browser<'_>) -> Vec<String> {
    let found = browser.evaluate(
        "[].map.call(document.querySelectorAll('nav.pages .side a'), function (link) { return link.pathname; })",
    );
    found.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

/// A path as a file's name, with what is particular to this run left out.
fn name_of(path: &str) -> String {
    let plain = path.trim_start_matches("/admin").split('?').next().unwrap_or_default();
    let words = plain.split('/').filter(|word| !word.is_empty());
    let plain: Vec<&str> =
        words
            .map(|word| {
                if word.chars().any(|letter| letter.is_ascii_digit() || letter == '%') { "one" } else { word }
            })
            .collect();
    if plain.is_empty() { "first".to_owned() } else { plain.join("-") }
}

/// What there is to see: guests with names of all sorts, and one of each thing that operators make.
fn fill(lab: &Lab, daemon: &Daemon<'_>) {
    let phone = &lab.phones[0];
    // The other one has no alias: it is shown by what it calls itself.
    daemon.meet(&lab.phones[1]);
    let agent = hostile(900).replace(|letter: char| !letter.is_ascii(), "");
    let seen = HttpRequest::get("/").header("User-Agent", &agent).send(phone, (LAN4, 2050)).unwrap();
    assert_eq!(seen.status, 200);
    let form = format!("email={}", "%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E%40example.org");
    HttpRequest::form("/providers/free", &form)
        .header("Origin", &format!("http://{LAN4}:2050"))
        .send(phone, (LAN4, 2050))
        .unwrap();
    daemon.meet(phone);
    let device = format!("/api/v1/devices/{}", phone.mac);
    daemon.patch(&device, &json!({"alias": hostile(300)}));
    daemon.post(&format!("{device}/message"), &json!({"text": hostile(300)}));
    let terms =
        json!({"kind": "time_or_data", "time_secs": 3600, "data_mb": 50, "down_mbps": 5, "up_mbps": 1});
    let session = daemon.create_session(&phone.mac, &terms);
    daemon.patch(&format!("/api/v1/sessions/{session}/properties"), &json!({"desk": hostile(200)}));
    daemon.post(&format!("/api/v1/sessions/{session}/roles"), &json!({"add": ["vip"]}));
    daemon.post(&format!("/api/v1/sessions/{session}/principal"), &json!({"principal": hostile(200)}));
    daemon.connect(&phone.mac);
    daemon.post(
        "/api/v1/plans",
        &json!({"name": "day", "title": hostile(64), "kind": "time", "time_secs": 86400, "price": "2.50"}),
    );
    daemon.post("/api/v1/accounts", &json!({"name": "ben", "password": "correct horse", "plans": ["day"]}));
    daemon.post("/api/v1/vouchers", &json!({"count": 3, "plan": "day", "note": hostile(150)}));
    daemon.post("/api/v1/tokens", &json!({"name": hostile(64), "permissions": ["view_session"]}));
    daemon.post("/api/v1/hooks", &json!({"name": hostile(64), "url": "http://127.0.0.1:9/"}));
    daemon.post("/api/v1/locks", &json!({"name": "door", "device": phone.mac}));
}

#[test]
fn every_page_is_accessible_and_no_name_is_more_than_text() {
    let lab = Lab::builder().phones(2).office().build();
    let name = hostile(300);
    let lease = |phone: &Phone| format!("4102444800 {} {} {name} *\n", phone.mac, phone.v4);
    let leases: String = lab.phones.iter().map(lease).collect();
    std::fs::write(lab.dir.path().join("leases"), leases).unwrap();
    let more = format!(
        "{}[site]\ncurrency = \"EUR\"\n[free]\ntime_secs = 1800\nfields = [\"email\"]\n\
         [roles.vip]\ndown_mbps = 50\n",
        Operator::config()
    );
    let daemon = Daemon::start_with(&lab, &DaemonConfig { more, ..DaemonConfig::default() });
    let operator = Operator::sets_up(&lab, &daemon);
    let browser = &operator.browser;
    let mut hurdles = Vec::new();
    // First as it is when nothing is there yet.
    for path in pages(browser) {
        operator.opens(&path);
        hurdles.extend(browser.hurdles(&format!("{path}, empty")));
        browser.shot(&format!("admin-empty-{}", name_of(&path)));
    }
    fill(&lab, &daemon);
    let mut todo = pages(browser);
    assert!(todo.len() >= 6, "{todo:?}");
    todo.push("/admin/me".to_owned());
    let mut seen: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    // Each page of each sort once, wherever a link leads.
    while let Some(path) = todo.pop() {
        let name = name_of(&path);
        let is_list = path.contains('?');
        if seen.contains(&path) || names.contains(&name) || (is_list && names.contains(&name)) {
            continue;
        }
        operator.opens(&path);
        // What is handed out as a file stays where it was.
        if browser.evaluate("location.pathname").as_str() != path.split('?').next() {
            continue;
        }
        must_be_harmless(browser);
        hurdles.extend(operator.hurdles(&name));
        must_be_harmless(browser);
        todo.extend(links(browser));
        seen.push(path);
        names.push(name);
    }
    assert!(hurdles.is_empty(), "{}", hurdles.join("\n"));
    eprintln!("{} pages looked at: {}", names.len(), names.join(" "));
    for must in [
        "dashboard",
        "sessions",
        "sessions-one",
        "devices",
        "devices-one",
        "counter",
        "till",
        "people",
        "me",
        "vouchers",
        "vouchers-new",
        "vouchers-codes",
        "vouchers-batches-one",
        "vouchers-batches-one-revoke",
        "voucher",
        "plans",
        "plans-new",
        "plans-plan",
        "accounts",
        "accounts-new",
        "accounts-account",
    ] {
        assert!(names.iter().any(|name| name == must), "{must} is not among {names:?}");
    }
    operator.opens("/admin/devices");
    let shown = browser.text();
    assert_eq!(shown.matches("<img/src=x/onerror=").count(), 2, "{shown}");
    assert_eq!(browser.evaluate("typeof window.pwned"), Value::from("undefined"));
}
