//! Connections in the guest log, and what becomes of a log that gets more than it can write.

use std::fs;
use std::net::IpAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use turnpike::domain::{ClientDevice, Connection, ConnectionEvent, Endpoint, MacAddr, Text, ZoneName};
use turnpike::gate::{ConnectionTeller, connections};
use turnpike::guest_log::{Asked, Connected, GuestLog, files, run};
use turnpike::runtime::Sighting;

use super::{LONG, Logged, SECOND, becomes, events, found, lines, wanted};
use crate::support::{START, TestApp, mac};

/// More than the queue of a system's log holds.
const LINES: u16 = 3_000;

/// A TCP connection of a device, as the kernel tells of it.
fn connection(device: &ClientDevice, port: u16, event: ConnectionEvent) -> Connection {
    let end = |address: [u8; 4], port| Endpoint { address: address.into(), port: Some(port) };
    Connection {
        at: START.wall,
        key: device.key.unwrap(),
        protocol: 6,
        source: end([10, 0, 0, 1], port),
        translated: end([203, 0, 113, 2], port),
        destination: end([192, 0, 2, 1], 443),
        event,
    }
}

struct Lines {
    logged: Logged,
    teller: ConnectionTeller,
}

async fn with_connections() -> Lines {
    let app = TestApp::start().await;
    let base = app.dir.path().join("guests.log");
    let (teller, heard) = connections(64);
    let own: IpAddr = [10, 0, 0, 254].into();
    let is_own = Arc::new(move |address| address == own);
    let is_inside = Arc::new(|address: IpAddr| address.to_string().starts_with("10.0.0."));
    let log = GuestLog { connections: Some(Connected { heard, is_own, is_inside }), ..wanted(&base) };
    Lines { logged: Logged::with(app, base, log).await, teller }
}

#[tokio::test]
async fn a_connection_is_found_by_its_public_side_while_it_is_open() {
    let Lines { logged, teller } = with_connections().await;
    let device = logged.app.device(1).await;
    let session = logged.session(&device).await;
    let first = connection(&device, 40_000, ConnectionEvent::Began);
    let after = |millis: i64, event| Connection { at: START.wall.plus_millis(millis), event, ..first };
    let own = Endpoint { address: [10, 0, 0, 254].into(), port: Some(53) };
    let bytes = Some((100, 2_000));
    logged.until(3).await;
    let to = |address: [u8; 4]| Endpoint { address: address.into(), port: Some(5_353) };
    for told in [
        Connection { destination: own, ..first },
        Connection { destination: to([224, 0, 0, 251]), ..first },
        Connection { destination: to([255, 255, 255, 255]), ..first },
        Connection { destination: to([10, 0, 0, 9]), ..first },
        after(10_000, ConnectionEvent::Began),
        after(20_000, ConnectionEvent::Ended { bytes }),
        Connection { protocol: 17, ..after(15_000, ConnectionEvent::Began) },
    ] {
        assert!(teller.tell(told));
    }
    let lines = logged.until(6).await;
    assert_eq!(events(&lines)[3..], ["connection", "connection_ended", "connection"], "not what leads here");
    assert_eq!(
        lines[4]["connection"],
        json!({
            "protocol": "tcp", "source": "10.0.0.1", "source_port": 40_000, "translated": "203.0.113.2",
            "translated_port": 40_000, "destination": "192.0.2.1", "destination_port": 443, "sent_bytes": 100,
            "received_bytes": 2_000,
        })
    );
    let asked = |port| Asked::Connection([203, 0, 113, 2].into(), port);
    let of = |port, when: &str| {
        let found = found(&logged.base, asked(port), when).connections;
        found.into_iter().map(|found| found.protocol).collect::<Vec<_>>()
    };
    assert_eq!(of(40_000, "2026-06-01T00:00:09.999Z"), [""; 0]);
    assert_eq!(of(40_000, "2026-06-01T00:00:10Z"), ["tcp"]);
    assert_eq!(of(40_000, "2026-06-01T00:00:20Z"), ["tcp", "udp"]);
    assert_eq!(of(40_000, "2026-06-01T00:00:20.001Z"), ["udp"]);
    assert_eq!(of(40_001, "2026-06-01T00:00:15Z"), [""; 0]);
    let tcp = found(&logged.base, asked(40_000), "2026-06-01T00:00:12Z").connections.remove(0);
    assert_eq!((tcp.facts.mac, tcp.facts.session), (Some(mac(1).to_string()), Some(session.to_string())));
    assert_eq!(tcp.ended.as_deref(), Some("2026-06-01T00:00:20.000Z"));
    // The UDP one goes on, over days.
    assert_eq!(of(40_000, "2026-06-04T00:00:00Z"), ["udp"]);
    // One from outside leads to a guest, and is nobody's to leave out.
    let inbound = Connection { source: first.destination, destination: first.source, ..first };
    assert!(teller.tell(inbound));
    logged.until(7).await;
}

#[tokio::test]
async fn what_ends_when_its_device_has_left_is_still_its() {
    let Lines { logged, teller } = with_connections().await;
    let device = logged.app.device(1).await;
    let session = logged.session(&device).await;
    let began = connection(&device, 40_000, ConnectionEvent::Began);
    assert!(teller.tell(began));
    logged.until(4).await;
    logged.app.handle.disconnect(device.id, None).await.unwrap();
    logged.app.handle.delete_device(device.id).await.unwrap();
    becomes("it is gone", || logged.lines().last().unwrap()["ipv4"] == json!([])).await;
    let before = logged.lines().len();
    assert!(teller.tell(Connection { event: ConnectionEvent::Ended { bytes: None }, ..began }));
    let lines = logged.until(before + 1).await;
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "connection_ended");
    assert_eq!((&last["mac"], &last["session"]), (&json!(mac(1).to_string()), &json!(session.to_string())));
}

#[tokio::test]
async fn what_ends_long_after_its_session_was_none_of_it() {
    let Lines { logged, teller } = with_connections().await;
    let device = logged.app.device(1).await;
    let session = logged.session(&device).await.to_string();
    logged.until(3).await;
    logged.app.handle.disconnect(device.id, None).await.unwrap();
    logged.until(4).await;
    let ends = |port, millis: i64| Connection {
        at: START.wall.plus_millis(millis),
        ..connection(&device, port, ConnectionEvent::Ended { bytes: None })
    };
    // The kernel's connections are deleted as the session ends; the walled garden is there without one.
    assert!(teller.tell(ends(1, 900)) && teller.tell(ends(2, 60_000)));
    logged.until(6).await;
    logged.app.pass(2 * SECOND).await;
    logged.app.handle.lost(mac(1), [10, 0, 0, 1].into()).await.unwrap();
    logged.until(7).await;
    assert!(teller.tell(ends(3, 3_000)) && teller.tell(ends(4, 60_000)));
    let lines = logged.until(9).await;
    let of = |port: u16| {
        let line = lines.iter().find(|line| line["connection"]["source_port"] == port).unwrap();
        assert_eq!(line["mac"], mac(1).to_string());
        line["session"].as_str()
    };
    let session = Some(session.as_str());
    assert_eq!([1, 2, 3, 4].map(of), [session, None, session, None]);
}

#[tokio::test]
async fn thousands_are_said_once_to_a_systems_log_that_is_slow() {
    const GUESTS: u32 = 5_000;
    let app = TestApp::start().await;
    let sightings = (1..=GUESTS).map(|number| {
        let [.., high, low] = number.to_be_bytes();
        Sighting {
            mac: MacAddr::from_bytes([0x02, 0x00, 0x5e, 0x00, high, low]).unwrap(),
            zone: ZoneName::new("guests"),
            address: Some([10, 1, high, low].into()),
            hostname: Some(Text::new(&"long".repeat(30))),
            attached: None,
            alive: true,
        }
    });
    app.handle.everybody(sightings.collect()).await.unwrap();
    let path = app.dir.path().join("log.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let log = GuestLog { file: None, syslog: Some(path), keep_days: 0, connections: None };
    let base = app.dir.path().join("none");
    let logged = Logged::with(app, base, log).await;
    let measures = logged.app.handle.measures();
    becomes("its queue is full", || measures.guest_log_lines.value() > 2).await;
    let heard = tokio::task::spawn_blocking(move || {
        let (mut bytes, mut present) = ([0; 4_096], 0);
        while present < GUESTS {
            let length = socket.recv(&mut bytes).unwrap();
            let text = String::from_utf8_lossy(&bytes[..length]);
            assert!(!text.contains("\"lost\"") && !text.contains("\"continued\""), "{present}: {text}");
            present += u32::from(text.contains("\"event\":\"present\""));
        }
    });
    heard.await.unwrap();
    assert!(measures.guest_log_lost.values().iter().all(|(_, count)| *count == 0));
}

#[tokio::test]
async fn one_of_yesterday_that_is_read_after_midnight_is_yesterdays() {
    let Lines { logged, teller } = with_connections().await;
    let device = logged.app.device(1).await;
    logged.until(2).await;
    logged.app.pass(Duration::from_secs(86_400 + 1)).await;
    becomes("a day begins", || events(&logged.lines()).contains(&"continued")).await;
    let before = logged.lines().len();
    for (port, millis) in [(1, 86_400_500), (2, 86_399_999), (3, 86_400_600)] {
        let at = START.wall.plus_millis(millis);
        assert!(teller.tell(Connection { at, ..connection(&device, port, ConnectionEvent::Began) }));
    }
    let lines = logged.until(before + 3).await;
    assert_eq!(events(&lines).iter().filter(|event| **event == "continued").count(), 1, "{lines:#?}");
    let yesterday = fs::read_to_string(&files(&logged.base).unwrap()[0]).unwrap();
    let last = yesterday.lines().last().unwrap();
    assert!(last.contains("\"source_port\":2") && last.contains("2026-06-01T23:59:59.999Z"), "{yesterday}");
}

#[tokio::test]
async fn a_burst_waits_for_the_systems_log() {
    let app = TestApp::start().await;
    let (base, path) = (app.dir.path().join("none"), app.dir.path().join("log.sock"));
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let (teller, heard) = connections(4_096);
    let connected = Connected { heard, is_own: Arc::new(|_| false), is_inside: Arc::new(|_| false) };
    let log = GuestLog { file: None, syslog: Some(path), keep_days: 0, connections: Some(connected) };
    let logged = Logged::with(app, base, log).await;
    let device = logged.app.device(1).await;
    for port in 1..=LINES {
        assert!(teller.tell(connection(&device, port, ConnectionEvent::Began)));
    }
    let measures = logged.app.handle.measures();
    // More than its queue holds: it has stalled, and nobody has read yet.
    becomes("its queue is full", || measures.guest_log_lines.value() > 2).await;
    let heard = tokio::task::spawn_blocking(move || {
        let (mut bytes, mut next) = ([0; 4_096], 1);
        while next <= LINES {
            let length = socket.recv(&mut bytes).unwrap();
            let text = String::from_utf8_lossy(&bytes[..length]);
            assert!(!text.contains("\"lost\""), "{text}");
            if text.contains("\"event\":\"connection\"") {
                assert!(text.contains(&format!("\"source_port\":{next},")), "{next}: {text}");
                next += 1;
            }
        }
    });
    heard.await.unwrap();
    assert!(measures.guest_log_lost.values().iter().all(|(_, count)| *count == 0));
}

#[tokio::test]
async fn connections_that_come_too_fast_are_counted_and_hold_up_nobody() {
    let Lines { logged, teller } = with_connections().await;
    let device = logged.app.device(1).await;
    logged.until(2).await;
    let lost = || {
        let values = logged.app.handle.measures().guest_log_lost.values();
        let of = |wanted: &str| values.iter().find(|(what, _)| *what == wanted).unwrap().1;
        (of("connections"), of("kernel_overflows"))
    };
    // In one go: the log has no turn in between on this thread.
    for port in 1..=1_000 {
        assert!(teller.tell(connection(&device, port, ConnectionEvent::Began)));
    }
    teller.overflowed();
    becomes("the loss is said", || events(&logged.lines()).contains(&"lost")).await;
    let told = logged.lines().iter().filter(|line| line["event"] == "connection").count();
    assert_eq!((told, lost()), (64, (936, 1)));
    let lines = logged.lines();
    let said = lines.iter().find(|line| line["event"] == "lost").unwrap();
    assert_eq!(said["lost"], json!({"connections": 936, "kernel_overflows": 1}));
}

/// A log that has nowhere to write to, and is told more than may wait.
struct Overrun {
    app: TestApp,
    base: PathBuf,
    stop: oneshot::Sender<()>,
    work: JoinHandle<()>,
}

impl Overrun {
    async fn begin() -> Self {
        let app = TestApp::start().await;
        let base = app.dir.path().join("place/guests.log");
        fs::write(base.parent().unwrap(), "in the way").unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (teller, heard) = connections(20_000);
        let connected = Connected { heard, is_own: Arc::new(|_| false), is_inside: Arc::new(|_| false) };
        let log = GuestLog { connections: Some(connected), ..wanted(&base) };
        let work = tokio::spawn(run(log, app.handle.clone(), async move { drop(stopped.await) }));
        let device = app.device(1).await;
        for port in 1..=8_000 {
            assert!(teller.tell(connection(&device, port, ConnectionEvent::Began)));
        }
        let overrun = Self { app, base, stop, work };
        becomes("more than waits is given up", || overrun.lost() > 1_000).await;
        overrun
    }

    fn lost(&self) -> u64 {
        let values = self.app.handle.measures().guest_log_lost.values();
        values.iter().find(|(what, _)| *what == "lines").unwrap().1.try_into().unwrap()
    }

    /// There is room again, and the log ends when it has said so.
    async fn end(&mut self) {
        fs::remove_file(self.base.parent().unwrap()).unwrap();
        // The last line may be half there.
        let is_said = |file: &PathBuf| fs::read_to_string(file).unwrap().contains("\"continued\"");
        becomes("it is said", || files(&self.base).is_ok_and(|files| files.iter().any(is_said))).await;
        let stop = std::mem::replace(&mut self.stop, oneshot::channel().0);
        stop.send(()).unwrap();
        (&mut self.work).await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_too_long_is_counted_and_said() {
    let mut overrun = Overrun::begin().await;
    overrun.end().await;
    let lines = lines(&overrun.base);
    let said: u64 = lines.iter().filter_map(|line| line["lost"]["lines"].as_u64()).sum();
    let written = lines.iter().filter(|line| line["event"] == "connection").count();
    assert_eq!(said, overrun.lost());
    assert!(written > 1_000, "what waited is there: {written}");
    let place = lines.iter().position(|line| line["event"] == "lost").unwrap();
    assert_eq!(said_anew(&lines[place..]), ["lost", "continued", "present", "ended"]);
}

/// Events from a loss on, without the connections that were heard of only after it was over.
fn said_anew(lines: &[Value]) -> Vec<&str> {
    let mut said = events(lines);
    let later = said.get(3..).unwrap_or_default().iter().take_while(|event| **event == "connection").count();
    said.drain(3..3 + later);
    said
}

#[tokio::test]
async fn a_day_before_which_something_was_lost_begins_with_that() {
    let mut overrun = Overrun::begin().await;
    overrun.app.pass(Duration::from_secs(86_400 + 1)).await;
    // The midnight is noted, and has no room either.
    let before = overrun.lost();
    becomes("the new day", || overrun.lost() > before).await;
    overrun.end().await;
    let days = files(&overrun.base).unwrap();
    let of = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let (yesterday, today) = (of(&days[0]), of(&days[1]));
    assert!(!events(&yesterday).contains(&"continued"));
    assert_eq!(said_anew(&today), ["lost", "continued", "present", "ended"]);
    assert_eq!(today[0]["lost"]["lines"], overrun.lost());
}

/// Acts within a process of its own, whose files must not grow.
#[test]
fn a_full_disk_takes_no_half_lines_and_loses_none() {
    let test = "guest_log::connections::in_a_process_whose_files_must_not_grow";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}

#[tokio::test]
#[ignore = "limits its whole process; the test above runs it"]
async fn in_a_process_whose_files_must_not_grow() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    // SIGXFSZ ends whoever does not listen for it.
    let too_large = tokio::signal::unix::SignalKind::from_raw(25);
    let _listening = tokio::signal::unix::signal(too_large).unwrap();
    let Lines { logged, teller } = with_connections().await;
    let device = logged.app.device(1).await;
    logged.until(2).await;
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(5_000), ..limit }).unwrap();
    for port in 1..=60 {
        assert!(teller.tell(connection(&device, port, ConnectionEvent::Began)));
    }
    let failing = async || {
        let status = logged.app.handle.status().await.unwrap();
        status.warnings.iter().any(|text| text.contains("the guest log cannot be written"))
    };
    let until = tokio::time::Instant::now() + LONG;
    while !failing().await {
        assert!(tokio::time::Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let text = fs::read_to_string(&files(&logged.base).unwrap()[0]).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() == 2, "no half line stays: {text}");
    setrlimit(Resource::Fsize, limit).unwrap();
    let lines = logged.until(62).await;
    assert!(lines[2..].iter().all(|line| line["event"] == "connection"), "none is lost");
    let until = tokio::time::Instant::now() + LONG;
    while failing().await {
        assert!(tokio::time::Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
