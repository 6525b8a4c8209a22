//! Forms of any provider on the portal: what is shown, what is taken, what hostile values meet.

#![expect(clippy::unwrap_used, reason = "test helpers: a failure is a panic")]

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use turnpike::domain::{
    BoxFuture, ClientDevice, DeviceId, FieldKind, FormField, FormValues, ProviderError, ProviderFace,
    ProviderName, SessionProvider, SessionSource, SourceData, Submitted, Text, Waiting, ZoneName,
};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState};
use turnpike::providers::voucher::VoucherProvider;

use crate::support::{TestApp, mac, minutes, zone};

const HOST: &str = "10.0.0.254:2050";

/// A provider that asks for a name and does what the name says.
struct Desk {
    name: ProviderName,
    seen: Mutex<Vec<FormValues>>,
    /// How often it was asked for a session; it answers while that is let.
    asked: AtomicUsize,
    hangs: AtomicBool,
}

impl Desk {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: ProviderName::new(name),
            seen: Mutex::default(),
            asked: AtomicUsize::default(),
            hangs: AtomicBool::default(),
        })
    }
}

impl SessionProvider for Desk {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        _device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async {
            if self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            Ok(None)
        })
    }

    fn face(&self) -> Option<Arc<ProviderFace>> {
        let field = |name: &str, kind, required| FormField {
            name: name.to_owned(),
            label: Text::new(&format!("Your {name}")),
            kind,
            required,
            max_chars: 40,
        };
        let rooms =
            vec![("attic".to_owned(), Text::new("Attic")), ("cellar".to_owned(), Text::new("Cellar"))];
        Some(Arc::new(ProviderFace {
            title: Text::new("Front <desk>"),
            icon: Text::new("★"),
            text: Text::new("Tell us who you are."),
            fields: vec![
                field("name", FieldKind::Text, true),
                field("secret", FieldKind::Password, false),
                field("mail", FieldKind::Email, false),
                field("phone", FieldKind::Telephone, false),
                field("terms", FieldKind::Checkbox, false),
                field("room", FieldKind::Choice(rooms), false),
            ],
            button: Text::new("Check in"),
        }))
    }

    fn submit<'a>(
        &'a self,
        _device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        self.seen.lock().unwrap().push(values.clone());
        let name = values.get("name").or_else(|| values.get("action")).cloned().unwrap_or_default();
        Box::pin(async move {
            Ok(match name.as_str() {
                "ana" => Submitted::Grant(Box::new(SourceData::new(minutes(30)))),
                "say" => Submitted::Done(Some(Text::new("Look at <your> phone"))),
                "quiet" | "done" | "cancel" => Submitted::Done(None),
                "broken" => return Err(ProviderError("the desk is on fire at /dev/sda1".to_owned())),
                "nobody" => Submitted::Refused { field: None, text: Text::new("The desk is closed.") },
                _ => Submitted::Refused {
                    field: Some("name".to_owned()),
                    text: Text::new("No <guest> of ours."),
                },
            })
        })
    }
}

struct Guest {
    app: TestApp,
    desk: Arc<Desk>,
    state: PortalState,
    device: DeviceId,
}

impl Guest {
    async fn new() -> Self {
        let desk = Desk::new("desk");
        let providers: Vec<Arc<dyn SessionProvider>> =
            vec![Arc::new(VoucherProvider::default()), Arc::clone(&desk) as Arc<dyn SessionProvider>];
        let app = TestApp::start_with(vec![zone()], providers).await;
        let device = app.device(1).await.id;
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"));
        Self { app, desk, state, device }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.answer(request).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let local: SocketAddr = HOST.parse().unwrap();
        let endpoints = Endpoints::new(SocketAddr::new(IpAddr::from([10, 0, 0, 1]), 40_000), local);
        Extension(endpoints).layer(portal::router(self.state.clone())).oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        self.send(Request::builder().uri(path).header("host", HOST).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, form: impl Into<Body>) -> (StatusCode, String) {
        self.send(posted(path, "application/x-www-form-urlencoded", form)).await
    }

    fn seen(&self) -> usize {
        self.desk.seen.lock().unwrap().len()
    }
}

fn posted(path: &str, kind: &str, form: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method("POST")
        .uri(path)
        .header("host", HOST)
        .header("origin", format!("http://{HOST}"))
        .header("content-type", kind)
        .body(form.into())
        .unwrap()
}

fn waiting(text: &str, until: Option<turnpike::domain::BootTime>) -> Waiting {
    let button = |text| Some(Text::new(text));
    Waiting { text: Text::new(text), until, done: button("Done"), cancel: button("Cancel") }
}

#[tokio::test]
async fn a_providers_form_appears_by_itself_and_takes_a_guest_online() {
    let guest = Guest::new().await;
    let (status, page) = guest.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("Front &#60;desk&#62;") && page.contains("★") && page.contains("Tell us who you are.")
    );
    assert!(page.contains("action=\"/providers/desk\"") && page.contains("action=\"/providers/voucher\""));
    let form = "name=+ana+&secret=+x+&mail=&phone=&room=attic&terms=on";
    assert_eq!(guest.post("/providers/desk", form).await.0, StatusCode::SEE_OTHER);
    let taken = guest.desk.seen.lock().unwrap().remove(0);
    let taken: Vec<(&str, &str)> =
        taken.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(taken, [("name", "ana"), ("room", "attic"), ("secret", " x "), ("terms", "on")]);
    assert!(guest.app.kernel.packet(mac(1), 1000, true), "let through");
    assert!(guest.get("/").await.1.contains(">0:30:00<"));
    guest.app.handle.registry().unregister(&ProviderName::new("desk"));
    assert!(!guest.get("/").await.1.contains("/providers/desk"), "gone by itself");
    assert_eq!(guest.post("/providers/desk", form).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refusals_stand_beside_their_field_with_what_was_typed() {
    let guest = Guest::new().await;
    let (status, page) = guest.post("/providers/desk", "name=%22%3Eeve&secret=hunter2&mail=e%40x.org").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("role=\"alert\">No &#60;guest&#62; of ours."), "{page}");
    assert!(page.contains("value=\"&#34;&#62;eve\"") && page.contains("value=\"e@x.org\""));
    assert!(!page.contains("hunter2") && page.contains("aria-invalid=\"true\" aria-describedby="));
    let (status, page) = guest.post("/providers/desk", "name=nobody").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("The desk is closed."));
    assert!(!page.contains("aria-invalid"), "no field is to blame");
    let (status, page) = guest.post("/providers/desk", "name=broken").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.contains("try again") && !page.contains("sda1"));
    let (status, page) = guest.post("/providers/desk", "name=say").await;
    assert!(
        status == StatusCode::OK && page.contains("role=\"status\">Look at &#60;your&#62; phone"),
        "{page}"
    );
    assert_eq!(guest.post("/providers/desk", "name=quiet").await.0, StatusCode::SEE_OTHER);
    assert!(!guest.app.kernel.packet(mac(1), 1000, true), "none of it let anybody through");
}

#[tokio::test]
async fn hostile_forms_are_refused_at_the_door_and_reach_no_provider() {
    let guest = Guest::new().await;
    let long = format!("name={}", "a".repeat(41));
    let longer = format!("name={}", "a".repeat(501));
    let huge = format!("name={}", "a".repeat(70_000));
    // Nine bytes for each letter: not too large, however long it is.
    let wide = format!("name={}", "%E6%B0%B4".repeat(6_000));
    let many = (0..20).map(|number| format!("f{number}=x")).collect::<Vec<_>>().join("&");
    for (form, word) in [
        ("", "Please fill in: Your name"),
        ("name=", "Please fill in: Your name"),
        ("name=++%0a", "Please fill in: Your name"),
        ("name=a%00b", "characters"),
        ("name=a%0d%0aSet-Cookie:x", "characters"),
        ("name=%ff%fe", "characters"),
        ("name=a&name=b", "twice"),
        (long.as_str(), "too long"),
        (longer.as_str(), "too long"),
        (wide.as_str(), "too long"),
        ("name=a&admin=1", "not known here"),
        ("name=a&name%5B%5D=1", "not known here"),
        (many.as_str(), "too many fields"),
        ("name=a&mail=nobody", "cannot be right"),
        ("name=a&phone=call", "cannot be right"),
        ("name=a&terms=maybe", "cannot be right"),
        ("name=a&room=%3Cscript%3E", "cannot be right"),
        ("name=a&action=done", "could not be read"),
        ("action=explode", "could not be read"),
        ("action=done&action=done", "not known here"),
    ] {
        let (status, page) = guest.post("/providers/desk", form.to_owned()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form:.30}");
        assert!(page.contains(word) && page.contains("name=\"name\""), "{form:.30}: {page}");
        assert!(!page.contains("<script>") && page.len() < 8_000);
    }
    assert_eq!(guest.post("/providers/desk", huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let raw: Vec<u8> = [b"name=".as_slice(), &[0xff; 20]].concat();
    assert_eq!(guest.post("/providers/desk", raw).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
        let (status, page) = guest.send(posted("/providers/desk", kind, "{\"name\":\"ana\"}")).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        assert!(page.contains("could not be read"));
    }
    for path in ["/providers/nothing", "/providers/%ff", "/providers/desk%2F..", "/providers/DESK"] {
        assert_eq!(guest.post(path, "name=ana").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(guest.seen(), 0);
    // Odd, but text: it is the provider's to judge, and bound as a value wherever it goes.
    let (status, page) = guest.post("/providers/desk", "name=%27%3B+DROP+TABLE+devices%3B--").await;
    assert_eq!((status, guest.seen()), (StatusCode::UNPROCESSABLE_ENTITY, 1));
    assert!(page.contains("value=\"&#39;; DROP TABLE devices;--\""), "{page}");
    assert_eq!(guest.get("/providers/desk").await.0, StatusCode::SEE_OTHER, "a reload goes to the page");
}

#[tokio::test]
async fn a_code_in_the_address_is_filled_in_and_not_redeemed() {
    let guest = Guest::new().await;
    let (status, page) = guest.get("/?code=ABCDE-23456").await;
    assert!(status == StatusCode::OK && page.contains("value=\"ABCDE-23456\" required"), "{page}");
    let page = guest.get("/?x=1&code=%22%3E%3Cscript%3E&still").await.1;
    assert!(page.contains("value=\"&#34;&#62;&#60;script&#62;\"") && !page.contains("<script>"));
    for wrong in [format!("/?code={}", "A".repeat(65)), "/?code=a%00b".to_owned(), "/?code=%ff".to_owned()] {
        let (status, page) = guest.get(&wrong).await;
        assert!(
            status == StatusCode::OK && page.contains("name=\"code\" type=\"text\" value=\"\""),
            "{wrong}"
        );
    }
    assert_eq!(guest.get("/?%zz&&==&code").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_wait_is_shown_counted_down_and_ended_by_its_buttons() {
    let guest = Guest::new().await;
    let handle = &guest.app.handle;
    let desk = ProviderName::new("desk");
    assert_eq!(guest.post("/providers/desk", "action=done").await.0, StatusCode::SEE_OTHER);
    assert_eq!(guest.seen(), 0, "nobody waits: nothing to end");
    let until = guest.app.clock.now().boot.plus_millis(90_000);
    handle.set_waiting(guest.device, &desk, Some(waiting("Insert <coins>", Some(until))));
    let page = guest.get("/").await.1;
    assert!(
        page.contains("Insert &#60;coins&#62;") && page.contains("id=\"waiting-left\">0:01:30<"),
        "{page}"
    );
    assert_eq!(guest.post("/providers/voucher", "action=done").await.0, StatusCode::SEE_OTHER);
    assert_eq!(guest.seen(), 0, "another's button");
    for action in ["done", "cancel"] {
        let form = format!("action={action}");
        assert_eq!(guest.post("/providers/desk", form).await.0, StatusCode::SEE_OTHER);
        let seen = guest.desk.seen.lock().unwrap().pop().unwrap();
        assert_eq!(seen, FormValues::from([("action".to_owned(), action.to_owned())]));
    }
    handle.set_waiting(guest.device, &desk, None);
    assert!(!guest.get("/").await.1.contains("waiting"));
}

#[tokio::test]
async fn a_wait_comes_and_goes_live() {
    let guest = Guest::new().await;
    let request = Request::builder().uri("/events").header("host", HOST).body(Body::empty()).unwrap();
    let mut stream = guest.answer(request).await.into_body();
    let mut next = async || {
        let mut got = String::new();
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(20), stream.frame()).await;
            got.push_str(std::str::from_utf8(frame.unwrap().unwrap().unwrap().data_ref().unwrap()).unwrap());
            if let Some((_, data)) = got.split_once("event: status\ndata: ") {
                return serde_json::from_str::<serde_json::Value>(data.trim()).unwrap();
            }
        }
    };
    let idle = next().await;
    assert_eq!((&idle["waiting_text"], &idle["state"]), (&serde_json::Value::Null, &"new".into()));
    let desk = ProviderName::new("desk");
    let until = guest.app.clock.now().boot.plus_millis(60_000);
    let mut prints = vec![idle["fingerprint"].clone()];
    for text in ["Insert coins", "5.00 so far"] {
        guest.app.handle.set_waiting(guest.device, &desk, Some(waiting(text, Some(until))));
        let status = loop {
            let status = next().await;
            if status["waiting_text"] == text {
                break status;
            }
        };
        assert_eq!(status["waiting_left"], "0:01:00");
        assert!(!prints.contains(&status["fingerprint"]), "the page is another one");
        prints.push(status["fingerprint"].clone());
    }
    guest.app.pass(Duration::from_secs(10)).await;
    while next().await["waiting_left"] != "0:00:50" {}
    guest.app.handle.end_waits(&desk);
    while next().await["fingerprint"] != prints[0] {}
}

#[tokio::test]
async fn a_provider_that_hangs_delays_no_page_for_long_and_no_tick_asks_it() {
    let guest = Guest::new().await;
    let registry = guest.app.handle.registry();
    let others = [Desk::new("second"), Desk::new("third")];
    for desk in [&guest.desk, &others[0], &others[1]] {
        desk.hangs.store(true, Ordering::Relaxed);
    }
    for desk in &others {
        registry.register(Arc::clone(desk) as _).unwrap();
    }
    // The deadline of a provider is a second here: all of them together take three.
    let begun = tokio::time::Instant::now();
    let pages = futures_util::future::join_all((0..4).map(|_| guest.get("/"))).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(pages.iter().all(|(status, page)| *status == StatusCode::OK && page.contains("Front &#60;desk")));
    assert_eq!(guest.desk.asked.load(Ordering::Relaxed), 1, "all of them by one question");

    // What was asked before goes on to its deadlines.
    let desk = ProviderName::new("desk");
    let failed = || registry.status().iter().filter(|status| status.failed == 1).count() == 3;
    for _ in 0..2_000 {
        if failed() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(failed(), "they are known to hang, though nobody waited for them");
    guest.desk.hangs.store(false, Ordering::Relaxed);
    assert!(others.iter().all(|other| registry.unregister(&other.name)));
    assert_eq!(guest.get("/").await.0, StatusCode::OK);
    assert_eq!(guest.desk.asked.load(Ordering::Relaxed), 2);
    let request = Request::builder().uri("/events").header("host", HOST).body(Body::empty()).unwrap();
    let mut stream = guest.answer(request).await.into_body();
    guest.app.handle.set_waiting(guest.device, &desk, Some(waiting("Insert coins", None)));
    let mut got = String::new();
    while got.matches("event: status").count() < 3 {
        let frame = tokio::time::timeout(Duration::from_secs(20), stream.frame()).await;
        got.push_str(std::str::from_utf8(frame.unwrap().unwrap().unwrap().data_ref().unwrap()).unwrap());
    }
    let captive = Request::builder().uri("/capport").header("host", HOST);
    let captive = captive.header("accept", "application/captive+json").body(Body::empty()).unwrap();
    assert!(guest.send(captive).await.1.contains("\"captive\":true"));
    assert_eq!(
        guest.desk.asked.load(Ordering::Relaxed),
        2,
        "neither ticks nor phones that only want to know"
    );
}
