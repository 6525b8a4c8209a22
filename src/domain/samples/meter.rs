use std::collections::BTreeMap;

use super::{Figures, MAX_SAMPLED_ZONES, Sample, Tier, ZoneFigures};
use crate::domain::{BootTime, WallTime, ZoneName};

/// What the counters show at a moment. Those that count only grow, from wherever they began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When, by the clock that never jumps.
    pub boot: BootTime,
    /// When, as far as that can be believed.
    pub wall: WallTime,
    /// Zone by zone.
    pub zones: Vec<(ZoneName, ZoneReading)>,
    /// Sessions that ran for the first time so far.
    pub started: u64,
    /// Sessions that ended so far.
    pub ended: u64,
    /// Things in the kernel that were put right so far.
    pub repairs: u64,
    /// What the box says of itself.
    pub machine: MachineReading,
    /// How much the store takes.
    pub store_kb: u64,
    /// Whether there is an uplink; `None` if nobody knows.
    pub uplink: Option<bool>,
}

/// What the counters of a zone show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ZoneReading {
    /// Clients online now.
    pub clients: u64,
    /// Milliseconds that its clients were online so far.
    pub online_ms: u64,
    /// Bytes towards them so far.
    pub down_bytes: u64,
    /// Bytes from them so far.
    pub up_bytes: u64,
}

/// What the box says of itself; zero for what it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MachineReading {
    /// Processor time that this daemon took so far.
    pub own_cpu_ms: u64,
    /// Processor time that everything took so far, …
    pub box_cpu_ms: u64,
    /// … of so much that there was.
    pub box_cpu_of_ms: u64,
    /// Memory of this daemon.
    pub own_memory_kb: u64,
    /// Memory of the box that is in use, …
    pub box_memory_kb: u64,
    /// … of so much that there is.
    pub box_memory_of_kb: u64,
}

/// Makes samples out of readings: what one says more than the one before.
#[derive(Debug, Default)]
pub struct SampleMeter {
    last: Option<Reading>,
}

impl SampleMeter {
    /// Takes a reading in. `None` for the first one, and where no time has passed.
    ///
    /// What was counted since the reading before belongs where that one stood on the wall, and half of the time later by the
    /// clock that never jumps: a wall clock that was set meanwhile makes a gap, or adds to a slot that was there, but
    /// nothing is counted twice and nothing is negative.
    pub fn take(&mut self, reading: Reading) -> Option<Sample> {
        let Some(last) = self.last.take() else {
            self.last = Some(reading);
            return None;
        };
        let covered_ms = reading.boot.millis_since(last.boot);
        if covered_ms == 0 {
            // As it was: what it lacks is in the next one.
            self.last = Some(last);
            return None;
        }
        let middle = i64::try_from(covered_ms / 2).unwrap_or(i64::MAX);
        let sample = sample(&last, &reading, covered_ms, last.wall.plus_millis(middle));
        self.last = Some(reading);
        Some(sample)
    }

    /// The reading that was taken last.
    pub const fn last(&self) -> Option<&Reading> {
        self.last.as_ref()
    }
}

fn sample(last: &Reading, reading: &Reading, covered_ms: u64, at: WallTime) -> Sample {
    let since = |new: u64, old: u64| new.saturating_sub(old);
    let before: BTreeMap<&ZoneName, ZoneReading> =
        last.zones.iter().map(|(name, zone)| (name, *zone)).collect();
    let (machine, was) = (&reading.machine, &last.machine);
    let mut whole = Figures {
        covered_ms,
        started: since(reading.started, last.started),
        ended: since(reading.ended, last.ended),
        repairs: since(reading.repairs, last.repairs),
        own_cpu_ms: since(machine.own_cpu_ms, was.own_cpu_ms),
        box_cpu_ms: since(machine.box_cpu_ms, was.box_cpu_ms),
        box_cpu_of_ms: since(machine.box_cpu_of_ms, was.box_cpu_of_ms),
        own_memory_kb: machine.own_memory_kb,
        box_memory_kb: machine.box_memory_kb,
        store_kb: reading.store_kb,
        uplink_known_ms: reading.uplink.map_or(0, |_| covered_ms),
        uplink_ms: if reading.uplink == Some(true) { covered_ms } else { 0 },
        ..Figures::default()
    };
    let mut zones = BTreeMap::new();
    for (name, now) in &reading.zones {
        let old = before.get(name).copied().unwrap_or_default();
        let figures = ZoneFigures {
            online_ms: since(now.online_ms, old.online_ms),
            clients_most: now.clients,
            down_bytes: since(now.down_bytes, old.down_bytes),
            up_bytes: since(now.up_bytes, old.up_bytes),
        };
        whole.online_ms = whole.online_ms.saturating_add(figures.online_ms);
        whole.clients_most = whole.clients_most.saturating_add(figures.clients_most);
        whole.down_bytes = whole.down_bytes.saturating_add(figures.down_bytes);
        whole.up_bytes = whole.up_bytes.saturating_add(figures.up_bytes);
        if zones.len() < MAX_SAMPLED_ZONES {
            zones.insert(name.clone(), figures);
        }
    }
    Sample { at: Tier::TenSeconds.slot(at), tier: Tier::TenSeconds, whole, zones }
}
