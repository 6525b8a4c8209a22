//! What is written into the sets is what the kernel holds, and comes back.

use turnpike::domain::{Books, GateOp, Grant, Mbps};
use turnpike::domain::{ClassRates, ClientRates, ZoneName};
use turnpike::gate::GateError;

use super::router::{NOW, key, key_of};
use super::{Router, bytes_left, free, millis_left};
use crate::lab::Lab;

fn rates() -> ClassRates {
    let client = ClientRates { down: Mbps::from_mbps(5.0).unwrap(), up: None };
    ClassRates { zone: ZoneName::new("lan"), client }
}

#[test]
fn a_client_is_in_every_set_as_nft_prints_it() {
    let router = Router::with_phones(1);
    let books = Books { sent_bytes: 1_000, received_bytes: 2_000, sent_packets: 3, received_packets: 4 };
    let grant = Grant {
        deadline: Some(NOW.plus_millis(60_000)),
        end_counter: Some(10_000),
        rates: Some(rates()),
        books,
    };
    let mac = "02:00:00:00:77:65".parse().unwrap();
    let number = key(0x0102);
    router.must(&[GateOp::Learn { mac, key: number }, GateOp::Open { key: number, grant }]);
    let table = router.nft(&["list", "table", "inet", "turnpike"]);
    for text in [
        "02:00:00:00:77:65 : 100:2",
        "02:00:00:00:77:65 . 0x01000002",
        "0x01000002 quota 7000 bytes timeout 1m",
        "0x01000002 counter packets 3 bytes 1000",
        "0x01000002 counter packets 4 bytes 2000",
        "0x01000002 : 7470:102",
    ] {
        assert!(table.contains(text), "{text:?} is missing in\n{table}");
    }
    let read = router.read_all()[&number];
    assert_eq!((read.books, read.quota_used, read.quota_exhausted), (books, Some(0), false));

    router.must(&[GateOp::Class { key: number, has_class: false }]);
    assert!(!router.nft(&["list", "map", "inet", "turnpike", "class_of"]).contains("7470"));
    router.must(&[GateOp::Forget { mac, key: number }]);
    let table = router.nft(&["list", "table", "inet", "turnpike"]);
    assert!(!table.contains("0x01000002") && !table.contains("02:00:00:00:77:65"), "{table}");
    assert!(router.read_all().is_empty());
}

#[test]
fn already_there_and_already_gone_are_success() {
    let router = Router::with_phones(1);
    router.learn(0);
    for _ in 0..2 {
        router.open(0, free());
    }
    for _ in 0..2 {
        router.close(0);
        assert_eq!(router.shut(0), turnpike::domain::KernelBooks::default());
    }
    router.must(&[GateOp::Swap { key: key_of(0), grant: bytes_left(5), quota_used: 0 }]);
    assert_eq!(router.read(0).quota_used, Some(0));
}

#[test]
fn a_mac_that_gets_another_key_loses_the_old_one_at_reconciliation() {
    let router = Router::with_phones(2);
    router.open(0, free());
    let mac = super::router::mac(router.phone(0));
    router.must(&[GateOp::Learn { mac, key: key(9) }]);
    let map = router.nft(&["list", "map", "inet", "turnpike", "client_of"]);
    assert!(map.contains(": 0:9") && !map.contains(": 0:1"), "{map}");
}

#[test]
fn one_guilty_operation_fails_alone() {
    let lab = Lab::builder().phones(1);
    let router = Router::new(lab, |policy| policy.mark_mask = 0xff);
    let ops: Vec<GateOp> =
        [5, 0x100, 6].into_iter().map(|number| GateOp::Open { key: key(number), grant: free() }).collect();
    let results = router.apply(&ops);
    assert!(results[0].is_ok() && results[2].is_ok());
    assert!(matches!(results[1], Err(GateError::Refused { .. })));
    assert_eq!(router.read_all().len(), 2, "the key beyond the mask is nobody else's");
}

#[test]
fn thousands_of_clients_go_in_and_come_back() {
    let router = Router::with_phones(1);
    let books = Books { sent_bytes: 7, received_bytes: 8, ..Books::default() };
    let ops: Vec<GateOp> = (1..=3_000)
        .map(|number| GateOp::Open { key: key(number), grant: Grant { books, ..free() } })
        .collect();
    router.must(&ops);
    let all = router.read_all();
    assert_eq!(all.len(), 3_000);
    assert!(all.values().all(|read| read.books == books && read.quota_used == Some(0)));
}

#[test]
fn without_a_table_the_answer_is_not_loaded() {
    let router = Router::with_phones(1);
    router.lab.router.enter_async(|| router.gate.down()).unwrap();
    router.lab.router.enter_async(|| router.gate.down()).unwrap();
    let open = GateOp::Open { key: key(1), grant: free() };
    assert!(matches!(router.apply(&[open])[0], Err(GateError::NotLoaded)));
    router.must(&[GateOp::Close { key: key(1) }]);
}

#[test]
fn a_table_of_another_definition_is_refused_and_rebuilt() {
    let router = Router::with_phones(1);
    router.lab.router.enter_async(|| router.gate.down()).unwrap();
    router.lab.router.nft("table inet turnpike { set online { type ipv4_addr; }; }");
    assert!(matches!(router.load(), Err(GateError::Incompatible)));
    router.lab.router.enter_async(|| router.gate.rebuild(&router.policy)).unwrap();
    router.open(0, millis_left(60_000));
    assert_eq!(router.read(0).quota_used, Some(0));
}
