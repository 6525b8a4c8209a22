//! Steering sessions over the API: properties, roles, principals, messages, changes of many, the audit log.

use serde_json::{Value, json};

use crate::api::Api;
use crate::support::{mac, megabytes};

impl Api {
    async fn session(&self, number: u8, mb: f64) -> String {
        let device = self.app.device(number).await.id;
        let session = self.app.handle.create_session(device, megabytes(mb)).await.unwrap();
        self.app.handle.connect(device, None).await.unwrap();
        session.id.to_string()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask("POST", &format!("/api/v1/{path}"), body).await
    }
}

#[tokio::test]
async fn properties_are_set_shown_and_deleted_with_what_was_before() {
    let api = Api::start().await;
    let id = api.session(1, 10.0).await;
    let path = format!("/api/v1/sessions/{id}/properties");
    let set = api.ask("PATCH", &path, json!({"Department": "Payroll", "$Country": "FR"})).await;
    assert_eq!(set, (200, json!({"previous": {"Department": null, "$Country": null}})));
    let change = api.ask("PATCH", &path, json!({"Department": null, "Floor": "3", "None": null})).await;
    assert_eq!(change, (200, json!({"previous": {"Department": "Payroll", "Floor": null, "None": null}})));
    let user = api.get(&format!("{path}?keys=ALL_USER_PROPERTIES")).await.1;
    assert_eq!(user, json!({"Floor": "3"}));
    let some = api.get(&format!("{path}?keys=Floor,%20$Country,$Voucher,Nothing")).await.1;
    assert_eq!(some, json!({"Floor": "3", "$Country": "FR", "$Voucher": null, "Nothing": null}));
    let all = api.get(&path).await.1;
    let fixed = api.get(&format!("{path}?keys=ALL_FIXED_PROPERTIES")).await.1;
    assert_eq!(all.as_object().unwrap().len(), fixed.as_object().unwrap().len() + 1);
    for (key, value) in [
        ("$SessionId", json!(id)),
        ("$Mac", json!(mac(1).to_string())),
        ("$ClientIP", json!("10.0.0.1")),
        ("$Zone", json!("guests")),
        ("$State", json!("running")),
        ("$Kind", json!("data")),
        ("$DataLeft", json!("10")),
        ("$DataUsed", json!("0")),
        ("$TimeLeft", json!(null)),
        ("$Principal", json!("")),
        ("$Roles", json!("")),
        ("$Latitude", json!("NaN")),
        ("$DownMbps", json!("0")),
        ("$ExpiresAt", json!(null)),
    ] {
        assert_eq!(fixed[key], value, "{key}");
    }
    // In the store, and so there after a restart.
    let stored = api.app.store.session(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.properties.get("Floor").map(String::as_str), Some("3"));
}

#[tokio::test]
async fn what_cannot_be_set_is_named_and_changes_nothing() {
    let api = Api::start().await;
    let id = api.session(1, 10.0).await;
    let path = format!("/api/v1/sessions/{id}/properties");
    for key in ["", "a b", "a\"b", "it's", "(x", "x)", "a\tb", "a\nb", "$State", "$Nothing"] {
        let (status, problem) = api.ask("PATCH", &path, json!({"Good": "1", key: "x"})).await;
        assert_eq!(status, 422, "{key:?}");
        assert!(problem["detail"].as_str().unwrap().contains("property \""), "{problem}");
    }
    for body in
        [json!({"a": 1}), json!({"a": ["x"]}), json!({"a": {"b": "c"}}), json!({"$Latitude": "north"})]
    {
        assert_eq!(api.ask("PATCH", &path, body.clone()).await.0, 422, "{body}");
    }
    let user = api.get(&format!("{path}?keys=ALL_USER_PROPERTIES")).await.1;
    assert_eq!(user, json!({}));
    assert_eq!(api.ask("PATCH", "/api/v1/sessions/nonsense/properties", json!({})).await.0, 404);
    api.post(&format!("sessions/{id}/close"), json!({})).await;
    assert_eq!(api.ask("PATCH", &path, json!({"a": "b"})).await.0, 409);
    assert_eq!(api.get(&path).await.1["$State"], "closed");
}

#[tokio::test]
async fn many_are_changed_at_once_after_they_were_counted() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for number in 1..=6 {
        ids.push(api.session(number, if number <= 3 { 5.0 } else { 50.0 }).await);
    }
    let few = "$DataLeft lt '10' and $Zone is 'guests'";
    let count = |answer: (u16, Value)| (answer.0, answer.1["matched"].as_u64());
    let body = json!({"filter": few, "dry_run": true});
    assert_eq!(count(api.post("sessions:close", body).await), (200, Some(3)));
    assert_eq!(api.get("/api/v1/sessions?state=running").await.1["total"], 6);
    let body = json!({"filter": few, "properties": {"Offer": "10 MB"}});
    assert_eq!(count(api.post("sessions:properties", body).await), (200, Some(3)));
    let body =
        json!({"filter": "Offer is '10 MB' and not $Mac is '02:00:00:00:53:03'", "add": ["vip", "a \"b\""]});
    assert_eq!(count(api.post("sessions:roles", body).await), (200, Some(2)));
    let session = api.get(&format!("/api/v1/sessions/{}", ids[0])).await.1;
    assert_eq!(session["roles"], json!(["a \"b\"", "vip"]));
    let found = api.get("/api/v1/sessions?filter=hasRoles%20%5B%22vip%22%5D").await.1;
    assert_eq!(found["total"], 2);
    let exact = api
        .get("/api/v1/sessions?filter=%24Roles%20eq%20%27%22a%20%5C%5C%5C%22b%5C%5C%5C%22%22%2C%22vip%22%27")
        .await;
    assert_eq!((exact.0, exact.1["total"].as_u64()), (200, Some(2)), "{}", exact.1);
    let body = json!({"filter": "hasRoles 'vip'", "text": "Low on data", "expires_secs": 60});
    assert_eq!(count(api.post("sessions:message", body).await), (200, Some(2)));
    let messages = api.get("/api/v1/messages").await.1;
    assert_eq!(
        (messages["total"].as_u64(), messages["items"][0]["text"].as_str()),
        (Some(2), Some("Low on data"))
    );
    let body = json!({"filter": "not hasRoles 'vip'", "reason": "closing time"});
    assert_eq!(count(api.post("sessions:close", body).await), (200, Some(4)));
    assert_eq!(api.get("/api/v1/sessions?state=running").await.1["total"], 2);
    let closed = api.get(&format!("/api/v1/sessions/{}", ids[5])).await.1;
    assert_eq!(
        (closed["state"].as_str(), closed["reason_text"].as_str()),
        (Some("closed"), Some("closing time"))
    );
    // Those that are over are found by the store, by the same filter.
    let over =
        api.get("/api/v1/sessions?filter=$State%20is%20'closed'%20and%20Offer%20is%20'10%20MB'").await.1;
    assert_eq!(over["total"], 1);
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_pointed_at() {
    let api = Api::start().await;
    let id = api.session(1, 10.0).await;
    for path in ["sessions:close", "sessions:properties", "sessions:roles", "sessions:message"] {
        let body = match path {
            "sessions:properties" => json!({"filter": "$Zone is", "properties": {}}),
            "sessions:roles" => json!({"filter": "$Zone is", "add": ["a"]}),
            "sessions:message" => json!({"filter": "$Zone is", "text": "x"}),
            _ => json!({"filter": "$Zone is"}),
        };
        let (status, problem) = api.post(path, body).await;
        assert_eq!((status, problem["column"].as_u64()), (422, Some(9)), "{problem}");
        assert_eq!(problem["type"], "/problems/invalid-filter");
        assert!(problem["pointed"].as_str().unwrap().ends_with("        ^"), "{problem}");
        assert_eq!(api.post(path, json!({})).await.0, 422);
    }
    for filter in [&"(".repeat(10_000), &"x".repeat(60_000), "\u{0}"] {
        let (status, problem) = api.post("sessions:close", json!({"filter": filter})).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem.to_string().len() < 2_000);
    }
    assert_eq!(api.get("/api/v1/sessions?filter=nonsense").await.0, 422);
    assert_eq!(api.get("/api/v1/devices?filter=nonsense").await.0, 422);
    assert_eq!(api.get(&format!("/api/v1/sessions/{id}")).await.1["state"], "running");
}

#[tokio::test]
async fn lists_are_searched_by_whatever_is_known() {
    let api = Api::start().await;
    let device = api.app.device(7).await.id;
    let made = api.post("vouchers", json!({"count": 1, "kind": "time", "time_secs": 300})).await.1;
    let code = made["codes"][0].as_str().unwrap().to_owned();
    let session = api.app.handle.redeem(&code, device).await.unwrap();
    api.post("devices", json!({"mac": "02:00:00:00:53:63", "alias": "Till"})).await;
    let plain = code.replace('-', "").to_lowercase();
    let id = session.id.to_string();
    for q in [id.as_str(), "10.0.0.7", "02-00-00-00-53-07", "voucher", &code, &plain] {
        let found = api.get(&format!("/api/v1/sessions?q={q}")).await.1;
        assert_eq!(found["total"], 1, "{q}: {found}");
        assert_eq!(api.get(&format!("/api/v1/devices?q={q}")).await.1["total"], 1, "{q}");
    }
    assert_eq!(api.get("/api/v1/devices?q=till").await.1["total"], 1);
    assert_eq!(api.get("/api/v1/sessions?q=till").await.1["total"], 0);
    api.post(&format!("sessions/{id}/close"), json!({})).await;
    for q in [id.as_str(), "10.0.0.7", &code, &plain] {
        assert_eq!(api.get(&format!("/api/v1/sessions?q={q}")).await.1["total"], 1, "{q}, over");
    }
    let over = api.get(&format!("/api/v1/sessions?filter=$Voucher%20is%20'{code}'")).await.1;
    assert_eq!(over["total"], 1);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_before_and_after() {
    let api = Api::start().await;
    let id = api.session(1, 10.0).await;
    api.ask("PATCH", &format!("/api/v1/sessions/{id}"), json!({"add_data_mb": 5})).await;
    api.ask("PATCH", &format!("/api/v1/sessions/{id}/properties"), json!({"Floor": "3"})).await;
    api.post(&format!("sessions/{id}/roles"), json!({"add": ["vip"]})).await;
    api.post(&format!("sessions/{id}/principal"), json!({"principal": "ana"})).await;
    api.post("sessions:close", json!({"filter": "Floor is '3'", "reason": "late"})).await;
    let line = |action: &str| format!("/api/v1/audit?action={action}&subject={id}");
    for (action, before, after) in [
        ("session.change", json!({"data_mb": "10"}), json!({"data_mb": "15"})),
        ("session.properties", json!({}), json!({"properties.Floor": "3"})),
        ("session.roles", json!({}), json!({"roles": "\"vip\""})),
        ("session.principal", json!({}), json!({"principal": "ana"})),
    ] {
        let found = api.get(&line(action)).await.1;
        assert_eq!(found["total"], 1, "{action}");
        let found = &found["items"][0];
        assert_eq!((&found["before"], &found["after"]), (&before, &after), "{action}");
        assert!(found["actor"].as_str().is_some_and(|actor| !actor.is_empty()) && !found["origin"].is_null());
    }
    let many = api.get("/api/v1/audit?action=sessions.").await.1;
    assert_eq!(many["items"][0]["details"], "1 sessions: reason late; filter Floor is '3'");
    // What changes nothing leaves no line, and nor does what is refused.
    let total = api.get("/api/v1/audit").await.1["total"].clone();
    api.post("sessions:close", json!({"filter": "Floor is '4'"})).await;
    api.post("sessions:close", json!({"filter": "all", "dry_run": true})).await;
    api.post(&format!("sessions/{id}/roles"), json!({"add": ["x"]})).await;
    assert_eq!(api.get("/api/v1/audit").await.1["total"], total);
    assert_eq!(api.get("/api/v1/audit?since=yesterday").await.0, 422);
}

#[tokio::test]
async fn a_device_has_roles_and_messages_too() {
    let api = Api::start().await;
    let id = api.session(1, 10.0).await;
    let device = api.app.device(1).await.id;
    let path = format!("/api/v1/devices/{device}");
    let changed = api.ask("PATCH", &path, json!({"roles": ["staff"]})).await;
    assert_eq!((changed.0, &changed.1["roles"]), (200, &json!(["staff"])));
    let properties = api.get(&format!("/api/v1/sessions/{id}/properties?keys=$Roles")).await.1;
    assert_eq!(properties, json!({"$Roles": "\"staff\""}));
    assert_eq!(api.get("/api/v1/devices?filter=hasRoles%20'staff'").await.1["total"], 1);
    assert_eq!(api.get("/api/v1/devices?filter=$State%20is%20'running'").await.1["total"], 1);
    assert_eq!(api.ask("PATCH", &path, json!({"roles": [""]})).await.0, 422);
    let left = api.post(&format!("devices/{device}/message"), json!({"text": "Hello"})).await;
    assert_eq!((left.0, left.1["text"].as_str()), (201, Some("Hello")));
    let left = api.post(&format!("sessions/{id}/message"), json!({"text": "Again", "expires_secs": 5})).await;
    assert_eq!(left.0, 201);
    for body in
        [json!({}), json!({"text": ""}), json!({"text": " \n"}), json!({"text": "x", "expires_secs": 0})]
    {
        assert_eq!(api.post(&format!("devices/{device}/message"), body.clone()).await.0, 422, "{body}");
    }
    assert_eq!(api.get(&format!("/api/v1/messages?device={device}")).await.1["total"], 2);
    api.app.pass(std::time::Duration::from_secs(10)).await;
    assert_eq!(api.get("/api/v1/messages").await.1["total"], 1);
    let all = api.get("/api/v1/messages?all=true").await.1;
    assert_eq!(all["total"], 2);
    let message = format!("/api/v1/messages/{}", all["items"][0]["id"].as_str().unwrap());
    assert_eq!(api.ask("DELETE", &message, Value::Null).await.0, 204);
    assert_eq!(api.ask("DELETE", &message, Value::Null).await.0, 404);
}
