use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::domain::{DeviceId, Text};

/// How many may wait for one page.
const WAITING: usize = 16;
/// Devices whose pages have gone are looked for when there are so many, and each time that there are twice as many again.
const SWEPT_AT: usize = 64;

/// A text for the portal page of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalNotice {
    /// The text; `None` if only the device's standing changed and the page should look again.
    pub text: Option<Text>,
}

/// Notices on their way to the pages that are open, each device's by themselves: a thousand at once are one for each page.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    open: HashMap<DeviceId, broadcast::Sender<PortalNotice>>,
    sweep_at: usize,
}

impl Notices {
    /// Tells the open pages of a device; there may be none.
    pub(super) fn send(&self, device: DeviceId, notice: PortalNotice) {
        let mut table = self.table();
        let gone = table.open.get(&device).is_some_and(|pages| pages.send(notice).is_err());
        if gone {
            table.open.remove(&device);
        }
    }

    /// What a page of a device is told from now on.
    pub(super) fn subscribe(&self, device: DeviceId) -> broadcast::Receiver<PortalNotice> {
        let mut table = self.table();
        if table.open.len() >= table.sweep_at.max(SWEPT_AT) {
            table.open.retain(|_, pages| pages.receiver_count() > 0);
            table.sweep_at = table.open.len() * 2;
        }
        table.open.entry(device).or_insert_with(|| broadcast::channel(WAITING).0).subscribe()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn device(number: u128) -> DeviceId {
        DeviceId::new(Uuid::from_u128(number))
    }

    #[test]
    fn a_thousand_notices_at_once_are_one_for_each_page() {
        let notices = Notices::default();
        let mut pages: Vec<_> = (0..1_000).map(|number| notices.subscribe(device(number))).collect();
        for number in 0..1_000 {
            notices.send(device(number), PortalNotice { text: Some(Text::new(&number.to_string())) });
        }
        for (number, page) in pages.iter_mut().enumerate() {
            assert_eq!(page.try_recv().unwrap().text, Some(Text::new(&number.to_string())), "none is lost");
            assert!(page.try_recv().is_err(), "and none is another's");
        }
        drop(pages);
        for number in 0..5_000 {
            drop(notices.subscribe(device(number)));
        }
        assert!(notices.table().open.len() <= 2_048, "those whose pages are gone are forgotten");
        notices.send(device(7), PortalNotice { text: None });
    }
}
