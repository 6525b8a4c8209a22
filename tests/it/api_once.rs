//! `Idempotency-Key` and `If-Match`: what is done once, and what is done only if nothing has changed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::Connection;
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{
    BootId, BootTime, DoneOnce, Guard, Now, Once, Permission, Refusal, Tag, Text, WallTime,
};
use turnpike::store::{KeptAnswer, Numbers, TokenText, Writes};

use crate::support::{START, TestApp, mac, minutes};

struct Api {
    app: TestApp,
    router: Router,
    token: String,
}

/// An answer as the wire has it.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: Value,
    headers: HeaderMap,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn tag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    fn problem(&self) -> (u16, &str) {
        (self.status, self.body["type"].as_str().unwrap_or_default())
    }

    fn id(&self) -> &str {
        self.body["id"].as_str().unwrap()
    }

    /// Asserts that this is the first answer again.
    fn repeats(&self, first: &Self) {
        assert_eq!(self.header("idempotent-replayed"), Some("true"), "{self:?}");
        assert_eq!(first.header("idempotent-replayed"), None, "{first:?}");
        assert_eq!((self.status, &self.body), (first.status, &first.body));
        for name in [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL] {
            assert_eq!(self.headers.get(&name), first.headers.get(&name), "{name}");
        }
    }
}

impl Api {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let text = TokenText::random().unwrap();
        app.store.create_token(&Text::new("test"), &[Permission::Admin], &text, START.wall).await.unwrap();
        Self::on(app, text.as_str().to_owned())
    }

    fn on(app: TestApp, token: String) -> Self {
        let codes = Arc::clone(&app.vault) as _;
        let router = api::router(ApiState::new(app.handle.clone(), app.store.clone(), codes, &[]));
        Self { app, router, token }
    }

    /// Another one that may do everything.
    async fn other_token(&self) -> String {
        let text = TokenText::random().unwrap();
        let name = Text::new("test");
        self.app.store.create_token(&name, &[Permission::Admin], &text, START.wall).await.unwrap();
        text.as_str().to_owned()
    }

    async fn crash(self) -> Self {
        drop(self.router);
        Self::on(self.app.crash().await, self.token)
    }

    async fn restart(self) -> Self {
        drop(self.router);
        Self::on(self.app.restart().await, self.token)
    }

    async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status, body, headers }
    }

    async fn once(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(&self.token, method, path, &body.to_string(), &[("idempotency-key", key)]).await
    }

    async fn matching(&self, tag: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(&self.token, method, path, &body.to_string(), &[("if-match", tag)]).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(&self.token, "GET", path, "", &[]).await
    }

    /// As a crash between the change and the keeping of its answer leaves the store.
    async fn lose_answers(&self) {
        let path = self.app.dir.path().join("turnpike.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let lost = sqlx::query("UPDATE once SET status = NULL, location = NULL, tag = NULL, body = NULL")
            .execute(&mut connection)
            .await
            .unwrap();
        assert!(lost.rows_affected() > 0);
        connection.close().await.unwrap();
    }

    async fn sessions(&self) -> u64 {
        self.get("/api/v1/sessions").await.body["total"].as_u64().unwrap()
    }
}

fn an_hour() -> Value {
    json!({"kind": "time", "time_secs": 3600})
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_answered_again_and_done_once() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let place = format!("/api/v1/devices/{device}");
    let made = api.once("a", "POST", &format!("{place}/sessions"), an_hour()).await;
    assert_eq!((made.status, made.body["state"].as_str()), (201, Some("available")));
    assert_eq!(made.header("location"), Some(format!("/api/v1/sessions/{}", made.id()).as_str()));
    let session = format!("/api/v1/sessions/{}", made.id());
    let code = {
        let batch = json!({"count": 2, "kind": "data", "data_mb": 1});
        let first = api.once("batch", "POST", "/api/v1/vouchers", batch.clone()).await;
        assert_eq!((first.status, first.body["codes"].as_array().unwrap().len()), (201, 2));
        api.once("batch", "POST", "/api/v1/vouchers", batch).await.repeats(&first);
        assert_eq!(api.get("/api/v1/vouchers").await.body["total"], 2);
        first.body["codes"][0].as_str().unwrap().to_owned()
    };
    for (key, method, path, body, status) in [
        ("connect", "POST", format!("{place}/connect"), json!({"notify": "hello"}), 200),
        ("top", "PATCH", session.clone(), json!({"add_time_secs": 60}), 200),
        (
            "redeem",
            "POST",
            format!("/api/v1/vouchers/{code}/redeem"),
            json!({"device": device.to_string()}),
            201,
        ),
        ("disconnect", "POST", format!("{place}/disconnect"), json!({}), 200),
        ("name", "PATCH", place.clone(), json!({"alias": "till"}), 200),
        ("new", "POST", "/api/v1/devices".to_owned(), json!({"mac": "02:00:00:00:53:99"}), 201),
        ("close", "POST", format!("{session}/close"), json!({"reason": "refund"}), 200),
        // Changes nothing, and is remembered all the same.
        ("again", "POST", format!("{session}/close"), json!({"reason": "refund"}), 200),
        ("ping", "POST", format!("{place}/ping"), json!({}), 200),
    ] {
        let first = api.once(key, method, &path, body.clone()).await;
        assert_eq!(first.status, status, "{key}: {first:?}");
        api.app.pass(Duration::from_secs(5)).await;
        for _ in 0..2 {
            api.once(key, method, &path, body.clone()).await.repeats(&first);
        }
        assert_eq!(api.once(key, method, &path, json!({"x": 1})).await.status, 422, "{key}");
    }
    api.once("a", "POST", &format!("{place}/sessions"), an_hour()).await.repeats(&made);
    assert_eq!(api.sessions().await, 2);
    let now = api.get(&session).await.body;
    assert_eq!((now["time_secs"].as_u64(), now["state"].as_str()), (Some(3660), Some("closed")));
    assert_eq!(api.get("/api/v1/devices").await.body["total"], 2);
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let path = format!("/api/v1/devices/{device}/sessions");
    let first = api.once("k", "POST", &path, an_hour()).await;
    assert_eq!(first.status, 201);
    let other = (422, "/problems/key-of-another-request");
    assert_eq!(api.once("k", "POST", &path, json!({"kind": "time", "time_secs": 60})).await.problem(), other);
    let elsewhere = format!("/api/v1/sessions/{}/close", first.id());
    assert_eq!(api.once("k", "POST", &elsewhere, an_hour()).await.problem(), other);
    let body = an_hour().to_string();
    for wrong in ["", "two words", "\u{e9}", &"k".repeat(256)] {
        let refused = api.send(&api.token, "POST", &path, &body, &[("idempotency-key", wrong)]).await;
        assert_eq!(refused.status, 400, "{wrong:?}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(api.send(&api.token, "POST", &path, &body, &twice).await.status, 400);
    // Nobody learns from a key what they may not ask.
    for token in ["", "nonsense"] {
        assert_eq!(api.send(token, "POST", &path, &body, &[("idempotency-key", "k")]).await.status, 401);
    }
    let token = api.other_token().await;
    let others = api.send(&token, "POST", &path, &body, &[("idempotency-key", "k")]).await;
    assert_eq!((others.status, others.header("idempotent-replayed")), (201, None));
    assert_ne!(others.id(), first.id());
    // Bare or between quotes, as the draft writes it, it is the same key.
    api.once("\"k\"", "POST", &path, an_hour()).await.repeats(&first);
    // Where sending it again changes nothing anyway, it is not looked at.
    for _ in 0..2 {
        let gotten = api.send(&api.token, "GET", &path, "", &[("idempotency-key", "k")]).await;
        assert_eq!((gotten.status, gotten.body["total"].as_u64()), (200, Some(2)));
    }
}

#[tokio::test]
async fn a_refusal_uses_up_no_key() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let place = format!("/api/v1/devices/{device}");
    let connect = format!("{place}/connect");
    assert_eq!(api.once("c", "POST", &connect, json!({})).await.status, 409);
    assert_eq!(
        api.once("s", "POST", &format!("{place}/sessions"), json!({"kind": "time"})).await.status,
        422
    );
    let made = api.once("s", "POST", &format!("{place}/sessions"), an_hour()).await;
    assert_eq!(made.status, 201);
    // Taken back after it was stored: it may be tried again.
    api.app.kernel.refuse_opening(true);
    assert_eq!(api.once("c", "POST", &connect, json!({})).await.status, 500);
    api.app.kernel.refuse_opening(false);
    let connected = api.once("c", "POST", &connect, json!({})).await;
    assert_eq!((connected.status, connected.body["state"].as_str()), (200, Some("running")));
    assert!(api.app.kernel.is_open(mac(1)));
    api.once("c", "POST", &connect, json!({})).await.repeats(&connected);
}

#[tokio::test]
async fn of_requests_side_by_side_one_is_done() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let path = format!("/api/v1/devices/{device}/sessions");
    for round in 0..5_u64 {
        let key = format!("k{round}");
        let answers =
            futures_util::future::join_all((0..8).map(|_| api.once(&key, "POST", &path, an_hour()))).await;
        let mut ids = Vec::new();
        for answer in answers {
            match answer.problem() {
                (201, _) => ids.push(answer.id().to_owned()),
                problem => assert_eq!(problem, (409, "/problems/request-under-way")),
            }
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(api.sessions().await, round + 1);
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_finds_it_done() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let path = format!("/api/v1/devices/{device}/sessions");
    {
        let asked = api.once("k", "POST", &path, an_hour());
        tokio::pin!(asked);
        // Until it is in the daemon's hands, then no more.
        while api.sessions().await == 0 {
            assert!(futures_util::poll!(&mut asked).is_pending(), "answered before anybody could hang up");
        }
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let answer = loop {
        let answer = api.once("k", "POST", &path, an_hour()).await;
        if answer.status != 409 {
            break answer;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    };
    assert_eq!((answer.status, answer.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(api.sessions().await, 1);
}

#[tokio::test]
async fn answers_outlive_a_restart_and_a_crash() {
    let mut api = Api::start().await;
    let device = api.app.device(1).await.id;
    let path = format!("/api/v1/devices/{device}/sessions");
    let first = api.once("k", "POST", &path, an_hour()).await;
    for way in ["restart", "crash"] {
        api = if way == "restart" { api.restart().await } else { api.crash().await };
        api.once("k", "POST", &path, an_hour()).await.repeats(&first);
        assert_eq!(api.sessions().await, 1, "{way}");
    }
}

#[tokio::test]
async fn after_a_crash_before_the_answer_was_kept_it_is_what_is_there_now() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let place = format!("/api/v1/devices/{device}");
    let sessions = format!("{place}/sessions");
    let batch = json!({"count": 2, "kind": "data", "data_mb": 1});
    let made_batch = api.once("batch", "POST", "/api/v1/vouchers", batch.clone()).await;
    let code = made_batch.body["codes"][0].as_str().unwrap().to_owned();
    let redeem = format!("/api/v1/vouchers/{code}/redeem");
    let body = json!({"device": device.to_string()});
    let redeemed = api.once("redeem", "POST", &redeem, body.clone()).await;
    let made = api.once("make", "POST", &sessions, an_hour()).await;
    let session = format!("/api/v1/sessions/{}", made.id());
    let topped = api.once("top", "PATCH", &session, json!({"add_time_secs": 60})).await;
    let registered = json!({"mac": "02:00:00:00:53:99"});
    let new = api.once("new", "POST", "/api/v1/devices", registered.clone()).await;
    let short = api.once("short", "POST", &sessions, json!({"kind": "time", "time_secs": 60})).await;
    let token = json!({"name": "till", "permissions": ["view_session"]});
    assert_eq!(api.once("token", "POST", "/api/v1/tokens", token.clone()).await.status, 201);
    let gone = format!("/api/v1/sessions/{}", short.id());
    assert_eq!(api.send(&api.token, "DELETE", &gone, "", &[]).await.status, 204);
    api.lose_answers().await;
    let api = api.crash().await;
    let again = api.once("make", "POST", &sessions, an_hour()).await;
    assert_eq!((again.status, again.id(), again.body["time_secs"].as_u64()), (201, made.id(), Some(3660)));
    assert_eq!(again.headers.get(header::LOCATION), made.headers.get(header::LOCATION));
    api.once("top", "PATCH", &session, json!({"add_time_secs": 60})).await.repeats(&topped);
    api.once("redeem", "POST", &redeem, body).await.repeats(&redeemed);
    api.once("batch", "POST", "/api/v1/vouchers", batch).await.repeats(&made_batch);
    api.once("new", "POST", "/api/v1/devices", registered).await.repeats(&new);
    let short = api.once("short", "POST", &sessions, json!({"kind": "time", "time_secs": 60})).await;
    assert_eq!(short.problem(), (410, "/problems/done-and-gone"));
    let token = api.once("token", "POST", "/api/v1/tokens", token).await;
    assert_eq!(token.problem(), (409, "/problems/token-shown-once"));
    assert_eq!(api.sessions().await, 2);
    assert_eq!(api.get("/api/v1/tokens").await.body["total"], 2);
    assert_eq!(api.get("/api/v1/vouchers").await.body["total"], 2);
}

#[tokio::test]
async fn no_secret_is_kept_in_an_answer() {
    let api = Api::start().await;
    let token = json!({"name": "till", "permissions": ["view_session"]});
    let made = api.once("t", "POST", "/api/v1/tokens", token.clone()).await;
    let batch = json!({"count": 2, "kind": "data", "data_mb": 1});
    let vouchers = api.once("v", "POST", "/api/v1/vouchers", batch).await;
    let again = api.once("t", "POST", "/api/v1/tokens", token).await;
    assert_eq!((again.problem(), again.body.get("token")), ((409, "/problems/token-shown-once"), None));
    let dir = Arc::clone(&api.app.dir);
    let secrets = [made.body["token"].as_str().unwrap(), vouchers.body["codes"][0].as_str().unwrap()];
    for file in std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} in {}", secret, file.display());
        }
    }
}

#[tokio::test]
async fn the_store_lets_a_request_through_once_and_forgets_it_after_a_day() {
    let app = TestApp::start().await;
    let device = app.device(1).await.id;
    let once = |key: &str, boot: &str, at: u64| Once {
        caller: "root".to_owned(),
        key: key.to_owned(),
        fingerprint: [7; 32],
        boot_id: BootId::new(boot),
        at: Now { boot: BootTime(at), wall: WallTime(0) },
    };
    let under = |once: Once| {
        app.handle.under(turnpike::domain::Proviso { once: Some(once), expected: None, by: None })
    };
    let first = under(once("a", "boot-1", 1_000));
    let (one, two) = (first.clone(), first.clone());
    // In one group, and so in one transaction.
    let (one, two) =
        tokio::join!(one.create_session(device, minutes(1)), two.create_session(device, minutes(1)));
    assert_eq!([&one, &two].iter().filter(|made| made.is_ok()).count(), 1);
    assert_eq!(one.err().or(two.err()), Some(Refusal::DoneBefore));
    assert_eq!(first.create_session(device, minutes(1)).await.err(), Some(Refusal::DoneBefore));
    assert_eq!(app.handle.usable_sessions(device).await.unwrap().len(), 1);
    under(once("b", "boot-1", 5_000)).create_session(device, minutes(1)).await.unwrap();
    // Were it not looked up, the store would still not have it.
    let row = |key: &str, subject: &str| {
        let subject = subject.parse().unwrap();
        let guard = Guard::Once(Box::new(DoneOnce { once: once(key, "boot-1", 6_000), subject, made: true }));
        Writes { guards: vec![guard], ..Writes::default() }
    };
    let group = vec![row("a", "batch 1"), row("e", "batch 2"), row("e", "batch 3")];
    let committed = app.store.commit(group).await.unwrap();
    assert_eq!(committed, [Err(Refusal::DoneBefore), Ok(Numbers::default()), Err(Refusal::DoneBefore)]);
    let found = app.store.find_once("root", "e").await.unwrap().unwrap();
    assert_eq!((found.subject.to_string().as_str(), found.made, found.answer), ("batch 2", true, None));
    let answer = KeptAnswer { status: 200, location: None, tag: None, body: "{}".to_owned() };
    app.store.keep_answer(&once("c", "boot-0", 9_000_000), &answer).await.unwrap();
    let known = async |key: &str| app.store.find_once("root", key).await.unwrap().is_some();
    let day = Once::KEPT_MS;
    let prune = |boot: &'static str, at, keep| {
        let store = app.store.clone();
        async move { store.prune_once(&BootId::new(boot), BootTime(at), keep).await.unwrap() }
    };
    assert_eq!(prune("boot-1", day - 1, 100).await, 0);
    // A day after the first; what was asked in another boot is older than this one.
    assert_eq!(prune("boot-1", day + 1_000, 100).await, 2);
    assert_eq!((known("a").await, known("b").await, known("c").await), (false, true, false));
    assert_eq!(prune("boot-2", day - 1, 100).await, 0);
    app.store.keep_answer(&once("d", "boot-2", 0), &answer).await.unwrap();
    // But for the newest.
    assert_eq!(prune("boot-2", 1, 1).await, 2);
    assert_eq!((known("b").await, known("d").await), (false, true));
}

#[tokio::test]
async fn a_tag_stands_for_what_is_decided_and_not_for_usage() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let place = format!("/api/v1/devices/{device}");
    let made = api.send(&api.token, "POST", &format!("{place}/sessions"), &an_hour().to_string(), &[]).await;
    let session = format!("/api/v1/sessions/{}", made.id());
    assert_eq!(made.tag(), api.get(&session).await.tag());
    let idle = api.get(&place).await.tag();
    let running = api.send(&api.token, "POST", &format!("{place}/connect"), "", &[]).await;
    assert_ne!(running.tag(), made.tag());
    assert_ne!(api.get(&place).await.tag(), idle);
    assert!(api.app.kernel.packet(mac(1), 1_000_000, false));
    api.app.pass(Duration::from_secs(60)).await;
    let used = api.get(&session).await;
    assert_eq!((used.body["time_used_secs"].as_f64(), used.tag()), (Some(60.0), running.tag()));
    assert_eq!(api.get(&format!("{place}/session")).await.tag(), running.tag());
    let changed = api.matching(&used.tag(), "PATCH", &session, json!({"add_time_secs": 60})).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.tag(), used.tag());
    let api = api.crash().await;
    assert_eq!(api.get(&session).await.tag(), changed.tag());
    let closed = api.send(&api.token, "POST", &format!("{session}/close"), "", &[]).await;
    assert_eq!(closed.tag(), api.get(&session).await.tag());
}

#[tokio::test]
async fn what_has_been_changed_since_is_left_alone() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let place = format!("/api/v1/devices/{device}");
    let made = api.send(&api.token, "POST", &format!("{place}/sessions"), &an_hour().to_string(), &[]).await;
    let session = format!("/api/v1/sessions/{}", made.id());
    assert_eq!(api.send(&api.token, "POST", &format!("{place}/connect"), "", &[]).await.status, 200);
    let stale = (412, "/problems/changed");
    let seen = api.get(&place).await.tag();
    let other = format!("\"{}\"", "0".repeat(32));
    for (tag, method, path, body) in [
        (made.tag(), "PATCH", session.clone(), json!({"add_time_secs": 60})),
        (made.tag(), "POST", format!("{session}/close"), json!({})),
        (made.tag(), "DELETE", session.clone(), json!({})),
        (format!("W/{seen}"), "PATCH", place.clone(), json!({"alias": "x"})),
        (other.clone(), "PATCH", place.clone(), json!({"blocked": true})),
        (other.clone(), "PATCH", place.clone(), json!({"status": "disconnected"})),
        (other.clone(), "POST", format!("{place}/disconnect"), json!({})),
        (other.clone(), "POST", format!("{place}/sessions"), an_hour()),
        (other.clone(), "DELETE", place.clone(), json!({})),
        (other.clone(), "POST", "/api/v1/devices".to_owned(), json!({"mac": "02:00:00:00:53:99"})),
    ] {
        assert_eq!(api.matching(&tag, method, &path, body).await.problem(), stale, "{method} {path}");
        assert!(api.app.kernel.is_open(mac(1)), "{method} {path}");
    }
    assert_eq!(api.get(&session).await.body["time_secs"], 3600);
    assert_eq!((api.get(&place).await.tag(), api.sessions().await), (seen.clone(), 1));
    assert_eq!(api.matching("nonsense", "PATCH", &place, json!({"alias": "x"})).await.status, 400);
    // One of several, or any: then it is done.
    let both = format!("{other}, {seen}");
    assert_eq!(api.matching(&both, "PATCH", &place, json!({"alias": "x"})).await.status, 200);
    assert_eq!(api.matching("*", "PATCH", &session, json!({"add_time_secs": 60})).await.status, 200);
    assert_eq!(api.matching("*", "PATCH", "/api/v1/devices/10.9.9.9", json!({})).await.status, 404);
    let off = api.matching("*", "PATCH", &place, json!({"status": "disconnected"})).await;
    assert_eq!((off.status, off.body["connected"].as_bool()), (200, Some(false)));
    assert!(!api.app.kernel.is_open(mac(1)));
    // One that has ended is in the store alone.
    let now = api.get(&session).await.tag();
    let closed = api.matching(&now, "POST", &format!("{session}/close"), json!({})).await;
    assert_eq!(closed.status, 200);
    assert_eq!(api.matching(&now, "POST", &format!("{session}/close"), json!({})).await.problem(), stale);
    assert_eq!(api.matching(&now, "DELETE", &session, json!({})).await.problem(), stale);
    assert_eq!(api.matching(&closed.tag(), "DELETE", &session, json!({})).await.status, 204);
}

#[tokio::test]
async fn of_two_that_saw_the_same_one_changes_it() {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let session = api.app.handle.create_session(device, minutes(60)).await.unwrap();
    let path = format!("/api/v1/sessions/{}", session.id);
    let tag = format!("\"{}\"", Tag::of_session(&session));
    let top = json!({"add_time_secs": 60});
    let answers =
        futures_util::future::join_all((0..8).map(|_| api.matching(&tag, "PATCH", &path, top.clone()))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(api.get(&path).await.body["time_secs"], 3660);
    // A retry with its key gets its answer, though the tag is another by now.
    let (now, top) = (api.get(&path).await.tag(), top.to_string());
    let headers = [("if-match", now.as_str()), ("idempotency-key", "k")];
    let first = api.send(&api.token, "PATCH", &path, &top, &headers).await;
    assert_eq!(first.status, 200);
    api.send(&api.token, "PATCH", &path, &top, &headers).await.repeats(&first);
    assert_eq!(api.get(&path).await.body["time_secs"], 3720);
}
