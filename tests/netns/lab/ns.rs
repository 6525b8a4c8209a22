use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process::Process;

/// What every name of ours begins with; then comes the process id, so that the next run knows whose it was.
const PREFIX: &str = "tp-";
const NETNS_DIR: &str = "/run/netns";

static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// A network namespace; removed when dropped.
pub struct Ns {
    name: String,
    file: File,
}

/// What a program said.
#[derive(Debug)]
pub struct Output {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Whether the exit code is 0.
    pub fn ok(&self) -> bool {
        self.code == 0
    }

    /// The standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl Ns {
    /// Makes one namespace for each role.
    pub fn create(roles: &[String]) -> Vec<Self> {
        assert!(
            rustix::process::geteuid().is_root(),
            "the tests in tests/netns make network namespaces: run them as root (scripts/test does)"
        );
        remove_stale();
        let lab = COUNTER.fetch_add(1, Ordering::Relaxed);
        let names: Vec<String> =
            roles.iter().map(|role| format!("{PREFIX}{}-{lab}-{role}", std::process::id())).collect();
        let batch: String = names.iter().map(|name| format!("netns add {name}\n")).collect();
        ip_batch(None, &batch);
        names
            .into_iter()
            .map(|name| {
                let file = File::open(Path::new(NETNS_DIR).join(&name)).expect("the namespace just made");
                Self { name, file }
            })
            .collect()
    }

    /// Its name, as in `ip netns exec NAME …`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a closure in a thread of its own inside the namespace; sockets made there belong to it.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    self.move_in();
                    work()
                })
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Like [`Ns::enter`], with a single-threaded tokio runtime: the future is made and polled inside.
    pub fn enter_async<T: Send, F: Future<Output = T>>(&self, work: impl FnOnce() -> F + Send) -> T {
        self.enter(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async { work().await })
        })
    }

    /// Starts a thread inside the namespace that lives on by itself.
    pub fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let file = self.file.try_clone().expect("the namespace's descriptor");
        thread::spawn(move || {
            move_into(&file);
            work()
        })
    }

    /// Runs a program to its end.
    pub fn run<S: AsRef<str>>(&self, argv: &[S]) -> Output {
        self.run_with(argv, "")
    }

    /// Runs a program to its end with this standard input.
    pub fn run_with<S: AsRef<str>>(&self, argv: &[S], stdin: &str) -> Output {
        let argv: Vec<String> = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        self.enter(|| output(&argv, stdin))
    }

    /// Runs a program that has to succeed; its standard output.
    pub fn must<S: AsRef<str>>(&self, argv: &[S]) -> String {
        let output = self.run(argv);
        let words: Vec<&str> = argv.iter().map(AsRef::as_ref).collect();
        assert!(output.ok(), "{} in {}: {output:?}", words.join(" "), self.name);
        output.stdout
    }

    /// Starts a program; it is killed when the guard is dropped. Its output goes to `log`.
    pub fn spawn<S: AsRef<str>>(&self, argv: &[S], log: &Path) -> Process {
        self.spawn_with(argv, log, &[])
    }

    /// Like [`Ns::spawn`], with more environment. `/sys` shows the namespace's own devices to the program.
    pub fn spawn_with<S: AsRef<str>>(&self, argv: &[S], log: &Path, env: &[(&str, &str)]) -> Process {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).args(argv.iter().map(AsRef::as_ref));
        command.envs(env.iter().copied());
        Process::start(command, log)
    }

    /// Loads rules with nft.
    pub fn nft(&self, rules: &str) {
        let output = self.run_with(&["nft", "-f", "-"], rules);
        assert!(output.ok(), "nft in {}: {output:?}\n{rules}", self.name);
    }

    /// Several `ip` commands at once, one a line.
    pub fn ip(&self, batch: &str) {
        ip_batch(Some(&self.name), batch);
    }

    /// Sets a kernel parameter, as in `net/ipv4/ip_forward`.
    pub fn sysctl(&self, settings: &[(&str, &str)]) {
        self.enter(|| {
            for (key, value) in settings {
                // A file that is not there is a kernel without that feature.
                let path = PathBuf::from("/proc/sys").join(key);
                if path.exists() {
                    std::fs::write(&path, value).unwrap_or_else(|error| panic!("{key}={value}: {error}"));
                }
            }
        });
    }

    /// The addresses of an interface, link-local ones too.
    pub fn addresses(&self, device: &str) -> Vec<IpAddr> {
        let output = self.run(&["ip", "-j", "address", "show", "dev", device]);
        let links = output.json();
        let infos = links[0]["addr_info"].as_array().cloned().unwrap_or_default();
        infos.iter().filter_map(|info| info["local"].as_str()?.parse().ok()).collect()
    }

    /// Whether the address answers a ping within a second.
    pub fn ping(&self, address: impl Into<IpAddr>) -> bool {
        self.run(&["ping", "-c", "1", "-W", "1", &address.into().to_string()]).ok()
    }

    fn move_in(&self) {
        move_into(&self.file);
    }
}

impl Drop for Ns {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn move_into(file: &File) {
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("setns needs root");
}

fn output(argv: &[String], stdin: &str) -> Output {
    let (program, arguments) = argv.split_first().expect("a program");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error} (scripts/test installs what the tests need)"));
    // A program that does not read its input closes the pipe: no failure of ours.
    child.stdin.take().expect("piped").write_all(stdin.as_bytes()).ok();
    let output = child.wait_with_output().expect("its output");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs several `ip` commands in one process, in a namespace or from outside.
pub fn ip_batch(namespace: Option<&str>, batch: &str) {
    let mut argv = vec!["ip".to_owned()];
    if let Some(name) = namespace {
        argv.extend(["-n".to_owned(), name.to_owned()]);
    }
    argv.extend(["-batch".to_owned(), "-".to_owned()]);
    let output = output(&argv, batch);
    assert!(output.ok(), "ip -batch in {namespace:?}: {output:?}\n{batch}");
}

/// Kills what still runs inside and removes the namespace.
fn remove(name: &str) {
    let pids = output(&["ip", "netns", "pids", name].map(str::to_owned), "");
    for pid in pids.stdout.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // The threads of this very process are inside for a moment, too.
        if pid != rustix::process::getpid().as_raw_nonzero().get()
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
    let removed = output(&["ip", "netns", "delete", name].map(str::to_owned), "");
    if !removed.ok() {
        eprintln!("{name} stays behind: {}", removed.stderr.trim());
    }
}

/// Once per run: removes the namespaces of test runs that no longer live.
fn remove_stale() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let Ok(entries) = std::fs::read_dir(NETNS_DIR) else { return };
        for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
            let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            let Some(pid) = owner.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
            if !Path::new(&format!("/proc/{pid}")).exists() {
                remove(&name);
            }
        }
    });
}
