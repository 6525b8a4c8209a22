//! Plugins that are silent, slow, wrong, loud or dying: the manager's other work goes on, and operators see what is wrong.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use turnpike::domain::{ClientSession, DeviceId, ProviderName, Refusal};
use turnpike::runtime::PluginState;

use super::client::{Host, Plugin, eventually};
use crate::support::minutes;

/// Another device connects and disconnects as ever.
async fn others_go_on(host: &Host) {
    let device = host.app.device(9).await;
    let handle = &host.app.handle;
    if handle.usable_sessions(device.id).await.unwrap().is_empty() {
        handle.create_session(device.id, minutes(60)).await.unwrap();
    }
    let begun = Instant::now();
    for _ in 0..10 {
        handle.connect(device.id, None).await.unwrap();
        handle.disconnect(device.id, None).await.unwrap();
    }
    // A plugin's deadline is two seconds; one wait for it would show.
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

/// How long a device without a session has to wait for its no.
async fn refused_after(host: &Host, device: DeviceId) -> Duration {
    let begun = Instant::now();
    assert!(host.app.handle.connect(device, None).await.is_err());
    begun.elapsed()
}

#[tokio::test]
async fn a_silent_one_is_left_out_after_three_times() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let silent = host.seller("silent").await;
    for _ in 0..3 {
        let waiting = tokio::spawn({
            let handle = host.app.handle.clone();
            async move { handle.connect(device.id, None).await }
        });
        others_go_on(&host).await;
        assert!(waiting.await.unwrap().is_err());
    }
    assert!(host.last_error("silent").contains("did not answer"), "{}", host.last_error("silent"));
    assert!(refused_after(&host, device.id).await < Duration::from_millis(500), "it is left out");
    let values = [].into();
    let refusal = host.app.handle.submit(device.id, &ProviderName::new("silent"), values).await.unwrap_err();
    assert!(refusal.to_string().contains("is left out"), "{refusal}");
    drop(silent);
}

#[tokio::test]
async fn one_that_answers_too_late_is_not_heard() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let mut slow = host.seller("slow").await;
    let handle = host.app.handle.clone();
    let connecting = tokio::spawn(async move { handle.connect(device.id, None).await });
    let asked = slow.asked("provider.get_session").await;
    assert!(connecting.await.unwrap().is_err());
    slow.tell(&asked, json!({ "kind": "time", "time_secs": 600 })).await;
    eventually("it is blamed", || host.last_error("slow").contains("nobody waits for")).await;
    assert!(host.app.handle.usable_sessions(device.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn garbage_is_answered_and_ends_the_connection() {
    let host = Host::start().await;
    let mut plugin = host.seller("garbage").await;
    for line in [&b"\xff\xfe\n"[..], b"{}\n", b"[1,2]\n", b"{\"jsonrpc\":\"2.0\",\"id\":1}\n"] {
        assert!(plugin.raw(line).await);
        let answer = plugin.next().await.unwrap();
        assert!(answer["error"]["code"].as_i64().unwrap() <= -32600, "{answer}");
    }
    // It goes on as if nothing had been.
    plugin.ask("ping", json!({})).await.unwrap();
    for _ in 0..32 {
        plugin.raw(b"no json at all\n").await;
    }
    others_go_on(&host).await;
    while plugin.next().await.is_some() {}
    eventually("it is gone", || host.status("garbage").state == PluginState::Disconnected).await;
    assert!(host.last_error("garbage").contains("32 lines in a row"), "{}", host.last_error("garbage"));
}

#[tokio::test]
async fn a_line_of_a_megabyte_ends_the_connection() {
    let host = Host::start().await;
    let mut plugin = host.seller("long").await;
    let long = vec![b'x'; 1_000_000];
    let _ = timeout(Duration::from_secs(5), plugin.raw(&long)).await;
    others_go_on(&host).await;
    eventually("it is gone", || host.status("long").state == PluginState::Disconnected).await;
    assert!(host.last_error("long").contains("65536 bytes"), "{}", host.last_error("long"));
}

#[tokio::test]
async fn wrong_ids_are_nobody_s_answers() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let mut plugin = host.seller("ids").await;
    let handle = host.app.handle.clone();
    let connecting = tokio::spawn(async move { handle.connect(device.id, None).await });
    let asked = plugin.asked("provider.get_session").await;
    let id = asked["id"].as_u64().unwrap();
    let grant = json!({ "kind": "time", "time_secs": 600 });
    for wrong in [json!(id + 1), json!(0), json!(-1), json!("1"), json!(1e18), json!(null)] {
        plugin.send(json!({ "jsonrpc": "2.0", "id": wrong, "result": grant })).await;
    }
    eventually("it is blamed", || !host.last_error("ids").is_empty()).await;
    assert!(!connecting.is_finished());
    plugin.tell(&asked, grant).await;
    assert_eq!(connecting.await.unwrap().unwrap().provider.as_str(), "ids");
}

#[tokio::test]
async fn what_cannot_be_is_not_granted() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    for (number, answer) in [
        json!({ "kind": "time", "time_secs": -600 }),
        json!({ "kind": "time", "time_secs": 600, "device": "another" }),
        json!({ "kind": "data", "data_mb": 1e300 }),
        json!({ "kind": "time", "time_secs": 600, "down_mbps": -1 }),
        json!([]),
        json!("yes"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("liar-{number}");
        let mut liar = host.seller(&name).await;
        let handle = host.app.handle.clone();
        let connecting = tokio::spawn(async move { handle.connect(device.id, None).await });
        let asked = liar.asked("provider.get_session").await;
        liar.tell_anything(&asked, answer).await;
        assert!(connecting.await.unwrap().is_err());
        assert!(host.last_error(&name).contains("what cannot be"), "{}", host.last_error(&name));
        assert_eq!(host.status(&name).failed, 1);
        drop(liar);
        let registry = host.app.handle.registry().clone();
        eventually("it is gone", || registry.provider(&ProviderName::new(&name)).is_none()).await;
    }
    assert!(host.app.handle.usable_sessions(device.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_that_dies_mid_call_is_missed_by_nobody() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    let mut plugin = host.seller("mortal").await;
    let handle = host.app.handle.clone();
    let connecting = tokio::spawn(async move { handle.connect(device.id, None).await });
    plugin.asked("provider.get_session").await;
    let begun = Instant::now();
    drop(plugin);
    assert!(connecting.await.unwrap().is_err());
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits for the dead");
    others_go_on(&host).await;
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_given_again() {
    let host = Host::start().await;
    let mut first = host.seller("first").await;
    let mut second = host.plugin("second").await;
    for name in ["first", "voucher", "operator"] {
        let error =
            second.ask("provider.register", json!({ "name": name, "title": "Mine" })).await.unwrap_err();
        assert_eq!(error["data"]["refusal"], "name_taken", "{name}");
    }
    first.ask("authenticator.register", json!({ "name": "door" })).await.unwrap();
    let error = second.ask("authenticator.register", json!({ "name": "door" })).await.unwrap_err();
    assert_eq!(error["data"]["refusal"], "name_taken");
    let error = second.ask("provider.unregister", json!({ "name": "first" })).await.unwrap_err();
    assert_eq!(error["data"]["field"], "name");
    // And once it is free it can be had.
    drop(first);
    let registry = host.app.handle.registry().clone();
    eventually("it is free", || registry.provider(&ProviderName::new("first")).is_none()).await;
    second.ask("provider.register", json!({ "name": "first", "title": "Mine" })).await.unwrap();
}

#[tokio::test]
async fn a_flood_is_read_slowly_and_kept_nowhere() {
    let host = Host::start().await;
    let mut plugin = host.seller("flood").await;
    let line = format!("{}\n", json!({ "jsonrpc": "2.0", "method": "ping", "params": {} }));
    let lines = line.repeat(1000);
    let sent = Arc::new(std::sync::Mutex::new(0_usize));
    let counted = Arc::clone(&sent);
    // A million of them; the pipe fills and the plugin waits.
    let flooding = tokio::spawn(async move {
        for _ in 0..1000 {
            if !plugin.raw(lines.as_bytes()).await {
                return plugin;
            }
            *counted.lock().unwrap() += 1000;
        }
        plugin
    });
    for _ in 0..5 {
        others_go_on(&host).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!flooding.is_finished(), "it is made to wait");
    let sent = *sent.lock().unwrap();
    assert!(sent < 30_000, "{sent} messages were taken");
    flooding.abort();
}

#[tokio::test]
async fn one_that_does_not_read_is_not_waited_for() {
    let host = Host::start().await;
    let mut deaf = host.plugin("deaf").await;
    // Each answer is long, and none of them is read.
    for id in 0..2000 {
        let ask =
            json!({ "jsonrpc": "2.0", "id": "x".repeat(128), "method": "no.such", "params": { "n": id } });
        if timeout(Duration::from_millis(50), deaf.raw(format!("{ask}\n").as_bytes())).await.is_err() {
            break;
        }
    }
    others_go_on(&host).await;
    drop(deaf);
}

#[tokio::test]
async fn requests_beyond_those_that_can_wait_are_refused() {
    let host = Host::start().await;
    let mut plugin = host.plugin("eager").await;
    let mut lines = String::new();
    for id in 1000..1500 {
        let ask = json!({ "jsonrpc": "2.0", "id": id, "method": "session.list", "params": {} });
        lines.push_str(&format!("{ask}\n"));
    }
    assert!(plugin.raw(lines.as_bytes()).await);
    let (mut done, mut busy) = (0, 0);
    for _ in 0..500 {
        let answer = plugin.next().await.unwrap();
        match answer["error"]["code"].as_i64() {
            None => done += 1,
            Some(-32005) => busy += 1,
            Some(other) => panic!("{other}"),
        }
    }
    assert!(done >= 32 && done + busy == 500, "{done} done, {busy} busy");
}

/// What becomes of a connect that the authenticator answers so.
async fn judged(
    host: &Host,
    device: DeviceId,
    door: &mut Plugin,
    answer: Option<Value>,
) -> Result<ClientSession, Refusal> {
    let handle = host.app.handle.clone();
    let connecting = tokio::spawn(async move { handle.connect(device, None).await });
    let asked = door.asked("authenticate").await;
    assert_eq!(asked["params"]["occasion"], "connect");
    if let Some(answer) = answer {
        door.tell_anything(&asked, answer).await;
    }
    connecting.await.unwrap()
}

#[tokio::test]
async fn an_authenticator_that_is_silent_is_taken_by_the_configured_word() {
    let host = Host::start().await;
    let device = host.app.device(1).await;
    host.app.handle.create_session(device.id, minutes(5)).await.unwrap();
    let mut door = host.plugin("door").await;
    door.ask("authenticator.register", json!({ "name": "door" })).await.unwrap();
    let denied = judged(&host, device.id, &mut door, Some(json!({ "deny": { "text": "Not before eight" } })))
        .await
        .unwrap_err();
    assert_eq!(denied.to_string(), "this is not allowed: Not before eight");
    let silent = judged(&host, device.id, &mut door, None).await.unwrap_err();
    assert!(silent.to_string().contains("cannot be checked"), "{silent}");
    let wrong =
        judged(&host, device.id, &mut door, Some(json!({ "allow": { "time_secs": 5 } }))).await.unwrap_err();
    assert!(wrong.to_string().contains("cannot be checked"), "{wrong}");
    let allow = json!({ "allow": { "roles_add": ["vip"], "properties": { "Class": "7b" } } });
    let session = judged(&host, device.id, &mut door, Some(allow)).await.unwrap();
    assert!(session.is_running() && session.roles.contains("vip"));
    assert_eq!(session.properties.get("Class").map(String::as_str), Some("7b"));
}
