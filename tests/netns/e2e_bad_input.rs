//! Each mistake gets a clear error, and nothing changes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::e2e_walk::code_of;
use crate::lab::{Daemon, HttpAnswer, HttpRequest, LAN4, Lab, eventually};

/// All that could have changed.
fn everything(daemon: &Daemon<'_>) -> (Value, Value, Value) {
    let mut devices = daemon.get("/api/v1/devices");
    // When and with which addresses a device was seen is no answer to anybody's request.
    for device in devices["items"].as_array_mut().unwrap() {
        for field in ["last_seen", "ipv4", "ipv6"] {
            device[field] = Value::Null;
        }
    }
    (devices, daemon.get("/api/v1/sessions"), daemon.get("/api/v1/vouchers"))
}

/// The answer is a problem document (RFC 9457) with this status.
fn assert_problem(answer: &HttpAnswer, statuses: &[u16], what: &str) {
    assert!(statuses.contains(&answer.status), "{what}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status, "{what}: {problem}");
    assert!(problem["type"].is_string() && problem["title"].is_string(), "{what}: {problem}");
}

#[test]
fn bad_requests_are_refused_by_name_and_change_nothing() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let device = daemon.meet(&lab.phones[0]);
    let blocked = daemon.meet(&lab.phones[1]);
    assert!(daemon.cli(&["block", &blocked]).ok());
    daemon.create_session(&blocked, &json!({"kind": "time", "time_secs": 60}));
    let session = daemon.create_session(&device, &json!({"kind": "data", "data_mb": 5}));
    let before = everything(&daemon);

    let sessions = format!("/api/v1/devices/{device}/sessions");
    let one = format!("/api/v1/sessions/{session}");
    let nobody = "/api/v1/devices/02:00:00:00:00:99";
    let large = format!("{{\"kind\": \"{}\"}}", "x".repeat(70_000));
    let cases: &[(&str, &str, &str, &[u16])] = &[
        ("GET", nobody, "", &[404]),
        ("GET", "/api/v1/devices/not-a-device", "", &[400, 404, 422]),
        ("POST", "/api/v1/devices/02:00:00:00:00:99/connect", "{}", &[404]),
        ("POST", "/api/v1/devices/02:00:00:00:00:99/sessions", r#"{"kind":"time","time_secs":60}"#, &[404]),
        ("POST", &format!("/api/v1/devices/{blocked}/connect"), "{}", &[403]),
        ("GET", "/api/v1/sessions/00000000-0000-7000-8000-000000000000", "", &[404]),
        ("GET", "/api/v1/nothing", "", &[404]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":-1}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":0}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":1e30}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":99999999999999999999}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":"60"}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time"}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"data","data_mb":-0.5}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"data","data_mb":1e300}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"data","time_secs":60}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"forever"}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":60,"down_mbps":-5}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":60,"down_mbps":1e12}"#, &[400, 422]),
        ("POST", &sessions, r#"{"kind":"time","time_secs":60,"colour":"red"}"#, &[422]),
        ("POST", &sessions, "[]", &[400, 422]),
        ("POST", &sessions, "{", &[400, 422]),
        ("POST", &sessions, &large, &[413]),
        ("PATCH", &one, r#"{"data_mb":-1}"#, &[400, 422]),
        ("PATCH", &one, r#"{"state":"running"}"#, &[422]),
        ("POST", "/api/v1/devices", r#"{"mac":"ff:ff:ff:ff:ff:ff"}"#, &[400, 422]),
        ("POST", "/api/v1/devices", r#"{"mac":"zz"}"#, &[400, 422]),
        ("POST", "/api/v1/devices", r#"{"mac":"02:00:00:00:00:98","zone":"nowhere"}"#, &[400, 404, 422]),
        ("POST", "/api/v1/vouchers", r#"{"count":-1,"kind":"time","time_secs":60}"#, &[400, 422]),
        ("POST", "/api/v1/vouchers", r#"{"count":100000000,"kind":"time","time_secs":60}"#, &[400, 422]),
        ("GET", "/api/v1/sessions?page=-1", "", &[400, 422]),
        ("GET", "/api/v1/sessions?per_page=abc", "", &[400, 422]),
    ];
    for (method, path, body, statuses) in cases {
        let request =
            if *method == "GET" { HttpRequest::get(path) } else { HttpRequest::json(method, path, body) };
        let shown: String = body.chars().take(80).collect();
        assert_problem(&daemon.send(&request), statuses, &format!("{method} {path} {shown}"));
    }
    let now = everything(&daemon);
    assert_eq!(now, before);

    // A device without a session: 409, and the command line says so in one line.
    daemon.send(&HttpRequest::json("DELETE", &one, ""));
    let none = daemon.send(&HttpRequest::json("POST", &format!("/api/v1/devices/{device}/connect"), "{}"));
    assert_problem(&none, &[409], "no session");
    for arguments in [
        &["connect", device.as_str()][..],
        &["connect", "02:00:00:00:00:99"],
        &["connect", &blocked],
        &["session", "show", "00000000-0000-7000-8000-000000000000"],
    ] {
        let refused = daemon.cli(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{arguments:?}: {refused:?}");
        assert_eq!(refused.stderr.trim_end().lines().count(), 1, "{arguments:?}: {refused:?}");
    }
    assert_eq!(daemon.cli(&["session", "create"]).code, 2);
    assert_eq!(daemon.cli(&["dance"]).code, 2);
}

#[test]
fn a_token_opens_what_it_says_and_no_more() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let admin = SocketAddr::from(([127, 0, 0, 1], 2051));
    let ask = |request: HttpRequest| request.send(&lab.router, admin).unwrap();
    let list = || HttpRequest::get("/api/v1/sessions");
    assert_eq!(ask(HttpRequest::get("/healthz")).status, 200);
    assert_problem(&ask(list()), &[401], "no token");
    for wrong in ["", "x", "tp_0000000000000000000000000000000000000000"] {
        assert_problem(&ask(list().token(wrong)), &[401], wrong);
    }
    assert_problem(&ask(list().header("Authorization", "Basic YTpi")), &[401], "another scheme");
    let made = daemon.post("/api/v1/tokens", &json!({"name": "desk", "permissions": ["view_session"]}));
    let token = made["token"].as_str().unwrap();
    assert_eq!(ask(list().token(token)).status, 200);
    let create = HttpRequest::json("POST", "/api/v1/vouchers", r#"{"count":1,"kind":"time","time_secs":60}"#);
    let refused = ask(create.token(token));
    assert_problem(&refused, &[403], "without the permission");
    assert!(refused.body.contains("manage_vouchers"), "{refused:?}");
    let revoked = daemon.cli(&["token", "revoke", made["id"].to_string().trim_matches('"')]);
    assert!(revoked.ok(), "{revoked:?}");
    assert_problem(&ask(list().token(token)), &[401], "revoked");
    assert!(!daemon.get("/api/v1/tokens").to_string().contains(token), "a token is shown once");
}

#[test]
fn a_voucher_is_redeemed_once_and_guessing_is_slowed_down() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let code = code_of(&daemon.cli_json(&[
        "voucher",
        "create",
        "--count",
        "1",
        "--kind",
        "time",
        "--time-secs",
        "60",
    ]));
    let (first, second) = (daemon.meet(&lab.phones[0]), daemon.meet(&lab.phones[1]));
    assert!(daemon.cli(&["voucher", "redeem", &code, &first]).ok());
    for device in [&first, &second] {
        let path = format!("/api/v1/vouchers/{code}/redeem");
        let again = daemon.send(&HttpRequest::json("POST", &path, &json!({"device": device}).to_string()));
        assert_problem(&again, &[409], "a second time");
    }
    assert_eq!(daemon.get(&format!("/api/v1/devices/{first}/sessions"))["total"], 1);
    assert_eq!(daemon.get(&format!("/api/v1/devices/{second}/sessions"))["total"], 0);
    let phone = &lab.phones[1];
    let guess = |n: u32| {
        let form = format!("code=AAAA-{n:04}");
        HttpRequest::form("/providers/voucher", &form).send(phone, (LAN4, 2050)).unwrap().status
    };
    let statuses: Vec<u16> = (0..40).map(guess).collect();
    assert!(statuses.iter().all(|status| (400..500).contains(status)), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    // The neighbour is not slowed down by it.
    let code = code_of(&daemon.cli_json(&[
        "voucher",
        "create",
        "--count",
        "1",
        "--kind",
        "time",
        "--time-secs",
        "60",
    ]));
    let form = format!("code={code}");
    let redeemed = HttpRequest::form("/providers/voucher", &form).send(&lab.phones[0], (LAN4, 2050)).unwrap();
    assert_eq!(redeemed.status, 303, "{redeemed:?}");
}

#[test]
fn three_mistakes_in_a_configuration_are_all_reported() {
    let lab = Lab::with_phones(1);
    let path = lab.dir.path().join("wrong.toml");
    let text = "[network]\nwan = [\"wan\"]\ncolour = \"red\"\n\n[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n\
                portal = \"[::]:2050\"\ndown_mbps = -3\n\n[store]\nflush_secs = \"often\"\n";
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    for command in ["check-config", "run"] {
        let refused = Daemon::run_cli(&lab, &[command, "--config", &path]);
        assert_eq!(refused.code, 1, "{refused:?}");
        for (line, key) in [(3, "colour"), (9, "down_mbps"), (12, "flush_secs")] {
            let named = refused.stderr.lines().any(|text| {
                text.contains(key) && text.contains(&format!(":{line}")) && text.contains("wrong.toml")
            });
            assert!(named, "{command}: line {line}, {key}: {}", refused.stderr);
        }
    }
    assert!(
        !lab.router.run(&["nft", "list", "table", "inet", "turnpike"]).ok(),
        "a table in spite of the mistakes"
    );
}

#[test]
fn a_second_daemon_on_the_same_store_is_refused_by_name() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "time", "time_secs": 60}));
    let config = daemon.config().display().to_string();
    let second = Daemon::run_cli(&lab, &["run", "--config", &config]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("turnpike.db"), "which store? {second:?}");
    // The first one is none the worse for it.
    assert!(eventually(Duration::from_secs(1), || daemon.state(&session) == "running"));
    assert_eq!(daemon.get(&format!("/api/v1/devices/{}", lab.phones[0].mac))["connected"], true);
}
