use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::DeviceId;

/// The live streams that are open, bounded per device and in all, so that no guest can hoard them.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Mutex<Table>>);

/// The most streams of one device: a page in each of a few tabs. One more closes the oldest.
pub const MAX_PER_DEVICE: usize = 4;
/// The most streams in all: half of the connections that a portal's listener takes, so that pages still load. One more is
/// refused.
pub const MAX_IN_ALL: usize = 1024;

#[derive(Debug, Default)]
struct Table {
    next_number: u32,
    open: HashMap<DeviceId, VecDeque<Entry>>,
    count: usize,
}

#[derive(Debug)]
struct Entry {
    number: u32,
    /// Dropped to close the stream.
    _alive: oneshot::Sender<()>,
}

/// An open stream's place; dropping it frees the place.
#[derive(Debug)]
pub struct Slot {
    streams: Streams,
    device: DeviceId,
    number: u32,
    replaced: oneshot::Receiver<()>,
}

impl Streams {
    /// Takes a place for a device. `None` if all are taken and none of them is its own.
    pub fn open(&self, device: DeviceId) -> Option<Slot> {
        let mut table = self.table();
        let own = table.open.get(&device).map_or(0, VecDeque::len);
        if own >= MAX_PER_DEVICE || (table.count >= MAX_IN_ALL && own > 0) {
            table.drop_oldest(device);
        } else if table.count >= MAX_IN_ALL {
            return None;
        }
        let number = table.next_number;
        table.next_number = table.next_number.wrapping_add(1);
        let (alive, replaced) = oneshot::channel();
        table.open.entry(device).or_default().push_back(Entry { number, _alive: alive });
        table.count += 1;
        Some(Slot { streams: self.clone(), device, number, replaced })
    }

    /// Closes all of them: their pages come back by themselves.
    pub fn close(&self) {
        let mut table = self.table();
        table.open.clear();
        table.count = 0;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn drop_oldest(&mut self, device: DeviceId) {
        if self.open.get_mut(&device).and_then(VecDeque::pop_front).is_some() {
            self.count = self.count.saturating_sub(1);
        }
    }

    fn remove(&mut self, device: DeviceId, number: u32) {
        let Some(entries) = self.open.get_mut(&device) else { return };
        let before = entries.len();
        entries.retain(|entry| entry.number != number);
        self.count = self.count.saturating_sub(before - entries.len());
        if entries.is_empty() {
            self.open.remove(&device);
        }
    }
}

impl Slot {
    /// Returns when a newer stream of the same device has taken this place.
    pub async fn replaced(&mut self) {
        // The sender never sends: either way it is gone.
        let _gone = (&mut self.replaced).await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.streams.table().remove(self.device, self.number);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn device(number: u128) -> DeviceId {
        DeviceId::new(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn a_fifth_stream_closes_the_first() {
        let streams = Streams::default();
        let mut slots: Vec<Slot> =
            (0..=MAX_PER_DEVICE).map(|_| streams.open(device(1)).expect("room")).collect();
        tokio::time::timeout(std::time::Duration::from_secs(5), slots[0].replaced()).await.expect("closed");
        assert!(
            slots[1].replaced.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
        );
        assert_eq!(streams.table().count, MAX_PER_DEVICE);
        drop(slots);
        assert_eq!(streams.table().count, 0);
        assert!(streams.table().open.is_empty());
    }

    #[test]
    fn all_places_taken_refuses_newcomers_but_not_those_inside() {
        let streams = Streams::default();
        let slots: Vec<Slot> =
            (0..MAX_IN_ALL).map(|number| streams.open(device(number as u128)).expect("room")).collect();
        assert!(streams.open(device(u128::MAX)).is_none());
        let again = streams.open(device(7)).expect("takes its own place over");
        assert_eq!(streams.table().count, MAX_IN_ALL);
        drop(slots);
        drop(again);
        assert_eq!(streams.table().count, 0);
    }
}
