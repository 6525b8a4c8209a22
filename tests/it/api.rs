//! The HTTP API: statuses, shapes, permissions, hostile input.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{Permission, Text};
use turnpike::store::AuditQuery;
use turnpike::store::TokenText;

use crate::support::{TestApp, mac};

pub struct Api {
    pub app: TestApp,
    pub state: ApiState,
    router: Router,
    pub token: String,
}

impl Api {
    pub async fn start() -> Self {
        let app = TestApp::start().await;
        let state = ApiState::new(
            app.handle.clone(),
            app.store.clone(),
            Arc::clone(&app.vault) as _,
            &[turnpike::domain::ProviderName::new("voucher")],
        );
        let mut api = Self { app, router: api::router(state.clone()), state, token: String::new() };
        api.token = api.token(&[Permission::Admin]).await;
        api
    }

    pub async fn token(&self, permissions: &[Permission]) -> String {
        let text = TokenText::random().unwrap();
        let now = self.app.handle.now().wall;
        self.app.store.create_token(&Text::new("test"), permissions, &text, now).await.unwrap();
        text.as_str().to_owned()
    }

    /// Status and body; every error must be a problem.
    pub async fn raw(&self, token: &str, method: &str, path: &str, body: Vec<u8>) -> (u16, Value) {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        if !token.is_empty() {
            request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let is_problem = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/problem+json");
        assert_eq!(status >= 400, is_problem, "{method} {path}: {status}");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        if is_problem {
            assert_eq!(body["status"], status);
            assert!(body["type"].as_str().unwrap().starts_with("/problems/"), "{body}");
        }
        (status, body)
    }

    pub async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.raw(&self.token, method, path, body).await
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, Value::Null).await
    }
}

#[tokio::test]
async fn a_device_is_registered_found_renamed_blocked_and_forgotten() {
    let api = Api::start().await;
    let new = json!({"mac": "02:00:00:00:53:09", "alias": "till", "zone": "guests"});
    let (status, device) = api.ask("POST", "/api/v1/devices", new.clone()).await;
    assert_eq!((status, device["alias"].as_str()), (201, Some("till")));
    assert_eq!(
        (device["status"].as_str(), device["connected"].as_bool()),
        (Some("disconnected"), Some(false))
    );
    for field in ["id", "mac", "ipv4", "ipv6", "hostname", "zone", "roles", "first_seen", "last_seen"] {
        assert!(device.get(field).is_some(), "{field}");
    }
    assert_eq!(api.ask("POST", "/api/v1/devices", new).await.0, 409);
    let id = device["id"].as_str().unwrap().to_owned();
    for dev in [id.as_str(), "02:00:00:00:53:09", "02-00-00-00-53-09"] {
        assert_eq!(api.get(&format!("/api/v1/devices/{dev}")).await.1["id"], id.as_str());
    }
    let joined = api.app.device(1).await;
    assert_eq!(api.get("/api/v1/devices/10.0.0.1").await.1["id"], joined.id.to_string());
    let place = format!("/api/v1/devices/{id}");
    assert_eq!(api.ask("PATCH", &place, json!({"alias": null})).await.1["alias"], Value::Null);
    assert_eq!(api.ask("PATCH", &place, json!({"status": "blocked"})).await.1["status"], "blocked");
    assert_eq!(api.ask("POST", &format!("{place}/connect"), Value::Null).await.0, 403);
    assert_eq!(api.ask("PATCH", &place, json!({"blocked": false})).await.1["status"], "disconnected");
    assert_eq!(api.ask("PATCH", &place, json!({"status": "connected"})).await.0, 422);
    assert_eq!(api.ask("DELETE", &place, Value::Null).await.0, 204);
    assert_eq!(api.get(&place).await.0, 404);
    for dev in ["nobody", "10.9.9.9", "%ff", "02:00:00:00:00:77", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(api.get(&format!("/api/v1/devices/{dev}")).await.0, 404, "{dev}");
    }
}

#[tokio::test]
async fn a_session_is_made_run_changed_closed_and_deleted() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let place = format!("/api/v1/devices/{device}");
    assert_eq!(api.ask("POST", &format!("{place}/connect"), Value::Null).await.0, 409);
    let sessions = format!("{place}/sessions");
    let new =
        json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 2.5, "exp_days": 3, "down_mbps": 5});
    let (status, made) = api.ask("POST", &sessions, new).await;
    assert_eq!((status, made["state"].as_str()), (201, Some("available")));
    assert_eq!((made["time_secs"].as_u64(), made["data_mb"].as_f64()), (Some(600), Some(2.5)));
    assert_eq!(api.get(&format!("{place}/session")).await.0, 404);
    assert_eq!(api.get(&format!("{place}/session?usable=true")).await.1["id"], made["id"]);
    let connect = api.ask("POST", &format!("{place}/connect"), json!({"notify": "hello"})).await;
    assert_eq!((connect.0, connect.1["state"].as_str()), (200, Some("running")));
    assert_eq!(api.get(&format!("{place}/session")).await.1["id"], made["id"]);
    assert!(api.app.kernel.packet(mac(1), 1_000_000, false));
    api.app.pass(std::time::Duration::from_secs(60)).await;
    let session = format!("/api/v1/sessions/{}", made["id"].as_str().unwrap());
    let shown = api.get(&session).await.1;
    assert_eq!((shown["time_used_secs"].as_f64(), shown["data_used_mb"].as_f64()), (Some(60.0), Some(1.0)));
    assert_eq!(api.get("/api/v1/sessions?state=running").await.1["items"][0]["data_left_mb"], 1.5);
    assert_eq!(api.ask("PATCH", &session, json!({"data_mb": 0.5})).await.0, 422);
    let topped = api.ask("PATCH", &session, json!({"add_time_secs": 60, "up_mbps": 1.5})).await.1;
    assert_eq!((topped["time_secs"].as_u64(), topped["up_mbps"].as_f64()), (Some(660), Some(1.5)));
    let off = api.ask("POST", &format!("{place}/disconnect"), Value::Null).await;
    assert_eq!((off.0, off.1["connected"].as_bool()), (200, Some(false)));
    for _ in 0..2 {
        let closed = api.ask("POST", &format!("{session}/close"), json!({"reason": "refund"})).await;
        assert_eq!((closed.0, closed.1["state"].as_str()), (200, Some("closed")));
        assert_eq!(
            (closed.1["reason"].as_str(), closed.1["reason_text"].as_str()),
            (Some("operator"), Some("refund"))
        );
    }
    assert_eq!(api.ask("PATCH", &session, json!({"add_time_secs": 60})).await.0, 409);
    assert_eq!(api.ask("DELETE", &session, Value::Null).await.0, 204);
    assert_eq!(api.get(&session).await.0, 404);
    assert_eq!(api.get("/api/v1/sessions/nonsense").await.0, 404);
    api.state.audit.flush().await;
    let all = AuditQuery { page: 1, per_page: 100, ..AuditQuery::default() };
    let (audit, _) = api.app.store.audit(&all).await.unwrap();
    for action in ["session.create", "device.connect", "session.change", "session.close", "session.delete"] {
        assert!(audit.iter().any(|line| line.action == action), "{action}");
    }
}

#[tokio::test]
async fn a_voucher_is_redeemed_once_and_can_be_taken_back() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id.to_string();
    let batch = json!({"count": 3, "kind": "data", "data_mb": 2, "name": "spring"});
    let (status, made) = api.ask("POST", "/api/v1/vouchers", batch).await;
    assert_eq!((status, made["codes"].as_array().unwrap().len()), (201, 3));
    let code = made["codes"][0].as_str().unwrap();
    let typed = code.to_lowercase().replace('-', "");
    let place = format!("/api/v1/vouchers/{typed}");
    assert_eq!(api.get(&place).await.1["status"], "unsold");
    let redeem = format!("{place}/redeem");
    let (status, session) = api.ask("POST", &redeem, json!({"device": device})).await;
    assert_eq!((status, session["data_mb"].as_f64()), (201, Some(2.0)));
    assert_eq!(api.ask("POST", &redeem, json!({"device": device})).await.0, 409);
    assert_eq!(api.ask("POST", &redeem, json!({"device": "10.9.9.9"})).await.0, 404);
    assert_eq!(api.get("/api/v1/vouchers?redeemed=true").await.1["total"], 1);
    for _ in 0..2 {
        let revoked = api.ask("DELETE", &place, Value::Null).await;
        assert_eq!((revoked.0, revoked.1["status"].as_str()), (200, Some("revoked")));
    }
    let session = api.get(&format!("/api/v1/sessions/{}", session["id"].as_str().unwrap())).await.1;
    assert_eq!((session["state"].as_str(), session["reason"].as_str()), (Some("closed"), Some("revoked")));
    let none = api.get("/api/v1/vouchers/ABCDE-FGHJK").await;
    assert_eq!(none.0, 404);
    for wrong in [json!({"count": 0, "kind": "data", "data_mb": 1}), json!({"kind": "data", "data_mb": 1})] {
        assert_eq!(api.ask("POST", "/api/v1/vouchers", wrong).await.0, 422);
    }
    assert_eq!(api.get("/api/v1/vouchers").await.1["total"], 3);
}

#[tokio::test]
async fn a_call_needs_its_permission_and_says_which() {
    let api = Api::start().await;
    let place = format!("/api/v1/devices/{}", api.app.device(1).await.id);
    let view = api.token(&[Permission::ViewSession]).await;
    let modify_alone = api.token(&[Permission::ModifySession]).await;
    for token in ["", "nonsense", &format!("tp_{}", "0".repeat(64))] {
        assert_eq!(api.raw(token, "GET", "/api/v1/status", Vec::new()).await.0, 401);
    }
    assert_eq!(api.raw("", "GET", "/healthz", Vec::new()).await.0, 200);
    assert_eq!(api.raw(&view, "GET", &place, Vec::new()).await.0, 200);
    for (token, method, path, wanted) in [
        (&view, "POST", format!("{place}/disconnect"), "modify_session"),
        (&modify_alone, "POST", format!("{place}/disconnect"), "view_session"),
        (&view, "GET", "/api/v1/vouchers".to_owned(), "manage_vouchers"),
        (&view, "POST", "/api/v1/tokens".to_owned(), "admin"),
    ] {
        let (status, problem) = api.raw(token, method, &path, Vec::new()).await;
        assert_eq!((status, problem["permission"].as_str()), (403, Some(wanted)), "{path}");
    }
    let new = json!({"name": "till", "permissions": ["view_session"]});
    let (status, made) = api.ask("POST", "/api/v1/tokens", new).await;
    assert_eq!(status, 201);
    let token = made["token"].as_str().unwrap();
    assert_eq!(api.raw(token, "GET", "/api/v1/status", Vec::new()).await.0, 200);
    let listed = api.get("/api/v1/tokens").await.1;
    assert!(listed["items"].as_array().unwrap().iter().all(|item| item.get("token").is_none()));
    assert_eq!(api.ask("DELETE", &format!("/api/v1/tokens/{}", made["id"]), Value::Null).await.0, 200);
    assert_eq!(api.raw(token, "GET", "/api/v1/status", Vec::new()).await.0, 401);
    let wrong = json!({"name": "x", "permissions": ["root"]});
    assert_eq!(api.ask("POST", "/api/v1/tokens", wrong).await.0, 422);
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let sessions = format!("/api/v1/devices/{device}/sessions");
    for (body, wanted) in [
        ("{", 400),
        ("[]", 422),
        ("{}", 422),
        ("{\"kind\":\"forever\"}", 422),
        ("{\"kind\":\"time\",\"time_secs\":-1}", 422),
        ("{\"kind\":\"time\",\"time_secs\":1e300}", 422),
        ("{\"kind\":\"time\",\"time_secs\":18446744073709551615}", 422),
        ("{\"kind\":\"time\",\"time_secs\":\"60\"}", 422),
        ("{\"kind\":\"data\",\"data_mb\":-5}", 422),
        ("{\"kind\":\"data\",\"data_mb\":1,\"down_mbps\":-1}", 422),
        ("{\"kind\":\"data\",\"data_mb\":1,\"colour\":\"red\"}", 422),
    ] {
        let (status, _) = api.raw(&api.token, "POST", &sessions, body.into()).await;
        assert_eq!(status, wanted, "{body}");
    }
    let large = format!("{{\"kind\":\"time\",\"time_secs\":60{}}}", " ".repeat(70_000));
    assert_eq!(api.raw(&api.token, "POST", &sessions, large.into()).await.0, 413);
    assert_eq!(api.ask("POST", "/api/v1/devices", json!({"mac": "ff:ff:ff:ff:ff:ff"})).await.0, 422);
    for path in ["sessions?page=0", "sessions?sort=colour", "sessions?per_page=100000", "devices?colour=red"]
    {
        assert_eq!(api.get(&format!("/api/v1/{path}")).await.0, 422, "{path}");
    }
    assert_eq!(api.get("/api/v1/nothing").await.0, 404);
    assert_eq!(api.ask("PUT", "/api/v1/status", Value::Null).await.0, 405);
    assert_eq!(api.get(&sessions).await.1["total"], 0);
}

#[tokio::test]
async fn lists_are_searched_sorted_and_cut() {
    let api = Api::start().await;
    for number in 1..=3 {
        api.app.device(number).await;
    }
    let list = api.get("/api/v1/devices?sort=-mac&per_page=2").await.1;
    assert_eq!(
        (list["total"].as_u64(), list["page"].as_u64(), list["per_page"].as_u64()),
        (Some(3), Some(1), Some(2))
    );
    let macs: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["mac"].as_str().unwrap()).collect();
    assert_eq!(macs, ["02:00:00:00:53:03", "02:00:00:00:53:02"]);
    assert_eq!(
        api.get("/api/v1/devices?sort=-mac&per_page=2&page=2").await.1["items"].as_array().unwrap().len(),
        1
    );
    assert_eq!(api.get("/api/v1/devices?q=10.0.0.2").await.1["items"][0]["mac"], "02:00:00:00:53:02");
    assert_eq!(api.get("/api/v1/devices?q=&page=&sort=").await.1["total"], 3);
    assert_eq!(api.get("/api/v1/providers").await.1["items"][0]["name"], "voucher");
    assert_eq!(api.get("/api/v1/status").await.1["devices"], 3);
}
