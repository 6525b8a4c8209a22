use std::collections::BTreeMap;

use super::{Figures, ZoneFigures};
use crate::domain::{WallTime, ZoneName};

/// How finely time is cut, and for how long that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// For an hour, in memory only.
    TenSeconds,
    /// For a day.
    Minute,
    /// For a week.
    TenMinutes,
    /// For 31 days.
    Hour,
}

impl Tier {
    /// Those that are on disk.
    pub const STORED: [Self; 3] = [Self::Minute, Self::TenMinutes, Self::Hour];

    /// How long a slot is.
    pub const fn step_secs(self) -> u32 {
        match self {
            Self::TenSeconds => 10,
            Self::Minute => 60,
            Self::TenMinutes => 600,
            Self::Hour => 3_600,
        }
    }

    /// How long a slot is.
    pub const fn step_ms(self) -> i64 {
        self.step_secs() as i64 * 1_000
    }

    /// How many slots its ring has.
    pub const fn slots(self) -> u32 {
        match self {
            Self::TenSeconds => 360,
            Self::Minute => 1_440,
            Self::TenMinutes => 1_008,
            Self::Hour => 744,
        }
    }

    /// When the slot began that a moment is in.
    pub const fn slot(self, at: WallTime) -> WallTime {
        WallTime(at.0.saturating_sub(at.0.rem_euclid(self.step_ms())))
    }

    /// The place in the ring of the slot that a moment is in. After a whole round the place is taken again, so that a
    /// ring never holds more than [`Tier::slots`].
    pub fn place(self, at: WallTime) -> u32 {
        let round = at.0.div_euclid(self.step_ms()).rem_euclid(i64::from(self.slots()));
        u32::try_from(round).unwrap_or(0)
    }
}

/// How far back somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// 31 days.
    Month,
}

impl Span {
    /// Every one, with its name in API and pages.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Hour, "hour"), (Self::Day, "day"), (Self::Week, "week"), (Self::Month, "month")];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(span, _)| *span == self).map_or("hour", |(_, name)| name)
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(span, _)| *span)
    }

    /// The stored ring that shows it.
    pub const fn tier(self) -> Tier {
        match self {
            Self::Hour | Self::Day => Tier::Minute,
            Self::Week => Tier::TenMinutes,
            Self::Month => Tier::Hour,
        }
    }

    /// How long it is.
    pub const fn millis(self) -> i64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Week => 7 * 86_400_000,
            Self::Month => 31 * 86_400_000,
        }
    }
}

/// What was seen in one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When the slot began.
    pub at: WallTime,
    /// How long it is.
    pub tier: Tier,
    /// Over all zones.
    pub whole: Figures,
    /// Zone by zone.
    pub zones: BTreeMap<ZoneName, ZoneFigures>,
}

impl Sample {
    /// When the slot ends.
    pub const fn end(&self) -> WallTime {
        self.at.plus_millis(self.tier.step_ms())
    }

    /// The same in the slot of a coarser ring.
    #[must_use]
    pub fn in_tier(&self, tier: Tier) -> Self {
        Self { at: tier.slot(self.at), tier, ..self.clone() }
    }

    /// Adds what was seen in the same slot.
    pub fn add(&mut self, other: &Self) {
        self.whole = self.whole.plus(&other.whole);
        for (zone, figures) in &other.zones {
            let known = self.zones.get(zone).copied();
            if known.is_some() || self.zones.len() < super::MAX_SAMPLED_ZONES {
                self.zones.insert(zone.clone(), known.unwrap_or_default().plus(figures));
            }
        }
    }

    /// What was seen in one zone, in place of the whole; what is not told apart by zone is nothing.
    #[must_use]
    pub fn of_zone(&self, zone: &ZoneName) -> Self {
        let ZoneFigures { online_ms, clients_most, down_bytes, up_bytes } =
            self.zones.get(zone).copied().unwrap_or_default();
        let covered_ms = self.whole.covered_ms;
        let whole =
            Figures { covered_ms, online_ms, clients_most, down_bytes, up_bytes, ..Figures::default() };
        Self { at: self.at, tier: self.tier, whole, zones: BTreeMap::new() }
    }
}

/// The slots of one ring that were seen.
#[derive(Debug, Clone)]
pub struct Ring {
    tier: Tier,
    by_place: BTreeMap<u32, Sample>,
}

impl Ring {
    /// An empty one.
    pub const fn new(tier: Tier) -> Self {
        Self { tier, by_place: BTreeMap::new() }
    }

    /// Adds a sample to its slot; what stood in its place a round ago is gone.
    pub fn add(&mut self, sample: &Sample) {
        let sample = sample.in_tier(self.tier);
        let place = self.tier.place(sample.at);
        match self.by_place.get_mut(&place).filter(|known| known.at == sample.at) {
            Some(known) => known.add(&sample),
            None => drop(self.by_place.insert(place, sample)),
        }
    }

    /// The samples of slots that begin in this time, the oldest first.
    pub fn within(&self, from: WallTime, to: WallTime) -> Vec<Sample> {
        let in_time = |sample: &&Sample| sample.at >= from && sample.at < to;
        let mut found: Vec<Sample> = self.by_place.values().filter(in_time).cloned().collect();
        found.sort_by_key(|sample| sample.at);
        found
    }

    /// How many slots it holds.
    pub fn len(&self) -> usize {
        self.by_place.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }
}

/// Adds samples up into the slots of a coarser ring; the oldest first.
pub fn rolled_up<'s>(samples: impl IntoIterator<Item = &'s Sample>, tier: Tier) -> Vec<Sample> {
    let mut slots: BTreeMap<WallTime, Sample> = BTreeMap::new();
    for sample in samples {
        let sample = sample.in_tier(tier);
        match slots.get_mut(&sample.at) {
            Some(known) => known.add(&sample),
            None => drop(slots.insert(sample.at, sample)),
        }
    }
    slots.into_values().collect()
}

/// Fine samples where there are any, coarse ones for what was before: after a restart the fine ones begin anew. A coarse
/// slot that was looked at for longer than the fine ones in it takes their place.
pub fn joined(coarse: Vec<Sample>, fine: Vec<Sample>) -> Vec<Sample> {
    let Some(tier) = coarse.first().map(|sample| sample.tier) else { return fine };
    let seen: BTreeMap<WallTime, u64> =
        rolled_up(&fine, tier).into_iter().map(|sample| (sample.at, sample.whole.covered_ms)).collect();
    let is_better =
        |sample: &Sample| seen.get(&sample.at).is_none_or(|covered_ms| sample.whole.covered_ms > *covered_ms);
    let mut all: BTreeMap<WallTime, Sample> =
        coarse.into_iter().filter(is_better).map(|sample| (sample.at, sample)).collect();
    let taken: Vec<WallTime> = all.keys().copied().collect();
    for sample in fine {
        if taken.binary_search(&tier.slot(sample.at)).is_err() {
            all.insert(sample.at, sample);
        }
    }
    all.into_values().collect()
}

/// Sums between edges, each from one edge up to the next; `None` where nothing was looked at.
pub fn grouped(samples: &[Sample], edges: &[WallTime]) -> Vec<Option<Figures>> {
    let mut sums: Vec<Option<Figures>> = vec![None; edges.len().saturating_sub(1)];
    for sample in samples {
        let after = edges.partition_point(|edge| *edge <= sample.at);
        if let Some(sum) = after.checked_sub(1).and_then(|place| sums.get_mut(place)) {
            *sum = Some(sum.unwrap_or_default().plus(&sample.whole));
        }
    }
    sums
}
