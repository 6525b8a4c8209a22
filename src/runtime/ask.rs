use std::sync::Arc;

use super::cycle::answer;
use super::mail::{Mail, ReplyTo};
use super::owner::Owner;
use super::shared::Shared;
use crate::domain::sessions_mgr::{Command, ProviderAnswer};
use crate::domain::{ClientDevice, ClientSession, DeviceId, Refusal, SessionId};
use crate::providers::Offer;

impl Owner {
    /// Asks the providers for a session, or the source of one anew, outside this task; the command comes back with their
    /// answer in it. While that is under way, other connects of the same device wait.
    pub(super) fn ask(
        &mut self,
        device: DeviceId,
        session: Option<SessionId>,
        command: Command,
        reply: ReplyTo,
    ) {
        if let Some(waiting) = self.asking.get_mut(&device) {
            waiting.push(Mail::Command(Box::new(command), reply));
            return;
        }
        let Ok(asked_for) = self.mgr.device(device).cloned() else {
            answer(reply, Err(Refusal::UnknownDevice));
            return;
        };
        let source = session.and_then(|id| self.mgr.session(id).cloned());
        self.asking.insert(device, Vec::new());
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let asked = tokio::spawn(question(Arc::clone(&shared), asked_for, source)).await;
            // Whatever breaks off in a provider must not leave the device waiting for ever.
            let command = command.answered(asked.unwrap_or(ProviderAnswer::Nothing));
            // A closed mailbox means that the daemon stops; the caller sees its channel close.
            let _ = shared.mailbox.send(Mail::Answered(device, Box::new(command), reply)).await;
        });
    }
    /// Asks the source of a session that has just begun to run by itself, at a hand-over or as its device came back: that
    /// must not wait, so what the source says is taken in afterwards.
    pub(super) fn reload_source(&self, id: SessionId) {
        let session = self.mgr.session(id);
        let Some((provider, reference)) =
            session.and_then(|session| Some((session.provider.clone(), session.source.clone()?)))
        else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            // One that does not answer changes nothing; the registry has logged it.
            let Ok(data) = shared.registry.reload(&provider, &reference).await else { return };
            let command = Command::Reloaded { session: id, data: Box::new(data) };
            // A closed mailbox means that the daemon stops.
            let _ = shared.mailbox.send(Mail::Command(Box::new(command), None)).await;
        });
    }
}

/// What a session's source, or else the providers, say.
async fn question(
    shared: Arc<Shared>,
    device: ClientDevice,
    source: Option<ClientSession>,
) -> ProviderAnswer {
    match source {
        Some(session) => {
            let data = match &session.source {
                // One that does not answer changes nothing; the registry has logged it.
                Some(reference) => shared.registry.reload(&session.provider, reference).await.ok(),
                None => None,
            };
            ProviderAnswer::Reloaded { session: session.id, data: data.map(Box::new) }
        }
        None => match shared.registry.get_session(&device).await {
            Some(Offer { provider, data, .. }) => {
                let id = SessionId::new(uuid::Uuid::now_v7());
                ProviderAnswer::Offer { id, provider, data: Box::new(data) }
            }
            None => ProviderAnswer::Nothing,
        },
    }
}
