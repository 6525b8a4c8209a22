//! The portal over TLS, by the name that DHCP tells; certificates that change while it runs; and an admin listener that
//! guests do not find.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::lab::{
    Daemon, DaemonConfig, GUEST4, GUEST6, HttpRequest, LAN4, LAN6, Lab, NET4, Phone, TcpServer, WAN4, WAN6,
    connect, dhcp, dhcp6_text, eventually, resolve, resolve6, used_bytes,
};

pub const HOST: &str = "portal.example.net";
const SECOND: Duration = Duration::from_secs(1);

/// An authority that phones believe, and a place for what it vouches for.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes a new certificate for the host, and its key, into the lab's directory, as certbot does: one after the other.
    pub fn write(&self, lab: &Lab) {
        let key = KeyPair::generate().unwrap();
        let params =
            CertificateParams::new(vec![HOST.to_owned(), LAN4.to_string(), LAN6.to_string()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(lab.dir.path().join("portal.key"), key.serialize_pem()).unwrap();
        fs::write(lab.dir.path().join("portal.pem"), certificate.pem()).unwrap();
    }

    pub fn config(lab: &Lab) -> DaemonConfig {
        let dir = lab.dir.path().display();
        DaemonConfig {
            zone: "portal_tls = \"[::]:2443\"\nvenue_info_url = \"https://cafe.example/\"".to_owned(),
            more: format!(
                "[tls]\ncertificate = \"{dir}/portal.pem\"\nkey = \"{dir}/portal.key\"\nhost = \"{HOST}\"\n\
                 [admin]\nlisten = \"[::]:2051\"\n"
            ),
            ..DaemonConfig::default()
        }
    }
}

fn capport() -> HttpRequest {
    HttpRequest::get("/capport")
        .header("Accept", "application/captive+json")
        .header("Host", "portal.example.net:2443")
}

fn portals() -> [SocketAddr; 2] {
    [SocketAddr::from((LAN4, 2443)), SocketAddr::from((LAN6, 2443))]
}

#[test]
fn dhcp_tells_phones_of_a_portal_that_they_believe() {
    let mut lab = Lab::builder().phones(1).dhcp().build();
    let authority = Authority::new();
    authority.write(&lab);
    let file = Daemon::write_config(&lab, &Authority::config(&lab)).display().to_string();
    assert!(Daemon::run_cli(&lab, &["check-config", "--config", &file]).ok());
    let options = Daemon::run_cli(&lab, &["dhcp-options", "--config", &file]);
    assert!(options.ok(), "{options:?}");
    lab.reconfigure_dnsmasq(&options.stdout);

    let uri = format!("https://{HOST}:2443/capport");
    let lease = dhcp(&mut lab.phones[0], "pixel-7");
    assert_eq!(lease.captive_portal.as_deref(), Some(uri.as_str()), "DHCPv4 option 114");
    assert_eq!(dhcp6_text(&lab.phones[0], 103).as_deref(), Some(uri.as_str()), "DHCPv6 option 103");

    let daemon = Daemon::start_with(&lab, &Authority::config(&lab));
    let phone = &lab.phones[0];
    // The name leads to the portal on the phone's own network, whatever the name server that it has set.
    for server in [IpAddr::from(LAN4), IpAddr::from(NET4)] {
        let found = phone.enter(|| resolve(server, HOST)).map(|answer| answer.addresses);
        assert_eq!(found, Some(vec![LAN4]), "{server}");
        assert_eq!(phone.enter(|| resolve6(server, HOST)), Some(vec![LAN6]), "{server}");
    }
    for portal in portals() {
        let mut answer = None;
        // Its IPv6 address comes with the first advertisement.
        eventually(5 * SECOND, || {
            answer = capport().send_tls(phone, portal, HOST, &authority.pem()).ok();
            answer.is_some()
        });
        let answer = answer.unwrap_or_else(|| panic!("{portal} cannot be reached:\n{}", daemon.log()));
        assert_eq!(answer.header("content-type"), Some("application/captive+json"));
        assert_eq!(answer.header("cache-control"), Some("private"));
        assert_eq!(
            answer.json(),
            json!({
                "captive": true,
                "user-portal-url": format!("https://{HOST}:2443/"),
                "venue-info-url": "https://cafe.example/",
                "can-extend-session": true,
            })
        );
    }
    // Without a certificate that phones believe nothing is told.
    let plain = Daemon::write_config(&lab, &DaemonConfig { more: String::new(), ..Authority::config(&lab) });
    let refused = Daemon::run_cli(&lab, &["dhcp-options", "--config", &plain.display().to_string()]);
    assert!(refused.code == 1 && refused.stderr.contains("[tls] names no certificate"), "{refused:?}");
}

/// What the portal says over TLS.
fn told(phone: &Phone, portal: SocketAddr, authority: &Authority) -> Value {
    capport().send_tls(phone, portal, HOST, &authority.pem()).unwrap().json()
}

#[test]
fn the_whole_portal_is_there_over_tls() {
    let lab = Lab::with_phones(2);
    let authority = Authority::new();
    authority.write(&lab);
    let daemon = Daemon::start_with(&lab, &Authority::config(&lab));
    let (phone, other) = (&lab.phones[0], &lab.phones[1]);
    let device = daemon.meet(phone);
    daemon.meet(other);
    let terms = json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 5});
    let session = daemon.create_session(&device, &terms);
    let own = format!("https://{HOST}:2443");
    for portal in portals() {
        let page = HttpRequest::get("/").header("Host", &format!("{HOST}:2443"));
        let page = page.send_tls(phone, portal, HOST, &authority.pem()).unwrap();
        assert!(page.status == 200 && page.body.contains("action=\"/connect\""), "{page:?}");
        let post = |origin: &str| {
            HttpRequest::form("/connect", "").header("Host", &format!("{HOST}:2443")).header("Origin", origin)
        };
        let foreign = post("https://evil.test").send_tls(phone, portal, HOST, &authority.pem()).unwrap();
        assert_eq!(foreign.status, 403);
        assert_eq!(told(phone, portal, &authority)["captive"], true);
        let posted = post(&own).send_tls(phone, portal, HOST, &authority.pem()).unwrap();
        assert_eq!(posted.status, 303, "{posted:?}");
        let now = told(phone, portal, &authority);
        let kept = daemon.session(&session);
        let left = kept["time_secs"].as_f64().unwrap() - kept["time_used_secs"].as_f64().unwrap();
        let told_secs = now["seconds-remaining"].as_f64().unwrap();
        assert!(now["captive"] == false && (left.floor() - told_secs).abs() <= 1.0, "{now} {kept}");
        assert_eq!(now["bytes-remaining"].as_u64(), Some(5_000_000 - used_bytes(&kept)), "{now} {kept}");
        // To another phone it says that other phone's.
        assert_eq!(told(other, portal, &authority)["captive"], true);
        // A name that leads here by somebody else's doing, an absolute address of another host, no TLS at all.
        let rebound = HttpRequest::form("/disconnect", "").header("Host", "evil.test:2443");
        let rebound = rebound.header("Origin", "https://evil.test:2443");
        let rebound = rebound.send_tls(phone, portal, HOST, &authority.pem()).unwrap();
        assert_eq!((rebound.status, rebound.header("location")), (302, Some(format!("{own}/").as_str())));
        assert!(HttpRequest::get("/").send(phone, portal).is_err(), "plain HTTP is closed");
        assert_eq!(told(phone, portal, &authority)["captive"], false);
        daemon.disconnect(&device);
    }
    // It is no service for the WAN side.
    for address in
        [SocketAddr::from((WAN4, 2443)), SocketAddr::from((WAN6, 2443)), SocketAddr::from((LAN6, 2443))]
    {
        assert!(connect(&lab.internet, address, 2 * SECOND).is_err(), "{address}");
    }
}

#[test]
fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let lab = Lab::with_phones(1);
    let authority = Authority::new();
    authority.write(&lab);
    let daemon = Daemon::start_with(&lab, &Authority::config(&lab));
    let phone = &lab.phones[0];
    let shown = || daemon.get("/api/v1/status")["certificates"].clone();
    let first = shown();
    assert_eq!(first.as_array().map(Vec::len), Some(2), "{first}");
    assert_eq!((&first[0]["listener"], &first[0]["self_signed"]), (&json!("portal"), &json!(false)));
    let fingerprint = first[0]["sha256"].as_str().unwrap().to_owned();
    assert!(daemon.log().contains(&fingerprint), "the log does not say it");

    authority.write(&lab);
    daemon.signal(Signal::HUP);
    assert!(eventually(5 * SECOND, || shown()[0]["sha256"] != json!(fingerprint)), "{}", daemon.log());
    let second = shown();
    assert!(capport().send_tls(phone, (LAN4, 2443), HOST, &authority.pem()).is_ok());

    let whole = fs::read_to_string(lab.dir.path().join("portal.pem")).unwrap();
    fs::write(lab.dir.path().join("portal.pem"), &whole[..whole.len() / 2]).unwrap();
    daemon.signal(Signal::HUP);
    let warned = || daemon.get("/api/v1/status")["warnings"].to_string().contains("portal.pem");
    assert!(eventually(5 * SECOND, warned), "{}", daemon.log());
    assert_eq!(shown(), second, "the old one is kept");
    assert!(capport().send_tls(phone, (LAN4, 2443), HOST, &authority.pem()).is_ok());
    fs::write(lab.dir.path().join("portal.pem"), whole).unwrap();
    daemon.signal(Signal::HUP);
    assert!(eventually(5 * SECOND, || !warned()), "{}", daemon.log());
}

#[test]
fn the_operator_has_tls_from_the_start_and_keeps_the_certificate() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let kept = lab.dir.path().join("turnpike.db.tls");
    let pem = fs::read_to_string(&kept).unwrap();
    let healthy =
        || HttpRequest::get("/healthz").send_tls(&lab.router, (Ipv4Addr::LOCALHOST, 2051), "localhost", &pem);
    assert_eq!(healthy().unwrap().status, 200);
    let plain = HttpRequest::get("/healthz").send(&lab.router, (Ipv4Addr::LOCALHOST, 2051)).unwrap();
    assert_eq!(plain.status, 200, "both are offered");
    let said = daemon.get("/api/v1/status")["certificates"].clone();
    assert_eq!((&said[0]["listener"], &said[0]["self_signed"]), (&json!("admin"), &json!(true)), "{said}");
    daemon.stop();
    // At the first second of 1970 it holds as well.
    daemon.set_clock("wall_offset_ms=-1790000000000");
    daemon.restart();
    assert_eq!(daemon.get("/api/v1/status")["certificates"], said, "the same after a restart");
    assert_eq!(healthy().unwrap().status, 200);
}

/// The router's link-local address on the phone's network, with the phone's device as its scope.
fn link_local(lab: &Lab, phone: &Phone, port: u16) -> SocketAddr {
    let of_router = lab.router.addresses("br-lan").into_iter().find_map(|address| match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => Some(address),
        IpAddr::V6(_) | IpAddr::V4(_) => None,
    });
    let scope = phone.enter(|| {
        let socket = std::net::UdpSocket::bind("[::]:0").unwrap();
        rustix::net::netdevice::name_to_index(&socket, "eth0").unwrap()
    });
    SocketAddrV6::new(of_router.expect("a link-local address"), port, 0, scope).into()
}

/// The ports of an address that take a connection.
fn open_ports(phone: &Phone, address: SocketAddr, ports: impl Iterator<Item = u16> + Send) -> Vec<u16> {
    phone.enter(|| {
        ports
            .filter(|port| {
                let mut target = address;
                target.set_port(*port);
                TcpStream::connect_timeout(&target, SECOND / 2).is_ok()
            })
            .collect()
    })
}

#[test]
fn guests_find_no_admin_listener_on_any_address_or_port() {
    let lab = Lab::builder().phones(2).dns().build();
    let authority = Authority::new();
    authority.write(&lab);
    let daemon = Daemon::start_with(&lab, &Authority::config(&lab));
    let (captive, online) = (&lab.phones[0], &lab.phones[1]);
    daemon.meet(captive);
    daemon.let_through(online, &json!({"kind": "time", "time_secs": 600}));
    // It is there, on every address and in both ways, for whoever is no guest.
    for address in [IpAddr::from(LAN4), LAN6.into(), WAN4.into(), WAN6.into()] {
        assert_eq!(HttpRequest::get("/healthz").send(&lab.router, (address, 2051)).unwrap().status, 200);
    }
    let over_tls = HttpRequest::get("/healthz").send_tls(&lab.router, (LAN4, 2051), HOST, &authority.pem());
    assert_eq!(over_tls.unwrap().status, 200);

    for phone in [captive, online] {
        // On the guests' own network: name server and portal, plain and over TLS; port 80 is led to it.
        let mut wanted = vec![53, 2050, 2443];
        if phone.mac == captive.mac {
            wanted.insert(1, 80);
        }
        for address in [SocketAddr::from((LAN4, 0)), SocketAddr::from((LAN6, 0))] {
            assert_eq!(open_ports(phone, address, 1..=9_999), wanted, "{address} for {}", phone.mac);
        }
        // There the answer to what is not open is silence.
        let some = [22, 53, 80, 2050, 2051, 2052, 2443, 8080].into_iter();
        let address = link_local(&lab, phone, 0);
        assert_eq!(open_ports(phone, address, some), wanted, "{address} for {}", phone.mac);
        let others = [
            IpAddr::from(WAN4),
            WAN6.into(),
            GUEST4.into(),
            GUEST6.into(),
            Ipv4Addr::new(192, 168, 77, 255).into(),
            Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0).into(),
        ];
        for address in others {
            let found = open_ports(phone, SocketAddr::new(address, 0), [22, 2051, 2052, 8080].into_iter());
            assert_eq!(found, [0_u16; 0], "{address} for {}", phone.mac);
        }
    }
    // Nor by what the portal is asked.
    for (path, host) in
        [("/admin", "127.0.0.1:2051"), ("/api/v1/status", "localhost:2051"), ("/admin/login", "[::1]:2051")]
    {
        let answer = HttpRequest::get(path).header("Host", host).send(captive, (LAN4, 2050)).unwrap();
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, Some("http://192.168.77.1:2050/")),
            "{path}"
        );
        let answer = HttpRequest::get(path).send(captive, (LAN4, 2050)).unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn an_operator_without_a_network_of_their_own_is_let_in_and_nobody_else_is() {
    let lab = Lab::with_phones(2);
    let (operator, guest) = (&lab.phones[0], &lab.phones[1]);
    let config = DaemonConfig {
        zone: format!("trusted = [\"{}\"]\ntrusted_ports = [22, 2051]", operator.mac),
        more: format!("[admin]\nlisten = \"{LAN4}:2051\"\ntls = \"required\"\n"),
        ..DaemonConfig::default()
    };
    let _ssh = TcpServer::open(&lab.router, (Ipv6Addr::UNSPECIFIED, 22));
    let _other = TcpServer::open(&lab.router, (Ipv6Addr::UNSPECIFIED, 8080));
    let daemon = Daemon::start_with(&lab, &config);
    daemon.meet(operator);
    daemon.let_through(guest, &json!({"kind": "time", "time_secs": 600}));
    let ports = [22, 2051, 8080];
    let open = |phone| open_ports(phone, (LAN4, 0).into(), ports.into_iter());
    assert_eq!(open(operator), [22, 2051]);
    assert_eq!(open_ports(operator, (LAN6, 0).into(), ports.into_iter()), [22], "the pages listen on IPv4");
    assert_eq!(open(guest), [0; 0], "who has paid is a guest all the same");
    // From the zone's own address only, as for everybody.
    assert_eq!(open_ports(operator, (WAN4, 0).into(), ports.into_iter()), [0; 0]);
    let pem = fs::read_to_string(lab.dir.path().join("turnpike.db.tls")).unwrap();
    let over_tls = HttpRequest::get("/healthz").send_tls(operator, (LAN4, 2051), "localhost", &pem);
    assert_eq!(over_tls.unwrap().status, 200);
    let plain = HttpRequest::get("/healthz").send(operator, (LAN4, 2051));
    assert!(plain.map_or(true, |answer| answer.status != 200), "plain, where others listen");
    // Who is no longer trusted is out at once.
    let text = fs::read_to_string(daemon.config()).unwrap().replace(&operator.mac, &guest.mac);
    fs::write(daemon.config(), text).unwrap();
    let asked = daemon.cli(&["reload"]);
    assert!(!asked.ok() && asked.stderr.contains("--yes"), "whom it cuts off, before it does: {}", asked.stderr);
    assert_eq!((open(operator), open(guest)), (vec![22, 2051], vec![]), "nothing has changed");
    assert!(daemon.cli(&["reload", "--yes"]).ok());
    assert_eq!((open(operator), open(guest)), (vec![], vec![22, 2051]));
}
