use std::sync::atomic::{AtomicBool, Ordering};

use crate::metrics::{Counter, Counters, Histogram};

/// What the store counts and measures over the life of the daemon.
#[derive(Debug)]
pub struct StoreMeasures {
    /// Seconds until a group was on disk.
    pub commit_secs: Histogram,
    /// What could not be written, by what that was.
    pub errors: Counters,
    /// Lines of the audit log that could not be written.
    pub audit_lines_lost: Counter,
    refused: AtomicBool,
}

impl StoreMeasures {
    /// Notes whether the disk takes what is to be stored.
    pub fn set_writable(&self, writable: bool) {
        self.refused.store(!writable, Ordering::Relaxed);
    }

    /// Whether it does, as far as is known.
    pub fn is_writable(&self) -> bool {
        !self.refused.load(Ordering::Relaxed)
    }
}

impl Default for StoreMeasures {
    fn default() -> Self {
        Self {
            commit_secs: Histogram::new(Histogram::SECONDS),
            errors: Counters::new(&["audit", "commit", "hooks", "outbox", "prune", "samples"]),
            audit_lines_lost: Counter::default(),
            refused: AtomicBool::new(false),
        }
    }
}
