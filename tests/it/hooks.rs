//! Webhooks: what their receivers are told, however they behave.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{HookSecret, Now, Permission, PropertyPatch, SessionId, Text};
use turnpike::hooks::{Hooks, signature};
use turnpike::http::HttpClient;
use turnpike::store::{AuditQuery, MAX_HOOK_WAITING, MAX_HOOKS, TokenText};

use crate::support::receiver::{Manner, Received, Receiver};
use crate::support::{START, TestApp, minutes};

/// What receivers here have to answer.
const WITHIN: Duration = Duration::from_millis(400);
const ALL: &str = "/api/v1/hooks";

/// A daemon with hooks.
struct Gateway {
    app: TestApp,
    state: ApiState,
    token: String,
    stop: oneshot::Sender<()>,
    work: JoinHandle<()>,
}

impl Gateway {
    async fn start() -> Self {
        Self::on(TestApp::start().await, HttpClient::new().unwrap()).await
    }

    async fn on(app: TestApp, client: HttpClient) -> Self {
        let text = TokenText::random().unwrap();
        app.store.create_token(&Text::new("desk"), &[Permission::Admin], &text, START.wall).await.unwrap();
        let hooks = Hooks::new(app.handle.clone(), app.store.clone(), client, Text::new("till box"), WITHIN);
        let state = ApiState::new(app.handle.clone(), app.store.clone(), Arc::clone(&app.vault) as _, &[])
            .with_hooks(hooks.clone());
        let (stop, stopped) = oneshot::channel();
        let work = tokio::spawn(hooks.run(async move { drop(stopped.await) }));
        Self { app, state, token: text.as_str().to_owned(), stop, work }
    }

    async fn again(self, crash: bool) -> Self {
        let Self { app, state, stop, work, .. } = self;
        drop(state);
        if crash {
            work.abort();
            let _aborted = work.await;
            drop(stop);
        } else {
            stop.send(()).unwrap();
            work.await.unwrap();
        }
        let app = if crash { app.crash().await } else { app.restart().await };
        Self::on(app, HttpClient::new().unwrap()).await
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::from(body))
            .unwrap();
        let response = api::router(self.state.clone()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() })
    }

    /// Makes a hook and says where it is.
    async fn hook(&self, receiver: &Receiver, more: Value) -> (String, Value) {
        let mut body = json!({"name": format!("to {}", receiver.address), "url": receiver.url()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, hook) = self.ask("POST", ALL, body).await;
        assert_eq!(status, 201, "{hook}");
        (format!("{ALL}/{}", hook["id"].as_str().unwrap()), hook)
    }

    async fn session(&self, number: u8) -> SessionId {
        let device = self.app.device(number).await;
        self.app.handle.create_session(device.id, minutes(10)).await.unwrap().id
    }

    async fn set(&self, session: SessionId, key: &str, value: &str) {
        let change = BTreeMap::from([(key.to_owned(), Some(value.to_owned()))]);
        self.app.handle.set_properties(session, PropertyPatch::new(change).unwrap()).await.unwrap();
    }

    /// The hook, once it is as it should be.
    async fn shown(&self, place: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = tokio::time::Instant::now() + Duration::from_secs(15);
        loop {
            let (_, hook) = self.ask("GET", place, Value::Null).await;
            if holds(&hook) {
                return hook;
            }
            assert!(tokio::time::Instant::now() < until, "{hook}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn kinds(received: &[Received]) -> Vec<String> {
    received.iter().map(|request| request.brief().0).collect()
}

fn numbers(received: &[Received]) -> Vec<i64> {
    received.iter().map(|request| request.brief().1.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_receiver_is_told_what_happens_in_order_and_signed() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let before = turnpike.session(1).await;
    let (place, hook) = turnpike.hook(&receiver, json!({})).await;
    let secret: HookSecret = hook["secret"].as_str().unwrap().parse().unwrap();
    assert_eq!(hook["secret"].as_str().unwrap().len(), 64);
    let session = turnpike.session(2).await;
    for value in 0..40 {
        turnpike.set(session, "desk", &value.to_string()).await;
    }
    turnpike.set(before, "desk", "last").await;
    let received = receiver.wait_for(42).await;
    let first = received[0].json();
    // What was there before the hook is not told as new; its changes are.
    assert_eq!(
        (first["kind"].as_str(), first["session"].as_str()),
        (Some("open"), Some(&*session.to_string()))
    );
    assert_eq!(first["hook"], hook["id"]);
    assert_eq!(first["gateway"], "till box");
    assert_eq!(first["properties"]["$Mac"], "02:00:00:00:53:02");
    assert!(first["at"].as_str().unwrap().ends_with('Z') && first["reason"].is_null());
    let told = received[41].json();
    assert_eq!(
        (told["previous"].clone(), &told["properties"]["desk"]),
        (json!({"desk": null}), &json!("last"))
    );
    assert!(numbers(&received).windows(2).all(|pair| pair[0] + 1 == pair[1]), "{:?}", numbers(&received));
    for request in &received {
        assert_eq!(request.line, "POST /told?by=turnpike HTTP/1.1");
        assert_eq!(request.header("host"), receiver.address.to_string());
        assert_eq!(request.header("user-agent"), concat!("turnpike/", env!("CARGO_PKG_VERSION")));
        assert_eq!(request.header("content-type"), "application/json");
        let (_, id) = request.brief();
        assert_eq!(request.header("turnpike-event-id"), id);
        assert_eq!(request.header("idempotency-key"), format!("{}-{id}", hook["id"].as_str().unwrap()));
        let timestamp: i64 = request.header("turnpike-timestamp").parse().unwrap();
        assert_eq!(timestamp, START.wall.0 / 1000);
        let right = signature(&secret, timestamp, request.text.as_bytes());
        assert_eq!(request.header("turnpike-signature"), right);
    }
    assert_eq!(receiver.connections(), 1, "a connection is kept");
    let shown = turnpike.shown(&place, |hook| hook["delivered"] == 42).await;
    assert_eq!((&shown["waiting"], &shown["dropped"], &shown["failures"]), (&json!(0), &json!(0), &json!(0)));
    assert!(
        shown["delivered_at"].is_string() && shown.get("secret").is_none() && shown["last_error"].is_null()
    );
}

#[tokio::test]
async fn a_hook_hears_what_its_filter_kinds_and_properties_select() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let wanted =
        json!({"filter": "desk is '1'", "kinds": ["open", "close"], "properties": ["desk", "$Zone"]});
    let (place, hook) = turnpike.hook(&receiver, wanted).await;
    assert_eq!(hook["properties"], json!(["$Zone", "desk"]));
    let (one, other) = (turnpike.session(1).await, turnpike.session(2).await);
    turnpike.set(other, "desk", "2").await;
    turnpike.set(one, "desk", "1").await;
    turnpike.set(one, "floor", "9").await;
    turnpike.set(one, "desk", "2").await;
    let received = receiver.wait_for(2).await;
    assert_eq!(kinds(&received), ["open", "close"]);
    assert_eq!(received[0].json()["properties"], json!({"desk": "1", "$Zone": "guests"}));
    assert_eq!(received[1].json()["reason"], "no_longer_matches");
    // From now on all of it, and of everybody.
    let change = json!({"filter": null, "kinds": ["update"], "properties": ["floor"]});
    let (status, changed) = turnpike.ask("PATCH", &place, change).await;
    assert_eq!((status, &changed["filter"], &changed["kinds"]), (200, &Value::Null, &json!(["update"])));
    turnpike.set(other, "floor", "1").await;
    let received = receiver.wait_for(3).await;
    assert_eq!(received[2].json()["properties"], json!({"floor": "1"}));
}

#[rstest]
#[case::refusal(Manner::Status(500), "answered 500")]
#[case::not_found(Manner::Status(404), "answered 404")]
#[case::redirect(Manner::Status(302), "redirects are not followed")]
#[case::reset(Manner::Reset, "broke off")]
#[case::hang(Manner::Hang, "no answer within")]
#[case::slow_head(Manner::SlowHead, "no answer within")]
#[case::no_http(Manner::Raw(b"SSH-2.0-nothing\r\n"), "broke off")]
#[case::long_head(Manner::Raw(&[b'H'; 60_000]), "broke off")]
#[case::no_body(Manner::Raw(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nx"), "answered 503")]
#[tokio::test]
async fn what_was_not_taken_is_sent_again_before_anything_else(#[case] manner: Manner, #[case] error: &str) {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let (place, _) = turnpike.hook(&receiver, json!({"kinds": ["open", "update"]})).await;
    receiver.behave([Manner::Status(204), manner.clone()]);
    let session = turnpike.session(1).await;
    turnpike.set(session, "desk", "1").await;
    turnpike.set(session, "desk", "2").await;
    // What comes later may be queued after the first has failed.
    let failed = turnpike.shown(&place, |hook| hook["failures"] != 0 && hook["waiting"] == 2).await;
    assert!(failed["last_error"].as_str().unwrap().contains(error), "{failed}");
    assert_eq!(failed["delivered"], 1);
    let received = receiver.wait_for(4).await;
    let (first, second, third, last) =
        (&received[0], &received[1], &received[2], &received[received.len() - 1]);
    assert_ne!(first.header("idempotency-key"), second.header("idempotency-key"));
    assert_eq!(second.header("idempotency-key"), third.header("idempotency-key"));
    assert_eq!(second.text, third.text);
    assert_eq!(last.json()["properties"]["desk"], "2");
    let mended = turnpike.shown(&place, |hook| hook["waiting"] == 0).await;
    assert_eq!((&mended["failures"], &mended["delivered"]), (&json!(0), &json!(3)));
}

#[rstest]
#[case(Manner::Endless)]
#[case(Manner::SlowBody)]
#[tokio::test]
async fn what_was_taken_is_taken_whatever_follows(#[case] manner: Manner) {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let (place, _) = turnpike.hook(&receiver, json!({})).await;
    receiver.behave([manner]);
    let session = turnpike.session(1).await;
    turnpike.set(session, "desk", "1").await;
    assert_eq!(kinds(&receiver.wait_for(2).await), ["open", "update"]);
    let shown = turnpike.shown(&place, |hook| hook["delivered"] == 2).await;
    assert_eq!((&shown["waiting"], &shown["failures"]), (&json!(0), &json!(0)));
    assert_eq!(receiver.connections(), 2, "the connection is of no more use");
}

#[tokio::test]
async fn a_dead_receiver_holds_up_nobody_else() {
    let turnpike = Gateway::start().await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    bad.behave_always(Manner::Hang);
    let (place, _) = turnpike.hook(&bad, json!({})).await;
    turnpike.hook(&good, json!({})).await;
    let session = turnpike.session(1).await;
    for value in 0..20 {
        turnpike.set(session, "desk", &value.to_string()).await;
    }
    good.wait_for(21).await;
    turnpike.shown(&place, |hook| hook["waiting"] == 21 && hook["failures"].as_u64() > Some(0)).await;
    // Another address, and it is tried at once.
    let next = Receiver::start().await;
    turnpike.ask("PATCH", &place, json!({"url": next.url()})).await;
    assert_eq!(numbers(&next.wait_for(21).await), numbers(&good.received()));
}

#[tokio::test]
async fn a_hook_goes_on_where_it_was_across_a_restart_and_a_crash() {
    let receiver = Receiver::start().await;
    let mut turnpike = Gateway::start().await;
    let (place, _) = turnpike.hook(&receiver, json!({})).await;
    let session = turnpike.session(1).await;
    receiver.wait_for(1).await;
    turnpike.shown(&place, |hook| hook["delivered"] == 1).await;
    for (crash, value) in [(false, "1"), (true, "2")] {
        // Down for a while: what waits is in the store.
        receiver.behave_always(Manner::Status(503));
        turnpike.set(session, "desk", value).await;
        turnpike.shown(&place, |hook| hook["failures"].as_u64() > Some(0)).await;
        turnpike = turnpike.again(crash).await;
        receiver.mend();
        turnpike.shown(&place, |hook| hook["waiting"] == 0).await;
    }
    turnpike.set(session, "desk", "3").await;
    turnpike.shown(&place, |hook| hook["delivered"] == 4).await;
    let mut values = Vec::new();
    for request in receiver.received() {
        let value = request.json()["properties"]["desk"].clone();
        if values.last() != Some(&value) {
            values.push(value);
        }
    }
    assert_eq!(values, [Value::Null, json!("1"), json!("2"), json!("3")]);
}

#[tokio::test]
async fn an_event_whose_delivery_was_not_noted_is_sent_again_under_the_same_key() {
    let receiver = Receiver::start().await;
    let turnpike = Gateway::start().await;
    let (place, _) = turnpike.hook(&receiver, json!({})).await;
    // It takes the event, but the daemon dies before it hears of it.
    receiver.behave([Manner::Hang]);
    turnpike.session(1).await;
    receiver.wait_for(1).await;
    let turnpike = turnpike.again(true).await;
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].header("idempotency-key"), received[1].header("idempotency-key"));
    assert_eq!(received[0].text, received[1].text);
    turnpike.shown(&place, |hook| hook["delivered"] == 1 && hook["waiting"] == 0).await;
}

#[tokio::test]
async fn a_hook_that_is_disabled_is_told_later_and_one_that_is_deleted_never() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let (place, _) = turnpike.hook(&receiver, json!({"enabled": false})).await;
    let session = turnpike.session(1).await;
    turnpike.set(session, "desk", "1").await;
    let (status, tried) = turnpike.ask("POST", &format!("{place}/test"), Value::Null).await;
    assert_eq!((status, &tried["delivered"], &tried["status"]), (200, &json!(true), &json!(200)));
    assert_eq!(tried["answer"], "thank");
    assert_eq!(kinds(&receiver.wait_for(1).await), ["ping"]);
    assert_eq!(turnpike.ask("PATCH", &place, json!({"enabled": true})).await.0, 200);
    assert_eq!(kinds(&receiver.wait_for(3).await), ["ping", "open", "update"]);
    receiver.behave_always(Manner::Status(500));
    turnpike.set(session, "desk", "2").await;
    turnpike.shown(&place, |hook| hook["failures"].as_u64() > Some(0)).await;
    assert_eq!(turnpike.ask("DELETE", &place, Value::Null).await.0, 204);
    let had = receiver.received().len();
    turnpike.set(session, "desk", "3").await;
    let other = Receiver::start().await;
    turnpike.hook(&other, json!({})).await;
    turnpike.set(session, "desk", "4").await;
    other.wait_for(1).await;
    assert_eq!(receiver.received().len(), had);
    for (method, path) in
        [("GET", place.clone()), ("DELETE", place.clone()), ("POST", format!("{place}/test"))]
    {
        assert_eq!(turnpike.ask(method, &path, Value::Null).await.0, 404);
    }
    turnpike.state.audit.flush().await;
    let query =
        AuditQuery { action: Some("hook.".to_owned()), page: 1, per_page: 50, ..AuditQuery::default() };
    let (lines, _) = turnpike.app.store.audit(&query).await.unwrap();
    let mut actions: Vec<_> = lines.iter().map(|line| line.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["hook.change", "hook.create", "hook.create", "hook.delete", "hook.test"]);
}

#[tokio::test]
async fn what_is_no_longer_kept_is_told_as_a_resync() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let (place, _) = turnpike.hook(&receiver, json!({"enabled": false})).await;
    let session = turnpike.session(1).await;
    for value in 0..9 {
        turnpike.set(session, "desk", &value.to_string()).await;
    }
    turnpike.app.store.prune_session_events(3, 100).await.unwrap();
    turnpike.ask("PATCH", &place, json!({"enabled": true})).await;
    let received = receiver.wait_for(4).await;
    assert_eq!(kinds(&received), ["resync", "update", "update", "update"]);
    let resync = received[0].json();
    assert_eq!((&resync["id"], &resync["session"]), (&json!("resync-7"), &Value::Null));
    assert!(resync["reason"].as_str().unwrap().contains("no longer kept"));
    assert_eq!(numbers(&received[1..]), [8, 9, 10]);
}

#[tokio::test]
async fn what_is_not_taken_for_a_day_is_given_up_and_counted() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    receiver.behave_always(Manner::Status(500));
    let (place, _) = turnpike.hook(&receiver, json!({})).await;
    let session = turnpike.session(1).await;
    turnpike.set(session, "desk", "1").await;
    turnpike.shown(&place, |hook| hook["failures"].as_u64() > Some(0)).await;
    let now = turnpike.app.clock.now();
    let day = 86_400_000;
    // A wall clock that leaps makes nothing old.
    turnpike.app.clock.set(Now { boot: now.boot.plus_millis(1_000), wall: now.wall.plus_millis(9 * day) });
    let tried = receiver.received().len();
    receiver.wait_for(tried + 1).await;
    turnpike.shown(&place, |hook| hook["waiting"] == 2 && hook["dropped"] == 0).await;
    turnpike.app.clock.set(Now { boot: now.boot.plus_millis(day as u64 + 1_000), wall: now.wall });
    turnpike.set(session, "desk", "2").await;
    let shown = turnpike.shown(&place, |hook| hook["dropped"] == 2).await;
    assert_eq!(shown["waiting"], 1);
    receiver.mend();
    turnpike.shown(&place, |hook| hook["delivered"] == 1).await;
}

#[tokio::test]
async fn the_newest_ten_thousand_wait() {
    use turnpike::store::{HookHeard, NewDelivery};
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let (place, hook) = turnpike.hook(&receiver, json!({"enabled": false})).await;
    let id = hook["id"].as_str().unwrap().parse().unwrap();
    let boot = turnpike.app.handle.boot_id().unwrap();
    let more = 20;
    let deliveries = (0..MAX_HOOK_WAITING + more)
        .map(|number| NewDelivery { event: number.to_string(), body: "{}".to_owned() })
        .collect();
    let heard = HookHeard { hook: id, from: 0, to: 0, deliveries };
    let dropped = turnpike.app.store.queue_for_hook(&heard, &boot, START).await.unwrap();
    assert_eq!(dropped, Some(more as u64));
    let shown = turnpike.shown(&place, |hook| hook["waiting"] == MAX_HOOK_WAITING).await;
    assert_eq!(shown["dropped"], more);
    let oldest = turnpike.app.store.hook_waiting(id, 1).await.unwrap();
    assert_eq!(oldest[0].event, more.to_string());
}

#[tokio::test]
async fn https_needs_somebody_to_vouch_for_the_receiver() {
    let receiver = Receiver::secure().await;
    let authority = receiver.authority.clone().unwrap();
    let url = |host: &str| format!("https://{host}:{}/", receiver.address.port());
    let client = HttpClient::trusting(Some(authority.as_bytes())).unwrap();
    let turnpike = Gateway::on(TestApp::start().await, client).await;
    let (place, _) = turnpike.hook(&receiver, json!({"url": url("localhost")})).await;
    turnpike.session(1).await;
    assert_eq!(kinds(&receiver.wait_for(1).await), ["open"]);
    let test = format!("{place}/test");
    assert_eq!(turnpike.ask("POST", &test, Value::Null).await.1["delivered"], true);
    // It is vouched for as localhost only.
    turnpike.ask("PATCH", &place, json!({"url": url("127.0.0.1")})).await;
    let (_, tried) = turnpike.ask("POST", &test, Value::Null).await;
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(false), &Value::Null));
    assert!(tried["error"].as_str().unwrap().contains("no secure connection"), "{tried}");
    let doubtful = Gateway::start().await;
    let (place, _) = doubtful.hook(&receiver, json!({"url": url("localhost")})).await;
    let (_, tried) = doubtful.ask("POST", &format!("{place}/test"), Value::Null).await;
    assert!(tried["error"].as_str().unwrap().contains("no secure connection"), "{tried}");
    assert!(HttpClient::trusting(Some(b"no certificate")).is_err());
    assert!(
        HttpClient::trusting(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
            .is_err()
    );
}

#[tokio::test]
async fn nonsense_is_refused_by_the_name_of_its_field() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let (place, _) = turnpike.hook(&receiver, json!({"name": "first"})).await;
    let many: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    let long = "n".repeat(65);
    for (field, value) in [
        ("name", json!("")),
        ("name", json!(" \u{1}")),
        ("name", json!(long)),
        ("url", json!("")),
        ("url", json!("ftp://example.com/")),
        ("url", json!("http://me:secret@example.com/")),
        ("url", json!("http://example.com/\r\nX: y")),
        ("url", json!("http://exa mple.com/")),
        ("secret", json!("short")),
        ("secret", json!("not visible \u{7}\u{7}\u{7}\u{7}\u{7}")),
        ("filter", json!("desk is")),
        ("filter", json!("$TimeLeft lt '60'")),
        ("kinds", json!([])),
        ("kinds", json!(["boom"])),
        ("properties", json!(["a,b"])),
        ("properties", json!(many)),
    ] {
        let mut body = json!({"name": "second", "url": "http://example.com/"});
        body[field] = value.clone();
        for (method, path) in [("POST", ALL), ("PATCH", place.as_str())] {
            let (status, problem) = turnpike.ask(method, path, body.clone()).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{value}: {problem}");
        }
    }
    let new = json!({"name": "first", "url": "http://example.com/"});
    assert_eq!(turnpike.ask("POST", ALL, new).await.1["type"], "/problems/hook-exists");
    let (_, list) = turnpike.ask("GET", ALL, Value::Null).await;
    assert_eq!((&list["total"], &list["items"][0]["url"]), (&json!(1), &json!(receiver.url())));
    for number in 1..MAX_HOOKS {
        let new = json!({"name": format!("hook {number}"), "url": "http://127.0.0.1:9/"});
        assert_eq!(turnpike.ask("POST", ALL, new).await.0, 201);
    }
    let one_more = json!({"name": "one more", "url": "http://127.0.0.1:9/"});
    assert_eq!(turnpike.ask("POST", ALL, one_more).await.1["type"], "/problems/too-many-hooks");
    // A full house can still be put in order.
    assert_eq!(turnpike.ask("PATCH", &place, json!({"name": "the first"})).await.0, 200);
    assert_eq!(turnpike.ask("PATCH", &place, json!({"name": "hook 1"})).await.0, 409);
}

/// The function that the docs show, run on a delivery as it came.
#[tokio::test]
async fn a_signature_is_verified_as_the_docs_say() {
    let (turnpike, receiver) = (Gateway::start().await, Receiver::start().await);
    let secret = "0123456789-secret-of-ours";
    turnpike.hook(&receiver, json!({"secret": secret})).await;
    turnpike.session(1).await;
    let request = receiver.wait_for(1).await.remove(0);
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hooks.md")).unwrap();
    let shown = guide.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let run = "import json, sys\ngiven = json.load(sys.stdin)\n\
        print(verify(given['secret'], given['headers'], given['body'].encode(), given['now']))\n";
    let at = START.wall.0 / 1000;
    let verify = |secret: &str, headers: &BTreeMap<String, String>, body: &str, now: i64| {
        let program = format!("{shown}\n{run}");
        let mut python = Command::new("python3")
            .args(["-c", &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let given = json!({"secret": secret, "headers": headers, "body": body, "now": now}).to_string();
        python.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim() == "True"
    };
    let headers: BTreeMap<String, String> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    assert!(verify(secret, &headers, &request.text, at + 10));
    assert!(!verify("another-secret-altogether", &headers, &request.text, at + 10));
    assert!(!verify(secret, &headers, &request.text.replace("open", "shut"), at + 10));
    assert!(!verify(secret, &headers, &request.text, at + 3_600));
}
