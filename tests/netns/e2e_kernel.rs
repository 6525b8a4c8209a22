//! What others do to the kernel's tables beside us: names and types of our sets, ids of our classes, room for neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::lab::{
    Daemon, Frame, HttpRequest, LAN4, Lab, NET4, Ns, Phone, Traffic, UdpBlaster, UdpEcho, eventually,
    send_frames,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(2);

/// Our table without what changes by itself: each rule, set and chain with its type. What others have left in it besides, and no
/// rule leads to, does not count.
fn shape(router: &Ns) -> BTreeSet<String> {
    let listed = router.run(&["nft", "-s", "-t", "list", "table", "inet", "turnpike"]).stdout;
    let listed = listed.trim_end().trim_end_matches("\n}");
    let mut parts: BTreeSet<String> = listed.split("\n\n").map(|part| part.trim().to_owned()).collect();
    let head = |part: &str| part.lines().next().unwrap_or_default().to_owned();
    // Each load has a word of its own, in a chain that nothing leads to.
    parts.retain(|part| part.contains('@') || !head(part).contains("_before {"));
    parts.retain(|part| head(part) != "chain loaded {");
    parts
}

/// The table as it is, and four of its sets under other names. Elements are without their quotas: nft does not read what it
/// prints of them.
fn with_sets_renamed(router: &Ns) -> String {
    let listed = router.must(&["nft", "-s", "list", "table", "inet", "turnpike"]);
    let quotas = listed.split(" quota ").enumerate().map(|(number, part)| match part.split_once(" bytes") {
        Some((_, rest)) if number > 0 => rest,
        _ => part,
    });
    let mut table: String = quotas.collect();
    for name in ["online", "sent", "received", "owner"] {
        table = table.replace(&format!("@{name} "), &format!("@{name}_before "));
        for kind in ["set", "map"] {
            table = table.replace(&format!("\t{kind} {name} {{"), &format!("\t{kind} {name}_before {{"));
        }
    }
    assert!(table.contains("set online_before {") && table.contains("@online_before "), "{table}");
    format!("delete table inet turnpike\n{table}")
}

const OTHER_TYPES: &str = "delete table inet turnpike
table inet turnpike {
    set online { type ipv4_addr; elements = { 192.0.2.1 }; }
    set sent { type ether_addr; }
    map client_of { type ipv4_addr : mark; }
    chain forward { type filter hook forward priority filter; policy drop; }
}
";

#[test]
fn sets_of_other_names_or_types_and_chains_that_were_renamed_are_put_right() {
    let lab = Lab::builder().phones(2).routed().alone().build();
    let daemon = Daemon::start(&lab);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 500}));
    daemon.meet(captive);
    let traffic = Traffic::start(&lab, phone, captive);
    let ours = shape(&lab.router);
    assert!(ours.len() > 20, "{ours:?}");
    let renamed_chain = "rename chain inet turnpike forward forward_before\n".to_owned();
    for (what, change) in [
        ("sets renamed", with_sets_renamed(&lab.router)),
        ("other types", OTHER_TYPES.to_owned()),
        ("a chain renamed", renamed_chain),
    ] {
        assert!(traffic.goes_on(), "{what}: not even before");
        let before = daemon.used(&session);
        lab.router.nft(&change);
        let is_right = || shape(&lab.router) == ours;
        assert!(eventually(5 * SECOND, is_right), "{what}: {:?}\n{}", shape(&lab.router), daemon.log());
        assert!(eventually(2 * SECOND, || traffic.goes_on()), "{what}: the guest is offline");
        let after = daemon.used(&session);
        assert!(after >= before, "{what}: usage fell from {before} to {after}");
        assert!(eventually(2 * SECOND, || daemon.used(&session) > after), "{what}: nothing is counted");
    }
    let passed = traffic.settle_after_gaps();
    let used = daemon.used(&session);
    assert!(used <= passed, "{used} charged, {passed} passed");
}

#[test]
fn a_class_id_that_another_has_taken_is_the_clients_when_it_connects() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let terms = json!({"kind": "time", "time_secs": 600, "down_mbps": 5, "up_mbps": 5});
    daemon.let_through(&lab.phones[0], &terms);
    let next = daemon.meet(&lab.phones[1]);
    daemon.create_session(&next, &terms);
    // Each class by its id, with its speeds.
    let classes = |device: &str| -> BTreeMap<String, String> {
        let listed = lab.router.must(&["tc", "class", "show", "dev", device]);
        let of = |line: &str| {
            let id = line.split(' ').nth(2)?.to_owned();
            let (_, speeds) = line.split_once(" rate ")?;
            Some((id, speeds.trim().to_owned()))
        };
        listed.lines().filter_map(of).collect()
    };
    let devices = ["br-lan", "wan"];
    let without = devices.map(classes);
    daemon.connect(&next);
    let with = devices.map(classes);
    let id = with[0].keys().find(|id| !without[0].contains_key(*id)).expect("a class of its own").clone();
    let (major, _) = id.split_once(':').unwrap();
    daemon.post(&format!("/api/v1/devices/{next}/disconnect"), &json!({}));
    assert!(eventually(2 * SECOND, || devices.map(classes) == without), "{:?}", devices.map(classes));

    let tc = |verb: &str, device: &str| {
        let parent = format!("{major}:ff00");
        lab.router.must(&[
            "tc", "class", verb, "dev", device, "parent", &parent, "classid", &id, "htb", "rate", "8kbit",
            "ceil", "8kbit",
        ]);
    };
    devices.iter().for_each(|device| tc("add", device));
    daemon.connect(&next);
    assert_eq!(devices.map(classes), with, "taken before it connected");
    let _echo = UdpEcho::open(&lab.internet, (NET4, 7));
    let flow = UdpBlaster::start(&lab.phones[1], (NET4, 7), 500, GAP);
    assert!(eventually(SECOND, || flow.answers() > 100), "{} answers", flow.answers());

    devices.iter().for_each(|device| tc("change", device));
    assert_ne!(devices.map(classes), with);
    let repair = daemon.send(&HttpRequest::json("POST", "/api/v1/service/reconcile", "{}"));
    assert_eq!(repair.status, 204, "{repair:?}");
    assert!(eventually(5 * SECOND, || devices.map(classes) == with), "{:?}", devices.map(classes));
}

/// How often the kernel had no room for another neighbour (IPv4), since it started.
fn table_fulls() -> u64 {
    let statistics = std::fs::read_to_string("/proc/net/stat/arp_cache").expect("the kernel's statistics");
    let mut lines = statistics.lines();
    let column = lines.next().unwrap_or_default().split_whitespace().position(|name| name == "table_fulls");
    let column = column.expect("a column");
    lines.map(|line| u64::from_str_radix(line.split_whitespace().nth(column).unwrap(), 16).unwrap()).sum()
}

/// The router's address where so many others fit.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 254);

/// Questions for the router, each from a device and an address that nobody has.
fn strangers(count: u32) -> Vec<Frame> {
    let question = |number: u32| {
        let [_, high, middle, low] = number.to_be_bytes();
        let mac = format!("02:99:00:{high:02x}:{middle:02x}:{low:02x}");
        Frame::arp_request(&mac, [10, high, middle, low].into(), ROUTER)
    };
    (256..256 + count).map(question).collect()
}

#[test]
fn a_table_of_neighbours_that_is_full_costs_no_session_and_lets_nobody_out() {
    let lab = Lab::builder().phones(3).routed().alone().build();
    let daemon = Daemon::start(&lab);
    let [phone, captive, flooder] = lab.phones.as_slice() else { panic!("three phones") };
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 500}));
    daemon.meet(captive);
    lab.router.ip(&format!("address add {ROUTER}/8 dev br-lan\n"));
    let traffic = Traffic::start(&lab, phone, captive);
    assert!(traffic.goes_on());

    // The table is one for all namespaces.
    let limit = std::fs::read_to_string("/proc/sys/net/ipv4/neigh/default/gc_thresh3").expect("a limit");
    let limit: u32 = limit.trim().parse().unwrap();
    assert!(limit <= 200_000, "this kernel has room for {limit} neighbours: to fill it takes too long");
    let frames = strangers(limit + 1_000);
    let (before, is_over) = (table_fulls(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                send_frames(flooder, "eth0", &frames);
            }
        });
        let was_full = eventually(30 * SECOND, || table_fulls() > before + 500);
        let stands =
            daemon.state(&session) == "running" && daemon.get("/api/v1/status")["connected"] == json!(1);
        is_over.store(true, Ordering::Relaxed);
        assert!(was_full, "the table was full {} times", table_fulls() - before);
        assert!(stands, "{}", daemon.log());
    });

    assert!(eventually(20 * SECOND, || traffic.goes_on()), "the guest stays cut off\n{}", daemon.log());
    let portal = |phone: &Phone| HttpRequest::get("/").send(phone, (LAN4, 2050));
    assert!(eventually(20 * SECOND, || portal(captive).is_ok_and(|answer| answer.status == 200)));
    assert_eq!(daemon.state(&session), "running");
    // What the router had let through and could not deliver is charged; nothing that arrived is not.
    let passed = traffic.settle_after_gaps();
    assert!(
        eventually(2 * SECOND, || daemon.used(&session) >= passed),
        "{} of {passed}",
        daemon.used(&session)
    );
}
