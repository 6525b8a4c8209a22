//! The one place where clocks and the boot id are read.
//!
//! Everything else takes `now` as a parameter or asks a [`Clock`], so that a test can put its own in place. Nothing ever
//! sets the machine's clock.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::{BootId, BootTime, LocalTime, Now, Utc, WallTime};

/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Names a file whose lines `boot_id=…`, `boot_offset_ms=…` and `wall_offset_ms=…` are read whenever the clock is: a test's
/// handle on a daemon that runs as a process of its own. Only debug builds look at it.
const TEST_CLOCK: &str = "TURNPIKE_TEST_CLOCK";

/// The clocks of this machine, or those of a test.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
    belief: Arc<Mutex<Belief>>,
}

/// What is known of the time whatever the wall clock says.
#[derive(Debug, Clone, Copy, Default)]
struct Belief {
    /// Whether the wall clock can be believed.
    believed: bool,
    /// A moment by both clocks before which it cannot be now; `None` before anybody has looked.
    anchor: Option<Now>,
    /// When it could last be believed.
    last: Option<Now>,
    /// The newest time that it ever could be.
    newest: WallTime,
}

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
    east_minutes: i64,
}

impl Clock {
    /// The machine's clocks.
    pub fn machine() -> Self {
        match std::env::var_os(TEST_CLOCK) {
            Some(path) if cfg!(debug_assertions) => Self::of(Source::File(Arc::new(path.into()))),
            _ => Self::of(Source::Machine),
        }
    }

    /// Clocks that stand still until they are set.
    pub fn manual(now: Now, boot_id: BootId) -> Self {
        Self::of(Source::Manual(Arc::new(Mutex::new(Manual { now, boot_id, east_minutes: 0 }))))
    }

    fn of(source: Source) -> Self {
        Self { source, belief: Arc::default() }
    }

    /// The sessions manager has looked at the clocks: whether the wall clock can be believed, and the newest time that
    /// it could be.
    pub fn note_belief(&self, believed: bool, newest: WallTime, now: Now) {
        let mut belief = self.belief.lock().unwrap_or_else(PoisonError::into_inner);
        belief.believed = believed;
        belief.newest = newest;
        if believed {
            belief.anchor = Some(now);
            belief.last = Some(now);
        } else if belief.anchor.is_none() {
            belief.anchor = Some(Now { wall: newest, ..now });
        }
    }

    /// The time as far as it can be believed: the wall clock's, else the newest time that was ever believed, and what
    /// this machine has been running since then.
    ///
    /// It never lies ahead of a clock that is right, it goes on while the machine runs, and it does not begin anew with
    /// a boot: so an allowance for each day is neither given twice because a router starts in 1970, nor refused for ever
    /// because nobody sets its clock.
    pub fn believable(&self) -> WallTime {
        let now = self.now();
        let belief = *self.belief.lock().unwrap_or_else(PoisonError::into_inner);
        match belief.anchor {
            Some(anchor) if !belief.believed => {
                let since = now.boot.millis_since(anchor.boot);
                anchor.wall.plus_millis(i64::try_from(since).unwrap_or(i64::MAX))
            }
            Some(_) | None => now.wall,
        }
    }

    /// When the wall clock could last be believed, since this process began: a reload does not forget it.
    pub fn last_believed(&self) -> Option<Now> {
        self.belief.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// The time by which opening hours would go if everything were set up anew now, as a reload does; `None`: they would
    /// not be known.
    pub fn believed_anew(&self) -> Option<WallTime> {
        let now = self.now();
        let belief = *self.belief.lock().unwrap_or_else(PoisonError::into_inner);
        if belief.anchor.is_some() && now.wall >= belief.newest {
            return Some(now.wall);
        }
        let last = belief.last?;
        let since = now.boot.millis_since(last.boot);
        Some(last.wall.plus_millis(i64::try_from(since).unwrap_or(i64::MAX)))
    }

    /// Whether the wall clock can be believed.
    pub fn is_believed(&self) -> bool {
        self.belief.lock().unwrap_or_else(PoisonError::into_inner).believed
    }

    /// Sets manual clocks; no other clock can be set.
    pub fn set(&self, now: Now) {
        if let Source::Manual(manual) = &self.source {
            manual.lock().unwrap_or_else(PoisonError::into_inner).now = now;
        }
    }

    /// Puts manual clocks in a place so far east of universal time; no other clock can be moved.
    pub fn set_place(&self, east_minutes: i64) {
        if let Source::Manual(manual) = &self.source {
            let within_a_day = east_minutes.clamp(-1439, 1439);
            manual.lock().unwrap_or_else(PoisonError::into_inner).east_minutes = within_a_day;
        }
    }

    /// Both clocks, now.
    pub fn now(&self) -> Now {
        match &self.source {
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
        match &self.source {
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

/// Where this machine is: `TZ`, else `/etc/localtime`, else universal time.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachinePlace;

impl LocalTime for MachinePlace {
    fn local(&self, at: WallTime) -> chrono::NaiveDateTime {
        let universal = chrono::DateTime::from_timestamp_millis(at.0).unwrap_or_default();
        universal.with_timezone(&chrono::Local).naive_local()
    }
}

/// Where this machine is, or where a test says.
impl LocalTime for Clock {
    fn local(&self, at: WallTime) -> chrono::NaiveDateTime {
        match &self.source {
            Source::Machine | Source::File(_) => MachinePlace.local(at),
            Source::Manual(manual) => {
                let east = manual.lock().unwrap_or_else(PoisonError::into_inner).east_minutes;
                Utc.local(at.plus_millis(east.saturating_mul(60_000)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_not_believed_goes_on_from_the_newest_time_that_was() {
        let at = |boot, wall| Now { boot: BootTime(boot), wall: WallTime(wall) };
        let clock = Clock::manual(at(5_000, 0), BootId::new("boot-1"));
        assert_eq!(clock.believable(), WallTime(0), "nobody has looked yet");
        clock.note_belief(false, WallTime(1_000_000), clock.now());
        clock.set(at(8_000, 3_000));
        clock.note_belief(false, WallTime(1_000_000), clock.now());
        assert_eq!(clock.believable(), WallTime(1_003_000));
        clock.set(at(9_000, 2_000_000));
        clock.note_belief(true, WallTime(2_000_000), clock.now());
        assert_eq!((clock.believable(), clock.is_believed()), (WallTime(2_000_000), true));
        clock.set(at(10_000, 0));
        clock.note_belief(false, WallTime(2_000_000), clock.now());
        assert_eq!((clock.believable(), clock.is_believed()), (WallTime(2_001_000), false));
    }
}
