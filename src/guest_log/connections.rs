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

    /// Waits for the next few that lead elsewhere than to this box; for ever if nobody tells. Safe to cancel. `None`: nobody
    /// tells any more.
    pub(super) async fn hear(&mut self) -> Option<Vec<Connection>> {
        let Some(connected) = &mut self.0 else { return std::future::pending().await };
        let mut heard = Vec::new();
        if connected.heard.recv_many(&mut heard, AT_ONCE).await == 0 {
            self.0 = None;
            return None;
        }
        heard.retain(|connection| !(connected.is_own)(connection.destination.address));
        Some(heard)
    }

    /// What was lost since the last time.
    pub(super) fn take_losses(&self) -> Lost {
        let lost = self.0.as_ref().map(|connected| connected.heard.take_losses()).unwrap_or_default();
        Lost { lines: 0, connections: lost.unheard, kernel_overflows: lost.overflows }
    }
}
