/// A client's counters as the kernel's sets `sent` and `received` hold them, in bytes and packets of layer 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    /// Bytes from the client.
    pub sent_bytes: u64,
    /// Bytes to the client.
    pub received_bytes: u64,
    /// Packets from the client.
    pub sent_packets: u64,
    /// Packets to the client.
    pub received_packets: u64,
}

impl Books {
    /// Bytes of both directions.
    pub const fn total_bytes(&self) -> u64 {
        self.sent_bytes.saturating_add(self.received_bytes)
    }
}

/// What one reading of the kernel says of a client's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KernelBooks {
    /// The counters; zero where there is no element.
    pub books: Books,
    /// `used` of the quota of the `online` element; `None` if there is no such element (shut, or timed out).
    pub quota_used: Option<u64>,
    /// Whether that quota is used up: nothing passes any more, whatever the counters say.
    pub quota_exhausted: bool,
}

/// What a session has used, in bytes (layer 3) and milliseconds: consumed, but for what passed
/// while a role made the session unmetered, which is kept in a second one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Milliseconds spent running.
    pub time_ms: u64,
    /// Bytes from the client.
    pub sent_bytes: u64,
    /// Bytes to the client.
    pub received_bytes: u64,
}

impl Usage {
    /// Bytes of both directions: what the data limit is compared with.
    pub const fn data_bytes(&self) -> u64 {
        self.sent_bytes.saturating_add(self.received_bytes)
    }
}
