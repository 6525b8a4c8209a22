//! A sale for coins, with the plugin or the daemon dying at every point of it: no money is lost, nothing is given twice.

use serde_json::{Value, json};
use turnpike::domain::Money;
use turnpike::store::SalesQuery;

use super::client::{Host, Plugin};
use crate::support::mac;

/// What dies.
#[derive(Debug, Clone, Copy)]
enum Dies {
    /// The plugin, as soon as it has sent its message.
    Plugin,
    /// The daemon, as soon as the message is sent: it may or may not have read it, or be in the midst of it.
    Daemon,
    /// The daemon, a moment after it has answered.
    DaemonAfterwards,
}

/// What a plugin sends to sell time for two coins: the same each time it tries.
fn sale() -> Vec<(&'static str, Value)> {
    let device = mac(1).to_string();
    vec![
        ("hello", json!({ "protocol": 1, "name": "coins" })),
        ("provider.register", json!({ "name": "coins", "title": "Coins" })),
        ("lock.acquire", json!({ "name": "slot/1", "device": device })),
        ("credit.add", json!({ "amount": 50, "reference": "coin 1", "device": device })),
        ("credit.add", json!({ "amount": 50, "reference": "coin 2", "device": device })),
        (
            "session.create",
            json!({ "device": device, "kind": "time", "time_secs": 600, "credits": "all", "connect": true,
                "idempotency_key": "coin-1-to-coin-2" }),
        ),
        ("lock.release", json!({ "name": "slot/1" })),
    ]
}

/// Goes through the sale up to the message that somebody dies at.
async fn until(plugin: &mut Plugin, last: usize, is_answered: bool) {
    for (number, (method, params)) in sale().into_iter().enumerate() {
        if number < last || (number == last && is_answered) {
            plugin.ask(method, params).await.unwrap();
        } else if number == last {
            plugin.post(method, params).await;
        }
    }
}

/// How the books stand: sessions with their seconds, what was sold, coins that nobody has got anything for.
async fn books(host: &Host) -> (Vec<u64>, i64, i64) {
    let device = host.app.device(1).await;
    let sessions = host.app.handle.usable_sessions(device.id).await.unwrap();
    let secs = sessions.iter().map(|one| one.terms.time_limit_ms.unwrap() / 1000).collect();
    let query = SalesQuery { page: 1, per_page: 100, ..SalesQuery::default() };
    let (sold, _) = host.app.store.list_sales(&query).await.unwrap();
    let sold = sold.iter().map(|one| one.sale.amount.0).sum();
    let left = host.app.handle.unclaimed_credits("plugin/coins", None).await.unwrap();
    (secs, sold, left.iter().map(|credit| credit.amount.0).sum())
}

#[tokio::test]
async fn whoever_dies_at_any_point_of_a_sale_it_is_made_once() {
    for dies in [Dies::Plugin, Dies::Daemon, Dies::DaemonAfterwards] {
        for last in 0..sale().len() {
            let mut host = Host::start().await;
            host.app.device(1).await;
            let mut plugin = host.connect().await;
            let is_answered = matches!(dies, Dies::DaemonAfterwards);
            until(&mut plugin, last, is_answered).await;
            drop(plugin);
            if !matches!(dies, Dies::Plugin) {
                host = host.crash().await;
            }
            // No coin that was taken is gone, and nothing was sold for more than the coins.
            let (secs, sold, left) = books(&host).await;
            let sold_secs: u64 = secs.iter().sum();
            assert!(sold_secs <= 600 && sold == i64::from(sold_secs > 0) * 100, "{dies:?} at {last}");
            if is_answered {
                let coins = i64::try_from([3, 4].iter().filter(|at| **at <= last).count()).unwrap();
                assert_eq!(sold + left, coins * 50, "{dies:?} at {last}");
            }
            // It is started again and tries again, from the start.
            let mut again = loop {
                let mut plugin = host.connect().await;
                let hello = json!({ "protocol": 1, "name": "coins" });
                if plugin.ask("hello", hello).await.is_ok() {
                    break plugin;
                }
                // The one that died may not have been missed yet.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            };
            for (method, params) in sale().into_iter().skip(1) {
                let answer = again.ask(method, params).await;
                assert!(answer.is_ok(), "{dies:?} at {last}: {method} {answer:?}");
            }
            assert_eq!(books(&host).await, (vec![600], 100, 0), "{dies:?} at {last}");
        }
    }
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let host = Host::start().await;
    let device = host.app.device(1).await.id.to_string();
    let mut plugin = host.seller("coins").await;
    let sale = |secs: u64, amount: i64| {
        json!({ "device": device, "kind": "time", "time_secs": secs, "idempotency_key": "k",
            "sale": { "amount": amount, "note": "an hour" } })
    };
    let first = plugin.ask("session.create", sale(3600, 500)).await.unwrap();
    assert_eq!(first["new"], true);
    for _ in 0..3 {
        let again = plugin.ask("session.create", sale(3600, 500)).await.unwrap();
        assert_eq!((&again["session"]["id"], &again["new"]), (&first["session"]["id"], &json!(false)));
    }
    let other = plugin.ask("session.create", sale(60, 500)).await.unwrap_err();
    assert!(other["message"].as_str().unwrap().contains("another request"), "{other}");
    let topped = json!({ "session": first["session"]["id"], "add_time_secs": 60, "idempotency_key": "t" });
    for _ in 0..2 {
        let session = plugin.ask("session.update", topped.clone()).await.unwrap();
        assert_eq!(session["session"]["time_secs"], 3660);
    }
    assert_eq!(books(&host).await, (vec![3660], 500, 0));
    // A key is a plugin's own.
    let mut other = host.seller("other").await;
    assert_eq!(other.ask("session.create", sale(60, 5)).await.unwrap()["new"], true);
}

#[tokio::test]
async fn coins_buy_once_and_what_is_over_stays() {
    let host = Host::start().await;
    let device = host.app.device(1).await.id.to_string();
    let mut plugin = host.seller("coins").await;
    for (reference, is_new) in [("a", true), ("a", false), ("b", true)] {
        let credit = json!({ "amount": 50, "reference": reference, "device": device });
        assert_eq!(plugin.ask("credit.add", credit).await.unwrap()["new"], is_new);
    }
    let listed = plugin.ask("credit.list", json!({ "device": device })).await.unwrap();
    assert_eq!(listed["total"], 2);
    let buy = |amount: i64, key: &str| {
        json!({ "device": device, "kind": "time", "time_secs": 60, "credits": "all", "idempotency_key": key,
            "sale": { "amount": amount } })
    };
    let error = plugin.ask("session.create", buy(101, "x")).await.unwrap_err();
    assert_eq!(error["data"]["field"], "sale.amount");
    plugin.ask("session.create", buy(70, "y")).await.unwrap();
    let left = host.app.handle.unclaimed_credits("plugin/coins", None).await.unwrap();
    assert_eq!(left.iter().map(|one| one.amount).collect::<Vec<_>>(), [Money(30)]);
    let gone = json!({ "device": device, "kind": "time", "time_secs": 60, "idempotency_key": "z",
        "credits": [listed["items"][0]["id"]] });
    let error = plugin.ask("session.create", gone).await.unwrap_err();
    assert_eq!(error["data"]["refusal"], "credit_claimed");
    assert_eq!(books(&host).await, (vec![60], 70, 30));
}
