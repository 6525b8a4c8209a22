//! The one place where clocks and the boot id are read.
//!
//! Everything else takes `now` as a parameter or asks a [`Clock`], so that a test can put its own in place. Nothing ever
//! sets the machine's clock.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::{BootId, BootTime, Now, WallTime};

/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Names a file whose lines `boot_id=…`, `boot_offset_ms=…` and `wall_offset_ms=…` are read whenever the clock is: a test's
/// handle on a daemon that runs as a process of its own. Only debug builds look at it.
const TEST_CLOCK: &str = "TURNPIKE_TEST_CLOCK";

/// The clocks of this machine, or those of a test.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Machine,
    File(Arc<PathBuf>),
    Manual(Arc<Mutex<Manual>>),
}

#[derive(Debug, Clone)]
struct Manual {
    now: Now,
    boot_id: BootId,
}

impl Clock {
    /// The machine's clocks.
    pub fn machine() -> Self {
        match std::env::var_os(TEST_CLOCK) {
            Some(path) if cfg!(debug_assertions) => Self(Source::File(Arc::new(path.into()))),
            _ => Self(Source::Machine),
        }
    }

    /// Clocks that stand still until they are set.
    pub fn manual(now: Now, boot_id: BootId) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(Manual { now, boot_id }))))
    }

    /// Sets manual clocks; no other clock can be set.
    pub fn set(&self, now: Now) {
        if let Source::Manual(manual) = &self.0 {
            manual.lock().unwrap_or_else(PoisonError::into_inner).now = now;
        }
    }

    /// Both clocks, now.
    pub fn now(&self) -> Now {
        match &self.0 {
            Source::Machine => machine(),
            Source::File(path) => {
                let now = machine();
                let offset =
                    |name| setting(path, name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
                Now {
                    boot: BootTime(now.boot.0.saturating_add_signed(offset("boot_offset_ms"))),
                    wall: now.wall.plus_millis(offset("wall_offset_ms")),
                }
            }
            Source::Manual(manual) => manual.lock().unwrap_or_else(PoisonError::into_inner).now,
        }
    }

    /// Which boot this is.
    pub fn boot_id(&self) -> std::io::Result<BootId> {
        match &self.0 {
            Source::Machine => Ok(BootId::new(&std::fs::read_to_string(BOOT_ID)?)),
            Source::File(path) => match setting(path, "boot_id") {
                Some(id) => Ok(BootId::new(&id)),
                None => Ok(BootId::new(&std::fs::read_to_string(BOOT_ID)?)),
            },
            Source::Manual(manual) => {
                Ok(manual.lock().unwrap_or_else(PoisonError::into_inner).boot_id.clone())
            }
        }
    }
}

/// How long something takes, by a clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(rustix::time::Timespec);

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Self {
        Self(clock_gettime(ClockId::Monotonic))
    }

    /// Seconds since it was started.
    #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
    pub fn secs(&self) -> f64 {
        let now = clock_gettime(ClockId::Monotonic);
        (now.tv_sec - self.0.tv_sec) as f64 + (now.tv_nsec - self.0.tv_nsec) as f64 / 1e9
    }
}

fn machine() -> Now {
    let millis = |time: rustix::time::Timespec| {
        time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
    };
    Now {
        boot: BootTime(u64::try_from(millis(clock_gettime(ClockId::Boottime))).unwrap_or(0)),
        wall: WallTime(millis(clock_gettime(ClockId::Realtime))),
    }
}

fn setting(path: &PathBuf, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim().to_owned())
}
