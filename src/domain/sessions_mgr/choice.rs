use super::connect::is_used_up;
use super::work::Work;
use super::{AuthAnswer, ProviderAnswer, SessionsMgr};
use crate::domain::{DeviceId, Outcome, PauseReason, Refusal, SessionId};

impl SessionsMgr {
    /// Whether a device's choice takes the place of what it runs, as far as that is known now: nobody has to be asked, and
    /// nobody has said no.
    pub(super) fn will_run(
        &self,
        device: DeviceId,
        session: SessionId,
        answer: Option<&ProviderAnswer>,
        verdict: Option<&AuthAnswer>,
    ) -> bool {
        let Some(chosen) = self.table.session(session) else { return false };
        let is_blocked = self
            .table
            .device(device)
            .is_none_or(|entry| entry.device.blocked || self.is_shut_out(entry, self.hours_at));
        let is_asked = chosen.source.is_none() || answer.is_some();
        let is_allowed = !self.asks_authenticators
            || verdict.is_some_and(|said| said.session == session && said.verdict.is_ok());
        chosen.device == device
            && !chosen.is_running()
            && chosen.is_usable()
            && !is_used_up(chosen)
            && !is_blocked
            && is_asked
            && is_allowed
    }
}

impl Work<'_> {
    /// Lets a device through on a session of its own choice; what it runs is paused.
    pub(super) fn connect_on(
        &mut self,
        device: DeviceId,
        session: SessionId,
        answer: Option<ProviderAnswer>,
        verdict: Option<AuthAnswer>,
    ) -> Result<Outcome, Refusal> {
        let entry = self.entry(device)?;
        if entry.device.blocked {
            return Err(Refusal::Blocked);
        }
        self.mgr.must_be_open(entry, self.now)?;
        if entry.run.as_ref().is_some_and(|run| run.session == session) {
            return Ok(Outcome::Session(Box::new(self.session(session)?.clone())));
        }
        // Another device's is as unknown as one that is not there.
        if self.session(session)?.device != device {
            return Err(Refusal::UnknownSession);
        }
        if !self.usable(device).any(|usable| usable == session) {
            return Err(Refusal::NoSession);
        }
        match answer {
            Some(ProviderAnswer::Reloaded { session: reloaded, data: Some(data) }) if reloaded == session => {
                self.take_source_terms(session, &data)?;
                if is_used_up(self.session(session)?) {
                    return Err(Refusal::NoSession);
                }
            }
            None if self.session(session)?.source.is_some() => return Ok(Outcome::AskSource(session)),
            _ => {}
        }
        if let Some(question) = self.judge(session, verdict)? {
            return Ok(question);
        }
        self.pause(device, PauseReason::Asked)?;
        self.run(device, session, None)
    }
}
