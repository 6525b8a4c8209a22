use std::time::Duration;

use tokio::time::Instant;

/// After so many failures in a row a plugin is left out …
const FAILURES: u32 = 3;
/// … for so long at first; twice as long each time the trial after it fails …
const FIRST: Duration = Duration::from_secs(5);
/// … up to this.
const LONGEST: Duration = Duration::from_secs(60);

/// Leaves out for a while whoever fails again and again.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    lasts: Duration,
    /// Somebody is finding out whether it has recovered.
    trial: bool,
}

impl Breaker {
    /// Whether it may be asked now; `Err` says for how long it is still left out.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match &mut self.open {
            None => Ok(()),
            Some(open) if open.until <= now => {
                // One at a time; one that is given up counts as never begun after as long again.
                open.trial = true;
                open.until = now + open.lasts;
                Ok(())
            }
            Some(open) => Err(open.until - now),
        }
    }

    /// It has answered.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It has not. Whether it is left out from now on and was not before.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        match &mut self.open {
            Some(open) if open.trial => {
                let lasts = (open.lasts * 2).min(LONGEST);
                self.open = Some(Open { until: now + lasts, lasts, trial: false });
                false
            }
            Some(_) => false,
            None if self.failures >= FAILURES => {
                self.open = Some(Open { until: now + FIRST, lasts: FIRST, trial: false });
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_three_failures_in_a_row_and_tries_one() {
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            assert!(!breaker.failed(start));
        }
        breaker.succeeded();
        for _ in 0..2 {
            assert!(!breaker.failed(start));
        }
        assert_eq!(breaker.admit(start), Ok(()));
        assert!(breaker.failed(start));
        assert_eq!(breaker.admit(start), Err(FIRST));
        assert_eq!(breaker.admit(at(5)), Ok(()), "a trial");
        assert!(breaker.admit(at(5)).is_err(), "one at a time");
        assert!(!breaker.failed(at(6)));
        assert_eq!(breaker.admit(at(6)), Err(Duration::from_secs(10)));
        assert_eq!(breaker.admit(at(16)), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.admit(at(16)), Ok(()));
    }

    #[test]
    fn it_is_never_left_out_for_longer_than_a_minute() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker.failed(now);
            if let Err(wait) = breaker.admit(now) {
                assert!(wait <= LONGEST);
                now += wait;
                assert_eq!(breaker.admit(now), Ok(()));
            }
        }
    }
}
