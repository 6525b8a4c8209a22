//! Vouchers and sales: each is there once, whenever the daemon dies.

use std::cell::Cell;

use serde_json::{Value, json};

use super::stage::{Stage, lab};
use crate::lab::{DaemonConfig, used_bytes};

/// A stage with a till.
fn config() -> DaemonConfig {
    DaemonConfig { more: "[site]\ncurrency = \"EUR\"\n".to_owned(), ..DaemonConfig::default() }
}

fn plan(stage: &Stage<'_>) {
    let hour =
        json!({"name": "hour", "kind": "time_or_data", "time_secs": 3600, "data_mb": 100, "price": "2.50"});
    stage.daemon.post("/api/v1/plans", &hour);
}

fn sales(stage: &Stage<'_>) -> u64 {
    stage.daemon.get("/api/v1/sales?per_page=1000")["total"].as_u64().expect("a number")
}

/// A key that no request had before.
fn fresh(number: &Cell<u32>) -> String {
    number.set(number.get() + 1);
    format!("key-{}", number.get())
}

#[test]
fn redeem() {
    let lab = lab();
    let mut stage = Stage::set_with(&lab, config());
    plan(&stage);
    let path = |code: &str| format!("/api/v1/vouchers/{code}/redeem");
    stage.each_death(
        |stage| {
            let made = stage.daemon.post("/api/v1/vouchers", &json!({"count": 1, "plan": "hour"}));
            let code = made["codes"][0].as_str().unwrap_or_else(|| panic!("no code: {made}")).to_owned();
            (code, stage.sessions().len())
        },
        |stage, (code, _)| stage.post(&path(code), &json!({"device": stage.guest})),
        |stage, (code, before), answer| {
            let of_voucher = stage.sessions().len() - before;
            assert!(of_voucher == 1 || answer.is_none() && of_voucher == 0, "{of_voucher} sessions");
            let voucher = stage.daemon.get(&format!("/api/v1/vouchers/{code}"));
            assert_eq!(voucher["status"] == "redeemed", of_voucher == 1, "{voucher}");
            // Whoever was not answered types it in once more.
            let again = stage.post(&path(code), &json!({"device": stage.guest})).unwrap();
            let refused = again.status == 409;
            assert_eq!(refused, of_voucher == 1, "{again:?}");
            assert_eq!(stage.sessions().len(), before + 1, "{again:?}");
        },
    );
    stage.ends(&["store.commit", "store.committed", "owner.answer"]);
}

#[test]
fn sell() {
    let lab = lab();
    let mut stage = Stage::set_with(&lab, config());
    plan(&stage);
    let number = Cell::new(0);
    let sold = |stage: &Stage<'_>| {
        stage.daemon.get("/api/v1/vouchers?status=sold")["total"].as_u64().expect("a number")
    };
    stage.each_death(
        |stage| (fresh(&number), sales(stage)),
        |stage, (key, _)| stage.post_once(key, "/api/v1/vouchers/sell", &json!({"plan": "hour"})),
        |stage, (key, before), answer| {
            assert_eq!(sales(stage), sold(stage), "a sale for each voucher that was sold");
            assert!(sales(stage) == before + 1 || answer.is_none() && sales(stage) == *before);
            let again = stage.post_once(key, "/api/v1/vouchers/sell", &json!({"plan": "hour"})).unwrap();
            assert_eq!(again.status, 201, "{again:?}");
            assert_eq!((sales(stage), sold(stage)), (before + 1, before + 1), "{again:?}");
            if let Some(answer) = answer {
                assert_eq!(answer.json()["voucher"]["code"], again.json()["voucher"]["code"]);
            }
        },
    );
    stage.ends(&["store.write", "store.written"]);
}

/// Five megabytes more for somebody who is online.
#[test]
fn top_up() {
    let lab = lab();
    let mut stage = Stage::set_with(&lab, config());
    let number = Cell::new(0);
    let mb = |stage: &Stage<'_>, session: &str| -> f64 {
        stage.daemon.session(session)["data_mb"].as_f64().unwrap()
    };
    let body = |session: &String| -> Value { json!({"to": session, "add_data_mb": 5, "price": "1"}) };
    stage.each_death(
        |stage| (fresh(&number), stage.online(), sales(stage)),
        |stage, (key, session, _)| stage.post_once(key, "/api/v1/top_ups", &body(session)),
        |stage, (key, session, before), answer| {
            let more = mb(stage, session) - 10_000.0;
            let paid = sales(stage) - before;
            assert!(
                more == 5.0 && paid == 1 || answer.is_none() && more == 0.0 && paid == 0,
                "{more} MB, {paid} paid"
            );
            let again = stage.post_once(key, "/api/v1/top_ups", &body(session)).unwrap();
            assert_eq!(again.status, 200, "{again:?}");
            assert_eq!((mb(stage, session), sales(stage)), (10_005.0, before + 1), "{again:?}");
            assert!(stage.traffic_goes_on());
            assert!(used_bytes(&stage.daemon.session(session)) > 0);
            stage.daemon.post(&format!("/api/v1/sessions/{session}/close"), &json!({}));
        },
    );
    stage.ends(&["owner.stored", "owner.applied", "store.committed"]);
}
