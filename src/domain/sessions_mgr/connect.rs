use super::work::Work;
use super::{AuthAnswer, Command, ProviderAnswer, SessionsMgr, Want};
use crate::domain::{
    Checkpoint, ClientDevice, ClientSession, CloseReason, DeviceId, EventKind, Now, Outcome, PauseReason,
    Refusal, SessionId, SessionState, SourceData, Text, Transition,
};

impl SessionsMgr {
    /// What the kernel must be asked before this command is handled.
    pub fn wants(&self, command: &Command) -> Want {
        let running = |device: DeviceId| {
            let entry = self.table.device(device)?;
            entry.run.as_ref().and(entry.device.key)
        };
        let shut = |device| running(device).map_or(Want::Nothing, Want::Shut);
        let of_session = |session: SessionId, want: fn(crate::domain::ClientKey) -> Want| {
            let running = self.table.session(session).filter(|session| session.is_running());
            running.and_then(|session| running_key(self, session)).map_or(Want::Nothing, want)
        };
        match command {
            Command::Disconnect { device, .. } | Command::DeleteDevice { device } => shut(*device),
            // Nobody is shut for a move that will be refused.
            Command::MoveSessions { from, to, fresh } => match self.may_move(*from, *to, fresh.len()) {
                Ok(()) => shut(*from),
                Err(_) => Want::Nothing,
            },
            Command::TakeOver { from, to, sessions, .. } => {
                let is_moved = |id: SessionId| sessions.iter().any(|(moved, _)| *moved == id);
                let runs = self.curr_session(*from).is_some_and(is_moved);
                if runs && self.may_take_over(*from, *to).is_ok() { shut(*from) } else { Want::Nothing }
            }
            // Nobody is shut for a patch that will be refused.
            Command::UpdateDevice { device, patch }
                if (patch.blocked == Some(true) || patch.disconnect)
                    && patch.zone.as_ref().is_none_or(|zone| self.zones.contains_key(zone)) =>
            {
                shut(*device)
            }
            Command::CloseSession { session, .. } | Command::DeleteSession { session, .. } => {
                of_session(*session, Want::Shut)
            }
            Command::UpdateSession { session, .. }
            | Command::TopUp { session, .. }
            | Command::ChangeRoles { session, .. }
            | Command::SetPrincipal { session, .. }
            | Command::Reloaded { session, .. } => of_session(*session, Want::Read),
            // What is used up to now is charged by the old roles.
            Command::UpdateDevice { device, patch } if patch.roles.is_some() => {
                running(*device).map_or(Want::Nothing, Want::Read)
            }
            Command::Under { proviso, command } => match self.meets(proviso, command) {
                Ok(()) => self.wants(command),
                Err(_) => Want::Nothing,
            },
            // Nobody is shut before everybody was asked.
            Command::ConnectOn { device, session, answer, verdict }
                if self.will_run(*device, *session, answer.as_ref(), verdict.as_ref()) =>
            {
                shut(*device)
            }
            // Something better than what goes on slowly: that one's books must be final.
            Command::CreateSession(new) if self.runs_slowed(new.device) => shut(new.device),
            Command::Connect { .. }
            | Command::ConnectOn { .. }
            | Command::CreateSession(_)
            | Command::RegisterDevice { .. }
            | Command::SetProperties { .. }
            | Command::Message { .. }
            | Command::Retire { .. }
            | Command::ForgetSessions(_)
            // Wants many: see [`SessionsMgr::bulk_wants`].
            | Command::Bulk(_)
            | Command::UpdateDevice { .. }
            | Command::Seen { .. }
            | Command::NoteClient { .. }
            | Command::Lost { .. } => Want::Nothing,
        }
    }

    /// The device that a command is about: two commands for one device are never handled in one group.
    pub fn device_of(&self, command: &Command) -> Option<DeviceId> {
        match command {
            Command::Connect { device, .. }
            | Command::ConnectOn { device, .. }
            | Command::Disconnect { device, .. }
            | Command::UpdateDevice { device, .. }
            | Command::NoteClient { device, .. }
            | Command::MoveSessions { from: device, .. }
            | Command::TakeOver { from: device, .. }
            | Command::Retire { device, .. }
            | Command::DeleteDevice { device } => Some(*device),
            Command::CreateSession(new) => Some(new.device),
            Command::Message { message, .. } => Some(message.device),
            Command::Bulk(_) | Command::ForgetSessions(_) => None,
            Command::UpdateSession { session, .. }
            | Command::TopUp { session, .. }
            | Command::SetProperties { session, .. }
            | Command::ChangeRoles { session, .. }
            | Command::SetPrincipal { session, .. }
            | Command::Reloaded { session, .. }
            | Command::CloseSession { session, .. } => {
                self.table.session(*session).map(|session| session.device)
            }
            Command::DeleteSession { session, ended } => {
                self.table.session(*session).or(ended.as_deref()).map(|session| session.device)
            }
            Command::RegisterDevice { id, mac, .. } => Some(self.table.by_mac(*mac).unwrap_or(*id)),
            Command::Seen { fresh, mac, .. } => Some(self.table.by_mac(*mac).unwrap_or(*fresh)),
            Command::Lost { mac, .. } => self.table.by_mac(*mac),
            Command::Under { command, .. } => self.device_of(command),
        }
    }

    /// The other device that a command is about, if there is one.
    pub fn second_device_of(&self, command: &Command) -> Option<DeviceId> {
        if let Command::Under { command, .. } = command {
            return self.second_device_of(command);
        }
        if let Command::MoveSessions { to, .. } | Command::TakeOver { to, .. } = command {
            Some(*to)
        } else {
            None
        }
    }

    /// Carries out a command. An error changes nothing.
    pub fn handle(&mut self, command: Command, now: Now) -> Result<Transition, Refusal> {
        self.look_at_clock(now);
        let denied = command.denied();
        let mut work = Work::new(self, now);
        let outcome = match command {
            Command::Connect { device, notify, answer, verdict } => {
                work.connect(device, notify, answer, verdict)
            }
            Command::ConnectOn { device, session, answer, verdict } => {
                work.connect_on(device, session, answer, verdict)
            }
            Command::Disconnect { device, notify, reason } => work.disconnect(device, notify, reason),
            Command::CreateSession(new) => work.create_session(*new),
            Command::UpdateSession { session, patch } => work.update_session(session, &patch),
            Command::Reloaded { session, data } => work.reloaded(session, &data),
            Command::SetProperties { session, patch } => work.set_properties(session, &patch),
            Command::ChangeRoles { session, patch } => work.change_roles(session, &patch),
            Command::SetPrincipal { session, principal, allowed } => {
                work.set_principal(session, principal, &allowed)
            }
            Command::MoveSessions { from, to, fresh } => work.move_sessions(from, to, fresh),
            Command::TakeOver { from, to, sessions, guards } => work.take_over(from, to, sessions, guards),
            Command::TopUp { session, patch, sale } => work.top_up(session, &patch, sale),
            Command::Message { message, .. } => work.message(*message),
            Command::Bulk(bulk) => work.bulk(*bulk),
            Command::CloseSession { session, reason, text } => work.close_session(session, reason, text),
            Command::DeleteSession { session, ended } => work.delete_session(session, ended.as_deref()),
            Command::RegisterDevice { id, mac, alias, zone } => work.register_device(id, mac, alias, zone),
            Command::UpdateDevice { device, patch } => work.update_device(device, patch),
            Command::DeleteDevice { device } => work.delete_device(device),
            Command::Retire { device, parting } => work.retire(device, parting),
            Command::ForgetSessions(over) => Ok(work.forget_sessions(over)),
            Command::Seen { fresh, fresh_session, mac, zone, address, hostname, attached, alive } => {
                let sighting = super::devices::Sighting {
                    fresh,
                    fresh_session,
                    mac,
                    zone,
                    address,
                    hostname,
                    attached,
                    alive,
                };
                work.seen(sighting)
            }
            Command::NoteClient { device, client_type, language } => {
                work.note_client(device, client_type, language)
            }
            Command::Lost { mac, address } => work.lost(mac, address),
            Command::Under { proviso, command } => {
                return work.mgr.handle_under(*proviso, *command, now);
            }
        };
        match outcome {
            Ok(outcome) if outcome.asks() => Ok(work.put_off_until_asked(outcome)),
            Ok(outcome) => Ok(work.finish(outcome)),
            Err(refusal) => {
                let refusal = work.abandon(refusal);
                denied.into_iter().for_each(|device| self.was_denied(device));
                Err(refusal)
            }
        }
    }
}

fn running_key(mgr: &SessionsMgr, session: &ClientSession) -> Option<crate::domain::ClientKey> {
    mgr.table.device(session.device).and_then(|entry| entry.device.key)
}

impl Work<'_> {
    fn connect(
        &mut self,
        device: DeviceId,
        notify: Option<Text>,
        answer: Option<ProviderAnswer>,
        verdict: Option<AuthAnswer>,
    ) -> Result<Outcome, Refusal> {
        let entry = self.entry(device)?;
        if entry.device.blocked {
            return Err(Refusal::Blocked);
        }
        self.mgr.must_be_open(entry, self.now)?;
        if let Some(run) = &entry.run {
            let session = run.session;
            self.notice(device, notify)?;
            return Ok(Outcome::Session(Box::new(self.session(session)?.clone())));
        }
        let session = match self.next_usable(device) {
            Some(session) => {
                let has_source = self.session(session)?.source.is_some();
                match answer {
                    Some(ProviderAnswer::Reloaded { session: reloaded, data: Some(data) })
                        if reloaded == session =>
                    {
                        self.take_source_terms(session, &data)?;
                    }
                    None if has_source => return Ok(Outcome::AskSource(session)),
                    _ => {}
                }
                // Its source may just have said that it is used up: the next one, then.
                if is_used_up(self.session(session)?) {
                    self.next_usable(device).ok_or(Refusal::NoSession)?
                } else {
                    session
                }
            }
            None => match answer {
                Some(ProviderAnswer::Offer(new)) => {
                    let (id, session) = (new.id, new.session(self.now.wall));
                    if is_used_up(&session) || self.mgr.has_expired(&session, self.now) {
                        return Err(Refusal::NoSession);
                    }
                    self.make(session, new.data.guards, new.data.sale);
                    id
                }
                Some(ProviderAnswer::Nothing | ProviderAnswer::Reloaded { .. }) => {
                    return Err(Refusal::NoSession);
                }
                None => return Ok(Outcome::AskProviders(device)),
            },
        };
        if let Some(question) = self.judge(session, verdict)? {
            return Ok(question);
        }
        self.run(device, session, notify)
    }

    /// Takes in what the authenticators said of a session; or whom to ask first.
    pub(super) fn judge(
        &mut self,
        session: SessionId,
        verdict: Option<AuthAnswer>,
    ) -> Result<Option<Outcome>, Refusal> {
        if !self.mgr.asks_authenticators {
            return Ok(None);
        }
        match verdict.filter(|verdict| verdict.session == session) {
            Some(AuthAnswer { verdict, .. }) => self.take_allowed(session, &verdict?).map(|()| None),
            None => Ok(Some(Outcome::AskAuthenticators(Box::new(self.session(session)?.clone())))),
        }
    }

    /// Lets the device run a session from now on, and says so on its page.
    pub(super) fn run(
        &mut self,
        device: DeviceId,
        session: SessionId,
        notify: Option<Text>,
    ) -> Result<Outcome, Refusal> {
        self.start(session)?;
        self.event(EventKind::DeviceConnected, Some(device), Some(session));
        self.forget_notice(device)?;
        self.notice(device, notify)?;
        Ok(Outcome::Session(Box::new(self.session(session)?.clone())))
    }

    pub(super) fn disconnect(
        &mut self,
        device: DeviceId,
        notify: Option<Text>,
        reason: PauseReason,
    ) -> Result<Outcome, Refusal> {
        self.entry(device)?;
        self.wait_no_more(device);
        if self.pause(device, reason)?.is_some() {
            self.forget_notice(device)?;
        }
        self.notice(device, notify)?;
        Ok(Outcome::Device(Box::new(ClientDevice::clone(&self.entry(device)?.device))))
    }

    /// The session that a device would run next.
    pub(super) fn next_usable(&self, device: DeviceId) -> Option<SessionId> {
        self.usable(device).next()
    }

    /// The sessions that a device could run, in the order in which it would.
    pub(super) fn usable(&self, device: DeviceId) -> impl Iterator<Item = SessionId> {
        let usable = self.mgr.table.usable_in_order(device);
        usable.into_iter().filter(|id| {
            self.mgr.table.session(*id).is_some_and(|session| {
                !session.is_running() && !is_used_up(session) && !self.mgr.has_expired(session, self.now)
            })
        })
    }

    /// Lets a session run from now on. What the device ran before must have been stopped.
    pub(super) fn start(&mut self, id: SessionId) -> Result<(), Refusal> {
        let device = self.session(id)?.device;
        self.ensure_key(device)?;
        self.wait_no_more(device);
        let entry = self.entry(device)?;
        let key = entry.device.key.ok_or(Refusal::KeysUsedUp)?;
        let books = entry.kernel.books;
        let checkpoint = Checkpoint {
            boot_id: self.mgr.boot_id.clone(),
            at: self.now.boot,
            key,
            sent_bytes: books.sent_bytes,
            received_bytes: books.received_bytes,
        };
        let (wall, believed) = (self.now.wall, self.mgr.clock_believed);
        let first = matches!(self.session(id)?.state, SessionState::Available);
        self.change_session(id, |session| {
            session.state = SessionState::Running(checkpoint);
            session.resumed_at = Some(wall);
            if session.started_at.is_none() {
                session.started_at = Some(wall);
            }
            // Counted from the first start by a clock that can be believed; else from when it can be (`clock`).
            if let Some(days) = session.terms.exp_days.filter(|_| believed && session.expires_at.is_none()) {
                session.expires_at = Some(wall.plus_days(days));
            }
        })?;
        // Somebody who asks for a device that is away gives it the whole time to come back.
        let boot = self.now.boot;
        if let Some(entry) = self.mgr.table.device_mut(device) {
            entry.away_since = entry.away_since.map(|_| boot);
        }
        let kind = if first { EventKind::SessionConnected } else { EventKind::SessionResumed };
        self.event(kind, Some(device), Some(id));
        Ok(())
    }

    /// Stops the running session of a device, if there is one, and keeps what is left of it.
    pub(super) fn pause(
        &mut self,
        device: DeviceId,
        reason: PauseReason,
    ) -> Result<Option<SessionId>, Refusal> {
        let Some(session) = self.entry(device)?.run.as_ref().map(|run| run.session) else { return Ok(None) };
        let known = self.session(session)?;
        if is_used_up(known) {
            // The last books showed that nothing is left to be kept.
            let by_time = known.time_left_ms() == Some(0);
            let reason = if by_time { CloseReason::Time } else { CloseReason::Data };
            self.event(EventKind::SessionDisconnected, Some(device), Some(session));
            self.end(session, SessionState::Consumed, EventKind::SessionConsumed(reason))?;
            self.event(EventKind::DeviceDisconnected, Some(device), Some(session));
            return Ok(Some(session));
        }
        self.change_session(session, |session| session.state = SessionState::Paused(reason))?;
        if reason == PauseReason::OpeningHours {
            self.wait_for_opening(device);
        }
        self.event(EventKind::SessionDisconnected, Some(device), Some(session));
        self.event(EventKind::SessionPaused(reason), Some(device), Some(session));
        self.event(EventKind::DeviceDisconnected, Some(device), Some(session));
        Ok(Some(session))
    }

    /// Takes over what a source says: limits may change, usage is never lowered.
    pub(super) fn take_source_terms(&mut self, id: SessionId, data: &SourceData) -> Result<(), Refusal> {
        let terms = data.terms.clone();
        let known = data.usage;
        self.change_session(id, |session| {
            session.terms = terms;
            session.usage.time_ms =
                session.usage.time_ms.max(known.time_ms.saturating_add(session.free.time_ms));
            if known.data_bytes() > session.consumed_bytes() {
                // What was counted only is counted on.
                session.usage.sent_bytes = known.sent_bytes.saturating_add(session.free.sent_bytes);
                session.usage.received_bytes =
                    known.received_bytes.saturating_add(session.free.received_bytes);
            }
        })
    }

    fn reloaded(&mut self, session: SessionId, data: &SourceData) -> Result<Outcome, Refusal> {
        self.take_source_terms(session, data)?;
        Ok(Outcome::Session(Box::new(self.session(session)?.clone())))
    }
}

pub(super) fn is_used_up(session: &ClientSession) -> bool {
    session.time_left_ms() == Some(0) || session.data_left_bytes() == Some(0)
}
