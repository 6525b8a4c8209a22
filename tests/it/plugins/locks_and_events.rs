//! Locks that plugins hold, for themselves and for devices, and what they hear of sessions.

use serde_json::json;
use turnpike::domain::LockOwner;

use super::client::{Host, eventually};
use crate::support::minutes;

#[tokio::test]
async fn a_lock_is_lost_with_the_device_and_with_the_connection() {
    let host = Host::start().await;
    let (ana, ben) = (host.app.device(1).await, host.app.device(2).await);
    let mut plugin = host.seller("coins").await;
    let slot = "coinslot/1".parse().unwrap();
    let acquire = |device: &str| json!({ "name": "coinslot/1", "device": device });
    let got = plugin.ask("lock.acquire", acquire(&ana.id.to_string())).await.unwrap();
    assert_eq!(got, json!({ "name": "coinslot/1", "scope": "UNLOCK_ON_CONNECTION_LOSS", "new": true }));
    let held = plugin.ask("lock.acquire", acquire(&ben.id.to_string())).await.unwrap_err();
    assert_eq!(held["data"]["refusal"], "lock_held");
    // One in line gets it as the first one walks away, of which the plugin is told.
    let mut wait = acquire(&ben.id.to_string());
    wait["wait_secs"] = json!(30);
    let waiting = plugin.post("lock.acquire", wait).await;
    plugin.ask("ping", json!({})).await.unwrap();
    host.app.lan.leave(ana.mac);
    let lost = plugin.asked("lock.lost").await;
    assert_eq!(
        (&lost["params"]["name"], &lost["params"]["device"]),
        (&json!("coinslot/1"), &json!(ana.id.to_string()))
    );
    assert_eq!(plugin.answer(waiting).await.unwrap()["new"], true);
    assert_eq!(host.app.handle.lock_holder(&slot), Some(LockOwner::Device(ben.id)));
    // An operator takes it.
    host.app.handle.release_lock(&slot, None).unwrap();
    let lost = plugin.asked("lock.lost").await;
    assert_eq!(lost["params"]["device"], ben.id.to_string());
    let error = plugin.ask("lock.release", json!({ "name": "coinslot/1" })).await.unwrap_err();
    assert_eq!(error["data"]["refusal"], "lock_not_held");

    // For itself, and for a device: both end with the connection, unless the device's was to outlast it.
    plugin.ask("lock.acquire", json!({ "name": "own" })).await.unwrap();
    plugin.ask("lock.acquire", acquire(&ben.id.to_string())).await.unwrap();
    let lasting =
        json!({ "name": "lasting", "device": ben.id.to_string(), "scope": "UNLOCK_ON_SESSION_LOSS" });
    plugin.ask("lock.acquire", lasting).await.unwrap();
    assert_eq!(host.app.handle.locks().len(), 3);
    drop(plugin);
    eventually("two of them end", || host.app.handle.locks().len() == 1).await;
    assert!(host.app.handle.lock_holder(&"lasting".parse().unwrap()).is_some());
}

#[tokio::test]
async fn what_happens_to_sessions_is_told_from_where_the_plugin_left_off() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let handle = host.app.handle.clone();
    handle.create_session(device.id, minutes(5)).await.unwrap();
    let mut plugin = host.plugin("watcher").await;
    let subscribe = json!({ "filter": "$Zone is \"guests\"", "properties": ["$State"] });
    assert_eq!(plugin.ask("events.subscribe", subscribe.clone()).await.unwrap()["subscription"], 1);
    let open = plugin.asked("event").await;
    assert_eq!(
        (&open["params"]["type"], &open["params"]["properties"]),
        (&json!("open"), &json!({ "$State": "available" }))
    );
    let ready = plugin.asked("event").await;
    assert_eq!(ready["params"]["type"], "ready");
    handle.connect(device.id, None).await.unwrap();
    let event = plugin.asked("event").await;
    assert_eq!(event["params"]["properties"], json!({ "$State": "running" }));
    let last = event["params"]["id"].as_i64().unwrap();
    drop(plugin);

    handle.disconnect(device.id, None).await.unwrap();
    let mut plugin = host.connect().await;
    plugin.ask("hello", json!({ "protocol": 1, "name": "watcher-2" })).await.unwrap();
    let mut again = subscribe;
    again["since"] = json!(last);
    plugin.ask("events.subscribe", again).await.unwrap();
    let missed = plugin.asked("event").await;
    assert_eq!(missed["params"]["type"], "disconnected");
    assert!(missed["params"]["id"].as_i64().unwrap() > last);
    // What never was cannot be resumed from: everything is told anew.
    plugin.ask("events.subscribe", json!({ "since": 1_000_000 })).await.unwrap();
    loop {
        let told = plugin.asked("event").await;
        if told["params"]["subscription"] == 2 {
            assert_eq!(told["params"]["type"], "resync");
            break;
        }
    }
}

#[tokio::test]
async fn a_page_waits_with_a_plugin_and_no_longer() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let id = device.id.to_string();
    let mut plugin = host.seller("coins").await;
    let wait =
        json!({ "device": id, "text": "Insert a coin", "secs": 60, "done": "Done", "cancel": "Cancel" });
    plugin.ask("waiting.set", wait.clone()).await.unwrap();
    let (provider, waiting) = host.app.handle.waiting(device.id).unwrap();
    assert_eq!((provider.as_str(), waiting.text.as_str()), ("coins", "Insert a coin"));
    assert_eq!(waiting.until, Some(host.app.clock.now().boot.plus_millis(60_000)));
    // Another plugin's page is none of its business.
    let mut other = host.seller("other").await;
    assert!(other.ask("waiting.set", wait).await.is_err());
    other.ask("waiting.clear", json!({ "device": id })).await.unwrap();
    assert!(host.app.handle.waiting(device.id).is_some());
    drop(plugin);
    eventually("nobody waits any more", || host.app.handle.waiting(device.id).is_none()).await;
}
