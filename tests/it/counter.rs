//! A counter for tests: the API of a daemon in process, in euros, with vouchers that come anew.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{
    ClientDevice, ClientSession, Currency, DeviceId, Permission, Text, WallTime, ZoneName,
};
use turnpike::providers::voucher::VoucherProvider;
use turnpike::store::TokenText;

use crate::support::{TestApp, mac};

pub struct Counter {
    pub app: TestApp,
    router: Router,
    pub token: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Counter {
    pub async fn open() -> Self {
        let mut counter = Self::on(TestApp::start().await);
        counter.token = counter.token("ana", &[Permission::Admin]).await;
        counter
    }

    fn on(app: TestApp) -> Self {
        let provider = VoucherProvider::new(Arc::new(app.store.clone()), app.clock.clone());
        app.handle.registry().register(Arc::new(provider)).unwrap();
        let codes = Arc::clone(&app.vault) as _;
        let euro = Currency::parse("EUR").unwrap();
        let state = ApiState::new(app.handle.clone(), app.store.clone(), codes, &[]).with_currency(euro);
        Self { app, router: api::router(state), token: String::new() }
    }

    /// The daemon dies and starts anew.
    pub async fn crash(self) -> Self {
        let Self { app, router, token } = self;
        drop(router);
        Self { token, ..Self::on(app.crash().await) }
    }

    pub async fn token(&self, name: &str, permissions: &[Permission]) -> String {
        let text = TokenText::random().unwrap();
        let now = self.app.handle.now().wall;
        self.app.store.create_token(&Text::new(name), permissions, &text, now).await.unwrap();
        text.as_str().to_owned()
    }

    pub async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Status and JSON.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.send(&self.token, method, path, text, &[]).await;
        (answer.status, if answer.text.is_empty() { Value::Null } else { answer.json() })
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask("POST", path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The same under a key.
    pub async fn once(&self, key: &str, path: &str, body: Value) -> Answer {
        self.send(&self.token, "POST", path, body.to_string(), &[("idempotency-key", key)]).await
    }

    /// An hour for 2.50.
    pub async fn hour(&self) {
        let plan = json!({ "name": "hour", "kind": "time", "time_secs": 3600, "price": "2.50" });
        let (status, body) = self.post("/api/v1/plans", plan).await;
        assert_eq!(status, 201, "{body}");
    }

    /// A batch with its codes.
    pub async fn batch(&self, new: Value) -> (i64, Vec<String>) {
        let (status, body) = self.post("/api/v1/vouchers", new).await;
        assert_eq!(status, 201, "{body}");
        let codes = body["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
        (body["batch"].as_i64().unwrap(), codes.collect())
    }

    /// A device that is on the network and let through.
    pub async fn online(&self, number: u8, code: &str) -> (ClientDevice, ClientSession) {
        let device = self.app.device(number).await;
        self.app.handle.redeem(code, device.id).await.unwrap();
        let session = self.app.handle.connect(device.id, None).await.unwrap();
        assert!(self.app.kernel.is_open(device.mac));
        (device, session)
    }

    /// A device leaves the network.
    pub async fn leaves(&self, number: u8) {
        let address = IpAddr::from([10, 0, 0, number]);
        self.app.lan.leave(mac(number));
        self.app.handle.lost(mac(number), address).await.unwrap();
    }

    /// A device is seen again.
    pub async fn returns(&self, number: u8) {
        let address = IpAddr::from([10, 0, 0, number]);
        self.app.lan.join(mac(number), address);
        let zone = ZoneName::new("guests");
        self.app.handle.seen(mac(number), zone, Some(address), None, true).await.unwrap();
    }

    pub async fn usable(&self, device: DeviceId) -> Vec<ClientSession> {
        self.app.handle.usable_sessions(device).await.unwrap()
    }

    pub fn wall(&self) -> WallTime {
        self.app.clock.now().wall
    }
}
