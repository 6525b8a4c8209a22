//! More devices than numbers for them in the kernel.

use std::collections::BTreeSet;

use turnpike::domain::sessions_mgr::{Command, NewSession, Restored, Retention, Settings};
use turnpike::domain::{
    BootId, BootTime, Change, Checkpoint, ClientDevice, ClientKey, ClientSession, DeviceId, GateOp, MacAddr,
    Now, PauseReason, ProviderName, Refusal, SessionId, SessionState, SessionsMgr, SourceData, Transition,
    WallTime,
};
use uuid::Uuid;

use super::names::plain_zone;
use super::story::time;

const NOW: Now = Now { boot: BootTime(30_000), wall: WallTime(1_800_000_000_000) };

fn id(number: u32) -> DeviceId {
    DeviceId::new(Uuid::from_u128(u128::from(number)))
}

fn mac(number: u32) -> MacAddr {
    let [_, high, middle, low] = number.to_be_bytes();
    MacAddr::from_bytes([2, 0, 0x5e, high, middle, low]).unwrap()
}

/// The later its number, the later it was seen.
fn device(number: u32, key: Option<u16>) -> ClientDevice {
    let last_seen = Some(WallTime(1_700_000_000_000 + i64::from(number)));
    let key = key.map(|key| ClientKey::new(key).unwrap());
    ClientDevice { key, last_seen, ..ClientDevice::new(id(number), mac(number), WallTime(1_700_000_000_000)) }
}

fn session(number: u32) -> ClientSession {
    let session = SessionId::new(Uuid::from_u128(u128::from(number) | 1 << 64));
    ClientSession::new(session, id(number), ProviderName::new("operator"), time(3_600), NOW.wall)
}

fn start(
    max_key: u16,
    devices: Vec<ClientDevice>,
    sessions: Vec<ClientSession>,
) -> (SessionsMgr, Transition) {
    let settings = Settings {
        zones: vec![plain_zone("cafe")],
        roles: Default::default(),
        gateway: Default::default(),
        place: std::sync::Arc::new(turnpike::domain::Utc),
        boot_id: BootId::new("boot"),
        max_key,
        flush_ms: 60_000,
        retention: Retention { most_devices: usize::MAX, unseen_days: u32::MAX },
    };
    let had_session = sessions.iter().map(|session| session.device).collect();
    let found = Restored { devices, sessions, had_session, newest_wall: NOW.wall, ..Restored::default() };
    SessionsMgr::restore(settings, found, NOW)
}

/// The numbers of those who are let through: never one of them twice.
fn online(mgr: &SessionsMgr) -> BTreeSet<u16> {
    let desired = mgr.desired();
    let keys: BTreeSet<u16> = desired.iter().map(|access| access.key.get()).collect();
    assert_eq!(keys.len(), desired.len(), "two devices have one number");
    desired.iter().filter(|access| access.grant.is_some()).map(|access| access.key.get()).collect()
}

/// The devices that a transition stores, each with its number.
fn stored(transition: &Transition) -> Vec<(DeviceId, Option<u16>)> {
    let of = |change: &Change| match change {
        Change::Device(device) => Some((device.id, device.key.map(ClientKey::get))),
        _ => None,
    };
    transition.changes.iter().filter_map(of).collect()
}

#[test]
fn when_all_numbers_are_online_the_next_is_told_and_let_in_as_soon_as_one_goes() {
    let all = ClientKey::MAX;
    let devices = (1..=all).map(|key| device(u32::from(key), Some(key))).collect();
    let sessions = (1..=all).map(|key| {
        let checkpoint = Checkpoint {
            boot_id: BootId::new("boot"),
            at: NOW.boot,
            key: ClientKey::new(key).unwrap(),
            sent_bytes: 0,
            received_bytes: 0,
        };
        ClientSession { state: SessionState::Running(checkpoint), ..session(u32::from(key)) }
    });
    let (mut mgr, _) = start(all, devices, sessions.collect());
    let everybody: BTreeSet<u16> = (1..=all).collect();
    assert_eq!(online(&mgr), everybody);

    let next = u32::from(all) + 1;
    let register = Command::RegisterDevice { id: id(next), mac: mac(next), alias: None, zone: None };
    mgr.handle(register, NOW).unwrap();
    assert_eq!(mgr.device(id(next)).unwrap().key, None, "known, and captive");
    let new = NewSession {
        id: session(next).id,
        device: id(next),
        provider: ProviderName::new("operator"),
        data: SourceData::new(time(60)),
    };
    mgr.handle(Command::CreateSession(Box::new(new)), NOW).unwrap();
    let connect = || Command::Connect { device: id(next), notify: None, answer: None, verdict: None };
    assert_eq!(mgr.handle(connect(), NOW).unwrap_err(), Refusal::KeysUsedUp);
    assert_eq!(online(&mgr), everybody, "nobody has lost theirs");

    let goes = Command::Disconnect { device: id(40_000), notify: None, reason: PauseReason::Asked };
    mgr.handle(goes, NOW).unwrap();
    let transition = mgr.handle(connect(), NOW).unwrap();
    let key = ClientKey::new(40_000).unwrap();
    let [
        GateOp::Forget { mac: old, key: freed },
        GateOp::Learn { mac: new, key: given },
        GateOp::Open { key: opened, .. },
    ] = &transition.gate[..]
    else {
        panic!("{:?}", transition.gate);
    };
    assert_eq!((*old, *new), (mac(40_000), mac(next)));
    assert_eq!([*freed, *given, *opened], [key; 3]);
    assert_eq!(stored(&transition), [(id(40_000), None), (id(next), Some(40_000))]);
    assert_eq!(online(&mgr), everybody);
}

#[test]
fn a_start_gives_out_the_numbers_that_are_free_and_takes_none_from_anybody() {
    let devices =
        (1..=20_000).map(|number| device(number, u16::try_from(number).ok().filter(|key| *key <= 200)));
    let (mgr, transition) = start(255, devices.collect(), Vec::new());
    let given = stored(&transition);
    let who: BTreeSet<DeviceId> = given.iter().map(|(id, _)| *id).collect();
    assert_eq!(who, (19_946..=20_000).map(id).collect(), "those that were seen last");
    let keys: BTreeSet<_> = given.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys, (201..=255).map(Some).collect());
    assert!((1..=200).all(|number| mgr.device(id(number)).unwrap().key.is_some()));
}

#[test]
fn a_number_that_does_not_fit_any_more_is_stored_as_none() {
    let devices = (1..=1_000).map(|number| device(number, u16::try_from(number).ok()));
    let (mgr, transition) = start(255, devices.collect(), Vec::new());
    assert_eq!(stored(&transition), (256..=1_000).rev().map(|number| (id(number), None)).collect::<Vec<_>>());
    assert_eq!(mgr.desired().len(), 255);
}
