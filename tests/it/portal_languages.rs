//! The guest's language: how it is found and kept, and what is said in it; what a page says before the end, and while the
//! box itself does not reach the Internet.

#![expect(clippy::unwrap_used, reason = "test helpers: a failure is a panic")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use axum::response::Response;
use tower::{Layer, ServiceExt};
use turnpike::domain::{Every, FreeGift, FreeOffer, Phrase, Repeat, Text, Utc, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, EndNotice, PortalState};
use turnpike::providers::free::FreeProvider;
use turnpike::providers::voucher::VoucherProvider;

use crate::portal_guest::{read_until, text};
use crate::support::{TestApp, minutes, zone};

const HOST: &str = "10.0.0.254:2050";
const ENGLISH: (&str, &str) = ("accept-language", "en-GB");
const SPANISH: (&str, &str) = ("accept-language", "de-DE,es-MX;q=0.9,en;q=0.8");

/// Device 1 has joined; its portal.
struct Guest {
    app: TestApp,
    state: PortalState,
}

impl Guest {
    async fn new() -> Self {
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        let store = Arc::new(app.store.clone());
        let offer = FreeOffer {
            title: Text::ours(Phrase::FreeTitle),
            text: Text::default(),
            gives: FreeGift::Terms(Box::new(minutes(30))),
            repeat: Repeat { every: Every::Day, at_hour: 4 },
            fields: Vec::new(),
        };
        let free = FreeProvider::new(offer, Arc::clone(&store) as _, store, app.clock.clone(), Arc::new(Utc));
        app.handle.registry().register(Arc::new(free)).unwrap();
        app.device(1).await;
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"))
            .with_history(Arc::new(app.store.clone()));
        Self { app, state }
    }

    async fn send(
        &self,
        from: u8,
        method: Method,
        path: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let local: SocketAddr = HOST.parse().unwrap();
        let peer = SocketAddr::new(IpAddr::from([10, 0, 0, from]), 40_000);
        let router = Extension(Endpoints::new(peer, local)).layer(portal::router(self.state.clone()));
        router.oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.send(1, Method::GET, path, "", headers).await
    }

    async fn post(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Response {
        self.send(1, Method::POST, path, form, headers).await
    }

    async fn page(&self, path: &str, headers: &[(&str, &str)]) -> String {
        text(self.get(path, headers).await).await
    }
}

fn lang(page: &str) -> &str {
    page.split("<html lang=\"").nth(1).unwrap().split('"').next().unwrap()
}

#[tokio::test]
async fn a_page_is_in_the_browsers_language_until_another_is_chosen() {
    let guest = Guest::new().await;
    assert_eq!(lang(&guest.page("/", &[]).await), "en");
    let page = guest.page("/", &[SPANISH]).await;
    assert_eq!(lang(&page), "es");
    assert!(page.contains("Te damos la bienvenida") && page.contains("Código del vale"), "{page}");
    assert_eq!(lang(&guest.page("/", &[("accept-language", "pt-BR")]).await), "pt");
    assert_eq!(lang(&guest.page("/", &[]).await), "pt", "as the device was known before");
    let chosen = guest.get("/?lang=ar", &[SPANISH]).await;
    let cookie = chosen.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("turnpike-language=ar;") && cookie.contains("SameSite=Lax"), "{cookie}");
    let page = text(chosen).await;
    assert!(page.contains("<html lang=\"ar\" dir=\"rtl\">") && page.contains("data-home=\"/?lang=ar\""));
    // A mini-browser keeps no cookie: the device is remembered all the same, and others are not touched by it.
    assert_eq!(lang(&guest.page("/", &[SPANISH]).await), "ar");
    let device = guest.app.device(1).await;
    assert_eq!(device.language, Some(Text::new("ar")), "operators see what was chosen");
    guest.app.device(2).await;
    let other = guest.send(2, Method::GET, "/", "", &[SPANISH]).await;
    assert_eq!(lang(&text(other).await), "es");
    // A cookie stands above what is remembered, and the switch above the cookie.
    let cookie = ("cookie", "x=y; turnpike-language=fr");
    assert_eq!(lang(&guest.page("/", &[cookie, SPANISH]).await), "fr");
    assert_eq!(lang(&guest.page("/?lang=id", &[cookie, SPANISH]).await), "id");
    for odd in ["/?lang=xx", "/?lang=", "/?lang=%3Cscript%3E", "/?lang=%ff"] {
        let page = guest.page(odd, &[cookie]).await;
        assert!(lang(&page) == "fr" && !page.contains("<script>"), "{odd}");
    }
}

#[tokio::test]
async fn refusals_and_pages_without_a_guest_are_in_the_language_too() {
    let guest = Guest::new().await;
    let refused = guest.post("/providers/voucher", "code=WRONG", &[SPANISH]).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    let page = text(refused).await;
    assert!(page.contains("No conocemos este código") && page.contains("<title>Error: Te damos"), "{page}");
    let page = text(guest.post("/providers/voucher", "code=", &[SPANISH]).await).await;
    assert!(page.contains("Rellena este campo: Código del vale"), "{page}");
    let page = text(guest.post("/connect", "", &[("accept-language", "fil")]).await).await;
    assert!(page.contains("Wala nang natitira"), "{page}");
    assert!(guest.page("/nowhere", &[SPANISH]).await.contains("No existe esa página"));
    let stranger = text(guest.send(99, Method::GET, "/?lang=fr", "", &[]).await).await;
    assert!(
        stranger.contains("Nous ne voyons pas votre appareil") && stranger.contains("href=\"/?lang=fr\"")
    );
    let foreign = [("origin", "http://evil.test"), SPANISH];
    let refused = guest.post("/connect", "", &foreign).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_free_today_is_said_and_then_when_there_is_more() {
    let guest = Guest::new().await;
    assert!(guest.page("/", &[ENGLISH]).await.contains("Free today: 30 min"));
    assert!(guest.page("/", &[("accept-language", "ar")]).await.contains("مجانًا اليوم: ٣٠ د"));
    assert_eq!(guest.post("/providers/free", "", &[ENGLISH]).await.status(), StatusCode::SEE_OTHER);
    let page = guest.page("/", &[ENGLISH]).await;
    assert!(page.contains("You are online") && !page.contains("Free today"), "{page}");
    guest.app.pass(Duration::from_secs(1_801)).await;
    let page = guest.page("/", &[ENGLISH]).await;
    assert!(
        page.contains("Your access has ended") && page.contains("You can go on with one of these"),
        "{page}"
    );
    assert!(
        page.contains("There is more at 04:00.") && !page.contains("action=\"/providers/free\""),
        "{page}"
    );
}

#[tokio::test]
async fn an_open_page_says_what_is_left_in_its_language_and_that_the_end_is_near() {
    let mut guest = Guest::new().await;
    guest.state = guest.state.clone().with_end_notice(EndNotice { time_ms: Some(120_000), data_bytes: None });
    let device = guest.app.device(1).await;
    guest.app.handle.create_session(device.id, minutes(10)).await.unwrap();
    guest.app.handle.connect(device.id, None).await.unwrap();
    let mut body = guest.get("/events?lang=ar", &[SPANISH]).await.into_body();
    let first = read_until(&mut body, "event: status").await + &read_until(&mut body, "\n\n").await;
    assert!(first.contains("٠:١٠:٠٠") || first.contains("٠:٠٩:٥٩"), "{first}");
    assert!(first.contains("\"soon\":null"), "{first}");
    assert_eq!(lang(&guest.page("/", &[SPANISH]).await), "es", "a stream chooses nothing");
    assert!(!guest.page("/", &[]).await.contains("Quedan menos"));
    guest.app.pass(Duration::from_secs(481)).await;
    read_until(&mut body, "بقي أقل من دقيقتين").await;
    assert!(guest.page("/", &[SPANISH]).await.contains("Quedan menos de 2 minutos."));
    guest.app.pass(Duration::from_secs(120)).await;
    read_until(&mut body, "\"state\":\"used-up\"").await;
    assert!(guest.page("/", &[SPANISH]).await.contains("Tu acceso ha terminado"));
}

#[tokio::test]
async fn while_the_box_is_offline_every_page_says_so() {
    let guest = Guest::new().await;
    let offline = "This network has no Internet connection just now.";
    assert!(!guest.page("/", &[]).await.contains(offline));
    let mut body = guest.get("/events", &[]).await.into_body();
    let first = read_until(&mut body, "\"state\":\"new\"").await;
    assert!(guest.state.uplink.set_down(true), "it is news");
    assert!(!guest.state.uplink.set_down(true), "it is none");
    let page = guest.page("/", &[]).await;
    assert!(page.contains(offline) && page.contains("action=\"/providers/free\""), "{page}");
    let print =
        |page: &str| page.split("data-fingerprint=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(!first.contains(&print(&page)), "an open page loads itself again");
    let device = guest.app.device(1).await;
    guest.app.handle.create_session(device.id, minutes(10)).await.unwrap();
    assert!(guest.page("/", &[]).await.contains("Nothing is used up meanwhile."));
    guest.app.handle.connect(device.id, None).await.unwrap();
    assert!(guest.page("/", &[]).await.contains("Pause to keep what you have."));
}
