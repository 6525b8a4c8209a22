use std::sync::Arc;

use super::handle::Handle;
use super::steer::Snapshot;
use crate::domain::sessions_mgr::{Traffic, ZoneOpening};
use crate::domain::{DeviceId, LocalTime, Refusal, WallTime, When, ZoneName};

/// How things stand between two groups, for whoever counts.
pub struct Survey {
    /// The sessions that are not over.
    pub snapshot: Snapshot,
    /// How many devices are known.
    pub devices: usize,
    /// How many of them are let through.
    pub connected: usize,
    /// How many of them are blocked.
    pub blocked: usize,
    /// Bytes that passed in each zone since the start.
    pub traffic: Vec<(ZoneName, Traffic)>,
}

impl Handle {
    /// How things stand, in one look.
    pub async fn survey(&self) -> Result<Survey, Refusal> {
        let shared = Arc::clone(&self.shared);
        self.ask(move |mgr, now| {
            let (devices, connected, _) = mgr.counts();
            Survey {
                snapshot: Snapshot::of(mgr, now, &shared),
                devices,
                connected,
                blocked: mgr.devices().filter(|device| device.blocked).count(),
                traffic: mgr.traffic().map(|(zone, traffic)| (zone.clone(), traffic)).collect(),
            }
        })
        .await
    }

    /// How each zone stands to its opening hours.
    pub async fn openings(&self) -> Result<Vec<(ZoneName, ZoneOpening)>, Refusal> {
        self.ask(|mgr, now| mgr.openings(now)).await
    }

    /// Refuses a device whose zone is closed now.
    pub async fn must_be_open(&self, device: DeviceId) -> Result<(), Refusal> {
        let answer = self.ask(move |mgr, now| mgr.lets_in(device, now)).await?;
        answer.map_err(|refusal| self.shared.measures.refused(refusal))
    }

    /// A moment ahead, as people here say it.
    pub fn ahead(&self, at: WallTime) -> When {
        When::ahead(at, self.believable(), &self.shared.clock)
    }

    /// The time by which opening hours would go after a reload now; see [`crate::clock::Clock::believed_anew`].
    pub fn believed_anew(&self) -> Option<WallTime> {
        self.shared.clock.believed_anew()
    }

    /// The clock on the wall here.
    pub fn place(&self) -> &dyn LocalTime {
        &self.shared.clock
    }

    /// How many clients of each zone are online.
    pub async fn zones_online(&self) -> Result<Vec<(ZoneName, usize)>, Refusal> {
        self.ask(|mgr, _| mgr.zones_now().into_iter().map(|(zone, online, _)| (zone, online)).collect()).await
    }

    /// The zones that there are.
    pub async fn survey_zones(&self) -> Result<Vec<ZoneName>, Refusal> {
        self.ask(|mgr, _| mgr.traffic().map(|(zone, _)| zone.clone()).collect()).await
    }
}
