//! A device that has no session: it meets the portal at once, and reaches nothing else.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::lab::{
    Daemon, DaemonConfig, GUEST4, HttpRequest, LAN4, LAN6, Lab, NET4, NET6, PacketCounter, TcpServer,
    UdpBlaster, UdpSink, WAN4, WAN6, connect, eventually, resolve,
};

/// Host and path of every system's question "am I online?".
const PROBES: &[(&str, &str)] = &[
    ("captive.apple.com", "/hotspot-detect.html"),
    ("www.apple.com", "/library/test/success.html"),
    ("connectivitycheck.gstatic.com", "/generate_204"),
    ("www.google.com", "/gen_204"),
    ("play.googleapis.com", "/generate_204"),
    ("www.gstatic.com", "/generate_204"),
    ("www.msftconnecttest.com", "/connecttest.txt"),
    ("www.msftconnecttest.com", "/redirect"),
    ("www.msftncsi.com", "/ncsi.txt"),
    ("detectportal.firefox.com", "/canonical.html"),
    ("detectportal.firefox.com", "/success.txt?ipv4"),
    ("nmcheck.gnome.org", "/check_network_status.txt"),
    ("connectivity-check.ubuntu.com", "/"),
    ("network-test.debian.org", "/nm"),
    ("spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html"),
    ("fireoscaptiveportal.com", "/generate_204"),
    ("connect.rom.miui.com", "/generate_204"),
    ("connectivitycheck.platform.hicloud.com", "/generate_204"),
];

#[test]
fn every_probe_is_sent_to_the_portal() {
    let lab = Lab::with_phones(1);
    let _daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let ends = PacketCounter::install(
        phone,
        "ends",
        "input",
        "tcp sport 80 tcp flags & fin == fin meta length > 200",
    );
    let mut ended = 0;
    for (far, portal) in [
        (SocketAddr::from((NET4, 80)), format!("http://{LAN4}:2050/")),
        (SocketAddr::from((NET6, 80)), format!("http://[{LAN6}]:2050/")),
    ] {
        for (host, path) in PROBES {
            let answer = HttpRequest::get(path).header("Host", host).send(phone, far).unwrap();
            assert_eq!(answer.status, 302, "{host}{path}: {answer:?}");
            assert_eq!(answer.header("location"), Some(portal.as_str()), "{host}{path}");
            assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")));
            assert!(answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")));
            assert!(answer.body.len() > 4, "{host}{path}: {answer:?}");
        }
        // The connection ends with the packet of its answer, unless a busy machine lets one wait for the other.
        let together = ends.read().packets - ended;
        ended += together;
        assert!(together * 2 > PROBES.len() as u64, "{far}: {together}");
        let nasty = "/%22%3E%3Cscript%3Ealert(1)%3C/script%3E?next=//evil.test";
        let answer = HttpRequest::get(nasty).header("Host", "evil.test").send(phone, far).unwrap();
        assert_eq!(answer.status, 302);
        let said = format!("{:?} {}", answer.header("location"), answer.body);
        assert!(!said.contains("evil") && !said.contains("alert"), "{said}");
    }
    // Any address at all, even one that nobody has.
    let answer = HttpRequest::get("/").send(phone, (std::net::Ipv4Addr::new(198, 51, 100, 7), 80)).unwrap();
    assert_eq!(answer.status, 302);
}

#[test]
fn the_portal_itself_answers_in_both_families_and_takes_no_foreign_form() {
    let lab = Lab::with_phones(1);
    let _daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    for portal in [SocketAddr::from((LAN4, 2050)), SocketAddr::from((LAN6, 2050))] {
        let page = HttpRequest::get("/").send(phone, portal).unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        assert!(
            page.body.contains("/providers/voucher") && page.body.contains("name=\"code\""),
            "{}",
            page.body
        );
        let api = HttpRequest::get("/capport")
            .header("Accept", "application/captive+json")
            .send(phone, portal)
            .unwrap();
        assert_eq!(api.header("content-type"), Some("application/captive+json"));
        assert_eq!(api.json()["captive"], true);
        assert_eq!(api.json()["user-portal-url"], format!("http://{portal}/"));
        for path in ["/connect", "/disconnect", "/providers/voucher"] {
            let foreign = HttpRequest::form(path, "code=AAAA-AAAA")
                .header("Origin", "http://evil.test")
                .send(phone, portal);
            assert_eq!(foreign.unwrap().status, 403, "{path}");
        }
        // What belongs to the operator is not here.
        for path in ["/api/v1/status", "/api/v1/devices", "/metrics", "/healthz"] {
            assert_eq!(HttpRequest::get(path).send(phone, portal).unwrap().status, 404, "{path}");
        }
    }
}

#[test]
fn https_is_reset_at_once_and_names_resolve() {
    let lab = Lab::builder().phones(1).dns().build();
    let _daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    for address in [IpAddr::from(NET4), IpAddr::from(NET6)] {
        let _https = TcpServer::open(&lab.internet, (address, 443));
        // Whatever else the machine does comes on top: the fastest of them is the portal's own time.
        let took = [(); 5].map(|()| {
            let begun = std::time::Instant::now();
            let refused = connect(phone, (address, 443), Duration::from_secs(3));
            assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
            begun.elapsed()
        });
        let fastest = took.iter().min();
        assert!(fastest < Some(&Duration::from_millis(200)), "{address}: after {took:?}");
    }
    // The router's name server, in both families; and one that was set by hand.
    for server in [IpAddr::from(LAN4), IpAddr::from(LAN6), IpAddr::from(NET4), IpAddr::from(NET6)] {
        let answer = phone.enter(|| resolve(server, "captive.apple.com"));
        assert_eq!(answer.map(|answer| answer.addresses), Some(vec![NET4]), "{server}");
    }
}

#[test]
fn nothing_else_passes() {
    let lab = Lab::builder().phones(1).guests(1).build();
    let _daemon =
        Daemon::start_with(&lab, &DaemonConfig { cellar: Some(String::new()), ..DaemonConfig::default() });
    let (phone, guest) = (&lab.phones[0], &lab.guests[0]);
    let out4 = PacketCounter::install(&lab.internet, "v4", "input", &format!("ip saddr {WAN4}"));
    let out6 = PacketCounter::install(&lab.internet, "v6", "input", "ip6 saddr { fd77::/64, fd78::/64 }");
    let across = PacketCounter::install(guest, "zone", "input", "ip saddr 192.168.77.0/24");
    let sinks = [UdpSink::open(&lab.router, (LAN4, 5000)), UdpSink::open(&lab.router, (WAN4, 5000))];
    let _router_ports: Vec<TcpServer> = [22, 8080]
        .iter()
        .map(|port| TcpServer::open(&lab.router, (std::net::Ipv6Addr::UNSPECIFIED, *port)))
        .collect();
    let _far_ports: Vec<TcpServer> = [22, 853, 8080]
        .iter()
        .map(|port| TcpServer::open(&lab.internet, (std::net::Ipv6Addr::UNSPECIFIED, *port)))
        .collect();

    let gap = Duration::from_millis(5);
    let targets = [
        (IpAddr::from(NET4), 443),
        (NET6.into(), 443),
        (LAN4.into(), 5000),
        (WAN4.into(), 5000),
        (guest.v4.into(), 9),
    ];
    let mut blasters: Vec<UdpBlaster> =
        targets.iter().map(|target| UdpBlaster::start(phone, *target, 100, gap)).collect();
    let closed: Vec<(IpAddr, u16)> = vec![
        (NET4.into(), 22),
        (NET4.into(), 853),
        (NET6.into(), 8080),
        (LAN4.into(), 22),
        (LAN6.into(), 22),
        (LAN4.into(), 8080),
        (WAN4.into(), 22),
        (WAN6.into(), 8080),
        (WAN4.into(), 2050),
        (GUEST4.into(), 2060),
        (LAN4.into(), 2051),
        (guest.v4.into(), 22),
    ];
    for address in closed {
        let refused = connect(phone, address, Duration::from_secs(2));
        assert!(refused.is_err(), "{address:?} can be reached");
    }
    assert!(!phone.ping(NET4) && !phone.ping(NET6) && !phone.ping(guest.v4));
    assert!(eventually(Duration::from_secs(5), || blasters.iter().all(|blaster| blaster.packets() > 100)));
    blasters.iter_mut().for_each(UdpBlaster::stop);
    assert_eq!((out4.read().packets, out6.read().packets, across.read().packets), (0, 0, 0));
    assert_eq!(sinks.map(|sink| sink.packets()), [0, 0]);
    // Nobody reaches the portal from the WAN side, nor a captive phone.
    for address in
        [SocketAddr::from((WAN4, 2050)), SocketAddr::from((WAN6, 2050)), SocketAddr::from((LAN6, 2050))]
    {
        assert!(connect(&lab.internet, address, Duration::from_secs(2)).is_err(), "{address} from the WAN");
    }
    assert!(!lab.internet.ping(phone.v6));
    // The router itself answers its guests.
    assert!(phone.ping(LAN4) && phone.ping(LAN6));
}
