//! What happened on the hotspot over time: counted every ten seconds, kept in rings that never grow.
//!
//! A sample stands for a slot of wall-clock time and says how much of that was looked at, so that what nobody measured is
//! a gap and no zero. Samples of one slot are added up; a coarser ring's sample is exactly the sum of the finer ones' in
//! its slot, however the clock jumps.

mod figures;
mod meter;
mod ring;
#[cfg(test)]
mod tests;

pub use figures::{Figures, ZoneFigures};
pub use meter::{MachineReading, Reading, SampleMeter, ZoneReading};
pub use ring::{Ring, Sample, Span, Tier, grouped, joined, rolled_up};

/// Zones that are counted one by one; what passes in others is in the whole only.
pub const MAX_SAMPLED_ZONES: usize = 32;
