use std::time::Instant;

/// `/proc/stat` counts in hundredths of a second, whatever the kernel's own tick (proc(5)).
const TICKS_A_SECOND: f64 = 100.0;

/// What a virtual machine's host takes of its processors, from a moment on.
pub struct Stolen {
    begun: Instant,
    before: f64,
}

impl Stolen {
    pub fn from_now() -> Self {
        Self { begun: Instant::now(), before: stolen_secs() }
    }

    /// The share of the time since then in which no processor stood still, at worst: that they stood one after the other. A
    /// packet that passes through two of them waits for each.
    pub fn turns(&self) -> f64 {
        (1.0 - (stolen_secs() - self.before) / self.begun.elapsed().as_secs_f64()).clamp(0.0, 1.0)
    }
}

/// Seconds that were stolen from all processors together since they were started: the eighth figure.
fn stolen_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("procfs");
    let all = stat.lines().next().expect("a line of all processors");
    let ticks: f64 = all.split_whitespace().nth(8).map_or(0.0, |steal| steal.parse().expect("a number"));
    ticks / TICKS_A_SECOND
}
