//! Speeds as they are measured, with the trees as the kernel has them.

use std::net::IpAddr;

use turnpike::domain::{ClassRates, ClientKey, ClientRates, Mbps, ShapeOp, ZoneName};
use turnpike::shaper::{LeafKind, Shaper, ShaperConfig, ZoneShape};

use crate::lab::{
    Lab, NET4, NET6, TcpServer, Transfer, assert_rates, assert_tcp, frame_speeds, measured, settles,
    usual_mbps,
};

fn mbps(speed: f64) -> Option<Mbps> {
    Mbps::from_mbps(speed).unwrap()
}

fn key(number: u16) -> ClientKey {
    ClientKey::new(number).unwrap()
}

fn zone() -> ZoneName {
    ZoneName::new("guests")
}

fn rates(down: f64, up: f64) -> ClassRates {
    ClassRates { zone: zone(), client: ClientRates { down: mbps(down), up: mbps(up) } }
}

fn set(number: u16, down: f64, up: f64) -> ShapeOp {
    ShapeOp::Set { key: key(number), rates: rates(down, up) }
}

fn config(down: f64, up: f64) -> ShaperConfig {
    ShaperConfig {
        zones: vec![ZoneShape {
            name: zone(),
            devices: vec!["br-lan".to_owned()],
            down: mbps(down),
            up: mbps(up),
        }],
        wan: vec!["wan".to_owned()],
        replace_foreign_root: false,
    }
}

async fn apply(shaper: &Shaper, ops: &[ShapeOp]) {
    for result in shaper.apply(ops).await {
        result.unwrap();
    }
}

/// A lab whose router gives each phone the class of its number, as the packet path does.
fn lab(phones: usize) -> Lab {
    marked(Lab::with_phones(phones))
}

/// The same with no other one beside it, to measure in.
fn alone(phones: usize) -> Lab {
    marked(Lab::builder().phones(phones).alone().build())
}

fn marked(lab: Lab) -> Lab {
    let rules: String = lab
        .phones
        .iter()
        .enumerate()
        .map(|(at, phone)| {
            let class = at + 1;
            format!(
                "ip saddr {v4} meta priority set 7470:{class:x}\nip daddr {v4} meta priority set 7470:{class:x}\n\
                 ip6 saddr {v6} meta priority set 7470:{class:x}\nip6 daddr {v6} meta priority set 7470:{class:x}\n",
                v4 = phone.v4,
                v6 = phone.v6
            )
        })
        .collect();
    lab.router.nft(&format!(
        "table inet marks {{ chain forward {{ type filter hook forward priority 20; policy accept;\n{rules}}}\n}}"
    ));
    lab
}

fn speeds_hold_with(leaf: Option<LeafKind>, rates: &[f64]) {
    let lab = alone(1);
    let phone = &lab.phones[0];
    lab.router.enter_async(|| async {
        let shaper = match leaf {
            Some(leaf) => Shaper::open_with_leaf(config(0.0, 0.0), leaf).unwrap(),
            None => Shaper::open(config(0.0, 0.0)).unwrap(),
        };
        for rate in rates {
            for far in [IpAddr::from(NET4), NET6.into()] {
                let what = |what: &str| format!("{leaf:?}, {rate} Mbit/s, {far}: {what}");
                apply(&shaper, &[set(1, *rate, 2.5 * rate)]).await;
                assert_rates(&what("frames down and up"), [*rate, 2.5 * rate], 0.96..=1.01, || {
                    frame_speeds(phone, &lab.internet, far, 4.0 * rate)
                });

                apply(&shaper, &[set(1, *rate, *rate)]).await;
                let server = TcpServer::open(&lab.internet, (far, 5001));
                // One direction with each family: the frames have shown that it is all the same.
                if far.is_ipv6() {
                    let _upload = Transfer::upload(phone, server.address());
                    // What arrived, not what was handed to the sender's buffers.
                    assert_tcp(&what("TCP up"), *rate, || server.received_bytes());
                    continue;
                }
                let download = Transfer::download(phone, server.address());
                assert_tcp(&what("TCP down"), *rate, || download.bytes());
            }
        }
    });
}

#[test]
fn one_five_and_twenty_mbit_hold_in_both_directions() {
    speeds_hold_with(None, &[1.0, 5.0, 20.0]);
}

#[test]
fn speeds_hold_with_the_plain_queue_too() {
    speeds_hold_with(Some(LeafKind::Bfifo), &[5.0]);
}

#[test]
fn two_clients_share_a_full_zone_and_none_exceeds_it() {
    let lab = alone(2);
    let server = TcpServer::open(&lab.internet, (NET4, 5001));
    lab.router.enter_async(|| async {
        let shaper = Shaper::open(config(6.0, 6.0)).unwrap();
        // One has no speed of its own.
        apply(&shaper, &[set(1, 0.0, 0.0), set(2, 20.0, 20.0)]).await;
        let one = Transfer::download(&lab.phones[0], server.address());
        assert_tcp("alone", 6.0, || one.bytes());
        let two = Transfer::download(&lab.phones[1], server.address());
        settles(3.0, || two.bytes());
        let both = || usual_mbps(|| [one.bytes(), two.bytes()]);
        let allowed = |[one, two]: [f64; 2]| one + two <= 6.0 * 1.02;
        measured("both", both, allowed, |[one, two], turns| {
            one + two >= 6.0 * 0.88 * turns && (0.4..=0.6).contains(&(one / (one + two)))
        });

        // The zone's speed acts on the running transfers.
        shaper.set_zone(&zone(), mbps(12.0), None).await.unwrap();
        assert_tcp("both, in the faster zone", 12.0, || one.bytes() + two.bytes());
    });
}

#[test]
fn a_change_of_speed_acts_on_the_running_transfer() {
    let lab = alone(1);
    let server = TcpServer::open(&lab.internet, (NET4, 5001));
    lab.router.enter_async(|| async {
        let shaper = Shaper::open(config(0.0, 0.0)).unwrap();
        apply(&shaper, &[set(1, 20.0, 0.0)]).await;
        let transfer = Transfer::download(&lab.phones[0], server.address());
        for rate in [20.0, 2.0, 10.0] {
            apply(&shaper, &[set(1, rate, 0.0)]).await;
            assert_tcp("after the change", rate, || transfer.bytes());
        }
        assert!(transfer.alive());
    });
}

#[test]
fn somebody_elses_root_qdisc_stays_unless_told() {
    let lab = lab(1);
    lab.router.must(&[
        "tc", "qdisc", "add", "dev", "wan", "root", "handle", "1:", "tbf", "rate", "50mbit", "burst", "64kb",
        "latency", "50ms",
    ]);
    lab.router.enter_async(|| async {
        let shaper = Shaper::open(config(0.0, 0.0)).unwrap();
        apply(&shaper, &[set(1, 5.0, 5.0)]).await;
        let warnings = shaper.warnings();
        assert!(warnings.len() == 1 && warnings[0].contains("tbf on wan"), "{warnings:?}");
        assert!(lab.router.must(&["tc", "qdisc", "show", "dev", "wan"]).contains("tbf 1:"));
        assert!(
            lab.router
                .must(&["tc", "class", "show", "dev", "br-lan"])
                .contains("htb 7470:1 parent 7470:ff00")
        );
        shaper.down().await.unwrap();
        assert!(lab.router.must(&["tc", "qdisc", "show", "dev", "wan"]).contains("tbf 1:"));
        assert!(!lab.router.must(&["tc", "qdisc", "show", "dev", "br-lan"]).contains("htb"));

        let told = Shaper::open(ShaperConfig { replace_foreign_root: true, ..config(0.0, 0.0) }).unwrap();
        apply(&told, &[set(1, 5.0, 5.0)]).await;
        assert!(
            lab.router.must(&["tc", "class", "show", "dev", "wan"]).contains("htb 7470:1 parent 7470:ff00")
        );
        assert!(told.warnings().is_empty());
    });
}

#[test]
fn what_others_break_is_repaired_and_what_is_superfluous_removed() {
    let lab = lab(1);
    let classes = |device: &str| {
        let mut lines: Vec<String> = lab
            .router
            .must(&["tc", "class", "show", "dev", device])
            .lines()
            .filter(|line| line.starts_with("class htb 7470:"))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    lab.router.enter_async(|| async {
        let shaper = Shaper::open(config(50.0, 0.0)).unwrap();
        assert!(classes("br-lan").is_empty(), "nothing before the first client");
        let desired = [(key(1), rates(5.0, 5.0)), (key(0x7470), rates(0.0, 1.0))];
        let ops: Vec<_> =
            desired.iter().map(|(key, rates)| ShapeOp::Set { key: *key, rates: rates.clone() }).collect();
        apply(&shaper, &ops).await;
        let right = (classes("br-lan"), classes("wan"));
        assert_eq!((right.0.len(), right.1.len()), (3, 3), "{right:?}");
        assert_eq!(shaper.reconcile(&desired).await.unwrap(), 0);

        // The whole tree, a class, a queue, a wrong speed, a class that nobody wants.
        let tc = |arguments: &str| {
            let argv: Vec<&str> = std::iter::once("tc").chain(arguments.split(' ')).collect();
            lab.router.must(&argv);
        };
        for (breaks, repairs) in [
            (&["qdisc del dev br-lan root"][..], 4),
            (&["class del dev wan classid 7470:1"][..], 1),
            (&["class change dev wan classid 7470:1 parent 7470:ff00 htb rate 1kbit ceil 3mbit"][..], 1),
            (&["class add dev br-lan classid 7470:99 parent 7470:ff00 htb rate 1kbit ceil 3mbit"][..], 1),
        ] {
            breaks.iter().for_each(|arguments| tc(arguments));
            assert_eq!(shaper.reconcile(&desired).await.unwrap(), repairs, "{breaks:?}");
            assert_eq!((classes("br-lan"), classes("wan")), right, "{breaks:?}");
        }
        // Another process takes over what it finds.
        let next = Shaper::open(config(50.0, 0.0)).unwrap();
        assert_eq!(next.reconcile(&desired).await.unwrap(), 0);
        assert_eq!(next.reconcile(&desired[..1]).await.unwrap(), 2);
        // A root that vanished is noticed as soon as something is to be set.
        tc("qdisc del dev br-lan root");
        apply(&next, &ops).await;
        assert_eq!(next.reconcile(&desired).await.unwrap(), 0);
        let gone = ShapeOp::Remove { key: key(1), zone: zone() };
        apply(&next, &[gone.clone(), gone]).await;
        assert_eq!(classes("wan").len(), 2);
    });
}

#[test]
fn a_device_that_is_away_is_shaped_when_it_is_back() {
    let lab = lab(1);
    lab.router.enter_async(|| async {
        let shaper = Shaper::open(config(0.0, 0.0)).unwrap();
        lab.router.ip("link del br-lan\n");
        apply(&shaper, &[set(1, 5.0, 5.0)]).await;
        assert!(shaper.warnings()[0].contains("no device br-lan"), "{:?}", shaper.warnings());
        lab.router.ip("link add br-lan type bridge\nlink set br-lan up\n");
        assert!(shaper.reconcile(&[(key(1), rates(5.0, 5.0))]).await.unwrap() > 0);
        assert!(
            lab.router
                .must(&["tc", "class", "show", "dev", "br-lan"])
                .contains("htb 7470:1 parent 7470:ff00")
        );
        assert!(shaper.warnings().is_empty());
    });
}

#[test]
fn two_thousand_clients_in_one_call() {
    let lab = lab(1);
    lab.router.enter_async(|| async {
        let shaper = Shaper::open(config(100.0, 100.0)).unwrap();
        let ops: Vec<_> = (1..=2_000).map(|number| set(number, 5.0, 1.0)).collect();
        let start = std::time::Instant::now();
        apply(&shaper, &ops).await;
        let made = start.elapsed();
        let desired: Vec<_> = (1..=2_000).map(|number| (key(number), rates(5.0, 1.0))).collect();
        assert_eq!(shaper.reconcile(&desired).await.unwrap(), 0);
        eprintln!("made in {made:?}, compared in {:?}", start.elapsed() - made);
        let removals: Vec<_> =
            (1..=2_000).map(|number| ShapeOp::Remove { key: key(number), zone: zone() }).collect();
        apply(&shaper, &removals).await;
        assert_eq!(shaper.reconcile(&[]).await.unwrap(), 0);
    });
}
