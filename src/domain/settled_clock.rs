use super::{BootTime, Now, WallTime};

/// Tells whether the wall clock has gone like the clock of this boot for a while, so that nothing is deleted by a time that
/// is put right a moment later.
///
/// A clock may be believed and wrong: a router whose battery keeps a time of its own is put right by NTP after it has started.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettledClock {
    since: Option<Now>,
}

/// It goes like the other one for so long …
const SETTLED_MS: u64 = 3_600_000;
/// … with no more than so much between them.
const APART_MS: u64 = 3_600_000;

impl SettledClock {
    /// Looks at both clocks; `true` if what lies long ago by the wall clock may go by it.
    pub fn observe(&mut self, now: Now, believed: bool) -> bool {
        if !believed {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let apart = offset(now).abs_diff(offset(since));
        if apart > APART_MS || now.boot < since.boot {
            self.since = Some(now);
            return false;
        }
        now.boot.millis_since(since.boot) >= SETTLED_MS
    }
}

fn offset(Now { boot: BootTime(boot), wall: WallTime(wall) }: Now) -> i64 {
    wall.saturating_sub_unsigned(boot)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn now(boot: u64, wall: u64) -> Now {
        Now { boot: BootTime(boot), wall: WallTime(i64::try_from(wall).unwrap()) }
    }

    #[test]
    fn an_hour_after_it_was_set_it_has_settled() {
        let mut clock = SettledClock::default();
        assert!(!clock.observe(now(0, 9_000 * HOUR), true));
        assert!(!clock.observe(now(HOUR - 1, 9_001 * HOUR - 1), true));
        assert!(clock.observe(now(HOUR, 9_001 * HOUR), true));
        assert!(!clock.observe(now(HOUR + 1, 19_001 * HOUR), true), "put a year ahead");
        assert!(!clock.observe(now(2 * HOUR, 19_002 * HOUR), true));
        assert!(!clock.observe(now(2 * HOUR + 1, 9_002 * HOUR), true), "and back");
        assert!(clock.observe(now(3 * HOUR + 1, 9_003 * HOUR), true));
        assert!(!clock.observe(now(4 * HOUR, 0), false));
        assert!(!clock.observe(now(4 * HOUR + 1, 9_004 * HOUR), true), "believed just now");
    }
}
