//! A device is its MAC: however many addresses it has, and whoever else has them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use crate::lab::{
    Daemon, Frame, LAN4, LAN6, Lab, NET4, NET6, Phone, UdpBlaster, UdpEcho, UdpSink, eventually,
    header_bytes, holds_for, send_frames,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(3);
const ROUTER_MAC: &str = "02:00:00:00:77:01";

/// What a blaster sent and got back, at layer 3.
fn traffic(blaster: &UdpBlaster, far: SocketAddr) -> u64 {
    (blaster.l3_bytes() + blaster.answer_bytes() + blaster.answers() * header_bytes(far)) as u64
}

#[test]
fn four_addresses_charge_one_session() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let more: Vec<Ipv6Addr> =
        (0x100..0x102).map(|host| Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, host)).collect();
    for address in &more {
        phone.ip(&format!("address add {address}/64 dev eth0 nodad\n"));
    }
    let session = daemon.let_through(phone, &json!({"kind": "data", "data_mb": 100}));
    let _echoes = [IpAddr::from(NET4), IpAddr::from(NET6)].map(|far| UdpEcho::open(&lab.internet, (far, 7)));
    let sources: Vec<IpAddr> =
        [phone.v4.into(), phone.v6.into()].into_iter().chain(more.into_iter().map(IpAddr::from)).collect();
    assert_eq!(sources.len(), 4);
    let far = |source: &IpAddr| -> SocketAddr {
        if source.is_ipv4() { (NET4, 7).into() } else { (NET6, 7).into() }
    };
    let mut blasters: Vec<UdpBlaster> = sources
        .iter()
        .map(|source| UdpBlaster::start_from(phone, (*source, 0).into(), far(source), 300, GAP))
        .collect();
    assert!(eventually(3 * SECOND, || blasters.iter().all(|blaster| blaster.answers() >= 100)));
    blasters.iter_mut().for_each(UdpBlaster::stop);
    for blaster in &blasters {
        assert_eq!(blaster.answers(), blaster.packets());
    }
    let sum: u64 = blasters.iter().zip(&sources).map(|(blaster, source)| traffic(blaster, far(source))).sum();
    assert_eq!(daemon.used(&session), sum);
    assert_eq!(daemon.get("/api/v1/devices")["total"], 1);
}

#[test]
fn two_devices_behind_one_address_and_port_never_charge_each_other() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let far = SocketAddr::from((NET4, 7));
    let _echo = UdpEcho::open(&lab.internet, far);
    let sessions: Vec<String> = lab
        .phones
        .iter()
        .map(|phone| daemon.let_through(phone, &json!({"kind": "data", "data_mb": 100})))
        .collect();
    // Masqueraded, both are the router's address; and both would like its port 5555.
    let mut blasters: Vec<UdpBlaster> = lab
        .phones
        .iter()
        .zip([200, 700])
        .map(|(phone, size)| {
            let from = "0.0.0.0:5555".parse().unwrap();
            UdpBlaster::start_from(phone, from, far, size, GAP)
        })
        .collect();
    assert!(eventually(3 * SECOND, || blasters.iter().all(|blaster| blaster.answers() >= 200)));
    blasters.iter_mut().for_each(UdpBlaster::stop);
    for (session, blaster) in sessions.iter().zip(&blasters) {
        assert_eq!(daemon.used(session), traffic(blaster, far));
    }
}

#[test]
fn a_captive_neighbour_gets_nothing_by_taking_an_address_or_forging_a_packet() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let (payer, thief) = (&lab.phones[0], &lab.phones[1]);
    let session = daemon.let_through(payer, &json!({"kind": "data", "data_mb": 100}));
    daemon.meet(thief);
    for (far, own, other) in [
        (IpAddr::from(NET4), IpAddr::from(payer.v4), IpAddr::from(thief.v4)),
        (IpAddr::from(NET6), IpAddr::from(payer.v6), IpAddr::from(thief.v6)),
    ] {
        let echo = UdpEcho::open(&lab.internet, (far, 7));
        let mut blaster = UdpBlaster::start_from(payer, (own, 5555).into(), (far, 7).into(), 100, GAP);
        assert!(eventually(SECOND, || blaster.answers() >= 50));
        let before = daemon.used(&session);
        // The payer's own tuple, from the thief's MAC; then the thief's own address.
        let forged: Vec<Frame> = [own, other]
            .iter()
            .map(|source| Frame::udp(&thief.mac, ROUTER_MAC, (*source, 5555), (far, 7), &[0x66; 1000]))
            .collect();
        // The flow stays the payer's: were it the thief's for a moment, an answer under way would be lost.
        for _ in 0..20 {
            send_frames(thief, "eth0", &[&forged[..]; 10].concat());
        }
        blaster.stop();
        assert!(echo.bytes() <= blaster.packets() * 100, "{far}: a forged packet came through");
        let lost = blaster.packets() - blaster.answers();
        assert_eq!(lost, 0, "{far}: it costs the payer packets");
        // Nothing but the payer's own packets was charged.
        let mine = traffic(&blaster, (far, 7).into());
        assert!(daemon.used(&session) - before <= mine, "charged for the thief's packets");
    }
    // The address changes hands for good; the session does not go with it.
    let sink = UdpSink::open(&lab.internet, (NET4, 9));
    payer.ip(&format!("address delete {}/24 dev eth0\n", payer.v4));
    thief.ip(&format!("address add {}/24 dev eth0\n", payer.v4));
    let from = SocketAddr::from((payer.v4, 5555));
    let theft = UdpBlaster::start_from(thief, from, (NET4, 9).into(), 100, GAP);
    assert!(eventually(SECOND, || theft.packets() > 50));
    assert!(
        holds_for(SECOND / 2, || sink.packets() == 0),
        "the new owner of the address rides on the session"
    );
}

/// "This address is mine", to the router, which did not ask.
fn claim(thief: &Phone, address: IpAddr) -> Frame {
    match address {
        IpAddr::V4(address) => Frame::arp_reply(&thief.mac, ROUTER_MAC, address, LAN4),
        IpAddr::V6(address) => Frame::advertisement(&thief.mac, ROUTER_MAC, address, LAN6),
    }
}

#[test]
fn who_claims_a_payers_address_by_arp_or_nd_gets_nothing_through_and_no_session() {
    let lab = Lab::with_phones(2);
    let daemon = Daemon::start(&lab);
    let [payer, thief] = lab.phones.as_slice() else { panic!("two phones") };
    let session = daemon.let_through(payer, &json!({"kind": "data", "data_mb": 100}));
    daemon.meet(thief);
    let (by_arp, by_nd) = (IpAddr::from(payer.v4), IpAddr::from(payer.v6));
    for (address, far, alone) in [(by_arp, IpAddr::from(NET4), "/32"), (by_nd, NET6.into(), "/128 nodad")] {
        let _echo = UdpEcho::open(&lab.internet, (far, 7));
        let sink = UdpSink::open(&lab.internet, (far, 9));
        let flow = UdpBlaster::start_from(payer, (address, 5555).into(), (far, 7).into(), 100, GAP);
        assert!(eventually(SECOND, || flow.answers() >= 50));

        let believed = || {
            let entry =
                lab.router.run(&["ip", "-j", "neigh", "show", &address.to_string(), "dev", "br-lan"]).json();
            entry[0]["lladdr"].as_str().map(str::to_owned)
        };
        let lie = [claim(thief, address)];
        thief.ip(&format!("address add {address}{alone} dev eth0\n"));
        let theft = UdpBlaster::start_from(thief, (address, 5556).into(), (far, 9).into(), 100, GAP);
        // The router may hold on to what it believes for a second.
        let is_taken = eventually(5 * SECOND, || {
            send_frames(thief, "eth0", &lie);
            believed().as_ref() == Some(&thief.mac)
        });
        assert!(is_taken, "the router believes {:?}", believed());
        let sent = theft.packets();
        assert!(eventually(SECOND, || theft.packets() > sent + 100));
        assert_eq!(sink.packets(), 0, "what it sends as {address} passes");
        assert_eq!(daemon.state(&session), "running");
        let of = |phone: &Phone| {
            let found = daemon.get(&format!("/api/v1/sessions?filter=%24Mac%20is%20%22{}%22", phone.mac));
            found["total"].clone()
        };
        assert_eq!([of(payer), of(thief)], [json!(1), json!(0)]);

        // It stops, the payer is heard, and everything is as it was.
        drop(theft);
        let (plain, _) = alone.split_once(' ').unwrap_or((alone, ""));
        thief.ip(&format!("address delete {address}{plain} dev eth0\n"));
        payer.ip("neigh flush dev eth0\n");
        let answers = flow.answers();
        assert!(eventually(3 * SECOND, || flow.answers() > answers + 50), "the payer stays cut off");
        assert_eq!(sink.packets(), 0);
    }
}

#[test]
fn a_mac_that_was_copied_is_told_by_its_two_ports() {
    let lab = Lab::with_phones(3);
    let daemon = Daemon::start(&lab);
    let [guest, copy, walker] = lab.phones.as_slice() else { panic!("three phones") };
    daemon.meet(guest);
    daemon.meet(walker);
    let warned = || daemon.get("/api/v1/status")["warnings"].to_string();
    assert!(!warned().contains("two ports"), "{}", warned());
    copy.ip(&format!("link set eth0 address {}\n", guest.mac));
    // Both are heard, one after the other.
    let frame = [Frame::udp(&guest.mac, ROUTER_MAC, (guest.v4.into(), 5555), (NET4.into(), 9), &[0x66; 10])];
    let is_told = eventually(5 * SECOND, || {
        send_frames(guest, "eth0", &frame);
        send_frames(copy, "eth0", &frame);
        warned().contains(&format!("{} is at two ports of br-lan", guest.mac))
    });
    assert!(is_told, "{}", warned());
    assert!(warned().contains("lan0") && warned().contains("lan1"), "{}", warned());
    assert!(!warned().contains(&walker.mac));
}
