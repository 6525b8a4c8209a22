use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How often something happened. Costs one relaxed addition. On a 32-bit router it begins anew after 4 billion, which
/// Prometheus takes for the reset that it is.
#[derive(Debug, Default)]
pub struct Counter(AtomicUsize);

impl Counter {
    /// It happened once more.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// It happened so many times more.
    pub fn add(&self, times: usize) {
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    /// How often so far.
    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something happened, by a name out of a fixed few. For what is rare: each count takes a lock.
#[derive(Debug)]
pub struct Counters(Mutex<BTreeMap<&'static str, usize>>);

impl Counters {
    /// With the names that are shown before they happen.
    pub fn new(names: &[&'static str]) -> Self {
        Self(Mutex::new(names.iter().map(|name| (*name, 0)).collect()))
    }

    /// It happened once more.
    pub fn count(&self, name: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name).or_default();
        *count = count.wrapping_add(1);
    }

    /// It happened so many times more.
    pub fn add(&self, name: &'static str, times: usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name).or_default();
        *count = count.wrapping_add(times);
    }

    /// Each name and how often so far, in the order of the names.
    pub fn values(&self) -> Vec<(&'static str, usize)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(name, count)| (*name, *count)).collect()
    }
}

/// How many there are now. Clones count the same.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicUsize>);

impl Gauge {
    /// One more, for as long as what comes back is held.
    pub fn hold(&self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }

    /// How many now.
    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of those that a [`Gauge`] counts; it is counted no more when this is dropped.
#[derive(Debug)]
pub struct Held(Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let gauge = Gauge::default();
        let (first, second) = (gauge.hold(), gauge.clone().hold());
        assert_eq!(gauge.value(), 2);
        drop(first);
        assert_eq!(gauge.value(), 1);
        drop(second);
        assert_eq!(gauge.value(), 0);
    }

    #[test]
    fn names_are_shown_before_they_happen() {
        let counters = Counters::new(&["b", "a"]);
        counters.count("b");
        counters.count("c");
        assert_eq!(counters.values(), [("a", 0), ("b", 1), ("c", 1)]);
    }
}
