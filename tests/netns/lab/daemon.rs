use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{HttpAnswer, HttpRequest};
use super::ns::Output;
use super::poll::eventually;
use super::process::Process;
use super::{LAN4, Lab, Phone};

const START: Duration = Duration::from_secs(10);

/// What a test's daemon is configured with, beyond the usual.
pub struct DaemonConfig {
    /// `network.wan`.
    pub wan: Vec<String>,
    /// More lines for `[network]`, each with its end.
    pub network: String,
    /// More lines for the zone `guests` on `br-lan`.
    pub zone: String,
    /// Whether there is a second zone, `cellar`, on `br-guest`, its portal on port 2060; and more lines for it.
    pub cellar: Option<String>,
    /// `store.flush_secs`.
    pub flush_secs: u32,
    /// Where the database is, if not in the lab's own folder.
    pub store: Option<PathBuf>,
    /// More tables.
    pub more: String,
    /// More variables of its environment.
    pub environment: Vec<(String, String)>,
}

impl Default for DaemonConfig {
    fn default() -> Self {
        Self {
            wan: vec!["wan".to_owned()],
            network: String::new(),
            zone: String::new(),
            cellar: None,
            flush_secs: 60,
            store: None,
            more: String::new(),
            environment: Vec::new(),
        }
    }
}

/// The real daemon, in the lab's router.
pub struct Daemon<'lab> {
    lab: &'lab Lab,
    process: Process,
    environment: Vec<(String, String)>,
}

/// The bytes that a session says it has used; the API speaks megabytes, to the byte.
pub fn used_bytes(session: &Value) -> u64 {
    let mb = session["data_used_mb"].as_f64().unwrap_or_else(|| panic!("no data_used_mb: {session}"));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few megabytes")]
    let bytes = (mb * 1e6).round() as u64;
    bytes
}

impl<'lab> Daemon<'lab> {
    /// Starts it with one zone, `guests`, on `br-lan`.
    pub fn start(lab: &'lab Lab) -> Self {
        Self::start_with(lab, &DaemonConfig::default())
    }

    /// Starts it and waits until it answers.
    pub fn start_with(lab: &'lab Lab, config: &DaemonConfig) -> Self {
        Self::write_config(lab, config);
        let environment = config.environment.clone();
        let mut daemon = Self { lab, process: Self::process(lab, &environment), environment };
        daemon.wait_until_ready();
        daemon
    }

    /// Starts it and does not wait: it may well not come up.
    pub fn begin_with(lab: &'lab Lab, config: &DaemonConfig) -> Self {
        Self::write_config(lab, config);
        let environment = config.environment.clone();
        Self { lab, process: Self::process(lab, &environment), environment }
    }

    /// Writes the file that it is started with; its path.
    pub fn write_config(lab: &Lab, config: &DaemonConfig) -> PathBuf {
        let path = Self::path(lab, "turnpike.toml");
        fs::write(&path, Self::toml(lab, config)).expect("the configuration");
        path
    }

    fn toml(lab: &Lab, config: &DaemonConfig) -> String {
        let dir = lab.dir.path().display();
        let cellar = config.cellar.as_ref().map_or_else(String::new, |more| {
            format!("[[zone]]\nname = \"cellar\"\nlan = [\"br-guest\"]\nportal = \"[::]:2060\"\n{more}\n")
        });
        format!(
            "[network]\nwan = {:?}\nlease_files = [\"{dir}/leases\"]\n{}\
             [[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\nportal = \"[::]:2050\"\n{}\n{cellar}\
             [control]\nsocket = \"{dir}/control.sock\"\n\
             [store]\npath = \"{}/turnpike.db\"\nflush_secs = {}\n{}",
            config.wan,
            config.network,
            config.zone,
            config.store.as_deref().unwrap_or(lab.dir.path()).display(),
            config.flush_secs,
            config.more
        )
    }

    fn path(lab: &Lab, name: &str) -> PathBuf {
        lab.dir.path().join(name)
    }

    fn process(lab: &Lab, more: &[(String, String)]) -> Process {
        let config = Self::path(lab, "turnpike.toml").display().to_string();
        let clock = Self::path(lab, "clock").display().to_string();
        let more = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let faults = Self::path(lab, "faults").display().to_string();
        let own = [
            ("TURNPIKE_TEST_CLOCK", clock.as_str()),
            ("TURNPIKE_TEST_FAULTS", faults.as_str()),
            ("RUST_LOG", "info"),
        ];
        let environment: Vec<(&str, &str)> = own.into_iter().chain(more).collect();
        let argv = [env!("CARGO_BIN_EXE_turnpike"), "run", "--config", &config];
        lab.router.spawn_with(&argv, &Self::path(lab, "turnpike.log"), &environment)
    }

    fn is_ready(&self) -> bool {
        let healthy = HttpRequest::get("/healthz").send_unix(&self.socket()).map(|answer| answer.status);
        let portal = HttpRequest::get("/capport").send(&self.lab.router, (LAN4, 2050));
        healthy.is_ok_and(|status| status == 200) && portal.is_ok()
    }

    /// Whether it answers at last; not if it ends by itself, or as soon as `given_up`.
    pub fn comes_up(&mut self, given_up: impl Fn() -> bool) -> bool {
        let mut ready = false;
        eventually(START, || {
            ready = self.is_ready();
            ready || !self.process.runs() || given_up()
        });
        ready
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }

    /// Waits for its end by itself; its exit code.
    pub fn ends(&mut self) -> Option<i32> {
        self.process.wait(START)
    }

    fn wait_until_ready(&mut self) {
        assert!(self.tries(), "the daemon ended by itself:\n{}", self.process.log());
    }

    /// Waits until it answers; not so if it ends before that.
    fn tries(&mut self) -> bool {
        let ready = self.comes_up(|| false);
        let settled = ready || !self.process.runs();
        assert!(settled, "the daemon is not ready after {START:?}:\n{}", self.process.log());
        ready
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        Self::path(self.lab, "control.sock")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        Self::path(self.lab, "turnpike.toml")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        self.process.signal(signal);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it as a service manager does.
    pub fn stop(&mut self) {
        assert_eq!(self.process.stop(START), Some(0), "{}", self.process.log());
    }

    /// Starts it again, after [`Daemon::kill`] or [`Daemon::stop`], and waits until it answers.
    pub fn restart(&mut self) {
        self.process = Self::process(self.lab, &self.environment);
        self.wait_until_ready();
    }

    /// Starts it again; whether it answers, or ends before that.
    pub fn tries_to_start(&mut self) -> bool {
        self.begin_again();
        self.tries()
    }

    /// Takes back what was ordered; whether it has lived through it.
    pub fn survives(&mut self) -> bool {
        self.order("");
        // The order may have been read just before.
        let lives = HttpRequest::get("/healthz").send_unix(&self.socket()).is_ok();
        assert!(lives || self.ends().is_some(), "neither dead nor alive:\n{}", self.log());
        lives
    }

    /// Orders a fault (`src/faults.rs`); nothing is ordered by an empty text.
    pub fn order(&self, order: &str) {
        self.put("faults", order);
    }

    /// The places at which faults were counted, those of all orders.
    pub fn places(&self) -> Vec<String> {
        let text = fs::read_to_string(Self::path(self.lab, "faults.trace")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Starts it again and does not wait: it may well not come up.
    pub fn begin_again(&mut self) {
        self.process = Self::process(self.lab, &self.environment);
    }

    /// Sets the daemon's clocks: lines as `wall_offset_ms=…`.
    pub fn set_clock(&self, lines: &str) {
        self.put("clock", lines);
    }

    /// Writes a file that it reads, at once, so that no half of it is read.
    fn put(&self, name: &str, text: &str) {
        let (new, path) = (Self::path(self.lab, &format!("{name}.new")), Self::path(self.lab, name));
        fs::write(&new, text).expect("the file");
        fs::rename(&new, &path).expect("the file");
    }

    /// A second daemon process with another configuration file, for those that must fail.
    pub fn run_cli(lab: &Lab, arguments: &[&str]) -> Output {
        let argv: Vec<&str> =
            std::iter::once(env!("CARGO_BIN_EXE_turnpike")).chain(arguments.iter().copied()).collect();
        lab.router.run(&argv)
    }

    /// A client command of the command line.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let socket = self.socket().display().to_string();
        let all: Vec<&str> = arguments.iter().copied().chain(["--socket", &socket]).collect();
        Self::run_cli(self.lab, &all)
    }

    /// A client command that has to succeed, with `--json`.
    pub fn cli_json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let output = self.cli(&all);
        assert!(output.ok(), "{arguments:?}: {output:?}");
        output.json()
    }

    /// A request on the control socket, where root needs no token.
    pub fn send(&self, request: &HttpRequest) -> HttpAnswer {
        request
            .send_unix(&self.socket())
            .unwrap_or_else(|error| panic!("{error} for {request:?}:\n{}", self.log()))
    }

    /// The same of a daemon that may not answer.
    pub fn try_send(&self, request: &HttpRequest) -> std::io::Result<HttpAnswer> {
        request.send_unix(&self.socket())
    }

    /// `GET`, which has to succeed.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.send(&HttpRequest::get(path));
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        answer.json()
    }

    /// `POST` with JSON, which has to succeed.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.change("POST", path, body)
    }

    /// `PATCH` with JSON, which has to succeed.
    pub fn patch(&self, path: &str, body: &Value) -> Value {
        self.change("PATCH", path, body)
    }

    fn change(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(&HttpRequest::json(method, path, &body.to_string()));
        assert!(matches!(answer.status, 200 | 201), "{method} {path} {body}: {answer:?}");
        answer.json()
    }

    /// Has the phone join: it speaks to the router, and the daemon comes to know it. Its id.
    pub fn meet(&self, phone: &Phone) -> String {
        let path = format!("/api/v1/devices/{}", phone.mac);
        let mut id = None;
        let met = eventually(Duration::from_secs(5), || {
            phone.ping(LAN4);
            let answer = self.send(&HttpRequest::get(&path));
            id = (answer.status == 200).then(|| answer.json()["id"].as_str().map(str::to_owned)).flatten();
            id.is_some()
        });
        assert!(met, "{} never became known:\n{}", phone.mac, self.log());
        id.expect("met")
    }

    /// Makes a session for a device, unconnected; its id.
    pub fn create_session(&self, device: &str, terms: &Value) -> String {
        let session = self.post(&format!("/api/v1/devices/{device}/sessions"), terms);
        session["id"].as_str().unwrap_or_else(|| panic!("no id: {session}")).to_owned()
    }

    /// Lets a device through.
    pub fn connect(&self, device: &str) {
        self.post(&format!("/api/v1/devices/{device}/connect"), &json!({}));
    }

    /// Cuts a device off.
    pub fn disconnect(&self, device: &str) {
        self.post(&format!("/api/v1/devices/{device}/disconnect"), &json!({}));
    }

    /// Makes a session for a phone and lets it through; the session's id.
    pub fn let_through(&self, phone: &Phone, terms: &Value) -> String {
        let device = self.meet(phone);
        let session = self.create_session(&device, terms);
        self.connect(&device);
        session
    }

    /// A session as it is now.
    pub fn session(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/sessions/{id}"))
    }

    /// A session's state.
    pub fn state(&self, id: &str) -> String {
        self.session(id)["state"].as_str().unwrap_or_default().to_owned()
    }

    /// The bytes a session has used.
    pub fn used(&self, id: &str) -> u64 {
        used_bytes(&self.session(id))
    }

    /// The seconds a session has used.
    pub fn secs_used(&self, id: &str) -> f64 {
        let session = self.session(id);
        session["time_used_secs"].as_f64().unwrap_or_else(|| panic!("no time_used_secs: {session}"))
    }
}
