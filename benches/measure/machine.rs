//! Where the figures come from.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::stats::Sample;

/// Files of the measurements: beside the build, so on a disk and not in memory.
pub fn work_dir() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_turnpike"));
    let target = binary.parent().and_then(Path::parent).expect("target/PROFILE/turnpike");
    let dir = target.join("bench");
    fs::create_dir_all(&dir).expect("a directory beside the build");
    dir
}

/// The machine in words and numbers. A load above 0.5 makes the figures worthless.
pub fn describe() -> Value {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(String::new, |(_, model)| model.to_owned());
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().and_then(|one| one.parse().ok()).unwrap_or(f64::NAN);
    let sync = sync_ms();
    let text = format!(
        "{cpus} CPUs ({model}), Linux {kernel}, load {load} at the start; fdatasync of 4 KiB {:.3} ms (p99 {:.3})",
        sync.median(),
        sync.quantile(0.99)
    );
    println!("{text}");
    json!({"text": text, "kernel": kernel, "cpus": cpus, "cpu": model, "load": load, "fdatasync_ms": sync.median()})
}

/// What the disk takes to make 4 KiB durable: the least that a commit costs.
pub fn sync_ms() -> Sample {
    let path = work_dir().join("sync");
    let mut file = fs::File::create(&path).expect("a file");
    let sample = (0..200)
        .map(|_| {
            file.write_all(&[0x54; 4096]).expect("written");
            let begun = Instant::now();
            file.sync_data().expect("synced");
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    drop(file);
    fs::remove_file(&path).ok();
    sample
}
