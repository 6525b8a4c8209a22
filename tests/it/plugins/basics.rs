//! What a plugin asks for and is asked, and what it may not do.

use serde_json::{Value, json};
use turnpike::domain::{ProviderName, SessionState};
use turnpike::runtime::PluginState;
use turnpike::store::TokenText;

use super::client::{Host, Plugin, eventually};
use crate::support::mac;

#[tokio::test]
async fn a_plugin_registers_a_provider_and_its_session_is_connected_on() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let mut plugin = host.seller("coins").await;
    let status = host.status("coins");
    assert_eq!(status.state, PluginState::Connected);
    assert_eq!(status.providers.iter().map(ProviderName::as_str).collect::<Vec<_>>(), ["coins"]);

    let handle = host.app.handle.clone();
    let connecting = tokio::spawn(async move { handle.connect(device.id, None).await });
    let asked = plugin.asked("provider.get_session").await;
    assert_eq!(asked["params"]["device"]["mac"], mac(1).to_string());
    plugin
        .tell(&asked, json!({ "kind": "time", "time_secs": 600, "reference": "slot 1", "roles": ["vip"] }))
        .await;
    let session = connecting.await.unwrap().unwrap();
    assert_eq!((session.provider.as_str(), session.source.as_deref()), ("coins", Some("slot 1")));
    assert!(session.is_running() && session.roles.contains("vip"));

    // Its usage comes back to it.
    host.app.pass(std::time::Duration::from_secs(30)).await;
    let handle = host.app.handle.clone();
    let closing = tokio::spawn(async move { handle.disconnect(device.id, None).await });
    let saved = plugin.asked("source.save").await;
    plugin.tell(&saved, json!({})).await;
    closing.await.unwrap().unwrap();
    assert_eq!(saved["params"]["reference"], "slot 1");

    // What it registered lives as long as its connection.
    drop(plugin);
    let registry = host.app.handle.registry().clone();
    eventually("the provider is gone", || registry.provider(&ProviderName::new("coins")).is_none()).await;
    eventually("it is shown as gone", || host.status("coins").state == PluginState::Disconnected).await;
}

#[tokio::test]
async fn hello_comes_first_and_says_what_is_there() {
    let host = Host::start().await;
    let mut plugin = host.connect().await;
    let early = plugin.ask("provider.register", json!({ "name": "coins" })).await.unwrap_err();
    assert_eq!(early["code"], -32001);
    let wrong = plugin.ask("hello", json!({ "protocol": 2, "name": "coins" })).await.unwrap_err();
    assert_eq!(wrong["data"]["field"], "protocol");
    for name in ["", "Coins", "a b", "voucher", "operator", &"x".repeat(33)] {
        let wrong = plugin.ask("hello", json!({ "protocol": 1, "name": name })).await.unwrap_err();
        assert_eq!(wrong["data"]["field"], "name", "{name:?}");
    }
    let hello = plugin.ask("hello", json!({ "protocol": 1, "name": "coins" })).await.unwrap();
    assert_eq!(hello["currency"], json!({ "code": "EUR", "digits": 2 }));
    assert_eq!(hello["permissions"], json!(["admin"]));
    let again = plugin.ask("hello", json!({ "protocol": 1, "name": "coins" })).await.unwrap_err();
    assert_eq!(again["code"], -32600);
    // The name is taken while it is there.
    let mut other = host.connect().await;
    let taken = other.ask("hello", json!({ "protocol": 1, "name": "coins" })).await.unwrap_err();
    assert_eq!(taken["data"]["field"], "name");
}

#[tokio::test]
async fn a_token_s_permissions_are_the_plugin_s() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let (id, now) = (device.id.to_string(), host.app.clock.now().wall);
    let text = TokenText::random().unwrap();
    let permissions = ["register_handler".parse().unwrap(), "acquire_lock:slot".parse().unwrap()];
    let name = turnpike::domain::Text::new("plugin");
    let token = host.app.store.create_token(&name, &permissions, &text, now).await.unwrap();
    let mut plugin = host.connect().await;
    let hello = json!({ "protocol": 1, "name": "coins", "token": text.as_str() });
    let hello = plugin.ask("hello", hello).await.unwrap();
    assert_eq!(hello["permissions"], json!(["register_handler", "acquire_lock:slot"]));
    for (method, params, permission) in [
        ("connect", json!({ "device": id }), "view_session"),
        ("device.get", json!({ "device": id }), "view_session"),
        ("device.list", json!({}), "view_session"),
        ("message", json!({ "device": id, "text": "hi" }), "view_session"),
        ("plan.list", json!({}), "view_session"),
        ("lock.acquire", json!({ "name": "other/1" }), "acquire_lock:other/1"),
    ] {
        let error = plugin.ask(method, params).await.unwrap_err();
        assert_eq!(
            (&error["code"], &error["data"]["permission"]),
            (&json!(-32002), &json!(permission)),
            "{method}"
        );
    }
    plugin.ask("lock.acquire", json!({ "name": "slot/1" })).await.unwrap();
    plugin.ask("provider.register", json!({ "name": "coins", "title": "Coins" })).await.unwrap();
    let own = json!({ "device": id, "kind": "time", "time_secs": 60 });
    let own = plugin.ask("session.create", own).await.unwrap();
    plugin.ask("session.get", json!({ "session": own["session"]["id"] })).await.unwrap();
    // Another's is none of its business.
    let other = host.app.handle.create_session(device.id, crate::support::minutes(5)).await.unwrap();
    for (method, permission) in [
        ("session.get", "view_session"),
        ("session.close", "view_session"),
        ("session.update", "view_session"),
    ] {
        let error = plugin.ask(method, json!({ "session": other.id.to_string() })).await.unwrap_err();
        assert_eq!(error["data"]["permission"], permission, "{method}");
    }
    let listed = plugin.ask("session.list", json!({})).await.unwrap();
    assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(1), &own["session"]["id"]));
    // It ends with its token.
    host.app.store.revoke_token(token.id, now).await.unwrap();
    let gone = tokio::time::timeout(std::time::Duration::from_secs(9), async {
        while plugin.next().await.is_some() {}
    });
    gone.await.expect("the connection is closed");
    assert!(host.last_error("coins").contains("revoked"), "{}", host.last_error("coins"));
    let mut plugin = host.connect().await;
    let hello = json!({ "protocol": 1, "name": "coins", "token": text.as_str() });
    assert_eq!(plugin.ask("hello", hello).await.unwrap_err()["data"]["field"], "token");
}

async fn refused(plugin: &mut Plugin, method: &str, params: Value, field: &str) {
    let error = plugin.ask(method, params.clone()).await.unwrap_err();
    assert_eq!(error["data"]["field"], field, "{method} {params}: {error}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field_and_changes_nothing() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let id = device.id.to_string();
    let mut plugin = host.seller("coins").await;
    let create = |extra: Value| {
        let mut params = json!({ "device": id, "kind": "time", "time_secs": 60 });
        params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        params
    };
    for (extra, field) in [
        (json!({ "time_secs": -5 }), "time_secs"),
        (json!({ "time_secs": 1e300 }), "time_secs"),
        (json!({ "time_secs": "60" }), "time_secs"),
        (json!({ "time_secs": 0 }), "time_secs"),
        (json!({ "time_secs": u64::MAX }), "time_secs"),
        (json!({ "data_mb": 5 }), "data_mb"),
        (json!({ "kind": "forever" }), "kind"),
        (json!({ "kind": null }), "kind"),
        (json!({ "down_mbps": -1 }), "down_mbps"),
        (json!({ "exp_days": 0 }), "exp_days"),
        (json!({ "plan": "no-such" , "kind": null, "time_secs": null }), "plan"),
        (json!({ "reference": "" }), "reference"),
        (json!({ "principal": "a\u{0}b" }), "principal"),
        (json!({ "properties": { "$State": "x" } }), "properties"),
        (json!({ "properties": { "a": 1 } }), "properties"),
        (json!({ "roles": [""] }), "roles"),
        (json!({ "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "time_used_secs": -1 }), "time_used_secs"),
        (json!({ "sent_mb": -1 }), "sent_mb"),
        (json!({ "minutes": 5 }), "minutes"),
        (json!({ "sale": { "amount": 100 } }), "idempotency_key"),
        (json!({ "sale": { "amount": -100 }, "idempotency_key": "k" }), "amount"),
        (json!({ "idempotency_key": "a b" }), "idempotency_key"),
        (json!({ "credits": "some", "idempotency_key": "k" }), "credits"),
        (json!({ "credits": "all", "idempotency_key": "k" }), "credits"),
        (json!({ "device": "nobody" }), "device"),
    ] {
        refused(&mut plugin, "session.create", create(extra), field).await;
    }
    let foreign = create(json!({ "provider": "voucher" }));
    assert_eq!(plugin.ask("session.create", foreign).await.unwrap_err()["code"], -32004);
    let unknown = create(json!({ "device": "019aa4d4-0000-7000-8000-000000000000" }));
    assert_eq!(plugin.ask("session.create", unknown).await.unwrap_err()["data"]["refusal"], "unknown_device");
    for (method, params, field) in [
        ("provider.register", json!({ "name": "A" }), "name"),
        ("provider.register", json!({ "name": "voucher" }), "name"),
        ("provider.register", json!({ "name": "b", "button": "x" }), "title"),
        (
            "provider.register",
            json!({ "name": "b", "title": "B", "fields": [{ "name": "X", "label": "l" }] }),
            "fields",
        ),
        (
            "provider.register",
            json!({ "name": "b", "title": "B", "fields": [{ "name": "x", "label": "l", "kind": "file" }] }),
            "kind",
        ),
        ("waiting.set", json!({ "device": id, "text": "x", "secs": -1 }), "secs"),
        ("credit.add", json!({ "amount": 0, "reference": "r" }), "amount"),
        ("credit.add", json!({ "amount": 5, "reference": "" }), "reference"),
        ("lock.acquire", json!({ "name": "/" }), "name"),
        ("lock.acquire", json!({ "name": "a", "wait_secs": 1e9 }), "wait_secs"),
        ("lock.acquire", json!({ "name": "a", "scope": "forever" }), "scope"),
        ("events.subscribe", json!({ "filter": "is is" }), "filter"),
        ("events.subscribe", json!({ "filter": "$TimeLeft lt \"5\"" }), "filter"),
        ("log", json!({ "text": "a", "level": "loud" }), "level"),
        ("message", json!({ "device": id, "text": "" }), "text"),
        ("session.get", json!({ "session": "x" }), "session"),
        ("session.list", json!({ "per_page": 1000 }), "per_page"),
    ] {
        refused(&mut plugin, method, params, field).await;
    }
    assert_eq!(plugin.ask("no.such", json!({})).await.unwrap_err()["code"], -32601);
    assert_eq!(plugin.ask("session.list", json!({})).await.unwrap()["total"], 0);
    assert!(!host.last_error("coins").is_empty());
}

#[tokio::test]
async fn a_form_is_handed_over_and_its_answer_is_checked() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let mut plugin = host.plugin("cloud").await;
    let face =
        json!({ "name": "cloud", "title": "Account", "fields": [{ "name": "user", "label": "Name" }] });
    plugin.ask("provider.register", face).await.unwrap();
    let name = ProviderName::new("cloud");
    for (answer, is_taken) in [
        (json!({ "refuse": { "text": "Unknown account", "field": "user" } }), false),
        (json!({ "grant": { "kind": "time", "time_secs": -600 } }), false),
        (json!({ "grant": { "kind": "time", "time_secs": 600, "device": "another" } }), false),
        (json!({ "grant": {}, "done": {} }), false),
        (json!("yes"), false),
        (json!(null), false),
    ] {
        // Wrong three times in a row it would be left out.
        let (handle, name) = (host.app.handle.clone(), name.clone());
        let values = [("user".to_owned(), "ana".to_owned())].into();
        let submitting = tokio::spawn(async move { handle.submit(device.id, &name, values).await });
        let asked = tokio::select! {
            asked = plugin.asked("portal.submit") => asked,
            () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {
                assert!(submitting.await.unwrap().unwrap_err().to_string().contains("left out"));
                continue;
            }
        };
        assert_eq!(asked["params"]["values"], json!({ "user": "ana" }));
        plugin.tell_anything(&asked, answer.clone()).await;
        assert_eq!(submitting.await.unwrap().is_ok(), is_taken, "{answer}");
    }
    assert!(host.app.handle.usable_sessions(device.id).await.unwrap().is_empty());
    assert_eq!(host.status("cloud").failed, 3);
}

#[tokio::test]
async fn a_grant_of_a_form_connects() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let mut plugin = host.seller("coins").await;
    let handle = host.app.handle.clone();
    let submitting =
        tokio::spawn(async move { handle.submit(device.id, &ProviderName::new("coins"), [].into()).await });
    let asked = plugin.asked("portal.submit").await;
    plugin.tell(&asked, json!({ "grant": { "kind": "data", "data_mb": 5.5 } })).await;
    submitting.await.unwrap().unwrap();
    assert!(host.app.handle.is_connected(device.id).await.unwrap());
    let session = host.app.handle.usable_sessions(device.id).await.unwrap().remove(0);
    assert_eq!(session.terms.data_limit_bytes, Some(5_500_000));
    let shown = plugin.ask("session.list", json!({ "device": device.mac.to_string() })).await.unwrap();
    assert_eq!(shown["items"][0]["id"], session.id.to_string());
    let closed = json!({ "session": session.id.to_string(), "reason": "refunded" });
    let closed = plugin.ask("session.close", closed).await.unwrap();
    assert_eq!(
        (&closed["session"]["state"], &closed["session"]["reason"]),
        (&json!("closed"), &json!("revoked"))
    );
    assert!(matches!(host.app.handle.session(session.id).await.unwrap().state, SessionState::Closed(..)));
}
