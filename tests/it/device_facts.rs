//! What is known of a device beyond its addresses: what it is, its language, how it is attached.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use tower::{Layer, ServiceExt};
use turnpike::domain::{ClientDevice, ClientType, Select, Text, Transport, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState};
use turnpike::runtime::{DeviceRef, Sighting};

use crate::support::{TestApp, mac, minutes};

const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
const LINUX: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0";

/// Device 1 opens the portal's page; what is then known of it.
async fn visit(app: &TestApp, user_agent: &[u8], language: &[u8]) -> ClientDevice {
    let (peer, local): (SocketAddr, SocketAddr) =
        ("10.0.0.1:40000".parse().unwrap(), "10.0.0.254:2050".parse().unwrap());
    let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"));
    let mut request = Request::get("/").header(header::HOST, "10.0.0.254:2050").body(Body::empty()).unwrap();
    for (name, value) in [(header::USER_AGENT, user_agent), (header::ACCEPT_LANGUAGE, language)] {
        if !value.is_empty() {
            request.headers_mut().insert(name, HeaderValue::from_bytes(value).unwrap());
        }
    }
    let routes = Extension(Endpoints::new(peer, local)).layer(portal::router(state));
    assert_eq!(routes.oneshot(request).await.unwrap().status(), 200);
    app.handle.find_device(DeviceRef::Mac(mac(1))).await.unwrap()
}

fn known(device: &ClientDevice) -> (Option<ClientType>, Option<&str>) {
    (device.client_type, device.language.as_ref().map(Text::as_str))
}

#[tokio::test]
async fn a_page_view_tells_type_and_language_and_both_last() {
    let app = TestApp::start().await;
    app.device(1).await;
    let device = visit(&app, IPHONE.as_bytes(), b"pt-br,pt;q=0.9,en;q=0.8").await;
    assert_eq!(known(&device), (Some(ClientType::Ios), Some("pt-BR")));
    // What says nothing, or is no text at all, changes nothing.
    for (user_agent, language) in [(&b""[..], &b""[..]), (b"curl/8.5.0", b"*"), (b"\xff\xfe", b"\xff\xfe")] {
        let device = visit(&app, user_agent, language).await;
        assert_eq!(known(&device), (Some(ClientType::Ios), Some("pt-BR")));
    }
    let app = app.restart().await;
    let device = app.device(1).await;
    assert_eq!(known(&device), (Some(ClientType::Ios), Some("pt-BR")), "stored");
    let long = format!("{LINUX}{}", "x".repeat(6_000));
    let device = visit(&app, long.as_bytes(), b"de").await;
    assert_eq!(known(&device), (Some(ClientType::Linux), Some("de")));
}

#[tokio::test]
async fn a_host_name_tells_the_type_until_a_browser_does() {
    let app = TestApp::start().await;
    let hostname = Some(Text::new("android-5f3a9c0d"));
    let address = Some(IpAddr::from([10, 0, 0, 1]));
    let device = app.handle.seen(mac(1), ZoneName::new("guests"), address, hostname, true).await.unwrap();
    assert_eq!(known(&device), (Some(ClientType::Android), None));
    app.device(1).await;
    assert_eq!(known(&visit(&app, LINUX.as_bytes(), b"").await), (Some(ClientType::Linux), None));
    let hostname = Some(Text::new("iPhone"));
    let device = app.handle.seen(mac(1), ZoneName::new("guests"), address, hostname, true).await.unwrap();
    assert_eq!(known(&device), (Some(ClientType::Linux), None), "the browser is believed");
}

#[tokio::test]
async fn how_a_device_is_attached_is_kept_until_it_is_seen_elsewhere() {
    let app = TestApp::start().await;
    let sighting = |attached: Option<(&str, Transport)>| Sighting {
        mac: mac(1),
        zone: ZoneName::new("guests"),
        address: Some([10, 0, 0, 1].into()),
        hostname: None,
        attached: attached.map(|(device, transport)| (Text::new(device), transport)),
        alive: true,
    };
    let attached = |device: &ClientDevice| (device.interface.clone(), device.transport);
    let device = app.handle.sighted(sighting(None)).await.unwrap();
    assert_eq!(attached(&device), (None, Transport::Other));
    let device = app.handle.sighted(sighting(Some(("br-lan", Transport::Wifi)))).await.unwrap();
    assert_eq!(attached(&device), (Some(Text::new("br-lan")), Transport::Wifi));
    let device = app.handle.sighted(sighting(None)).await.unwrap();
    assert_eq!(device.transport, Transport::Wifi, "not looked at is not unknown");
    let session = app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.handle.everybody(vec![sighting(Some(("br-lan2", Transport::Wired)))]).await.unwrap();
    let wanted = Select::parse("$Interface,$Transport").unwrap();
    let shown = app.handle.properties(session.id, wanted).await.unwrap();
    assert_eq!((shown["$Interface"].as_str(), shown["$Transport"].as_str()), ("br-lan2", "WIRED"));
}

#[tokio::test]
async fn a_browser_that_says_something_else_each_time_costs_few_commits() {
    let app = TestApp::start().await;
    let device = app.device(1).await.id;
    app.handle.create_session(device, minutes(10)).await.unwrap();
    let told = || async { app.store.session_event_range().await.unwrap().map_or(0, |(_, newest)| newest) };
    let before = told().await;
    for number in 0..40 {
        visit(&app, LINUX.as_bytes(), format!("x-{number}").as_bytes()).await;
    }
    let noted = told().await - before;
    assert!((1..=4).contains(&noted), "{noted} notes");
    app.pass(std::time::Duration::from_secs(60)).await;
    assert_eq!(known(&visit(&app, LINUX.as_bytes(), b"sw").await).1, Some("sw"));
}
