//! The door of the portal: who is sent where, what is refused, what every answer carries.

#![expect(clippy::unwrap_used, reason = "test helpers: a failure is a panic")]

use std::net::SocketAddr;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use axum::middleware::AddExtension;
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use http_body_util::BodyExt;
use rstest::rstest;
use tower::{Layer, ServiceExt};
use turnpike::http::Endpoints;
use turnpike::portal;

const FOUR: &str = "10.0.0.1:2050";
const SIX: &str = "[fd00::1]:2050";

/// A door with a page behind it that says that it was reached.
fn door(local: &str) -> AddExtension<portal::Guarded, Endpoints> {
    let routes = Router::new().fallback(any(|| async { "inside" }));
    let local: SocketAddr = local.parse().unwrap();
    let peer: SocketAddr = "10.0.0.7:40000".parse().unwrap();
    Extension(Endpoints::new(peer, local)).layer(portal::Guarded::new(routes, "cafe".into(), None))
}

async fn ask(local: &str, method: Method, target: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    door(local).oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Every probe that the operating systems send, as recorded: host, target, user agent.
#[rstest]
#[case::apple("captive.apple.com", "/hotspot-detect.html", "CaptiveNetworkSupport-471 wispr")]
#[case::apple_old("www.apple.com", "/library/test/success.html", "CaptiveNetworkSupport/1.0 wispr")]
#[case::android(
    "connectivitycheck.gstatic.com",
    "/generate_204",
    "Mozilla/5.0 (X11; Linux x86_64) Chrome/60.0"
)]
#[case::android_www("www.google.com", "/gen_204", "Mozilla/5.0 (X11; Linux x86_64) Chrome/60.0")]
#[case::android_play("play.googleapis.com", "/generate_204", "Dalvik/2.1.0 (Linux; U; Android 14)")]
#[case::chrome("www.gstatic.com", "/generate_204", "Mozilla/5.0 Chrome/140.0")]
#[case::windows("www.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI")]
#[case::windows_redirect("www.msftconnecttest.com", "/redirect", "Mozilla/5.0 (Windows NT 10.0)")]
#[case::windows_old("www.msftncsi.com", "/ncsi.txt", "Microsoft NCSI")]
#[case::firefox("detectportal.firefox.com", "/canonical.html", "Mozilla/5.0 Firefox/140.0")]
#[case::firefox_four("detectportal.firefox.com", "/success.txt?ipv4", "Mozilla/5.0 Firefox/140.0")]
#[case::firefox_six("detectportal.firefox.com", "/success.txt?ipv6", "Mozilla/5.0 Firefox/140.0")]
#[case::gnome("nmcheck.gnome.org", "/check_network_status.txt", "NetworkManager/1.42")]
#[case::ubuntu("connectivity-check.ubuntu.com", "/", "NetworkManager/1.46")]
#[case::debian("network-test.debian.org", "/nm", "NetworkManager/1.42")]
#[case::kindle("spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", "Mozilla/5.0 (Linux; Kindle)")]
#[case::fire("fireoscaptiveportal.com", "/generate_204", "Dalvik/2.1.0 (Linux; Fire OS 8)")]
#[case::xiaomi("connect.rom.miui.com", "/generate_204", "Dalvik/2.1.0 (Linux; MIUI)")]
#[case::huawei("connectivitycheck.platform.hicloud.com", "/generate_204", "Dalvik/2.1.0 (Linux; EMUI)")]
#[tokio::test]
async fn every_probe_is_sent_to_the_portal(#[case] host: &str, #[case] target: &str, #[case] agent: &str) {
    for (local, url) in [(FOUR, "http://10.0.0.1:2050/"), (SIX, "http://[fd00::1]:2050/")] {
        for method in [Method::GET, Method::HEAD] {
            let headers = [("host", host), ("user-agent", agent), ("connection", "keep-alive")];
            let response = ask(local, method.clone(), target, &headers).await;
            assert_eq!(response.status(), StatusCode::FOUND);
            assert_eq!(header_of(&response, "location"), url);
            assert_eq!(header_of(&response, "cache-control"), "no-store");
            assert_eq!(header_of(&response, "connection"), "close");
            // Whoever puts it on the wire says how long it is, and leaves it out for HEAD.
            let length = response.body().size_hint().exact();
            assert!(length.is_some_and(|bytes| bytes > 4), "a short body is taken for the open Internet");
            let body = text(response).await;
            assert!(!body.contains(host));
            for word in ["Success", "Microsoft", "NetworkManager is online", "success\n"] {
                assert!(!body.contains(word), "{word} means online to a probe");
            }
        }
    }
}

#[tokio::test]
async fn what_was_asked_for_is_never_repeated() {
    let target =
        "/%0d%0aSet-Cookie:x=1/<script>?next=http://evil.test/".replace('<', "%3C").replace('>', "%3E");
    let headers = [("host", "evil.test"), ("referer", "http://evil.test/"), ("cookie", "marker-42")];
    let response = ask(FOUR, Method::GET, &target, &headers).await;
    assert_eq!(header_of(&response, "location"), "http://10.0.0.1:2050/");
    let mut all = format!("{:?}", response.headers());
    all.push_str(&text(response).await);
    for word in ["evil", "script>?", "Set-Cookie", "marker-42", "next="] {
        assert!(!all.contains(word), "{word} in {all}");
    }
}

#[tokio::test]
async fn odd_requests_for_other_hosts_are_sent_to_the_portal_too() {
    type Sent<'a> = (Method, &'a str, &'a [(&'a str, &'a str)]);
    let cases: [Sent<'_>; 8] = [
        (Method::POST, "/ocsp", &[("host", "ocsp.example.com")]),
        (Method::PUT, "/x", &[("host", "example.com")]),
        (Method::OPTIONS, "*", &[("host", "example.com")]),
        (Method::from_bytes(b"BREW").unwrap(), "/pot", &[("host", "example.com")]),
        (Method::GET, "http://example.com/absolute", &[("host", FOUR)]),
        (Method::CONNECT, "example.com:443", &[]),
        (Method::GET, "/no-host", &[]),
        (Method::GET, "/", &[("host", FOUR), ("host", "example.com")]),
    ];
    for (method, target, headers) in cases {
        let response = ask(FOUR, method.clone(), target, headers).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{method} {target}");
        assert_eq!(header_of(&response, "location"), "http://10.0.0.1:2050/");
    }
    let long = format!("/{}", "a".repeat(60_000));
    let response = ask(FOUR, Method::GET, &long, &[("host", "example.com")]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    assert!(text(response).await.len() < 500);
}

#[tokio::test]
async fn the_portals_own_address_is_let_in_and_every_answer_is_sealed() {
    for (local, target) in [(FOUR, "/"), (SIX, "/any"), (FOUR, "http://10.0.0.1:2050/absolute")] {
        let response = ask(local, Method::GET, target, &[("host", local)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("connection"), "it stays for what the page needs");
        assert_eq!(header_of(&response, "cache-control"), "no-store");
        assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header_of(&response, "referrer-policy"), "same-origin");
        let policy = header_of(&response, "content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!policy.contains("http"), "nothing from elsewhere");
        assert_eq!(text(response).await, "inside");
    }
}

#[rstest]
#[case::from_our_page(&[("origin", "http://10.0.0.1:2050")], true)]
#[case::old_mini_browser(&[], true)]
#[case::referer_only(&[("referer", "http://10.0.0.1:2050/")], true)]
#[case::null_with_our_referer(&[("origin", "null"), ("referer", "http://10.0.0.1:2050/")], true)]
#[case::null(&[("origin", "null")], false)]
#[case::another_site(&[("origin", "http://evil.test")], false)]
#[case::another_port(&[("origin", "http://10.0.0.1")], false)]
#[case::another_referer(&[("referer", "http://evil.test/10.0.0.1:2050/")], false)]
#[tokio::test]
async fn a_post_must_come_from_our_own_page(#[case] extra: &[(&str, &str)], #[case] allowed: bool) {
    for target in ["/connect", "/disconnect", "/providers/voucher"] {
        let mut headers = vec![("host", FOUR)];
        headers.extend_from_slice(extra);
        let response = ask(FOUR, Method::POST, target, &headers).await;
        let expected = if allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(response.status(), expected, "{target}");
        assert_eq!(text(response).await == "inside", allowed);
    }
}

#[tokio::test]
async fn a_rebound_name_reaches_no_form() {
    let headers = [("host", "rebound.evil.test:2050"), ("origin", "http://rebound.evil.test:2050")];
    let response = ask(FOUR, Method::POST, "/connect", &headers).await;
    assert_eq!(response.status(), StatusCode::FOUND, "redirected, not carried out");
}

#[tokio::test]
async fn a_stream_is_not_closed_by_the_door() {
    let routes = Router::new()
        .fallback(any(|| async { ([(header::CONTENT_TYPE, "text/event-stream")], "data: 1\n\n") }));
    let endpoints = Endpoints::new("10.0.0.7:1".parse().unwrap(), FOUR.parse().unwrap());
    let app = Extension(endpoints).layer(portal::Guarded::new(routes, "cafe".into(), None));
    let request = Request::builder().uri("/events").header("host", FOUR).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(header_of(&response, "connection"), "");
}

#[tokio::test]
async fn without_the_connections_addresses_nothing_is_served() {
    let app = portal::Guarded::new(Router::new().fallback(any(|| async { "inside" })), "cafe".into(), None);
    let request = Request::builder().uri("/").header("host", FOUR).body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
}
