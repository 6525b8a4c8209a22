//! A guest with several sessions says which one is used.

#![expect(clippy::unwrap_used, reason = "test helpers: a failure is a panic")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use turnpike::domain::{ClientDevice, ClientSession, Refusal, SessionId, Text, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState};
use turnpike::providers::voucher::VoucherProvider;

use crate::support::{TestApp, mac, minutes, zone};

const HOST: &str = "10.0.0.254:2050";

struct Guest {
    app: TestApp,
    state: PortalState,
    device: ClientDevice,
}

impl Guest {
    async fn new() -> Self {
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        let device = app.device(1).await;
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"));
        Self { app, state, device }
    }

    async fn send(&self, method: &str, path: &str) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .body(Body::empty())
            .unwrap();
        let guest = SocketAddr::new(IpAddr::from([10, 0, 0, 1]), 40_000);
        let endpoints = Endpoints::new(guest, HOST.parse().unwrap());
        Extension(endpoints).layer(portal::router(self.state.clone())).oneshot(request).await.unwrap()
    }

    async fn page(&self) -> String {
        let response = self.send("GET", "/").await;
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    async fn make(&self, of: &ClientDevice, length: u64) -> ClientSession {
        self.app.handle.create_session(of.id, minutes(length)).await.unwrap()
    }

    async fn running(&self) -> Option<SessionId> {
        self.app.handle.curr_session(self.device.id).await.unwrap().map(|session| session.id)
    }

    async fn choose(&self, session: impl std::fmt::Display) -> StatusCode {
        self.send("POST", &format!("/sessions/{session}/connect")).await.status()
    }
}

#[tokio::test]
async fn a_guest_picks_which_session_is_used_and_loses_nothing_of_the_other() {
    let guest = Guest::new().await;
    let (first, second) = (guest.make(&guest.device, 10).await, guest.make(&guest.device, 20).await);
    let page = guest.page().await;
    assert!(page.contains(&format!("action=\"/sessions/{}/connect\"", second.id)), "{page}");
    assert!(!page.contains(&format!("action=\"/sessions/{}/connect\"", first.id)), "the next one anyway");

    assert_eq!(guest.choose(second.id).await, StatusCode::SEE_OTHER);
    assert_eq!(guest.running().await, Some(second.id), "not the oldest");
    assert!(guest.app.kernel.packet(mac(1), 1_000, true), "let through");
    guest.app.pass(Duration::from_secs(90)).await;
    assert_eq!(guest.choose(second.id).await, StatusCode::SEE_OTHER, "again changes nothing");

    assert_eq!(guest.choose(first.id).await, StatusCode::SEE_OTHER);
    assert_eq!(guest.running().await, Some(first.id));
    assert!(guest.app.kernel.packet(mac(1), 1_000, true), "still let through");
    let paused = guest.app.handle.session(second.id).await.unwrap();
    assert_eq!(
        (paused.state.as_str(), paused.usage.time_ms, paused.usage.data_bytes()),
        ("paused", 90_000, 1_000)
    );
    guest.app.pass(Duration::from_secs(600)).await;
    assert_eq!(guest.running().await, Some(second.id), "what is paused goes on when the other is used up");
    let ended = guest.app.handle.session(first.id).await.unwrap();
    assert_eq!((ended.state.as_str(), ended.usage.data_bytes()), ("consumed", 1_000));
    assert_eq!(guest.choose(first.id).await, StatusCode::CONFLICT, "nothing is left of it");
    assert_eq!(guest.running().await, Some(second.id), "and what runs goes on");
    assert!(guest.app.kernel.packet(mac(1), 1_000, true));
}

#[tokio::test]
async fn nobody_picks_anothers_session() {
    let guest = Guest::new().await;
    let other = guest.app.device(2).await;
    let theirs = guest.make(&other, 30).await;
    let mine = guest.make(&guest.device, 10).await;
    guest.app.handle.connect(guest.device.id, None).await.unwrap();
    for session in [theirs.id.to_string(), uuid::Uuid::nil().to_string()] {
        assert_eq!(guest.choose(&session).await, StatusCode::CONFLICT, "no word on whether it is there");
    }
    for nonsense in ["x", "%3Cb%3E", "%ff"] {
        assert_eq!(guest.choose(nonsense).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(guest.running().await, Some(mine.id));
    assert!(guest.app.kernel.packet(mac(1), 1_000, true));
    assert!(!guest.app.kernel.packet(mac(2), 1_000, true));
    assert_eq!(guest.app.handle.session(theirs.id).await.unwrap(), theirs, "untouched");
    let direct = guest.app.handle.connect_on(guest.device.id, theirs.id).await;
    assert_eq!(direct, Err(Refusal::UnknownSession));

    let blocked = turnpike::runtime::DevicePatch { blocked: Some(true), ..Default::default() };
    guest.app.handle.update_device(guest.device.id, blocked).await.unwrap();
    assert_eq!(guest.choose(mine.id).await, StatusCode::FORBIDDEN);
    assert!(!guest.app.kernel.packet(mac(1), 1_000, true));
}
