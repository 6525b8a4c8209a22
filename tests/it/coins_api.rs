//! What operators do about money in machines.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::config::Config;
use turnpike::domain::{Money, Permission, Text};
use turnpike::store::{AuditQuery, TokenText};

use crate::support::{START, TestApp, mac};

const SLOT: &str = "coinslot/1";

struct Api {
    app: TestApp,
    state: ApiState,
    router: Router,
    token: String,
}

impl Api {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let text = "[site]\ncurrency = \"EUR\"\n[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n\
                    [[coinslot]]\nname = \"1\"\npipe = \"/run/coins\"\n\
                    rates = [{ amount = \"5\", time_secs = 3600 }, { amount = \"3\", data_mb = 100 }]\n";
        let config = Config::parse(text, Path::new("test")).unwrap();
        let state = ApiState::new(app.handle.clone(), app.store.clone(), Arc::clone(&app.vault) as _, &[])
            .with_currency(config.site.currency)
            .with_coin_slots(&config.coin_slots);
        let token = TokenText::random().unwrap();
        let permissions = [Permission::ManageVouchers];
        app.store.create_token(&Text::new("desk"), &permissions, &token, START.wall).await.unwrap();
        let token = token.as_str().to_owned();
        Self { app, router: api::router(state.clone()), state, token }
    }

    async fn send(&self, method: &str, path: &str, body: Value, key: Option<&str>) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1/credits{path}"));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn coin(&self, reference: &str, cents: i64) {
        self.app.store.add_credit(SLOT, reference, Money(cents), None, START.wall).await.unwrap();
    }

    /// Amounts that are listed.
    async fn amounts(&self, query: &str) -> Vec<String> {
        let (status, page) = self.send("GET", query, Value::Null, None).await;
        assert_eq!(status, 200, "{page}");
        assert_eq!(page["total"].as_u64().unwrap(), page["items"].as_array().unwrap().len() as u64);
        let amount = |credit: &Value| credit["amount"].as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(amount).collect()
    }

    async fn audit(&self) -> Vec<String> {
        self.state.audit.flush().await;
        let query = AuditQuery { page: 1, per_page: 50, ..AuditQuery::default() };
        let mut actions: Vec<String> =
            self.app.store.audit(&query).await.unwrap().0.into_iter().map(|line| line.action).collect();
        actions.sort();
        actions
    }
}

#[tokio::test]
async fn money_of_nobody_is_claimed_for_a_device_once() {
    let api = Api::start().await;
    let ana = api.app.device(1).await;
    api.coin("a", 200).await;
    api.coin("b", 400).await;
    assert_eq!(api.amounts("").await, ["4.00", "2.00"]);
    assert_eq!(api.amounts("?unclaimed=true&source=coinslot/1").await.len(), 2);
    assert_eq!(api.amounts("?source=coinslot/2").await.len(), 0);

    // Two are not enough; they are hers now.
    let wish = json!({ "device": mac(1).to_string() });
    let (status, credit) = api.send("POST", "/1/claim", wish.clone(), None).await;
    assert_eq!((status, credit["device"].as_str()), (200, Some(ana.id.to_string().as_str())), "{credit}");
    assert_eq!((credit["amount"].as_str(), credit["currency"].as_str()), (Some("2.00"), Some("EUR")));
    assert_eq!(api.amounts(&format!("?device={}", mac(1))).await, ["2.00"]);
    // With four more they are an hour, and one is left. The same request again is the same sale.
    let (status, session) = api.send("POST", "/2/claim", wish.clone(), Some("key")).await;
    assert_eq!((status, session["time_secs"].as_u64()), (201, Some(3_600)), "{session}");
    let (status, again) = api.send("POST", "/2/claim", wish.clone(), Some("key")).await;
    assert_eq!((status, &again["id"]), (201, &session["id"]));
    assert_eq!(api.amounts("?unclaimed=true").await, ["1.00"]);
    assert_eq!(api.amounts("?unclaimed=false").await, ["3.00", "2.00"]);
    let (status, problem) = api.send("POST", "/1/claim", wish.clone(), None).await;
    assert_eq!(status, 409, "{problem}");
    let (status, problem) = api.send("POST", "/1/return", Value::Null, None).await;
    assert_eq!(status, 409, "{problem}");

    // For data, if that is what is wanted.
    api.coin("c", 900).await;
    let data = json!({ "device": mac(1).to_string(), "kind": "data" });
    let (status, session) = api.send("POST", "/4/claim", data, None).await;
    assert_eq!((status, session["data_mb"].as_f64()), (201, Some(300.0)), "{session}");
    assert_eq!(
        api.audit().await,
        ["credit.assign", "credit.assign", "credit.assign", "credit.claim", "credit.claim"]
    );
}

#[tokio::test]
async fn what_was_handed_back_cannot_be_claimed() {
    let api = Api::start().await;
    api.app.device(1).await;
    api.coin("a", 500).await;
    for _ in 0..2 {
        let (status, credit) = api.send("POST", "/1/return", Value::Null, None).await;
        assert_eq!((status, credit["returned_at"].is_string()), (200, true), "{credit}");
    }
    let wish = json!({ "device": mac(1).to_string() });
    let (status, problem) = api.send("POST", "/1/claim", wish.clone(), None).await;
    assert_eq!(
        (status, problem["type"].as_str().unwrap().contains("credit-claimed")),
        (409, true),
        "{problem}"
    );
    assert_eq!(api.amounts("?unclaimed=true").await.len(), 0);
    assert_eq!(api.audit().await, ["credit.return"]);

    for (path, body, expected) in [
        ("/9/claim", wish.clone(), 404),
        ("/x/claim", wish.clone(), 404),
        ("/9/return", Value::Null, 404),
        ("/1/claim", json!({ "device": "nobody" }), 404),
        ("/1/claim", json!({ "device": mac(1).to_string(), "kind": "beer" }), 422),
        ("/1/claim", json!({}), 422),
    ] {
        let (status, problem) = api.send("POST", path, body, None).await;
        assert_eq!(status, expected, "{path}: {problem}");
    }
    // A machine that is gone from the configuration.
    api.app.store.add_credit("coinslot/old", "x", Money(500), None, START.wall).await.unwrap();
    let (status, problem) = api.send("POST", "/2/claim", wish, None).await;
    assert_eq!(
        (status, problem["type"].as_str().unwrap().contains("no-coin-slot")),
        (409, true),
        "{problem}"
    );
}
