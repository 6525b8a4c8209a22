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
        // A trusted device has its own for its MAC.
        let is_movable = |id: &SessionId| {
            self.table.session(*id).is_some_and(|session| session.provider.as_str() != TRUSTED)
        };
        self.usable_sessions(device).into_iter().filter(is_movable).collect()
    }

    /// Whether what one device has may go to another one, with so many new ids.
    pub(super) fn may_move(&self, from: DeviceId, to: DeviceId, ids: usize) -> Result<(), Refusal> {
        if from == to {
            return Err(Refusal::SameDevice);
        }
        if self.device(to)?.blocked || self.device(from)?.blocked {
            return Err(Refusal::Blocked);
        }
        match self.movable_sessions(from).len() {
            0 => Err(Refusal::NoSession),
            count if count != ids => Err(Refusal::Changed),
            _ => Ok(()),
        }
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
        self.mgr.may_move(from, to, fresh.len())?;
        let wanted = self.mgr.movable_sessions(from);
        // What its last books have used up ends here, and is not moved.
        self.pause(from, PauseReason::Asked)?;
        let mac = self.entry(to)?.device.mac;
        for (old, id) in wanted.into_iter().zip(fresh) {
            let Ok(session) = self.session(old).cloned() else { continue };
            if is_used_up(&session) {
                continue;
            }
            let text = Text::new(&format!("moved to {mac}"));
            let state = SessionState::Closed(CloseReason::Moved, text.clone());
            let event = EventKind::SessionClosed(CloseReason::Moved, text);
            self.end(session.id, state, event)?;
            let mut copy = session;
            copy.id = id;
            copy.device = to;
            copy.source_seq = copy.source_seq.saturating_add(1);
            copy.resumed_at = None;
            self.make(copy, Vec::new(), None);
        }
        let device = self.entry(to)?.device.as_ref().clone();
        Ok(Outcome::Device(Box::new(device)))
    }
}
