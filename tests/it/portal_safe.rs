//! Whose page is whose, and who may change anything: other sites, other names, other phones; plain and over TLS.

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
use turnpike::config::SecurePortal;
use turnpike::domain::{Text, WebUrl, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState, SecureName};
use turnpike::providers::voucher::VoucherProvider;

use crate::support::{TestApp, mac, minutes, zone};

const PLAIN: &str = "10.0.0.254:2050";
const SECURE: &str = "10.0.0.254:2443";
const NAMED: &str = "portal.example.net:2443";

/// Phones 1 and 2 have joined; the portal is there plainly and, by its name, over TLS.
struct Place {
    app: TestApp,
    state: PortalState,
}

/// One request of a phone.
struct Ask<'a> {
    phone: u8,
    tls: bool,
    method: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

impl Place {
    async fn new() -> Self {
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        app.device(1).await;
        app.device(2).await;
        let secure = SecurePortal { host: "portal.example.net".to_owned(), port: 2443 };
        let venue: WebUrl = "https://cafe.example/".parse().unwrap();
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"))
            .with_history(Arc::new(app.store.clone()))
            .with_inbox(Arc::new(app.store.clone()))
            .with_secure(Some(SecureName::new(secure, || true)))
            .with_venue(Some(&venue));
        Self { app, state }
    }

    async fn ask(&self, ask: Ask<'_>) -> Response {
        let local: SocketAddr = if ask.tls { SECURE } else { PLAIN }.parse().unwrap();
        let peer = SocketAddr::new(IpAddr::from([10, 0, 0, ask.phone]), 40_000);
        let ends = Endpoints::new(peer, local);
        let ends = if ask.tls { ends.over_tls() } else { ends };
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        Extension(ends).layer(portal::router(self.state.clone())).oneshot(request).await.unwrap()
    }

    async fn post(&self, tls: bool, path: &str, headers: &[(&str, &str)]) -> StatusCode {
        self.ask(Ask { phone: 1, tls, method: "POST", path, headers }).await.status()
    }

    /// Phone 1 has something to connect on, and is not.
    async fn sell(&self) {
        let device =
            self.app.handle.visitor(ZoneName::new("guests"), IpAddr::from([10, 0, 0, 1])).await.unwrap();
        self.app.handle.create_session(device.id, minutes(10)).await.unwrap();
    }

    fn is_online(&self, phone: u8) -> bool {
        self.app.kernel.packet(mac(phone), 100, true)
    }
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let place = Place::new().await;
    place.sell().await;
    let forms = ["/connect", "/disconnect", "/providers/voucher", "/move", "/messages/x/dismiss"];
    for (tls, host) in [(false, PLAIN), (false, "portal.example.net:2050"), (true, SECURE), (true, NAMED)] {
        let own_scheme = if tls { "https" } else { "http" };
        let other_scheme = if tls { "http" } else { "https" };
        let (changed, bare) = (
            format!("{other_scheme}://{host}"),
            format!("{own_scheme}://{}", host.split(':').next().unwrap()),
        );
        let longer = format!("{own_scheme}://{host}.evil.test");
        for path in forms {
            for headers in [
                vec![("origin", "https://evil.test")],
                vec![("origin", "null")],
                vec![("origin", changed.as_str())],
                vec![("origin", bare.as_str())],
                vec![("origin", longer.as_str())],
                vec![("referer", "https://evil.test/page")],
                vec![("sec-fetch-site", "cross-site")],
                vec![("sec-fetch-site", "same-site"), ("origin", "https://evil.test")],
            ] {
                let headers: Vec<_> = [("host", host)].into_iter().chain(headers).collect();
                assert_eq!(
                    place.post(tls, path, &headers).await,
                    StatusCode::FORBIDDEN,
                    "{path} {headers:?}"
                );
            }
        }
        assert!(!place.is_online(1), "{host}");
        // A page of our own, as browsers send it.
        let own = format!("{own_scheme}://{host}");
        let headers = [("host", host), ("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
        assert_eq!(place.post(tls, "/connect", &headers).await, StatusCode::SEE_OTHER, "{host}");
        assert!(place.is_online(1), "{host}");
        let headers = [("host", host), ("referer", &format!("{own}/?code=x"))];
        assert_eq!(place.post(tls, "/disconnect", &headers).await, StatusCode::SEE_OTHER, "{host}");
        assert!(!place.is_online(1), "{host}");
    }
}

#[tokio::test]
async fn a_name_that_somebody_pointed_here_leads_to_the_portal_and_no_further() {
    let place = Place::new().await;
    place.sell().await;
    for (tls, url) in [(false, "http://10.0.0.254:2050/"), (true, "https://portal.example.net:2443/")] {
        let port = if tls { 2443 } else { 2050 };
        for host in [
            format!("evil.test:{port}"),
            "evil.test".to_owned(),
            format!("10.0.0.1:{port}"),
            format!("portal.example.net.evil.test:{port}"),
            format!("portal.example.net@evil.test:{port}"),
        ] {
            // To that page it is its own origin.
            let origin = format!("{}://{host}", if tls { "https" } else { "http" });
            for (method, path) in [
                ("POST", "/connect"),
                ("POST", "/providers/voucher"),
                ("GET", "/events"),
                ("GET", "/capport"),
                ("GET", "/"),
            ] {
                let headers =
                    [("host", host.as_str()), ("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
                let response = place.ask(Ask { phone: 1, tls, method, path, headers: &headers }).await;
                assert_eq!(response.status(), StatusCode::FOUND, "{host} {path}");
                assert_eq!(response.headers()[header::LOCATION], url);
                assert!(!text(response).await.contains("evil"));
            }
            assert!(!place.is_online(1), "{host}");
        }
    }
}

#[tokio::test]
async fn the_api_is_the_same_over_tls_and_tells_the_name() {
    let place = Place::new().await;
    place.sell().await;
    for (tls, host) in [(false, PLAIN), (true, SECURE), (true, NAMED)] {
        let headers = [("host", host), ("accept", "application/captive+json")];
        let response =
            place.ask(Ask { phone: 1, tls, method: "GET", path: "/capport", headers: &headers }).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/captive+json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private");
        assert!(response.headers().get("strict-transport-security").is_none(), "the plain portal stays");
        let answer: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(
            answer,
            serde_json::json!({
                "captive": true,
                "user-portal-url": "https://portal.example.net:2443/",
                "venue-info-url": "https://cafe.example/",
                "can-extend-session": true,
            }),
            "{host}"
        );
        let head =
            place.ask(Ask { phone: 1, tls, method: "HEAD", path: "/capport", headers: &headers }).await;
        assert_eq!((head.status(), text(head).await.len()), (StatusCode::OK, 0));
    }
    // What a browser keeps is for the way that it came.
    for (tls, host) in [(false, PLAIN), (true, NAMED)] {
        let headers = [("host", host)];
        let page = place.ask(Ask { phone: 1, tls, method: "GET", path: "/", headers: &headers }).await;
        let kept = page.headers()[header::SET_COOKIE].to_str().unwrap();
        assert_eq!(kept.contains("; Secure"), tls, "{kept}");
    }
    // A stranger is captive, and nothing is sold to it.
    let headers = [("host", PLAIN)];
    let response =
        place.ask(Ask { phone: 99, tls: false, method: "GET", path: "/capport", headers: &headers }).await;
    let answer: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!((&answer["captive"], &answer["can-extend-session"]), (&true.into(), &false.into()));
}

#[tokio::test]
async fn a_phone_sees_its_own_page_whatever_it_claims() {
    let place = Place::new().await;
    place.sell().await;
    let claims = [
        ("host", PLAIN),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("client-ip", "10.0.0.1"),
        ("via", "10.0.0.1"),
    ];
    let page = |phone| place.ask(Ask { phone, tls: false, method: "GET", path: "/", headers: &claims });
    assert!(text(page(1).await).await.contains("action=\"/connect\""), "its access is ready");
    assert!(!text(page(2).await).await.contains("action=\"/connect\""), "another's is not this one's");
    let post = Ask { phone: 2, tls: false, method: "POST", path: "/connect", headers: &claims };
    assert_eq!(place.ask(post).await.status(), StatusCode::CONFLICT, "it has nothing");
    assert!(!place.is_online(1) && !place.is_online(2));
}

#[tokio::test]
async fn live_numbers_are_for_pages_of_ours_and_end_with_the_address() {
    let place = Place::new().await;
    place.sell().await;
    let own = [("host", PLAIN), ("referer", "http://10.0.0.254:2050/"), ("sec-fetch-site", "same-origin")];
    for headers in [
        vec![("host", PLAIN), ("origin", "https://evil.test")],
        vec![("host", PLAIN), ("sec-fetch-site", "cross-site")],
        vec![("host", PLAIN), ("referer", "https://evil.test/")],
    ] {
        let ask = Ask { phone: 1, tls: false, method: "GET", path: "/events", headers: &headers };
        assert_eq!(place.ask(ask).await.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(place.post(false, "/connect", &own).await, StatusCode::SEE_OTHER);
    let ask = Ask { phone: 1, tls: false, method: "GET", path: "/events", headers: &own };
    let mut body = place.ask(ask).await.into_body();
    let mut got = String::new();
    while !got.contains("time_left") {
        got.push_str(std::str::from_utf8(body.frame().await.unwrap().unwrap().data_ref().unwrap()).unwrap());
    }
    // Another phone is given the address.
    let address = IpAddr::from([10, 0, 0, 1]);
    place.app.lan.join(mac(2), address);
    place.app.handle.seen(mac(2), ZoneName::new("guests"), Some(address), None, true).await.unwrap();
    let ended =
        tokio::time::timeout(Duration::from_secs(10), async { while body.frame().await.is_some() {} });
    ended.await.expect("the stream goes on to whoever has the address now");
}
