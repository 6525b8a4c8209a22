//! Every call of the sessions manager, through the API and the command line alike.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::e2e_walk::code_of;
use crate::lab::{
    Daemon, DaemonConfig, HttpRequest, LAN4, Lab, NET6, UdpBlaster, UdpEcho, eventually, holds_for,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_life_of_a_session_by_the_command_line() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let id = daemon.meet(phone);
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    let passes = || {
        let before = blaster.answers();
        eventually(SECOND, || blaster.answers() > before + 10)
    };
    let silent = || {
        let cut = Instant::now() + Duration::from_millis(100);
        holds_for(SECOND / 2, || blaster.last_answer().is_none_or(|sent| sent <= cut))
    };

    let created = daemon.cli_json(&[
        "session",
        "create",
        &phone.mac,
        "--kind",
        "time_or_data",
        "--time-secs",
        "600",
        "--data-mb",
        "50",
        "--exp-days",
        "7",
        "--down-mbps",
        "20",
        "--up-mbps",
        "2.5",
    ]);
    let session = created["id"].as_str().unwrap();
    for (field, value) in [
        ("kind", json!("time_or_data")),
        ("time_secs", json!(600)),
        ("data_mb", json!(50)),
        ("exp_days", json!(7)),
        ("down_mbps", json!(20)),
        ("up_mbps", json!(2.5)),
        ("use_global_speed", json!(false)),
        ("state", json!("available")),
    ] {
        let same =
            created[field] == value || created[field].as_f64().is_some_and(|it| Some(it) == value.as_f64());
        assert!(same, "{field}: {created}");
    }
    assert!(silent());
    assert!(daemon.cli(&["connect", &phone.v4.to_string(), "--notify", "Welcome, and enjoy"]).ok());
    assert!(daemon.cli(&["connect", &phone.mac]).ok(), "idempotent");
    assert!(passes());
    let page = HttpRequest::get("/").send(phone, (crate::lab::LAN4, 2050)).unwrap();
    assert!(page.body.contains("Welcome, and enjoy"), "{}", page.body);
    assert_eq!(daemon.cli_json(&["session", "show", session])["state"], "running");
    let running = daemon.get(&format!("/api/v1/devices/{id}/session"));
    assert_eq!(running["id"], session);

    let set = daemon.cli_json(&["session", "set", session, "--data-mb", "80", "--down-mbps", "10"]);
    assert_eq!((set["data_mb"].as_f64(), set["down_mbps"].as_f64()), (Some(80.0), Some(10.0)));
    let topped = daemon
        .patch(&format!("/api/v1/sessions/{session}"), &json!({"add_time_secs": 60, "add_data_mb": 20}));
    assert_eq!((topped["time_secs"].as_f64(), topped["data_mb"].as_f64()), (Some(660.0), Some(100.0)));
    assert!(eventually(2 * SECOND, || daemon.used(session) > 1000));
    let used = daemon.used(session);
    let below = daemon.cli(&["session", "set", session, "--data-mb", "0.0001"]);
    assert_eq!(below.code, 1, "a limit below what is used: {below:?}");
    assert!(daemon.used(session) >= used, "a change never lowers usage");

    assert!(daemon.cli(&["disconnect", &id, "--notify", "Back soon"]).ok());
    assert!(daemon.cli(&["disconnect", &id]).ok(), "idempotent");
    assert!(silent());
    assert_eq!(daemon.state(session), "paused");
    assert_eq!(daemon.get(&format!("/api/v1/devices/{id}"))["connected"], false);

    assert!(daemon.cli(&["connect", &id]).ok());
    assert!(daemon.cli(&["block", &id]).ok());
    assert!(silent());
    assert_eq!(daemon.get(&format!("/api/v1/devices/{id}"))["status"], "blocked");
    assert_eq!(daemon.cli(&["connect", &id]).code, 1);
    assert!(daemon.cli(&["unblock", &id]).ok());
    assert!(daemon.cli(&["connect", &id]).ok());
    assert!(passes());

    assert!(daemon.cli(&["session", "close", session]).ok());
    assert!(silent());
    assert_eq!(daemon.state(session), "closed");
    assert!(daemon.cli(&["session", "close", session]).ok(), "closing what is closed changes nothing");
    assert_eq!(daemon.cli(&["session", "set", session, "--data-mb", "500"]).code, 1);
    assert!(daemon.cli(&["session", "delete", session]).ok());
    assert_eq!(daemon.cli(&["session", "show", session]).code, 1);
    assert_eq!(daemon.send(&HttpRequest::get(&format!("/api/v1/devices/{id}/session"))).status, 404);
}

#[test]
fn devices_lists_and_status() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    for phone in &lab.phones {
        daemon.meet(phone);
    }
    // One that was never seen.
    let added = daemon.cli_json(&["device", "add", "02-AB-00-00-00-01", "--alias", "till"]);
    assert_eq!((&added["mac"], &added["alias"]), (&json!("02:ab:00:00:00:01"), &json!("till")));
    let twice = HttpRequest::json("POST", "/api/v1/devices", r#"{"mac":"02:ab:00:00:00:01"}"#);
    assert_eq!(daemon.send(&twice).status, 409);
    let third = json!({"mac": "02:ab:00:00:00:02", "zone": "guests"});
    assert_eq!(daemon.send(&HttpRequest::json("POST", "/api/v1/devices", &third.to_string())).status, 201);

    let all = daemon.get("/api/v1/devices");
    assert_eq!((&all["total"], all["items"].as_array().map(Vec::len)), (&json!(4), Some(4)));
    let paged = daemon.get("/api/v1/devices?per_page=3&page=2");
    assert_eq!((paged["items"].as_array().map(Vec::len), &paged["per_page"]), (Some(1), &json!(3)));
    let found = daemon.get("/api/v1/devices?q=till");
    assert_eq!((&found["total"], &found["items"][0]["alias"]), (&json!(1), &json!("till")));
    let device = &daemon.get(&format!("/api/v1/devices/{}", lab.phones[0].mac));
    let fields =
        "id mac ipv4 ipv6 hostname alias status zone roles first_seen last_seen connected".split(' ');
    for field in fields {
        assert!(device.get(field).is_some(), "{field}: {device}");
    }
    assert_eq!(device["status"], "disconnected");
    let ping = daemon.post(&format!("/api/v1/devices/{}/ping", lab.phones[0].mac), &json!({}));
    assert_eq!(ping["reachable"], true, "{ping}");
    assert!(ping["rtt_ms"].as_f64().is_some_and(|rtt| (0.0..1000.0).contains(&rtt)), "{ping}");
    let ping = daemon.cli_json(&["ping", "02:ab:00:00:00:01"]);
    assert_eq!(ping["reachable"], false, "{ping}");
    let renamed = daemon.patch("/api/v1/devices/02:ab:00:00:00:01", &json!({"alias": "counter"}));
    assert_eq!(renamed["alias"], "counter");
    let gone = daemon.send(&HttpRequest::json("DELETE", "/api/v1/devices/02:ab:00:00:00:01", ""));
    assert!((200..300).contains(&gone.status), "{gone:?}");
    assert_eq!(daemon.send(&HttpRequest::get("/api/v1/devices/02:ab:00:00:00:01")).status, 404);
    for command in ["status", "devices", "sessions"] {
        let (plain, json) = (daemon.cli(&[command]), daemon.cli_json(&[command]));
        assert!(plain.ok() && !plain.stdout.is_empty(), "{plain:?}");
        assert!(json.is_object(), "{json}");
    }
}

#[test]
fn vouchers_are_made_listed_and_revoked() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let device = daemon.meet(&lab.phones[0]);
    let batch = daemon.cli_json(&["voucher", "create", "--count", "3", "--kind", "data", "--data-mb", "10"]);
    let code = code_of(&batch);
    assert_eq!(daemon.get("/api/v1/vouchers")["total"], 3);
    assert!(daemon.cli(&["voucher", "list"]).ok());
    let path = format!("/api/v1/vouchers/{}/redeem", code.to_lowercase());
    let session = daemon.post(&path, &json!({"device": device}));
    assert_eq!((&session["kind"], session["data_mb"].as_f64()), (&json!("data"), Some(10.0)), "{session}");
    daemon.connect(&device);
    assert_eq!(daemon.get(&format!("/api/v1/devices/{device}"))["connected"], true);
    assert!(daemon.cli(&["voucher", "revoke", &code]).ok());
    assert!(
        eventually(SECOND, || daemon.get(&format!("/api/v1/devices/{device}"))["connected"] == false),
        "a revoked voucher's session goes on"
    );
    assert_eq!(daemon.state(session["id"].as_str().unwrap()), "closed");
}

#[test]
fn down_removes_the_table_and_a_stop_does_not() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    daemon.stop();
    let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 10), "a stopped daemon cuts off who has paid");
    let table = || lab.router.run(&["nft", "list", "table", "inet", "turnpike"]).ok();
    assert!(table());
    let others = lab.router.must(&["nft", "list", "table", "inet", "fw4"]);
    let down = Daemon::run_cli(&lab, &["down", "--config", &daemon.config().display().to_string()]);
    assert!(down.ok(), "{down:?}");
    assert!(!table());
    assert_eq!(lab.router.must(&["nft", "list", "table", "inet", "fw4"]), others, "somebody else's table");
}

#[test]
fn prometheus_and_properties_tell_what_a_phone_does() {
    let lab = Lab::with_phones(1);
    let zone =
        "[[metric]]\nname = \"phones\"\nfilter = '$Transport is \"WIRED\"'\ngroup_by = \"$ClientType\"\n";
    let daemon = Daemon::start_with(&lab, &DaemonConfig { zone: zone.to_owned(), ..DaemonConfig::default() });
    let phone = &lab.phones[0];
    daemon.meet(phone);
    let page = HttpRequest::get("/")
        .header("User-Agent", "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) Chrome/120.0.0.0 Mobile")
        .header("Accept-Language", "pt-br,en;q=0.5")
        .send(phone, (LAN4, 2050))
        .unwrap();
    assert_eq!(page.status, 200);
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 50}));
    let keys = "$Interface,$Transport,$ClientType,$Language";
    let shown = daemon.get(&format!("/api/v1/sessions/{session}/properties?keys={keys}"));
    assert_eq!(
        shown,
        json!({"$Interface": "br-lan", "$Transport": "WIRED", "$ClientType": "ANDROID", "$Language": "pt-BR"})
    );

    let value = |series: &str| -> Option<f64> {
        let answer = daemon.send(&HttpRequest::get("/metrics"));
        assert_eq!(answer.status, 200, "{answer:?}");
        let line = answer.body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    };
    let up = "turnpike_traffic_bytes_total{zone=\"guests\",direction=\"up\"}";
    let before = value(up).unwrap();
    assert!(phone.ping(NET6), "through");
    assert!(eventually(5 * SECOND, || value(up).unwrap() >= before + 64.0), "the ping was not counted");
    assert_eq!(value("turnpike_connects_total"), Some(1.0));
    assert_eq!(value("turnpike_clients_connected{zone=\"guests\"}"), Some(1.0));
    assert_eq!(value("turnpike_custom_sessions{metric=\"phones\",group=\"ANDROID\"}"), Some(1.0));
    assert!(value("turnpike_kernel_batch_duration_seconds_count").unwrap() >= 1.0);
    assert_eq!(value("turnpike_netlink_errors_total{operation=\"apply\"}"), Some(0.0));

    let on_the_portal = HttpRequest::get("/metrics").send(phone, (LAN4, 2050)).unwrap();
    assert_eq!(on_the_portal.status, 404);
    assert!(!on_the_portal.body.contains("turnpike_"));
}
