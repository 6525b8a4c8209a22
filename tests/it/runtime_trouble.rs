//! The owner's task when the kernel or the store fails, is slow, or is asked too much.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use turnpike::clock::Clock;
use turnpike::domain::{BootId, Refusal, SessionState, ZoneName};
use turnpike::runtime::DevicePatch;

use crate::support::{FakeKernel, START, TestApp, Trouble, mac, minutes, zone};

#[tokio::test]
async fn a_kernel_that_does_not_answer_is_not_asked_without_a_pause() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    // From here on the end is a deadline of its own.
    app.pass(Duration::from_millis(59_500)).await;
    app.kernel.trouble(Trouble { fail_reading: true, ..Trouble::default() });
    app.pass(Duration::from_millis(500)).await;
    let before = app.kernel.calls().shut;
    // Each question is a group, in which the session is due if it was not put off. The clocks stand still.
    for _ in 0..50 {
        app.handle.status().await.unwrap();
    }
    assert!(app.kernel.calls().shut - before <= 1, "{} tries in no time", app.kernel.calls().shut - before);
    app.kernel.trouble(Trouble::default());
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(app.handle.session(session.id).await.unwrap().state, SessionState::Consumed);
}

#[tokio::test]
async fn who_was_shut_for_nothing_is_let_through_again() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 100, true));
    app.kernel.trouble(Trouble { fail_after_shutting: true, ..Trouble::default() });
    assert!(matches!(app.handle.disconnect(device.id, None).await, Err(Refusal::Kernel(_))));
    app.kernel.trouble(Trouble::default());
    app.pass(Duration::from_millis(10)).await;
    assert!(app.handle.is_connected(device.id).await.unwrap());
    assert!(app.kernel.is_open(mac(1)), "paid for, and cut off");
}

#[tokio::test]
async fn an_element_that_vanished_is_put_back_within_a_second() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 100, true));
    app.kernel.lose_online(mac(1));
    app.pass(Duration::from_millis(1_000)).await;
    assert!(app.kernel.is_open(mac(1)));
}

#[tokio::test]
async fn a_table_that_is_gone_is_loaded_again_whoever_finds_out() {
    let app = TestApp::start().await;
    app.device(1).await;
    app.kernel.flush();
    app.handle.reconcile(false, "the regular look").await.unwrap();
    app.pass(Duration::from_millis(10)).await;
    app.pass(Duration::from_secs(1)).await;
    assert!(app.kernel.is_loaded());
}

#[tokio::test]
async fn who_waits_for_the_kernel_is_told_when_it_holds_what_it_must() {
    let app = TestApp::start().await;
    app.handle.reconciled(true, "a test").await.unwrap();
    app.kernel.flush();
    app.kernel.trouble(Trouble { fail_loading: true, ..Trouble::default() });
    let waiting = tokio::spawn({
        let handle = app.handle.clone();
        async move { handle.reconciled(true, "a test").await }
    });
    let before = app.kernel.calls().load;
    while app.kernel.calls().load == before {
        app.pass(Duration::from_secs(1)).await;
    }
    app.pass(Duration::from_millis(10)).await;
    assert!(!waiting.is_finished(), "it could not be loaded");
    app.kernel.trouble(Trouble::default());
    while !waiting.is_finished() {
        app.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert!(app.kernel.is_loaded());
}

/// A lock on the store's file that another program holds: commits fail after a while.
async fn lock(app: &TestApp) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(app.dir.path().join("turnpike.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn what_the_kernel_refused_is_taken_back_once_the_store_writes_again() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.kernel.refuse_opening(true);
    let turn = app.kernel.hold().await;
    let connect = tokio::spawn({
        let handle = app.handle.clone();
        async move { handle.connect(device.id, None).await }
    });
    // Committed, and now waiting for the kernel.
    while app.store.session(session.id).await.unwrap().unwrap().state == SessionState::Available {
        tokio::task::yield_now().await;
    }
    let lock = lock(&app).await;
    drop(turn);
    assert!(matches!(connect.await.unwrap(), Err(Refusal::Kernel(_))));
    lock.close().await.unwrap();
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(app.store.session(session.id).await.unwrap().unwrap().state, SessionState::Available);
    app.kernel.refuse_opening(false);
    let app = app.crash().await;
    assert!(!app.handle.is_connected(device.id).await.unwrap(), "told that it is not connected");
}

#[tokio::test]
async fn what_one_caller_was_told_is_not_undone_with_anothers_command() {
    let app = TestApp::start().await;
    let (holder, other) = (app.device(1).await, app.device(2).await);
    app.handle.create_session(other.id, minutes(1)).await.unwrap();
    app.kernel.trouble(Trouble { refuse_learning: Some(mac(3)), ..Trouble::default() });
    let turn = app.kernel.hold().await;
    // While the kernel is busy with one device, two commands gather: a new device takes the first one's address and cannot
    // be made known, and the first one is blocked.
    let patch = DevicePatch { blocked: Some(true), ..DevicePatch::default() };
    let address = std::net::IpAddr::from([10, 0, 0, 1]);
    let (connected, seen, blocked, ()) = tokio::join!(
        app.handle.connect(other.id, None),
        async {
            tokio::task::yield_now().await;
            app.handle.seen(mac(3), ZoneName::new("guests"), Some(address), None, true).await
        },
        async {
            tokio::task::yield_now().await;
            app.handle.update_device(holder.id, patch).await
        },
        async {
            // The owner's task has its first group by now.
            while app.store.load().await.unwrap().sessions.iter().all(|session| !session.is_running()) {
                tokio::task::yield_now().await;
            }
            drop(turn);
        },
    );
    assert!(connected.is_ok() && seen.is_err());
    assert!(blocked.unwrap().blocked);
    assert!(
        app.handle.devices().await.unwrap().iter().any(|device| device.id == holder.id && device.blocked)
    );
    let stored = app.store.load().await.unwrap().devices;
    assert!(stored.iter().any(|device| device.id == holder.id && device.blocked), "blocked in the store too");
}

#[tokio::test]
async fn one_device_with_many_commands_holds_up_nobody_else() {
    let app = TestApp::start().await;
    let (greedy, modest) = (app.device(1).await, app.device(2).await);
    app.handle.create_session(modest.id, minutes(1)).await.unwrap();
    let mut crowd = FuturesUnordered::new();
    for number in 0..601 {
        let (handle, greedy, modest) = (app.handle.clone(), greedy.id, modest.id);
        crowd.push(async move {
            match number {
                600 => handle.connect(modest, None).await.map(|_| true),
                _ => handle.disconnect(greedy, None).await.map(|_| false),
            }
        });
    }
    let mut before = 0;
    while let Some(answer) = crowd.next().await {
        if answer.unwrap() {
            break;
        }
        before += 1;
    }
    // Not all 600 of them were posted before.
    assert!(before < 300, "{before} of the other device's commands came first");
    assert_eq!(crowd.count().await, 600 - before, "everybody is answered");
}

#[tokio::test]
async fn a_portal_page_is_never_shown_by_an_address_that_changed_hands() {
    let app = TestApp::start().await;
    let first = app.device(1).await;
    let address = std::net::IpAddr::from([10, 0, 0, 1]);
    let zone = ZoneName::new("guests");
    assert_eq!(app.handle.visitor(zone.clone(), address).await.unwrap().id, first.id);
    // The network knows already; the notice is still on its way.
    app.lan.join(mac(2), address);
    assert_eq!(app.handle.visitor(zone, address).await.unwrap().mac, mac(2));
}

#[tokio::test]
async fn nobody_is_served_without_the_rules() {
    let clock = Clock::manual(START, BootId::new("boot-1"));
    let kernel = Arc::new(FakeKernel::new(clock.clone()));
    kernel.trouble(Trouble { fail_loading: true, ..Trouble::default() });
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let start = TestApp::try_start_on(dir, clock, kernel, vec![zone()], Vec::new()).await;
    let error = start.err().map(|error| error.to_string()).unwrap();
    assert!(error.contains("the base ruleset could not be loaded: nft: no such file"), "{error}");
}
