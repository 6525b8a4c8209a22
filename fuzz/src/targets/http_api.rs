//! Any request of a program or an operator gets an answer: of the API a document that can be read, of the pages one that holds
//! nothing of the request, or of what earlier ones left in the store, as markup. Who proves nothing gets nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use axum::{Extension, Router};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use turnpike::admin::{self, AdminState};
use turnpike::api::{self, ApiState};
use turnpike::domain::{Currency, NewBatch, Permission, ProviderName, Text, Utc, VoucherCodes};
use turnpike::http::Endpoints;
use turnpike::providers::voucher::VoucherProvider;
use turnpike::store::TokenText;

use super::Target;
use super::wire::{Reply, Sent, Served, Spoiled, World, find, in_worlds};
use crate::support::{START, TestApp, minutes, plan, zone};

/// After so many a minute goes by.
const MOST_OF_A_MINUTE: u32 = 50;

const HOST: &str = "10.0.0.254:2051";
/// What answers carry, and nothing else.
const HEADERS: [&str; 20] = [
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "idempotent-replayed",
    "location",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
    "x-frame-options",
];
const COOKIES: [&str; 1] = ["turnpike_admin="];
const STATUSES: [u16; 19] =
    [200, 201, 202, 204, 303, 304, 400, 401, 403, 404, 405, 409, 410, 412, 413, 414, 415, 422, 431];
/// Whoever tries too often waits.
const TOO_MANY: u16 = 429;

/// What the API and the pages keep, with one of everything in it.
pub struct Office {
    pub app: TestApp,
    pub faces: Router,
    pub values: Vec<(&'static str, String)>,
}

impl Office {
    pub async fn start() -> Self {
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        let codes = || Arc::clone(&app.vault) as Arc<dyn VoucherCodes>;
        let (handle, store) = (app.handle.clone(), app.store.clone());
        let providers = [ProviderName::new("voucher")];
        let euro = Currency::parse("EUR").unwrap();
        let state = ApiState::new(handle.clone(), store.clone(), codes(), &providers).with_currency(euro);
        let pages = AdminState::new(
            handle.clone(),
            store.clone(),
            codes(),
            Arc::new(Utc),
            Text::new("Café <b>"),
            euro,
        )
        .with_events(state.events.clone())
        .with_revoked(state.revoked());
        let local: SocketAddr = HOST.parse().unwrap();
        let peer: SocketAddr = "10.0.0.99:40000".parse().unwrap();
        let faces =
            api::router(state).merge(admin::router(pages)).layer(Extension(Endpoints::new(peer, local)));
        let token = TokenText::random().unwrap();
        store.create_token(&Text::new("till"), &[Permission::Admin], &token, START.wall).await.unwrap();
        let token = token.as_str().to_owned();
        let device = app.device(1).await;
        let session = app.handle.create_session(device.id, minutes(1_000)).await.unwrap();
        store.create_plan(&plan("hour", 150, minutes(60)), START.wall, None).await.unwrap().unwrap();
        let batch = NewBatch::new(Some(Text::new("Desk <i>")), minutes(10), None, None, 3).unwrap();
        let sealed = codes().new_codes(3).unwrap();
        let code = sealed[0].0.clone();
        let sealed: Vec<_> = sealed.into_iter().map(|(_, sealed)| sealed).collect();
        store.create_batch(&batch, &sealed, START.wall).await.unwrap();
        let cookie = sign_in(&faces, &token).await;
        let values = vec![
            ("{host}", HOST.to_owned()),
            ("{token}", token),
            ("{csrf}", csrf(&cookie)),
            ("{cookie}", cookie),
            ("{device}", device.id.to_string()),
            ("{session}", session.id.to_string()),
            ("{voucher}", code),
        ];
        Self { app, faces, values }
    }

    /// Whether the token and the cookie still open what they did.
    async fn is_open(&self) -> bool {
        let value = |wanted| self.values.iter().find(|(name, _)| *name == wanted).unwrap().1.clone();
        let api = Request::get("/api/v1/providers")
            .header(header::AUTHORIZATION, format!("Bearer {}", value("{token}")));
        let page = Request::get("/admin/locks").header(header::COOKIE, value("{cookie}"));
        for request in [api, page] {
            let request = request.header(header::HOST, HOST).body(Body::empty()).unwrap();
            if self.faces.clone().oneshot(request).await.unwrap().status() != 200 {
                return false;
            }
        }
        true
    }
}

/// The cookie of whoever signs in with this token.
async fn sign_in(faces: &Router, token: &str) -> String {
    let request = Request::post("/admin/login")
        .header(header::HOST, HOST)
        .header(header::ORIGIN, format!("http://{HOST}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("token={token}")))
        .unwrap();
    let response = faces.clone().oneshot(request).await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap_or_default().to_owned()
}

/// What the forms of whoever has this cookie carry.
fn csrf(cookie: &str) -> String {
    let value = cookie.split_once('=').map_or("", |(_, value)| value);
    let digest = Sha256::digest(format!("turnpike admin form 1\0{value}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Programs and operators, whose requests the input is.
struct Callers {
    office: Office,
    served: Served,
    asked: u32,
}

impl World for Callers {
    async fn start() -> Self {
        let office = Office::start().await;
        let served = Served::start(office.faces.clone());
        Self { office, served, asked: 0 }
    }

    async fn take(&mut self, input: &[u8]) -> Spoiled {
        // To wait for a lock is to wait.
        if find(input, b"wait_secs").is_some() {
            return Spoiled(false);
        }
        self.asked += 1;
        if self.asked.is_multiple_of(MOST_OF_A_MINUTE) {
            self.office.app.pass(Duration::from_secs(60)).await;
        }
        let has = |name: &str| find(input, name.as_bytes()).is_some();
        let proof = Proof { token: has("{token}"), cookie: has("{cookie}") };
        let (sent, reply) = self.served.ask(input, &self.office.values).await;
        match reply {
            Some(reply) => check(&reply, &sent, proof),
            None => assert!(!sent.whole || sent.method == "PRI", "no answer to {sent:?}"),
        }
        // Whoever revokes the only token or signs out leaves the rest outside.
        let may_revoke = ["token", "logout", "revoke"].iter().any(|word| sent.path.contains(word));
        Spoiled(sent.method != "GET" && may_revoke && !self.office.is_open().await)
    }

    async fn stop(self) {
        self.office.app.handle.stop().await;
    }
}

/// What an input has that opens something.
#[derive(Debug, Clone, Copy)]
struct Proof {
    token: bool,
    cookie: bool,
}

/// Opens the target.
pub fn open() -> Target {
    in_worlds::<Callers>()
}

fn check(reply: &Reply, sent: &Sent, proof: Proof) {
    reply.check(sent, &HEADERS, &COOKIES);
    assert!(reply.status == TOO_MANY || STATUSES.contains(&reply.status), "{} of {sent:?}", reply.status);
    let of_pages = sent.path == "/" || sent.path == "/admin" || sent.path.starts_with("/admin/");
    let is_good = (200..300).contains(&reply.status);
    if let Some(to) = reply.header("location") {
        let stays = to == "/admin" || ["/admin/", "/api/v1/"].iter().any(|begin| to.starts_with(begin));
        assert!(stays && !to.contains("//"), "{sent:?} leads to {to}");
    }
    if of_pages {
        let open = ["/admin/login", "/admin/setup"].contains(&sent.path.as_str())
            || sent.path.starts_with("/admin/static/");
        assert!(!is_good || open || proof.cookie, "{} of {sent:?} without a cookie", reply.status);
        return;
    }
    let open = ["/healthz", "/api/v1/openapi.json"].contains(&sent.path.as_str());
    assert!(
        !is_good || open || proof.token || !sent.path.starts_with('/'),
        "{} of {sent:?} without a token",
        reply.status
    );
    document(reply, sent);
}

/// What a program is sent can be read by it.
fn document(reply: &Reply, sent: &Sent) {
    if reply.body.is_empty() {
        return;
    }
    let json = || -> serde_json::Value {
        let read = serde_json::from_slice(&reply.body);
        read.unwrap_or_else(|error| panic!("{sent:?}: {error}"))
    };
    match reply.kind() {
        "application/json" => drop(json()),
        "application/problem+json" => {
            let problem = json();
            assert_eq!(problem["status"], reply.status, "{sent:?}");
            assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("/problems/")), "{problem}");
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(detail.len() <= 2_000, "{sent:?}: {detail}");
        }
        kind => {
            let known = ["text/csv", "text/event-stream", "text/html", "text/plain"];
            assert!(known.contains(&kind) && reply.status < 400, "{} {kind} of {sent:?}", reply.status);
        }
    }
}
