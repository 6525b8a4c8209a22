//! Plans: what can be sold, by which names, and that none goes while something refers to it.

use serde_json::{Value, json};
use turnpike::domain::{Every, Money, Permission, PlanBook, Repeat};

use crate::api::Api;

fn day() -> Value {
    json!({
        "name": "day-1",
        "title": "A day & <b>more</b>",
        "kind": "data",
        "data_mb": 1000,
        "exp_days": 30,
        "down_mbps": 5.5,
        "price": "12.50",
        "roles": ["vip"],
        "properties": {"Tier": "gold"},
        "at_end": {"slow": {"down_mbps": 0.5, "up_mbps": 0.25, "secs": 3600}},
        "repeat": {"every": "day", "at_hour": 4},
        "max_devices": 3,
    })
}

#[tokio::test]
async fn a_plan_is_made_found_changed_and_deleted() {
    let api = Api::start().await;
    let (status, made) = api.ask("POST", "/api/v1/plans", day()).await;
    assert_eq!(status, 201, "{made}");
    for (field, value) in day().as_object().unwrap() {
        match value.as_f64() {
            Some(number) => assert_eq!(made[field].as_f64(), Some(number), "{field}"),
            None => assert_eq!(&made[field], value, "{field}"),
        }
    }
    assert_eq!((&made["currency"], &made["on_sale"]), (&json!("XXX"), &json!(true)));
    assert_eq!(api.get("/api/v1/plans/day-1").await, (200, made.clone()));
    assert_eq!(api.get("/api/v1/plans").await.1["items"], json!([made]));

    let known = PlanBook::find_plan(&api.app.store, "day-1").await.unwrap().unwrap();
    assert_eq!(known.price, Money(1250));
    assert_eq!(known.repeat, Some(Repeat { every: Every::Day, at_hour: 4 }));
    assert_eq!(PlanBook::list_plans(&api.app.store).await.unwrap(), [known]);
    assert_eq!(PlanBook::find_plan(&api.app.store, "Day-1").await.unwrap(), None);

    let change = json!({
        "kind": "time", "time_secs": 60, "price": "0.5", "repeat": null, "at_end": "cut_off", "exp_days": null,
    });
    let (status, changed) = api.ask("PATCH", "/api/v1/plans/day-1", change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["data_mb"], &changed["time_secs"]), (&Value::Null, &json!(60)));
    assert_eq!((&changed["price"], &changed["repeat"]), (&json!("0.50"), &Value::Null));
    assert_eq!((&changed["at_end"], &changed["exp_days"]), (&json!("cut_off"), &Value::Null));
    assert_eq!((&changed["title"], &changed["down_mbps"]), (&made["title"], &json!(5.5)));
    assert_eq!(api.ask("POST", "/api/v1/plans", day()).await.0, 409);
    assert_eq!(api.ask("DELETE", "/api/v1/plans/day-1", Value::Null).await.0, 204);
    assert_eq!(api.ask("DELETE", "/api/v1/plans/day-1", Value::Null).await.0, 404);
    assert_eq!(api.get("/api/v1/plans/day-1").await.0, 404);
}

#[tokio::test]
async fn a_field_that_cannot_be_is_named_and_changes_nothing() {
    let api = Api::start().await;
    let (_, made) = api.ask("POST", "/api/v1/plans", day()).await;
    let huge = "x".repeat(5_000);
    for (field, value) in [
        ("title", json!("")),
        ("kind", json!("forever")),
        ("data_mb", json!(-1)),
        ("data_mb", json!(1e12)),
        ("time_secs", json!(60)),
        ("exp_days", json!(0)),
        ("exp_days", json!(99_999_999)),
        ("down_mbps", json!(-1)),
        ("up_mbps", json!(1e9)),
        ("price", json!("")),
        ("price", json!("-1")),
        ("price", json!("1.234")),
        ("price", json!("1,50")),
        ("price", json!(huge)),
        ("roles", json!([""])),
        ("roles", json!([huge])),
        ("properties", json!({"": "x"})),
        ("properties", json!({"a b": "x"})),
        ("properties", json!({"$Plan": "x"})),
        ("properties", json!({"a": huge})),
        ("at_end", json!("never")),
        ("at_end", json!(7)),
        ("at_end", json!({"slow": {"secs": 60}})),
        ("at_end", json!({"slow": {"down_mbps": 1}})),
        ("at_end", json!({"slow": {"down_mbps": 1, "secs": 0}})),
        ("at_end", json!({"slow": {"down_mbps": 1, "secs": u64::MAX}})),
        ("at_end", json!({"slow": {"down_mbps": -1, "secs": 1}})),
        ("repeat", json!({"every": "year"})),
        ("repeat", json!({"every": "day", "at_hour": 24})),
        ("repeat", json!({"every": "day", "at_hour": -1})),
        ("repeat", json!("day")),
        ("max_devices", json!(0)),
        ("max_devices", json!(1_001)),
        ("name", json!("another")),
    ] {
        let (status, body) = api.ask("PATCH", "/api/v1/plans/day-1", json!({field: value})).await;
        assert_eq!((status, body["field"].as_str()), (422, Some(field)), "{field} {value}: {body}");
        let mut new = day();
        (new["name"], new[field]) = (json!("new"), value);
        if field != "name" {
            let (status, body) = api.ask("POST", "/api/v1/plans", new).await;
            assert_eq!((status, body["field"].as_str()), (422, Some(field)), "{field}: {body}");
        }
    }
    for name in ["", "a b", "a/b", "<b>", "'; DROP TABLE plans; --", "é", &"a".repeat(65)] {
        let mut new = day();
        new["name"] = json!(name);
        let (status, body) = api.ask("POST", "/api/v1/plans", new).await;
        assert_eq!((status, body["field"].as_str()), (422, Some("name")), "{name}");
    }
    for wrong in
        [json!({"price": 12.5}), json!({"max_devices": 1.5}), json!({"owner": "me"}), json!({"title": 7})]
    {
        assert_eq!(api.ask("PATCH", "/api/v1/plans/day-1", wrong.clone()).await.0, 422, "{wrong}");
    }
    assert_eq!(api.ask("POST", "/api/v1/plans", json!({"kind": "time", "time_secs": 1})).await.0, 422);
    assert_eq!(api.get("/api/v1/plans").await.1["items"], json!([made]));
}

#[tokio::test]
async fn a_plan_that_sessions_run_under_stays() {
    let api = Api::start().await;
    assert_eq!(api.ask("POST", "/api/v1/plans", day()).await.0, 201);
    let device = api.app.device(1).await;
    let plan = api.app.store.find_plan("day-1").await.unwrap().unwrap();
    let provider = turnpike::domain::ProviderName::new("operator");
    let occasion = turnpike::domain::Occasion::LogIn;
    let session = api.app.handle.grant(device.id, &provider, plan.source_data(None), occasion).await.unwrap();
    assert_eq!(session.plan.as_deref(), Some("day-1"));
    let (status, body) = api.ask("DELETE", "/api/v1/plans/day-1", Value::Null).await;
    assert_eq!(status, 409);
    assert!(body["detail"].as_str().unwrap().contains("1 sessions that are not over"), "{body}");
    assert_eq!(api.ask("PATCH", "/api/v1/plans/day-1", json!({"on_sale": false})).await.1["on_sale"], false);
    api.app.handle.delete_session(session.id).await.unwrap();
    assert_eq!(api.ask("DELETE", "/api/v1/plans/day-1", Value::Null).await.0, 204);
}

#[tokio::test]
async fn reading_needs_view_session_and_changing_manage_vouchers() {
    let api = Api::start().await;
    let viewer = api.token(&[Permission::ViewSession]).await;
    let counter = api.token(&[Permission::ManageVouchers]).await;
    let body = || day().to_string().into_bytes();
    assert_eq!(api.raw(&viewer, "POST", "/api/v1/plans", body()).await.0, 403);
    assert_eq!(api.raw(&counter, "POST", "/api/v1/plans", body()).await.0, 201);
    assert_eq!(api.raw(&viewer, "GET", "/api/v1/plans/day-1", Vec::new()).await.0, 200);
    assert_eq!(api.raw(&counter, "GET", "/api/v1/plans", Vec::new()).await.0, 403);
    assert_eq!(api.raw(&viewer, "DELETE", "/api/v1/plans/day-1", Vec::new()).await.0, 403);
}
