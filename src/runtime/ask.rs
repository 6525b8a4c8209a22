use std::sync::Arc;

use super::mail::{Mail, ReplyTo};
use super::owner::Owner;
use crate::domain::sessions_mgr::{Command, ProviderAnswer};
use crate::domain::{DeviceId, SessionId};
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
        let Ok(asked_for) = self.mgr.device(device).cloned() else { return };
        let source = session.and_then(|id| self.mgr.session(id).cloned());
        self.asking.insert(device, Vec::new());
        let shared = Arc::clone(&self.shared);
        let fresh = SessionId::new(uuid::Uuid::now_v7());
        tokio::spawn(async move {
            let answer = match source {
                Some(session) => {
                    let data = match &session.source {
                        // One that does not answer changes nothing; the registry has logged it.
                        Some(reference) => shared.registry.reload(&session.provider, reference).await.ok(),
                        None => None,
                    };
                    ProviderAnswer::Reloaded { session: session.id, data: data.map(Box::new) }
                }
                None => match shared.registry.get_session(&asked_for).await {
                    Some(Offer { provider, data, .. }) => {
                        ProviderAnswer::Offer { id: fresh, provider, data: Box::new(data) }
                    }
                    None => ProviderAnswer::Nothing,
                },
            };
            let command = command.answered(answer);
            // A closed mailbox means that the daemon stops; the caller sees its channel close.
            let _ = shared.mailbox.send(Mail::Answered(device, Box::new(command), reply)).await;
        });
    }
}
