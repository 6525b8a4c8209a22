//! The daemon dies, the rules vanish: nobody gains, nobody loses, the books add up.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{
    Daemon, Lab, NET4, NET6, Ns, PacketCounter, TcpServer, Traffic, Transfer, UdpBlaster, UdpEcho, UdpSink,
    eventually, header_bytes, holds_for,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(2);

#[test]
fn kill_9_during_a_transfer_costs_nobody_a_byte() {
    let lab = Lab::with_phones(2);
    let mut daemon = Daemon::start(&lab);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let session =
        daemon.let_through(phone, &json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 100}));
    daemon.meet(captive);
    let traffic = Traffic::start(&lab, phone, captive);
    for round in 0..3 {
        assert!(traffic.goes_on());
        daemon.kill();
        assert!(traffic.goes_on(), "offline while the daemon is dead, round {round}");
        daemon.restart();
        assert_eq!(daemon.state(&session), "running");
    }
    assert_eq!(traffic.settle(), daemon.used(&session));
}

#[test]
fn kill_9_during_a_tcp_download_keeps_it_and_its_bytes() {
    let lab = Lab::builder().routed().build();
    let mut daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let terms = json!({"kind": "data", "data_mb": 500, "down_mbps": 50, "up_mbps": 50});
    let session = daemon.let_through(phone, &terms);
    let server = TcpServer::open(&lab.internet, (NET4, 5001));
    let down = PacketCounter::install(phone, "down", "input", &format!("ip saddr {NET4}"));
    let download = Transfer::download(phone, server.address());
    assert!(eventually(3 * SECOND, || download.bytes() > 1_000_000));
    daemon.kill();
    let before = download.bytes();
    assert!(eventually(3 * SECOND, || download.bytes() > before + 1_000_000), "it stops with the daemon");
    daemon.restart();
    let before = download.bytes();
    assert!(eventually(3 * SECOND, || download.bytes() > before + 1_000_000), "it stops with the restart");
    assert!(download.alive());
    let payload = download.bytes() as u64;
    assert_eq!(download.stop(), None);
    // What was on its way when the download ended arrives, too.
    let quiet = eventually(5 * SECOND, || {
        let before = down.read();
        std::thread::sleep(SECOND / 5);
        down.read() == before
    });
    assert!(quiet, "the server sends on");
    // The shaper splits merged segments, whose headers the router has not seen; and what it dropped was charged before.
    let (used, arrived) = (daemon.used(&session), down.read().bytes);
    assert!(used >= payload, "{payload} bytes of payload arrived, {used} were charged");
    let dropped = dropped(&lab.router, "br-lan") * 1514;
    // A twentieth for the acknowledgements, which cost, too.
    let most = arrived + dropped + arrived / 20;
    assert!(used <= most, "{arrived} bytes arrived, at most {dropped} were dropped, {used} were charged");
}

/// Packets that did not fit into the queues of a device's classes.
fn dropped(router: &Ns, device: &str) -> u64 {
    let queues = router.run(&["tc", "-j", "-s", "qdisc", "show", "dev", device]).json();
    let below = queues.as_array().unwrap().iter().filter(|queue| queue["kind"] != "htb");
    below.map(|queue| queue["drops"].as_u64().unwrap()).sum()
}

/// Whether the rules and the phone's element are there.
fn stands(router: &Ns) -> bool {
    let online = router.run(&["nft", "-j", "list", "set", "inet", "turnpike", "online"]);
    let forward = router.run(&["nft", "list", "chain", "inet", "turnpike", "forward"]);
    online.ok() && forward.ok() && online.stdout.contains("\"elem\"")
}

#[test]
fn a_flushed_ruleset_is_back_within_a_second_and_the_books_are_kept() {
    let lab = Lab::builder().phones(2).routed().alone().build();
    let daemon = Daemon::start(&lab);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 500}));
    daemon.meet(captive);
    let mut gaps = Vec::new();
    let echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let sink = UdpSink::open(&lab.internet, (NET6, 9));
    let mut blaster = UdpBlaster::start(phone, (NET6, 7), 500, GAP);
    let _thief = UdpBlaster::start(captive, (NET6, 9), 100, GAP);
    let begun = Instant::now();
    for round in 0..3 {
        let (answers, leaked) = (blaster.answers(), sink.packets());
        assert!(eventually(2 * SECOND, || blaster.answers() > answers + 300));
        let before = daemon.used(&session);
        let flushed = Instant::now();
        lab.router.nft("flush ruleset");
        assert!(eventually(3 * SECOND, || stands(&lab.router)), "never restored:\n{}", daemon.log());
        let gap = flushed.elapsed();
        gaps.push(gap);
        // The captive neighbour was out for that long at most.
        let out = sink.packets() - leaked;
        assert!(
            holds_for(SECOND / 3, || sink.packets() - leaked <= out + 1),
            "the captive device is still out"
        );
        let open_for = sink.last().map_or(Duration::ZERO, |last| last.saturating_duration_since(flushed));
        assert!(open_for <= gap, "round {round}: a captive device was out until {open_for:?}, not {gap:?}");
        let after = daemon.used(&session);
        assert!(after >= before, "round {round}: usage fell from {before} to {after}");
        let answers = blaster.answers();
        assert!(
            eventually(SECOND, || blaster.answers() > answers + 50),
            "round {round}: the phone is offline"
        );
        assert!(
            eventually(SECOND, || daemon.used(&session) > after),
            "round {round}: nothing is counted any more"
        );
    }
    blaster.stop();
    // Whatever else the machine does comes on top: the fastest of them is our own time.
    assert!(gaps.iter().min() < Some(&SECOND), "restored after {gaps:?}");
    // Between the rules and their elements a packet may be refused; no more than that.
    let lost = blaster.packets() - blaster.answers();
    assert!(lost < 50, "{lost} of {} packets were lost", blaster.packets());
    let passed = (echo.l3_bytes()
        + blaster.answer_bytes()
        + blaster.answers() * header_bytes((NET6, 7).into())) as u64;
    let used = daemon.used(&session);
    // Each round at most what went through since the last read, a second before, and until the rules were back.
    let uncounted: Duration = gaps.iter().map(|gap| *gap + SECOND).sum();
    let a_second = passed / begun.elapsed().as_secs().max(1);
    assert!(
        used <= passed && used + a_second * (uncounted.as_secs() + 3) > passed,
        "{used} of {passed} bytes"
    );
}
