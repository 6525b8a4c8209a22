//! What a device has left goes to another MAC: phones that make up a new one lose nothing.

use super::SessionsMgr;
use super::connect::is_used_up;
use super::devices::TRUSTED;
use super::work::Work;
use crate::domain::{
    CloseReason, DeviceId, EventKind, Outcome, PauseReason, Refusal, SessionId, SessionState, Text,
};

impl SessionsMgr {
    /// What a device has that could go with it to another MAC, in the order of use.
    pub fn movable_sessions(&self, device: DeviceId) -> Vec<SessionId> {
        let is_movable = |id: &SessionId| {
            self.table.session(*id).is_some_and(|session| {
                // A trusted device has it for its MAC; what is used up is about to end where it is.
                session.provider.as_str() != TRUSTED && !is_used_up(session)
            })
        };
        self.usable_sessions(device).into_iter().filter(is_movable).collect()
    }
}

impl Work<'_> {
    /// Ends the sessions of one device and makes the same ones, with the same usage, for another.
    ///
    /// All or nothing; the device that they are taken from is captive when this is done.
    pub(super) fn move_sessions(
        &mut self,
        from: DeviceId,
        to: DeviceId,
        fresh: Vec<SessionId>,
    ) -> Result<Outcome, Refusal> {
        if from == to {
            return Err(Refusal::SameDevice);
        }
        if self.entry(to)?.device.blocked || self.entry(from)?.device.blocked {
            return Err(Refusal::Blocked);
        }
        let was_running = self.entry(from)?.run.is_some();
        let moved = self.mgr.movable_sessions(from).into_iter();
        let moved = moved.map(|id| self.session(id).cloned()).collect::<Result<Vec<_>, _>>()?;
        if moved.is_empty() {
            return Err(Refusal::NoSession);
        }
        if moved.len() != fresh.len() {
            return Err(Refusal::Changed);
        }
        let mac = self.entry(to)?.device.mac;
        for (session, id) in moved.into_iter().zip(fresh) {
            let text = Text::new(&format!("moved to {mac}"));
            let state = SessionState::Closed(CloseReason::Moved, text.clone());
            let event = EventKind::SessionClosed(CloseReason::Moved, text);
            self.end(session.id, state, event)?;
            let mut copy = session;
            copy.id = id;
            copy.device = to;
            copy.source_seq = copy.source_seq.saturating_add(1);
            copy.resumed_at = None;
            if !matches!(copy.state, SessionState::Available) {
                copy.state = SessionState::Paused(PauseReason::Asked);
            }
            self.make(copy, Vec::new(), None);
        }
        if was_running && self.entry(from)?.run.is_none() {
            self.event(EventKind::DeviceDisconnected, Some(from), None);
        }
        let device = self.entry(to)?.device.as_ref().clone();
        Ok(Outcome::Device(Box::new(device)))
    }
}
