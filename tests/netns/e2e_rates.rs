//! Speeds: what is sold is what is measured, in both directions, also when it changes.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use crate::lab::{
    Daemon, DaemonConfig, Flood, Lab, NET4, NET6, TcpServer, Transfer, frame_speeds, settles, speeds,
    usual_mbps,
};

const SECOND: Duration = Duration::from_secs(1);

/// What is sold is what passes: the queue below a class is by one in a hundred slower.
#[track_caller]
fn assert_sold(what: &str, rate: f64, measured: f64) {
    eprintln!("{what}: {:.3} of {rate} Mbit/s", measured / rate);
    assert!((0.96..=1.01).contains(&(measured / rate)), "{what}: {measured:.3} of {rate} Mbit/s");
}

/// What one TCP connection makes of it: headers do not count, and it tries again and again whether there is more.
#[track_caller]
fn assert_usable(what: &str, rate: f64, measured: f64) {
    eprintln!("{what}: {:.3} of {rate} Mbit/s", measured / rate);
    assert!((0.88..=1.02).contains(&(measured / rate)), "{what}: {measured:.3} of {rate} Mbit/s");
}

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
            let [down, up] = frame_speeds(phone, &lab.internet, far, 4.0 * rate);
            assert_sold(&what("frames down"), rate, down);
            assert_sold(&what("frames up"), 2.5 * rate, up);

            daemon.patch(&path, &json!({"down_mbps": rate, "up_mbps": rate}));
            // One direction with each family: the frames have shown that it is all the same.
            let server = TcpServer::open(&lab.internet, (far, 5001));
            if far.is_ipv6() {
                let _upload = Transfer::upload(phone, server.address());
                settles(rate, || server.received_bytes());
                assert_usable(&what("TCP up"), rate, usual_mbps(|| [server.received_bytes()])[0]);
                continue;
            }
            let download = Transfer::download(phone, server.address());
            settles(rate, || download.bytes());
            assert_usable(&what("TCP down"), rate, usual_mbps(|| [download.bytes()])[0]);
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
        let both = usual_mbps(|| [download.bytes(), server.received_bytes()]);
        eprintln!("after the change to {rate} Mbit/s: {both:.2?} down, up");
        let wanted = rate * 0.7..=rate * 1.05;
        assert!(
            both.iter().all(|speed| wanted.contains(speed)),
            "after the change to {rate} Mbit/s: {both:.2?} down, up"
        );
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
    let fair = |what: &str, of: f64, shares: [f64; 2]| {
        eprintln!("{what}: {shares:.2?} of {of} Mbit/s");
        let share = of * 0.4..=of * 0.6;
        assert!(shares.iter().all(|speed| share.contains(speed)), "{what}: {shares:.2?} of {of} Mbit/s");
        assert!(shares.iter().sum::<f64>() <= of * 1.02, "{what}: {shares:.2?} of {of} Mbit/s");
    };
    for far in [IpAddr::from(NET4), NET6.into()] {
        let floods =
            [(0, 7), (1, 8)].map(|(n, port)| Flood::start(&lab.phones[n], &lab.internet, (far, port), 12.0));
        std::thread::sleep(SECOND);
        let [down_one, up_one, down_two, up_two] = speeds(2 * SECOND, || {
            let [one, two] = [floods[0].bytes(), floods[1].bytes()];
            [one[0], one[1], two[0], two[1]]
        });
        drop(floods);
        fair(&format!("frames down, {far}"), down, [down_one, down_two]);
        fair(&format!("frames up, {far}"), up, [up_one, up_two]);

        let servers = [5001, 5002].map(|port| TcpServer::open(&lab.internet, (far, port)));
        let address = |n: usize| servers[n].address();
        let downloads = [0, 1].map(|n| Transfer::download(&lab.phones[n], address(n)));
        let received = || [0, 1].map(|n| downloads[n].bytes());
        settles(down, || received().iter().sum());
        fair(&format!("TCP down, {far}"), down, usual_mbps(received));
        drop(downloads);
        let _uploads = [0, 1].map(|n| Transfer::upload(&lab.phones[n], address(n)));
        let received = || [0, 1].map(|n| servers[n].received_bytes());
        settles(up, || received().iter().sum());
        fair(&format!("TCP up, {far}"), up, usual_mbps(received));
    }
}
