//! The daemon in a lab's router, with its files on a disk.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::api::{Callers, Post, To};
use crate::lab::{HttpRequest, Lab, Process, eventually};
use crate::machine::work_dir;

/// The binary that is measured.
pub const BINARY: &str = env!("CARGO_BIN_EXE_turnpike");
const START: Duration = Duration::from_secs(30);
/// Connections that make devices known before the measurement.
const HELPERS: usize = 32;

/// Terms of a client of the crowd: both limits are there and neither is reached.
pub fn terms() -> Value {
    json!({"kind": "time_or_data", "time_secs": 864_000, "data_mb": 1_000_000})
}

/// What the service's unit sets.
fn unit_environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    const UNIT: &str = include_str!("../../systemd/turnpike.service");
    let settings = UNIT.lines().filter_map(|line| line.strip_prefix("Environment="));
    settings.flat_map(str::split_whitespace).filter_map(|setting| setting.split_once('='))
}

/// A running daemon and its directory, which goes with it.
pub struct Router<'lab> {
    lab: &'lab Lab,
    dir: tempfile::TempDir,
    process: Process,
}

impl<'lab> Router<'lab> {
    /// One zone on `br-lan`, nobody leaves by being away; `zone` are more lines for it.
    pub fn start(lab: &'lab Lab, zone: &str) -> Self {
        let dir = tempfile::tempdir_in(work_dir()).expect("a directory");
        let path = dir.path().display();
        let config = format!(
            "[network]\nwan = [\"wan\"]\n\
             [[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\nportal = \"[::]:2050\"\naway_pause_secs = 0\n{zone}\n\
             [control]\nsocket = \"{path}/control.sock\"\n[store]\npath = \"{path}/turnpike.db\"\n"
        );
        fs::write(dir.path().join("turnpike.toml"), config).expect("the configuration");
        let process = Self::spawn(lab, &dir);
        let router = Self { lab, dir, process };
        router.wait_for(0);
        router
    }

    fn spawn(lab: &Lab, dir: &tempfile::TempDir) -> Process {
        let config = dir.path().join("turnpike.toml").display().to_string();
        let log = dir.path().join("turnpike.log");
        let environment: Vec<_> = unit_environment().chain([("RUST_LOG", "info")]).collect();
        lab.router.spawn_with(&[BINARY, "run", "--config", &config], &log, &environment)
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("control.sock")
    }

    /// Its process id: `ip netns exec` becomes the daemon.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `GET` on the socket; `None` if nobody answers.
    pub fn get(&self, path: &str) -> Option<Value> {
        let answer = HttpRequest::get(path).send_unix(&self.socket()).ok()?;
        (answer.status == 200).then(|| answer.json())
    }

    /// `POST` on the socket, which has to succeed.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let request = HttpRequest::json("POST", path, &body.to_string());
        let answer = request.send_unix(&self.socket()).expect("an answer");
        assert!(matches!(answer.status, 200 | 201), "POST {path}: {answer:?}\n{}", self.process.log());
        answer.json()
    }

    /// Waits until it answers and so many are let through.
    pub fn wait_for(&self, connected: usize) {
        let ready = eventually(START, || {
            self.get("/api/v1/status").is_some_and(|status| status["connected"] == json!(connected))
        });
        assert!(
            ready,
            "never {connected} connected: {:?}\n{}",
            self.get("/api/v1/status"),
            self.process.log()
        );
    }

    /// Kills it and leaves it dead.
    pub fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        assert!(self.process.wait(START).is_some(), "it does not die");
    }

    /// Starts it again, after [`Router::kill`].
    pub fn begin_again(&mut self) {
        self.process = Self::spawn(self.lab, &self.dir);
        assert!(eventually(START, || self.get("/api/v1/status").is_some()), "{}", self.process.log());
    }

    /// Ends it with a signal and starts it again; milliseconds from the start to the first answer that says that so many are
    /// let through.
    pub fn restart(&mut self, signal: Signal, connected: usize) -> f64 {
        self.process.signal(signal);
        assert!(self.process.wait(START).is_some(), "it does not end: {}", self.process.log());
        let begun = Instant::now();
        self.process = Self::spawn(self.lab, &self.dir);
        self.wait_for(connected);
        begun.elapsed().as_secs_f64() * 1e3
    }

    /// A token that may change sessions.
    pub fn token(&self) -> String {
        let body = json!({"name": "bench", "permissions": ["view_session", "modify_session"]});
        let token = self.post("/api/v1/tokens", &body);
        token["token"].as_str().unwrap_or_else(|| panic!("no token: {token}")).to_owned()
    }

    /// Makes these devices known by their MACs, each with a session.
    pub fn register(&self, macs: &[String]) {
        self.register_with(macs, &terms());
    }

    /// The same with other terms.
    pub fn register_with(&self, macs: &[String], terms: &Value) {
        let known = |mac: &String| Post {
            path: "/api/v1/devices".to_owned(),
            body: json!({"mac": mac, "zone": "guests"}).to_string(),
        };
        self.callers().post(HELPERS, macs.iter().map(known).collect());
        self.sessions_with(macs, terms);
    }

    /// Makes a session for each of these devices.
    pub fn sessions(&self, macs: &[String]) {
        self.sessions_with(macs, &terms());
    }

    fn sessions_with(&self, macs: &[String], terms: &Value) {
        let session =
            |mac: &String| Post { path: format!("/api/v1/devices/{mac}/sessions"), body: terms.to_string() };
        self.callers().post(HELPERS, macs.iter().map(session).collect());
    }

    /// Makes a device that is there known, if it is not yet, with a session of these terms, and lets it through; the session.
    pub fn let_through(&self, mac: &str, terms: &Value) -> String {
        let known =
            HttpRequest::json("POST", "/api/v1/devices", &json!({"mac": mac, "zone": "guests"}).to_string());
        let answer = known.send_unix(&self.socket()).expect("an answer");
        // 409: it was seen on the network first.
        assert!(matches!(answer.status, 201 | 409), "{answer:?}");
        let session = self.post(&format!("/api/v1/devices/{mac}/sessions"), terms);
        self.post(&format!("/api/v1/devices/{mac}/connect"), &json!({}));
        session["id"].as_str().unwrap_or_else(|| panic!("no session: {session}")).to_owned()
    }

    /// Lets them through (`connect`) or cuts them off (`disconnect`).
    pub fn all(&self, what: &str, macs: &[String]) {
        let calls = macs.iter().map(|mac| device_call(mac, what)).collect();
        self.callers().post(HELPERS, calls);
    }

    /// Callers on the socket.
    pub fn callers(&self) -> Callers<'lab> {
        Callers { ns: &self.lab.router, to: To::Unix(self.socket()), token: None }
    }

    /// Callers on the TCP listener, with a token.
    pub fn tcp_callers(&self, token: &str) -> Callers<'lab> {
        let address = ([127, 0, 0, 1], 2051).into();
        Callers { ns: &self.lab.router, to: To::Tcp(address), token: Some(token.to_owned()) }
    }

    /// A figure of `/proc/PID/status` in kB, as MB (10^6 bytes).
    pub fn memory_mb(&self, line: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it lives");
        let kib = status.lines().find_map(|text| {
            text.strip_prefix(line)?.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        });
        kib.unwrap_or(f64::NAN) * 1024.0 / 1e6
    }

    /// How many files, sockets and such it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it lives").count()
    }

    /// The size of its store on the disk, the log of the database included, in bytes.
    pub fn store_bytes(&self) -> u64 {
        let files = ["turnpike.db", "turnpike.db-wal"];
        files
            .iter()
            .filter_map(|name| fs::metadata(self.dir.path().join(name)).ok())
            .map(|file| file.len())
            .sum()
    }

    /// Bytes that it has had written to disks so far.
    pub fn written_bytes(&self) -> f64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.pid())).expect("it lives");
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        line.and_then(|bytes| bytes.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Seconds of processor time that it has used so far.
    pub fn cpu_secs(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it lives");
        // After the name in parentheses: state is the third field, utime the 14th, stime the 15th, in ticks of 10 ms.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Stops it for a while, so that it takes nothing from what else is measured.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }
}

/// The call that connects or disconnects a device.
pub fn device_call(mac: &str, what: &str) -> Post {
    Post { path: format!("/api/v1/devices/{mac}/{what}"), body: "{}".to_owned() }
}

/// So many devices that are not there.
pub fn macs(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let [_, a, b, c] = u32::try_from(number).expect("few enough").to_be_bytes();
            format!("02:10:00:{a:02x}:{b:02x}:{c:02x}")
        })
        .collect()
}
