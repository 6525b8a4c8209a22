use super::{Books, BootTime, ClientKey, MacAddr, Mbps, ZoneName};

/// What the kernel must hold of one device: the whole of it, to be compared with what it held before or holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The device's address.
    pub mac: MacAddr,
    /// Its key.
    pub key: ClientKey,
    /// What is let through; `None` while it is captive.
    pub grant: Option<Grant>,
}

/// How far a device is let through, in absolute terms, so that two grants are equal exactly if nothing must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// When its time is used up; `None` if time does not limit it.
    pub deadline: Option<BootTime>,
    /// The counter (bytes sent + received) at which its data is used up; `None` if data does not limit it.
    pub end_counter: Option<u64>,
    /// Its traffic class; `None` while nothing in its zone is limited.
    pub rates: Option<ClassRates>,
    /// The books as last read: where the counters start if the kernel has lost them.
    pub books: Books,
}

/// The zone whose class a client's class sits under, and its speeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRates {
    /// The zone.
    pub zone: ZoneName,
    /// The client's own speeds.
    pub client: ClientRates,
}

/// A client's speeds; `None` is whatever the zone leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClientRates {
    /// Towards the client.
    pub down: Option<Mbps>,
    /// From the client.
    pub up: Option<Mbps>,
}

impl Grant {
    /// Milliseconds left, for the kernel's timeout; `None` if time does not limit it.
    pub fn time_left_ms(&self, now: BootTime) -> Option<u64> {
        self.deadline.map(|deadline| deadline.millis_since(now))
    }

    /// Bytes left after what the books say; `None` if data does not limit it.
    pub fn bytes_left(&self) -> Option<u64> {
        self.end_counter.map(|end| end.saturating_sub(self.books.total_bytes()))
    }

    /// Whether both let the same through, whatever their books say.
    pub fn same_limits(&self, other: &Self) -> bool {
        self.deadline == other.deadline && self.end_counter == other.end_counter
    }
}
