//! Opening hours as guests, operators and whoever writes the configuration meet them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower::{Layer, ServiceExt};
use turnpike::config::Config;
use turnpike::domain::{
    NewBatch, OpeningHours, OpeningLine, Refusal, SessionState, Text, When, ZoneName, ZonePolicy,
};
use turnpike::http::{Endpoints, Problem};
use turnpike::portal::{self, EndNotice, PortalState};
use turnpike::providers::voucher::VoucherProvider;

use crate::portal_guest::text;
use crate::support::{TestApp, minutes, zone};

const HOST: &str = "10.0.0.254:2050";
const MINUTE: Duration = Duration::from_secs(60);

/// The tests begin on a Monday at midnight: it closes ten minutes later, and opens on Saturday.
fn week() -> ZonePolicy {
    let lines = ["mon 00:00-00:10", "sat 09:00-24:00"].map(|line| OpeningLine::parse(line).unwrap());
    ZonePolicy { open: OpeningHours::new(lines.into()), ..zone() }
}

struct Guest {
    app: TestApp,
    state: PortalState,
}

impl Guest {
    async fn new(zone: ZonePolicy) -> Self {
        let app = TestApp::start_with(vec![zone], vec![Arc::new(VoucherProvider::default())]).await;
        app.device(1).await;
        let notice = EndNotice { time_ms: Some(300_000), data_bytes: None };
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"))
            .with_end_notice(notice);
        Self { app, state }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        let local: SocketAddr = HOST.parse().unwrap();
        let endpoints = Endpoints::new(SocketAddr::new(IpAddr::from([10, 0, 0, 1]), 40_000), local);
        Extension(endpoints).layer(portal::router(self.state.clone())).oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, accept: &str) -> String {
        let request = Request::get(path).header("host", HOST).header("accept", accept);
        let response = self.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        text(response).await
    }

    async fn page(&self) -> String {
        self.get("/", "text/html").await
    }

    async fn post(&self, path: &str, form: &str) -> Response {
        let request = Request::post(path)
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn voucher(&self) -> String {
        let batch = NewBatch::new(None, minutes(60), None, None, 1).unwrap();
        let codes = self.app.vault.new_codes(1).unwrap();
        let sealed: Vec<_> = codes.iter().map(|(_, sealed)| sealed.clone()).collect();
        self.app.store.create_batch(&batch, &sealed, self.app.clock.now().wall).await.unwrap();
        codes[0].0.to_string()
    }
}

#[tokio::test]
async fn a_guest_reads_when_it_closes_and_when_it_is_open_again() {
    let guest = Guest::new(week()).await;
    let unused = guest.voucher().await;
    for _ in 0..2 {
        let code = guest.voucher().await;
        let redeemed = guest.post("/providers/voucher", &format!("code={code}")).await;
        assert_eq!(redeemed.status(), StatusCode::SEE_OTHER);
    }
    assert!(guest.page().await.contains("Use this now"));
    guest.app.pass(4 * MINUTE).await;
    let page = guest.page().await;
    assert!(page.contains("You are online") && !page.contains("We close"), "{page}");
    guest.app.pass(2 * MINUTE).await;
    assert!(guest.page().await.contains("We close at 00:10. What you have left is kept."));
    let capport = guest.get("/capport", "application/captive+json").await;
    let capport: serde_json::Value = serde_json::from_str(&capport).unwrap();
    assert_eq!((&capport["captive"], &capport["seconds-remaining"]), (&false.into(), &240.into()));

    guest.app.pass(4 * MINUTE).await;
    let page = guest.page().await;
    assert!(
        page.contains("<h1>Closed now</h1>") && page.contains("Open again on Saturday at 09:00."),
        "{page}"
    );
    assert!(page.contains("0:50:00"), "what is left is shown: {page}");
    assert!(!page.contains("/connect") && !page.contains("/providers/"), "{page}");
    assert!(page.contains("<bdi>Voucher</bdi>"), "the other is named as ever: {page}");
    let capport = guest.get("/capport", "application/captive+json").await;
    assert!(capport.contains("\"captive\":true"), "{capport}");
    for (path, form) in [("/connect", ""), ("/providers/voucher", &*format!("code={unused}"))] {
        let refused = guest.post(path, form).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{path}");
        let until_saturday = (5 * 24 + 9) * 3_600 - 600;
        assert_eq!(refused.headers()[header::RETRY_AFTER], until_saturday.to_string(), "{path}");
        let page = text(refused).await;
        assert!(
            page.contains("role=\"alert\">We are closed now. Open again on Saturday at 09:00."),
            "{page}"
        );
        assert_eq!(page.matches("Open again").count(), 1, "said once: {page}");
    }
    let listed =
        guest.app.store.find_voucher(&guest.app.vault.lookup(&unused).unwrap()).await.unwrap().unwrap();
    assert_eq!((listed.uses, listed.redeemed), (0, None), "not taken from somebody who cannot use it");

    for (language, heading, said) in [
        ("ar", "مغلق الآن", "السبت"),
        ("en", "Closed now", "Open again on Saturday at 09:00."),
        ("es", "Cerrado ahora", "Abre de nuevo el sábado a las 09:00."),
        ("fil", "Sarado ngayon", "Bukas ulit sa Sabado nang 09:00."),
        ("fr", "Fermé en ce moment", "Ouvert à nouveau samedi à 09:00."),
        ("id", "Sedang tutup", "Buka lagi pada hari Sabtu pukul 09:00."),
        ("pt", "Fechado agora", "Abre de novo sábado às 09:00."),
    ] {
        let page = guest.get(&format!("/?lang={language}"), "text/html").await;
        assert!(page.contains(&format!("<h1>{heading}</h1>")) && page.contains(said), "{language}: {page}");
    }

    let until_saturday = Duration::from_secs((5 * 24 + 9) * 3_600 - 600);
    guest.app.pass(until_saturday).await;
    let page = guest.get("/?lang=en", "text/html").await;
    assert!(page.contains("Your access is paused") && page.contains("action=\"/connect\""), "{page}");
    assert_eq!(guest.post("/connect", "").await.status(), StatusCode::SEE_OTHER);
    assert!(guest.page().await.contains("You are online"));
}

#[tokio::test]
async fn the_api_refuses_with_a_type_of_its_own_and_nothing_is_lost() {
    let guest = Guest::new(ZonePolicy { auto_connect: true, ..week() }).await;
    let app = &guest.app;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, minutes(60)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    app.pass(10 * MINUTE).await;
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    let paused = app.handle.session(session.id).await.unwrap();
    assert_eq!((paused.state.as_str(), paused.state.reason().0), ("paused", Some("opening_hours")));
    assert_eq!(paused.usage.time_ms, 600_000);
    let opens = When::Weekday { day: 5, at: (9, 0) };
    let refusal = app.handle.connect(device.id, None).await.unwrap_err();
    assert_eq!(refusal, Refusal::Closed { opens, retry_secs: (5 * 24 + 9) * 3_600 - 600 });
    assert_eq!(app.handle.connect_on(device.id, session.id).await.unwrap_err(), refusal);
    let problem = Problem::from(refusal).into_response();
    assert_eq!(
        (problem.status(), problem.headers().contains_key("retry-after")),
        (StatusCode::CONFLICT, true)
    );
    let body = text(problem).await;
    assert!(body.contains("/problems/zone-closed") && body.contains("on Saturday at 09:00"), "{body}");
    let openings = app.handle.openings().await.unwrap();
    assert!(!openings[0].1.is_open && openings[0].1.changes_at.is_some());
    // What an operator gives meanwhile waits, too.
    let more = app.handle.create_session(device.id, minutes(5)).await.unwrap();
    assert_eq!(app.handle.session(more.id).await.unwrap().state, SessionState::Available);
    app.pass(Duration::from_secs((5 * 24 + 9) * 3_600 - 600)).await;
    assert!(app.handle.is_connected(device.id).await.unwrap(), "let in by itself");
    assert_eq!(app.handle.session(session.id).await.unwrap().usage.time_ms, 600_000);
}

#[test]
fn a_mistake_names_its_line_and_what_is_wrong() {
    let parse = |open: &str| {
        let text = format!("[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\nopen = {open}\n");
        Config::parse(&text, Path::new("turnpike.toml"))
    };
    for (open, line, said) in [
        ("\"mon 07:00-22:00\"", 4, "a list"),
        ("[7]", 4, "a string"),
        (
            "[\"mon 07:00-22:00\",\n\"funday 07:00-22:00\"]",
            5,
            "days are mon, tue, wed, thu, fri, sat, sun, not \"funday\"",
        ),
        ("[\"mon 07:00-25:00\"]", 4, "\"mon 07:00-25:00\": times are 00:00 to 24:00, not \"25:00\""),
        ("[\"mon 7-22\"]", 4, "times are 00:00 to 24:00"),
    ] {
        let error = parse(open).unwrap_err();
        let [mistake] = error.mistakes.as_slice() else { panic!("{error}") };
        assert_eq!((mistake.line, mistake.key.as_str()), (Some(line), "zone.open"), "{error}");
        assert!(mistake.message.contains(said), "{error}");
    }
    let many = vec!["\"mon 07:00-22:00\""; 51].join(", ");
    assert!(parse(&format!("[{many}]")).unwrap_err().to_string().contains("at most 50 lines, not 51"));
    let config = parse("[\"Mon-Fri 7:00-22:00\", \"sat,sun 09:00-02:00\"]").unwrap();
    assert_eq!(config.zones[0].open.lines(), ["mon-fri 7:00-22:00", "sat,sun 09:00-02:00"]);
    assert!(config.warnings.is_empty() && parse("[]").unwrap().zones[0].open.is_always());
    let always = parse("[\"mon-sun 00:00-24:00\"]").unwrap();
    assert!(always.zones[0].open.is_always() && always.warnings.len() == 1);
}
