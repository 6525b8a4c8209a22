//! The store: what is written comes back, whole or not at all.

use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use turnpike::domain::{
    AtEnd, BootId, BootTime, Change, Checkpoint, ClientDevice, ClientKey, ClientRates, ClientSession,
    CloseReason, DeviceId, Event, EventKind, Guard, Identity, MacAddr, Mbps, PauseReason, ProviderName,
    Refusal, SessionId, SessionKind, SessionState, SessionTerms, SlowEnd, SourceUsage, Text, Usage, WallTime,
    ZoneName,
};
use turnpike::store::{Store, StoreError, Writes};
use uuid::Uuid;

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn device(number: u16) -> ClientDevice {
    let [high, low] = number.to_be_bytes();
    let mac = MacAddr::from_bytes([2, 0, 0x5e, 0, high, low]).unwrap();
    ClientDevice::new(DeviceId::new(Uuid::from_u128(u128::from(number) + 1)), mac, WallTime(1_000))
}

pub(crate) fn session(number: u16, device: &ClientDevice) -> ClientSession {
    let terms = SessionTerms::new(SessionKind::Time, Some(3600), None, None, 5.0, 1.0, false).unwrap();
    ClientSession::new(
        SessionId::new(Uuid::from_u128(0x1_0000 + u128::from(number))),
        device.id,
        ProviderName::new("operator"),
        terms,
        WallTime(2_000 + i64::from(number)),
    )
}

fn running(session: &ClientSession, key: u16) -> ClientSession {
    let checkpoint = Checkpoint {
        boot_id: BootId::new("6ba1f0b2-0000-4000-8000-000000000001"),
        at: BootTime(77_000),
        key: ClientKey::new(key).unwrap(),
        sent_bytes: 11,
        received_bytes: 22,
    };
    ClientSession { state: SessionState::Running(checkpoint), ..session.clone() }
}

pub(crate) fn changes(changes: impl IntoIterator<Item = Change>) -> Writes {
    Writes { changes: changes.into_iter().collect(), ..Writes::default() }
}

pub(crate) fn put_device(device: &ClientDevice) -> Change {
    Change::Device(Box::new(device.clone()))
}

pub(crate) fn put_session(session: &ClientSession) -> Change {
    Change::Session(Box::new(session.clone()))
}

fn event(kind: EventKind) -> Event {
    Event { at: WallTime(5), device: Some(device(1).id), session: None, kind }
}

async fn committed(store: &Store, writes: Writes) -> Vec<i64> {
    store.commit(vec![writes]).await.unwrap().remove(0).unwrap().events
}

pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) store: Store,
}

pub(crate) async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("turnpike.db")).await.unwrap();
    Fixture { directory, store }
}

fn text() -> impl Strategy<Value = String> {
    // Anything that Unicode has, the marks of SQL and JSON among it.
    prop_oneof![".{0,40}", "[\\x00-\\x7f]{0,20}", Just("'; DROP TABLE sessions; --".to_owned())]
}

fn terms() -> impl Strategy<Value = SessionTerms> {
    let speed = || proptest::option::of(Mbps::MIN_BITS_PER_SEC..=Mbps::MAX_BITS_PER_SEC);
    let kind = prop_oneof![Just(SessionKind::Time), Just(SessionKind::Data), Just(SessionKind::TimeOrData)];
    let limit = || proptest::option::of(0..=i64::MAX.unsigned_abs());
    (kind, limit(), limit(), proptest::option::of(any::<u32>()), speed(), speed(), any::<bool>()).prop_map(
        |(kind, time_limit_ms, data_limit_bytes, exp_days, down, up, use_global_speed)| {
            let speed = |bits: u64| Mbps::from_bits_per_sec(bits).unwrap();
            let (down, up) = (down.map(speed), up.map(speed));
            SessionTerms { kind, time_limit_ms, data_limit_bytes, exp_days, down, up, use_global_speed }
        },
    )
}

fn state() -> impl Strategy<Value = SessionState> {
    let amount = || 0..=i64::MAX.unsigned_abs();
    prop_oneof![
        Just(SessionState::Available),
        ("[ -~]{0,40}", amount(), 1..=ClientKey::MAX, amount(), amount()).prop_map(
            |(boot_id, at, key, sent_bytes, received_bytes)| SessionState::Running(Checkpoint {
                boot_id: BootId::new(&boot_id),
                at: BootTime(at),
                key: ClientKey::new(key).unwrap(),
                sent_bytes,
                received_bytes,
            })
        ),
        proptest::sample::select(&PauseReason::ALL[..]).prop_map(|(reason, _)| SessionState::Paused(reason)),
        Just(SessionState::Consumed),
        Just(SessionState::Expired),
        (proptest::sample::select(&CloseReason::ALL[..]), text())
            .prop_map(|((reason, _), text)| SessionState::Closed(reason, Text::new(&text))),
    ]
}

fn at_end() -> impl Strategy<Value = AtEnd> {
    let speed = || {
        let bits = proptest::option::of(Mbps::MIN_BITS_PER_SEC..=Mbps::MAX_BITS_PER_SEC);
        bits.prop_map(|bits| bits.map(|bits| Mbps::from_bits_per_sec(bits).unwrap()))
    };
    proptest::option::of((1..=i64::MAX.unsigned_abs(), speed(), speed())).prop_map(|slow| {
        slow.map_or(AtEnd::CutOff, |(lasts_ms, down, up)| {
            AtEnd::Slow(SlowEnd { rates: ClientRates { down, up }, lasts_ms })
        })
    })
}

fn any_session() -> impl Strategy<Value = ClientSession> {
    let amount = || 0..=i64::MAX.unsigned_abs();
    let time = || proptest::option::of(any::<i64>().prop_map(WallTime));
    let words = || proptest::option::of(text());
    (
        (
            any::<u128>(),
            text(),
            words(),
            amount(),
            terms(),
            (amount(), amount(), amount(), amount(), amount(), amount()),
            state(),
        ),
        (any::<i64>(), time(), time(), time(), time(), at_end()),
        (words(), words(), words()),
        proptest::collection::btree_map(text(), text(), 0..4),
        proptest::collection::btree_set(text(), 0..4),
    )
        .prop_map(|(first, times, (plan, principal, voucher), properties, roles)| {
            let (
                id,
                provider,
                source,
                source_seq,
                terms,
                (time_ms, sent_bytes, received_bytes, free_ms, free_sent, free_received),
                state,
            ) = first;
            let (created_at, started_at, resumed_at, expires_at, ended_at, at_end) = times;
            ClientSession {
                id: SessionId::new(Uuid::from_u128(id)),
                device: device(1).id,
                provider: ProviderName::new(&provider),
                source,
                source_seq,
                terms,
                usage: Usage { time_ms, sent_bytes, received_bytes },
                free: Usage { time_ms: free_ms, sent_bytes: free_sent, received_bytes: free_received },
                state,
                created_at: WallTime(created_at),
                started_at,
                resumed_at,
                expires_at,
                ended_at,
                at_end,
                slowed: id % 2 == 1,
                plan,
                principal,
                voucher,
                properties,
                roles,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_session_comes_back_as_it_was(
        sessions in proptest::collection::vec(any_session(), 1..50),
        others in proptest::collection::vec(any_session(), 1..50),
    ) {
        block_on(async {
            let fixture = fixture().await;
            committed(&fixture.store, changes([put_device(&device(1)), put_device(&device(2))])).await;
            let writes = changes(sessions.iter().map(put_session));
            committed(&fixture.store, writes).await;
            for session in &sessions {
                let newest = sessions.iter().rfind(|other| other.id == session.id).unwrap();
                let found = fixture.store.session(session.id).await.unwrap();
                prop_assert_eq!(found.as_ref(), Some(newest));
            }
            let loaded = fixture.store.load().await.unwrap().sessions;
            prop_assert!(loaded.iter().all(ClientSession::is_usable));
            let usable = sessions.iter().filter(|session| session.is_usable()).count();
            prop_assert!(loaded.len() <= usable);
            // And all of it is replaced: the device, the time when it was made, the code.
            for (session, other) in sessions.iter().zip(&others) {
                let replaced = ClientSession { id: session.id, device: device(2).id, ..other.clone() };
                committed(&fixture.store, changes([put_session(&replaced)])).await;
                prop_assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(replaced));
            }
            Ok(())
        })?;
    }
}

#[test]
fn every_device_comes_back_as_it_was() {
    block_on(async {
        let fixture = fixture().await;
        let bare = device(1);
        let full = ClientDevice {
            zone: Some(ZoneName::new("guests")),
            key: ClientKey::new(ClientKey::MAX),
            hostname: Some(Text::new("Ana's \"phone\" %_")),
            alias: Some(Text::new("")),
            blocked: true,
            notice: Some(Text::new("welcome ☕")),
            roles: ["vip".to_owned(), "a \"b\"".to_owned()].into(),
            last_seen: Some(WallTime(-5)),
            identity: Identity { version: u32::MAX, moves: 7, moves_since: Some(WallTime(-6)) },
            ..device(2)
        };
        committed(
            &fixture.store,
            changes([put_device(&bare), put_device(&full), Change::NewestWall(WallTime(9))]),
        )
        .await;
        let loaded = fixture.store.load().await.unwrap();
        assert_eq!(loaded.devices, [bare.clone(), full.clone()]);
        assert_eq!(loaded.newest_wall, Some(WallTime(9)));

        let replaced = ClientDevice { id: bare.id, mac: device(3).mac, key: None, ..full.clone() };
        committed(&fixture.store, changes([put_device(&replaced)])).await;
        assert_eq!(fixture.store.load().await.unwrap().devices, [replaced, full]);
    });
}

#[test]
fn what_is_not_stored_stays_in_memory() {
    block_on(async {
        let fixture = fixture().await;
        let seen = ClientDevice {
            ipv4: ["192.0.2.7".parse().unwrap()].into(),
            ipv6: ["fe80::7".parse().unwrap()].into(),
            present: true,
            ..device(1)
        };
        committed(&fixture.store, changes([put_device(&seen)])).await;
        assert_eq!(fixture.store.load().await.unwrap().devices, [device(1)]);
    });
}

#[test]
fn the_last_word_on_a_row_counts_and_deletions_come_in_their_order() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let (one, two) = (device(1), device(2));
        let (mut first, second) = (session(1, &one), session(2, &two));
        committed(
            &store,
            changes([put_device(&one), put_device(&two), put_session(&first), put_session(&second)]),
        )
        .await;

        first.usage.time_ms = 5;
        let newer = ClientSession { usage: Usage { time_ms: 9, ..Usage::default() }, ..first.clone() };
        let again = ClientSession { plan: Some("again".to_owned()), ..second.clone() };
        let group = vec![
            changes([Change::Usage(Box::new(first.clone())), put_session(&newer)]),
            changes([put_session(&second), Change::DeleteDevice(two.id)]),
            changes([put_device(&two), put_session(&again)]),
        ];
        assert!(store.commit(group).await.unwrap().iter().all(Result::is_ok));
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.devices, [one.clone(), two.clone()]);
        assert_eq!(loaded.sessions, [newer, again]);

        committed(&store, changes([put_session(&first), Change::DeleteSession(first.id)])).await;
        committed(&store, changes([Change::DeleteDevice(two.id)])).await;
        let loaded = store.load().await.unwrap();
        assert_eq!(
            (loaded.devices, loaded.sessions),
            (vec![one], vec![]),
            "the sessions went with the device"
        );
    });
}

#[test]
fn a_flush_changes_usage_and_checkpoint_only() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let owner = device(1);
        let stored = running(&session(1, &owner), 7);
        committed(&store, changes([put_device(&owner), put_session(&stored)])).await;

        let mut flushed = running(&session(1, &owner), 8);
        flushed.usage = Usage { time_ms: 1, sent_bytes: 2, received_bytes: 3 };
        let disguised = ClientSession { plan: Some("never stored".to_owned()), ..flushed.clone() };
        committed(&store, changes([Change::Usage(Box::new(disguised))])).await;
        assert_eq!(store.session(stored.id).await.unwrap(), Some(flushed.clone()));

        let paused = ClientSession { state: SessionState::Paused(PauseReason::Idle), ..flushed.clone() };
        committed(&store, changes([put_session(&paused)])).await;
        let late = ClientSession { usage: Usage::default(), ..flushed };
        committed(&store, changes([Change::Usage(Box::new(late))])).await;
        assert_eq!(store.session(stored.id).await.unwrap(), Some(paused), "a late flush does not wake it");
    });
}

#[test]
fn a_guard_that_does_not_hold_leaves_out_its_own_writes_only() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let owner = device(1);
        let refused = Writes {
            guards: vec![Guard::RedeemVoucher {
                voucher: 4711,
                device: owner.id,
                session: session(2, &owner).id,
                at: WallTime(1),
            }],
            changes: vec![put_session(&session(2, &owner))],
            events: vec![event(EventKind::SessionCreated)],
            ..Writes::default()
        };
        let before =
            Writes { events: vec![event(EventKind::DeviceCreated)], ..changes([put_device(&owner)]) };
        let after = Writes {
            events: vec![event(EventKind::SessionCreated), event(EventKind::DeviceConnected)],
            ..changes([put_session(&session(1, &owner))])
        };
        let answers = store.commit(vec![before, refused, after]).await.unwrap();
        let answers: Vec<_> =
            answers.into_iter().map(|answer| answer.map(|numbers| numbers.events)).collect();
        assert_eq!(answers, [Ok(vec![1]), Err(Refusal::VoucherUnknown), Ok(vec![2, 3])]);
        assert_eq!(store.load().await.unwrap().sessions, [session(1, &owner)]);
        assert_eq!(store.events(0, 10).await.unwrap().len(), 3);
    });
}

#[test]
fn what_fails_takes_the_whole_group_back() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let (owner, stranger) = (device(1), device(2));
        let group = vec![changes([put_device(&owner)]), changes([put_session(&session(1, &stranger))])];
        assert!(matches!(store.commit(group).await, Err(StoreError::Database(_))));
        let mut absurd = session(1, &owner);
        absurd.usage.sent_bytes = u64::MAX;
        let group = vec![changes([put_device(&owner)]), changes([put_session(&absurd)])];
        let error = store.commit(group).await.unwrap_err().to_string();
        assert!(error.contains(&absurd.id.to_string()) && error.contains("used_sent"), "{error}");
        assert!(store.load().await.unwrap().devices.is_empty());
        committed(&store, changes([put_device(&owner)])).await;
    });
}

#[test]
fn every_event_comes_back_as_it_was_and_ids_never_repeat() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let mut kinds = vec![
            EventKind::SessionCreated,
            EventKind::SessionConnected,
            EventKind::SessionDisconnected,
            EventKind::SessionResumed,
            EventKind::SessionChanged(vec![("time_secs", "60".to_owned()), ("alias", "a\"b".to_owned())]),
            EventKind::SessionExpired,
            EventKind::SessionDeleted,
            EventKind::DeviceCreated,
            EventKind::DeviceUpdated,
            EventKind::DeviceConnected,
            EventKind::DeviceDisconnected,
            EventKind::DeviceBlocked,
            EventKind::DeviceUnblocked,
            EventKind::DeviceDeleted,
            EventKind::GatewayStarted,
            EventKind::GatewayRecovered(u64::MAX),
        ];
        kinds.extend(PauseReason::ALL.map(|(reason, _)| EventKind::SessionPaused(reason)));
        for (reason, _) in CloseReason::ALL {
            kinds.push(EventKind::SessionConsumed(reason));
            kinds.push(EventKind::SessionClosed(reason, Text::new("the text")));
        }
        let events: Vec<Event> = kinds.into_iter().map(event).collect();
        let ids = committed(&store, Writes { events: events.clone(), ..Writes::default() }).await;
        let logged = store.events(0, 1_000).await.unwrap();
        assert_eq!(logged.iter().map(|logged| logged.id).collect::<Vec<_>>(), ids);
        assert_eq!(logged.into_iter().map(|logged| logged.event).collect::<Vec<_>>(), events);
        assert_eq!(store.events(ids[2], 2).await.unwrap()[0].id, ids[3]);

        let total = u64::try_from(events.len()).unwrap();
        assert_eq!(store.prune_step().await.unwrap(), 0);
        assert_eq!(store.prune_events(0).await.unwrap(), total - 1, "the newest stays");
        let next = committed(&store, Writes { events: events[..1].to_vec(), ..Writes::default() }).await;
        assert_eq!(next, [ids.last().unwrap() + 1]);
    });
}

#[test]
fn totals_wait_in_order_until_their_source_has_them() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let owner = device(1);
        let sold = ClientSession { provider: ProviderName::new("coins"), ..session(1, &owner) };
        let totals = |seq, state| SourceUsage {
            session: sold.id,
            reference: "slot 1".to_owned(),
            seq,
            usage: Usage { time_ms: seq, sent_bytes: 2, received_bytes: 3 },
            state,
        };
        let owed = |seq, state| Change::Outbox(totals(seq, state));
        committed(&store, changes([put_device(&owner), owed(1, "running"), put_session(&sold)])).await;
        committed(&store, changes([owed(2, "paused"), owed(3, "running")])).await;
        assert_eq!(store.outbox_length().await.unwrap(), 2, "3 stands for 1 as well");
        let first = store.outbox_pending(0, 10).await.unwrap().remove(0);
        assert_eq!((&first.usage, first.provider.as_str()), (&totals(2, "paused"), "coins"));

        committed(&store, changes([owed(4, "running"), owed(5, "closed"), Change::DeleteSession(sold.id)]))
            .await;
        let other = ClientSession { source: Some("slot 2".to_owned()), ..session(2, &owner) };
        let of_other = SourceUsage { session: other.id, ..totals(1, "closed") };
        committed(&store, changes([put_session(&other), Change::Outbox(of_other)])).await;
        let mut taken = Vec::new();
        let mut row = first.row;
        loop {
            store.outbox_done(&[row]).await.unwrap();
            let pending = store.outbox_pending(0, 10).await.unwrap();
            let Some(next) = pending.iter().find(|pending| pending.usage.session == sold.id) else { break };
            assert_eq!(pending.len(), 2, "one of each session");
            assert_eq!(store.outbox_pending(next.row, 10).await.unwrap().len(), 1);
            taken.push(next.usage.seq);
            row = next.row;
        }
        assert_eq!(taken, [4, 5]);
        assert_eq!(store.outbox_length().await.unwrap(), 1);
    });
}

#[test]
fn a_second_daemon_is_refused_by_name() {
    block_on(async {
        let Fixture { store, directory } = fixture().await;
        let path = directory.path().join("turnpike.db");
        let error = Store::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::InUse { pid, .. } if pid == Some(std::process::id())));
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        store.close().await.unwrap();
        drop(store);
        Store::open(&path).await.unwrap();
    });
}

#[test]
fn a_crash_loses_nothing_that_was_committed() {
    block_on(async {
        let Fixture { store, directory } = fixture().await;
        let owner = device(1);
        committed(&store, changes([put_device(&owner), put_session(&session(1, &owner))])).await;
        store.checkpoint().await.unwrap();
        committed(&store, changes([put_session(&running(&session(2, &owner), 3))])).await;

        // What a killed process leaves behind: the files as they are, its connections never closed.
        let copy = tempfile::tempdir().unwrap();
        for name in ["turnpike.db", "turnpike.db-wal"] {
            std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
        }
        let reopened = Store::open(&copy.path().join("turnpike.db")).await.unwrap();
        let loaded = reopened.load().await.unwrap();
        assert_eq!(loaded.sessions, [session(1, &owner), running(&session(2, &owner), 3)]);
    });
}

#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new").join("turnpike.db");
        let store = Store::open(&path).await.unwrap();
        committed(&store, changes([put_device(&device(1))])).await;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            let entry = entry.unwrap().path();
            assert_eq!(mode(&entry), 0o600, "{}", entry.display());
        }
        assert!(store.size().unwrap().log_bytes > 0);
        store.ping().await.unwrap();
    });
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("turnpike.db");
        std::fs::write(&path, vec![b'x'; 8192]).unwrap();
        let error = Store::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");

        let error = Store::open(&path.join("below-a-file")).await.unwrap_err();
        assert!(matches!(error, StoreError::File { .. }), "{error:?}");
    });
}

#[test]
fn ten_thousand_are_written_loaded_and_flushed() {
    block_on(async {
        let Fixture { store, directory: _directory } = fixture().await;
        let group: Vec<Writes> = (0..10_000)
            .map(|number| {
                let owner = device(number);
                changes([put_device(&owner), put_session(&running(&session(number, &owner), number + 1))])
            })
            .collect();
        store.commit(group).await.unwrap();
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.devices.len(), loaded.sessions.len()), (10_000, 10_000));
        let flush = loaded.sessions.into_iter().map(|session| Change::Usage(Box::new(session)));
        committed(&store, changes(flush)).await;
    });
}
