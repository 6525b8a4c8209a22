//! Every client's question "am I online?", as it is recorded in `tests/probes.txt`: led to the portal without a session,
//! answered by the real internet with one, and led to the portal again afterwards.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::lab::{Daemon, HttpAnswer, LAN4, LAN6, Lab, NET4, NET6, Ns, eventually, resolve, send_raw};

/// A recorded question, and the answer that means "online".
#[derive(Debug, Clone, PartialEq, Eq)]
struct Probe {
    client: String,
    status: u16,
    body: String,
    /// All of the request, with its empty line.
    raw: String,
}

impl Probe {
    fn all() -> Vec<Self> {
        let probes: Vec<Self> = include_str!("../probes.txt").split("\n\n").map(Self::parse).collect();
        assert!(probes.len() >= 20, "{probes:?}");
        probes
    }

    fn parse(block: &str) -> Self {
        let mut lines = block.lines();
        let client = lines.next().and_then(|line| line.strip_prefix("# ")).expect("a client").to_owned();
        let wants = lines.next().and_then(|line| line.strip_prefix("> ")).expect("an answer");
        let (status, body) = wants.split_once(' ').unwrap_or((wants, ""));
        let head: String = lines.map(|line| format!("{line}\r\n")).collect();
        Self {
            client,
            status: status.parse().expect("a status"),
            body: body.replace("\\n", "\n"),
            raw: format!("{head}\r\n"),
        }
    }

    fn target(&self) -> &str {
        self.raw.split(' ').nth(1).expect("a target")
    }

    fn host(&self) -> &str {
        host_of(&self.raw)
    }
}

fn host_of(head: &str) -> &str {
    head.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default()
}

/// Every probe's host, on the far end.
struct Hosts {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hosts {
    fn open(ns: &Ns) -> Self {
        let listener = ns.enter(|| TcpListener::bind((Ipv6Addr::UNSPECIFIED, 80)).expect("port 80"));
        listener.set_nonblocking(true).expect("a mode");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let probes = Probe::all();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => serve(stream, &probes),
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(JoinHandle::join);
    }
}

/// One request, one answer: that of the host that was asked for.
fn serve(mut stream: TcpStream, probes: &[Probe]) {
    stream.set_nonblocking(false).expect("a mode");
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let (mut head, mut buffer) = (Vec::new(), [0; 2048]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(size) => head.extend_from_slice(&buffer[..size]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).unwrap_or_default();
    let found = probes.iter().find(|probe| (probe.host(), probe.target()) == (host_of(&head), target));
    let (status, body) = found.map_or((404, "elsewhere"), |probe| (probe.status, probe.body.as_str()));
    let more = match status {
        204 => "X-NetworkManager-Status: online\r\n".to_owned(),
        302 => "Location: http://www.msn.com/\r\nContent-Length: 0\r\n".to_owned(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    // The other end may have gone.
    let _ =
        stream.write_all(format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{more}\r\n{body}").as_bytes());
}

fn assert_led_to(portal: &str, probe: &Probe, answer: &HttpAnswer) {
    let client = &probe.client;
    assert_eq!(answer.status, 302, "{client}: {answer:?}");
    assert_eq!(answer.header("location"), Some(portal), "{client}");
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")), "{client}");
    assert!(answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")), "{client}");
    assert!(answer.body.len() > 4, "{client}: a short body is taken for the open internet");
    let said = format!("{answer:?}");
    assert!(!said.contains(probe.host()), "{client}: {said}");
    assert!(probe.target() == "/" || !said.contains(probe.target()), "{client}: {said}");
    for word in ["Success", "success", "Microsoft", "NetworkManager is online", "81ce4465"] {
        assert!(!answer.body.contains(word), "{client}: {word} means online to a probe");
    }
}

#[test]
fn every_client_meets_the_portal_and_then_the_internet() {
    let lab = Lab::builder().phones(1).dns().build();
    let daemon = Daemon::start(&lab);
    let _hosts = Hosts::open(&lab.internet);
    let (phone, probes) = (&lab.phones[0], Probe::all());
    let ends = [
        (SocketAddr::from((NET4, 80)), format!("http://{LAN4}:2050/")),
        (SocketAddr::from((NET6, 80)), format!("http://[{LAN6}]:2050/")),
    ];
    let device = daemon.meet(phone);
    for probe in &probes {
        // Its name leads somewhere, whichever name server the phone has.
        for server in [IpAddr::from(LAN4), IpAddr::from(LAN6), IpAddr::from(NET4)] {
            let answer = phone.enter(|| resolve(server, probe.host()));
            assert_eq!(answer.map(|answer| answer.addresses), Some(vec![NET4]), "{}", probe.client);
        }
        for (far, portal) in &ends {
            assert_led_to(portal, probe, &send_raw(phone, *far, &probe.raw).unwrap());
        }
    }

    daemon.create_session(&device, &json!({"kind": "time", "time_secs": 600}));
    daemon.connect(&device);
    for probe in &probes {
        for (far, _) in &ends {
            let answer = send_raw(phone, *far, &probe.raw).unwrap();
            let got = (answer.status, answer.body.as_str());
            assert_eq!(got, (probe.status, probe.body.as_str()), "{} by {far}", probe.client);
        }
    }

    daemon.disconnect(&device);
    for probe in &probes {
        for (far, portal) in &ends {
            assert_led_to(portal, probe, &send_raw(phone, *far, &probe.raw).unwrap());
        }
    }
}

#[test]
fn what_is_asked_for_does_no_harm_however_it_is_written() {
    let lab = Lab::with_phones(1);
    let _daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let portal = format!("http://{LAN4}:2050/");
    let long = "a".repeat(300_000);
    let nasty = [
        "GET /%0d%0aSet-Cookie:%20evil=1 HTTP/1.1\r\nHost: x.test\r\n\r\n".to_owned(),
        "GET /?next=//evil.test HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-Host: evil.test\r\n\r\n".to_owned(),
        "GET http://evil.test/evil HTTP/1.1\r\nHost: x.test\r\n\r\n".to_owned(),
        "GET //evil.test/ HTTP/1.1\r\nHost: \"><script>evil</script>\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a.test\r\nHost: evil.test\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.0\r\n\r\n".to_owned(),
        "POST /connect HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 0\r\n\r\n".to_owned(),
        format!("GET /{long}evil HTTP/1.1\r\nHost: x.test\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {long}evil.test\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x.test\r\nCookie: {long}evil\r\n\r\n"),
        format!("{}\r\n", "GET / HTTP/1.1\r\nHost: x.test\r\n".to_owned() + &"X-A: evil\r\n".repeat(5_000)),
    ];
    for raw in &nasty {
        let begin: String = raw.chars().take(60).collect();
        match send_raw(phone, SocketAddr::from((NET4, 80)), raw) {
            Ok(answer) => {
                assert!(matches!(answer.status, 302 | 400 | 414 | 431), "{begin}: {answer:?}");
                assert!(!format!("{answer:?}").contains("evil"), "{begin}: {answer:?}");
                assert!(answer.status != 302 || answer.header("location") == Some(&portal), "{begin}");
            }
            // What is too long to be read may be cut off before its answer is.
            Err(error) => assert!(raw.len() > 100_000, "{begin}: {error}"),
        }
    }
    // It is there as before.
    assert!(eventually(Duration::from_secs(5), || {
        send_raw(
            phone,
            SocketAddr::from((LAN4, 2050)),
            &format!("GET / HTTP/1.1\r\nHost: {LAN4}:2050\r\n\r\n"),
        )
        .is_ok_and(|answer| answer.status == 200)
    }));
}
