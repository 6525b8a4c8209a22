//! The guest log of a real daemon: a phone that comes, pays and downloads is found again by what the other side saw of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::e2e_walk::code_of;
use crate::lab::{
    Daemon, DaemonConfig, HttpRequest, LAN4, Lab, NET4, Ns, Output, UdpBlaster, UdpEcho, WAN4, dhcp,
    eventually,
};

const SECOND: Duration = Duration::from_secs(1);
const CONNECTIONS: u16 = 20_000;

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn table(lab: &Lab, more: &str) -> String {
    format!("[guest_log]\nfile = \"{}/log/guests.log\"\nkeep_days = 2\n{more}\n", lab.dir.path().display())
}

fn with_log(lab: &Lab, more: &str) -> DaemonConfig {
    DaemonConfig { more: table(lab, more), ..DaemonConfig::default() }
}

/// The log's lines; what is just being written is left for the next time.
fn lines(lab: &Lab) -> Vec<Value> {
    let Ok(entries) = fs::read_dir(lab.dir.path().join("log")) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn has(lab: &Lab, is_meant: impl Fn(&Value) -> bool) -> bool {
    eventually(5 * SECOND, || lines(lab).iter().any(&is_meant))
}

fn ask(lab: &Lab, daemon: &Daemon<'_>, arguments: &[&str]) -> Output {
    let config = daemon.config().display().to_string();
    let all: Vec<&str> =
        ["guest-log", "--json", "--config", &config].into_iter().chain(arguments.iter().copied()).collect();
    Daemon::run_cli(lab, &all)
}

/// Connects from this port of one's own.
fn connect_from(ns: &Ns, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16)) -> TcpStream {
    ns.enter(|| {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&socket, &SocketAddrV4::new(from.0, from.1)).unwrap();
        rustix::net::connect(&socket, &SocketAddrV4::new(to.0, to.1)).unwrap();
        TcpStream::from(socket)
    })
}

#[test]
fn who_it_was_is_found_by_what_the_other_side_saw() {
    let mut lab = Lab::builder().phones(2).dhcp().build();
    for (number, phone) in lab.phones.iter_mut().enumerate() {
        dhcp(phone, &format!("phone-{number}"));
    }
    let mut daemon = Daemon::start_with(&lab, &with_log(&lab, "connections = true"));
    let created =
        daemon.cli_json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", "500"]);
    let code = code_of(&created);
    let portal = SocketAddr::from((LAN4, 2050));
    let redeemed = HttpRequest::form("/providers/voucher", &format!("code={code}"))
        .header("Origin", &format!("http://{portal}"))
        .send(&lab.phones[0], portal)
        .unwrap();
    assert_eq!(redeemed.status, 303, "{redeemed:?}");
    let session = daemon.get("/api/v1/sessions")["items"][0]["id"].as_str().unwrap().to_owned();
    daemon.let_through(&lab.phones[1], &json!({"kind": "time", "time_secs": 600}));
    let mac = |number: usize| lab.phones[number].mac.clone();
    assert!(has(&lab, |line| line["event"] == "connected" && line["session"] == *session));

    // Both from the same port of theirs: the other side sees two ports of one address.
    let listener = lab.internet.enter(|| TcpListener::bind((NET4, 443)).unwrap());
    let mut seen = Vec::new();
    for phone in &lab.phones {
        let mut client = connect_from(phone, (phone.v4, 5_555), (NET4, 443));
        let (mut server, from) = listener.accept().unwrap();
        server.write_all(&[7; 10_000]).unwrap();
        let mut got = vec![0; 10_000];
        client.read_exact(&mut got).unwrap();
        assert_eq!(from.ip(), IpAddr::from(WAN4));
        seen.push((from.port(), client, server));
    }
    let ports: Vec<u16> = seen.iter().map(|(port, ..)| *port).collect();
    assert_ne!(ports[0], ports[1]);
    let of = |port: u16, at: &str| {
        ask(&lab, &daemon, &[&WAN4.to_string(), "--port", &port.to_string(), "--at", at])
    };
    let in_log = |port: u16, event: &str| {
        has(&lab, |line| line["event"] == event && line["connection"]["translated_port"] == port)
    };
    assert!(ports.iter().all(|port| in_log(*port, "connection")), "{:#?}\n{}", lines(&lab), daemon.log());
    let meanwhile = now();
    for (number, port) in ports.iter().enumerate() {
        let answer = of(*port, &meanwhile);
        assert!(answer.ok(), "{answer:?}");
        let found = &answer.json()["connections"];
        assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
        let found = &found[0];
        let phone = &lab.phones[number];
        assert_eq!((&found["mac"], &found["protocol"]), (&json!(phone.mac), &json!("tcp")));
        assert_eq!(found["source"], format!("{}:5555", phone.v4));
        assert_eq!(found["destination"], format!("{NET4}:443"));
        assert_eq!(found["session"] == *session, number == 0, "{found}");
    }
    let free = (1..).find(|port| !ports.contains(port)).unwrap();
    assert_eq!(of(free, &meanwhile).code, 1);

    // Who had the address inside: the name, the session and the voucher, of whose code only the end is there.
    let inside = ask(&lab, &daemon, &[&lab.phones[0].v4.to_string(), "--at", &meanwhile]);
    let found = inside.json()["guests"][0].clone();
    assert_eq!((&found["mac"], &found["session"]), (&json!(mac(0)), &json!(session)), "{inside:?}");
    assert_eq!((&found["zone"], &found["provider"]), (&json!("guests"), &json!("voucher")));
    let shown = found["voucher"].as_str().unwrap();
    assert!(code.ends_with(shown.trim_start_matches('.')) && shown.len() < code.len(), "{shown}");
    let raw: String = lines(&lab).iter().map(Value::to_string).collect();
    let bare = code.replace('-', "");
    assert!(!raw.contains(&code) && !raw.contains(&bare), "a whole code is in the log");

    // What leads to this box is not the Internet's business.
    lab.phones[0].ping(LAN4);
    let to_us = |line: &Value| line["connection"]["destination"] == LAN4.to_string();
    assert!(!lines(&lab).iter().any(to_us), "{:#?}", lines(&lab));

    // The connections' ends, and the log's.
    lab.router.must(&["conntrack", "-D", "-p", "tcp", "--dport", "443"]);
    assert!(ports.iter().all(|port| in_log(*port, "connection_ended")), "{:#?}", lines(&lab));
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(of(ports[0], &now()).code, 1, "it is over");
    assert_eq!(of(ports[0], &meanwhile).json()["connections"][0]["mac"], mac(0), "but it was");
    drop(seen);
    daemon.stop();
    assert_eq!(lines(&lab).last().unwrap()["event"], "ended");
    let offline = ask(&lab, &daemon, &[&lab.phones[0].v4.to_string(), "--at", &meanwhile]);
    let found = &offline.json()["guests"][0];
    assert_eq!((&found["mac"], &found["sure"]), (&json!(mac(0)), &json!(true)), "without a daemon");
    daemon.restart();
    let again = |line: &Value| line["event"] == "present" && line["session"] == *session;
    assert!(has(&lab, again), "who is connected is said anew: {:#?}", lines(&lab));
}

#[test]
fn a_reload_turns_it_on_and_off_and_changes_its_file() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    daemon.let_through(&lab.phones[0], &json!({"kind": "time", "time_secs": 600}));
    assert!(!lab.dir.path().join("log").exists(), "off by default");
    let reload = |config: &DaemonConfig| {
        Daemon::write_config(&lab, config);
        let done = daemon.cli(&["reload"]);
        assert!(done.ok(), "{done:?}\n{}", daemon.log());
    };
    reload(&with_log(&lab, ""));
    let mac = &lab.phones[0].mac;
    assert!(has(&lab, |line| line["event"] == "present" && line["mac"] == **mac), "{:#?}", lines(&lab));
    let other =
        DaemonConfig { more: table(&lab, "").replace("guests.log", "others.log"), ..DaemonConfig::default() };
    reload(&other);
    let files = || -> BTreeSet<String> {
        let entries = fs::read_dir(lab.dir.path().join("log")).unwrap();
        let name = |name: String| name.split_once(".log").unwrap().0.to_owned();
        entries.map(|entry| name(entry.unwrap().file_name().into_string().unwrap())).collect()
    };
    assert!(eventually(5 * SECOND, || files() == ["guests", "others"].map(str::to_owned).into()));
    reload(&DaemonConfig::default());
    let ended = lines(&lab).iter().filter(|line| line["event"] == "ended").count();
    assert_eq!(ended, 2, "{:#?}", lines(&lab));
    let before = lines(&lab).len();
    let device = daemon.meet(&lab.phones[0]);
    daemon.disconnect(&device);
    assert_eq!(lines(&lab).len(), before);
}

/// Makes many connections, each from a port of its own.
fn flood(ns: &Ns) {
    ns.enter(|| {
        for port in 0..CONNECTIONS {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 20_000 + port)).unwrap();
            // That nobody is there does not matter.
            let _ = socket.send_to(b"x", (NET4, 9));
        }
    });
}

#[test]
fn a_flood_of_connections_is_counted_and_slows_nobody() {
    let lab = Lab::builder().phones(3).alone().build();
    let daemon = Daemon::start_with(&lab, &with_log(&lab, "connections = true"));
    let [flooder, other, late] = &lab.phones[..] else { panic!("three phones") };
    let terms = json!({"kind": "time", "time_secs": 600});
    daemon.let_through(flooder, &terms);
    daemon.let_through(other, &terms);
    let late_device = daemon.meet(late);
    daemon.create_session(&late_device, &terms);
    let _echo = UdpEcho::open(&lab.internet, (NET4, 7));
    let mut blaster = UdpBlaster::start(other, (NET4, 7), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || blaster.answers() > 20));
    let metric = |name: &str| {
        let text = daemon.send(&HttpRequest::get("/metrics")).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        line.unwrap_or_else(|| panic!("no {name}: {text}"))
    };
    let lost = |what: &str| metric(&format!("turnpike_guest_log_lost_total{{what=\"{what}\"}}"));

    // While everybody is served.
    let begun = Instant::now();
    let slowest = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(flooder));
        let mut slowest = Duration::ZERO;
        while !flooding.is_finished() {
            let asked = Instant::now();
            daemon.connect(&late_device);
            daemon.disconnect(&late_device);
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    });
    eprintln!(
        "{CONNECTIONS} connections in {:?}, slowest connect and disconnect {slowest:?}",
        begun.elapsed()
    );
    assert!(slowest < 2 * SECOND, "{slowest:?}");
    let written = || {
        let is_meant =
            |line: &&Value| line["event"] == "connection" && line["connection"]["destination_port"] == 9;
        lines(&lab).iter().filter(is_meant).count() as u64
    };
    let accounted = eventually(20 * SECOND, || {
        lost("kernel_overflows") > 0 || written() + lost("connections") >= u64::from(CONNECTIONS)
    });
    assert!(accounted, "{} written, {} lost", written(), lost("connections"));

    // While nobody reads: the kernel has no room, and says so once it is read again.
    let (silence, overflows) = (Instant::now(), lost("kernel_overflows"));
    daemon.signal(Signal::STOP);
    lab.router.must(&["conntrack", "-D", "-p", "udp", "--dport", "9"]);
    flood(flooder);
    daemon.signal(Signal::CONT);
    assert!(eventually(10 * SECOND, || lost("kernel_overflows") > overflows), "{}", daemon.log());
    assert!(has(&lab, |line| line["lost"]["kernel_overflows"].as_u64().is_some_and(|times| times > 0)));
    assert!(daemon.log().contains("connections come faster"), "{}", daemon.log());
    let after = blaster.answers();
    assert!(eventually(SECOND, || blaster.answers() > after + 20));
    let longest = blaster.longest_silence(silence);
    blaster.stop();
    eprintln!("longest silence of another phone {longest:?}");
    assert!(longest < SECOND, "{longest:?}");
    assert_eq!(daemon.get("/api/v1/status")["connected"], 2);
}
