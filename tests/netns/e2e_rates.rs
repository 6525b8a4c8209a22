//! Speeds: what is sold is what is measured, in both directions, also when it changes.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use crate::lab::{
    Daemon, DaemonConfig, Flood, Lab, NET4, NET6, TcpServer, Transfer, assert_rates, assert_tcp,
    frame_speeds, measured, settles, speeds, usual_mbps,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_five_and_twenty_mbps_measure_as_sold() {
    let lab = Lab::builder().alone().build();
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let terms = json!({"kind": "time", "time_secs": 600, "down_mbps": 1, "up_mbps": 1});
    let session = daemon.let_through(phone, &terms);
    let path = format!("/api/v1/sessions/{session}");
    for rate in [1.0, 5.0, 20.0] {
        for far in [IpAddr::from(NET4), NET6.into()] {
            let what = |direction: &str| format!("{direction}, {far}");
            daemon.patch(&path, &json!({"down_mbps": rate, "up_mbps": 2.5 * rate}));
            // What is sold is what passes: the queue below a class is by one in a hundred slower.
            assert_rates(&what("frames down and up"), [rate, 2.5 * rate], 0.96..=1.01, || {
                frame_speeds(phone, &lab.internet, far, 4.0 * rate)
            });

            daemon.patch(&path, &json!({"down_mbps": rate, "up_mbps": rate}));
            // One direction with each family: the frames have shown that it is all the same.
            let server = TcpServer::open(&lab.internet, (far, 5001));
            if far.is_ipv6() {
                let _upload = Transfer::upload(phone, server.address());
                assert_tcp(&what("TCP up"), rate, || server.received_bytes());
                continue;
            }
            let download = Transfer::download(phone, server.address());
            assert_tcp(&what("TCP down"), rate, || download.bytes());
        }
    }
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
    for rate in [5.0, 10.0, 2.0] {
        daemon.patch(&format!("/api/v1/sessions/{session}"), &json!({"down_mbps": rate, "up_mbps": rate}));
        // What was queued at the old speed leaves first; and one direction's acknowledgements go with the other's data.
        settles(rate, || download.bytes());
        settles(rate, || server.received_bytes());
        assert_rates("after the change, down and up", [rate, rate], 0.7..=1.05, || {
            usual_mbps(|| [download.bytes(), server.received_bytes()])
        });
        assert!(download.alive());
    }
}

#[test]
fn two_clients_share_a_full_zone() {
    let lab = Lab::builder().phones(2).alone().build();
    let (down, up) = (4.0, 10.0);
    let zone = format!("down_mbps = {down}\nup_mbps = {up}\n");
    let daemon = Daemon::start_with(&lab, &DaemonConfig { zone, ..DaemonConfig::default() });
    for phone in &lab.phones {
        daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    }
    let fair = |what: &str, of: f64, measure: &dyn Fn() -> [f64; 2]| {
        let allowed = |[one, two]: [f64; 2]| one + two <= of * 1.02;
        measured(what, measure, allowed, |shares, turns| {
            shares.iter().all(|speed| (of * 0.4 * turns..=of * 0.6).contains(speed))
        });
    };
    for far in [IpAddr::from(NET4), NET6.into()] {
        let floods =
            [(0, 7), (1, 8)].map(|(n, port)| Flood::start(&lab.phones[n], &lab.internet, (far, port), 12.0));
        std::thread::sleep(SECOND);
        let frames = |way: usize| speeds(2 * SECOND, || [floods[0].bytes()[way], floods[1].bytes()[way]]);
        fair(&format!("frames down, {far}"), down, &|| frames(0));
        fair(&format!("frames up, {far}"), up, &|| frames(1));
        drop(floods);

        let servers = [5001, 5002].map(|port| TcpServer::open(&lab.internet, (far, port)));
        let address = |n: usize| servers[n].address();
        let downloads = [0, 1].map(|n| Transfer::download(&lab.phones[n], address(n)));
        let received = || [0, 1].map(|n| downloads[n].bytes());
        settles(down, || received().iter().sum());
        fair(&format!("TCP down, {far}"), down, &|| usual_mbps(received));
        drop(downloads);
        let _uploads = [0, 1].map(|n| Transfer::upload(&lab.phones[n], address(n)));
        let received = || [0, 1].map(|n| servers[n].received_bytes());
        settles(up, || received().iter().sum());
        fair(&format!("TCP up, {far}"), up, &|| usual_mbps(received));
    }
}
