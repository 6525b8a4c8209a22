use std::sync::Arc;

use super::SessionsMgr;
use super::table::addresses;
use crate::domain::{BootTime, ClientDevice, DeviceId};

/// Whether a device is on the network, and for how long it has not been.
#[derive(Debug, Clone)]
pub struct Presence {
    /// The device.
    pub device: Arc<ClientDevice>,
    /// Since when it has been away, as far as the neighbour table tells.
    away_since: Option<BootTime>,
    /// After how long away it has left for good, in milliseconds; `None` if never.
    away_pause_ms: Option<u64>,
}

impl SessionsMgr {
    /// How present a device is; `None` if there is no such device.
    pub fn presence(&self, id: DeviceId) -> Option<Presence> {
        let entry = self.table.device(id)?;
        let away_pause_secs = self.zone_of(&entry.device).policy.away_pause_secs;
        Some(Presence {
            device: Arc::clone(&entry.device),
            away_since: entry.away_since.filter(|_| !entry.device.present),
            away_pause_ms: away_pause_secs.map(|secs| secs.saturating_mul(1000)),
        })
    }
}

impl Presence {
    /// Whether it is here as far as the neighbour table tells, which learns late of who walked off.
    pub fn is_here(&self) -> bool {
        self.device.present && addresses(&self.device).next().is_some()
    }

    /// Whether it was away, or silent since then, for longer than its zone waits.
    pub fn has_left(&self, silent_since: Option<BootTime>, now: BootTime) -> bool {
        let Some(since) = self.away_since.into_iter().chain(silent_since).min() else { return false };
        self.away_pause_ms.is_some_and(|pause| now.millis_since(since) >= pause)
    }
}
