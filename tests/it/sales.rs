//! The counter: each sale is one line of the till, in the transaction that does what was paid for.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;
use turnpike::domain::{CloseReason, Permission, Refusal, SessionState};

use crate::counter::Counter;

async fn till(counter: &Counter) -> Vec<Value> {
    counter.get("/api/v1/sales").await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_plan_is_sold_as_a_code_that_is_then_redeemed() {
    let counter = Counter::open().await;
    counter.hour().await;
    let (status, sold) =
        counter.post("/api/v1/vouchers/sell", json!({ "plan": "hour", "note": "table 4" })).await;
    assert_eq!(status, 201, "{sold}");
    let code = sold["voucher"]["code"].as_str().unwrap();
    assert_eq!((&sold["voucher"]["status"], &sold["voucher"]["seller"]), (&json!("sold"), &json!("ana")));
    let line = &sold["sale"];
    assert_eq!(
        (&line["amount"], &line["currency"], &line["item"]),
        (&json!("2.50"), &json!("EUR"), &json!("voucher"))
    );
    assert_eq!(
        (&line["seller"], &line["note"], &line["plan"]),
        (&json!("ana"), &json!("table 4"), &json!("hour"))
    );
    assert_eq!(till(&counter).await, std::slice::from_ref(line));
    assert_eq!(counter.get(&format!("/api/v1/sales/{}", line["id"].as_str().unwrap())).await, *line);

    let (_, session) = counter.online(1, code).await;
    assert_eq!((session.plan.as_deref(), session.terms.time_limit_ms), (Some("hour"), Some(3_600_000)));
    assert_eq!(till(&counter).await.len(), 1, "redeeming is no sale");
    let (status, _) = counter.post("/api/v1/vouchers/sell", json!({ "code": code })).await;
    assert_eq!(status, 409, "it was sold before");
}

#[tokio::test]
async fn a_batch_is_sold_one_by_one_until_none_is_left() {
    let counter = Counter::open().await;
    let new = json!({ "count": 3, "kind": "time", "time_secs": 60, "price": "1" });
    let (batch, codes) = counter.batch(new).await;
    counter.app.handle.redeem(&codes[1], counter.app.device(1).await.id).await.unwrap();
    let sell = |body| counter.post("/api/v1/vouchers/sell", body);
    let first = sell(json!({ "batch": batch })).await.1;
    assert_eq!(first["voucher"]["code"], json!(codes[0]));
    let typed = codes[2].to_lowercase().replace('-', " ");
    assert_eq!(sell(json!({ "code": typed })).await.0, 201);
    assert_eq!(sell(json!({ "code": codes[2] })).await.1["type"], "/problems/voucher-sold");
    assert_eq!(sell(json!({ "code": codes[1] })).await.1["type"], "/problems/voucher-used");
    assert_eq!(sell(json!({ "batch": batch })).await.1["type"], "/problems/sold-out");
    for (body, status) in [
        (json!({ "batch": 99 }), 404),
        (json!({ "plan": "none" }), 404),
        (json!({ "code": "22222-22222" }), 404),
        (json!({ "code": "<b>" }), 404),
        (json!({}), 422),
        (json!({ "plan": "hour", "batch": 1 }), 422),
        (json!({ "batch": "1" }), 422),
        (json!({ "batch": batch, "seller": "me" }), 422),
    ] {
        assert_eq!(sell(body.clone()).await.0, status, "{body}");
    }
    assert_eq!(till(&counter).await.len(), 2);
    assert_eq!(counter.get("/api/v1/vouchers?seller=ana").await["total"], 2);
    assert_eq!(counter.get("/api/v1/vouchers?status=sold").await["total"], 2);
}

#[tokio::test]
async fn a_sale_that_is_asked_for_again_is_one_sale() {
    let counter = Counter::open().await;
    counter.hour().await;
    let body = json!({ "plan": "hour" });
    let first = counter.once("k1", "/api/v1/vouchers/sell", body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = counter.once("k1", "/api/v1/vouchers/sell", body).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.json()["voucher"]["code"], first.json()["voucher"]["code"]);
    assert_eq!(again.json()["sale"], first.json()["sale"]);

    let device = counter.app.device(1).await;
    let top_up = json!({ "to": device.id.to_string(), "plan": "hour" });
    let made = counter.once("k2", "/api/v1/top_ups", top_up.clone()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(counter.once("k2", "/api/v1/top_ups", top_up.clone()).await.json(), made.json());
    let more = counter.once("k3", "/api/v1/top_ups", top_up.clone()).await;
    assert_eq!(more.json()["time_secs"], 7200);
    // The answers are lost in a crash: what was sold is found again.
    let path = counter.app.dir.path().join("turnpike.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE once SET status = NULL, body = NULL").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let counter = counter.crash().await;
    let found = counter.once("k3", "/api/v1/top_ups", top_up).await;
    assert_eq!((found.status, &found.json()["time_secs"]), (200, &json!(7200)), "{}", found.text);
    let found = counter.once("k1", "/api/v1/vouchers/sell", json!({ "plan": "hour" })).await;
    assert_eq!(found.json()["voucher"]["code"], first.json()["voucher"]["code"]);
    assert_eq!(till(&counter).await.len(), 3);
    assert_eq!(counter.get("/api/v1/sales?by=item").await["amount"], "7.50");
}

#[tokio::test]
async fn a_device_gets_more_of_what_it_has_or_a_session_of_its_own() {
    let counter = Counter::open().await;
    counter.hour().await;
    let fast = json!({ "name": "fast", "kind": "time", "time_secs": 600, "down_mbps": 50, "price": "4" });
    assert_eq!(counter.post("/api/v1/plans", fast).await.0, 201);
    for more in [
        json!({ "name": "daily", "repeat": { "every": "day", "at_hour": 4 } }),
        json!({ "name": "week", "exp_days": 7 }),
    ] {
        let mut plan = json!({ "kind": "time", "time_secs": 600, "price": "4" });
        plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(counter.post("/api/v1/plans", plan).await.0, 201);
    }
    let device = counter.app.device(1).await;
    let to = device.id.to_string();
    let top_up = |body: Value| counter.post("/api/v1/top_ups", body);
    let (status, first) = top_up(json!({ "to": device.mac.to_string(), "plan": "hour" })).await;
    assert_eq!((status, &first["plan"], &first["state"]), (200, &json!("hour"), &json!("available")));
    let session = counter.app.handle.connect(device.id, None).await.unwrap();
    counter.app.pass(Duration::from_secs(60)).await;
    let (_, more) = top_up(json!({ "to": to, "plan": "hour" })).await;
    assert_eq!((&more["id"], &more["time_secs"]), (&first["id"], &json!(7200)));
    assert_eq!(more["time_left_secs"], 7140.0);
    let (_, more) =
        top_up(json!({ "to": session.id.to_string(), "add_time_secs": 60, "price": "0.10" })).await;
    assert_eq!(more["time_secs"], 7260);
    let (_, other) = top_up(json!({ "to": to, "plan": "fast" })).await;
    assert_ne!(other["id"], first["id"], "another speed is another session");
    let sums = counter.get("/api/v1/sales?by=item,plan").await;
    let line = |item: &str, plan: Value, sold, amount: &str| json!({ "day": null, "seller": null, "plan": plan, "item": item, "sold": sold, "refunded": 0, "amount": amount });
    let expected = json!([
        line("top_up", Value::Null, 1, "0.10"),
        line("session", json!("fast"), 1, "4.00"),
        line("session", json!("hour"), 1, "2.50"),
        line("top_up", json!("hour"), 1, "2.50"),
    ]);
    assert_eq!(sums["items"], expected);

    let lines = till(&counter).await;
    assert!(lines.iter().all(|line| line["device"] == to && !line["session"].is_null()), "{lines:?}");
    for (body, status, field) in [
        (json!({ "to": to }), 422, "plan"),
        (json!({ "to": to, "plan": "none" }), 404, "plan"),
        (json!({ "to": to, "plan": "hour", "price": "1" }), 422, "plan"),
        (json!({ "to": to, "add_data_mb": 5 }), 422, "add_data_mb"),
        (json!({ "to": to, "add_time_secs": u64::MAX }), 422, "add_time_secs"),
        (json!({ "to": to, "add_time_secs": 60, "price": "x" }), 422, "price"),
        (json!({ "to": "10.9.9.9", "plan": "hour" }), 404, ""),
        (json!({ "to": session.id.to_string(), "plan": "daily" }), 422, "plan"),
        (json!({ "to": session.id.to_string(), "plan": "week" }), 422, "plan"),
    ] {
        let (found, body) = top_up(body).await;
        assert_eq!((found, body["field"].as_str().unwrap_or("")), (status, field), "{body}");
    }
    counter.app.handle.close_session(session.id, CloseReason::Operator, Default::default()).await.unwrap();
    let ended = top_up(json!({ "to": session.id.to_string(), "plan": "hour" })).await;
    assert_eq!((ended.0, &ended.1["type"]), (409, &json!("/problems/session-ended")));
    assert_eq!(counter.ask("PATCH", "/api/v1/plans/hour", json!({ "on_sale": false })).await.0, 200);
    assert_eq!(top_up(json!({ "to": to, "plan": "hour" })).await.1["type"], "/problems/not-on-sale");
    assert_eq!(till(&counter).await.len(), lines.len(), "what was refused is no sale");
}

#[tokio::test]
async fn money_is_given_back_once_and_takes_back_what_was_sold() {
    let counter = Counter::open().await;
    counter.hour().await;
    let sell = || counter.post("/api/v1/vouchers/sell", json!({ "plan": "hour" }));
    let (_, sold) = sell().await;
    let code = sold["voucher"]["code"].as_str().unwrap().to_owned();
    let (device, session) = counter.online(1, &code).await;
    let place = format!("/api/v1/sales/{}/refund", sold["sale"]["id"].as_str().unwrap());
    let (status, part) = counter.post(&place, json!({ "amount": "1.00", "note": "slow" })).await;
    assert_eq!((status, &part["amount"], &part["refunds"]), (201, &json!("-1.00"), &sold["sale"]["id"]));
    assert!(counter.app.kernel.is_open(device.mac), "a part of the price leaves it");
    for (body, status) in [
        (json!({ "amount": "1.51" }), 422),
        (json!({ "amount": "0" }), 422),
        (json!({ "amount": "-1" }), 422),
        (json!({ "amount": 1 }), 422),
    ] {
        assert_eq!(counter.post(&place, body.clone()).await.0, status, "{body}");
    }
    let rest = counter.once("r1", &place, json!({})).await;
    assert_eq!((rest.status, &rest.json()["amount"]), (201, &json!("-1.50")), "{}", rest.text);
    assert_eq!(counter.once("r1", &place, json!({})).await.json(), rest.json());
    assert!(!counter.app.kernel.is_open(device.mac));
    let ended = counter.app.handle.session(session.id).await.unwrap();
    assert!(matches!(ended.state, SessionState::Closed(CloseReason::Revoked, _)));
    assert_eq!(counter.app.handle.redeem(&code, device.id).await, Err(Refusal::VoucherRevoked));
    assert_eq!(counter.post(&place, json!({})).await.1["type"], "/problems/cannot-refund");
    let of_refund = format!("/api/v1/sales/{}/refund", part["id"].as_str().unwrap());
    assert_eq!(counter.post(&of_refund, json!({})).await.0, 409);
    assert_eq!(counter.post("/api/v1/sales/x/refund", json!({})).await.0, 404);

    let (_, kept) = sell().await;
    let place = format!("/api/v1/sales/{}/refund", kept["sale"]["id"].as_str().unwrap());
    assert_eq!(counter.post(&place, json!({ "keep": true })).await.0, 201);
    let code = kept["voucher"]["code"].as_str().unwrap();
    assert_eq!(counter.get(&format!("/api/v1/vouchers/{code}")).await["status"], "sold");
    let sums = counter.get("/api/v1/sales?by=seller").await;
    assert_eq!((&sums["amount"], &sums["sold"], &sums["refunded"]), (&json!("0.00"), &json!(2), &json!(3)));
}

#[tokio::test]
async fn what_was_sold_is_taken_back_from_who_has_it_by_now() {
    let counter = Counter::open().await;
    let plan = json!({
        "name": "hour", "kind": "time", "time_secs": 3600, "price": "2.50",
        "at_end": { "slow": { "down_mbps": 1, "secs": 3600 } },
    });
    assert_eq!(counter.post("/api/v1/plans", plan).await.0, 201);
    let handle = &counter.app.handle;
    let mut places = Vec::new();
    for number in [1, 3] {
        let device = counter.app.device(number).await;
        let body = json!({ "to": device.id.to_string(), "plan": "hour" });
        assert_eq!(counter.post("/api/v1/top_ups", body).await.0, 200);
        places.push(till(&counter).await[0]["id"].as_str().unwrap().to_owned());
        handle.connect(device.id, None).await.unwrap();
        // The phone makes up a new MAC.
        let other = counter.app.device(number + 1).await;
        handle.move_sessions(device.id, other.id).await.unwrap();
        handle.connect(other.id, None).await.unwrap();
    }
    let (second, fourth) = (counter.app.device(2).await, counter.app.device(4).await);
    let place = format!("/api/v1/sales/{}/refund", places[0]);
    assert_eq!(counter.once("r", &place, json!({})).await.status, 201);
    assert!(!counter.app.kernel.is_open(second.mac));
    assert!(counter.usable(second.id).await.is_empty());

    // What it goes on with slowly, under another MAC still, is the same sale.
    counter.app.pass(Duration::from_secs(3_602)).await;
    let slow = counter.usable(fourth.id).await;
    assert_eq!((slow.len(), slow[0].provider.as_str()), (1, "operator"));
    let fifth = counter.app.device(5).await;
    handle.move_sessions(fourth.id, fifth.id).await.unwrap();
    assert_eq!(counter.usable(fifth.id).await.len(), 1);
    let place = format!("/api/v1/sales/{}/refund", places[1]);
    assert_eq!(counter.post(&place, json!({})).await.0, 201);
    assert!(counter.usable(fifth.id).await.is_empty());
    assert_eq!(counter.post(&place, json!({})).await.1["type"], "/problems/cannot-refund");
}

#[tokio::test]
async fn a_day_ends_at_midnight_of_the_place() {
    let counter = Counter::open().await;
    counter.hour().await;
    // Half past five east of Greenwich: the day ends at 18:30 by universal time.
    counter.app.clock.set_place(330);
    let into_day = counter.wall().0.rem_euclid(86_400_000);
    let to_midnight = (18 * 3_600_000 + 30 * 60_000 - into_day).rem_euclid(86_400_000);
    counter.app.pass(Duration::from_millis(u64::try_from(to_midnight).unwrap() - 1)).await;
    assert_eq!(counter.post("/api/v1/vouchers/sell", json!({ "plan": "hour" })).await.0, 201);
    let other = counter.token("ben", &[Permission::ManageVouchers]).await;
    counter.app.pass(Duration::from_millis(1)).await;
    let body = json!({ "plan": "hour" }).to_string();
    assert_eq!(counter.send(&other, "POST", "/api/v1/vouchers/sell", body, &[]).await.status, 201);
    let sums = counter.get("/api/v1/sales?by=day,seller").await;
    let items = sums["items"].as_array().unwrap();
    let day = |item: &Value| item["day"].as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
    assert_eq!(items.len(), 2, "{sums}");
    assert_eq!(day(&items[1]), day(&items[0]).succ_opt().unwrap());
    assert_eq!((&items[0]["seller"], &items[1]["seller"]), (&json!("ana"), &json!("ben")));
    assert_eq!((&items[0]["amount"], &sums["amount"]), (&json!("2.50"), &json!("5.00")));
    for (range, count) in [
        (format!("from={}", day(&items[1])), 1),
        (format!("to={}", day(&items[0])), 1),
        (format!("from={}&to={}", day(&items[0]), day(&items[1])), 2),
        ("from=2030-01-01T00:00:00Z".to_owned(), 0),
    ] {
        assert_eq!(counter.get(&format!("/api/v1/sales?{range}")).await["total"], count, "{range}");
    }
    for wrong in ["from=yesterday", "to=2026-02-30", "by=weather", "item=air", "page=0"] {
        assert_eq!(
            counter.ask("GET", &format!("/api/v1/sales?{wrong}"), Value::Null).await.0,
            422,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_table_of_the_till_holds_no_formula_and_needs_the_permission() {
    let counter = Counter::open().await;
    counter.hour().await;
    let body = json!({ "plan": "hour", "note": "=HYPERLINK(\"http://evil\",\"x\")" });
    let (_, sold) = counter.post("/api/v1/vouchers/sell", body).await;
    let place = format!("/api/v1/sales/{}/refund", sold["sale"]["id"].as_str().unwrap());
    counter.post(&place, json!({ "note": "a,\"b\"" })).await;
    let token = counter.token.clone();
    let table = counter.send(&token, "GET", "/api/v1/sales.csv", String::new(), &[]).await;
    assert_eq!((table.status, table.header("content-type")), (200, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = table.text.lines().collect();
    assert!(lines[0].starts_with("id,at,seller,item,plan"), "{}", lines[0]);
    assert!(lines[1].contains(",-2.50,EUR,\"a,\"\"b\"\"\","), "{}", lines[1]);
    assert!(lines[2].contains("\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\""), "{}", lines[2]);

    let viewer = counter.token("eva", &[Permission::ViewSession, Permission::ModifySession]).await;
    for (method, path) in [
        ("GET", "/api/v1/sales"),
        ("GET", "/api/v1/sales.csv"),
        ("POST", "/api/v1/vouchers/sell"),
        ("POST", "/api/v1/top_ups"),
        ("POST", place.as_str()),
    ] {
        assert_eq!(counter.send(&viewer, method, path, String::new(), &[]).await.status, 403, "{path}");
    }
}
