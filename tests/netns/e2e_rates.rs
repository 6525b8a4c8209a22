//! Speeds: what is sold is what is measured, in both directions, also when it changes.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::lab::{Daemon, DaemonConfig, Lab, NET4, NET6, Phone, TcpServer, Transfer, mbps};

const SECOND: Duration = Duration::from_secs(1);
const RUNS: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Down,
    Up,
}

/// TCP payload in Mbit/s once the transfer has settled.
fn goodput(phone: &Phone, server: &TcpServer, direction: Direction, time: Duration) -> f64 {
    let settle = Duration::from_millis(1200);
    match direction {
        Direction::Down => {
            let transfer = Transfer::download(phone, server.address());
            sleep(settle);
            transfer.mbps_over(time)
        }
        Direction::Up => {
            let _transfer = Transfer::upload(phone, server.address());
            sleep(settle);
            mbps(time, || server.received_bytes())
        }
    }
}

/// The best of six runs is within 0.90 and 1.02 of the rate.
fn assert_rate(what: &str, rate: f64, measure: impl Fn() -> f64) {
    let mut seen = Vec::new();
    for _ in 0..RUNS {
        let share = measure() / rate;
        seen.push(share);
        if (0.90..=1.02).contains(&share) {
            return;
        }
    }
    panic!("{what}: {seen:.3?} of {rate} Mbit/s");
}

#[test]
fn one_five_and_twenty_mbps_measure_as_sold() {
    let lab = Lab::builder().alone().build();
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let terms = json!({"kind": "time", "time_secs": 600, "down_mbps": 1, "up_mbps": 1});
    let session = daemon.let_through(phone, &terms);
    let server4 = TcpServer::open(&lab.internet, (NET4, 5001));
    let server6 = TcpServer::open(&lab.internet, (NET6, 5001));
    for (rate, time) in [(1.0, 4 * SECOND), (5.0, 2 * SECOND), (20.0, 2 * SECOND)] {
        daemon.patch(&format!("/api/v1/sessions/{session}"), &json!({"down_mbps": rate, "up_mbps": rate}));
        for direction in [Direction::Down, Direction::Up] {
            assert_rate(&format!("IPv4 {direction:?}"), rate, || goodput(phone, &server4, direction, time));
        }
    }
    daemon.patch(&format!("/api/v1/sessions/{session}"), &json!({"down_mbps": 5, "up_mbps": 2.5}));
    assert_rate("IPv6 down", 5.0, || goodput(phone, &server6, Direction::Down, 2 * SECOND));
    assert_rate("IPv6 up", 2.5, || goodput(phone, &server6, Direction::Up, 2 * SECOND));
}

#[test]
fn a_change_of_speed_acts_on_the_running_transfer() {
    let lab = Lab::builder().alone().build();
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let terms = json!({"kind": "time", "time_secs": 600, "down_mbps": 5, "up_mbps": 5});
    let session = daemon.let_through(phone, &terms);
    let server = TcpServer::open(&lab.internet, (NET4, 5001));
    let download = Transfer::download(phone, server.address());
    let _upload = Transfer::upload(phone, server.address());
    sleep(SECOND);
    for rate in [5.0, 10.0, 2.0] {
        daemon.patch(&format!("/api/v1/sessions/{session}"), &json!({"down_mbps": rate, "up_mbps": rate}));
        // What was queued at the old speed leaves first.
        sleep(SECOND);
        let wanted = rate * 0.8..=rate * 1.1;
        let seen = std::cell::Cell::new((0.0, 0.0));
        let matched = (0..RUNS).any(|_| {
            let up = mbps(SECOND, || server.received_bytes());
            let down = download.mbps_over(SECOND);
            seen.set((down, up));
            wanted.contains(&down) && wanted.contains(&up)
        });
        assert!(matched, "after the change to {rate} Mbit/s: {:.2?} down, up", seen.get());
        assert!(download.alive());
    }
}

#[test]
fn two_clients_share_a_full_zone() {
    let lab = Lab::builder().phones(2).alone().build();
    let config = DaemonConfig { zone: "down_mbps = 10\nup_mbps = 6\n".to_owned(), ..DaemonConfig::default() };
    let daemon = Daemon::start_with(&lab, &config);
    for phone in &lab.phones {
        daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    }
    for address in [IpAddr::from(NET4), IpAddr::from(NET6)] {
        let servers = [5001, 5002].map(|port| TcpServer::open(&lab.internet, (address, port)));
        for (direction, zone) in [(Direction::Down, 10.0), (Direction::Up, 6.0)] {
            let mut seen = Vec::new();
            let fair = (0..RUNS).any(|_| {
                let [one, two] = std::thread::scope(|scope| {
                    [0, 1]
                        .map(|n| {
                            let (phone, server) = (&lab.phones[n], &servers[n]);
                            scope.spawn(move || goodput(phone, server, direction, 2 * SECOND))
                        })
                        .map(|thread| thread.join().unwrap())
                });
                seen.push((one / zone, two / zone));
                let share = 0.4..=0.6;
                share.contains(&(one / zone)) && share.contains(&(two / zone)) && one + two <= zone * 1.02
            });
            assert!(fair, "{address} {direction:?}: {seen:.3?} of the zone");
        }
    }
}
