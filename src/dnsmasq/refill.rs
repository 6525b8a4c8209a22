use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use crate::config::DnsmasqConfig;

/// Where dnsmasq says its process id: Debian's, and each of OpenWrt's, are in this folder.
const FOLDERS: [&str; 2] = ["/run/dnsmasq", "/var/run/dnsmasq"];
/// Each may be there, or not.
const FILES: [&str; 2] = ["/run/dnsmasq.pid", "/var/run/dnsmasq.pid"];
/// The most files that are looked at.
const MOST: usize = 64;

/// Who was told that the gardens are to be filled again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refilled {
    /// How many dnsmasq were told.
    pub told: usize,
    /// What went wrong with the others.
    pub failed: Vec<String>,
}

/// Has dnsmasq forget its cache (SIGHUP), so that each name of the garden is asked for anew and its addresses are put into the
/// sets again; and writes the file by which somebody else is asked to do it.
pub fn refill(config: &DnsmasqConfig) -> Refilled {
    let mut refilled = Refilled::default();
    for (path, pid) in running(&config.pid_files) {
        match kill_process(pid, Signal::HUP) {
            Ok(()) => refilled.told += 1,
            Err(error) => refilled.failed.push(format!("{}: {error}", path.display())),
        }
    }
    if let Some(path) = &config.refill_file {
        // Whoever watches it looks at nothing but that it was written.
        match fs::write(path, "refill\n") {
            Ok(()) => refilled.told += 1,
            Err(error) => refilled.failed.push(format!("{}: {error}", path.display())),
        }
    }
    refilled
}

/// Every dnsmasq that runs, with the file that names it; without such files, those that are in the usual places.
pub(super) fn running(pid_files: &[PathBuf]) -> Vec<(PathBuf, Pid)> {
    let files = if pid_files.is_empty() { usual_pid_files() } else { pid_files.to_vec() };
    let mut found: Vec<(PathBuf, Pid)> = Vec::new();
    for path in files {
        if let Some(pid) = process_of(&path)
            && !found.iter().any(|(_, known)| *known == pid)
        {
            found.push((path, pid));
        }
    }
    found
}

fn usual_pid_files() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let paths = entries.flatten().map(|entry| entry.path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "pid")).take(MOST));
    }
    found
}

/// The process that a file names, if it runs and is a dnsmasq: the number may be another's by now.
fn process_of(path: &Path) -> Option<Pid> {
    let text = fs::read_to_string(path).ok()?;
    let number: i32 = text.trim().parse().ok().filter(|number| *number > 1)?;
    let name = fs::read_to_string(format!("/proc/{number}/comm")).ok()?;
    (name.trim() == "dnsmasq").then(|| Pid::from_raw(number)).flatten()
}
