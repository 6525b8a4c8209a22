use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// One start of the kernel: `/proc/sys/kernel/random/boot_id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BootId(String);

impl BootId {
    /// Wraps what the kernel says.
    pub fn new(id: &str) -> Self {
        Self(id.trim().to_owned())
    }

    /// As the kernel wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Milliseconds of CLOCK_BOOTTIME: goes on in suspend, never jumps, starts anew with each boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Milliseconds since `earlier`; 0 if it lies ahead.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// So many milliseconds later.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The time from `self` until `later`; zero if it has passed.
    pub const fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// Milliseconds since the epoch by the wall clock, which may be wrong and may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(pub i64);

impl WallTime {
    /// RFC 3339 in UTC, to the millisecond; `None` for years that have no such form.
    pub fn rfc3339(self) -> Option<String> {
        let at = DateTime::<Utc>::from_timestamp_millis(self.0);
        at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// So many days later.
    #[must_use]
    pub const fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(days as i64 * 86_400_000))
    }

    /// So many milliseconds later.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// Both clocks, read together. Consumption runs on `boot`; `wall` is for people and for `exp_days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The clock that sessions run on.
    pub boot: BootTime,
    /// The clock on the wall.
    pub wall: WallTime,
}

/// When a voucher is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseTime {
    /// In which period that is, where something comes anew each day.
    pub now: WallTime,
    /// What is written down, and days are counted from; before [`super::ClockGuard::FLOOR`] while no clock can be believed.
    pub noted: WallTime,
}
