//! How many connections one peer may have at once: by its address, and where places are short by its device.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{BoxFuture, MacAddr};

/// Says which device has an address; `None` if nobody knows.
pub type Holders = Arc<dyn Fn(IpAddr) -> BoxFuture<'static, Option<MacAddr>> + Send + Sync>;

type Taken<K> = Arc<Mutex<HashMap<K, usize>>>;

/// One of the connections that somebody may have; given back when dropped.
pub(super) struct Seat<K: Eq + Hash> {
    taken: Taken<K>,
    of: K,
}

impl<K: Copy + Eq + Hash> Seat<K> {
    fn take(taken: &Taken<K>, of: K, most: usize) -> Option<Self> {
        let mut table = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = table.entry(of).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(table);
        Some(Self { taken: Arc::clone(taken), of })
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

/// The seats of one listener.
pub(super) struct Seats {
    most: usize,
    addresses: Taken<IpAddr>,
    devices: Taken<MacAddr>,
    holders: Option<Holders>,
}

impl Seats {
    /// So many for each address and for each device.
    pub(super) fn new(most: usize, holders: Option<Holders>) -> Self {
        Self { most, addresses: Arc::default(), devices: Arc::default(), holders }
    }

    /// A seat for an address; `None` if it has all of its own.
    pub(super) fn of_address(&self, address: IpAddr) -> Option<Seat<IpAddr>> {
        Seat::take(&self.addresses, address, self.most)
    }

    /// What a connection that comes in while places are short has to pass: one device makes up as many addresses as it likes.
    pub(super) fn door(&self, address: IpAddr) -> Option<Door> {
        let holders = Arc::clone(self.holders.as_ref()?);
        Some(Door { holders, devices: Arc::clone(&self.devices), address, most: self.most })
    }
}

/// Where a device's seats are counted.
pub(super) struct Door {
    holders: Holders,
    devices: Taken<MacAddr>,
    address: IpAddr,
    most: usize,
}

/// What may have been taken at a [`Door`].
pub(super) type DeviceSeat = Option<Seat<MacAddr>>;

impl Door {
    /// A seat for the device, if anybody knows which it is; an error if it has all of its own.
    pub(super) async fn pass(self) -> Result<DeviceSeat, ()> {
        let Some(mac) = (self.holders)(self.address).await else { return Ok(None) };
        Seat::take(&self.devices, mac, self.most).map(Some).ok_or(())
    }
}

/// Passes a door, if there is one.
pub(super) async fn pass(door: Option<Door>) -> Result<DeviceSeat, ()> {
    match door {
        Some(door) => door.pass().await,
        None => Ok(None),
    }
}
