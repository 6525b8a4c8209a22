/// What was counted and measured in a while, over all zones. Sums and the most that was seen: both can be added up in any
/// order without a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Milliseconds that were looked at.
    pub covered_ms: u64,
    /// Milliseconds that clients were online, all of them together.
    pub online_ms: u64,
    /// The most clients that were online at once.
    pub clients_most: u64,
    /// Bytes towards clients.
    pub down_bytes: u64,
    /// Bytes from clients.
    pub up_bytes: u64,
    /// Sessions that ran for the first time.
    pub started: u64,
    /// Sessions that ended.
    pub ended: u64,
    /// Things in the kernel that had to be put right.
    pub repairs: u64,
    /// Processor time of this daemon.
    pub own_cpu_ms: u64,
    /// Processor time of the whole box that was used, …
    pub box_cpu_ms: u64,
    /// … of so much that there was.
    pub box_cpu_of_ms: u64,
    /// The most memory of this daemon.
    pub own_memory_kb: u64,
    /// The most memory of the box that was in use.
    pub box_memory_kb: u64,
    /// The most that the store took.
    pub store_kb: u64,
    /// Milliseconds in which it was known whether there is an uplink, …
    pub uplink_known_ms: u64,
    /// … and there was one.
    pub uplink_ms: u64,
}

impl Figures {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            covered_ms: self.covered_ms.saturating_add(other.covered_ms),
            online_ms: self.online_ms.saturating_add(other.online_ms),
            clients_most: self.clients_most.max(other.clients_most),
            down_bytes: self.down_bytes.saturating_add(other.down_bytes),
            up_bytes: self.up_bytes.saturating_add(other.up_bytes),
            started: self.started.saturating_add(other.started),
            ended: self.ended.saturating_add(other.ended),
            repairs: self.repairs.saturating_add(other.repairs),
            own_cpu_ms: self.own_cpu_ms.saturating_add(other.own_cpu_ms),
            box_cpu_ms: self.box_cpu_ms.saturating_add(other.box_cpu_ms),
            box_cpu_of_ms: self.box_cpu_of_ms.saturating_add(other.box_cpu_of_ms),
            own_memory_kb: self.own_memory_kb.max(other.own_memory_kb),
            box_memory_kb: self.box_memory_kb.max(other.box_memory_kb),
            store_kb: self.store_kb.max(other.store_kb),
            uplink_known_ms: self.uplink_known_ms.saturating_add(other.uplink_known_ms),
            uplink_ms: self.uplink_ms.saturating_add(other.uplink_ms),
        }
    }

    /// Clients online on average; `None` if nobody looked.
    pub fn clients(&self) -> Option<f64> {
        ratio(self.online_ms, self.covered_ms)
    }

    /// Bit/s towards clients on average.
    pub fn down_bps(&self) -> Option<f64> {
        ratio(self.down_bytes, self.covered_ms).map(|bytes_per_ms| bytes_per_ms * 8_000.0)
    }

    /// Bit/s from clients on average.
    pub fn up_bps(&self) -> Option<f64> {
        ratio(self.up_bytes, self.covered_ms).map(|bytes_per_ms| bytes_per_ms * 8_000.0)
    }

    /// Per cent of one processor that this daemon took.
    pub fn own_cpu_percent(&self) -> Option<f64> {
        ratio(self.own_cpu_ms, self.covered_ms).map(|part| part * 100.0)
    }

    /// Per cent of all processors that were busy; `None` if the box does not say.
    pub fn box_cpu_percent(&self) -> Option<f64> {
        ratio(self.box_cpu_ms, self.box_cpu_of_ms).map(|part| part * 100.0)
    }

    /// Per cent of the time in which there was an uplink; `None` if nobody knows.
    pub fn uplink_percent(&self) -> Option<f64> {
        ratio(self.uplink_ms, self.uplink_known_ms).map(|part| part * 100.0)
    }
}

/// The same of one zone, as far as it can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ZoneFigures {
    /// Milliseconds that its clients were online, all of them together.
    pub online_ms: u64,
    /// The most of them that were online at once.
    pub clients_most: u64,
    /// Bytes towards them.
    pub down_bytes: u64,
    /// Bytes from them.
    pub up_bytes: u64,
}

impl ZoneFigures {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            online_ms: self.online_ms.saturating_add(other.online_ms),
            clients_most: self.clients_most.max(other.clients_most),
            down_bytes: self.down_bytes.saturating_add(other.down_bytes),
            up_bytes: self.up_bytes.saturating_add(other.up_bytes),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for plots and averages; sums stay whole numbers")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
