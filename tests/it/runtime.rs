//! The owner's task over a real store and a kernel in memory.

use std::time::Duration;

use turnpike::domain::sessions_mgr::{Command, DevicePatch, Restored, Retention, Settings};
use turnpike::domain::{
    BootId, Change, CloseReason, DeviceId, MacAddr, Now, Refusal, SessionId, SessionKind, SessionPatch,
    SessionState, SessionTerms, SessionsMgr, Text, ZoneName, bytes_to_mb,
};
use turnpike::runtime::{DeviceRef, Sighting};

use crate::support::{START, TestApp, mac, megabytes, minutes, zone};

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

#[tokio::test]
async fn who_is_not_on_the_network_any_more_has_left() {
    let app = TestApp::start().await;
    let (stays, leaves) = (app.device(1).await, app.device(2).await);
    let sighting = Sighting {
        mac: mac(1),
        zone: ZoneName::new("guests"),
        address: Some([10, 0, 0, 1].into()),
        hostname: None,
        attached: None,
        alive: true,
    };
    let new = Sighting { mac: mac(3), address: Some([10, 0, 0, 3].into()), ..sighting.clone() };
    app.handle.everybody(vec![sighting, new]).await.unwrap();
    let present = async |id| app.handle.find_device(DeviceRef::Id(id)).await.unwrap().present;
    assert!(present(stays.id).await && !present(leaves.id).await);
    assert!(app.handle.find_device(DeviceRef::Ip([10, 0, 0, 3].into())).await.unwrap().present);
}

#[tokio::test]
async fn passers_by_are_forgotten_and_customers_are_not() {
    let app = TestApp::start().await;
    let (customer, named, stranger) = (app.device(1).await, app.device(2).await, app.device(3).await);
    let session = app.handle.create_session(customer.id, minutes(1)).await.unwrap();
    app.handle.delete_session(session.id).await.unwrap();
    let session = app.handle.create_session(customer.id, minutes(1)).await.unwrap();
    app.handle.close_session(session.id, CloseReason::Operator, Text::new("")).await.unwrap();
    let alias = DevicePatch { alias: Some(Some(Text::new("the owner's"))), ..DevicePatch::default() };
    app.handle.update_device(named.id, alias).await.unwrap();
    for number in 1..=3 {
        app.handle.lost(mac(number), [10, 0, 0, number].into()).await.unwrap();
    }
    // History counts also where only the store has it.
    let app = app.crash().await;
    for _ in 0..40 {
        app.pass(Duration::from_secs(86_000)).await;
    }
    app.pass(Duration::from_secs(60)).await;
    let known: Vec<_> = app.handle.devices().await.unwrap().into_iter().map(|device| device.id).collect();
    assert!(known.contains(&customer.id) && known.contains(&named.id));
    assert!(!known.contains(&stranger.id));
    assert_eq!(app.store.load().await.unwrap().devices.len(), 2);
    assert!(app.handle.session(session.id).await.is_ok(), "what was sold stays on record");
    // It may come back, as anybody may.
    assert_ne!(app.device(3).await.id, stranger.id);
}

#[tokio::test]
async fn made_up_addresses_do_not_pile_up() {
    let settings = Settings {
        zones: vec![zone()],
        roles: Default::default(),
        gateway: Default::default(),
        place: std::sync::Arc::new(turnpike::domain::Utc),
        boot_id: BootId::new("boot-1"),
        max_key: 100,
        flush_ms: 60_000,
        retention: Retention { most_devices: 50, unseen_days: 30 },
    };
    let (mut mgr, _) = SessionsMgr::restore(settings, Restored::default(), START);
    for round in 0..40_u8 {
        let now = Now { boot: START.boot.plus_millis(u64::from(round) * 1_000), wall: START.wall };
        for number in 0..10_u8 {
            let mac = MacAddr::from_bytes([2, 0, 0, 0, round, number]).unwrap();
            let command = Command::Seen {
                fresh: DeviceId::new(uuid::Uuid::from_u128(u128::from(round) * 256 + u128::from(number) + 1)),
                fresh_session: SessionId::new(uuid::Uuid::max()),
                mac,
                zone: ZoneName::new("guests"),
                address: Some([10, 0, round, number].into()),
                attached: None,
                hostname: None,
                alive: true,
            };
            mgr.handle(command, now).unwrap();
            // Those of the first round stay; the others are gone as soon as they came.
            if round > 0 {
                mgr.handle(Command::Lost { mac, address: [10, 0, round, number].into() }, now).unwrap();
            }
        }
        let forgotten = mgr.housekeeping(now, 500, &Default::default());
        let rows = forgotten.changes.iter().filter(|change| matches!(change, Change::DeleteDevice(_)));
        assert!(rows.count() <= 16, "in small steps");
    }
    assert!(mgr.devices().count() <= 60, "{} devices", mgr.devices().count());
    assert!(
        mgr.device_by_mac(MacAddr::from_bytes([2, 0, 0, 0, 0, 0]).unwrap()).is_some(),
        "who is here stays"
    );
}
