//! Roles on live sessions, and changes of many: all or nothing.

use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use turnpike::domain::sessions_mgr::{BulkAct, RolePatch};
use turnpike::domain::{ClassRates, ClientRates, Filter, Mbps, Refusal, SessionId, SessionState, Text};
use turnpike::runtime::DevicePatch;

use crate::support::{TestApp, Trouble, mac, megabytes, minutes};

fn add(role: &str) -> RolePatch {
    RolePatch { add: [role.to_owned()].into(), remove: Default::default() }
}

fn remove(role: &str) -> RolePatch {
    RolePatch { add: Default::default(), remove: [role.to_owned()].into() }
}

fn down(class: Option<ClassRates>) -> Option<f64> {
    class.and_then(|rates| rates.client.down).map(Mbps::as_mbps)
}

async fn online(app: &TestApp, number: u8, mb: f64) -> SessionId {
    let device = app.device(number).await.id;
    let session = app.handle.create_session(device, megabytes(mb)).await.unwrap();
    app.handle.connect(device, None).await.unwrap();
    session.id
}

#[tokio::test]
async fn a_role_changes_the_speed_of_a_live_session_and_gives_it_back() {
    let app = TestApp::start().await;
    let id = online(&app, 1, 10.0).await;
    assert_eq!(app.kernel.class(mac(1)), None);
    app.handle.change_roles(id, add("slow")).await.unwrap();
    assert_eq!(down(app.kernel.class(mac(1))), Some(1.0));
    // Of several the fastest.
    app.handle.change_roles(id, add("vip")).await.unwrap();
    assert_eq!(down(app.kernel.class(mac(1))), Some(20.0));
    app.handle.change_roles(id, remove("vip")).await.unwrap();
    assert_eq!(down(app.kernel.class(mac(1))), Some(1.0));
    // The device's count as well.
    let device = app.device(1).await.id;
    let roles = Some(["vip".to_owned()].into());
    app.handle.update_device(device, DevicePatch { roles, ..DevicePatch::default() }).await.unwrap();
    assert_eq!(down(app.kernel.class(mac(1))), Some(20.0));
    let none = Some(Default::default());
    app.handle.update_device(device, DevicePatch { roles: none, ..DevicePatch::default() }).await.unwrap();
    app.handle.change_roles(id, remove("slow")).await.unwrap();
    assert_eq!(app.kernel.class(mac(1)).map(|rates| rates.client), Some(ClientRates::default()));
    assert!(app.kernel.is_open(mac(1)));
}

#[tokio::test]
async fn what_is_used_while_unmetered_is_counted_and_not_consumed() {
    let app = TestApp::start().await;
    let device = app.device(1).await.id;
    let data = app.handle.create_session(device, megabytes(1.0)).await.unwrap().id;
    app.handle.connect(device, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 400_000, false));
    app.handle.change_roles(data, add("free")).await.unwrap();
    for _ in 0..5 {
        assert!(app.kernel.packet(mac(1), 700_000, false), "unmetered");
        app.pass(Duration::from_secs(1)).await;
    }
    let session = app.handle.session(data).await.unwrap();
    assert_eq!((session.usage.data_bytes(), session.data_left_bytes()), (3_900_000, Some(600_000)));
    // A crash in between loses neither.
    let app = app.crash().await;
    let device = app.device(1).await.id;
    app.handle.change_roles(data, remove("free")).await.unwrap();
    assert!(app.kernel.packet(mac(1), 600_000, false));
    assert!(!app.kernel.packet(mac(1), 100, false), "used up");
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(app.handle.session(data).await.unwrap().state, SessionState::Consumed);
    // The same of time.
    let time = app.handle.create_session(device, minutes(1)).await.unwrap().id;
    app.handle.connect(device, None).await.unwrap();
    app.pass(Duration::from_secs(30)).await;
    app.handle.change_roles(time, add("free")).await.unwrap();
    app.pass(Duration::from_secs(3600)).await;
    assert!(app.kernel.is_open(mac(1)));
    app.handle.change_roles(time, remove("free")).await.unwrap();
    app.pass(Duration::from_secs(29)).await;
    assert!(app.kernel.is_open(mac(1)));
    app.pass(Duration::from_secs(1)).await;
    let session = app.handle.session(time).await.unwrap();
    assert_eq!((session.state.as_str(), session.usage.time_ms), ("consumed", 3_660_000));
    assert!(!app.kernel.is_open(mac(1)));
}

#[tokio::test]
async fn many_are_closed_in_one_shut_and_one_commit() {
    let app = TestApp::start().await;
    for number in 1..=100 {
        online(&app, number, if number <= 60 { 5.0 } else { 50.0 }).await;
    }
    let shut = app.kernel.calls().shut;
    let last = app.store.session_event_range().await.unwrap().unwrap().1;
    let filter = Filter::parse("$DataLeft lt '10'").unwrap();
    let act = BulkAct::Close(Text::new("late"));
    assert_eq!(app.handle.bulk(filter.clone(), act.clone(), true).await, Ok(60));
    assert_eq!(app.kernel.calls().shut, shut);
    assert_eq!(app.handle.bulk(filter.clone(), act.clone(), false).await, Ok(60));
    assert_eq!(app.kernel.calls().shut, shut + 1);
    let told = app.store.session_events(last, 1_000).await.unwrap();
    assert_eq!(told.len(), 60);
    assert_eq!(app.handle.bulk(filter, act, false).await, Ok(0));
    assert!((1..=100).all(|number| app.kernel.is_open(mac(number)) == (number > 60)));
}

#[tokio::test]
async fn a_change_of_many_that_the_store_cannot_write_leaves_all_as_it_was() {
    let app = TestApp::start().await;
    for number in 1..=20 {
        online(&app, number, 5.0).await;
    }
    let options = SqliteConnectOptions::new().filename(app.dir.path().join("turnpike.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let close = BulkAct::Close(Text::default());
    let refused = app.handle.bulk(Filter::all(), close, false).await;
    assert!(matches!(refused, Err(Refusal::Store(_))), "{refused:?}");
    other.close().await.unwrap();
    app.pass(Duration::from_secs(2)).await;
    assert_eq!(app.handle.snapshot().await.unwrap().sessions.len(), 20);
    assert!((1..=20).all(|number| app.kernel.is_open(mac(number))), "cut off for nothing");
    assert_eq!(app.store.load().await.unwrap().sessions.len(), 20);
}

#[tokio::test]
async fn a_change_of_many_that_the_kernel_refuses_is_taken_back_whole_and_listeners_are_told() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for number in 1..=10 {
        ids.push(online(&app, number, 5.0).await);
    }
    let mut listener = app.handle.listen();
    app.kernel.trouble(Trouble { refuse_opening: true, ..Trouble::default() });
    let refused = app.handle.bulk(Filter::all(), BulkAct::Roles(add("free")), false).await;
    assert!(matches!(refused, Err(Refusal::Kernel(_))), "{refused:?}");
    app.kernel.trouble(Trouble::default());
    app.pass(Duration::from_secs(2)).await;
    for id in ids {
        assert!(app.handle.session(id).await.unwrap().roles.is_empty());
    }
    // What was logged and what took it back, without a gap.
    let mut numbers = Vec::new();
    let mut roles = std::collections::BTreeMap::new();
    while let Ok(group) = listener.try_recv() {
        for told in group.iter() {
            numbers.push(told.id);
            roles.insert(told.event.session, told.event.properties.get("$Roles").cloned());
        }
    }
    assert_eq!(numbers.len(), 20);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert!(roles.values().all(|roles| roles.as_deref() == Some("")), "{roles:?}");
    assert!(app.store.load().await.unwrap().sessions.iter().all(|session| session.roles.is_empty()));
}

#[tokio::test]
async fn a_device_that_leaves_and_one_that_comes_back_are_told() {
    let app = TestApp::start().await;
    let id = online(&app, 1, 5.0).await;
    let address = [10, 0, 0, 1].into();
    let mut listener = app.handle.listen();
    app.handle.lost(mac(1), address).await.unwrap();
    app.device(1).await;
    app.handle.lost(mac(1), address).await.unwrap();
    // It sends, whatever the neighbour table thinks.
    assert!(app.kernel.packet(mac(1), 100, true));
    app.pass(Duration::from_secs(1)).await;
    let device = app.device(1).await.id;
    app.handle.disconnect(device, None).await.unwrap();
    app.handle.connect(device, None).await.unwrap();
    let mut kinds = Vec::new();
    while let Ok(group) = listener.try_recv() {
        for told in group.iter().filter(|told| told.event.session == id) {
            kinds
                .push((told.event.kind.as_str(), told.event.reason.clone().unwrap_or_default().into_owned()));
        }
    }
    kinds.retain(|(kind, _)| *kind != "update");
    let expected = [
        ("disconnected", "away"),
        ("reconnected", ""),
        ("disconnected", "away"),
        ("reconnected", ""),
        ("disconnected", "asked"),
        ("reconnected", ""),
    ];
    assert_eq!(kinds, expected.map(|(kind, reason)| (kind, reason.to_owned())));
}

#[tokio::test]
async fn a_session_that_is_used_up_as_it_is_paused_is_over() {
    let app = TestApp::start().await;
    let device = app.device(1).await.id;
    let id = app.handle.create_session(device, megabytes(1.0)).await.unwrap().id;
    app.handle.connect(device, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 1_000_000, false));
    app.handle.disconnect(device, None).await.unwrap();
    assert_eq!(app.handle.session(id).await.unwrap().state, SessionState::Consumed);
    assert_eq!(app.handle.connect(device, None).await.err(), Some(Refusal::NoSession));
}
