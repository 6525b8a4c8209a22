use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

use super::handle::Handle;
use super::machine;
use super::vouchers::store_failed;
use crate::domain::samples::{
    MachineReading, Reading, Ring, Sample, SampleMeter, Span, Tier, ZoneReading, joined, rolled_up,
};
use crate::domain::sessions_mgr::{Busy, Traffic};
use crate::domain::{BootTime, Refusal, SessionsMgr, WallTime, ZoneName};
use crate::store::StoreError;

/// What was counted is written so often: once a minute wears no flash, and is all that a crash can lose.
const WRITE_EVERY_MS: u64 = 60_000;
/// What cannot be written is kept for so many minutes; then the oldest is given up.
const MOST_UNWRITTEN: usize = 180;

/// What happened lately.
#[derive(Debug, Default)]
pub(super) struct Samples {
    kept: Mutex<Kept>,
    /// Held by whoever writes, and by whoever adds up what is written and what is not: nothing is seen twice or not at all.
    writing: tokio::sync::Mutex<()>,
}

/// The finest ring, and what is not in the store yet.
#[derive(Debug)]
struct Kept {
    meter: SampleMeter,
    recent: Ring,
    unwritten: Vec<Sample>,
    written_at: Option<BootTime>,
    uplink: Option<bool>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            meter: SampleMeter::default(),
            recent: Ring::new(Tier::TenSeconds),
            unwritten: Vec::new(),
            written_at: None,
            uplink: None,
        }
    }
}

/// What a step of sampling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampleStep {
    /// A sample was made.
    pub sampled: bool,
    /// What was counted was written.
    pub written: bool,
}

/// How things stand, for whoever looks at the dashboard.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Devices known.
    pub devices: usize,
    /// Clients online.
    pub online: usize,
    /// Sessions that could be used or are.
    pub usable_sessions: usize,
    /// Clients online, zone by zone.
    pub zones: Vec<(ZoneName, usize)>,
    /// The clients for which the most passes, those first.
    pub busiest: Vec<Busy>,
    /// What the box says of itself.
    pub machine: MachineReading,
    /// Whether there is an uplink; `None` if nobody knows.
    pub uplink: Option<bool>,
    /// Whether the wall clock can be believed.
    pub clock_believed: bool,
}

impl Handle {
    fn kept_samples(&self) -> MutexGuard<'_, Kept> {
        self.shared.samples.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step of sampling: counts what happened since the step before, and once a minute writes it.
    ///
    /// The owner's task is asked for its counters only. What cannot be written is tried again with the next step.
    pub async fn sample_step(&self) -> Result<SampleStep, Refusal> {
        let zones = self.ask(|mgr, _| mgr.zones_now()).await?;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let zone = |(name, clients, traffic): (ZoneName, usize, Traffic)| {
            let (online_ms, down_bytes, up_bytes) =
                (traffic.online_ms, traffic.received_bytes, traffic.sent_bytes);
            (name, ZoneReading { clients: count(clients), online_ms, down_bytes, up_bytes })
        };
        let measures = &self.shared.measures;
        let ended: usize = measures.ended.values().iter().map(|(_, ended)| *ended).sum();
        let size = self.shared.store.size().map(|size| size.file_bytes.saturating_add(size.log_bytes));
        let now = self.now();
        let reading = Reading {
            boot: now.boot,
            wall: self.believable(),
            zones: zones.into_iter().map(zone).collect(),
            started: count(measures.started.value()),
            ended: count(ended),
            repairs: count(self.shared.repairs.load(Ordering::Relaxed)),
            machine: machine::read(),
            store_kb: size.unwrap_or(0) / 1024,
            uplink: self.uplink(),
        };
        let (sampled, due) = {
            let mut kept = self.kept_samples();
            let sample = kept.meter.take(reading);
            if let Some(sample) = &sample {
                kept.recent.add(sample);
                let unwritten =
                    rolled_up(kept.unwritten.iter().chain([&sample.in_tier(Tier::Minute)]), Tier::Minute);
                let beyond = unwritten.len().saturating_sub(MOST_UNWRITTEN);
                kept.unwritten = unwritten.into_iter().skip(beyond).collect();
            }
            let since = *kept.written_at.get_or_insert(now.boot);
            (sample.is_some(), now.boot.millis_since(since) >= WRITE_EVERY_MS)
        };
        let written = due && self.write_samples().await.map_err(store_failed)?;
        Ok(SampleStep { sampled, written })
    }

    /// Writes what was counted and is not in the store yet; whether there was anything.
    ///
    /// What is begun is finished by a task of its own: whoever waits for it may be stopped meanwhile, and then nobody would know
    /// whether what was taken is in the store.
    pub async fn write_samples(&self) -> Result<bool, StoreError> {
        let handle = self.clone();
        let written = tokio::spawn(async move { handle.write_unwritten().await }).await;
        // It is cancelled only by the end of the process.
        written.unwrap_or_else(|error| error.try_into_panic().map_or(Ok(false), |panic| resume_unwind(panic)))
    }

    async fn write_unwritten(&self) -> Result<bool, StoreError> {
        let _writing = self.shared.samples.writing.lock().await;
        let unwritten = {
            let mut kept = self.kept_samples();
            kept.written_at = Some(self.now().boot);
            std::mem::take(&mut kept.unwritten)
        };
        if unwritten.is_empty() {
            return Ok(false);
        }
        let done = self.shared.store.add_samples(&unwritten).await;
        if let Err(error) = done {
            self.shared.store.measures().errors.count("samples");
            let mut kept = self.kept_samples();
            kept.unwritten = rolled_up(unwritten.iter().chain(&kept.unwritten), Tier::Minute);
            return Err(error);
        }
        Ok(true)
    }

    /// What happened up to now, the oldest first; of one zone if one is named. The slots of an hour are ten seconds long where
    /// that is known.
    pub async fn samples(&self, span: Span, zone: Option<&ZoneName>) -> Result<Vec<Sample>, Refusal> {
        let now = self.believable();
        let from = WallTime(now.0.saturating_sub(span.millis()));
        // A slot belongs to it whose end is in it.
        let tier = span.tier();
        let (first, after) = (tier.slot(from), now.plus_millis(1));
        let (recent, unwritten, stored) = {
            let _writing = self.shared.samples.writing.lock().await;
            let stored = self.shared.store.samples(tier, first, after).await.map_err(store_failed)?;
            let kept = self.kept_samples();
            (kept.recent.within(from, after), kept.unwritten.clone(), stored)
        };
        let fresh = rolled_up(&unwritten, tier);
        let in_time = fresh.iter().filter(|sample| sample.at >= first && sample.at < after);
        let mut samples = rolled_up(stored.iter().chain(in_time), tier);
        if span == Span::Hour {
            samples = joined(samples, recent);
        }
        Ok(match zone {
            Some(zone) => samples.iter().map(|sample| sample.of_zone(zone)).collect(),
            None => samples,
        })
    }

    /// What was seen in the last ten seconds or so.
    pub fn latest_sample(&self) -> Option<Sample> {
        let now = self.believable();
        self.kept_samples().recent.within(now.plus_millis(-30_000), now.plus_millis(1)).pop()
    }

    /// How things stand, with so many of the busiest clients, of one zone if it is one of ours.
    pub async fn standing(&self, busiest: usize, zone: Option<ZoneName>) -> Result<Standing, Refusal> {
        let look =
            move |mgr: &SessionsMgr, _| (mgr.counts(), mgr.zones_now(), mgr.busiest(busiest, zone.as_ref()));
        let ((devices, online, usable_sessions), zones, busiest) = self.ask(look).await?;
        Ok(Standing {
            devices,
            online,
            usable_sessions,
            zones: zones.into_iter().map(|(name, online, _)| (name, online)).collect(),
            busiest,
            machine: machine::read(),
            uplink: self.uplink(),
            clock_believed: self.shared.clock.is_believed(),
        })
    }

    /// Somebody has looked whether there is an uplink.
    pub fn note_uplink(&self, is_up: bool) {
        self.kept_samples().uplink = Some(is_up);
    }

    fn uplink(&self) -> Option<bool> {
        self.kept_samples().uplink
    }
}

/// Takes a step at the end of every ten seconds on the clock, until the daemon stops.
pub async fn keep_samples(handle: Handle) {
    let step_ms = Tier::TenSeconds.step_ms();
    loop {
        let into = handle.believable().0.rem_euclid(step_ms);
        let wait = u64::try_from(step_ms - into).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match handle.sample_step().await {
            Ok(_) => {}
            Err(Refusal::Stopping) => return std::future::pending().await,
            Err(refusal) => {
                warn!(%refusal, "what happened on the hotspot could not be written; trying again")
            }
        }
    }
}
