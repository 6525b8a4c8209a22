use super::work::Work;
use super::{NewSession, SessionsMgr};
use crate::domain::{
    AtEnd, Change, ClientSession, CloseReason, DeviceId, EventKind, GrantChange, Guard, Now, Outcome,
    PauseReason, Refusal, Sale, SessionId, SessionKind, SessionPatch, SessionState, SessionTerms, SlowEnd,
    Text, bytes_to_mb,
};

impl SessionsMgr {
    /// Whether a device goes on slowly for want of something better.
    pub(super) fn runs_slowed(&self, device: DeviceId) -> bool {
        let running = self.curr_session(device).and_then(|session| self.table.session(session));
        running.is_some_and(|session| session.slowed)
    }

    /// Whether a session's days are over, by a clock that can be believed.
    pub(super) fn has_expired(&self, session: &ClientSession, now: Now) -> bool {
        self.clock_believed && session.expires_at.is_some_and(|expires| now.wall >= expires)
    }
}

/// Whether the providers are asked for another session when the last one has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// It ended by itself: a plan that comes anew with a new day may have more.
    MayCome,
    /// Somebody ended it.
    Unwanted,
}

impl Work<'_> {
    pub(super) fn create_session(&mut self, new: NewSession) -> Result<Outcome, Refusal> {
        self.entry(new.device)?;
        let session = new.session(self.now.wall);
        self.make(session.clone(), new.data.guards, new.data.sale);
        if self.mgr.runs_slowed(new.device) {
            let is_shut_out = self.mgr.is_shut_out(self.entry(new.device)?, self.now.boot);
            let reason = if is_shut_out { PauseReason::OpeningHours } else { PauseReason::Asked };
            self.pause(new.device, reason)?;
            if is_shut_out {
                // It goes on with what is new when its zone opens.
            } else if self.mgr.asks_authenticators {
                self.transition.wants_connect.push(new.device);
            } else {
                self.start(new.id)?;
                self.event(EventKind::DeviceConnected, Some(new.device), Some(new.id));
            }
        }
        Ok(Outcome::Session(Box::new(self.session(new.id)?.clone())))
    }

    /// Puts a new session in, with what must hold for it and the sale that goes with it.
    pub(super) fn make(&mut self, session: ClientSession, guards: Vec<Guard>, sale: Option<Box<Sale>>) {
        let (id, device) = (session.id, session.device);
        self.guard(guards.into_iter().map(|guard| guard.about(device, id)).collect());
        if let Some(mut sale) = sale {
            (sale.device, sale.session) = (Some(device), Some(id));
            self.change(Change::Sale(sale));
        }
        self.add_session(session);
        self.event(EventKind::SessionCreated, Some(device), Some(id));
    }

    pub(super) fn update_session(&mut self, id: SessionId, patch: &SessionPatch) -> Result<Outcome, Refusal> {
        let before = self.session(id)?.clone();
        let terms = patched(&before, patch)?;
        let believed = self.mgr.clock_believed;
        let wall = self.now.wall;
        let previous = previous_values(&before.terms, &terms);
        if !previous.is_empty() {
            self.change_session(id, |session| {
                if session.terms.exp_days != terms.exp_days && session.started_at.is_some() {
                    let start = session.started_at.filter(|_| session.expires_at.is_some()).unwrap_or(wall);
                    session.expires_at =
                        terms.exp_days.filter(|_| believed).map(|days| start.plus_days(days));
                }
                session.terms = terms;
            })?;
            self.event(EventKind::SessionChanged(previous), Some(before.device), Some(id));
        }
        Ok(Outcome::Session(Box::new(self.session(id)?.clone())))
    }

    /// Adds what was bought, with the sale.
    pub(super) fn top_up(
        &mut self,
        id: SessionId,
        patch: &SessionPatch,
        mut sale: Box<Sale>,
    ) -> Result<Outcome, Refusal> {
        let outcome = self.update_session(id, patch)?;
        (sale.device, sale.session) = (Some(self.session(id)?.device), Some(id));
        self.change(Change::Sale(sale));
        Ok(outcome)
    }

    pub(super) fn close_session(
        &mut self,
        id: SessionId,
        reason: CloseReason,
        text: Text,
    ) -> Result<Outcome, Refusal> {
        let session = self.session(id)?;
        let (device, was_running) = (session.device, session.is_running());
        let mut ended = session.clone();
        ended.state = SessionState::Closed(reason, text.clone());
        ended.ended_at = Some(self.now.wall);
        self.end(id, ended.state.clone(), EventKind::SessionClosed(reason, text))?;
        // It goes on elsewhere, or may: what an account has left is not lost because its device was logged out.
        if matches!(reason, CloseReason::Moved | CloseReason::Revoked) {
            self.change(Change::Grants(GrantChange::Park(id)));
        }
        if was_running {
            self.hand_over(device, id, More::Unwanted)?;
        }
        Ok(Outcome::Session(Box::new(ended)))
    }

    pub(super) fn delete_session(
        &mut self,
        id: SessionId,
        ended: Option<&ClientSession>,
    ) -> Result<Outcome, Refusal> {
        let (device, was_running) = match (self.session(id), ended) {
            (Ok(session), _) => (session.device, session.is_running()),
            (Err(_), Some(session)) => {
                let device = session.device;
                self.change(Change::DeleteSession(id));
                self.event(EventKind::SessionDeleted, Some(device), Some(id));
                return Ok(Outcome::Done);
            }
            (Err(refusal), None) => return Err(refusal),
        };
        self.drop_session(id)?;
        self.event(EventKind::SessionDeleted, Some(device), Some(id));
        if was_running {
            self.hand_over(device, id, More::Unwanted)?;
        }
        Ok(Outcome::Done)
    }

    /// Ends a session for good.
    pub(super) fn end(
        &mut self,
        id: SessionId,
        state: SessionState,
        event: EventKind,
    ) -> Result<(), Refusal> {
        let wall = self.now.wall;
        let before = self.session(id)?.clone();
        let (device, consumed) = (before.device, matches!(state, SessionState::Consumed));
        self.change_session(id, |session| {
            session.state = state;
            session.ended_at = Some(wall);
        })?;
        self.event(event, Some(device), Some(id));
        if consumed {
            self.go_on_slowly(&before);
        }
        Ok(())
    }

    /// What a session says about going on when it is used up: a session of its own, behind all that the device has.
    fn go_on_slowly(&mut self, ended: &ClientSession) {
        let AtEnd::Slow(SlowEnd { rates, lasts_ms }) = ended.at_end else { return };
        let terms = SessionTerms {
            kind: SessionKind::Time,
            time_limit_ms: Some(lasts_ms),
            data_limit_bytes: None,
            exp_days: None,
            down: rates.down,
            up: rates.up,
            use_global_speed: false,
        };
        let id = ended.id.successor();
        let mut session = ClientSession::new(id, ended.device, ended.provider.clone(), terms, self.now.wall);
        session.slowed = true;
        session.expires_at = ended.expires_at;
        session.plan.clone_from(&ended.plan);
        session.principal.clone_from(&ended.principal);
        session.voucher.clone_from(&ended.voucher);
        session.properties.clone_from(&ended.properties);
        session.roles.clone_from(&ended.roles);
        self.make(session, Vec::new(), None);
        self.change(Change::Origin { from: ended.id, to: id });
    }

    /// After a running session ended: the next one takes over, or the device is captive again.
    pub(super) fn hand_over(
        &mut self,
        device: DeviceId,
        ended: SessionId,
        more: More,
    ) -> Result<(), Refusal> {
        if self.mgr.is_shut_out(self.entry(device)?, self.now.boot) {
            self.event(EventKind::DeviceDisconnected, Some(device), Some(ended));
            self.wait_for_opening(device);
            return Ok(());
        }
        match self.next_usable(device) {
            Some(next) if !self.entry(device)?.device.blocked && !self.mgr.asks_authenticators => {
                self.start(next)
            }
            // It may go on when the authenticators have spoken.
            Some(_) if self.mgr.asks_authenticators => {
                self.event(EventKind::DeviceDisconnected, Some(device), Some(ended));
                self.transition.wants_connect.push(device);
                Ok(())
            }
            _ => {
                self.event(EventKind::DeviceDisconnected, Some(device), Some(ended));
                if more == More::MayCome {
                    self.transition.wants_connect.push(device);
                }
                Ok(())
            }
        }
    }
}

/// The terms after a change, or why it cannot be.
fn patched(session: &ClientSession, patch: &SessionPatch) -> Result<SessionTerms, Refusal> {
    let mut terms = session.terms.clone();
    let kind = terms.kind.as_str();
    let wants =
        |field, allowed: bool| if allowed { Ok(()) } else { Err(Refusal::NotOfThisKind { field, kind }) };
    let (time_limited, data_limited) = (terms.time_limit_ms.is_some(), terms.data_limit_bytes.is_some());
    if patch.time_limit_ms.is_some() || patch.add_time_ms > 0 {
        wants(
            if patch.add_time_ms > 0 { "add_time_secs" } else { "time_secs" },
            time_limited && terms.kind != SessionKind::Data,
        )?;
        let limit =
            patch.time_limit_ms.or(terms.time_limit_ms).unwrap_or(0).saturating_add(patch.add_time_ms);
        if limit < session.consumed_ms() {
            return Err(Refusal::BelowUsed {
                field: "time_secs",
                used: format!("{} s", session.consumed_ms().div_ceil(1000)),
            });
        }
        crate::domain::terms::time_limit(limit.div_ceil(1000))?;
        terms.time_limit_ms = Some(limit);
    }
    if patch.data_limit_bytes.is_some() || patch.add_data_bytes > 0 {
        wants(
            if patch.add_data_bytes > 0 { "add_data_mb" } else { "data_mb" },
            data_limited && terms.kind != SessionKind::Time,
        )?;
        let limit = patch
            .data_limit_bytes
            .or(terms.data_limit_bytes)
            .unwrap_or(0)
            .saturating_add(patch.add_data_bytes);
        let used = session.consumed_bytes();
        if limit < used {
            return Err(Refusal::BelowUsed { field: "data_mb", used: format!("{} MB", bytes_to_mb(used)) });
        }
        crate::domain::terms::data_limit(bytes_to_mb(limit))?;
        terms.data_limit_bytes = Some(limit);
    }
    if let Some(down) = patch.down {
        terms.down = down;
    }
    if let Some(up) = patch.up {
        terms.up = up;
    }
    if let Some(global) = patch.use_global_speed {
        terms.use_global_speed = global;
    }
    if let Some(days) = patch.exp_days {
        terms.exp_days = days;
    }
    Ok(terms)
}

/// The fields that differ, by their API names, with their values before.
fn previous_values(before: &SessionTerms, after: &SessionTerms) -> Vec<(&'static str, String)> {
    let speed =
        |speed: Option<crate::domain::Mbps>| speed.map_or(0.0, crate::domain::Mbps::as_mbps).to_string();
    let days = |days: Option<u32>| days.unwrap_or(0).to_string();
    [
        (
            "time_secs",
            before.time_limit_ms != after.time_limit_ms,
            (before.time_limit_ms.unwrap_or(0) / 1000).to_string(),
        ),
        (
            "data_mb",
            before.data_limit_bytes != after.data_limit_bytes,
            bytes_to_mb(before.data_limit_bytes.unwrap_or(0)).to_string(),
        ),
        ("down_mbps", before.down != after.down, speed(before.down)),
        ("up_mbps", before.up != after.up, speed(before.up)),
        (
            "use_global_speed",
            before.use_global_speed != after.use_global_speed,
            before.use_global_speed.to_string(),
        ),
        ("exp_days", before.exp_days != after.exp_days, days(before.exp_days)),
    ]
    .into_iter()
    .filter(|(_, differs, _)| *differs)
    .map(|(field, _, value)| (field, value))
    .collect()
}
