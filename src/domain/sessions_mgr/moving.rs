//! What a device has left goes to another MAC: phones that make up a new one lose nothing.

use super::SessionsMgr;
use super::connect::is_used_up;
use super::devices::TRUSTED;
use super::sessions::More;
use super::work::Work;
use crate::domain::{
    Change, ClientSession, CloseReason, DeviceId, EventKind, GrantChange, Guard, MacAddr, Outcome,
    PauseReason, Refusal, SessionId, SessionState, Text,
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

    /// Whether a device has anything that could go with it.
    pub fn has_movable_sessions(&self, device: DeviceId) -> bool {
        let Some(entry) = self.table.device(device) else { return false };
        let mut sessions = entry.sessions.iter().filter_map(|id| self.table.session(*id));
        sessions.any(|session| session.provider.as_str() != TRUSTED)
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

impl SessionsMgr {
    /// Whether a device may take the place of another one.
    pub(super) fn may_take_over(&self, from: DeviceId, to: DeviceId) -> Result<(), Refusal> {
        if from == to {
            return Err(Refusal::SameDevice);
        }
        self.device(from)?;
        if self.device(to)?.blocked { Err(Refusal::Blocked) } else { Ok(()) }
    }
}

impl Work<'_> {
    /// Ends some sessions of a device and makes the same ones, with the same usage, for another. The device goes on with
    /// what it has left beside them.
    ///
    /// If none has anything left by its last books, nothing is taken over: [`Outcome::Done`].
    pub(super) fn take_over(
        &mut self,
        from: DeviceId,
        to: DeviceId,
        sessions: Vec<(SessionId, SessionId)>,
        guards: Vec<Guard>,
    ) -> Result<Outcome, Refusal> {
        self.mgr.may_take_over(from, to)?;
        let mac = self.entry(to)?.device.mac;
        let mut guards = Some(guards);
        let mut ran = None;
        let mut first = None;
        for (old, id) in sessions {
            let Ok(session) = self.session(old).cloned() else { continue };
            if session.device != from {
                continue;
            }
            if session.is_running() {
                ran = Some(old);
            }
            let Some((session, id)) = self.movable_now(session, id)? else { continue };
            let copy = self.hand_on(&session, id, to, mac)?;
            self.make(copy.clone(), guards.take().unwrap_or_default(), None);
            first.get_or_insert(copy);
        }
        if let Some(ended) = ran {
            self.hand_over(from, ended, More::Unwanted)?;
        }
        Ok(first.map_or(Outcome::Done, |session| Outcome::Session(Box::new(session))))
    }

    /// What moves in place of a session as it was before its last books: itself; the one that it goes on as, if these
    /// have used it up; nothing.
    fn movable_now(
        &mut self,
        session: ClientSession,
        id: SessionId,
    ) -> Result<Option<(ClientSession, SessionId)>, Refusal> {
        if is_used_up(&session) && session.is_running() {
            // Ends it, if that was not done yet.
            self.pause(session.device, PauseReason::Asked)?;
        }
        let slowed = session.id.successor();
        Ok(match (self.session(session.id), self.session(slowed)) {
            (Ok(session), _) if !is_used_up(session) => Some((session.clone(), id)),
            (Err(_), Ok(slowed)) => Some((slowed.clone(), id.successor())),
            (Ok(_) | Err(_), _) => None,
        })
    }

    /// Ends a session as moved; the same one as it begins with another device.
    fn hand_on(
        &mut self,
        session: &ClientSession,
        id: SessionId,
        to: DeviceId,
        mac: MacAddr,
    ) -> Result<ClientSession, Refusal> {
        let text = Text::new(&format!("moved to {mac}"));
        let state = SessionState::Closed(CloseReason::Moved, text.clone());
        self.end(session.id, state, EventKind::SessionClosed(CloseReason::Moved, text))?;
        self.change(Change::Grants(GrantChange::Carry { from: session.id, to: id }));
        self.change(Change::Origin { from: session.id, to: id });
        let mut copy = session.clone();
        copy.id = id;
        copy.device = to;
        copy.source_seq = copy.source_seq.saturating_add(1);
        copy.resumed_at = None;
        if copy.is_running() {
            copy.state = SessionState::Paused(PauseReason::Asked);
        }
        Ok(copy)
    }

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
        let wanted = self.mgr.movable_sessions(from).into_iter().zip(fresh);
        let wanted: Vec<_> =
            wanted.filter_map(|(old, id)| Some((self.session(old).ok()?.clone(), id))).collect();
        // The same phone: it has had what it had.
        self.change(Change::Grants(GrantChange::Follow { from, to }));
        self.pause(from, PauseReason::Asked)?;
        let mac = self.entry(to)?.device.mac;
        for (old, id) in wanted {
            let Some((session, id)) = self.movable_now(old, id)? else { continue };
            let copy = self.hand_on(&session, id, to, mac)?;
            self.make(copy, Vec::new(), None);
        }
        let (old, at) = (self.entry(from)?.device.identity, self.now.wall);
        self.change_device(to, |device| device.identity = device.identity.taking_over(old, at))?;
        // Who still has the cookie or the code of before has nothing by it.
        self.change_device(from, |device| device.identity.version = old.version.saturating_add(1))?;
        self.change(Change::MoveCredits { from, to });
        let device = self.entry(to)?.device.as_ref().clone();
        Ok(Outcome::Device(Box::new(device)))
    }
}
