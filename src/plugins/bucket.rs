use std::time::Duration;

use tokio::time::Instant;

/// How fast something may go on: so much at once, and so much a second.
#[derive(Debug)]
pub(super) struct Bucket {
    most: f64,
    per_sec: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(most: f64, per_sec: f64, now: Instant) -> Self {
        Self { most, per_sec, left: most, at: now }
    }

    /// Takes so much and says how long to wait before going on.
    pub(super) fn take(&mut self, cost: f64, now: Instant) -> Duration {
        self.refill(now);
        self.left -= cost;
        if self.left >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.left / self.per_sec) }
    }

    /// Takes so much if it is there.
    pub(super) fn try_take(&mut self, cost: f64, now: Instant) -> bool {
        self.refill(now);
        let has = self.left >= cost;
        if has {
            self.left -= cost;
        }
        has
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_sec).min(self.most);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_so_much_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 5.0, start);
        assert_eq!((0..10).map(|_| bucket.take(1.0, start)).max(), Some(Duration::ZERO));
        assert_eq!(bucket.take(1.0, start), Duration::from_millis(200));
        assert_eq!(bucket.take(0.0, start + Duration::from_secs(1)), Duration::ZERO);
        assert!(bucket.try_take(4.0, start + Duration::from_secs(1)));
        assert!(!bucket.try_take(1.0, start + Duration::from_secs(1)));
        assert!(bucket.try_take(10.0, start + Duration::from_secs(100)));
    }
}
