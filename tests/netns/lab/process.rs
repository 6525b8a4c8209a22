use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::poll::eventually;

/// A program that runs beside the test; killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with both outputs appended to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("it lives");
    }

    /// `kill -9`, and waits for it to be gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("gone");
    }

    /// Asks it to end; the exit code, or `None` if it does not end in time.
    pub fn stop(&mut self, within: Duration) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait(within)
    }

    /// Waits for its end; the exit code (-1: a signal).
    pub fn wait(&mut self, within: Duration) -> Option<i32> {
        let mut code = None;
        eventually(within, || {
            code = self.child.try_wait().expect("its state").map(|status| status.code().unwrap_or(-1));
            code.is_some()
        });
        code
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("── {} ──\n{}", self.log.display(), self.log());
        }
    }
}
