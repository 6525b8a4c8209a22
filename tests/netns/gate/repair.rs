//! The table is somebody else's victim: it is noticed, and what was there comes back.

use std::time::Duration;

use turnpike::domain::{Access, Books, GateOp, Grant};
use turnpike::gate::{Repairs, TableNotice};

use super::router::{NOW, Router, SECOND, key, key_of, mac};
use super::{bytes_left, free, millis_left};
use crate::lab::{NET4, NET6, UdpBlaster, UdpEcho, UdpSink, eventually, holds_for, send_datagrams};

const BOOKS: Books = Books { sent_bytes: 3_000, received_bytes: 4_000, sent_packets: 3, received_packets: 4 };

#[test]
fn what_is_right_is_left_alone_and_a_flushed_table_comes_back_with_its_books() {
    let router = Router::with_phones(3);
    let grant = Grant { books: BOOKS, deadline: Some(NOW.plus_millis(60_000)), ..bytes_left(1_000_000) };
    router.open(0, grant.clone());
    router.open(1, Grant { books: BOOKS, ..free() });
    router.learn(2);
    let desired = [
        router.access(0, Some(grant)),
        router.access(1, Some(Grant { books: BOOKS, ..free() })),
        router.access(2, None),
    ];
    assert_eq!(router.reconcile(&desired), Repairs::default());
    let sink = UdpSink::open(&router.lab.internet, (NET4, 9));
    send_datagrams(router.phone(0), (NET4, 9), 72, 10, Duration::ZERO);
    assert!(eventually(SECOND, || sink.packets() == 10));
    assert_eq!(router.reconcile(&desired), Repairs::default(), "old readings are no difference");
    assert_eq!(router.read(0).books.sent_bytes, 4_000);

    router.nft(&["flush", "ruleset"]);
    router.load().unwrap();
    let repairs = router.reconcile(&desired);
    assert_eq!((repairs.pairs, repairs.grants, repairs.books, repairs.closed), (3, 2, 2, 0));
    assert_eq!((router.read(0).books, router.read(1).books), (BOOKS, BOOKS));
    assert_eq!(router.reconcile(&desired), Repairs::default());
    send_datagrams(router.phone(0), (NET4, 9), 72, 5, Duration::ZERO);
    assert!(eventually(SECOND, || router.read(0).books.sent_bytes == 3_500
        && router.read(0).quota_used == Some(500)));
}

#[test]
fn whoever_must_not_be_online_is_closed_with_their_connections() {
    let router = Router::with_phones(3);
    let sink = UdpSink::open(&router.lab.internet, (NET6, 9));
    for number in 0..3 {
        router.open(number, free());
        send_datagrams(router.phone(number), (NET6, 9), 10, 1, Duration::ZERO);
    }
    assert!(eventually(SECOND, || sink.packets() == 3));
    // The first is captive, the second's key is the third's now, and nobody else exists.
    let desired =
        [router.access(0, None), Access { mac: mac(router.phone(2)), key: key_of(1), grant: Some(free()) }];
    let repairs = router.reconcile(&desired);
    assert!(repairs.closed == 2 && repairs.pairs >= 2, "{repairs:?}");
    assert_eq!(router.reconcile(&desired), Repairs::default());
    let flows = router.lab.router.must(&["conntrack", "-L", "-f", "ipv6", "-p", "udp"]);
    assert!(!flows.contains("mark=1 ") && !flows.contains("mark=2 "), "{flows}");
    for number in 0..2 {
        send_datagrams(router.phone(number), (NET6, 9), 10, 3, Duration::ZERO);
    }
    assert!(holds_for(Duration::from_millis(50), || sink.packets() == 3));
    send_datagrams(router.phone(2), (NET6, 9), 10, 3, Duration::ZERO);
    assert!(eventually(SECOND, || sink.packets() == 6));
}

#[test]
fn wrong_limits_are_set_right() {
    let router = Router::with_phones(1);
    let wrong =
        [free(), bytes_left(500_000), millis_left(5_000), Grant { rates: None, ..millis_left(90_000) }];
    for right in [bytes_left(100_000), millis_left(60_000), free()] {
        for grant in &wrong {
            router.open(0, grant.clone());
            let desired = [router.access(0, Some(right.clone()))];
            let repairs = router.reconcile(&desired);
            assert_eq!(repairs.grants, usize::from(*grant != right), "{grant:?} for {right:?}");
            assert_eq!(router.reconcile(&desired).total(), 0, "{grant:?} for {right:?}");
        }
    }
    // Somebody deletes one element.
    router.nft(&["flush", "set", "inet", "turnpike", "online"]);
    router.nft(&["flush", "set", "inet", "turnpike", "sent"]);
    let repairs = router.reconcile(&[router.access(0, Some(free()))]);
    assert_eq!((repairs.grants, repairs.books), (1, 1));
    // What is used up is not given again.
    router.open(0, bytes_left(0));
    assert_eq!(router.reconcile(&[router.access(0, Some(bytes_left(0)))]).grants, 0);
    assert_eq!(router.read(0).quota_used, None);
}

#[test]
fn only_what_others_do_to_our_table_is_news() {
    let router = Router::with_phones(1);
    router.lab.router.enter_async(async || {
        let mut watch = router.gate.watch().unwrap();
        let quiet = Duration::from_millis(150);
        router.gate.load(&router.policy).await.unwrap();
        let learn = GateOp::Learn { mac: mac(router.phone(0)), key: key(1) };
        let open = GateOp::Open { key: key(1), grant: free() };
        router.gate.apply(NOW, &[learn, open]).await.into_iter().for_each(|result| result.unwrap());
        router.lab.router.nft(
            "add element inet turnpike garden4 { 192.0.2.1 }\ntable inet other { set s { type mark; }; }",
        );
        assert!(tokio::time::timeout(quiet, watch.changed()).await.is_err(), "our own doing");
        for (rules, notice) in [
            ("delete element inet turnpike online { 1 }", TableNotice::Changed),
            ("flush chain inet turnpike forward", TableNotice::Changed),
            ("flush ruleset", TableNotice::Deleted),
        ] {
            router.lab.router.nft(rules);
            let news = tokio::time::timeout(SECOND, watch.changed()).await;
            assert_eq!(news.expect("a notice").unwrap(), notice, "{rules}");
        }
        router.gate.load(&router.policy).await.unwrap();
        assert!(tokio::time::timeout(quiet, watch.changed()).await.is_err(), "the repair is no news");
    });
}

#[test]
fn the_probe_tells_what_the_kernel_has_and_leaves_nothing() {
    let router = Router::with_phones(1);
    let before = router.nft(&["list", "tables"]);
    let found = router.lab.router.enter_async(async || router.gate.probe().await.unwrap());
    assert!(found.sets && found.quota && found.counter, "{found:?}");
    assert!(found.shortcomings().is_empty());
    assert_eq!(router.nft(&["list", "tables"]), before);
    let warnings = router.lab.router.enter_async(async || router.gate.offload_warnings().await.unwrap());
    assert!(warnings.is_empty(), "{warnings:?}");
}

/// What the router took to forward and did not send on, by the kernel's own count: queues that are full are no matter of the rules.
#[test]
fn reloads_under_a_flood_drop_no_packet() {
    let router = Router::with_phones(1);
    router.open(0, free());
    let ip = || {
        let text = router.lab.router.enter(|| std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap());
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip: "));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let value = |wanted: &str| -> usize {
            let place = names.split(' ').position(|name| name == wanted).unwrap();
            values.split(' ').nth(place).unwrap().parse().unwrap()
        };
        (value("ForwDatagrams"), value("OutTransmits") - value("OutRequests"))
    };
    let (taken, sent) = ip();
    let echo = UdpEcho::open(&router.lab.internet, (NET4, 7));
    let mut flows =
        [(); 2].map(|()| UdpBlaster::start(router.phone(0), (NET4, 7), 60, Duration::from_micros(20)));
    assert!(eventually(SECOND, || echo.packets() > 1_000));
    for _ in 0..300 {
        router.load().unwrap();
    }
    flows.iter_mut().for_each(UdpBlaster::stop);
    let (taken, sent) = (ip().0 - taken, ip().1 - sent);
    assert!(taken > 100_000, "{taken} packets are no flood");
    assert_eq!(sent, taken, "dropped by rules that were being replaced");
}
