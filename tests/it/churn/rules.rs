//! What goes after its days, what stays whatever its age, and what is still readable of what has gone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sqlx::{ConnectOptions, Connection};
use turnpike::clock::Clock;
use turnpike::domain::{
    BootId, Change, ClientDevice, ClockGuard, DeviceId, Guard, Money, Now, Parting, Permission, Refusal,
    Sale, SaleItem, SessionId, Text, WallTime,
};
use turnpike::runtime::DevicePatch;
use turnpike::store::Writes;

use crate::admin_pages::Pages;
use crate::counter::Counter;
use crate::support::{FakeKernel, Kept, START, TestApp, minutes, zone};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

async fn run(app: &TestApp, text: String) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(app.dir.path().join("turnpike.db"));
    let mut file = options.disable_statement_logging().connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
}

async fn number(app: &TestApp, text: &'static str) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(app.dir.path().join("turnpike.db"));
    let mut file = options.disable_statement_logging().connect().await.unwrap();
    let found = sqlx::query_scalar(text).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    found
}

async fn leaves(app: &TestApp, number: u8) {
    let address = IpAddr::from([10, 0, 0, number]);
    app.handle.lost(crate::support::mac(number), address).await.unwrap();
}

/// A device that had ten minutes and has left.
async fn had(app: &TestApp, number: u8) -> (ClientDevice, SessionId) {
    let device = app.device(number).await;
    let session = app.handle.create_session(device.id, minutes(10)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    app.pass(Duration::from_secs(601)).await;
    leaves(app, number).await;
    (device, session.id)
}

async fn is_there(app: &TestApp, device: DeviceId) -> bool {
    app.handle.devices().await.unwrap().iter().any(|known| known.id == device)
}

async fn has_session(app: &TestApp, session: SessionId) -> bool {
    app.store.session(session).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn ninety_days_after_its_end_a_session_goes_and_with_it_a_device_that_has_nothing_left() {
    let counter = Counter::open().await;
    let app = &counter.app;
    let (_, codes) = counter.batch(json!({ "count": 1, "kind": "time", "time_secs": 600 })).await;
    let (buyer, bought) = counter.online(1, &codes[0]).await;
    app.pass(Duration::from_secs(601)).await;
    leaves(app, 1).await;
    let path = format!("/api/v1/vouchers/{}", codes[0].to_lowercase().replace('-', ""));
    let before = counter.get(&path).await;
    let (plain, over) = had(app, 2).await;

    app.pass(89 * DAY).await;
    app.prune().await;
    assert!(is_there(app, buyer.id).await && has_session(app, bought.id).await);
    assert!(is_there(app, plain.id).await && has_session(app, over).await);
    let (late, of_late) = had(app, 3).await;
    app.pass(DAY).await;
    app.prune().await;
    for (device, session) in [(buyer.id, bought.id), (plain.id, over)] {
        assert!(!is_there(app, device).await && !has_session(app, session).await);
        assert_eq!(app.handle.session(session).await, Err(Refusal::UnknownSession));
    }
    assert!(is_there(app, late.id).await && has_session(app, of_late).await);
    let told = number(app, "SELECT count(*) FROM events WHERE name IN ('session_deleted', 'device_deleted')");
    assert_eq!(told.await, 4, "as when an operator deletes them");

    // The code is still known as used, by whom and when; and it is used.
    let after = counter.get(&path).await;
    for field in ["status", "code", "device", "session", "redeemed_at", "uses"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["status"], "redeemed");
    let again = app.device(1).await;
    assert_ne!(again.id, buyer.id);
    assert_eq!(app.handle.redeem(&codes[0], again.id).await, Err(Refusal::VoucherUsed));

    // So it is after a restart; and for whoever keeps everything, nothing goes.
    let counter = counter.crash().await;
    assert!(is_there(&counter.app, late.id).await);
    assert!(!is_there(&counter.app, plain.id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_keeps_a_device_for_as_long_as_it_does() {
    let counter = Counter::open().await;
    let app = &counter.app;
    let mut had_something = Vec::new();
    for number in 1..=7 {
        had_something.push(had(app, number).await);
    }
    let of = |number: usize| had_something[number - 1].0.id;
    let patch = |patch| app.handle.update_device(of(1), patch);
    patch(DevicePatch { alias: Some(Some(Text::new("the bar's"))), ..DevicePatch::default() }).await.unwrap();
    let patch = DevicePatch { blocked: Some(true), ..DevicePatch::default() };
    app.handle.update_device(of(2), patch).await.unwrap();
    let patch = DevicePatch { roles: Some(["vip".to_owned()].into()), ..DevicePatch::default() };
    app.handle.update_device(of(3), patch).await.unwrap();
    run(
        app,
        format!(
            "INSERT INTO credits (source, reference, at, amount, device) VALUES ('coinslot/1', 'x', 1, 100, '{}'); \
             INSERT INTO accounts (name, password, max_devices, one_more, disabled, roles, properties, created_at) \
             VALUES ('ana', 'x', 1, 'refuse', 0, '[]', '{{}}', 1); \
             INSERT INTO account_devices (device, account, bound_at, used_at) VALUES ('{}', 1, 1, 4000000000000); \
             INSERT INTO grants (subject, plan, period, session) VALUES ('account ana/1 device {}', 'x', 0, 'y');",
            of(4),
            of(5),
            of(6)
        ),
    )
    .await;
    let places = json!({ "count": 1, "kind": "time", "time_secs": 600, "max_devices": 3 });
    let (_, codes) = counter.batch(places).await;
    let (holder, _) = counter.online(8, &codes[0]).await;
    app.pass(Duration::from_secs(601)).await;
    leaves(app, 8).await;
    let (here, of_here) = had(app, 9).await;
    assert_eq!(app.device(9).await.id, here.id);
    let saver = app.device(10).await;
    let saved = app.handle.create_session(saver.id, minutes(10)).await.unwrap();
    leaves(app, 10).await;

    app.pass(200 * DAY).await;
    app.prune().await;
    assert!(!is_there(app, of(7)).await, "it has nothing");
    for number in 1..=6 {
        assert!(is_there(app, of(number)).await, "{number}");
        assert!(!has_session(app, had_something[number - 1].1).await, "{number}");
    }
    assert!(is_there(app, holder.id).await, "a place of a code that others may use is its place");
    assert!(is_there(app, here.id).await && !has_session(app, of_here).await);
    assert!(is_there(app, saver.id).await && has_session(app, saved.id).await);

    // A start takes none of them for strangers.
    let counter = counter.crash().await;
    let app = &counter.app;
    app.pass(200 * DAY).await;
    app.pass(HOUR).await;
    app.prune().await;
    for (place, id) in (1..=6).map(of).chain([holder.id, saver.id]).enumerate() {
        assert!(is_there(app, id).await, "{place}");
    }

    // What no longer counts no longer keeps it.
    run(
        app,
        "DELETE FROM grants; UPDATE credits SET returned_at = 1; DELETE FROM account_devices".to_owned(),
    )
    .await;
    app.prune().await;
    for number in 4..=6 {
        assert!(!is_there(app, of(number)).await, "{number} has nothing any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_has_the_last_word_on_whether_anything_is_left() {
    let app = TestApp::start().await;
    let (device, session) = had(&app, 1).await;
    let at = app.clock.now().wall.plus_days(400);
    let parting = Parting { at, unseen_since: at, granted_before: at, with_free: true };
    let forget = || Writes {
        guards: vec![Guard::NothingLeft(device.id, parting)],
        changes: vec![Change::DeleteDevice(device.id)],
        ..Writes::default()
    };
    assert_eq!(app.store.commit(vec![forget()]).await.unwrap(), [Err(Refusal::Changed)]);
    assert!(has_session(&app, session).await);
    let sold = "UPDATE sessions SET provider = 'free'; INSERT INTO sales (id, at, seller, item, session, amount) \
                SELECT 'x', 1, 'ana', 'top_up', id, 100 FROM sessions";
    run(&app, sold.to_owned()).await;
    assert_eq!(
        app.store.commit(vec![forget()]).await.unwrap(),
        [Err(Refusal::Changed)],
        "free, and then paid for"
    );
    run(&app, "DELETE FROM sales".to_owned()).await;
    assert!(app.store.commit(vec![forget()]).await.unwrap()[0].is_ok());
    assert!(!has_session(&app, session).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_coins_bought_is_still_in_the_report_when_their_session_is_gone() {
    let app = TestApp::start().await;
    let (device, session) = had(&app, 1).await;
    let id = uuid::Uuid::from_u128(7);
    let sale = Sale {
        id,
        at: app.clock.now().wall,
        seller: Text::new("coinslot/1"),
        item: SaleItem::Coins,
        plan: None,
        voucher: None,
        device: Some(device.id),
        session: Some(session),
        amount: Money(100),
        note: None,
    };
    let changes = vec![Change::Sale(Box::new(sale))];
    app.store.commit(vec![Writes { changes, ..Writes::default() }]).await.unwrap()[0].clone().unwrap();
    let sold = || app.store.sold_amounts(WallTime(0), START.wall.plus_days(500));
    let before = sold().await.unwrap();
    assert_eq!((before.time_ms, before.unknown), (600_000, 0));
    app.pass(91 * DAY).await;
    app.prune().await;
    assert!(!has_session(&app, session).await && !is_there(&app, device.id).await);
    assert_eq!(sold().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_takes_nothing_with_it() {
    let app = TestApp::start().await;
    let (device, session) = had(&app, 1).await;
    let set = |app: &TestApp, days: u32| {
        let now = app.clock.now();
        app.clock.set(Now { boot: now.boot, wall: now.wall.plus_days(days) });
    };
    set(&app, 400);
    for _ in 0..4 {
        app.pass(HOUR).await;
        app.prune().await;
        assert!(is_there(&app, device.id).await && has_session(&app, session).await, "doubted");
    }
    // A start believes any clock that does not go back; it has to go like the other one first.
    let app = app.crash().await;
    app.pass(HOUR / 2).await;
    app.prune().await;
    assert!(is_there(&app, device.id).await && has_session(&app, session).await, "too soon");
    let now = app.clock.now();
    app.clock.set(Now { boot: now.boot, wall: WallTime(now.wall.0 - 400 * 86_400_000) });
    app.pass(2 * HOUR).await;
    app.prune().await;
    assert!(is_there(&app, device.id).await && has_session(&app, session).await, "put right");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_under_a_clock_that_was_not_set_is_dated_once_it_is() {
    let clock = Clock::manual(Now { wall: WallTime(5_000_000), ..START }, BootId::new("boot-1"));
    let kernel = Arc::new(FakeKernel::new(clock.clone()));
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let app = TestApp::start_on(dir, clock, kernel, vec![zone()], Vec::new()).await;
    let (device, session) = had(&app, 1).await;
    let ended = |app: &TestApp| {
        let store = app.store.clone();
        async move { store.session(session).await.unwrap().unwrap().ended_at.unwrap() }
    };
    assert!(ended(&app).await < ClockGuard::FLOOR);
    app.clock.set(Now { boot: app.clock.now().boot, wall: START.wall });
    for _ in 0..2 {
        app.pass(HOUR).await;
        app.prune().await;
    }
    assert!(is_there(&app, device.id).await && ended(&app).await >= START.wall);
    app.pass(91 * DAY).await;
    app.prune().await;
    assert!(!is_there(&app, device.id).await && !has_session(&app, session).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_everything_keeps_everything() {
    let mut kept = Kept::default();
    (kept.keeping.days, kept.retention.most_devices) = (0, 1);
    let app = TestApp::start_kept(kept).await;
    let mut all = Vec::new();
    for number in 1..=5 {
        all.push(had(&app, number).await);
    }
    app.pass(3_000 * DAY).await;
    app.prune().await;
    for (device, session) in all {
        assert!(is_there(&app, device.id).await && has_session(&app, session).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_can_be_read_when_they_name_who_has_gone() {
    let pages = Pages::start().await;
    let app = &pages.app;
    let code = pages.voucher().await;
    let device = app.device(1).await;
    let session = app.handle.redeem(&code, device.id).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    app.pass(Duration::from_secs(601)).await;
    leaves(app, 1).await;
    let sale = Sale {
        id: uuid::Uuid::from_u128(8),
        at: app.clock.now().wall,
        seller: Text::new("ana"),
        item: SaleItem::Session,
        plan: None,
        voucher: None,
        device: Some(device.id),
        session: Some(session.id),
        amount: Money(250),
        note: None,
    };
    let changes = vec![Change::Sale(Box::new(sale))];
    app.store.commit(vec![Writes { changes, ..Writes::default() }]).await.unwrap()[0].clone().unwrap();
    app.pass(91 * DAY).await;
    app.prune().await;
    assert!(!has_session(app, session.id).await && !is_there(app, device.id).await);
    let cookie = pages.log_in(&[Permission::Admin]).await;
    let voucher = pages.get(&cookie, &format!("/admin/voucher?code={code}")).await;
    let used = format!("used by <a href=\"/admin/devices/{}\">", device.id);
    assert!(voucher.status == 200 && voucher.text.contains(&used), "{}", voucher.text);
    for path in
        ["/admin/till", "/admin/audit", "/admin/events", "/admin/sessions?state=all", "/admin/devices"]
    {
        assert_eq!(pages.get(&cookie, path).await.status, 200, "{path}");
    }
    for path in [format!("/admin/sessions/{}", session.id), format!("/admin/devices/{}", device.id)] {
        assert_eq!(pages.get(&cookie, &path).await.status, 404, "{path}");
    }
}
