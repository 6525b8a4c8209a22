use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use super::table::Entry;
use super::{SessionsMgr, Traffic};
use crate::domain::{ClientDevice, ClientSession, DeviceId, ZoneName};

/// A client that is online, with its session and what passes for it.
#[derive(Debug, Clone)]
pub struct Busy {
    /// The device.
    pub device: Arc<ClientDevice>,
    /// What it runs.
    pub session: Arc<ClientSession>,
    /// Bytes per second, both directions, between the last two readings of its books.
    pub bytes_per_sec: u64,
}

/// A device as it stands, and the session that it runs.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// The device.
    pub device: Arc<ClientDevice>,
    /// What it runs; `None` while it is not let through.
    pub runs: Option<Arc<ClientSession>>,
}

impl SessionsMgr {
    /// How a device stands; `None` if it is not known.
    pub fn whereabouts_of(&self, id: DeviceId) -> Option<Whereabouts> {
        self.table.device(id).map(|entry| self.whereabouts_at(entry))
    }

    /// How every device stands.
    pub fn whereabouts(&self) -> Vec<Whereabouts> {
        self.table.devices().map(|entry| self.whereabouts_at(entry)).collect()
    }

    fn whereabouts_at(&self, entry: &Entry) -> Whereabouts {
        let runs = entry.run.as_ref().and_then(|run| self.table.shared_session(run.session));
        Whereabouts { device: Arc::clone(&entry.device), runs: runs.map(Arc::clone) }
    }

    /// How many clients of each zone are online, and what passed in it since the start.
    pub fn zones_now(&self) -> Vec<(ZoneName, usize, Traffic)> {
        let mut online: BTreeMap<&ZoneName, usize> = self.zones.keys().map(|name| (name, 0)).collect();
        for entry in self.table.running() {
            // The first zone stands in for one that has left the configuration, as everywhere.
            let zone = entry.device.zone.as_ref().filter(|zone| self.zones.contains_key(*zone));
            *online.entry(zone.unwrap_or(&self.first_zone)).or_default() += 1;
        }
        let traffic = |zone: &ZoneName| self.zones.get(zone).map(|zone| zone.traffic).unwrap_or_default();
        online.into_iter().map(|(zone, count)| (zone.clone(), count, traffic(zone))).collect()
    }

    /// So many of the clients that are online, those first for which the most passes; of one zone if it is one of ours.
    pub fn busiest(&self, most: usize, zone: Option<&ZoneName>) -> Vec<Busy> {
        let zone = zone.filter(|zone| self.zones.contains_key(*zone));
        let mut first: BinaryHeap<Reverse<(u64, DeviceId)>> = BinaryHeap::with_capacity(most + 1);
        for entry in self.table.running() {
            let Some(run) = &entry.run else { continue };
            if zone.is_some() && entry.device.zone.as_ref() != zone {
                continue;
            }
            first.push(Reverse((run.bytes_per_sec, entry.device.id)));
            if first.len() > most {
                first.pop();
            }
        }
        let busy = |Reverse((bytes_per_sec, id)): Reverse<(u64, DeviceId)>| {
            let entry = self.table.device(id)?;
            let session = self.table.shared_session(entry.run.as_ref()?.session)?;
            Some(Busy { device: Arc::clone(&entry.device), session: Arc::clone(session), bytes_per_sec })
        };
        // The least of the reversed is the most.
        first.into_sorted_vec().into_iter().filter_map(busy).collect()
    }
}
