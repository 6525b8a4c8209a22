use std::time::Instant;

/// `/proc/stat` counts in hundredths of a second, whatever the kernel's own tick (proc(5)).
const TICKS_A_SECOND: f64 = 100.0;
/// The fewest turns that excuse anything: a machine that has none would excuse everything.
const FEWEST_TURNS: f64 = 0.25;

/// What a virtual machine's host takes of its processors, from a moment on.
pub struct Stolen {
    begun: Instant,
    before: Vec<f64>,
}

impl Stolen {
    pub fn from_now() -> Self {
        Self { begun: Instant::now(), before: stolen_secs() }
    }

    /// The share of the time since then in which a packet could get on, at worst: one that passes through two processors waits
    /// for each of them, one after the other.
    pub fn turns(&self) -> f64 {
        let mut since: Vec<f64> =
            stolen_secs().into_iter().zip(&self.before).map(|(now, before)| now - before).collect();
        since.sort_by(|one, other| other.total_cmp(one));
        let two: f64 = since.iter().take(2).sum();
        (1.0 - two / self.begun.elapsed().as_secs_f64()).max(FEWEST_TURNS)
    }
}

/// Seconds that were stolen from each processor since it was started: the eighth figure of its line.
fn stolen_secs() -> Vec<f64> {
    let stat = std::fs::read_to_string("/proc/stat").expect("procfs");
    let each = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    each.map(|line| {
        let ticks = line.split_whitespace().nth(8).map_or(0.0, |ticks| ticks.parse().expect("a number"));
        ticks / TICKS_A_SECOND
    })
    .collect()
}
