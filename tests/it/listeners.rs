//! Listeners: `GET /api/v1/events`, from the snapshot to the resume after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{
    ClientDevice, ClientSession, DeviceId, Permission, PropertyPatch, SessionId, Text, ZonePolicy,
};
use turnpike::events::{MAX_FLOWING, MAX_LISTENERS};
use turnpike::store::TokenText;

use crate::support::{START, TestApp, mac, minutes, zone};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than anything takes here that is not broken.
const PATIENCE: Duration = Duration::from_secs(5);

struct Api {
    app: TestApp,
    state: ApiState,
    token: String,
}

impl Api {
    async fn start() -> Self {
        Self::on(TestApp::start().await, &[Permission::ViewSession, Permission::RegisterHandler]).await
    }

    async fn with_zone(zone: ZonePolicy) -> Self {
        let app = TestApp::start_with(vec![zone], Vec::new()).await;
        Self::on(app, &[Permission::Admin]).await
    }

    async fn on(app: TestApp, permissions: &[Permission]) -> Self {
        let text = TokenText::random().unwrap();
        app.store.create_token(&Text::new("ear"), permissions, &text, START.wall).await.unwrap();
        let state = ApiState::new(app.handle.clone(), app.store.clone(), Arc::clone(&app.vault) as _, &[]);
        Self { app, state, token: text.as_str().to_owned() }
    }

    /// After a stop in good order or a crash; whoever listened was cut off.
    async fn again(self, crash: bool) -> Self {
        let Self { app, state, .. } = self;
        drop(state);
        let app = if crash { app.crash().await } else { app.restart().await };
        Self::on(app, &[Permission::Admin]).await
    }

    fn router(&self) -> Router {
        api::router(self.state.clone())
    }

    async fn ask(&self, query: &str, last: Option<&str>) -> axum::response::Response {
        let mut request = Request::builder()
            .uri(format!("/api/v1/events{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        self.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// Listens from now on.
    async fn listen(&self, query: &str) -> Ear {
        Ear::of(self.ask(query, None).await)
    }

    /// Listens with the last id that was heard.
    async fn resume(&self, query: &str, last: i64) -> Ear {
        Ear::of(self.ask(query, Some(&last.to_string())).await)
    }

    async fn refused(&self, query: &str, last: Option<&str>) -> (u16, Value) {
        let response = self.ask(query, last).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// A device with a session of ten minutes that has not run yet.
    async fn session(&self, number: u8) -> (ClientDevice, ClientSession) {
        let device = self.app.device(number).await;
        let session = self.app.handle.create_session(device.id, minutes(10)).await.unwrap();
        (device, session)
    }

    async fn set(&self, session: SessionId, key: &str, value: Option<&str>) {
        let change = BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]);
        let patch = PropertyPatch::new(change).unwrap();
        self.app.handle.set_properties(session, patch).await.unwrap();
    }
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    id: Option<i64>,
    kind: String,
    data: Value,
}

impl Heard {
    /// Its type, its session, why.
    fn brief(&self) -> (String, String, Option<&str>) {
        (self.kind.clone(), text(&self.data["session"]), self.data["reason"].as_str())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One who listens.
struct Ear {
    body: BodyDataStream,
    unread: String,
}

impl Ear {
    fn of(response: axum::response::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        Self { body: response.into_body().into_data_stream(), unread: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let heard = parse(block);
                self.unread = rest.to_owned();
                if heard.is_some() {
                    return heard;
                }
                continue;
            }
            let piece = timeout(PATIENCE, self.body.next()).await.expect("something to hear")?;
            self.unread.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    async fn hear(&mut self) -> Heard {
        self.next().await.expect("the stream goes on")
    }

    /// What comes before `ready`, and the id that it carries.
    async fn until_ready(&mut self) -> (Vec<Heard>, i64) {
        let mut heard = Vec::new();
        loop {
            let next = self.hear().await;
            if next.kind == "ready" {
                assert_eq!(next.id, next.data["last_event_id"].as_i64());
                return (heard, next.id.unwrap());
            }
            heard.push(next);
        }
    }

    /// Nothing is heard for a while.
    async fn silent(&mut self, time: Duration) {
        if let Ok(heard) = timeout(time, self.next()).await {
            panic!("{heard:?}");
        }
    }
}

fn parse(block: &str) -> Option<Heard> {
    let field = |name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim_start))
    };
    let data = serde_json::from_str(field("data")?).unwrap();
    let id = field("id").map(|id| id.parse().unwrap());
    Some(Heard { id, kind: field("event").unwrap().to_owned(), data })
}

#[tokio::test]
async fn what_there_is_comes_first_and_then_every_change_in_order() {
    let api = Api::start().await;
    let (device, session) = api.session(1).await;
    api.set(session.id, "desk", Some("1")).await;
    let mut ear = api.listen("").await;
    let (there, last) = ear.until_ready().await;
    assert_eq!(there.len(), 1);
    assert_eq!((there[0].kind.as_str(), there[0].id), ("open", Some(last)));
    let data = &there[0].data;
    assert_eq!(
        (data["type"].as_str(), &data["reason"], &data["previous"]),
        (Some("open"), &Value::Null, &json!({}))
    );
    assert_eq!(
        (text(&data["session"]), text(&data["device"])),
        (session.id.to_string(), device.id.to_string())
    );
    assert!(data["at"].as_str().unwrap().ends_with('Z'), "{data}");
    assert_eq!(
        (&data["properties"]["desk"], &data["properties"]["$State"]),
        (&json!("1"), &json!("available"))
    );
    assert!(data["properties"].get("$StartTime").is_none(), "only what is set");

    api.app.handle.connect(device.id, None).await.unwrap();
    api.set(session.id, "desk", Some("2")).await;
    api.set(session.id, "desk", None).await;
    let (_, other) = api.session(2).await;
    api.app.handle.disconnect(device.id, None).await.unwrap();
    api.app.handle.connect(device.id, None).await.unwrap();
    api.app.handle.delete_session(other.id).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 7 {
        heard.push(ear.hear().await);
    }
    let ids: Vec<i64> = heard.iter().map(|event| event.id.unwrap()).collect();
    assert_eq!(ids, (last + 1..=last + 7).collect::<Vec<_>>(), "in order, without a gap");
    let kinds: Vec<&str> = heard.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["update", "update", "update", "open", "disconnected", "reconnected", "close"]);
    assert_eq!(heard[0].data["previous"]["$State"], "available");
    assert_eq!(heard[0].data["previous"]["$StartTime"], Value::Null);
    assert_eq!(heard[0].data["properties"]["$State"], "running");
    assert_eq!(heard[1].data["previous"], json!({"desk": "1"}));
    assert_eq!(heard[2].data["previous"], json!({"desk": "2"}));
    assert!(heard[2].data["properties"].get("desk").is_none());
    assert_eq!(heard[4].brief(), ("disconnected".to_owned(), session.id.to_string(), Some("asked")));
    assert_eq!(heard[6].brief(), ("close".to_owned(), other.id.to_string(), Some("deleted")));
    ear.silent(SECOND / 5).await;
}

#[tokio::test]
async fn only_what_was_chosen_is_told() {
    let api = Api::start().await;
    let (device, session) = api.session(1).await;
    let mut chosen = api.listen("?properties=desk,$State,nothing").await;
    let mut none = api.listen("?properties=").await;
    let mut fixed = api.listen("?properties=ALL_FIXED_PROPERTIES").await;
    assert_eq!(chosen.until_ready().await.0[0].data["properties"], json!({"$State": "available"}));
    assert_eq!(none.until_ready().await.0[0].data["properties"], json!({}));
    assert_eq!(fixed.until_ready().await.0[0].data["properties"]["$Mac"], mac(1).to_string());
    api.set(session.id, "floor", Some("3")).await;
    api.set(session.id, "desk", Some("1")).await;
    api.app.handle.connect(device.id, None).await.unwrap();
    api.app.handle.disconnect(device.id, None).await.unwrap();
    assert_eq!(chosen.hear().await.data["properties"], json!({"$State": "available", "desk": "1"}));
    assert_eq!(chosen.hear().await.data["previous"], json!({"$State": "available"}));
    assert_eq!(chosen.hear().await.kind, "disconnected");
    let heard = fixed.hear().await;
    assert_eq!((heard.kind.as_str(), &heard.data["previous"]["$State"]), ("update", &json!("available")));
    assert!(heard.data["properties"].get("desk").is_none());
    let heard = none.hear().await;
    assert_eq!((heard.kind.as_str(), &heard.data["previous"]), ("disconnected", &json!({})));
}

#[tokio::test]
async fn sessions_come_to_match_and_cease_to() {
    let api = Api::start().await;
    let ((device, session), _) = (api.session(1).await, api.session(2).await);
    let mut desk = api.listen("?filter=desk%20is%20%221%22&properties=desk").await;
    let mut running = api.listen("?filter=%24State%20eq%20'running'&properties=").await;
    let mut since = api.listen(&format!("?since={}&properties=", START.wall.0)).await;
    for ear in [&mut desk, &mut running, &mut since] {
        assert!(ear.until_ready().await.0.is_empty());
    }
    api.set(session.id, "desk", Some("1")).await;
    api.set(session.id, "desk", Some("2")).await;
    api.app.handle.connect(device.id, None).await.unwrap();
    api.app.handle.disconnect(device.id, None).await.unwrap();
    let opened = desk.hear().await;
    assert_eq!((opened.kind.as_str(), &opened.data["previous"]), ("open", &json!({})));
    let ceased = desk.hear().await;
    assert_eq!(ceased.brief(), ("close".to_owned(), session.id.to_string(), Some("no_longer_matches")));
    assert_eq!(ceased.data["previous"], json!({"desk": "1"}));
    assert_eq!(running.hear().await.kind, "open");
    assert_eq!(running.hear().await.brief().2, Some("no_longer_matches"));
    assert_eq!(since.hear().await.kind, "open", "it has started");
    let mut later = api.listen("?since=2030-01-01T00:00:00Z").await;
    assert!(later.until_ready().await.0.is_empty());
    let mut earlier = api.listen("?since=2020-01-01T00:00:00%2B02:00").await;
    assert_eq!(earlier.until_ready().await.0.len(), 1);
}

#[tokio::test]
async fn what_time_alone_changes_is_told_within_seconds() {
    let api = Api::start().await;
    let (device, session) = api.session(1).await;
    api.session(2).await;
    api.app.handle.connect(device.id, None).await.unwrap();
    let mut soon = api.listen("?filter=%24TimeLeft%20lt%20'60'&properties=$TimeLeft").await;
    let (there, last) = soon.until_ready().await;
    assert!(there.is_empty());
    api.app.pass(9 * 60 * SECOND + SECOND / 2).await;
    let heard = soon.hear().await;
    assert_eq!((heard.kind.as_str(), heard.id), ("open", Some(last)), "no event says so");
    assert_eq!(heard.data["properties"], json!({"$TimeLeft": "59"}));
    api.set(session.id, "desk", Some("1")).await;
    let patch = turnpike::domain::SessionPatch { add_time_ms: 120_000, ..Default::default() };
    api.app.handle.update_session(session.id, patch).await.unwrap();
    let heard = soon.hear().await;
    assert_eq!(heard.brief(), ("close".to_owned(), session.id.to_string(), Some("no_longer_matches")));
    assert!(heard.id.unwrap() > last, "an event did");
    api.app.pass(2 * 60 * SECOND).await;
    assert_eq!(soon.hear().await.kind, "open");
    // It cannot be resumed, and says so.
    let mut again = api.resume("?filter=%24TimeLeft%20lt%20'60'", last).await;
    let first = again.hear().await;
    assert_eq!((first.kind.as_str(), &first.data["last_event_id"]), ("resync", &json!(last)));
    assert_eq!(again.until_ready().await.0.len(), 1);
}

#[tokio::test]
async fn a_listener_that_comes_back_hears_what_it_missed_and_no_more() {
    let mut api = Api::start().await;
    let (device, session) = api.session(1).await;
    let mut ear = api.listen("?properties=desk").await;
    let (_, mut last) = ear.until_ready().await;
    drop(ear);
    for round in 0..3 {
        for desk in ["1", "2", "3"] {
            api.set(session.id, "desk", Some(&format!("{round}-{desk}"))).await;
        }
        // First the connection is cut, then the daemon stopped, then killed.
        if round > 0 {
            api = api.again(round == 2).await;
        }
        let mut ear = api.resume("?properties=desk", last).await;
        let (missed, newest) = ear.until_ready().await;
        let desks: Vec<String> = missed
            .iter()
            .filter(|event| event.kind == "update")
            .map(|event| text(&event.data["properties"]["desk"]))
            .collect();
        assert_eq!(desks, ["1", "2", "3"].map(|desk| format!("{round}-{desk}")));
        assert!(missed.iter().all(|event| event.kind != "open"), "no snapshot: {missed:?}");
        assert!(newest >= last + 3);
        api.set(session.id, "desk", Some("live")).await;
        let live = ear.hear().await;
        assert_eq!((live.id, &live.data["properties"]["desk"]), (Some(newest + 1), &json!("live")));
        last = newest + 1;
    }
    api.app.handle.connect(device.id, None).await.unwrap();
}

#[tokio::test]
async fn what_is_no_longer_kept_is_told_anew() {
    let api = Api::start().await;
    let (_, session) = api.session(1).await;
    let (_, first) = api.listen("").await.until_ready().await;
    for number in 0..20 {
        api.set(session.id, "desk", Some(&number.to_string())).await;
    }
    let newest = first + 20;
    assert_eq!(
        api.app.store.prune_session_events(5, 1000).await.unwrap(),
        20 + u64::try_from(first).unwrap() - 5
    );
    for (last, opens) in
        [(first, true), (newest - 6, true), (newest + 1, true), (newest - 5, false), (newest, false)]
    {
        let mut ear = api.resume("", last).await;
        let (mut heard, ready) = ear.until_ready().await;
        assert_eq!(ready, newest);
        if opens {
            let resync = heard.remove(0);
            assert_eq!((resync.kind.as_str(), &resync.data["last_event_id"]), ("resync", &json!(last)));
            assert!(!text(&resync.data["reason"]).is_empty());
            assert_eq!(heard.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["open"]);
        } else {
            assert_eq!(heard.len(), usize::try_from(newest - last).unwrap());
            assert!(heard.iter().all(|event| event.kind == "update"));
        }
    }
}

#[tokio::test]
async fn the_seam_between_what_was_missed_and_what_happens_has_no_gap() {
    let api = Api::start().await;
    let (_, session) = api.session(1).await;
    let (_, first) = api.listen("").await.until_ready().await;
    let writer = {
        let handle = api.app.handle.clone();
        tokio::spawn(async move {
            for number in 0..300 {
                let change = BTreeMap::from([("desk".to_owned(), Some(number.to_string()))]);
                handle.set_properties(session.id, PropertyPatch::new(change).unwrap()).await.unwrap();
            }
        })
    };
    let mut ears = Vec::new();
    for _ in 0..10 {
        ears.push(api.resume("?properties=desk", first).await);
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    writer.await.unwrap();
    for ear in &mut ears {
        let mut ids = Vec::new();
        while ids.last() != Some(&(first + 300)) {
            let heard = ear.hear().await;
            if heard.kind == "update" {
                ids.push(heard.id.unwrap());
            }
        }
        assert_eq!(ids, (first + 1..=first + 300).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_listener_that_never_reads_is_dropped_and_slows_nobody() {
    let api = Api::start().await;
    let (device, session) = api.session(1).await;
    let mut deaf = api.listen("").await;
    let mut ear = api.listen("?properties=desk").await;
    let (_, first) = ear.until_ready().await;
    deaf.until_ready().await;
    let long = "x".repeat(900);
    let slowest = {
        let mut slowest = Duration::ZERO;
        for number in 0..200 {
            let begun = tokio::time::Instant::now();
            api.set(session.id, "desk", Some(&format!("{number} {long}"))).await;
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    assert!(slowest < SECOND, "{slowest:?}");
    for number in 0..200 {
        assert_eq!(ear.hear().await.id, Some(first + 1 + number));
    }
    assert_eq!(api.state.events.listeners(), 2);
    // It takes nothing for ten seconds.
    let dropped = async {
        while api.state.events.listeners() > 1 {
            tokio::time::sleep(SECOND / 10).await;
        }
    };
    timeout(Duration::from_secs(20), dropped).await.expect("dropped");
    api.app.handle.connect(device.id, None).await.unwrap();
    let mut last = deaf.next().await.unwrap();
    while let Some(next) = deaf.next().await {
        last = next;
    }
    assert_eq!(last.kind, "dropped");
    assert!(text(&last.data["reason"]).contains("slow"), "{last:?}");
    assert_eq!(api.resume("?properties=desk", first).await.until_ready().await.0.len(), 200);
}

#[tokio::test]
async fn leaving_and_coming_back_falling_silent_and_the_operator() {
    let idle = ZonePolicy { idle_timeout_secs: Some(120), away_pause_secs: Some(60), ..zone() };
    let api = Api::with_zone(idle).await;
    let (device, session) = api.session(1).await;
    api.app.handle.connect(device.id, None).await.unwrap();
    let mut ear = api.listen("?properties=$State").await;
    ear.until_ready().await;
    let address = [10, 0, 0, 1].into();
    let leave = |id: DeviceId| {
        assert_eq!(id, device.id);
        api.app.handle.lost(mac(1), address)
    };
    let expect = async |ear: &mut Ear, kind: &str, reason: Option<&str>, state: &str| {
        let heard = ear.hear().await;
        assert_eq!(heard.brief(), (kind.to_owned(), session.id.to_string(), reason));
        assert_eq!(heard.data["properties"]["$State"], state, "{heard:?}");
    };
    // It roams: back before it is paused.
    leave(device.id).await.unwrap();
    expect(&mut ear, "disconnected", Some("away"), "running").await;
    api.app.device(1).await;
    expect(&mut ear, "reconnected", None, "running").await;
    // It goes home.
    leave(device.id).await.unwrap();
    expect(&mut ear, "disconnected", Some("away"), "running").await;
    api.app.pass(61 * SECOND).await;
    expect(&mut ear, "update", None, "paused").await;
    api.app.device(1).await;
    api.app.handle.connect(device.id, None).await.unwrap();
    expect(&mut ear, "reconnected", None, "running").await;
    // It sleeps.
    for _ in 0..13 {
        api.app.pass(10 * SECOND).await;
    }
    expect(&mut ear, "disconnected", Some("idle"), "paused").await;
    api.app.handle.connect(device.id, None).await.unwrap();
    expect(&mut ear, "reconnected", None, "running").await;
    // The operator cuts it off, and ends it.
    api.app.handle.disconnect(device.id, None).await.unwrap();
    expect(&mut ear, "disconnected", Some("asked"), "paused").await;
    let reason = turnpike::domain::CloseReason::Operator;
    api.app.handle.close_session(session.id, reason, Text::new("refund")).await.unwrap();
    expect(&mut ear, "close", Some("operator"), "closed").await;
}

#[tokio::test]
async fn bad_input_and_missing_permissions_are_refused() {
    let api = Api::start().await;
    let (status, problem) = api.refused("?filter=a%20is%20%22b%22%20und%20c", None).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("/problems/invalid-filter")));
    assert_eq!(problem["column"], 10);
    assert_eq!(text(&problem["pointed"]), "a is \"b\" und c\n         ^");
    for (query, field) in [
        ("?since=yesterday", "since"),
        ("?last_event_id=x", "last_event_id"),
        ("?last_event_id=-1", "last_event_id"),
        ("?last_event_id=99999999999999999999", "last_event_id"),
    ] {
        let (status, problem) = api.refused(query, None).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{query}");
    }
    assert_eq!(api.refused("", Some("a\"b")).await.0, 422);
    assert_eq!(api.refused("?filters=all", None).await.0, 422);
    let names: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    assert_eq!(api.refused(&format!("?properties={}", names.join(",")), None).await.0, 422);
    for permissions in
        [&[Permission::ViewSession][..], &[Permission::RegisterHandler], &[Permission::ModifySession]]
    {
        let text = TokenText::random().unwrap();
        api.app.store.create_token(&Text::new("less"), permissions, &text, START.wall).await.unwrap();
        let less =
            Api { token: text.as_str().to_owned(), state: api.state.clone(), app: TestApp::start().await };
        assert_eq!(less.refused("", None).await.0, 403);
    }
    assert_eq!(api.state.events.listeners(), 0);
}

#[tokio::test]
async fn places_are_counted_and_given_back() {
    let api = Api::start().await;
    let mut flowing = Vec::new();
    for _ in 0..MAX_FLOWING {
        flowing.push(api.listen("?filter=$DataLeft%20lt%20'1'").await);
    }
    let response = api.ask("?filter=$DataLeft%20lt%20'1'", None).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
        (503, "30")
    );
    let mut all = Vec::new();
    while all.len() + flowing.len() < MAX_LISTENERS {
        all.push(api.listen("").await);
    }
    assert_eq!(api.state.events.listeners(), MAX_LISTENERS);
    assert_eq!(api.refused("", None).await.0, 503);
    flowing.clear();
    let mut ear = api.listen("").await;
    ear.until_ready().await;
    api.session(1).await;
    assert_eq!(ear.hear().await.kind, "open");
    for ear in &mut all {
        ear.until_ready().await;
        assert_eq!(ear.hear().await.kind, "open");
    }
    // The daemon stops: nobody is left waiting.
    api.state.events.stop();
    assert_eq!(ear.hear().await.kind, "dropped");
    assert_eq!(ear.next().await, None);
    assert_eq!(api.refused("", None).await.0, 503);
}

#[tokio::test]
async fn what_a_token_opened_ends_when_it_is_revoked() {
    let api = Api::on(TestApp::start().await, &[Permission::Admin]).await;
    let mut ear = api.listen("").await;
    ear.until_ready().await;
    let revoke = |id: i64| {
        let request = Request::delete(format!("/api/v1/tokens/{id}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", api.token));
        api.router().oneshot(request.body(Body::empty()).unwrap())
    };
    let other = TokenText::random().unwrap();
    let now = api.app.handle.now().wall;
    let made = api.app.store.create_token(&Text::new("other"), &[Permission::Admin], &other, now).await;
    assert_eq!(revoke(made.unwrap().id).await.unwrap().status(), 200);
    ear.silent(Duration::from_millis(50)).await;
    assert_eq!(revoke(1).await.unwrap().status(), 200);
    assert!(ear.next().await.is_none());
}
