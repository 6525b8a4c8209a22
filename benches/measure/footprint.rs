//! What it weighs, and what it starts on a client's path.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Effort;
use crate::lab::{Lab, eventually};
use crate::machine::work_dir;
use crate::report::{Aim, Report};
use crate::router::{BINARY, Router, macs};

const AREA: &str = "footprint";
const TRACED: usize = 100;

/// Sizes and processes.
pub fn measure(report: &mut Report, _effort: Effort) {
    let router_build =
        Path::new(BINARY).parent().and_then(Path::parent).map(|target| target.join("router/turnpike"));
    for (what, path) in [("release", Some(Path::new(BINARY).to_owned())), ("router", router_build)] {
        if let Some(size) = path.and_then(|path| fs::metadata(path).ok()).map(|file| file.len()) {
            #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
            let size = size as f64 / 1e6;
            report.one(AREA, format!("binary, {what} build, stripped"), size, "MB", Aim::Open);
        }
    }
    match processes_started() {
        Some(count) => {
            let what = format!("processes started by {TRACED} connects and disconnects");
            report.one(AREA, what, count, "processes", Aim::Exactly(0.0));
        }
        None => println!("  processes are not counted: strace is not there or may not trace"),
    }
}

/// Counts with strace, which sees every process that the daemon makes or becomes.
fn processes_started() -> Option<f64> {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(TRACED);
    router.register(&macs);
    let trace = work_dir().join("strace");
    fs::remove_file(&trace).ok();
    let mut strace = Command::new("strace")
        .args(["-f", "-q", "-e", "trace=execve,execveat,fork,vfork,clone,clone3", "-o"])
        .arg(&trace)
        .args(["-p", &router.pid().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let status = format!("/proc/{}/status", router.pid());
    let attached = eventually(Duration::from_secs(5), || {
        fs::read_to_string(&status).is_ok_and(|text| !text.contains("TracerPid:\t0\n"))
    });
    if attached {
        router.all("connect", &macs);
        router.all("disconnect", &macs);
    }
    let pid = Pid::from_raw(strace.id().cast_signed())?;
    kill_process(pid, Signal::INT).ok();
    strace.wait().ok();
    let lines = fs::read_to_string(&trace).unwrap_or_default();
    fs::remove_file(&trace).ok();
    // A thread is no process: it is made with CLONE_THREAD.
    let started = lines.lines().filter(|line| {
        line.contains("exec")
            || ((line.contains("clone") || line.contains("fork")) && !line.contains("CLONE_THREAD"))
    });
    #[expect(clippy::cast_precision_loss, reason = "few")]
    attached.then_some(started.count() as f64)
}
