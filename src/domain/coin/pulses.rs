/// A change of the level on a coin acceptor's wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// When, in nanoseconds of the source's own clock; only differences matter.
    pub at_ns: u64,
    /// Whether the wire is active (within a pulse) from then on.
    pub active: bool,
    /// Whether the source gave the time itself: the same time again is then the same edge again.
    pub stamped: bool,
}

/// Pulses that belong together: what the acceptor says about one coin, or about several in quick succession.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Train {
    /// When its first pulse began, by the source's clock.
    pub began_ns: u64,
    /// Whether the source gave that time itself.
    pub stamped: bool,
    /// How many pulses.
    pub pulses: u32,
}

/// The most pulses of one train: a wire that never comes to rest is not listened to for ever.
pub const MAX_TRAIN_PULSES: u32 = 1_000;

/// The longest pulse: a line that is active for longer is broken or has no power, and pays nothing.
const MAX_PULSE_NS: u64 = 1_000_000_000;

/// Counts pulses: a level counts once it has stood still for the debounce time, and a train is over when no pulse came for
/// the length of the gap.
///
/// It reads no clock: time is what the edges say, and how long it has been quiet since the last one.
#[derive(Debug, Clone)]
pub struct PulseCounter {
    debounce_ns: u64,
    gap_ns: u64,
    /// The newest level, which may be a bounce.
    raw: Option<Edge>,
    /// Since when the wire has been active for sure.
    active_since: Option<Edge>,
    train: Option<Train>,
    /// When the last pulse of the train ended.
    pulse_ended_ns: u64,
}

impl PulseCounter {
    /// With the wire at rest.
    pub const fn new(debounce_ms: u32, train_gap_ms: u32) -> Self {
        const NS: u64 = 1_000_000;
        Self {
            debounce_ns: debounce_ms as u64 * NS,
            gap_ns: train_gap_ms as u64 * NS,
            raw: None,
            active_since: None,
            train: None,
            pulse_ended_ns: 0,
        }
    }

    /// Takes an edge; the train that was over before it, if one was.
    pub fn edge(&mut self, edge: Edge) -> Option<Train> {
        let Some(raw) = self.raw else {
            self.raw = Some(edge);
            return None;
        };
        let Some(passed) = edge.at_ns.checked_sub(raw.at_ns) else {
            // The source has begun to count anew: what came before stands by itself, and its last level as it was.
            let ended = self.passed(raw, self.debounce_ns).or_else(|| self.end());
            (self.raw, self.active_since) = (Some(edge), None);
            return ended;
        };
        let ended = self.passed(raw, passed);
        // The same level again: the edge between was missed, or this one is told twice.
        if edge.active != raw.active {
            self.raw = Some(edge);
        }
        ended
    }

    /// Nothing has come for so long since the last edge; the train that is over by that, if one is.
    pub fn quiet(&mut self, for_ns: u64) -> Option<Train> {
        self.raw.and_then(|raw| self.passed(raw, for_ns))
    }

    /// After so much quiet since the last edge there is something to be told; `None`: the wire is at rest.
    pub fn patience_ns(&self) -> Option<u64> {
        let raw = self.raw?;
        let settles = (raw.active != self.active_since.is_some()).then_some(self.debounce_ns);
        let ends = self.train.map(|_| {
            let rested = raw.at_ns.saturating_sub(self.pulse_ended_ns);
            let goes_on = self
                .active_since
                .map_or(0, |since| (MAX_PULSE_NS + 1).saturating_sub(raw.at_ns.saturating_sub(since.at_ns)));
            self.gap_ns.saturating_sub(rested).max(self.debounce_ns).max(goes_on)
        });
        settles.into_iter().chain(ends).min()
    }

    /// Whether pulses have come that are not told yet, or one is going on.
    pub fn is_busy(&self) -> bool {
        self.train.is_some() || self.raw.is_some_and(|raw| raw.active)
    }

    /// The level has been what `raw` says for so long.
    fn passed(&mut self, raw: Edge, passed_ns: u64) -> Option<Train> {
        if passed_ns >= self.debounce_ns {
            match (self.active_since, raw.active) {
                (None, true) => self.active_since = Some(raw),
                (Some(since), false) => {
                    self.active_since = None;
                    self.pulse(since, raw.at_ns);
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        let now_ns = raw.at_ns.saturating_add(passed_ns);
        let is_over = self.train.is_some_and(|train| {
            let rests = now_ns.saturating_sub(self.pulse_ended_ns) >= self.gap_ns;
            // A pulse that is going on, and is none that is too long, belongs to it.
            let goes_on =
                self.active_since.is_some_and(|since| now_ns.saturating_sub(since.at_ns) <= MAX_PULSE_NS);
            (rests && !goes_on) || train.pulses >= MAX_TRAIN_PULSES
        });
        if is_over { self.end() } else { None }
    }

    fn pulse(&mut self, since: Edge, until_ns: u64) {
        if until_ns.saturating_sub(since.at_ns) > MAX_PULSE_NS {
            return;
        }
        let first = Train { began_ns: since.at_ns, stamped: since.stamped, pulses: 0 };
        let train = self.train.get_or_insert(first);
        train.pulses += 1;
        self.pulse_ended_ns = until_ns;
    }

    fn end(&mut self) -> Option<Train> {
        self.train.take()
    }
}

#[cfg(test)]
#[path = "pulses_tests.rs"]
mod tests;
