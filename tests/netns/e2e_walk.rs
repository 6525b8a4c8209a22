//! From the voucher to the pause button, as a guest does it: through the portal.

use std::net::{IpAddr, SocketAddr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lab::{
    Daemon, HttpAnswer, HttpRequest, LAN4, LAN6, Lab, NET4, NET6, PacketCounter, Phone, TcpServer, Transfer,
    UdpBlaster, UdpEcho, WAN4, dhcp, eventually,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(5);

/// The first voucher code of what `voucher create --json` printed.
pub fn code_of(created: &serde_json::Value) -> String {
    let code = created["codes"][0].as_str().or_else(|| created["items"][0]["code"].as_str());
    code.unwrap_or_else(|| panic!("no code in {created}")).to_owned()
}

/// A form sent to the portal as its own pages send it.
fn submit(phone: &Phone, portal: SocketAddr, path: &str, form: &str) -> HttpAnswer {
    HttpRequest::form(path, form).header("Origin", &format!("http://{portal}")).send(phone, portal).unwrap()
}

#[test]
fn redeem_connect_pause_resume() {
    let lab = Lab::builder().phones(2).alone().build();
    let daemon = Daemon::start(&lab);
    for (phone, far, portal) in [
        (&lab.phones[0], IpAddr::from(NET4), SocketAddr::from((LAN4, 2050))),
        (&lab.phones[1], IpAddr::from(NET6), SocketAddr::from((LAN6, 2050))),
    ] {
        let echo = UdpEcho::open(&lab.internet, (far, 7));
        let server = TcpServer::open(&lab.internet, (far, 80));
        // A flow that is there before the phone is let through.
        let early = UdpBlaster::start(phone, (far, 7), 100, GAP);
        assert!(eventually(SECOND, || early.packets() > 20));
        assert_eq!(echo.packets(), 0, "let through before it paid");

        let created =
            daemon.cli_json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", "5000"]);
        let code = code_of(&created);
        let wrong = submit(phone, portal, "/providers/voucher", "code=WRONG-CODE");
        assert!((400..500).contains(&wrong.status), "{wrong:?}");
        let typed = code.to_lowercase().replace('-', "");
        let redeemed = submit(phone, portal, "/providers/voucher", &format!("code={typed}"));
        assert_eq!(redeemed.status, 303, "{redeemed:?}");

        assert!(eventually(SECOND, || early.answers() > 10), "the early flow stays blocked");
        let download = Transfer::download(phone, (far, 80));
        let upload = Transfer::upload(phone, (far, 80));
        assert!(eventually(3 * SECOND, || download.bytes() > 500_000 && server.received_bytes() > 500_000));
        let capport = || {
            let request = HttpRequest::get("/capport").header("Accept", "application/captive+json");
            request.send(phone, portal).unwrap().json()
        };
        assert_eq!(capport()["captive"], false);
        let counted = eventually(2 * SECOND, || {
            let left = capport()["bytes-remaining"].as_u64().unwrap();
            (1..4_999_000_000).contains(&left)
        });
        assert!(counted, "{}", capport());
        let page = HttpRequest::get("/").send(phone, portal).unwrap();
        assert!(page.body.contains("/disconnect"), "{}", page.body);

        // The pause button. TCP is counted as it arrives, not as a thread gets to it; the router's own resets come with 64.
        let (ends, hops) = match far {
            IpAddr::V4(_) => ([format!("ip saddr {far}"), format!("ip saddr {WAN4}")], "ip ttl 63"),
            IpAddr::V6(_) => {
                ([format!("ip6 saddr {far}"), format!("ip6 saddr {}", phone.v6)], "ip6 hoplimit 63")
            }
        };
        let [down, up] = ends.map(|from| format!("{from} {hops} meta l4proto tcp"));
        let name = if far.is_ipv4() { "tcp4" } else { "tcp6" };
        let arrived = [
            PacketCounter::install(phone, name, "input", &down),
            PacketCounter::install(&lab.internet, name, "input", &up),
        ];
        assert!(eventually(SECOND, || arrived.iter().all(|counter| counter.read().packets > 10)));
        let pressed = Instant::now();
        assert_eq!(submit(phone, portal, "/disconnect", "").status, 303);
        let cut = pressed.elapsed().max(Duration::from_millis(100));
        sleep(cut.saturating_sub(pressed.elapsed()));
        let frozen = arrived.each_ref().map(PacketCounter::read);
        sleep(Duration::from_millis(400));
        let late = early.last_answer().unwrap().saturating_duration_since(pressed);
        assert!(late <= cut, "{far}: UDP went on for {late:?}");
        assert_eq!(arrived.each_ref().map(PacketCounter::read), frozen, "{far}: TCP went on");
        assert_eq!(capport()["captive"], true);
        drop((download, upload));

        // And on again.
        let before = early.answers();
        assert_eq!(submit(phone, portal, "/connect", "").status, 303);
        assert!(eventually(SECOND, || early.answers() > before + 10), "{far}: the UDP flow does not go on");
        let again = Transfer::download(phone, (far, 80));
        assert!(eventually(3 * SECOND, || again.bytes() > 500_000));
    }
}

#[test]
fn a_phone_that_joins_by_dhcp_is_known_by_name_and_addresses() {
    let mut lab = Lab::builder().phones(1).dhcp().build();
    dhcp(&mut lab.phones[0], "pixel-7");
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let _echo = UdpEcho::open(&lab.internet, (NET6, 7));
    let blaster = UdpBlaster::start(phone, (NET6, 7), 10, GAP);
    let id = daemon.meet(phone);
    let known = eventually(5 * SECOND, || {
        let device = daemon.get(&format!("/api/v1/devices/{id}"));
        let number = |family: &str| device[family].as_array().map_or(0, Vec::len);
        device["zone"] == "guests" && number("ipv4") > 0 && number("ipv6") > 0
    });
    assert!(known, "{}", daemon.get(&format!("/api/v1/devices/{id}")));
    assert_eq!(daemon.get(&format!("/api/v1/devices/{}", phone.v4))["id"], id.as_str());
    assert_eq!(blaster.answers(), 0);
    let session = daemon.create_session(&id, &serde_json::json!({"kind": "time", "time_secs": 60}));
    daemon.connect(&phone.v4.to_string());
    assert!(
        eventually(SECOND, || blaster.answers() > 10),
        "an address from a router advertisement is let through, too"
    );
    assert_eq!(daemon.state(&session), "running");
    assert_eq!(daemon.get(&format!("/api/v1/devices/{id}"))["connected"], true);
}
