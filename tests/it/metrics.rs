//! `/metrics`: what is counted, how it is written, who may read it.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use turnpike::api::{self, ApiState};
use turnpike::config::MetricConfig;
use turnpike::domain::sessions_mgr::DevicePatch;
use turnpike::domain::{Filter, Permission, Refusal, Text, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState};
use turnpike::store::TokenText;

use crate::support::{TestApp, Trouble, mac, megabytes, minutes};

fn router(app: &TestApp, metrics: &[MetricConfig]) -> Router {
    let state = ApiState::new(app.handle.clone(), app.store.clone(), Arc::clone(&app.vault) as _, &[])
        .with_metrics(metrics);
    api::router(state)
}

async fn token(app: &TestApp, permission: Permission) -> String {
    let text = TokenText::random().unwrap();
    app.store.create_token(&Text::new("scrape"), &[permission], &text, app.handle.now().wall).await.unwrap();
    text.as_str().to_owned()
}

/// Status, media type and text.
async fn ask(router: &Router, token: Option<&str>) -> (u16, String, String) {
    let mut request = Request::get("/metrics").body(Body::empty()).unwrap();
    if let Some(token) = token {
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    (status, kind, String::from_utf8(bytes).unwrap())
}

/// What Prometheus would read.
async fn scrape(app: &TestApp, metrics: &[MetricConfig]) -> String {
    let token = token(app, Permission::ViewSession).await;
    let (status, kind, text) = ask(&router(app, metrics), Some(&token)).await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"), "{text}");
    text
}

/// The value of a series; `None` if there is no such one.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

fn metric(name: &str, filter: &str, group_by: Option<&str>) -> MetricConfig {
    MetricConfig {
        name: name.to_owned(),
        filter: Filter::parse(filter).unwrap(),
        group_by: group_by.map(str::to_owned),
    }
}

#[tokio::test]
async fn sessions_devices_bytes_and_connects_are_counted() {
    let app = TestApp::start().await;
    let before = scrape(&app, &[]).await;
    assert_eq!(value(&before, "turnpike_sessions{state=\"running\",kind=\"time\"}"), Some(0.0));
    assert_eq!(value(&before, "turnpike_connects_total"), Some(0.0));
    assert_eq!(value(&before, "turnpike_start_time_seconds"), Some(1_780_272_000.0));
    assert_eq!(value(&before, "turnpike_traffic_bytes_total{zone=\"guests\",direction=\"up\"}"), Some(0.0));

    let (one, two, three) = (app.device(1).await, app.device(2).await, app.device(3).await);
    app.handle.create_session(one.id, minutes(60)).await.unwrap();
    app.handle.create_session(one.id, megabytes(5.0)).await.unwrap();
    app.handle.create_session(two.id, megabytes(0.5)).await.unwrap();
    app.handle.connect(one.id, None).await.unwrap();
    app.handle.connect(two.id, None).await.unwrap();
    let block = DevicePatch { blocked: Some(true), ..DevicePatch::default() };
    app.handle.update_device(three.id, block).await.unwrap();
    assert!(app.kernel.packet(mac(1), 3_000_000_000, false) && app.kernel.packet(mac(1), 70, true));
    app.pass(Duration::from_secs(2)).await;
    let text = scrape(&app, &[]).await;
    for (series, expected) in [
        ("turnpike_sessions{state=\"running\",kind=\"time\"}", 1.0),
        ("turnpike_sessions{state=\"running\",kind=\"data\"}", 1.0),
        ("turnpike_sessions{state=\"available\",kind=\"data\"}", 1.0),
        ("turnpike_sessions{state=\"paused\",kind=\"time\"}", 0.0),
        ("turnpike_devices{status=\"connected\"}", 2.0),
        ("turnpike_devices{status=\"disconnected\"}", 0.0),
        ("turnpike_devices{status=\"blocked\"}", 1.0),
        ("turnpike_clients_connected{zone=\"guests\"}", 2.0),
        ("turnpike_traffic_bytes_total{zone=\"guests\",direction=\"down\"}", 3e9),
        ("turnpike_traffic_bytes_total{zone=\"guests\",direction=\"up\"}", 70.0),
        ("turnpike_connects_total", 2.0),
        ("turnpike_disconnects_total", 0.0),
        ("turnpike_connect_duration_seconds_count", 2.0),
        ("turnpike_connect_duration_seconds_bucket{le=\"+Inf\"}", 2.0),
        ("turnpike_store_errors_total{operation=\"commit\"}", 0.0),
        ("turnpike_event_listeners", 0.0),
        ("turnpike_outbox_depth", 0.0),
        ("turnpike_locks_held", 0.0),
        ("turnpike_lock_waiters", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
    for series in [
        "turnpike_store_commit_duration_seconds_count",
        "turnpike_kernel_batch_duration_seconds_count",
        "turnpike_group_commands_count",
        "turnpike_reconciliations_total",
    ] {
        assert!(value(&text, series).is_some_and(|count| count >= 1.0), "{series}\n{text}");
    }

    // Two devices of which one is used up and one is cut off: what passed for them stays counted.
    assert!(app.kernel.packet(mac(2), 500_000, true));
    app.pass(Duration::from_secs(2)).await;
    app.handle.disconnect(one.id, None).await.unwrap();
    let listening = app.handle.listeners_gauge().hold();
    let text = scrape(&app, &[]).await;
    for (series, expected) in [
        ("turnpike_sessions_ended_total{state=\"consumed\"}", 1.0),
        ("turnpike_sessions{state=\"paused\",kind=\"time\"}", 1.0),
        ("turnpike_disconnects_total", 2.0),
        ("turnpike_clients_connected{zone=\"guests\"}", 0.0),
        ("turnpike_traffic_bytes_total{zone=\"guests\",direction=\"up\"}", 500_070.0),
        ("turnpike_event_listeners", 1.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
    drop(listening);
    assert_eq!(value(&scrape(&app, &[]).await, "turnpike_event_listeners"), Some(0.0));
}

#[tokio::test]
async fn refusals_and_what_the_kernel_refuses_are_counted_by_name() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    assert_eq!(app.handle.redeem("AAAA-BBBB-CCCC", device.id).await, Err(Refusal::VoucherUnknown));
    app.handle.create_session(device.id, minutes(60)).await.unwrap();
    app.kernel.trouble(Trouble { refuse_opening: true, ..Trouble::default() });
    assert!(matches!(app.handle.connect(device.id, None).await, Err(Refusal::Kernel(_))));
    let text = scrape(&app, &[]).await;
    for reason in ["no_session", "voucher_unknown", "kernel"] {
        let series = format!("turnpike_refusals_total{{reason=\"{reason}\"}}");
        assert_eq!(value(&text, &series), Some(1.0), "{series}\n{text}");
    }
    assert_eq!(value(&text, "turnpike_netlink_errors_total{operation=\"apply\"}"), Some(1.0), "{text}");
    assert_eq!(value(&text, "turnpike_connects_total"), Some(0.0), "{text}");
}

#[tokio::test]
async fn the_operators_own_counts_are_grouped_and_bounded() {
    let app = TestApp::start().await;
    let metrics = [
        metric("low_data", "$DataLeft lt \"10\"", Some("$Hostname")),
        metric("everything", "all", None),
        metric("nothing", "$Zone is \"elsewhere\"", None),
        metric("by_device", "all", Some("$Mac")),
    ];
    let empty = scrape(&app, &metrics).await;
    assert_eq!(value(&empty, "turnpike_custom_sessions{metric=\"everything\",group=\"\"}"), Some(0.0));
    let zone = || ZoneName::new("guests");
    let hostile = Text::new("a\"} 1\\");
    let named = app.handle.seen(mac(1), zone(), None, Some(hostile), true).await.unwrap();
    let plain = app.device(2).await;
    for device in [named.id, named.id, plain.id] {
        app.handle.create_session(device, megabytes(5.0)).await.unwrap();
    }
    app.handle.create_session(plain.id, megabytes(50.0)).await.unwrap();
    let text = scrape(&app, &metrics).await;
    let line = "turnpike_custom_sessions{metric=\"low_data\",group=\"a\\\"} 1\\\\\"} 2";
    assert!(text.lines().any(|found| found == line), "{text}");
    for (series, expected) in [("low_data", 1.0), ("everything", 4.0), ("nothing", 0.0)] {
        let series = format!("turnpike_custom_sessions{{metric=\"{series}\",group=\"\"}}");
        assert_eq!(value(&text, &series), Some(expected), "{series}\n{text}");
    }
    check_with_promtool(&text);

    // 148 groups, one of them larger than the others.
    for number in 3..=148 {
        let device = app.handle.seen(mac(number), zone(), None, None, true).await.unwrap();
        app.handle.create_session(device.id, minutes(1)).await.unwrap();
    }
    let text = scrape(&app, &metrics).await;
    let groups: Vec<&str> = text.lines().filter(|line| line.contains("metric=\"by_device\"")).collect();
    assert_eq!(groups.len(), 101, "{text}");
    let of = |group: &str| {
        value(&text, &format!("turnpike_custom_sessions{{metric=\"by_device\",group=\"{group}\"}}"))
    };
    assert_eq!(of(&mac(1).to_string()), Some(2.0), "the largest keep their names");
    assert_eq!(of("other"), Some(48.0));
    assert_eq!(value(&text, "turnpike_custom_sessions{metric=\"everything\",group=\"\"}"), Some(150.0));
}

#[tokio::test]
async fn who_may_not_see_sessions_may_not_see_their_numbers() {
    let app = TestApp::start().await;
    let router = router(&app, &[]);
    let (status, kind, text) = ask(&router, None).await;
    assert_eq!((status, kind.as_str()), (401, "application/problem+json"), "{text}");
    assert_eq!(ask(&router, Some("wrong")).await.0, 401);
    let other = token(&app, Permission::ManageVouchers).await;
    let (status, _, text) = ask(&router, Some(&other)).await;
    assert!(status == 403 && text.contains("view_session"), "{text}");
    let post = Request::post("/metrics").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(post).await.unwrap().status(), 405);
}

#[tokio::test]
async fn guests_find_no_metrics_on_the_portal() {
    let app = TestApp::start().await;
    app.device(7).await;
    let (peer, local): (SocketAddr, SocketAddr) =
        ("10.0.0.7:40000".parse().unwrap(), "10.0.0.1:2050".parse().unwrap());
    let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"));
    let request = Request::get("/metrics").header(header::HOST, "10.0.0.1:2050").body(Body::empty()).unwrap();
    let response =
        Extension(Endpoints::new(peer, local)).layer(portal::router(state)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn promtool_finds_nothing_to_say() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    app.handle.create_session(device.id, minutes(60)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    check_with_promtool(&scrape(&app, &[metric("all_of_them", "all", Some("$Zone"))]).await);
}

/// Prometheus' own judgement of names, units, help and form.
fn check_with_promtool(text: &str) {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool =
        started.expect("promtool is needed: scripts/test fetches it from the Debian package prometheus");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let judged = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&judged.stderr) + String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success() && said.trim().is_empty(), "{said}\n{text}");
}
