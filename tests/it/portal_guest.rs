//! What a guest lives through: from the first page to the last byte, on the real sessions manager.

#![expect(clippy::unwrap_used, reason = "test helpers: a failure is a panic")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use turnpike::domain::{NewBatch, Text, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, MAX_PER_DEVICE, PortalState};
use turnpike::providers::voucher::VoucherProvider;
use turnpike::runtime::DevicePatch;

use crate::support::{TestApp, mac, megabytes, minutes, zone};

const HOST: &str = "10.0.0.254:2050";

/// Device 1 has joined; its portal.
struct Guest {
    app: TestApp,
    state: PortalState,
    address: IpAddr,
}

impl Guest {
    async fn new() -> Self {
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        app.device(1).await;
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"))
            .with_history(Arc::new(app.store.clone()))
            .with_inbox(Arc::new(app.store.clone()));
        Self { app, state, address: IpAddr::from([10, 0, 0, 1]) }
    }

    async fn send(&self, from: IpAddr, request: Request<Body>) -> Response {
        let local: SocketAddr = HOST.parse().unwrap();
        let endpoints = Endpoints::new(SocketAddr::new(from, 40_000), local);
        Extension(endpoints).layer(portal::router(self.state.clone())).oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        let request = Request::builder().uri(path).header("host", HOST).body(Body::empty()).unwrap();
        self.send(self.address, request).await
    }

    async fn post(&self, path: &str, form: &str) -> Response {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(self.address, request).await
    }

    async fn page(&self) -> String {
        let response = self.get("/").await;
        assert_eq!(response.status(), StatusCode::OK);
        text(response).await
    }

    async fn capport(&self) -> serde_json::Value {
        let request = Request::builder()
            .uri("/capport")
            .header("host", HOST)
            .header("accept", "application/captive+json")
            .body(Body::empty())
            .unwrap();
        let response = self.send(self.address, request).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/captive+json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private");
        serde_json::from_str(&text(response).await).unwrap()
    }

    async fn voucher(&self) -> String {
        let batch = NewBatch::new(None, minutes(10), None, None, 1).unwrap();
        let codes = self.app.vault.new_codes(1).unwrap();
        let sealed: Vec<_> = codes.iter().map(|(_, sealed)| sealed.clone()).collect();
        self.app.store.create_batch(&batch, &sealed, self.app.clock.now().wall).await.unwrap();
        codes[0].0.to_string()
    }
}

/// The body of an answer.
pub async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Reads a stream until it says `word`; what came up to there.
pub async fn read_until(body: &mut Body, word: &str) -> String {
    let mut got = String::new();
    while !got.contains(word) {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame())
            .await
            .unwrap_or_else(|_| panic!("no {word:?} in {got:?}"))
            .unwrap_or_else(|| panic!("ended before {word:?}: {got:?}"))
            .unwrap();
        got.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    got
}

#[tokio::test]
async fn a_voucher_takes_a_guest_online_and_pause_back() {
    let guest = Guest::new().await;
    assert!(guest.page().await.contains("name=\"code\""));
    assert_eq!(guest.capport().await["captive"], true);
    let code = guest.voucher().await.to_lowercase().replace('-', "");
    let response = guest.post("/providers/voucher", &format!("code=+{code}")).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/");
    assert!(guest.app.kernel.packet(mac(1), 1000, true), "let through");
    guest.app.pass(Duration::from_secs(90)).await;
    let page = guest.page().await;
    assert!(page.contains(">0:08:30<") && page.contains("action=\"/disconnect\""), "{page}");
    let capport = guest.capport().await;
    assert_eq!((&capport["captive"], &capport["seconds-remaining"]), (&false.into(), &510.into()));
    assert_eq!(capport.get("bytes-remaining"), None, "not limited by data");

    assert_eq!(guest.post("/disconnect", "").await.status(), StatusCode::SEE_OTHER);
    assert!(!guest.app.kernel.packet(mac(1), 1000, true));
    assert!(guest.page().await.contains("Your access is paused"));
    assert_eq!(guest.capport().await.get("seconds-remaining"), None);
    assert_eq!(guest.post("/connect", "").await.status(), StatusCode::SEE_OTHER);
    assert!(guest.app.kernel.packet(mac(1), 1000, true));

    let again = guest.post("/providers/voucher", &format!("code={code}")).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert!(text(again).await.contains("has been used already"));
}

#[tokio::test]
async fn wrong_codes_are_explained_kept_and_limited() {
    let guest = Guest::new().await;
    let wrong = guest.post("/providers/voucher", "code=%3Cb%3EWRONG").await;
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);
    let page = text(wrong).await;
    assert!(page.contains("We do not know this code") && !page.contains("<b>WRONG"));
    assert!(page.contains("WRONG\" required"), "the form is kept: {page}");
    let mut last = StatusCode::OK;
    for _ in 0..100 {
        let response = guest.post("/providers/voucher", "code=AAAA-BBBB-CCCC").await;
        last = response.status();
        if last == StatusCode::TOO_MANY_REQUESTS {
            let secs = response.headers()[header::RETRY_AFTER].to_str().unwrap().to_owned();
            assert!(text(response).await.contains(&format!("wait {secs} second")));
            break;
        }
        assert_eq!(last, StatusCode::NOT_FOUND);
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn malformed_forms_get_a_page_and_change_nothing() {
    let guest = Guest::new().await;
    let long = format!("code={}", "A".repeat(65));
    let huge = format!("code={}", "A".repeat(70_000));
    for (form, status) in [
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("code=", StatusCode::UNPROCESSABLE_ENTITY),
        ("code=++", StatusCode::UNPROCESSABLE_ENTITY),
        ("kode=AAAA", StatusCode::UNPROCESSABLE_ENTITY),
        ("code=A&code=B", StatusCode::UNPROCESSABLE_ENTITY),
        (&long, StatusCode::UNPROCESSABLE_ENTITY),
        (&huge, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let response = guest.post("/providers/voucher", form).await;
        assert_eq!(response.status(), status, "{:.20}", form);
        assert!(text(response).await.contains("name=\"code\""), "the form is still there");
    }
    assert_eq!(guest.post("/providers/nothing", "code=A").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(guest.post("/providers/%ff", "code=A").await.status(), StatusCode::NOT_FOUND);
    let refused = guest.post("/connect", "").await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(text(refused).await.contains("nothing left to connect with"));
    assert_eq!(guest.get("/nowhere").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(guest.get("/connect").await.headers()[header::LOCATION], "/");
    let request =
        Request::builder().method("DELETE").uri("/").header("host", HOST).body(Body::empty()).unwrap();
    assert_eq!(guest.send(guest.address, request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn nobody_sees_anothers_page_and_strangers_see_none() {
    let mut guest = Guest::new().await;
    let device = guest.app.device(1).await;
    guest.app.handle.create_session(device.id, minutes(10)).await.unwrap();
    guest.app.handle.connect(device.id, Some(Text::new("only for device 1"))).await.unwrap();
    assert!(guest.page().await.contains("only for device 1"));
    guest.app.device(2).await;
    guest.address = IpAddr::from([10, 0, 0, 2]);
    let page = guest.page().await;
    assert!(
        !page.contains("only for device 1") && !page.contains("0:10:00") && page.contains("name=\"code\"")
    );
    guest.address = IpAddr::from([10, 0, 0, 99]);
    let response = guest.get("/").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(text(response).await.contains("cannot see your device"));
    assert_eq!(guest.capport().await["captive"], true);
    assert_eq!(guest.get("/events").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(guest.post("/providers/voucher", "code=A").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_blocked_device_is_told_so_and_keeps_its_voucher() {
    let guest = Guest::new().await;
    let device = guest.app.device(1).await;
    let code = guest.voucher().await;
    let block = |blocked| DevicePatch { blocked: Some(blocked), ..DevicePatch::default() };
    guest.app.handle.update_device(device.id, block(true)).await.unwrap();
    let response = guest.get("/").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(!text(response).await.contains("<form"));
    let form = format!("code={code}");
    assert_eq!(guest.post("/providers/voucher", &form).await.status(), StatusCode::FORBIDDEN);
    guest.app.handle.update_device(device.id, block(false)).await.unwrap();
    assert_eq!(guest.post("/providers/voucher", &form).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_is_used_up_is_shown_with_what_it_was() {
    let guest = Guest::new().await;
    let device = guest.app.device(1).await;
    guest.app.handle.create_session(device.id, minutes(1)).await.unwrap();
    guest.app.handle.connect(device.id, None).await.unwrap();
    guest.app.pass(Duration::from_millis(60_010)).await;
    let page = guest.page().await;
    assert!(page.contains("Your access has ended") && page.contains("0:01:00 of 0:01:00 used"), "{page}");
    assert!(page.contains("name=\"code\""));
}

#[tokio::test]
async fn events_tell_the_numbers_the_notices_and_the_end() {
    let guest = Guest::new().await;
    let device = guest.app.device(1).await;
    guest.app.handle.create_session(device.id, megabytes(2.0)).await.unwrap();
    let response = guest.get("/events").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(response.headers().get(header::CONNECTION), None);
    let mut body = response.into_body();
    assert!(read_until(&mut body, "event: status").await.contains("retry:"));
    guest.app.handle.connect(device.id, Some(Text::new("enjoy \"it\"\u{1f600}"))).await.unwrap();
    read_until(&mut body, "data: \"enjoy \\\"it\\\"\u{1f600}\"").await;
    read_until(&mut body, "\"state\":\"online\"").await;
    assert!(guest.app.kernel.packet(mac(1), 500_000, true));
    guest.app.pass(Duration::from_secs(2)).await;
    read_until(&mut body, "\"data_left_bytes\":1500000").await;
    guest.app.handle.disconnect(device.id, None).await.unwrap();
    read_until(&mut body, "\"state\":\"ready\"").await;
}

#[tokio::test]
async fn one_stream_too_many_ends_the_oldest() {
    let guest = Guest::new().await;
    let mut oldest = guest.get("/events").await.into_body();
    read_until(&mut oldest, "event: status").await;
    let mut others = Vec::new();
    for _ in 0..MAX_PER_DEVICE {
        let mut body = guest.get("/events").await.into_body();
        read_until(&mut body, "event: status").await;
        others.push(body);
    }
    read_until(&mut oldest, "event: bye").await;
    let end = tokio::time::timeout(Duration::from_secs(10), oldest.frame()).await.expect("ends");
    assert!(end.is_none());
}

#[tokio::test]
async fn messages_wait_on_the_page_until_they_expire_or_are_dismissed() {
    let guest = Guest::new().await;
    let handle = &guest.app.handle;
    let device = guest.app.device(1).await.id;
    let other = guest.app.device(2).await.id;
    let foreign = handle.message(other, None, Text::new("for another"), 60_000).await.unwrap();
    for number in 1..=6 {
        handle.message(device, None, Text::new(&format!("number {number}")), 600_000).await.unwrap();
        guest.app.pass(Duration::from_secs(60)).await;
    }
    let short = handle.message(device, None, Text::new("closing <soon>"), 60_000).await.unwrap();
    let shown = |id: uuid::Uuid| {
        let store = guest.app.store.clone();
        async move {
            let all = turnpike::store::MessageQuery { page: 1, per_page: 100, ..Default::default() };
            let (found, _) = store.messages(&all).await.unwrap();
            found.into_iter().find(|left| left.message.id == id).map(|left| left.shown_at.is_some())
        }
    };
    assert_eq!(shown(short.id).await, Some(false));
    let page = guest.page().await;
    assert!(page.contains("closing &#60;soon&#62;") && page.contains("just now"), "{page}");
    assert!(page.contains("number 6") && page.contains("number 3") && page.contains("1 minute ago"));
    assert!(!page.contains("number 2") && !page.contains("for another"), "the newest five of its own");
    assert_eq!(shown(short.id).await, Some(true));
    assert_eq!(shown(foreign.id).await, Some(false));
    // Only its own, only from the page, only what is there.
    let dismiss = |id: uuid::Uuid| format!("/messages/{id}/dismiss");
    assert_eq!(guest.post(&dismiss(foreign.id), "").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(shown(foreign.id).await, Some(false), "another's stays");
    let elsewhere = Request::builder().method("POST").uri(dismiss(short.id)).header("host", HOST);
    let elsewhere = elsewhere.header("origin", "http://evil.test").body(Body::empty()).unwrap();
    assert_eq!(guest.send(guest.address, elsewhere).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(shown(short.id).await, Some(true));
    for _ in 0..2 {
        assert_eq!(guest.post(&dismiss(short.id), "").await.status(), StatusCode::SEE_OTHER);
        assert_eq!(shown(short.id).await, None);
    }
    assert_eq!(guest.post("/messages/nonsense/dismiss", "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(guest.get(&dismiss(short.id)).await.status(), StatusCode::SEE_OTHER);
    let page = guest.page().await;
    assert!(!page.contains("closing") && page.contains("number 2"));
    guest.app.pass(Duration::from_secs(600)).await;
    assert!(!guest.page().await.contains("number"), "expired");
}
