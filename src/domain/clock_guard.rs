use super::{BootTime, Now, WallTime};

/// Tells whether the wall clock can be believed, so that `exp_days` never takes days because of a wrong clock.
///
/// Routers start in 1970 or at the image's build date and jump when NTP answers. The clock is believed if it is not
/// before the newest time that was ever believed, and has not leapt ahead lately.
#[derive(Debug, Clone)]
pub struct ClockGuard {
    newest: WallTime,
    last: Option<Now>,
    doubted_since: Option<BootTime>,
}

/// A leap ahead of more than this, against CLOCK_BOOTTIME, is doubted …
const LEAP_MS: i64 = 24 * 3_600_000;
/// … until the clock has stood by it for so long.
const DOUBT_MS: u64 = 24 * 3_600_000;

impl ClockGuard {
    /// No clock is right that says less: 2026-01-01, before this program was written.
    pub const FLOOR: WallTime = WallTime(1_767_225_600_000);

    /// A guard that remembers the newest believed time.
    pub fn new(newest: WallTime) -> Self {
        Self { newest: newest.max(Self::FLOOR), last: None, doubted_since: None }
    }

    /// Looks at both clocks; `true` if the wall clock can be believed now.
    pub fn observe(&mut self, now: Now) -> bool {
        if let Some(last) = self.last {
            let elapsed = i64::try_from(now.boot.millis_since(last.boot)).unwrap_or(i64::MAX);
            let leap = now.wall.0.saturating_sub(last.wall.0).saturating_sub(elapsed);
            if leap > LEAP_MS && last.wall >= self.newest.max(Self::FLOOR) {
                self.doubted_since = Some(now.boot);
            } else if leap < -LEAP_MS {
                self.doubted_since = None;
            }
        }
        self.last = Some(now);
        if self.doubted_since.is_some_and(|since| now.boot.millis_since(since) >= DOUBT_MS) {
            self.doubted_since = None;
        }
        let believed = self.doubted_since.is_none() && now.wall >= self.newest;
        if believed {
            self.newest = now.wall;
        }
        believed
    }

    /// The newest time that was believed, or the floor.
    pub const fn newest(&self) -> WallTime {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn now(boot: u64, wall: i64) -> Now {
        Now { boot: BootTime(boot), wall: WallTime(wall) }
    }

    #[test]
    fn a_router_in_1970_waits_for_ntp() {
        let newest = WallTime(ClockGuard::FLOOR.0 + 100 * DAY);
        let mut guard = ClockGuard::new(newest);
        assert!(!guard.observe(now(0, 0)));
        assert!(!guard.observe(now(60_000, 60_000)));
        assert!(
            guard.observe(now(61_000, newest.0 + DAY)),
            "NTP answered: a leap from a clock that was not believed"
        );
    }

    #[test]
    fn a_leap_ahead_is_doubted_for_a_day_and_a_step_back_waits() {
        let start = ClockGuard::FLOOR.0 + 100 * DAY;
        let mut guard = ClockGuard::new(WallTime(0));
        assert!(guard.observe(now(0, start)));
        assert!(!guard.observe(now(1_000, start + 20_000 * DAY)));
        assert!(guard.observe(now(2_000, start + 2_000)), "put right again");
        assert!(!guard.observe(now(3_000, start - DAY)), "a day back");
        assert!(!guard.observe(now(4_000, start + 20_000 * DAY)) || guard.newest().0 > start + DAY);
    }
}
