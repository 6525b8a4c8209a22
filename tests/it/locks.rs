//! Locks over the API: one owner each, first come first served, and what frees them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{LockName, LockScope, Permission, Refusal, Text, ZonePolicy};
use turnpike::http::{Limits, serve};
use turnpike::runtime::DevicePatch;
use turnpike::store::{AuditQuery, TokenText};

use crate::support::{START, TestApp, mac, zone};

const SESSION: &str = "UNLOCK_ON_SESSION_LOSS";
const CONNECTION: &str = "UNLOCK_ON_CONNECTION_LOSS";
const PLACE: &str = "/api/v1/locks";

struct Api {
    app: TestApp,
    state: ApiState,
    router: Router,
    token: String,
}

/// Answers with the status and the body.
async fn send(
    router: Router,
    token: String,
    method: &'static str,
    path: String,
    body: String,
    extra: &[(&str, &str)],
) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert!(!response.headers().contains_key("idempotent-replayed"));
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() })
}

impl Api {
    /// With devices 1 to 4 on the network; they are away for good after a minute.
    async fn start() -> Self {
        let zone = ZonePolicy { away_pause_secs: Some(60), ..zone() };
        let app = TestApp::start_with(vec![zone], Vec::new()).await;
        for number in 1..=4 {
            app.device(number).await;
        }
        let codes = Arc::clone(&app.vault) as _;
        let state = ApiState::new(app.handle.clone(), app.store.clone(), codes, &[]);
        let mut api = Self { app, router: api::router(state.clone()), state, token: String::new() };
        api.token = api.token(&[Permission::Admin]).await;
        api
    }

    async fn token(&self, permissions: &[Permission]) -> String {
        let text = TokenText::random().unwrap();
        self.app.store.create_token(&Text::new("test"), permissions, &text, START.wall).await.unwrap();
        text.as_str().to_owned()
    }

    async fn ask(&self, method: &'static str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(self.router.clone(), self.token.clone(), method, path.to_owned(), body, &[]).await
    }

    /// Asks on behalf of a device, by its address, without waiting.
    async fn acquire(&self, name: &str, device: u8, scope: &str) -> (u16, Value) {
        self.ask("POST", PLACE, json!({"name": name, "device": ip(device), "scope": scope})).await
    }

    /// Asks for a lock that another holds; returns when the device stands in line.
    async fn wait(&self, name: &str, device: u8, secs: f64) -> JoinHandle<(u16, Value)> {
        let before = self.waiting(name).await.len();
        let body = json!({"name": name, "device": ip(device), "wait_secs": secs}).to_string();
        let (router, token) = (self.router.clone(), self.token.clone());
        let asked =
            tokio::spawn(async move { send(router, token, "POST", PLACE.to_owned(), body, &[]).await });
        eventually("it stands in line", async || self.waiting(name).await.len() > before).await;
        asked
    }

    async fn lock(&self, name: &str) -> Option<Value> {
        let (status, list) = self.ask("GET", PLACE, Value::Null).await;
        assert_eq!(status, 200);
        list["items"].as_array().unwrap().iter().find(|lock| lock["name"] == name).cloned()
    }

    async fn waiting(&self, name: &str) -> Vec<Value> {
        self.lock(name).await.map_or_else(Vec::new, |lock| lock["waiting"].as_array().unwrap().clone())
    }

    async fn release(&self, name: &str) {
        let (status, body) = self.ask("DELETE", &format!("{PLACE}/{name}"), Value::Null).await;
        assert_eq!(status, 204, "{body}");
    }

    async fn id(&self, device: u8) -> String {
        self.ask("GET", &format!("/api/v1/devices/{}", ip(device)), Value::Null).await.1["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Whose it is, by the number of the device.
    async fn is_of(&self, name: &str, device: &str) -> bool {
        self.lock(name).await.is_some_and(|lock| lock["owner"] == device)
    }
}

fn ip(device: u8) -> String {
    format!("10.0.0.{device}")
}

fn name(name: &str) -> LockName {
    name.parse().unwrap()
}

/// Waits for what comes about by the keeper's looks, one a second.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}: not after 10 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_lock_is_acquired_listed_and_released() {
    let api = Api::start().await;
    let id = api.id(1).await;
    let body = json!({"name": "coinslot/1", "device": mac(1).to_string()});
    let (status, lock) = api.ask("POST", PLACE, body.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(
        lock,
        json!({"name": "coinslot/1", "owner": id, "owner_kind": "device", "scope": SESSION,
               "acquired_at": "2026-06-01T00:00:00.000Z", "waiting": []})
    );
    assert_eq!(api.ask("POST", PLACE, body).await, (200, lock.clone()), "the same lock");
    assert_eq!(api.acquire("a b/ä", 2, CONNECTION).await.0, 201);
    let list = api.ask("GET", &format!("{PLACE}?per_page=1&page=2"), Value::Null).await.1;
    assert_eq!(list, json!({"items": [lock], "page": 2, "per_page": 1, "total": 2}));
    for path in ["coinslot%2F1?device=10.0.0.2", "coinslot", "coinslot/1/2", "coinslot/", "/coinslot/1"] {
        let (status, problem) = api.ask("DELETE", &format!("{PLACE}/{path}"), Value::Null).await;
        assert_eq!((status, problem["type"].as_str()), (404, Some("/problems/lock-not-held")), "{path}");
    }
    let foreign = api.ask("DELETE", &format!("{PLACE}/coinslot/1?device=10.0.0.99"), Value::Null).await;
    assert_eq!((foreign.0, foreign.1["type"].as_str()), (404, Some("/problems/unknown-device")));
    for path in ["coinslot%2F1?device=10.0.0.1", "a%20b/%C3%A4"] {
        assert_eq!(api.ask("DELETE", &format!("{PLACE}/{path}"), Value::Null).await, (204, Value::Null));
    }
    assert_eq!(api.ask("DELETE", &format!("{PLACE}/coinslot/1"), Value::Null).await.0, 404);
    assert_eq!(api.ask("GET", PLACE, Value::Null).await.1["total"], 0);
    api.state.audit.flush().await;
    let (audit, _) =
        api.app.store.audit(&AuditQuery { per_page: 100, ..AuditQuery::default() }).await.unwrap();
    let lines = |action: &str| {
        let of = audit.iter().filter(|line| line.action == action);
        of.map(|line| format!("{} {}", line.subject.as_ref().unwrap(), line.details)).collect::<Vec<_>>()
    };
    assert!(lines("lock.acquire").contains(&format!("coinslot/1 device {id}, {SESSION}")), "{audit:?}");
    assert!(lines("lock.release").contains(&format!("coinslot/1 device {id}")), "{audit:?}");
    assert_eq!(
        (lines("lock.acquire").len(), lines("lock.release").len()),
        (2, 2),
        "what changed nothing is no line"
    );
}

#[tokio::test]
async fn who_waits_gets_it_first_come_first_served() {
    let api = Api::start().await;
    assert_eq!(api.acquire("coinslot/1", 1, SESSION).await.0, 201);
    let second = api.wait("coinslot/1", 2, 60.0).await;
    let third = api.wait("coinslot/1", 3, 60.0).await;
    let waiting = api.waiting("coinslot/1").await;
    let owners: Vec<_> = waiting.iter().map(|waiter| waiter["owner"].as_str().unwrap()).collect();
    assert_eq!(owners, [api.id(2).await, api.id(3).await]);
    api.release("coinslot/1").await;
    let (status, lock) = second.await.unwrap();
    assert_eq!((status, lock["owner"].as_str()), (201, Some(api.id(2).await.as_str())));
    assert!(!third.is_finished());
    api.release("coinslot%2F1").await;
    assert_eq!(third.await.unwrap().0, 201);
    assert!(api.is_of("coinslot/1", &api.id(3).await).await);
}

#[tokio::test]
async fn a_wait_ends_in_time_and_leaves_no_trace() {
    let api = Api::start().await;
    assert_eq!(api.acquire("a", 1, SESSION).await.0, 201);
    let (status, problem) = api.acquire("a", 2, SESSION).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("/problems/lock-held")));
    assert!(problem["detail"].as_str().unwrap().contains(&api.id(1).await), "{problem}");
    let begun = Instant::now();
    let (status, problem) = api.wait("a", 2, 0.25).await.await.unwrap();
    assert_eq!((status, problem["type"].as_str()), (409, Some("/problems/lock-wait-over")));
    assert!((0.25..5.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    assert_eq!(api.waiting("a").await, Vec::<Value>::new());
    // Nobody can wait for a lock of whoever waits for theirs.
    assert_eq!(api.acquire("b", 2, SESSION).await.0, 201);
    let waits = api.wait("a", 2, 60.0).await;
    let (status, problem) =
        api.ask("POST", PLACE, json!({"name": "b", "device": ip(1), "wait_secs": 60})).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("/problems/lock-would-deadlock")));
    api.release("a").await;
    assert_eq!(waits.await.unwrap().0, 201);
}

#[tokio::test]
async fn a_caller_that_hangs_up_gives_up_its_wait() {
    let api = Api::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { answer: Duration::from_millis(100), patience: api::patience, ..Limits::default() };
    tokio::spawn(serve(listener, api.router.clone(), limits, std::future::pending()));
    assert_eq!(api.acquire("a", 1, SESSION).await.0, 201);
    let wait = async |device: u8| {
        let body = json!({"name": "a", "device": ip(device), "wait_secs": 3600}).to_string();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {PLACE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            api.token,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        stream
    };
    let gone = wait(2).await;
    eventually("2 waits", async || api.waiting("a").await.len() == 1).await;
    let again = wait(2).await;
    let mut third = wait(3).await;
    eventually("3 waits", async || api.waiting("a").await.len() == 2).await;
    // Much longer than any other request may take.
    let held = tokio::time::timeout(Duration::from_millis(500), third.read_u8()).await;
    assert!(held.is_err(), "it was answered before its time");
    // One of its two waits is enough to keep its place.
    drop(gone);
    let kept = tokio::time::timeout(Duration::from_millis(200), async {
        eventually("2 has left", async || api.waiting("a").await.len() < 2).await;
    });
    assert!(kept.await.is_err(), "its other wait was cancelled too");
    drop(again);
    eventually("2 has left", async || api.waiting("a").await.len() == 1).await;
    api.release("a").await;
    let mut answer = String::new();
    third.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(api.is_of("a", &api.id(3).await).await);
}

#[tokio::test]
async fn a_lock_that_comes_as_the_caller_goes_is_not_lost() {
    let api = Api::start().await;
    let handle = &api.app.handle;
    let (a, wait) = (name("a"), Some(Duration::from_secs(60)));
    let device =
        async |number| handle.find_device(turnpike::runtime::DeviceRef::Mac(mac(number))).await.unwrap().id;
    let (first, second, third) = (device(1).await, device(2).await, device(3).await);
    handle.acquire_lock(&a, first, LockScope::SessionLoss, None).await.unwrap();
    let mut goes = Box::pin(handle.acquire_lock(&a, second, LockScope::SessionLoss, wait));
    let mut stays = Box::pin(handle.acquire_lock(&a, third, LockScope::SessionLoss, wait));
    let line = |count: usize| handle.locks().first().is_some_and(|lock| lock.waiters.len() == count);
    for (asks, count) in [(&mut goes, 1), (&mut stays, 2)] {
        eventually("it stands in line", async || {
            assert!(futures_util::poll!(asks.as_mut()).is_pending());
            line(count)
        })
        .await;
    }
    handle.release_lock(&a, Some(first)).unwrap();
    assert_eq!(handle.locks()[0].owner.id(), second.to_string(), "handed over, and not yet told");
    drop(goes);
    assert_eq!(stays.await.unwrap().status.owner.id(), third.to_string());
    // And one that is released before it is taken is not said to be held.
    let mut late = Box::pin(handle.acquire_lock(&a, first, LockScope::SessionLoss, wait));
    eventually("it stands in line", async || {
        assert!(futures_util::poll!(late.as_mut()).is_pending());
        line(1)
    })
    .await;
    handle.release_lock(&a, None).unwrap();
    handle.release_lock(&a, None).unwrap();
    assert_eq!(late.await, Err(Refusal::LockLost));
    assert!(handle.locks().is_empty());
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let api = Api::start().await;
    let long = "x".repeat(201);
    for (field, body) in [
        ("name", json!({"name": "", "device": ip(1)})),
        ("name", json!({"name": "/a", "device": ip(1)})),
        ("name", json!({"name": "a//b", "device": ip(1)})),
        ("name", json!({"name": "a/", "device": ip(1)})),
        ("name", json!({"name": "a\nb", "device": ip(1)})),
        ("name", json!({"name": long, "device": ip(1)})),
        ("scope", json!({"name": "a", "device": ip(1), "scope": "session"})),
        ("scope", json!({"name": "a", "device": ip(1), "scope": ""})),
        ("wait_secs", json!({"name": "a", "device": ip(1), "wait_secs": -0.1})),
        ("wait_secs", json!({"name": "a", "device": ip(1), "wait_secs": 3600.5})),
        ("wait_secs", json!({"name": "a", "device": ip(1), "wait_secs": 1e300})),
    ] {
        let (status, problem) = api.ask("POST", PLACE, body.clone()).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{body}: {problem}");
    }
    for (status, body) in [
        (400, "{"),
        (422, "{}"),
        (422, "[]"),
        (422, r#"{"name":"a"}"#),
        (422, r#"{"device":"10.0.0.1"}"#),
        (422, r#"{"name":7,"device":"10.0.0.1"}"#),
        (422, r#"{"name":"a","device":null}"#),
        (422, r#"{"name":"a","device":"10.0.0.1","scope":1}"#),
        (422, r#"{"name":"a","device":"10.0.0.1","wait_secs":"1"}"#),
        (400, r#"{"name":"a","device":"10.0.0.1","wait_secs":NaN}"#),
        (422, r#"{"name":"a","device":"10.0.0.1","colour":"red"}"#),
        (404, r#"{"name":"a","device":""}"#),
        (404, r#"{"name":"a","device":"10.0.0.77"}"#),
        (404, r#"{"name":"a","device":"02:00:00:00:53:77"}"#),
    ] {
        let said =
            send(api.router.clone(), api.token.clone(), "POST", PLACE.to_owned(), body.to_owned(), &[]);
        assert_eq!(said.await.0, status, "{body}");
    }
    for path in ["?page=0", "?per_page=x", "?colour=red"] {
        assert_eq!(api.ask("GET", &format!("{PLACE}{path}"), Value::Null).await.0, 422, "{path}");
    }
    assert_eq!(api.ask("DELETE", &format!("{PLACE}/a?colour=red"), Value::Null).await.0, 422);
    assert_eq!(api.ask("PUT", PLACE, json!({})).await.0, 405);
    assert_eq!(api.ask("GET", &format!("{PLACE}/a"), Value::Null).await.0, 405);
    // None of it left anything behind.
    assert_eq!(api.ask("GET", PLACE, Value::Null).await.1["total"], 0);
    for number in 0..64 {
        assert_eq!(api.acquire(&format!("a/{number}"), 1, SESSION).await.0, 201);
    }
    let (status, problem) = api.acquire("b", 1, SESSION).await;
    assert_eq!((status, problem["type"].as_str()), (429, Some("/problems/too-many-locks")));
    assert_eq!(api.acquire("b", 2, SESSION).await.0, 201);
}

#[tokio::test]
async fn a_permission_is_for_a_path_and_what_is_below_it() {
    let api = Api::start().await;
    let ask = async |token: &str, method: &'static str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(api.router.clone(), token.to_owned(), method, path.to_owned(), body, &[]).await
    };
    let lock = |name: &str| json!({"name": name, "device": ip(1)});
    let slot = api.token(&[Permission::AcquireLock("coinslot".to_owned())]).await;
    let all = api.token(&[Permission::AcquireLock(String::new()), Permission::ViewSession]).await;
    let none = api.token(&[Permission::ViewSession, Permission::ModifySession]).await;
    for (name, wanted) in [
        ("coinslot", 201),
        ("coinslot/1", 201),
        ("coinslot/1/left", 201),
        ("coinslot2", 403),
        ("coin", 403),
        ("a/coinslot", 403),
        ("Coinslot", 403),
    ] {
        let (status, body) = ask(&slot, "POST", PLACE, lock(name)).await;
        assert_eq!(status, wanted, "{name}: {body}");
        if wanted == 403 {
            assert_eq!(body["permission"], format!("acquire_lock:{name}"));
        }
    }
    assert_eq!(ask(&all, "POST", PLACE, lock("other/1")).await.0, 201);
    for (path, wanted) in [("other/1", 403), ("other%2F1", 403), ("nothing", 403), ("coinslot%2F1", 204)] {
        assert_eq!(ask(&slot, "DELETE", &format!("{PLACE}/{path}"), Value::Null).await.0, wanted, "{path}");
    }
    // Without any of them nothing of the request is looked at.
    for (method, path) in [("POST", PLACE), ("DELETE", "/api/v1/locks/coinslot")] {
        let (status, body) = ask(&none, method, path, Value::Null).await;
        assert_eq!((status, body["permission"].as_str()), (403, Some("acquire_lock:PATH")));
        assert_eq!(ask("", method, path, Value::Null).await.0, 401);
    }
    let (status, body) = ask(&slot, "GET", PLACE, Value::Null).await;
    assert_eq!((status, body["permission"].as_str()), (403, Some("view_session")));
    assert_eq!(ask(&all, "GET", PLACE, Value::Null).await.1["total"], 3);
}

#[tokio::test]
async fn keys_are_ignored_and_tags_match_nothing() {
    let api = Api::start().await;
    let body = json!({"name": "a", "device": ip(1)}).to_string();
    let post = async |extra: &[(&str, &str)]| {
        send(api.router.clone(), api.token.clone(), "POST", PLACE.to_owned(), body.clone(), extra).await.0
    };
    assert_eq!(post(&[("if-match", "\"x\"")]).await, 412);
    for wanted in [201, 200] {
        assert_eq!(post(&[("idempotency-key", "k"), ("if-match", "*")]).await, wanted);
    }
    api.release("a").await;
    assert_eq!(post(&[("idempotency-key", "k")]).await, 201, "what was answered once is not what holds now");
}

#[tokio::test]
async fn the_weaker_scope_holds_and_leaving_frees_it() {
    let api = Api::start().await;
    let second = api.id(2).await;
    assert_eq!(api.acquire("weak", 1, SESSION).await.1["scope"], SESSION);
    assert_eq!(api.acquire("weak", 1, CONNECTION).await.1["scope"], CONNECTION);
    assert_eq!(
        api.acquire("weak", 1, SESSION).await.1["scope"],
        CONNECTION,
        "asking again makes it no stronger"
    );
    assert_eq!(api.acquire("strong", 1, SESSION).await.0, 201);
    let (weak, strong) = (api.wait("weak", 2, 60.0).await, api.wait("strong", 2, 60.0).await);
    // It leaves the network: the neighbour table says so.
    api.app.handle.lost(mac(1), ip(1).parse().unwrap()).await.unwrap();
    assert_eq!(weak.await.unwrap().0, 201);
    assert!(!strong.is_finished() && api.is_of("weak", &second).await);
    // A minute later it is gone for good.
    api.app.pass(Duration::from_secs(59)).await;
    let kept = tokio::time::timeout(Duration::from_millis(2500), async {
        eventually("freed", async || api.is_of("strong", &second).await).await;
    });
    assert!(kept.await.is_err(), "freed before its time");
    api.app.pass(Duration::from_secs(1)).await;
    assert_eq!(strong.await.unwrap().0, 201);
}

#[tokio::test]
async fn a_device_that_walks_off_unnoticed_is_missed() {
    let api = Api::start().await;
    for (name, scope) in [("weak", CONNECTION), ("strong", SESSION)] {
        assert_eq!(api.acquire(name, 1, scope).await.0, 201);
    }
    let id = api.id(1).await;
    // Whoever waits and walks off loses its wait as well.
    assert_eq!(api.acquire("other", 3, SESSION).await.0, 201);
    let body = json!({"name": "other", "device": ip(1), "scope": CONNECTION, "wait_secs": 60}).to_string();
    let waits = tokio::spawn(send_owned(api.router.clone(), api.token.clone(), body));
    eventually("it waits", async || api.waiting("other").await.len() == 1).await;
    let walked = Instant::now();
    api.app.lan.leave(mac(1));
    let second = api.wait("weak", 2, 60.0).await;
    assert_eq!(second.await.unwrap().0, 201);
    let freed = walked.elapsed();
    assert!(freed < Duration::from_secs(5), "{freed:?}");
    let (status, problem) = waits.await.unwrap();
    assert_eq!((status, problem["type"].as_str()), (409, Some("/problems/lock-lost")));
    assert!(api.is_of("strong", &id).await, "a short absence is none");
    api.app.pass(Duration::from_secs(61)).await;
    eventually("the strong one is free", async || api.lock("strong").await.is_none()).await;
}

async fn send_owned(router: Router, token: String, body: String) -> (u16, Value) {
    send(router, token, "POST", PLACE.to_owned(), body, &[]).await
}

#[tokio::test]
async fn a_device_that_comes_back_keeps_its_lock() {
    let api = Api::start().await;
    let id = api.id(1).await;
    for (name, scope) in [("weak", CONNECTION), ("strong", SESSION)] {
        assert_eq!(api.acquire(name, 1, scope).await.0, 201);
    }
    // Away for the better part of a minute, again and again.
    for _ in 0..2 {
        api.app.handle.lost(mac(1), ip(1).parse().unwrap()).await.unwrap();
        eventually("the weak one is free", async || api.lock("weak").await.is_none()).await;
        api.app.pass(Duration::from_secs(40)).await;
        api.app.device(1).await;
        assert_eq!(api.acquire("weak", 1, CONNECTION).await.0, 201);
    }
    let looked = tokio::time::timeout(Duration::from_millis(2500), async {
        eventually("freed", async || !api.is_of("strong", &id).await || !api.is_of("weak", &id).await).await;
    });
    assert!(looked.await.is_err(), "freed though it is here");
}

#[tokio::test]
async fn blocking_deleting_and_a_restart_free_what_a_device_holds() {
    let api = Api::start().await;
    for (name, device) in [("a", 1), ("b", 2)] {
        assert_eq!(api.acquire(name, device, SESSION).await.0, 201);
    }
    let (a, b) = (api.wait("a", 3, 60.0).await, api.wait("b", 3, 60.0).await);
    let id = |text: String| text.parse().unwrap();
    let block = DevicePatch { blocked: Some(true), ..DevicePatch::default() };
    api.app.handle.update_device(id(api.id(1).await), block).await.unwrap();
    assert_eq!(a.await.unwrap().0, 201);
    api.app.handle.delete_device(id(api.id(2).await)).await.unwrap();
    assert_eq!(b.await.unwrap().0, 201);
    let (status, problem) = api.acquire("c", 1, SESSION).await;
    assert_eq!((status, problem["type"].as_str()), (403, Some("/problems/device-blocked")));
    // A device that was only registered may hold one, if leaving does not end it.
    let new = json!({"mac": "02:00:00:00:53:09"});
    assert_eq!(api.ask("POST", "/api/v1/devices", new).await.0, 201);
    for (name, scope) in [("weak", CONNECTION), ("strong", SESSION)] {
        let body = json!({"name": name, "device": "02:00:00:00:53:09", "scope": scope});
        assert_eq!(api.ask("POST", PLACE, body).await.0, 201);
    }
    eventually("the weak one is free", async || api.lock("weak").await.is_none()).await;
    assert!(api.lock("strong").await.is_some());
    // Whoever waits is told that the daemon stops; then all are free.
    let waits = api.wait("a", 4, 60.0).await;
    let Api { app, state, router, .. } = api;
    app.handle.stop().await;
    let (status, problem) = waits.await.unwrap();
    assert_eq!((status, problem["type"].as_str()), (503, Some("/problems/stopping")));
    drop((state, router));
    let app = app.restart().await;
    assert!(app.handle.locks().is_empty());
}
