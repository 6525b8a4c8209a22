//! Every call of the API, from its own document: without a token, with a wrong one, without one of the permissions that it
//! needs, about things that are not there, with bodies that cannot be. The right status, a problem that says what, and
//! nothing changed.

use serde_json::{Value, json};
use turnpike::domain::Permission;

use crate::api::Api;
use crate::support::megabytes;

struct Call {
    method: String,
    path: String,
    permissions: Vec<String>,
    has_body: bool,
}

/// All calls that the document names.
async fn calls(api: &Api) -> Vec<Call> {
    let document = api.get("/api/v1/openapi.json").await.1;
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if !["get", "post", "patch", "delete", "put"].contains(&method.as_str()) {
                continue;
            }
            let permissions = operation["x-permissions"].as_array().cloned().unwrap_or_default();
            calls.push(Call {
                method: method.to_uppercase(),
                path: path.clone(),
                permissions: permissions.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
                has_body: operation.get("requestBody").is_some(),
            });
        }
    }
    assert!(calls.len() > 40, "{} calls", calls.len());
    calls
}

/// The path with something in the place of each parameter.
fn filled(path: &str, value: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        filled.push_str(value);
        rest = after.split_once('}').unwrap().1;
    }
    filled + rest
}

/// What an operator sees of everything.
async fn everything(api: &Api) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["devices", "sessions", "vouchers", "tokens", "locks", "messages?all=true", "audit"] {
        let (status, body) = api.get(&format!("/api/v1/{path}")).await;
        assert_eq!(status, 200, "{path}");
        seen.push(body);
    }
    seen
}

/// The permission that a name of the document stands for; a lock's path is any.
fn permission(name: &str) -> Permission {
    let lock = || Permission::AcquireLock("x".to_owned());
    if name.starts_with("acquire_lock") { lock() } else { name.parse().unwrap() }
}

async fn furnished() -> (Api, String) {
    let api = Api::start().await;
    let device = api.app.device(1).await.id;
    let session = api.app.handle.create_session(device, megabytes(10.0)).await.unwrap();
    api.app.handle.connect(device, None).await.unwrap();
    (api, session.id.to_string())
}

#[tokio::test]
async fn every_call_needs_a_token_that_is_known_and_may_do_it() {
    let (api, _) = furnished().await;
    // What a test's token may do is made first: making one is a change as well.
    let all = ["view_session", "modify_session", "register_handler", "manage_vouchers", "acquire_lock:x"];
    let calls = calls(&api).await;
    let mut tried = Vec::new();
    for call in &calls {
        for missing in &call.permissions {
            let missing = permission(missing);
            let others: Vec<Permission> =
                all.iter().map(|name| permission(name)).filter(|other| *other != missing).collect();
            tried.push((call, missing, api.token(&others).await));
        }
    }
    let before = everything(&api).await;
    for call in &calls {
        let Call { method, path, permissions, .. } = call;
        if permissions.is_empty() {
            continue;
        }
        let target = filled(path, "x");
        for token in ["", "nonsense", &format!("tp_{}", "0".repeat(64))] {
            let (status, problem) = api.raw(token, method, &target, Vec::new()).await;
            assert_eq!(status, 401, "{method} {path} with {token:?}: {problem}");
        }
    }
    for (Call { method, path, .. }, missing, token) in &tried {
        // A lock's permission is that of its path, which is in the body.
        let body = if *path == "/api/v1/locks" && method == "POST" {
            json!({"name": "x", "device": "10.0.0.1"}).to_string().into_bytes()
        } else {
            Vec::new()
        };
        let (status, problem) = api.raw(token, method, &filled(path, "x"), body).await;
        assert_eq!(status, 403, "{method} {path} without {missing}: {problem}");
        let named = problem["permission"].as_str().unwrap();
        assert!(named == missing.to_string() || named.starts_with("acquire_lock:"), "{named}, not {missing}");
    }
    assert_eq!(everything(&api).await, before);
}

#[tokio::test]
async fn what_is_not_there_is_a_404_and_what_cannot_be_read_is_said() {
    let (api, session) = furnished().await;
    let calls = calls(&api).await;
    let before = everything(&api).await;
    for Call { method, path, has_body, .. } in &calls {
        let unknown = filled(path, "0191d3a8-0000-7000-8000-000000000000");
        if path.contains('{') && !has_body && path != "/api/v1/devices/{dev}/ping" {
            let (status, problem) = api.raw(&api.token, method, &unknown, Vec::new()).await;
            assert_eq!(status, 404, "{method} {unknown}: {problem}");
        }
        // A table of codes is no JSON: `voucher_sheet` sends it what cannot be read.
        if !has_body || path == "/api/v1/vouchers/import" {
            continue;
        }
        let known = if path.contains("{dev}") { "10.0.0.1" } else { session.as_str() };
        let target = filled(path, known);
        let large = format!("{{\"filter\": \"{}\"}}", "x".repeat(70_000));
        for (body, statuses) in [
            ("{", [400, 400]),
            ("nonsense", [400, 400]),
            ("{\"a\": 1} x", [400, 422]),
            ("[]", [422, 422]),
            ("null", [422, 422]),
            ("7", [422, 422]),
            ("{\"\\u0000\": [[]]}", [422, 422]),
            ("{\"nonsense\": {}}", [422, 422]),
            (&large, [413, 413]),
        ] {
            let (status, problem) = api.raw(&api.token, method, &target, body.as_bytes().to_vec()).await;
            assert!(
                statuses.contains(&status),
                "{method} {target} {}: {problem}",
                &body[..body.len().min(40)]
            );
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() < 500), "{problem}");
        }
        let (status, _) = api.raw(&api.token, method, &target, b"{\"a\": \"\xff\"}".to_vec()).await;
        assert!([400, 422].contains(&status), "{method} {target}");
    }
    for list in ["devices", "sessions", "vouchers", "tokens", "locks", "messages", "audit"] {
        for query in
            ["page=0", "page=-1", "page=x", "per_page=0", "per_page=1001", "nonsense=1", "page=1&page=2"]
        {
            let (status, problem) = api.get(&format!("/api/v1/{list}?{query}")).await;
            assert_eq!(status, 422, "{list}?{query}: {problem}");
        }
    }
    for list in ["devices", "sessions"] {
        for query in ["sort=nonsense", "filter=(", "sort=id,id,id,id,id,id,id,id,id"] {
            let (status, problem) = api.get(&format!("/api/v1/{list}?{query}")).await;
            assert_eq!(status, 422, "{list}?{query}: {problem}");
        }
        let deep = format!("/api/v1/{list}?filter={}", "(".repeat(10_000));
        assert_eq!(api.get(&deep).await.0, 422);
    }
    assert_eq!(everything(&api).await, before);
}
