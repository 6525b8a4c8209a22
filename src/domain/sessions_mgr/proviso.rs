use super::{Command, SessionsMgr};
use crate::domain::{
    Change, DeviceId, DoneOnce, Guard, Now, OnceSubject, Outcome, Proviso, Refusal, SessionId, Tag,
    Transition,
};

impl SessionsMgr {
    /// Carries out a command if its proviso holds. That it was not carried out before only the store can tell: it is a
    /// guard of the transition.
    pub(super) fn handle_under(
        &mut self,
        proviso: Proviso,
        command: Command,
        now: Now,
    ) -> Result<Transition, Refusal> {
        self.meets(&proviso, &command)?;
        let made = matches!(command, Command::CreateSession(_) | Command::RegisterDevice { .. });
        let takes_over = matches!(command, Command::TakeOver { .. });
        let mut transition = self.handle(command, now)?;
        // Nothing left to be taken over is a refusal to whoever asked, and none that is remembered as done.
        if transition.outcome.asks() || takes_over && matches!(transition.outcome, Outcome::Done) {
            return Ok(transition);
        }
        if let Some(line) = proviso.by.and_then(|actor| self.trail(actor, &transition, now)) {
            transition.changes.push(Change::Audit(Box::new(line)));
        }
        if let Some(once) = proviso.once {
            let subject = match &transition.outcome {
                Outcome::Session(session) | Outcome::Previous { session, .. } => {
                    OnceSubject::Session(session.id)
                }
                Outcome::Device(device) => OnceSubject::Device(device.id),
                Outcome::Done
                | Outcome::Matched(_)
                | Outcome::AskProviders(_)
                | Outcome::AskSource(_)
                | Outcome::AskAuthenticators(_) => OnceSubject::Nothing,
            };
            // Before all others: what was done must not look as if it could not be.
            transition.guards.insert(0, Guard::Once(Box::new(DoneOnce { once, subject, made })));
        }
        Ok(transition)
    }

    /// Whether what a command is about bears a tag that its sender expects.
    pub(super) fn meets(&self, proviso: &Proviso, command: &Command) -> Result<(), Refusal> {
        match (&proviso.expected, self.tag_of(command)) {
            (Some(expected), Some(tag)) if !expected.contains(&tag) => Err(Refusal::Changed),
            // What is not there has no tag: the command itself says so.
            _ => Ok(()),
        }
    }

    fn tag_of(&self, command: &Command) -> Option<Tag> {
        let of_device = |device: DeviceId| {
            let known = self.device(device).ok()?;
            Some(Tag::of_device(known, self.is_connected(device)))
        };
        let of_session = |session: SessionId| self.session(session).map(Tag::of_session);
        match command {
            Command::Connect { device, .. }
            | Command::ConnectOn { device, .. }
            | Command::Disconnect { device, .. }
            | Command::UpdateDevice { device, .. }
            | Command::MoveSessions { from: device, .. }
            | Command::TakeOver { to: device, .. }
            | Command::Retire { device, .. }
            | Command::DeleteDevice { device } => of_device(*device),
            Command::CreateSession(new) => of_device(new.device),
            Command::Message { session: Some(session), .. } => of_session(*session),
            Command::Message { message, session: None } => of_device(message.device),
            Command::UpdateSession { session, .. }
            | Command::TopUp { session, .. }
            | Command::SetProperties { session, .. }
            | Command::ChangeRoles { session, .. }
            | Command::SetPrincipal { session, .. }
            | Command::Reloaded { session, .. }
            | Command::CloseSession { session, .. } => of_session(*session),
            Command::DeleteSession { session, ended } => {
                of_session(*session).or_else(|| ended.as_deref().map(Tag::of_session))
            }
            Command::Under { command, .. } => self.tag_of(command),
            Command::RegisterDevice { .. }
            | Command::Bulk(_)
            | Command::ForgetSessions(_)
            | Command::Seen { .. }
            | Command::NoteClient { .. }
            | Command::Lost { .. } => None,
        }
    }
}

/// What was taken back was not done: it may be asked for again, and what it took is given back.
pub(super) fn give_back(transition: &Transition) -> impl Iterator<Item = Change> + '_ {
    let guards = transition.guards.iter().filter_map(|guard| match guard {
        Guard::Once(done) => {
            let (caller, key) = (done.once.caller.clone(), done.once.key.clone());
            Some(Change::ForgetOnce { caller, key })
        }
        Guard::RedeemVoucher { .. }
        | Guard::TakeOverVoucher { .. }
        | Guard::Grant(_)
        | Guard::Resume { .. }
        | Guard::ClaimCredits { .. } => Some(Change::GiveBack(Box::new(guard.clone()))),
        // That a device is logged in takes nothing from anybody, nor does that it holds a place.
        Guard::HoldsVoucher { .. } | Guard::Account(_) | Guard::NothingLeft(..) => None,
    });
    let sales = transition.changes.iter().filter_map(|change| {
        if let Change::Sale(sale) = change { Some(Change::DropSale(sale.id)) } else { None }
    });
    guards.chain(sales)
}
