//! Any request of a phone gets an answer of the portal that holds nothing of the request as markup or header and leads nowhere
//! else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use tower::Layer;
use turnpike::config::SecurePortal;
use turnpike::domain::{Text, VoucherCodes, WebUrl, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, PortalState, SecureName};
use turnpike::providers::voucher::VoucherProvider;

use super::Target;
use super::wire::{Reply, Sent, Served, Spoiled, World, in_worlds};
use crate::support::{START, TestApp, minutes, zone};

/// After so many a minute goes by, so that whoever tried too often may try again.
const MOST_OF_A_MINUTE: u32 = 20;

const HOST: &str = "10.0.0.254:2050";
/// What answers carry, and nothing else.
const HEADERS: [&str; 18] = [
    "allow",
    "cache-control",
    "connection",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "location",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "x-accel-buffering",
    "x-content-type-options",
    "x-frame-options",
];
const COOKIES: [&str; 2] = ["turnpike-device=", "turnpike-language="];
const STATUSES: [u16; 17] =
    [200, 204, 302, 303, 304, 400, 403, 404, 405, 409, 410, 413, 414, 415, 422, 429, 431];

/// The portal with two phones: one that has something left, whose requests the input is, and one before it.
struct Phone {
    app: TestApp,
    served: Served,
    values: Vec<(&'static str, String)>,
    asked: u32,
}

impl World for Phone {
    async fn start() -> Self {
        let app = TestApp::start_with(vec![zone()], vec![Arc::new(VoucherProvider::default())]).await;
        let (phone, before) = (app.device(1).await, app.device(2).await);
        let session = app.handle.create_session(phone.id, minutes(1_000)).await.unwrap();
        app.handle.create_session(before.id, minutes(100)).await.unwrap();
        let kept = app.handle.known(before.id, None).await.unwrap();
        let (code, sealed) = VoucherCodes::new_codes(&*app.vault, 1).unwrap().remove(0);
        let batch = turnpike::domain::NewBatch::new(None, minutes(10), None, None, 1).unwrap();
        app.store.create_batch(&batch, &[sealed], START.wall).await.unwrap();
        let secure = SecurePortal { host: "portal.example.net".to_owned(), port: 2443 };
        let venue: WebUrl = "https://cafe.example/".parse().unwrap();
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("Café <b>"))
            .with_history(Arc::new(app.store.clone()))
            .with_inbox(Arc::new(app.store.clone()))
            .with_secure(Some(SecureName::new(secure, || true)))
            .with_venue(Some(&venue));
        let local: SocketAddr = HOST.parse().unwrap();
        let peer = SocketAddr::new(IpAddr::from([10, 0, 0, 1]), 40_000);
        let served = Served::start(Extension(Endpoints::new(peer, local)).layer(portal::router(state)));
        let values = vec![
            ("{host}", HOST.to_owned()),
            ("{session}", session.id.to_string()),
            ("{voucher}", code),
            ("{recovery}", kept.code.map(|code| code.to_string()).unwrap_or_default()),
            ("{device}", kept.token.unwrap_or_default()),
        ];
        Self { app, served, values, asked: 0 }
    }

    async fn take(&mut self, input: &[u8]) -> Spoiled {
        self.asked += 1;
        if self.asked.is_multiple_of(MOST_OF_A_MINUTE) {
            self.app.pass(Duration::from_secs(60)).await;
        }
        let (sent, reply) = self.served.ask(input, &self.values).await;
        match reply {
            Some(reply) => check(&reply, &sent),
            None => assert!(!sent.whole || sent.method == "PRI", "no answer to {sent:?}"),
        }
        Spoiled(false)
    }

    async fn stop(self) {
        self.app.handle.stop().await;
    }
}

/// Opens the target.
pub fn open() -> Target {
    in_worlds::<Phone>()
}

fn check(reply: &Reply, sent: &Sent) {
    reply.check(sent, &HEADERS, &COOKIES);
    assert!(STATUSES.contains(&reply.status), "{} of {sent:?}", reply.status);
    if let Some(to) = reply.header("location") {
        let own = ["/", "http://10.0.0.254:2050/", "https://portal.example.net:2443/"];
        assert!(own.contains(&to), "{sent:?} leads to {to}");
    }
    if !reply.body.is_empty() && reply.kind() != "text/event-stream" {
        let kinds = ["text/html", "text/css", "text/javascript", "image/svg+xml", "application/captive+json"];
        assert!(kinds.contains(&reply.kind()), "{sent:?}: {}", reply.kind());
    }
}
