//! Devices that come and go: a number that changes hands brings nobody another's flows, nor another's bytes.

use std::time::Duration;

use serde_json::json;

use crate::lab::{
    Daemon, DaemonConfig, HttpRequest, Lab, NET4, NET6, Phone, TcpServer, Transfer, UdpBlaster, UdpSink,
    eventually, holds_for, send_datagrams,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(2);

/// A router with room for one client's number, a guest whose flows never end, and who comes after.
struct Succession<'lab> {
    lab: &'lab Lab,
    daemon: Daemon<'lab>,
    first: String,
    first_session: String,
    /// What arrives of the first one's flows.
    arrived: [UdpSink; 2],
    _flows: [UdpBlaster; 2],
    server: TcpServer,
    _upload: Transfer,
}

impl<'lab> Succession<'lab> {
    fn begin(lab: &'lab Lab) -> Self {
        let config = DaemonConfig {
            network: "mark_mask = 0x1\n".to_owned(),
            zone: "away_pause_secs = 0".to_owned(),
            ..DaemonConfig::default()
        };
        let daemon = Daemon::start_with(lab, &config);
        let phone = &lab.phones[0];
        let first = daemon.meet(phone);
        let first_session = daemon.create_session(&first, &json!({"kind": "time", "time_secs": 600}));
        daemon.connect(&first);
        let arrived = [UdpSink::open(&lab.internet, (NET4, 9)), UdpSink::open(&lab.internet, (NET6, 9))];
        let flows =
            [UdpBlaster::start(phone, (NET4, 9), 100, GAP), UdpBlaster::start(phone, (NET6, 9), 100, GAP)];
        let server = TcpServer::open(&lab.internet, (NET4, 5001));
        let upload = Transfer::upload(phone, server.address());
        let this =
            Self { lab, daemon, first, first_session, arrived, _flows: flows, server, _upload: upload };
        let flow =
            || this.arrived.iter().all(|sink| sink.packets() > 20) && this.server.received_bytes() > 100_000;
        assert!(eventually(5 * SECOND, flow), "they do not flow:\n{}", this.daemon.log());
        assert!(this.keyed(phone) >= 3, "two of UDP and one of TCP");
        this
    }

    /// How many flows of a phone bear the one number that there is.
    fn keyed(&self, phone: &Phone) -> usize {
        let (v4, v6) = (format!("src={} ", phone.v4), format!("src={} ", phone.v6));
        ["ipv4", "ipv6"]
            .iter()
            .map(|family| self.lab.router.run(&["conntrack", "-L", "-f", family]).stdout)
            .map(|list| {
                let of_phone = |line: &&str| line.contains(&v4) || line.contains(&v6);
                list.lines().filter(of_phone).filter(|line| line.contains("mark=1 ")).count()
            })
            .sum()
    }

    fn passed(&self) -> (usize, usize, usize) {
        (self.arrived[0].packets(), self.arrived[1].packets(), self.server.received_bytes())
    }

    /// The first one is deleted while it sends on; whether that was answered.
    fn delete(&self) -> bool {
        let request = HttpRequest::json("DELETE", &format!("/api/v1/devices/{}", self.first), "");
        self.daemon.try_send(&request).is_ok_and(|answer| answer.status == 204)
    }

    /// The second one comes online under the same number: it pays for its own, and nothing of the first one's passes.
    fn hands_over(&self) {
        let (old, new) = (&self.lab.phones[0], &self.lab.phones[1]);
        let device = self.daemon.meet(new);
        let before = self.passed();
        let session = self.daemon.create_session(&device, &json!({"kind": "data", "data_mb": 10}));
        self.daemon.connect(&device);
        assert_eq!(self.keyed(old), 0, "an entry of the former owner's is left");
        let own = UdpSink::open(&self.lab.internet, (NET6, 10));
        send_datagrams(new, (NET6, 10), 200, 50, GAP);
        assert!(eventually(2 * SECOND, || own.packets() == 50), "{} of 50", own.packets());
        assert!(self.keyed(new) > 0, "it has the number now");
        assert!(holds_for(SECOND, || self.passed() == before && self.keyed(old) == 0), "the old flow passes");
        let used = || self.daemon.used(&session);
        assert!(eventually(2 * SECOND, || used() > 0));
        assert!(holds_for(SECOND, || used() <= own.l3_bytes() as u64), "{} of {}", used(), own.l3_bytes());
        assert!(
            eventually(2 * SECOND, || used() == own.l3_bytes() as u64),
            "{} of {}",
            used(),
            own.l3_bytes()
        );
    }
}

#[test]
fn a_flow_that_outlives_its_device_is_nobodys() {
    let lab = Lab::builder().phones(2).routed().build();
    let stage = Succession::begin(&lab);
    assert!(stage.delete());
    assert!(holds_for(SECOND / 2, || stage.keyed(&lab.phones[0]) == 0), "deleted, and its flows are there");
    stage.hands_over();
}

#[test]
fn a_number_that_is_taken_from_who_is_offline_comes_without_its_flows() {
    let lab = Lab::builder().phones(2).routed().build();
    let stage = Succession::begin(&lab);
    let close = format!("/api/v1/sessions/{}/close", stage.first_session);
    stage.daemon.post(&close, &json!({}));
    // It is still here, and it still sends.
    stage.hands_over();
}

#[test]
fn whenever_the_daemon_dies_on_the_way_the_flows_go_before_the_number_does() {
    for place in ["owner.read", "owner.stored", "owner.applied"] {
        let lab = Lab::builder().phones(2).routed().build();
        let mut stage = Succession::begin(&lab);
        stage.daemon.order(&format!("kill 1 {place}"));
        let answered = stage.delete();
        assert!(stage.daemon.ends().is_some(), "{place}: it lives, answered: {answered}");
        stage.daemon.order("");
        stage.daemon.restart();
        let again = format!("/api/v1/devices/{}", stage.first);
        let known = stage.daemon.send(&HttpRequest::get(&again)).status == 200;
        assert_eq!(known, place == "owner.read", "{place}: deleted if and only if it was stored");
        assert!(!known || stage.delete());
        stage.hands_over();
    }
}
