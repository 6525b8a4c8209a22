use std::sync::{Mutex, PoisonError};

/// How often something measured fell below each of a few bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// By the bound that it just fell below; the last is above all of them.
    counts: Vec<u64>,
    sum: f64,
}

/// What a [`Histogram`] has seen so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Each bound, and how many were at most that.
    pub buckets: Vec<(f64, u64)>,
    /// How many in all.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Histogram {
    /// Seconds, from half a millisecond to ten seconds: what a router's disk and kernel take.
    pub const SECONDS: &'static [f64] =
        &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

    /// With these bounds, in ascending order.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, seen: Mutex::new(Seen { counts: vec![0; bounds.len() + 1], sum: 0.0 }) }
    }

    /// Takes one in.
    pub fn observe(&self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = seen.counts.get_mut(place) {
            *count += 1;
        }
        seen.sum += value;
    }

    /// All so far.
    pub fn measured(&self) -> Measured {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.bounds.len());
        for (bound, below) in self.bounds.iter().zip(&seen.counts) {
            count += below;
            buckets.push((*bound, count));
        }
        count += seen.counts.last().copied().unwrap_or(0);
        Measured { buckets, count, sum: seen.sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_holds_all_that_are_at_most_its_bound() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 7.0] {
            histogram.observe(value);
        }
        let measured = histogram.measured();
        assert_eq!(measured.buckets, [(1.0, 2), (2.0, 3)]);
        assert_eq!((measured.count, measured.sum), (4, 10.0));
    }
}
