//! The OpenAPI document says what the router does, no more and no less.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tower::ServiceExt;
use turnpike::api::{self, ApiState};
use turnpike::domain::{Permission, Text};
use turnpike::store::TokenText;

use crate::support::TestApp;

struct Api {
    app: TestApp,
    router: Router,
}

impl Api {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let (handle, store) = (app.handle.clone(), app.store.clone());
        let state = ApiState::new(handle, store, Arc::clone(&app.vault) as _, &[]);
        Self { app, router: api::router(state) }
    }

    async fn ask(&self, token: &str, method: &str, path: &str) -> Response<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        if !token.is_empty() {
            request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The methods that a path takes; `None` if there is nothing.
    async fn methods(&self, path: &str) -> Option<BTreeSet<String>> {
        let answer = self.ask("", "BREW", &filled(path)).await;
        let allowed = answer.headers().get(header::ALLOW)?.to_str().unwrap();
        Some(allowed.split(',').filter(|method| *method != "HEAD").map(str::to_lowercase).collect())
    }

    async fn token(&self, permissions: &[Permission]) -> String {
        let text = TokenText::random().unwrap();
        let now = self.app.handle.now().wall;
        self.app.store.create_token(&Text::new("test"), permissions, &text, now).await.unwrap();
        text.as_str().to_owned()
    }
}

async fn json(answer: Response<Body>) -> Value {
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// The path with something in the place of its parameters.
fn filled(path: &str) -> String {
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
    parts.join("/")
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}

/// Every operation: path, method and what is said of it.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = object(&document["paths"]).iter();
    paths
        .flat_map(|(path, methods)| {
            object(methods).iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// The paths that are given to `.route(` anywhere in a folder of the sources.
fn routes_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes_below(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for after in text.split(".route(").skip(1) {
            let literal = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            let literal =
                literal.unwrap_or_else(|| panic!("{}: a route that cannot be read", path.display()));
            found.insert(literal.replace("{*", "{"));
        }
    }
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_other_way_round() {
    let api = Api::start().await;
    let document = api::document();
    let mut written: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in operations(&document) {
        written.entry(path).or_default().insert(method.to_owned());
    }
    for (path, methods) in &written {
        assert_eq!(api.methods(path).await.as_ref(), Some(methods), "{path}");
    }
    let mut routes = BTreeSet::new();
    routes_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"), &mut routes);
    assert!(routes.len() >= 18, "the routes are elsewhere: {routes:?}");
    for route in &routes {
        let nested = format!("/api/v1{route}");
        let path = if api.methods(&nested).await.is_some() { nested.as_str() } else { route };
        assert!(written.contains_key(path), "{path} is not in the document");
    }
    assert_eq!(routes.len(), written.len(), "{routes:?} {written:?}");
}

#[tokio::test]
async fn the_document_is_served_without_a_token() {
    let api = Api::start().await;
    let answer = api.ask("", "GET", "/api/v1/openapi.json").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    let document = json(answer).await;
    assert_eq!(document, api::document());
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_call_needs_the_permissions_that_the_document_names() {
    let api = Api::start().await;
    let useless = api.token(&[Permission::RegisterHandler]).await;
    let document = api::document();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let method = method.to_uppercase();
        let Some(permissions) = operation["x-permissions"].as_array() else {
            assert_eq!(operation["security"], serde_json::json!([]), "{what}");
            assert_eq!(api.ask("", &method, path).await.status(), 200, "{what}");
            continue;
        };
        assert!(!permissions.is_empty(), "{what}");
        assert_eq!(api.ask("", &method, &filled(path)).await.status(), 401, "{what}");
        let refused = api.ask(&useless, &method, &filled(path)).await;
        assert_eq!(refused.status(), 403, "{what}");
        let missing = json(refused).await["permission"].clone();
        assert!(permissions.contains(&missing), "{what}: {missing}");
    }
}

/// Every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = api::document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in object(&document["components"][kind]).keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(reference.as_str()), "{reference} is not used");
        }
    }
}

#[test]
fn operations_are_whole() {
    let document = api::document();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: its id is taken");
        assert!(!operation["summary"].as_str().unwrap().ends_with('.'), "{what}");
        let parameters = operation["parameters"].as_array().unwrap();
        let mut names = BTreeSet::new();
        for parameter in parameters {
            assert!(parameter["schema"].is_object() && parameter["description"].is_string(), "{what}");
            assert!(names.insert((parameter["in"].as_str(), parameter["name"].as_str())), "{what}: twice");
        }
        let in_path: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let told = names.iter().filter(|(place, _)| *place == Some("path")).filter_map(|(_, name)| *name);
        assert_eq!(told.collect::<BTreeSet<_>>(), in_path, "{what}");
        let has_key = names.contains(&(Some("header"), Some("Idempotency-Key")));
        assert!(!has_key || ["post", "patch"].contains(&method), "{what}");
        let responses = object(&operation["responses"]);
        assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
        assert!(responses.contains_key("500") && responses.contains_key("503"), "{what}");
        assert_eq!(operation.get("requestBody").is_some(), responses.contains_key("413"), "{what}");
    }
}
