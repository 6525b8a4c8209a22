use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this box itself reaches the Internet, as far as its routes tell: whoever follows them says so here, and the
/// pages of all zones show it.
#[derive(Debug, Clone, Default)]
pub struct Uplink(Arc<AtomicBool>);

impl Uplink {
    /// Says that it is down, or that it is up again; whether that is news.
    pub fn set_down(&self, down: bool) -> bool {
        self.0.swap(down, Ordering::Relaxed) != down
    }

    /// Whether it is down.
    pub fn is_down(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
