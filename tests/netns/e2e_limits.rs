//! Limits hold to the packet and to the tenth of a second, with the daemon and without it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{
    Count, Daemon, HttpRequest, Lab, NET4, NET6, PacketCounter, TcpServer, Transfer, UdpBlaster, UdpEcho,
    WAN4, eventually, header_bytes,
};

const SECOND: Duration = Duration::from_secs(1);
const PAYLOAD: usize = 900;
/// The largest of these packets: what a limit may be exceeded by.
const PACKET: u64 = 948;

/// One phone that floods both families, each packet echoed, and its session.
struct Flood<'lab> {
    echoes: Vec<UdpEcho>,
    blasters: Vec<UdpBlaster>,
    daemon: Daemon<'lab>,
    session: String,
    /// Just before and just after it was let through.
    opened: (Instant, Instant),
}

impl<'lab> Flood<'lab> {
    /// Floods every `gap`, lets the phone through on these terms and kills the daemon if told.
    fn start(lab: &'lab Lab, terms: &serde_json::Value, gap: Duration, kill: bool) -> Self {
        let mut daemon = Daemon::start(lab);
        let phone = &lab.phones[0];
        let device = daemon.meet(phone);
        let session = daemon.create_session(&device, terms);
        let fars = [IpAddr::from(NET4), IpAddr::from(NET6)];
        let echoes = fars.iter().map(|far| UdpEcho::open(&lab.internet, (*far, 7))).collect();
        let blasters: Vec<UdpBlaster> =
            fars.iter().map(|far| UdpBlaster::start(phone, (*far, 7), PAYLOAD, gap)).collect();
        assert!(eventually(SECOND, || blasters.iter().all(|blaster| blaster.packets() > 5)));
        let before = Instant::now();
        daemon.connect(&device);
        let after = Instant::now();
        if kill {
            daemon.kill();
        }
        Self { echoes, blasters, daemon, session, opened: (before, after) }
    }

    /// Layer-3 bytes that came through, up and down together.
    fn passed(&self) -> u64 {
        let up: usize = self.echoes.iter().map(UdpEcho::l3_bytes).sum();
        let down: usize = self
            .blasters
            .iter()
            .zip([IpAddr::from(NET4), IpAddr::from(NET6)])
            .map(|(blaster, far)| blaster.answer_bytes() + blaster.answers() * header_bytes((far, 7).into()))
            .sum();
        (up + down) as u64
    }

    /// When the last packet that came through was sent; if none was, when the phone was let through.
    fn last(&self) -> Instant {
        let up = self.echoes.iter().filter_map(UdpEcho::last).max();
        let down = self.blasters.iter().filter_map(UdpBlaster::last_answer).max();
        up.max(down).unwrap_or(self.opened.1)
    }

    /// Waits until nothing has come through for half a second.
    fn wait_for_the_end(&self, within: Duration) {
        let ended = eventually(within, || self.last().elapsed() > Duration::from_millis(500));
        assert!(ended, "still going after {within:?}, {} bytes", self.passed());
    }

    /// The session is over, and says that it used what came through.
    fn check_the_books(&mut self, killed: bool) {
        if killed {
            self.daemon.restart();
        }
        let consumed = eventually(2 * SECOND, || self.daemon.state(&self.session) == "consumed");
        assert!(consumed, "{}", self.daemon.session(&self.session));
        // The last answers may lie in the phone's socket still.
        eventually(Duration::ZERO, || self.daemon.used(&self.session) == self.passed());
        assert_eq!(self.daemon.used(&self.session), self.passed());
    }
}

fn data_limit(kill: bool) {
    let lab = Lab::with_phones(1);
    let terms = json!({"kind": "data", "data_mb": 2});
    let mut flood = Flood::start(&lab, &terms, Duration::from_millis(2), kill);
    flood.wait_for_the_end(10 * SECOND);
    let passed = flood.passed();
    assert!(passed <= 2_000_000 + PACKET, "{passed} bytes passed");
    assert!(passed >= 2_000_000 - 2 * PACKET, "{passed} bytes passed, the guest paid for 2,000,000");
    flood.check_the_books(kill);
    // The portal is back for whoever asks.
    let portal_is_back = eventually(SECOND, || {
        HttpRequest::get("/").send(&lab.phones[0], (NET4, 80)).is_ok_and(|answer| answer.status == 302)
    });
    assert!(portal_is_back);
}

#[test]
fn two_megabytes_are_two_megabytes() {
    data_limit(false);
}

#[test]
fn two_megabytes_are_two_megabytes_with_the_daemon_killed() {
    data_limit(true);
}

fn time_limit(terms: &serde_json::Value, secs: u64, kill: bool) {
    let lab = Lab::builder().alone().build();
    let mut flood = Flood::start(&lab, terms, Duration::from_millis(5), kill);
    flood.wait_for_the_end(Duration::from_secs(secs + 3));
    let (before, after) = flood.opened;
    let latest = after + Duration::from_secs(secs) + Duration::from_millis(100);
    let earliest = before + Duration::from_secs(secs) - Duration::from_millis(50);
    let last = flood.last();
    assert!(last <= latest, "{:?} too late", last - latest);
    let stopped = flood.blasters.iter().filter_map(|blaster| blaster.first_sent_after(last)).min();
    let stopped = stopped.expect("they went on for half a second");
    assert!(stopped >= earliest, "{:?} too early: the guest paid for {secs} s", earliest - stopped);
    flood.check_the_books(kill);
}

#[test]
fn three_seconds_are_three_seconds() {
    time_limit(&json!({"kind": "time", "time_secs": 3}), 3, false);
}

#[test]
fn three_seconds_are_three_seconds_with_the_daemon_killed() {
    time_limit(&json!({"kind": "time", "time_secs": 3}), 3, true);
}

#[test]
fn time_or_data_ends_at_its_time() {
    time_limit(&json!({"kind": "time_or_data", "time_secs": 2, "data_mb": 500}), 2, false);
    time_limit(&json!({"kind": "time_or_data", "time_secs": 2, "data_mb": 500}), 2, true);
}

#[test]
fn time_or_data_ends_at_its_data() {
    for kill in [false, true] {
        let lab = Lab::with_phones(1);
        let terms = json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 1});
        let mut flood = Flood::start(&lab, &terms, Duration::from_millis(2), kill);
        flood.wait_for_the_end(10 * SECOND);
        let passed = flood.passed();
        assert!((1_000_000 - 2 * PACKET..=1_000_000 + PACKET).contains(&passed), "{passed} bytes passed");
        flood.check_the_books(kill);
    }
}

#[test]
fn a_tcp_download_ends_within_its_data_as_the_far_ends_count_it() {
    for far in [IpAddr::from(NET4), IpAddr::from(NET6)] {
        let lab = Lab::with_phones(1);
        let daemon = Daemon::start(&lab);
        let phone = &lab.phones[0];
        let server = TcpServer::open(&lab.internet, (far, 5001));
        // A router takes one from the time to live: its own resets arrive with 64.
        let (down, up) = match far {
            IpAddr::V4(far) => (format!("ip saddr {far} ip ttl 63"), format!("ip saddr {WAN4} ip ttl 63")),
            IpAddr::V6(far) => (
                format!("ip6 saddr {far} ip6 hoplimit 63"),
                format!("ip6 saddr {} ip6 hoplimit 63", phone.v6),
            ),
        };
        let down = PacketCounter::install(phone, "down", "input", &down);
        let up = PacketCounter::install(&lab.internet, "up", "input", &up);
        let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 2}));
        let download = Transfer::download(phone, server.address());
        assert!(
            eventually(10 * SECOND, || daemon.state(&session) == "consumed"),
            "{}",
            daemon.session(&session)
        );
        let frozen = download.bytes();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(download.bytes(), frozen);
        let Count { bytes: down, .. } = down.read();
        let Count { bytes: up, .. } = up.read();
        assert!(down + up <= 2_000_000, "{} bytes passed", down + up);
        // Segments are merged on their way: one that does not fit ends the session up to 64 KB early.
        assert!(down + up > 2_000_000 - 70_000, "{} bytes passed", down + up);
        assert_eq!(daemon.used(&session), down + up);
    }
}
