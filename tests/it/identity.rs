//! A phone that makes up a new MAC loses nothing: cookies, recovery codes, and what hostile ones meet.

#![expect(clippy::unwrap_used, reason = "test helpers: a failure is a panic")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::json;
use tower::{Layer, ServiceExt};
use turnpike::domain::{
    CloseReason, DeviceId, Identity, Money, Permission, SessionKind, SessionState, SessionTerms, Text, Usage,
    ZoneName,
};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState};
use turnpike::providers::voucher::VoucherVault;
use turnpike::runtime::DevicePatch;
use turnpike::store::AuditQuery;

use crate::api::Api;
use crate::support::{TestApp, mac, minutes};

const HOST: &str = "10.0.0.254:2050";

/// The portal; phones are told apart by their number.
struct Portal {
    app: TestApp,
    state: PortalState,
}

struct Answer {
    status: StatusCode,
    cookie: Option<String>,
    retry: Option<u64>,
    page: String,
}

impl Portal {
    async fn new() -> Self {
        Self::on(TestApp::start().await)
    }

    fn on(app: TestApp) -> Self {
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"))
            .with_history(Arc::new(app.store.clone()));
        Self { app, state }
    }

    async fn phone(&self, number: u8) -> DeviceId {
        self.app.device(number).await.id
    }

    /// Half an hour and 10 MB.
    async fn sell(&self, device: DeviceId) {
        let terms = SessionTerms::new(SessionKind::TimeOrData, Some(1800), Some(10.0), None, 0.0, 0.0, false);
        self.app.handle.create_session(device, terms.unwrap()).await.unwrap();
    }

    async fn ask(&self, phone: u8, method: &str, path: &str, cookie: Option<&str>, form: &[u8]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let endpoints =
            Endpoints::new(SocketAddr::new(IpAddr::from([10, 0, 0, phone]), 40_000), HOST.parse().unwrap());
        let router = Extension(endpoints).layer(portal::router(self.state.clone()));
        let response = router.oneshot(request.body(Body::from(form.to_vec())).unwrap()).await.unwrap();
        Answer::read(response).await
    }

    async fn page(&self, phone: u8, cookie: Option<&str>) -> Answer {
        let answer = self.ask(phone, "GET", "/", cookie, b"").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer
    }

    async fn bring_over(&self, phone: u8, code: &str) -> Answer {
        self.ask(phone, "POST", "/move", None, format!("code={code}").as_bytes()).await
    }

    async fn code(&self, device: DeviceId) -> String {
        self.app.handle.recovery_code(device).await.unwrap().to_string()
    }
}

impl Answer {
    async fn read(response: Response) -> Self {
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (cookie, retry) = (header(header::SET_COOKIE), header(header::RETRY_AFTER));
        let status = response.status();
        let page = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        let page = String::from_utf8(page).unwrap();
        Self { status, cookie, retry: retry.map(|secs| secs.parse().unwrap()), page }
    }
}

/// What a browser sends back of a `Set-Cookie`.
fn kept(cookie: Option<String>) -> String {
    cookie.expect("a cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_code_moves_a_running_session_to_the_byte_and_cuts_the_old_mac_off() {
    let portal = Portal::new().await;
    let (old, new) = (portal.phone(1).await, portal.phone(2).await);
    let app = &portal.app;
    portal.sell(old).await;
    app.store.add_credit("coinslot/a", "1", Money(500), Some(old), app.clock.now().wall).await.unwrap();
    app.handle.connect(old, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 123_457, true) && app.kernel.packet(mac(1), 1_000_001, false));
    app.pass(Duration::from_millis(90_250)).await;
    let page = portal.page(1, None).await.page;
    let code = portal.code(old).await;
    assert!(page.contains(&format!("enter this code: <b class=\"recovery\">{code}</b>")), "{page}");
    // What passes after the last look at the books counts, too.
    assert!(app.kernel.packet(mac(1), 1_001, true));
    assert!(portal.page(2, None).await.page.contains("I have a recovery code"));
    let typed = code.to_lowercase().replace('-', "+");
    let answer = portal.bring_over(2, &typed).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    assert!(!app.kernel.packet(mac(1), 1, true) && !app.kernel.is_open(mac(1)), "cut off at once");
    assert!(app.kernel.packet(mac(2), 1, true), "and let through under its new MAC");
    let moved = app.handle.usable_sessions(new).await.unwrap().remove(0);
    let used = Usage { time_ms: 90_250, sent_bytes: 124_459, received_bytes: 1_000_001 };
    assert_eq!(moved.usage, used, "to the byte and the millisecond, its own first packet included");
    assert!(portal.page(2, None).await.page.contains(">0:28:29<"));
    assert!(portal.page(1, None).await.page.contains("It was moved to another device."));
    // Money that was put in goes along; the old code is worth nothing.
    assert_eq!(app.store.unclaimed_credits(None, Some(new)).await.unwrap().len(), 1);
    let third = portal.phone(3).await;
    assert_eq!(portal.bring_over(3, &code).await.status, StatusCode::NOT_FOUND);
    assert!(app.handle.usable_sessions(third).await.unwrap().is_empty());
    let wanted = AuditQuery { page: 1, per_page: 10, ..AuditQuery::default() };
    let (lines, _) = app.store.audit(&wanted).await.unwrap();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!((line.actor.as_str(), line.action.as_str()), ("guest", "device.move"));
    assert_eq!(line.subject.as_ref().map(Text::as_str), Some(new.to_string().as_str()));
    assert_eq!(line.origin.as_str(), "10.0.0.2");
    assert!(line.details.as_str().contains(&mac(1).to_string()) && line.details.as_str().contains("code"));
    assert!(!line.details.as_str().contains(&code), "the code itself is in no log");
    // All of it is on disk.
    let Portal { app, state } = portal;
    // It has a hold on the store, too.
    drop(state);
    let app = app.crash().await;
    let again = app.handle.usable_sessions(new).await.unwrap().remove(0);
    assert_eq!((again.id, again.usage.received_bytes), (moved.id, 1_000_001));
    assert!(app.handle.usable_sessions(old).await.unwrap().is_empty());
    let old = app.store.session(moved.id).await.unwrap().unwrap();
    assert_eq!(old.device, new);
}

#[tokio::test]
async fn what_was_moved_is_closed_where_it_was_with_its_usage() {
    let portal = Portal::new().await;
    let (old, new) = (portal.phone(1).await, portal.phone(2).await);
    let handle = &portal.app.handle;
    let first = handle.create_session(old, minutes(10)).await.unwrap();
    let second = handle.create_session(old, minutes(20)).await.unwrap();
    let code = portal.code(old).await;
    assert_eq!(portal.bring_over(2, &code).await.status, StatusCode::SEE_OTHER);
    assert!(!portal.app.kernel.is_open(mac(2)), "nothing ran: the guest connects when they like");
    for session in [first, second] {
        let state = handle.session(session.id).await.unwrap().state;
        assert!(matches!(state, SessionState::Closed(CloseReason::Moved, _)), "{state:?}");
    }
    let limits: Vec<_> = handle
        .usable_sessions(new)
        .await
        .unwrap()
        .iter()
        .map(|session| session.terms.time_limit_ms)
        .collect();
    assert_eq!(limits, [Some(600_000), Some(1_200_000)], "both, in their order");
}

#[tokio::test]
async fn the_browsers_cookie_offers_what_is_left_and_moves_it_at_a_press() {
    let portal = Portal::new().await;
    let (old, new) = (portal.phone(1).await, portal.phone(2).await);
    assert_eq!(portal.page(1, None).await.cookie, None, "not for every stranger");
    portal.sell(old).await;
    portal.app.handle.connect(old, None).await.unwrap();
    portal.app.pass(Duration::from_secs(60)).await;
    let cookie = portal.page(1, None).await.cookie;
    let flags = cookie.clone().unwrap();
    assert!(
        flags.starts_with("turnpike-device=")
            && flags.ends_with("; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax")
    );
    let cookie = kept(cookie);
    assert_eq!(portal.page(1, Some(&cookie)).await.cookie, None, "it has it already");
    assert!(!portal.page(1, Some(&cookie)).await.page.contains("Welcome back"));
    let seen = portal.page(2, Some(&cookie)).await;
    assert!(
        seen.page.contains("You have 0:29:00 and 10.0 MB left from your earlier visit."),
        "{}",
        seen.page
    );
    assert!(
        portal.app.kernel.is_open(mac(1)) && !portal.app.kernel.is_open(mac(2)),
        "nothing moves by itself"
    );
    // One that has something of its own keeps the older cookie until that is brought over.
    portal.app.handle.create_session(new, minutes(5)).await.unwrap();
    assert_eq!(portal.page(2, Some(&cookie)).await.cookie, None);
    let pressed = portal.ask(2, "POST", "/move", Some(&format!("a=b; {cookie}")), b"").await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
    assert!(!portal.app.kernel.is_open(mac(1)) && portal.app.kernel.is_open(mac(2)));
    assert_eq!(portal.app.handle.usable_sessions(new).await.unwrap().len(), 2);
    let after = portal.page(2, Some(&cookie)).await;
    assert!(!after.page.contains("Welcome back"), "the old one is void");
    let fresh = kept(after.cookie);
    assert_ne!(fresh, cookie);
    let again = portal.ask(1, "POST", "/move", Some(&cookie), b"").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.page.contains("nothing left to be brought over"));
    assert_eq!(portal.ask(1, "POST", "/move", None, b"").await.status, StatusCode::CONFLICT);
    assert_eq!(portal.ask(1, "GET", "/move", Some(&fresh), b"").await.status, StatusCode::SEE_OTHER);
    assert!(portal.app.kernel.is_open(mac(2)), "a GET changes nothing");
}

#[tokio::test]
async fn forged_foreign_and_broken_cookies_are_ignored() {
    let portal = Portal::new().await;
    let (old, new) = (portal.phone(1).await, portal.phone(2).await);
    portal.sell(old).await;
    let good = portal.app.vault.device_token(old, 0);
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = VoucherVault::open(&elsewhere.path().join("key"), None).unwrap().device_token(old, 0);
    let unknown = portal.app.vault.device_token(DeviceId::new(uuid::Uuid::from_u128(9)), 0);
    let mut forged = good.clone();
    forged.replace_range(0..36, &new.to_string());
    for bad in [
        foreign,
        unknown,
        forged,
        portal.app.vault.device_token(old, 1),
        good[..good.len() - 1].to_owned(),
        format!("{good}0"),
        "' OR 1=1 --".to_owned(),
        "<script>alert(1)</script>".to_owned(),
        "x".repeat(7_000),
        String::new(),
        "..".to_owned(),
    ] {
        let cookie = format!("turnpike-device={bad}");
        let page = portal.page(2, Some(&cookie)).await;
        assert!(page.cookie.is_none() && !page.page.contains("Welcome back"), "{bad:.60}");
        assert!(!page.page.contains("<script>alert"));
        let moved = portal.ask(2, "POST", "/move", Some(&cookie), b"").await;
        assert_eq!(moved.status, StatusCode::CONFLICT, "{bad:.60}");
    }
    assert!(portal.app.handle.usable_sessions(new).await.unwrap().is_empty());
    // The first of two counts; the good one is not reached through a bad one.
    let two = format!("turnpike-device={good}");
    assert!(portal.page(2, Some(&two)).await.page.contains("Welcome back"));
    let block = DevicePatch { blocked: Some(true), ..DevicePatch::default() };
    portal.app.handle.update_device(old, block).await.unwrap();
    assert!(
        !portal.page(2, Some(&two)).await.page.contains("Welcome back"),
        "nobody moves from a blocked one"
    );
    assert_eq!(portal.ask(2, "POST", "/move", Some(&two), b"").await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn hostile_codes_are_refused_explained_and_limited() {
    let portal = Portal::new().await;
    let (old, _new) = (portal.phone(1).await, portal.phone(2).await);
    portal.sell(old).await;
    let code = portal.code(old).await;
    let long = format!("code={}", "A".repeat(65));
    let huge = [b"code=".as_slice(), &[b'A'; 70_000]].concat();
    for (form, status) in [
        (b"code=".as_slice(), StatusCode::UNPROCESSABLE_ENTITY),
        (b"code=++", StatusCode::UNPROCESSABLE_ENTITY),
        (b"code=a%00b", StatusCode::UNPROCESSABLE_ENTITY),
        (b"code=\xff\xfe", StatusCode::UNPROCESSABLE_ENTITY),
        (b"code=A&code=B", StatusCode::UNPROCESSABLE_ENTITY),
        (b"code=A&to=x", StatusCode::UNPROCESSABLE_ENTITY),
        (b"device=1", StatusCode::UNPROCESSABLE_ENTITY),
        (long.as_bytes(), StatusCode::UNPROCESSABLE_ENTITY),
        (&huge, StatusCode::PAYLOAD_TOO_LARGE),
        (b"code=%27+OR+1%3D1", StatusCode::NOT_FOUND),
        (b"code=%22%3E%3Cscript%3E", StatusCode::NOT_FOUND),
    ] {
        let answer = portal.ask(2, "POST", "/move", None, form).await;
        assert_eq!(
            answer.status,
            status,
            "{:?}",
            String::from_utf8_lossy(form).chars().take(30).collect::<String>()
        );
        assert!(answer.page.contains("id=\"recovery-trouble\" role=\"alert\">"), "{}", answer.page);
        assert!(!answer.page.contains("<script>") && answer.page.len() < 8_000);
    }
    let echoed = portal.bring_over(2, "%22%3E%3Cb%3E").await;
    assert!(echoed.page.contains("value=\"&#34;&#62;&#60;b&#62;\""), "{}", echoed.page);
    let mut last = echoed;
    for _ in 0..20 {
        last = portal.bring_over(2, "ABCD-EFGH").await;
        if last.status != StatusCode::NOT_FOUND {
            break;
        }
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.retry.is_some_and(|secs| secs > 0));
    assert_eq!(
        portal.bring_over(2, &code).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "not even the right one"
    );
    assert_eq!(portal.app.handle.usable_sessions(old).await.unwrap().len(), 1);
    portal.phone(3).await;
    assert_eq!(portal.bring_over(1, &code).await.status, StatusCode::CONFLICT, "its own");
    assert_eq!(portal.bring_over(3, &code).await.status, StatusCode::SEE_OTHER, "others are not held up");
    let stranger = portal.ask(99, "POST", "/move", None, b"code=ABCD-EFGH").await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_handed_round_stays_for_the_day() {
    let portal = Portal::new().await;
    let mut at = portal.phone(1).await;
    portal.sell(at).await;
    let most = u8::try_from(Identity::MOVES_PER_DAY).unwrap();
    for number in 2..=most + 1 {
        let code = portal.code(at).await;
        at = portal.phone(number).await;
        assert_eq!(portal.bring_over(number, &code).await.status, StatusCode::SEE_OTHER, "{number}");
    }
    let (code, next) = (portal.code(at).await, portal.phone(most + 2).await);
    let answer = portal.bring_over(most + 2, &code).await;
    assert_eq!((answer.status, answer.retry), (StatusCode::TOO_MANY_REQUESTS, Some(86_400)));
    assert!(answer.page.contains("moved too often today"));
    let cookie = format!("turnpike-device={}", portal.app.vault.device_token(at, 0));
    let answer = portal.ask(most + 2, "POST", "/move", Some(&cookie), b"").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "neither by cookie");
    // The count outlives the daemon; the staff may still help; the next day it is as new.
    let Portal { app, state } = portal;
    drop(state);
    let portal = Portal::on(app.restart().await);
    portal.phone(most + 2).await;
    assert_eq!(portal.bring_over(most + 2, &code).await.status, StatusCode::TOO_MANY_REQUESTS);
    portal.app.handle.move_device(at, next).await.unwrap();
    let code = portal.code(next).await;
    portal.app.pass(Duration::from_secs(86_400)).await;
    let last = portal.phone(most + 3).await;
    assert_eq!(portal.bring_over(most + 3, &code).await.status, StatusCode::SEE_OTHER);
    assert_eq!(portal.app.handle.usable_sessions(last).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_who_press_at_once_one_has_it() {
    let portal = Portal::new().await;
    let old = portal.phone(1).await;
    portal.sell(old).await;
    let code = portal.code(old).await;
    let (two, three) = (portal.phone(2).await, portal.phone(3).await);
    let (first, second) = tokio::join!(portal.bring_over(2, &code), portal.bring_over(3, &code));
    let won = [&first, &second].iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count();
    assert_eq!(won, 1, "{} {}", first.status, second.status);
    let count = async |device| portal.app.handle.usable_sessions(device).await.unwrap().len();
    assert_eq!((count(old).await, count(two).await + count(three).await), (0, 1));
}

#[tokio::test]
async fn operators_move_and_read_codes_with_the_right_permission() {
    let api = Api::start().await;
    let old = api.app.device(1).await.id;
    let new = api.app.device(2).await.id;
    let (at, to) = (format!("/api/v1/devices/{old}"), mac(2).to_string());
    assert_eq!(api.get(&format!("{at}/recovery-code")).await.0, 409, "nothing left");
    assert_eq!(api.ask("POST", &format!("{at}/move"), json!({ "to": to })).await.0, 409);
    api.app.handle.create_session(old, minutes(10)).await.unwrap();
    api.app.handle.connect(old, None).await.unwrap();
    api.app.pass(Duration::from_secs(61)).await;
    let (status, body) = api.get(&format!("{at}/recovery-code")).await;
    let code = api.app.handle.recovery_code(old).await.unwrap().to_string();
    assert_eq!((status, &body), (200, &json!({ "code": code })));
    let viewer = api.token(&[Permission::ViewSession]).await;
    for (method, path, body) in [
        ("GET", format!("{at}/recovery-code"), String::new()),
        ("POST", format!("{at}/move"), json!({ "to": to }).to_string()),
    ] {
        assert_eq!(api.raw(&viewer, method, &path, body.into_bytes()).await.0, 403, "{path}");
    }
    let at_move = format!("{at}/move");
    let move_to = |to: serde_json::Value| api.ask("POST", &at_move, to);
    for (body, status) in [
        (json!({}), 422),
        (json!({ "to": 7 }), 422),
        (json!({ "to": to, "x": 1 }), 422),
        (json!({ "to": "02:00:00:00:53:63" }), 404),
        (json!({ "to": "'; DROP TABLE devices" }), 404),
        (json!({ "to": old.to_string() }), 409),
    ] {
        let (got, answer) = move_to(body.clone()).await;
        assert_eq!(got, status, "{body}: {answer}");
    }
    assert!(api.app.kernel.is_open(mac(1)), "nothing has changed");
    let (status, device) = move_to(json!({ "to": to })).await;
    assert_eq!(
        (status, &device["id"], &device["connected"]),
        (200, &json!(new.to_string()), &json!(true)),
        "{device}"
    );
    assert!(!api.app.kernel.is_open(mac(1)) && api.app.kernel.is_open(mac(2)));
    let left = api.app.handle.usable_sessions(new).await.unwrap().remove(0);
    assert_eq!(left.usage.time_ms, 61_000);
    let wanted =
        AuditQuery { action: Some("device.move".to_owned()), page: 1, per_page: 10, ..AuditQuery::default() };
    let (lines, _) = api.app.store.audit(&wanted).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].details.as_str().contains(&mac(1).to_string()));
}
