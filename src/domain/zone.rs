use std::collections::BTreeSet;

use super::{MacAddr, Mbps, OpeningHours, ZoneName};

/// How long a name server's answer about the walled garden may be used without asking anew, in seconds: what dnsmasq is told
/// to keep and to let others keep, and what an address stays in the garden for after the last answer, at least.
pub const GARDEN_TTL_SECS: u32 = 1_200;

/// What the sessions manager knows of a zone.
#[derive(Debug, Clone)]
pub struct ZonePolicy {
    /// Its name in the configuration.
    pub name: ZoneName,
    /// The whole zone's speed towards the clients.
    pub down: Option<Mbps>,
    /// The whole zone's speed from the clients.
    pub up: Option<Mbps>,
    /// Towards a client whose session has `use_global_speed`.
    pub client_down: Option<Mbps>,
    /// From a client whose session has `use_global_speed`.
    pub client_up: Option<Mbps>,
    /// A client that passes nothing for so long is paused.
    pub idle_timeout_secs: Option<u64>,
    /// A client that has left the network for so long is paused.
    pub away_pause_secs: Option<u64>,
    /// Whether a known device with a usable session is let through as it joins.
    pub auto_connect: bool,
    /// When it lets anybody in.
    pub open: OpeningHours,
    /// Devices that are never captive.
    pub trusted: BTreeSet<MacAddr>,
}

impl ZonePolicy {
    /// Whether the configuration limits any speed here, so that every client needs a class from the start.
    pub const fn has_limit(&self) -> bool {
        self.down.is_some() || self.up.is_some() || self.client_down.is_some() || self.client_up.is_some()
    }
}
