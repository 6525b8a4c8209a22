use std::sync::Arc;

use super::cycle::answer;
use super::mail::{Mail, ReplyTo};
use super::owner::Owner;
use super::shared::Shared;
use crate::domain::sessions_mgr::{AuthAnswer, Command, NewSession, ProviderAnswer};
use crate::domain::{
    AuthRequest, ClientDevice, ClientSession, DeviceId, Occasion, Outcome, Refusal, SessionId,
};
use crate::providers::Offer;

/// What somebody outside is asked before a command can be carried out.
enum Question {
    /// The providers, for a session.
    Providers,
    /// The source of a session, anew.
    Source(Box<ClientSession>),
    /// The authenticators, about a session that is to run.
    Authenticators(Box<ClientSession>),
}

impl Owner {
    /// Asks whom an outcome names, outside this task; the command comes back with their answer in it. While that is under
    /// way, other connects of the same device wait.
    pub(super) fn ask(&mut self, device: DeviceId, outcome: Outcome, command: Command, reply: ReplyTo) {
        if let Some(waiting) = self.asking.get_mut(&device) {
            waiting.push(Mail::Command(Box::new(command), reply));
            return;
        }
        let question = match outcome {
            Outcome::AskSource(session) => {
                self.mgr.session(session).cloned().map(|session| Question::Source(Box::new(session)))
            }
            Outcome::AskAuthenticators(session) => Some(Question::Authenticators(session)),
            Outcome::AskProviders(_)
            | Outcome::Done
            | Outcome::Device(_)
            | Outcome::Session(_)
            | Outcome::Previous { .. }
            | Outcome::Matched(_) => Some(Question::Providers),
        };
        let (Ok(asked_for), Some(question)) = (self.mgr.device(device).cloned(), question) else {
            answer(reply, Err(Refusal::UnknownDevice));
            return;
        };
        self.asking.insert(device, Vec::new());
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            // Whatever breaks off in a provider must not leave the device waiting for ever.
            let unanswered = match &question {
                Question::Authenticators(session) => Some(session.id),
                Question::Providers | Question::Source(_) => None,
            };
            let asked = tokio::spawn(put(Arc::clone(&shared), asked_for, question));
            let command = match (asked.await, unanswered) {
                (Ok(Answer::Providers(said)), _) => command.answered(said),
                (Ok(Answer::Authenticators(said)), _) => command.judged(said),
                (Err(_), None) => command.answered(ProviderAnswer::Nothing),
                (Err(error), Some(session)) => {
                    let verdict = Err(Refusal::Provider(error.to_string()));
                    command.judged(AuthAnswer { session, verdict })
                }
            };
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

enum Answer {
    Providers(ProviderAnswer),
    Authenticators(AuthAnswer),
}

async fn put(shared: Arc<Shared>, device: ClientDevice, question: Question) -> Answer {
    match question {
        Question::Source(session) => {
            let data = match &session.source {
                // One that does not answer changes nothing; the registry has logged it.
                Some(reference) => shared.registry.reload(&session.provider, reference).await.ok(),
                None => None,
            };
            let session = session.id;
            Answer::Providers(ProviderAnswer::Reloaded { session, data: data.map(Box::new) })
        }
        Question::Providers => {
            let device = Arc::new(device);
            Answer::Providers(match shared.registry.get_session(&device).await {
                Some(Offer { provider, data }) => {
                    let id = SessionId::new(uuid::Uuid::now_v7());
                    ProviderAnswer::Offer(Box::new(NewSession { id, device: device.id, provider, data }))
                }
                None => ProviderAnswer::Nothing,
            })
        }
        Question::Authenticators(session) => {
            let id = session.id;
            let request =
                AuthRequest { occasion: Occasion::Connect, device, session: *session, previous: None };
            let verdict = shared.registry.authenticators().ask(request).await;
            Answer::Authenticators(AuthAnswer { session: id, verdict })
        }
    }
}
