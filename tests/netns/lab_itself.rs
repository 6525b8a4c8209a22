//! The lab shows that it carries, counts and forges as it says, before anything is measured with it.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::lab::{
    Frame, HttpRequest, LAN4, Lab, NET4, NET6, PacketCounter, TcpServer, Transfer, UdpBlaster, UdpEcho,
    UdpSink, WAN4, connect, dhcp, eventually, resolve, send_datagrams, send_frames,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn both_families_reach_the_internet_and_ipv4_is_masqueraded() {
    let lab = Lab::builder().phones(2).guests(1).build();
    for device in lab.phones.iter().chain(&lab.guests) {
        assert!(device.ping(NET4) && device.ping(NET6) && device.ping(LAN4));
    }
    let from_router = PacketCounter::install(&lab.internet, "router", "input", &format!("ip saddr {WAN4}"));
    let sink = UdpSink::open(&lab.internet, (NET4, 9));
    assert_eq!(send_datagrams(&lab.phones[0], (NET4, 9), 100, 50, Duration::ZERO), 50);
    assert!(eventually(SECOND, || sink.packets() == 50));
    assert_eq!((sink.bytes(), sink.l3_bytes()), (5000, 6400));
    assert_eq!(from_router.read().bytes, 6400);
}

#[test]
fn a_routed_lab_shows_the_phones_own_address() {
    let lab = Lab::builder().routed().build();
    let phone = &lab.phones[0];
    let from_phone =
        PacketCounter::install(&lab.internet, "phone", "input", &format!("ip saddr {}", phone.v4));
    send_datagrams(phone, (NET4, 9), 72, 3, Duration::ZERO);
    assert!(eventually(SECOND, || from_phone.read().packets == 3));
    assert_eq!(from_phone.read().bytes, 300);
}

#[test]
fn transfers_run_both_ways_and_echoes_come_back() {
    let lab = Lab::with_phones(1);
    let phone = &lab.phones[0];
    for address in [IpAddr::from(NET4), IpAddr::from(NET6)] {
        let server = TcpServer::open(&lab.internet, (address, 5001));
        let download = Transfer::download(phone, server.address());
        let upload = Transfer::upload(phone, server.address());
        assert!(
            eventually(3 * SECOND, || download.bytes() > 1_000_000 && server.received_bytes() > 1_000_000)
        );
        assert!(download.alive());
        assert_eq!(download.stop(), None);
        assert_eq!(upload.stop(), None);

        let echo = UdpEcho::open(&lab.internet, (address, 7));
        let mut blaster = UdpBlaster::start(phone, (address, 7), 200, Duration::from_millis(1));
        assert!(eventually(SECOND, || blaster.answers() >= 50));
        blaster.stop();
        assert_eq!(blaster.answers(), blaster.packets());
        assert_eq!(blaster.answer_bytes(), echo.bytes());
    }
    let closed = connect(phone, (NET4, 81), SECOND);
    assert_eq!(closed, Err(ErrorKind::ConnectionRefused));
}

#[test]
fn forged_frames_go_out_as_written() {
    let lab = Lab::with_phones(2);
    let (liar, victim) = (&lab.phones[0], &lab.phones[1]);
    let arrived = PacketCounter::install(&lab.router, "forged", "forward", "udp sport 4444");
    let router_mac = "02:00:00:00:77:01";
    let forged = [
        Frame::udp(&liar.mac, router_mac, (victim.v4.into(), 4444), (NET4.into(), 9), b"four"),
        Frame::udp(&victim.mac, router_mac, (victim.v6.into(), 4444), (NET6.into(), 9), b"six"),
    ];
    send_frames(liar, "eth0", &forged);
    assert!(eventually(SECOND, || arrived.read().packets == 2));
    assert_eq!(arrived.read().bytes, 32 + 51);
    let sink = UdpSink::open(&lab.internet, (NET6, 9));
    send_frames(liar, "eth0", &forged[1..]);
    assert!(eventually(SECOND, || sink.packets() == 1), "its checksum is wrong");
}

#[test]
fn phones_join_by_dhcp_and_router_advertisement() {
    let mut lab = Lab::builder().phones(1).guests(1).dhcp().build();
    for phone in lab.phones.iter_mut().chain(&mut lab.guests) {
        let lease = dhcp(phone, "pixel-7");
        assert_eq!(lease.router, lease.dns);
        let server = IpAddr::from(lease.dns.unwrap());
        let answer = phone.enter(|| resolve(server, "example.test")).unwrap();
        assert_eq!((answer.rcode, answer.addresses), (0, vec![NET4]));
        let routed =
            |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.segments()[0] & 0xff00 == 0xfd00);
        assert!(
            eventually(5 * SECOND, || phone.addresses("eth0").iter().any(routed)),
            "no routed IPv6 address"
        );
        assert!(phone.ping(NET4) && phone.ping(NET6));
    }
    let leases = std::fs::read_to_string(lab.dir.path().join("leases")).unwrap();
    assert!(leases.contains("pixel-7"));
}

#[test]
fn http_is_spoken_with_the_standard_library_alone() {
    let lab = Lab::with_phones(1);
    let log = lab.dir.path().join("web.log");
    std::fs::write(lab.dir.path().join("index.html"), "<p>hello").unwrap();
    let dir = lab.dir.path().display().to_string();
    let mut web = lab.internet.spawn(&["python3", "-m", "http.server", "80", "-b", "::", "-d", &dir], &log);
    let get = |address: SocketAddr| HttpRequest::get("/index.html").send(&lab.phones[0], address);
    assert!(eventually(10 * SECOND, || get((NET4, 80).into()).is_ok()), "{}", web.log());
    let answer = get((NET6, 80).into()).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "<p>hello"));
    assert_eq!(answer.header("content-length"), Some("8"));
    web.kill();
    assert!(!web.runs());
}

#[test]
fn nothing_is_left_behind_even_after_a_panic() {
    let names: Vec<String> = {
        let made = std::panic::catch_unwind(|| {
            let lab = Lab::with_phones(1);
            let _sleeper = lab.router.spawn(&["sleep", "1000"], &lab.dir.path().join("sleep.log"));
            std::panic::panic_any(lab.router.name().to_owned());
        });
        vec![*made.unwrap_err().downcast::<String>().unwrap()]
    };
    for name in names {
        assert!(!std::path::Path::new("/run/netns").join(&name).exists(), "{name}");
    }
}
