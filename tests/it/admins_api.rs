//! Admin accounts over the API: who may, what is refused, and that nobody is locked out of their own box.

use axum::Extension;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use turnpike::api;
use turnpike::domain::Permission;
use turnpike::http::PeerUser;
use turnpike::store::AuditQuery;

use crate::api::Api;

const ALL: &str = "/api/v1/admins";

fn new(name: &str, permissions: &[&str]) -> Value {
    json!({"name": name, "password": "correct horse", "permissions": permissions})
}

#[tokio::test]
async fn admin_accounts_are_made_changed_and_deleted() {
    let api = Api::start().await;
    let (status, refused) = api.ask("POST", ALL, new("till", &["view_session"])).await;
    assert_eq!(
        (status, refused["type"].as_str()),
        (409, Some("/problems/last-admin")),
        "nobody would be admin"
    );
    let (status, made) = api.ask("POST", ALL, new("Ana", &["admin", "admin"])).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["name"], &made["permissions"]), (&json!("ana"), &json!(["admin"])));
    assert_eq!((&made["totp"], &made["disabled"]), (&json!(false), &json!(false)));
    assert!(!made.to_string().contains("argon2") && !made.to_string().contains("horse"));
    assert_eq!(api.ask("POST", ALL, new("ANA", &["admin"])).await.0, 409);
    assert_eq!(api.ask("POST", ALL, new("till", &["view_session", "acquire_lock:coinslot"])).await.0, 201);
    let (_, list) = api.get(ALL).await;
    assert_eq!((list["total"].as_u64(), &list["items"][1]["name"]), (Some(2), &json!("till")));
    for (path, patch) in
        [("ana", json!({"disabled": true})), ("ana", json!({"permissions": ["view_session"]}))]
    {
        let (status, refused) = api.ask("PATCH", &format!("{ALL}/{path}"), patch).await;
        assert_eq!((status, refused["type"].as_str()), (409, Some("/problems/last-admin")));
    }
    assert_eq!(api.ask("DELETE", &format!("{ALL}/ana"), Value::Null).await.0, 409);
    let change = json!({"disabled": true, "permissions": ["manage_vouchers"], "totp": false});
    let (status, changed) = api.ask("PATCH", &format!("{ALL}/Till"), change).await;
    assert_eq!((status, &changed["permissions"]), (200, &json!(["manage_vouchers"])), "{changed}");
    assert_eq!(
        api.ask("POST", &format!("{ALL}/till/password"), json!({"password": "another one"})).await.0,
        200
    );
    assert_eq!(api.ask("DELETE", &format!("{ALL}/till"), Value::Null).await.0, 204);
    assert_eq!(api.get(&format!("{ALL}/till")).await.0, 404);
    api.state.audit.flush().await;
    let query = AuditQuery { page: 1, per_page: 50, ..AuditQuery::default() };
    let (lines, _) = api.app.store.audit(&query).await.unwrap();
    for action in ["admin.create", "admin.change", "admin.password", "admin.delete"] {
        assert!(lines.iter().any(|line| line.action == action), "{action}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let api = Api::start().await;
    let long = "x".repeat(201);
    let many: Vec<String> = (0..51).map(|number| format!("acquire_lock:a{number}")).collect();
    for (body, field) in [
        (json!({"name": "a b", "password": "correct horse", "permissions": ["admin"]}), "name"),
        (json!({"name": "<b>", "password": "correct horse", "permissions": ["admin"]}), "name"),
        (json!({"name": "ana", "password": "short", "permissions": ["admin"]}), "password"),
        (json!({"name": "ana", "password": long, "permissions": ["admin"]}), "password"),
        (json!({"name": "ana", "password": "correct horse", "permissions": []}), "permissions"),
        (json!({"name": "ana", "password": "correct horse", "permissions": ["root"]}), "permissions"),
        (json!({"name": "ana", "password": "correct horse", "permissions": many}), "permissions"),
    ] {
        let (status, refused) = api.ask("POST", ALL, body).await;
        assert_eq!((status, refused["field"].as_str()), (422, Some(field)), "{refused}");
    }
    assert_eq!(api.ask("POST", ALL, new("ana", &["admin"])).await.0, 201);
    let (status, refused) = api.ask("PATCH", &format!("{ALL}/ana"), json!({"totp": true})).await;
    assert_eq!((status, refused["field"].as_str()), (422, Some("totp")));
    for name in ["nobody", "a%20b", "%00", "-1", "ana%2F.."] {
        assert_eq!(api.get(&format!("{ALL}/{name}")).await.0, 404, "{name}");
    }
    let seller = api.token(&[Permission::ManageVouchers, Permission::ViewSession]).await;
    for path in [ALL.to_owned(), format!("{ALL}/ana"), "/api/v1/setup_code".to_owned()] {
        assert_eq!(api.raw(&seller, "GET", &path, Vec::new()).await.0, 403, "{path}");
        assert_eq!(api.raw("", "GET", &path, Vec::new()).await.0, 401, "{path}");
    }
}

#[tokio::test]
async fn the_set_up_code_is_told_to_root_only_and_only_while_it_is_of_use() {
    let api = Api::start().await;
    let (status, refused) = api.get("/api/v1/setup_code").await;
    assert_eq!(
        (status, refused["type"].as_str()),
        (403, Some("/problems/root-only")),
        "a token is not enough"
    );
    let as_user = async |uid| {
        let router = api::router(api.state.clone()).layer(Extension(PeerUser { uid }));
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/api/v1/setup_code".parse().unwrap();
        request.headers_mut().insert(header::HOST, "turnpike".parse().unwrap());
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    assert_eq!(as_user(1000).await.0, 401);
    let code = api.app.handle.setup_code().unwrap().to_string();
    assert_eq!(as_user(0).await, (200, json!({"setup_code": code})));
    assert_eq!(api.ask("POST", ALL, new("ana", &["admin"])).await.0, 201);
    assert_eq!(as_user(0).await.0, 409);
}
