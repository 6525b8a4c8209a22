//! Codes of several devices, codes that come anew, and what becomes of their sessions when they are taken back.

use std::time::Duration;

use serde_json::{Value, json};
use turnpike::domain::{CloseReason, Now, Refusal, SessionState, WallTime};

use crate::counter::Counter;

const DAY: Duration = Duration::from_secs(86_400);

fn hour(more: Value) -> Value {
    let mut new = json!({ "count": 1, "kind": "time", "time_secs": 3600 });
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_devices_three_get_the_three_places() {
    let counter = Counter::open().await;
    let (_, codes) = counter.batch(hour(json!({ "max_devices": 3 }))).await;
    let mut devices = Vec::new();
    for number in 1..=50 {
        devices.push(counter.app.device(number).await.id);
    }
    let tries = devices.iter().map(|device| counter.app.handle.redeem(&codes[0], *device));
    let answers = futures_util::future::join_all(tries).await;
    let (mut got, mut late) = (Vec::new(), Vec::new());
    for (device, answer) in devices.into_iter().zip(answers) {
        match answer {
            Ok(session) => got.push(session),
            Err(Refusal::VoucherUsed) => late.push(device),
            Err(refusal) => panic!("{refusal}"),
        }
    }
    assert_eq!((got.len(), late.len()), (3, 47));
    let shown = counter.get(&format!("/api/v1/vouchers/{}", codes[0].to_lowercase().replace('-', ""))).await;
    assert_eq!(
        (&shown["uses"], &shown["status"], &shown["code"]),
        (&json!(3), &json!("redeemed"), &json!(codes[0]))
    );
    assert_eq!(shown["places"].as_array().unwrap().len(), 3);
    assert_eq!(shown["sessions"].as_array().unwrap().len(), 3);
    assert!(got.iter().any(|session| shown["session"] == session.id.to_string()));

    // What is shown of the code while it has, or had, several places cannot be redeemed.
    let session = &got[0];
    assert_ne!(session.voucher.as_deref(), Some(codes[0].as_str()));
    let tried = counter.app.handle.redeem(session.voucher.as_deref().unwrap(), late[0]).await;
    assert_eq!(tried, Err(Refusal::VoucherUnknown));

    // It is so after the daemon died, and the same device has no second place.
    let counter = counter.crash().await;
    assert_eq!(counter.app.handle.redeem(&codes[0], late[0]).await, Err(Refusal::VoucherUsed));
    assert_eq!(counter.usable(session.device).await.len(), 1);
}

#[tokio::test]
async fn a_device_takes_the_place_of_the_one_that_is_away_with_what_it_has_left() {
    let counter = Counter::open().await;
    let new =
        json!({ "count": 1, "kind": "data", "data_mb": 10, "max_devices": 2, "when_full": "take_over" });
    let (_, codes) = counter.batch(new).await;
    let (first, first_session) = counter.online(1, &codes[0]).await;
    let (second, second_session) = counter.online(2, &codes[0]).await;
    assert!(counter.app.kernel.packet(second.mac, 4_000_000, false));
    counter.leaves(2).await;
    counter.app.pass(Duration::from_secs(5)).await;

    let third = counter.app.device(3).await;
    let taken = counter.app.handle.redeem(&codes[0], third.id).await.unwrap();
    assert_eq!(taken.data_left_bytes(), Some(6_000_000), "to the byte");
    assert_eq!((taken.device, &taken.voucher), (third.id, &second_session.voucher));
    let ended = counter.app.handle.session(second_session.id).await.unwrap();
    assert!(matches!(ended.state, SessionState::Closed(CloseReason::Moved, _)), "{ended:?}");
    assert!(!counter.app.kernel.is_open(second.mac), "it is captive");
    assert!(counter.app.kernel.is_open(first.mac), "the other goes on");
    counter.app.handle.connect(third.id, None).await.unwrap();
    assert!(counter.app.kernel.packet(third.mac, 1_000_000, true));

    // Everybody is here: the first is the one to go. The one that came back takes its place.
    counter.returns(2).await;
    let again = counter.app.handle.redeem(&codes[0], second.id).await.unwrap();
    assert_eq!(again.data_left_bytes(), Some(10_000_000));
    let ended = counter.app.handle.session(first_session.id).await.unwrap();
    assert!(matches!(ended.state, SessionState::Closed(CloseReason::Moved, _)));
    // Who has a place does not take another's.
    assert_eq!(counter.app.handle.redeem(&codes[0], third.id).await, Err(Refusal::VoucherUsed));
    let shown = counter.get(&format!("/api/v1/vouchers/{}", codes[0])).await;
    let ended = shown["places"].as_array().unwrap().iter().filter(|place| !place["ended_at"].is_null());
    assert_eq!((&shown["uses"], ended.count()), (&json!(2), 2));

    // Nothing is left of any of them: there is nothing to be taken over.
    for device in [&second, &third] {
        counter.app.handle.connect(device.id, None).await.unwrap();
        counter.app.kernel.packet(device.mac, 20_000_000, false);
    }
    counter.app.pass(Duration::from_secs(2)).await;
    assert_eq!(counter.app.handle.redeem(&codes[0], first.id).await, Err(Refusal::VoucherUsed));
}

#[tokio::test]
async fn of_many_that_take_over_at_once_each_place_goes_to_one_at_a_time() {
    let counter = Counter::open().await;
    let (_, codes) = counter.batch(hour(json!({ "max_devices": 2, "when_full": "take_over" }))).await;
    counter.online(1, &codes[0]).await;
    counter.online(2, &codes[0]).await;
    let mut devices = Vec::new();
    for number in 3..=8 {
        devices.push(counter.app.device(number).await.id);
    }
    let tries = devices.iter().map(|device| counter.app.handle.redeem(&codes[0], *device));
    let answers = futures_util::future::join_all(tries).await;
    assert!(answers.iter().any(Result::is_ok), "{answers:?}");
    let shown = counter.get(&format!("/api/v1/vouchers/{}", codes[0])).await;
    assert_eq!((&shown["uses"], shown["sessions"].as_array().unwrap().len()), (&json!(2), 2), "{shown}");
}

#[tokio::test]
async fn a_take_over_that_the_kernel_refuses_leaves_everything_as_it_was() {
    let counter = Counter::open().await;
    let new = json!({ "count": 1, "kind": "data", "data_mb": 10, "when_full": "take_over" });
    let (_, codes) = counter.batch(new).await;
    let (first, session) = counter.online(1, &codes[0]).await;
    // It would go on with this one, which cannot be brought about.
    let (_, others) = counter.batch(hour(json!({}))).await;
    counter.app.handle.redeem(&others[0], first.id).await.unwrap();
    let second = counter.app.device(2).await;
    counter.app.kernel.refuse_opening(true);
    let refused = counter.app.handle.redeem(&codes[0], second.id).await;
    assert!(matches!(refused, Err(Refusal::Kernel(_))), "{refused:?}");
    counter.app.kernel.refuse_opening(false);
    counter.app.pass(Duration::from_secs(1)).await;
    assert!(counter.usable(second.id).await.is_empty());
    assert_eq!(counter.usable(first.id).await[0].id, session.id);
    let shown = counter.get(&format!("/api/v1/vouchers/{}", codes[0])).await;
    let place = &shown["places"][0];
    assert_eq!(shown["places"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!((&place["device"], &place["ended_at"]), (&json!(first.id.to_string()), &Value::Null));
    let taken = counter.app.handle.redeem(&codes[0], second.id).await.unwrap();
    assert_eq!(taken.data_left_bytes(), Some(10_000_000));
}

#[tokio::test]
async fn what_comes_anew_each_day_does_so_until_its_days_are_over() {
    let counter = Counter::open().await;
    let plan = json!({
        "name": "daily", "kind": "data", "data_mb": 1, "exp_days": 3, "repeat": { "every": "day", "at_hour": 4 },
    });
    assert_eq!(counter.post("/api/v1/plans", plan).await.0, 201);
    let (_, codes) = counter.batch(json!({ "count": 1, "plan": "daily" })).await;
    let (device, session) = counter.online(1, &codes[0]).await;
    assert_eq!(session.plan.as_deref(), Some("daily"));
    assert_eq!(session.data_left_bytes(), Some(1_000_000));
    // Used up: nothing more before tomorrow at four.
    counter.app.kernel.packet(device.mac, 1_000_000, false);
    counter.app.pass(Duration::from_secs(2)).await;
    assert!(!counter.app.kernel.is_open(device.mac));
    assert_eq!(counter.app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    let until = session.expires_at.unwrap();
    let rest = until.0 - counter.wall().0;
    assert!((0..=86_400_000).contains(&rest) && until.0 % 86_400_000 == 4 * 3_600_000, "{until:?}");

    counter.app.pass(Duration::from_millis(rest.unsigned_abs())).await;
    let second = counter.app.handle.connect(device.id, None).await.unwrap();
    assert_ne!(second.id, session.id);
    assert_eq!((second.data_left_bytes(), second.provider.as_str()), (Some(1_000_000), "voucher"));
    let counter = counter.crash().await;
    counter.returns(1).await;
    assert_eq!(counter.app.handle.connect(device.id, None).await.unwrap().id, second.id, "one a day");

    // The third day begins by itself while it is online; three days after the first use it is over.
    counter.app.pass(DAY).await;
    let third = counter.app.handle.connect(device.id, None).await.unwrap();
    assert_ne!(third.id, second.id);
    // The phone makes up a new MAC: what comes anew goes with it, and there is no second helping.
    let other = counter.app.device(9).await;
    counter.app.handle.move_sessions(device.id, other.id).await.unwrap();
    let device = other;
    let moved = counter.app.handle.connect(device.id, None).await.unwrap();
    counter.app.kernel.packet(device.mac, 1_000_000, true);
    counter.app.pass(Duration::from_secs(2)).await;
    assert!(!counter.app.kernel.is_open(device.mac), "{moved:?}");
    assert_eq!(counter.app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    counter.app.pass(DAY).await;
    let last = counter.app.handle.connect(device.id, None).await.ok();
    assert!(last.is_none_or(|last| last.expires_at == Some(session.created_at.plus_days(3))));
    counter.app.pass(DAY).await;
    assert_eq!(counter.app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
}

#[tokio::test]
async fn days_after_the_first_use_end_all_that_came_of_a_code() {
    let counter = Counter::open().await;
    let (_, codes) = counter.batch(hour(json!({ "max_devices": 3, "use_days": 2 }))).await;
    let (first, session) = counter.online(1, &codes[0]).await;
    assert_eq!(session.expires_at, Some(counter.wall().plus_days(2)));
    counter.app.handle.disconnect(first.id, None).await.unwrap();
    counter.app.pass(DAY).await;
    let (_, later) = counter.online(2, &codes[0]).await;
    assert_eq!(later.expires_at, session.expires_at, "the days are those of the code");
    counter.app.pass(DAY).await;
    let third = counter.app.device(3).await;
    assert_eq!(
        counter.app.handle.redeem(&codes[0], third.id).await,
        Err(Refusal::VoucherNotValid("any more"))
    );
    assert_eq!(counter.app.handle.connect(first.id, None).await, Err(Refusal::NoSession));
}

#[tokio::test]
async fn days_after_the_first_use_wait_for_a_clock_that_can_be_believed() {
    let counter = Counter::open().await;
    let (_, codes) = counter.batch(hour(json!({ "max_devices": 3, "use_days": 2 }))).await;
    let set = |wall| counter.app.clock.set(Now { wall, ..counter.app.clock.now() });
    let right = counter.wall();
    set(WallTime(60_000));
    counter.app.pass(Duration::from_secs(2)).await;
    let (first, session) = counter.online(1, &codes[0]).await;
    assert_eq!((session.expires_at, session.terms.exp_days), (None, Some(2)));
    // It has been off for forty days when its clock is set.
    set(right.plus_days(40));
    counter.app.pass(Duration::from_secs(2)).await;
    assert!(counter.app.kernel.is_open(first.mac), "it goes on");
    let session = counter.app.handle.session(session.id).await.unwrap();
    let ends = session.expires_at.unwrap();
    assert!(ends > counter.wall().plus_days(2).plus_millis(-3_000) && ends <= counter.wall().plus_days(2));
    let (_, second) = counter.online(2, &codes[0]).await;
    assert_eq!(second.expires_at, Some(counter.wall().plus_days(2)), "the code is not over");
    counter.app.pass(DAY).await;
    let (_, third) = counter.online(3, &codes[0]).await;
    assert_eq!(third.expires_at, second.expires_at, "from now on the days are those of the code");
}

#[tokio::test]
async fn days_of_what_comes_anew_wait_for_a_clock_that_can_be_believed() {
    let counter = Counter::open().await;
    let plan = json!({ "name": "daily", "kind": "data", "data_mb": 1, "repeat": { "every": "day" } });
    assert_eq!(counter.post("/api/v1/plans", plan).await.0, 201);
    let (_, codes) =
        counter.batch(json!({ "count": 1, "plan": "daily", "max_devices": 2, "use_days": 2 })).await;
    let set = |wall| counter.app.clock.set(Now { wall, ..counter.app.clock.now() });
    let right = counter.wall();
    set(WallTime(60_000));
    counter.app.pass(Duration::from_secs(2)).await;
    let (first, session) = counter.online(1, &codes[0]).await;
    let place = format!("/api/v1/vouchers/{}", codes[0]);
    assert_eq!(counter.get(&place).await["ends_at"], Value::Null, "its days have not begun");

    // It has been off for forty days when its clock is set.
    set(right.plus_days(40));
    counter.app.pass(Duration::from_secs(2)).await;
    let begun = counter.wall();
    let second = counter.app.handle.connect(first.id, None).await.unwrap();
    assert_ne!(second.id, session.id, "today's");
    let ends = begun.plus_days(2);
    assert!(second.expires_at.is_some_and(|end| end <= ends), "{second:?}");
    let shown = counter.get(&place).await;
    let written = chrono::DateTime::parse_from_rfc3339(shown["ends_at"].as_str().unwrap()).unwrap();
    assert_eq!(
        written.timestamp_millis() / 1000,
        ends.0 / 1000,
        "the days begin with the first believed use"
    );

    // They are those of the code: whoever comes later has no more of them.
    counter.app.pass(DAY).await;
    let (_, other) = counter.online(2, &codes[0]).await;
    assert!(other.expires_at.is_some_and(|end| end <= ends), "{other:?}");
    counter.app.pass(DAY).await;
    for device in [first.id, other.device] {
        assert_eq!(counter.app.handle.connect(device, None).await, Err(Refusal::NoSession));
    }
}

#[tokio::test]
async fn two_devices_cannot_take_turns_without_end() {
    let counter = Counter::open().await;
    let (_, codes) = counter.batch(hour(json!({ "when_full": "take_over" }))).await;
    let devices = [counter.app.device(1).await.id, counter.app.device(2).await.id];
    let mut turns = 0;
    let refused = loop {
        match counter.app.handle.redeem(&codes[0], devices[turns % 2]).await {
            Ok(_) => turns += 1,
            Err(refusal) => break refusal,
        }
        assert!(turns < 50, "no end");
    };
    assert!(matches!(refused, Refusal::TooManyTries { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_window_opens_and_closes() {
    let counter = Counter::open().await;
    let at = |days| {
        let at = counter.wall().plus_days(days);
        chrono::DateTime::from_timestamp_millis(at.0).unwrap().to_rfc3339()
    };
    let new = hour(json!({ "count": 2, "valid_from": at(1), "valid_until": at(2) }));
    let (_, codes) = counter.batch(new).await;
    let device = counter.app.device(1).await.id;
    assert_eq!(counter.app.handle.redeem(&codes[0], device).await, Err(Refusal::VoucherNotValid("yet")));
    assert_eq!(counter.get("/api/v1/vouchers?status=not_yet_valid").await["total"], 2);
    counter.app.pass(DAY).await;
    assert!(counter.app.handle.redeem(&codes[0], device).await.is_ok());
    assert_eq!(counter.get("/api/v1/vouchers?status=unsold").await["total"], 1);
    counter.app.pass(DAY).await;
    assert_eq!(counter.app.handle.redeem(&codes[1], device).await, Err(Refusal::VoucherNotValid("any more")));
    for (status, count) in [("expired", 1), ("redeemed", 1), ("unsold", 0), ("sold", 0), ("revoked", 0)] {
        assert_eq!(
            counter.get(&format!("/api/v1/vouchers?status={status}")).await["total"],
            count,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_batch_that_is_taken_back_ends_what_runs() {
    let counter = Counter::open().await;
    let (batch, codes) = counter.batch(hour(json!({ "count": 3, "max_devices": 2 }))).await;
    let (_, others) = counter.batch(hour(json!({}))).await;
    let mut running = Vec::new();
    for (number, code) in [(1, &codes[0]), (2, &codes[0]), (3, &codes[1])] {
        running.push(counter.online(number, code).await);
    }
    let (other, _) = counter.online(4, &others[0]).await;
    // One phone has made up a new MAC since: its session goes with it, and goes back as well.
    let moved = counter.app.device(5).await;
    counter.app.handle.move_sessions(running[0].0.id, moved.id).await.unwrap();
    counter.app.handle.connect(moved.id, None).await.unwrap();

    let (status, body) =
        counter.ask("DELETE", &format!("/api/v1/vouchers/batches/{batch}"), Value::Null).await;
    assert_eq!((status, body), (200, json!({ "revoked": 3, "sessions_closed": 3 })));
    for (device, session) in running.iter().skip(1) {
        assert!(!counter.app.kernel.is_open(device.mac));
        let ended = counter.app.handle.session(session.id).await.unwrap();
        assert!(matches!(ended.state, SessionState::Closed(CloseReason::Revoked, _)), "{ended:?}");
    }
    assert!(!counter.app.kernel.is_open(moved.mac) && counter.app.kernel.is_open(other.mac));
    assert_eq!(counter.app.handle.redeem(&codes[2], other.id).await, Err(Refusal::VoucherRevoked));
    let again = counter.ask("DELETE", &format!("/api/v1/vouchers/batches/{batch}"), Value::Null).await;
    assert_eq!(again, (200, json!({ "revoked": 0, "sessions_closed": 0 })));
    assert_eq!(counter.ask("DELETE", "/api/v1/vouchers/batches/99", Value::Null).await.0, 404);
    assert_eq!(counter.ask("DELETE", "/api/v1/vouchers/batches/x", Value::Null).await.0, 404);
}

#[tokio::test]
async fn what_a_crash_left_open_is_closed_at_the_start() {
    let counter = Counter::open().await;
    let (_, codes) = counter.batch(hour(json!({ "max_devices": 2 }))).await;
    let (device, session) = counter.online(1, &codes[0]).await;
    // It died between the two.
    let lookup = counter.app.vault.lookup(&codes[0]).unwrap();
    counter.app.store.revoke_voucher(&lookup, counter.wall()).await.unwrap().unwrap();
    assert!(counter.app.kernel.is_open(device.mac));
    let counter = counter.crash().await;
    assert!(!counter.app.kernel.is_open(device.mac));
    let ended = counter.app.handle.session(session.id).await.unwrap();
    assert!(matches!(ended.state, SessionState::Closed(CloseReason::Revoked, _)), "{ended:?}");
}

#[tokio::test]
async fn a_field_of_a_batch_that_cannot_be_is_named() {
    let counter = Counter::open().await;
    counter.hour().await;
    for (field, value) in [
        ("count", json!(0)),
        ("count", json!(100_001)),
        ("count", json!(null)),
        ("kind", json!("forever")),
        ("time_secs", json!(0)),
        ("data_mb", json!(5)),
        ("exp_days", json!(0)),
        ("down_mbps", json!(-1)),
        ("price", json!("-1")),
        ("price", json!("1.234")),
        ("roles", json!([""])),
        ("properties", json!({ "a b": "x" })),
        ("max_devices", json!(0)),
        ("max_devices", json!(1_001)),
        ("when_full", json!("explode")),
        ("use_days", json!(0)),
        ("use_days", json!(99_999_999)),
        ("valid_from", json!("tomorrow")),
        ("valid_until", json!("2026-13-01T00:00:00Z")),
    ] {
        let (status, body) = counter.post("/api/v1/vouchers", hour(json!({ field: value }))).await;
        assert_eq!((status, body["field"].as_str()), (422, Some(field)), "{field} {value}: {body}");
    }
    let both = json!({ "count": 1, "plan": "hour", "time_secs": 60 });
    assert_eq!(counter.post("/api/v1/vouchers", both).await.1["field"], "time_secs");
    let (status, body) = counter.post("/api/v1/vouchers", json!({ "count": 1, "plan": "' OR 1=1" })).await;
    assert_eq!((status, body["field"].as_str()), (404, Some("plan")));
    for wrong in
        [json!({ "count": "1" }), json!({ "count": 1.5 }), json!({ "owner": 1 }), json!({ "name": 7 })]
    {
        assert_eq!(counter.post("/api/v1/vouchers", hour(wrong)).await.0, 422);
    }
    assert_eq!(counter.get("/api/v1/vouchers").await["total"], 0);
}
