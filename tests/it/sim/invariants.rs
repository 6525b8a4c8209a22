use std::collections::{BTreeMap, BTreeSet};

use turnpike::domain::{
    Access, BootTime, ClientKey, ClientSession, MacAddr, Now, SessionsMgr, ZoneName, ZonePolicy,
};

use super::kernel::SimKernel;
use super::store::SimStore;

/// Memory and store say the same, but for usage since the last flush and what is not stored.
pub fn store_agrees(mgr: &SessionsMgr, store: &SimStore) {
    let (devices, running, sessions) = mgr.counts();
    assert_eq!(devices, store.devices.len(), "devices in memory and store");
    for row in store.devices.values() {
        let device = mgr.device(row.id).expect("a stored device is known");
        let standing = |device: &turnpike::domain::ClientDevice| {
            (device.mac, device.key, device.zone.clone(), device.blocked, device.alias.clone())
        };
        assert_eq!(standing(device), standing(row));
        assert_eq!(mgr.device_by_mac(row.mac).map(|found| found.id), Some(row.id), "found by its MAC");
        if let Some(key) = row.key {
            assert_eq!(mgr.device_by_key(key), Some(row.id), "found by its key");
        }
    }
    let usable: Vec<&ClientSession> = store.sessions.values().filter(|row| row.is_usable()).collect();
    assert_eq!(sessions, usable.len(), "sessions in memory and store");
    assert_eq!(running, usable.iter().filter(|row| row.is_running()).count(), "running in memory and store");
    for row in usable {
        let session = mgr.session(row.id).expect("a stored session is known");
        let same = |session: &ClientSession| {
            (session.state.as_str(), session.terms.clone(), session.expires_at, session.started_at)
        };
        assert_eq!(same(session), same(row), "{}", row.id);
        assert!(row.usage.data_bytes() <= session.usage.data_bytes(), "{}: stored beyond known", row.id);
        assert_eq!(mgr.curr_session(row.device) == Some(row.id), row.is_running());
    }
}

/// The kernel lets through who is running, nobody else, and exactly so far.
pub fn kernel_agrees(mgr: &SessionsMgr, kernel: &SimKernel, now: Now) {
    let desired = mgr.desired();
    let pairs: BTreeMap<MacAddr, ClientKey> = desired.iter().map(|access| (access.mac, access.key)).collect();
    let keys: BTreeSet<ClientKey> = pairs.values().copied().collect();
    assert_eq!(keys.len(), desired.len(), "a key belongs to one device");
    assert_eq!(kernel.pairs, pairs, "who has which key");
    for Access { mac, key, grant } in &desired {
        let held = kernel.online.get(key);
        let Some(grant) = grant else {
            assert_eq!(held, None, "{mac} is let through and does not run");
            assert_eq!(kernel.books.get(key), None, "{mac} has books and does not run");
            continue;
        };
        let counter = kernel.books.get(key).expect("who runs has books").total_bytes();
        let Some(held) = held else {
            assert!(grant.deadline.is_some_and(|deadline| deadline <= now.boot), "{mac} runs and is shut");
            continue;
        };
        let ends_at = grant.deadline.map(|deadline| deadline.plus_millis(50));
        assert_eq!(held.ends_at, ends_at, "{mac}: its time in the kernel");
        assert_eq!(held.left().is_some(), grant.end_counter.is_some(), "{mac}: has a quota");
        if let (Some(left), Some(end)) = (held.left(), grant.end_counter) {
            // A packet that crossed the quota used it up without being counted.
            assert!(counter + left <= end.max(counter), "{mac}: {counter} + {left} passes {end}");
            assert!(
                left == 0 || counter + left + held.forfeited >= end,
                "{mac}: {counter} + {left} is short of {end}"
            );
        }
    }
    let known: BTreeSet<ClientKey> = kernel.online.keys().chain(kernel.books.keys()).copied().collect();
    assert!(known.is_subset(&keys), "elements of nobody: {known:?} {keys:?}");
}

/// From the first limit of a zone on, each of its running clients has a class with its speeds: no class is no limit.
pub fn classes_agree(mgr: &SessionsMgr, kernel: &SimKernel, zones: &[ZonePolicy]) {
    let policy =
        |name: Option<&ZoneName>| zones.iter().find(|zone| Some(&zone.name) == name).unwrap_or(&zones[0]);
    let running = || {
        mgr.devices().filter_map(|device| {
            let session = mgr.session(mgr.curr_session(device.id)?)?;
            let zone = policy(device.zone.as_ref());
            let terms = &session.terms;
            let (down, up) = if terms.use_global_speed {
                (zone.client_down, zone.client_up)
            } else {
                (terms.down, terms.up)
            };
            Some((device.key?, zone, down, up))
        })
    };
    let limited: BTreeSet<&ZoneName> = running()
        .filter(|(_, zone, down, up)| down.is_some() || up.is_some() || zone.has_limit())
        .map(|(_, zone, ..)| &zone.name)
        .collect();
    for (key, zone, down, up) in running() {
        let class = kernel.classes.get(&key);
        assert_eq!(class.is_some(), kernel.class_of.contains(&key), "class and element of {key}");
        if limited.contains(&zone.name) {
            let class = class.unwrap_or_else(|| panic!("{key} has no class: it is not limited at all"));
            assert_eq!((class.client.down, class.client.up, &class.zone), (down, up, &zone.name));
        }
    }
    let keys: BTreeSet<ClientKey> = running().map(|(key, ..)| key).collect();
    assert!(kernel.classes.keys().all(|key| keys.contains(key)), "a class of nobody");
    assert!(kernel.class_of.iter().all(|key| keys.contains(key)), "a class element of nobody");
}

/// The daemon wakes when a session's time is over, not later; after a failure it tries again in 100 ms.
pub fn deadlines_come(mgr: &SessionsMgr, failed_at: Option<BootTime>) {
    let again = failed_at.map_or(BootTime(0), |failed| failed.plus_millis(100));
    let wakes = mgr.poll_timeout().at;
    for access in mgr.desired() {
        if let Some(deadline) = access.grant.and_then(|grant| grant.deadline) {
            assert!(wakes <= deadline.max(again), "wakes at {wakes:?}, {} ends at {deadline:?}", access.mac);
        }
    }
}
