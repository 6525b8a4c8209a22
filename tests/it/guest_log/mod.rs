//! The guest log: what is written, what becomes of the files, and who is found in them.

mod connections;
mod looking;

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use turnpike::clock::Clock;
use turnpike::domain::{BootId, BootTime, ClientDevice, Now, SessionId, Text, WallTime, ZoneName};
use turnpike::guest_log::{Answer, Asked, GuestLog, files, look, run};

use crate::support::{TestApp, mac, minutes};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(15);

/// A daemon with a guest log.
struct Logged {
    app: TestApp,
    base: PathBuf,
    stop: oneshot::Sender<()>,
    work: JoinHandle<()>,
}

fn wanted(base: &Path) -> GuestLog {
    GuestLog { file: Some(base.to_owned()), syslog: None, keep_days: 7, connections: None }
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

fn at(text: &str) -> WallTime {
    WallTime(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

async fn becomes(what: &str, holds: impl Fn() -> bool) {
    let until = tokio::time::Instant::now() + LONG;
    while !holds() {
        assert!(tokio::time::Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Logged {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let base = app.dir.path().join("log/guests.log");
        let log = wanted(&base);
        Self::with(app, base, log).await
    }

    /// Begins a log; it has begun when this returns.
    async fn with(app: TestApp, base: PathBuf, log: GuestLog) -> Self {
        let before = lines(&base).len();
        let writes = log.file.is_some();
        let (stop, stopped) = oneshot::channel();
        let work = tokio::spawn(run(log, app.handle.clone(), async move { drop(stopped.await) }));
        let logged = Self { app, base, stop, work };
        if writes {
            becomes("it begins", || logged.lines().len() > before).await;
        }
        logged
    }

    fn lines(&self) -> Vec<Value> {
        lines(&self.base)
    }

    /// Waits until there are so many lines.
    async fn until(&self, count: usize) -> Vec<Value> {
        becomes(&format!("{count} lines"), || self.lines().len() >= count).await;
        let lines = self.lines();
        assert_eq!(lines.len(), count, "{lines:#?}");
        lines
    }

    async fn end(self) -> (TestApp, PathBuf) {
        self.stop.send(()).unwrap();
        self.work.await.unwrap();
        (self.app, self.base)
    }

    async fn seen(&self, number: u8, address: IpAddr, hostname: Option<&str>) -> ClientDevice {
        let hostname = hostname.map(Text::new);
        let zone = ZoneName::new("guests");
        self.app.handle.seen(mac(number), zone, Some(address), hostname, true).await.unwrap()
    }

    async fn session(&self, device: &ClientDevice) -> SessionId {
        let session = self.app.handle.create_session(device.id, minutes(600)).await.unwrap().id;
        self.app.handle.connect(device.id, None).await.unwrap();
        session
    }
}

fn lines(base: &Path) -> Vec<Value> {
    let all = files(base).unwrap_or_default();
    let text: String = all.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

fn found(base: &Path, asked: Asked, when: &str) -> Answer {
    look(base, asked, at(when)..=at(when)).unwrap()
}

/// The MACs of those who had an address.
fn who(base: &Path, number: u8, when: &str) -> Vec<String> {
    let answer = found(base, Asked::Address(address(number)), when);
    answer.guests.into_iter().map(|guest| guest.facts.mac.unwrap()).collect()
}

#[tokio::test]
async fn each_change_is_a_line_that_says_how_the_device_stands() {
    let logged = Logged::start().await;
    let device = logged.seen(1, address(7), Some("phone")).await;
    let session = logged.session(&device).await;
    let six: IpAddr = "2001:db8::7".parse().unwrap();
    logged.seen(1, six, None).await;
    logged.app.handle.disconnect(device.id, None).await.unwrap();
    logged.app.handle.lost(mac(1), address(7)).await.unwrap();
    logged.app.handle.delete_device(device.id).await.unwrap();
    logged.until(7).await;
    let (_app, base) = logged.end().await;
    let lines = lines(&base);
    let expected =
        ["began", "address", "connected", "address", "disconnected", "address", "address", "ended"];
    assert_eq!(events(&lines), expected);
    assert_eq!(
        lines[2],
        json!({
            "at": "2026-06-01T00:00:00.000Z", "event": "connected", "mac": mac(1).to_string(),
            "hostname": "phone", "zone": "guests", "ipv4": ["10.0.0.7"], "ipv6": [],
            "session": session.to_string(), "provider": "operator",
        })
    );
    assert_eq!(lines[3]["ipv6"], json!(["2001:db8::7"]));
    assert_eq!((&lines[4]["session"], &lines[4]["ipv4"]), (&Value::Null, &json!(["10.0.0.7"])));
    assert_eq!((&lines[5]["ipv4"], &lines[5]["ipv6"]), (&json!([]), &json!(["2001:db8::7"])));
    assert_eq!(lines[6]["ipv6"], json!([]), "a device that is forgotten has no address");
    let all = files(&base).unwrap();
    assert_eq!(all, [base.with_file_name("guests.log.2026-06-01")]);
    assert_eq!(fs::metadata(&all[0]).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[tokio::test]
async fn hostile_names_stay_one_line() {
    let logged = Logged::start().await;
    let name = "a\",\"mac\":\"x\"}\n{\"event\":\"began\"}\u{2028}\u{202e}\u{0}😀";
    logged.seen(1, address(7), Some(name)).await;
    let lines = logged.until(2).await;
    assert_eq!(lines[1]["mac"], mac(1).to_string());
    assert!(lines[1]["hostname"].as_str().unwrap().starts_with("a\",\"mac\":\"x\"} {\"event\":\"began\"}"));
    let raw = fs::read(&files(&logged.base).unwrap()[0]).unwrap();
    assert_eq!(raw.iter().filter(|byte| **byte == b'\n').count(), 2);
    assert!(raw.iter().all(|byte| *byte == b'\n' || (0x20..0x7f).contains(byte)));
    let shown = Command::new(env!("CARGO_BIN_EXE_turnpike"))
        .args(["guest-log", "10.0.0.7", "--at", "2026-06-01T00:00:00Z", "--file"])
        .arg(&logged.base)
        .output()
        .unwrap();
    assert!(shown.status.success(), "{shown:?}");
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("\\u{202e}") && !text.contains('\u{202e}'), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("host name")).count(), 1, "{text}");
}

#[tokio::test]
async fn an_address_that_changes_hands_is_each_ones_at_its_time() {
    let logged = Logged::start().await;
    logged.seen(1, address(7), None).await;
    logged.until(2).await;
    logged.app.pass(10 * SECOND).await;
    logged.seen(2, address(7), None).await;
    let lines = logged.until(4).await;
    let of = |number: u8| lines.iter().filter(|line| line["mac"] == mac(number).to_string()).count();
    assert_eq!((of(1), of(2)), (2, 1), "that one lost it is said as well");
    logged.app.pass(10 * SECOND).await;
    logged.app.handle.lost(mac(2), address(7)).await.unwrap();
    logged.until(5).await;
    let (first, second) = (mac(1).to_string(), mac(2).to_string());
    let nobody: [String; 0] = [];
    assert_eq!(who(&logged.base, 7, "2026-05-31T23:59:59.999Z"), nobody);
    assert_eq!(who(&logged.base, 7, "2026-06-01T00:00:00Z"), [first.as_str()], "to the millisecond");
    assert_eq!(who(&logged.base, 7, "2026-06-01T02:00:09.999+02:00"), [first.as_str()]);
    assert_eq!(who(&logged.base, 7, "2026-06-01T00:00:10Z"), [second.as_str()]);
    assert_eq!(who(&logged.base, 7, "2026-06-01T00:00:19.999Z"), [second.as_str()]);
    assert_eq!(who(&logged.base, 7, "2026-06-01T00:00:20Z"), nobody);
    assert_eq!(who(&logged.base, 8, "2026-06-01T00:00:10Z"), nobody);
    let device = found(&logged.base, Asked::Device(mac(2)), "2026-06-01T00:00:15Z");
    assert_eq!(
        (device.guests[0].ipv4.as_slice(), device.guests[0].sure),
        (&["10.0.0.7".to_owned()][..], true)
    );
    assert_eq!(device.guests[0].since, "2026-06-01T00:00:10.000Z");
}

#[tokio::test]
async fn a_day_has_a_file_that_says_all_of_it() {
    let logged = Logged::start().await;
    logged.seen(1, address(7), None).await;
    logged.until(2).await;
    // A minute before midnight, and one after it.
    logged.app.pass(Duration::from_secs(86_400 - 60)).await;
    logged.seen(2, address(8), None).await;
    logged.until(3).await;
    logged.app.pass(Duration::from_secs(90)).await;
    logged.seen(3, address(9), None).await;
    let lines = logged.until(7).await;
    assert_eq!(events(&lines), ["began", "address", "address", "continued", "present", "present", "address"]);
    assert_eq!(lines[3]["at"], "2026-06-02T00:00:00.000Z", "it was there at midnight");
    assert_eq!(who(&logged.base, 7, "2026-06-01T23:59:59.999Z"), [mac(1).to_string()]);
    assert_eq!(who(&logged.base, 7, "2026-06-02T00:00:00Z"), [mac(1).to_string()]);
    fs::remove_file(&files(&logged.base).unwrap()[0]).unwrap();
    assert_eq!(who(&logged.base, 8, "2026-06-02T00:00:30Z"), [mac(2).to_string()], "without the day before");
    let before = found(&logged.base, Asked::Address(address(7)), "2026-06-01T12:00:00Z");
    assert!(before.guests.is_empty() && before.notes[0].contains("no file of 2026-06-01"), "{before:?}");
}

#[tokio::test]
async fn files_are_removed_when_they_were_kept_long_enough() {
    let app = TestApp::start().await;
    let base = app.dir.path().join("guests.log");
    let day = |day: &str| base.with_file_name(format!("guests.log.{day}"));
    for old in ["2026-05-24", "2026-05-25", "2025-01-01"] {
        fs::write(day(old), "").unwrap();
    }
    let others = base.with_file_name("guests.log.keep");
    fs::write(&others, "").unwrap();
    let log = wanted(&base);
    let logged = Logged::with(app, base.clone(), log).await;
    becomes("old files go", || files(&base).unwrap().len() == 2).await;
    assert_eq!(files(&base).unwrap(), [day("2026-05-25"), day("2026-06-01")], "seven days");
    assert!(others.exists());
    logged.app.pass(Duration::from_secs(8 * 86_400)).await;
    becomes("old files go while it runs", || files(&base).unwrap() == [day("2026-06-09")]).await;
}

#[tokio::test]
async fn a_clock_that_cannot_be_believed_removes_nothing() {
    let clock = Clock::manual(Now { boot: BootTime(1_000), wall: WallTime(0) }, BootId::new("boot-1"));
    let kernel = std::sync::Arc::new(crate::support::FakeKernel::new(clock.clone()));
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let base = dir.path().join("guests.log");
    let app = TestApp::start_on(dir, clock, kernel, vec![crate::support::zone()], Vec::new()).await;
    fs::write(base.with_file_name("guests.log.1969-01-01"), "").unwrap();
    let log = wanted(&base);
    let logged = Logged::with(app, base.clone(), log).await;
    logged.app.pass(2 * SECOND).await;
    logged.seen(1, address(7), None).await;
    let lines = logged.until(2).await;
    assert_eq!(lines[1]["clock_unsure"], true);
    let (_app, base) = logged.end().await;
    assert!(base.with_file_name("guests.log.1969-01-01").exists());
}

#[tokio::test]
async fn a_restart_is_a_gap_with_two_ends() {
    let logged = Logged::start().await;
    let device = logged.seen(1, address(7), None).await;
    logged.session(&device).await;
    logged.until(3).await;
    logged.app.pass(10 * SECOND).await;
    let (app, base) = logged.end().await;
    assert_eq!(events(&lines(&base)).last(), Some(&"ended"));
    app.pass(10 * SECOND).await;
    let app = app.restart().await;
    app.pass(10 * SECOND).await;
    let log = wanted(&base);
    let logged = Logged::with(app, base, log).await;
    becomes("who is connected is said", || events(&logged.lines()).contains(&"present")).await;
    let lines = logged.lines();
    assert_eq!(events(&lines)[3..], ["ended", "began", "present"]);
    assert_eq!(lines[5]["session"], lines[2]["session"], "who is connected, addresses or not");
    let asked = Asked::Address(address(7));
    let before = found(&logged.base, asked, "2026-06-01T00:00:09Z");
    assert_eq!((before.guests.len(), before.guests[0].sure), (1, true), "{before:?}");
    let between = found(&logged.base, asked, "2026-06-01T00:00:20Z");
    assert_eq!((between.guests.len(), between.guests[0].sure), (1, false), "{between:?}");
    assert!(between.notes[0].contains("ended at 2026-06-01T00:00:10"), "{between:?}");
    // Addresses are not known yet: the device has not spoken.
    let after = found(&logged.base, asked, "2026-06-01T00:00:31Z");
    assert_eq!((after.guests.len(), after.guests[0].sure), (1, false), "{after:?}");
    let later = found(&logged.base, asked, "2026-06-01T00:02:00Z");
    assert!(later.guests.is_empty(), "{later:?}");
}

#[tokio::test]
async fn a_crash_leaves_half_a_line_and_a_gap_that_is_said() {
    let logged = Logged::start().await;
    logged.seen(1, address(7), None).await;
    logged.until(2).await;
    let file = files(&logged.base).unwrap().remove(0);
    logged.work.abort();
    let _aborted = logged.work.await;
    let torn = fs::read_to_string(&file).unwrap() + "{\"at\":\"2026-06-01T00:0";
    fs::write(&file, torn).unwrap();
    let app = logged.app;
    app.pass(20 * SECOND).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let log = wanted(&logged.base);
    let work = tokio::spawn(run(log, app.handle.clone(), async move { drop(stopped.await) }));
    becomes("it goes on", || fs::read_to_string(&file).unwrap().matches("began").count() == 2).await;
    stop.send(()).unwrap();
    work.await.unwrap();
    let answer = found(&logged.base, Asked::Address(address(7)), "2026-06-01T00:00:10Z");
    assert_eq!((answer.broken_lines, answer.guests.len(), answer.guests[0].sure), (1, 1, false));
    assert!(answer.notes[0].contains("breaks off at 2026-06-01T00:00:00"), "{answer:?}");
}

#[tokio::test]
async fn what_cannot_be_written_is_a_warning_and_comes_later() {
    let app = TestApp::start().await;
    let base = app.dir.path().join("place/guests.log");
    fs::write(base.parent().unwrap(), "in the way").unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let handle = app.handle.clone();
    let work = tokio::spawn(run(wanted(&base), handle.clone(), async move { drop(stopped.await) }));
    let logged = Logged { app, base: base.clone(), stop: oneshot::channel().0, work };
    logged.seen(1, address(7), None).await;
    let warned = async |wanted: bool| {
        let until = tokio::time::Instant::now() + LONG;
        loop {
            let status = handle.status().await.unwrap();
            if status.warnings.iter().any(|text| text.contains("the guest log cannot be written")) == wanted {
                return;
            }
            assert!(tokio::time::Instant::now() < until, "{status:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    warned(true).await;
    fs::remove_file(base.parent().unwrap()).unwrap();
    warned(false).await;
    let lines = logged.until(2).await;
    assert_eq!(events(&lines), ["began", "address"], "nothing of it is lost");
    stop.send(()).unwrap();
    logged.work.await.unwrap();
}

#[tokio::test]
async fn the_systems_log_is_told_in_its_own_form() {
    let app = TestApp::start().await;
    let base = app.dir.path().join("none");
    let path = app.dir.path().join("log.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let log = GuestLog { file: None, syslog: Some(path.clone()), keep_days: 0, connections: None };
    let logged = Logged::with(app, base, log).await;
    logged.seen(1, address(7), None).await;
    let heard = tokio::task::spawn_blocking(move || {
        let mut bytes = [0; 4096];
        (0..2)
            .map(|_| {
                let length = socket.recv(&mut bytes).unwrap();
                String::from_utf8(bytes[..length].to_vec()).unwrap()
            })
            .collect::<Vec<_>>()
    });
    let heard = heard.await.unwrap();
    let parts: Vec<&str> = heard[1].splitn(8, ' ').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("<86>1", "2026-06-01T00:00:00.000Z", "turnpike"));
    assert_eq!((parts[4], parts[5], parts[6]), (&*std::process::id().to_string(), "guest", "-"));
    let line: Value = serde_json::from_str(parts[7]).unwrap();
    assert_eq!((&line["event"], &line["mac"]), (&json!("address"), &json!(mac(1).to_string())));
    // Nobody takes it any more.
    fs::remove_file(&path).unwrap();
    logged.seen(2, address(8), None).await;
    let measures = logged.app.handle.measures();
    becomes("it is counted", || measures.guest_log_lost.values().contains(&("syslog", 1))).await;
    let status = logged.app.handle.status().await.unwrap();
    assert!(status.warnings.iter().any(|text| text.contains("system's log")), "{status:?}");
}

fn asked_by_hand(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_turnpike")).arg("guest-log").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_says_who_or_that_nobody_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("guests.log");
    let line = json!({
        "at": "2026-06-01T10:00:00Z", "event": "connected", "mac": mac(1).to_string(), "ipv4": ["10.0.0.7"],
        "ipv6": [], "session": "s-1", "who": "ana", "voucher": "...JKLM", "of_later_versions": [1],
    });
    fs::write(base.with_file_name("guests.log.2026-06-01"), format!("{line}\nbroken\n")).unwrap();
    let file = base.to_str().unwrap();
    let (code, out, err) = asked_by_hand(&["10.0.0.7", "--at", "2026-06-01T12:00:00+01:00", "--file", file]);
    assert_eq!(code, Some(0), "{err}");
    for part in [&mac(1).to_string(), "who: ana", "voucher: ...JKLM", "session: s-1"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(err.contains("lines that cannot be read: 1"), "{err}");
    let (code, out, err) =
        asked_by_hand(&["10.0.0.7", "--at", "2026-06-01T09:59:59Z", "--file", file, "--json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["guests"]), (Some(1), &json!([])), "{err}");
    assert!(err.contains("nobody"), "{err}");
    for (arguments, code, said) in [
        (&["10.0.0.7", "--at", "yesterday", "--file", file][..], 2, "must be a time"),
        (&["host", "--file", file], 1, "no IPv4 or IPv6 address"),
        (&["02:00:5e:00:53:01", "--port", "1", "--file", file], 1, "not with a MAC"),
    ] {
        let (found, _, err) = asked_by_hand(arguments);
        assert!(found == Some(code) && err.contains(said), "{arguments:?}: {found:?} {err}");
    }
    let config = dir.path().join("turnpike.toml");
    fs::write(&config, "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n").unwrap();
    let (code, _, err) = asked_by_hand(&["10.0.0.7", "--config", config.to_str().unwrap()]);
    assert!(code == Some(1) && err.contains("no [guest_log] file"), "{code:?} {err}");
}
