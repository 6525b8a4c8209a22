use std::net::IpAddr;

use super::Connected;
use super::line::Lost;
use crate::domain::Connection;

/// How many are taken at a time: who comes and goes has a turn in between.
const AT_ONCE: usize = 1024;

/// What the kernel tells of connections, while it does.
#[derive(Debug)]
pub(super) struct Ear(Option<Connected>);

impl Ear {
    pub(super) const fn new(connected: Option<Connected>) -> Self {
        Self(connected)
    }

    /// Waits for the next few that lead elsewhere than to this box and its guests; for ever if nobody tells. Safe to cancel. `None`: nobody
    /// tells any more.
    pub(super) async fn hear(&mut self) -> Option<Vec<Connection>> {
        let Some(connected) = &mut self.0 else { return std::future::pending().await };
        let mut heard = Vec::new();
        if connected.heard.recv_many(&mut heard, AT_ONCE).await == 0 {
            self.0 = None;
            return None;
        }
        heard.retain(|connection| leads_elsewhere(connected, connection));
        Some(heard)
    }

    /// What was lost since the last time.
    pub(super) fn take_losses(&self) -> Lost {
        let lost = self.0.as_ref().map(|connected| connected.heard.take_losses()).unwrap_or_default();
        Lost { lines: 0, connections: lost.unheard, kernel_overflows: lost.overflows }
    }
}

/// Whether a connection leads out of the guests' networks, or comes in from elsewhere.
fn leads_elsewhere(connected: &Connected, connection: &Connection) -> bool {
    let Connection { source, destination, .. } = connection;
    let to_many = match destination.address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    };
    let is_inside = |address| (connected.is_inside)(address);
    // One that comes in leads to a guest, too.
    let stays = is_inside(source.address) && is_inside(destination.address);
    !to_many && !stays && !(connected.is_own)(destination.address)
}
