//! The owner's task over a real store and a kernel in memory.

use std::time::Duration;

use turnpike::domain::{Refusal, SessionKind, SessionPatch, SessionState, SessionTerms, Text, bytes_to_mb};
use turnpike::runtime::DeviceRef;

use crate::support::{TestApp, mac, megabytes, minutes};

#[tokio::test]
async fn a_connect_opens_and_a_disconnect_pauses() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    assert_eq!(app.handle.connect(device.id, None).await, Err(Refusal::NoSession));
    let session = app.handle.create_session(device.id, minutes(10)).await.unwrap();
    app.handle.connect(device.id, Some(Text::new("welcome"))).await.unwrap();
    assert!(app.kernel.packet(mac(1), 1000, true));
    assert!(app.handle.is_connected(device.id).await.unwrap());
    app.pass(Duration::from_secs(90)).await;
    let device = app.handle.disconnect(device.id, None).await.unwrap();
    assert_eq!(device.notice, None, "the welcome is no longer shown");
    assert!(!app.kernel.packet(mac(1), 1000, true));
    app.pass(Duration::from_secs(500)).await;
    let session = app.handle.session(session.id).await.unwrap();
    assert_eq!((session.usage.time_ms, session.usage.sent_bytes), (90_000, 1000));
    assert!(matches!(session.state, SessionState::Paused(_)));
}

#[tokio::test]
async fn a_session_ends_at_its_time_and_the_next_takes_over() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let first = app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    let second = app.handle.create_session(device.id, megabytes(1.0)).await.unwrap();
    app.pass(Duration::from_millis(60_010)).await;
    assert_eq!(app.handle.session(first.id).await.unwrap().state, SessionState::Consumed);
    assert_eq!(app.handle.curr_session(device.id).await.unwrap().map(|session| session.id), Some(second.id));
    assert!(app.kernel.packet(mac(1), 600_000, false));
    assert!(!app.kernel.packet(mac(1), 600_000, false), "over the megabyte");
    app.pass(Duration::from_millis(1_100)).await;
    let second = app.handle.session(second.id).await.unwrap();
    assert_eq!((second.state.as_str(), bytes_to_mb(second.usage.data_bytes())), ("consumed", 0.6));
    assert_eq!(app.handle.curr_session(device.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_crash_loses_nothing() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, megabytes(10.0)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 700, true));
    app.pass(Duration::from_secs(3)).await;
    assert!(app.kernel.packet(mac(1), 42, false));
    let app = app.crash().await;
    assert!(app.kernel.packet(mac(1), 1, false), "still let through");
    let session = app.handle.session(session.id).await.unwrap();
    assert_eq!((session.usage.sent_bytes, session.usage.received_bytes), (700, 43));
    assert!(app.handle.is_connected(device.id).await.unwrap());
}

#[tokio::test]
async fn a_flushed_table_is_rebuilt_with_its_books() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, megabytes(1.0)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 400_000, true));
    app.pass(Duration::from_secs(2)).await;
    app.kernel.flush();
    app.handle.reconcile(true, "a test").await.unwrap();
    app.pass(Duration::from_millis(10)).await;
    assert!(app.kernel.packet(mac(1), 500_000, true));
    assert!(!app.kernel.packet(mac(1), 200_000, true));
    app.pass(Duration::from_secs(2)).await;
    let session = app.handle.session(session.id).await.unwrap();
    assert_eq!((session.usage.sent_bytes, session.state.as_str()), (900_000, "consumed"));
}

#[tokio::test]
async fn what_the_kernel_refuses_is_taken_back() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, minutes(1)).await.unwrap();
    app.kernel.refuse_opening(true);
    assert!(matches!(app.handle.connect(device.id, None).await, Err(Refusal::Kernel(_))));
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    assert_eq!(app.store.session(session.id).await.unwrap().unwrap().state, SessionState::Available);
    app.kernel.refuse_opening(false);
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.is_open(mac(1)));
}

#[tokio::test]
async fn a_top_up_keeps_what_was_used() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let session = app.handle.create_session(device.id, megabytes(1.0)).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 900_000, true));
    let patch = SessionPatch::new(None, None, None, Some(1.0), None, None, None, None).unwrap();
    app.handle.update_session(session.id, patch).await.unwrap();
    assert!(app.kernel.packet(mac(1), 1_000_000, true));
    assert!(!app.kernel.packet(mac(1), 200_000, true), "2 MB in all");
    let low = SessionPatch::new(None, Some(0.5), None, None, None, None, None, None).unwrap();
    assert!(matches!(
        app.handle.update_session(session.id, low).await,
        Err(Refusal::BelowUsed { field: "data_mb", .. })
    ));
}

#[tokio::test]
async fn devices_are_found_by_id_mac_and_address() {
    let app = TestApp::start().await;
    let device = app.device(7).await;
    for reference in [DeviceRef::Id(device.id), DeviceRef::Mac(mac(7)), DeviceRef::Ip([10, 0, 0, 7].into())] {
        assert_eq!(app.handle.find_device(reference).await.unwrap().id, device.id);
    }
    assert_eq!(app.handle.find_device(DeviceRef::Mac(mac(8))).await, Err(Refusal::UnknownDevice));
    let ping = app.handle.ping(device.id).await.unwrap();
    assert!(ping.reachable);
}

#[tokio::test]
async fn a_restart_in_good_order_keeps_speed_and_usage() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let terms = SessionTerms::new(SessionKind::Data, None, Some(10.0), None, 5.0, 2.0, false).unwrap();
    let session = app.handle.create_session(device.id, terms).await.unwrap();
    app.handle.connect(device.id, None).await.unwrap();
    assert!(app.kernel.packet(mac(1), 1234, true));
    let app = app.restart().await;
    assert!(app.kernel.is_open(mac(1)));
    let rates = app.kernel.class(mac(1)).unwrap().client;
    assert_eq!((rates.down.unwrap().as_mbps(), rates.up.unwrap().as_mbps()), (5.0, 2.0));
    assert_eq!(app.handle.session(session.id).await.unwrap().usage.sent_bytes, 1234);
}
