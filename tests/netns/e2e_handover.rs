//! When a session ends and another one is there, the guest notices nothing.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use crate::lab::{Daemon, Lab, NET4, NET6, TcpServer, Transfer, UdpBlaster, UdpEcho, eventually, used_bytes};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_download_goes_on_through_the_change_over() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    for (phone, far) in lab.phones.iter().zip([IpAddr::from(NET4), IpAddr::from(NET6)]) {
        let device = daemon.meet(phone);
        let rates = |mb: u32| json!({"kind": "data", "data_mb": mb, "down_mbps": 20, "up_mbps": 20});
        let first = daemon.create_session(&device, &rates(2));
        let second = daemon.create_session(&device, &rates(100));
        daemon.connect(&device);
        assert_eq!(daemon.state(&first), "running", "the oldest first");
        let server = TcpServer::open(&lab.internet, (far, 5001));
        let download = Transfer::download(phone, server.address());
        let over = eventually(10 * SECOND, || daemon.state(&second) == "running");
        assert!(over, "{far}: {} {}", daemon.session(&first), daemon.session(&second));
        assert_eq!(daemon.state(&first), "consumed");
        let before = download.bytes();
        assert!(
            eventually(5 * SECOND, || download.bytes() > before + 2_000_000),
            "{far}: the download stands still"
        );
        assert!(download.alive(), "{far}: the download was reset");
        drop(download);
        let used = used_bytes(&daemon.session(&first));
        assert!((1_930_000..=2_000_000).contains(&used), "{used}");
    }
}

#[test]
fn time_goes_over_to_time_without_a_gap() {
    let lab = Lab::builder().alone().build();
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let device = daemon.meet(phone);
    let first = daemon.create_session(&device, &json!({"kind": "time", "time_secs": 2}));
    let second = daemon.create_session(&device, &json!({"kind": "time", "time_secs": 60}));
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    daemon.connect(&device);
    let gap = Duration::from_millis(5);
    let mut blaster = UdpBlaster::start(phone, (NET6, 7), 100, gap);
    std::thread::sleep(4 * SECOND);
    blaster.stop();
    assert_eq!((daemon.state(&first), daemon.state(&second)), ("consumed".to_owned(), "running".to_owned()));
    // Each that was sent is answered, but for those that the change over cost.
    let lost = u32::try_from(blaster.packets() - blaster.answers()).unwrap();
    assert!(lost * gap < Duration::from_millis(150), "{lost} of {} were lost", blaster.packets());
}
