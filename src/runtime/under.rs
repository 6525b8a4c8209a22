use std::sync::Arc;

use super::handle::Handle;
use crate::domain::sessions_mgr::Command;
use crate::domain::{BootId, ClientSession, Proviso, Refusal, Tag};

impl Handle {
    /// The same, but what it is asked to change it changes only if the proviso holds. For one change: a second one would
    /// have been done before.
    pub fn under(&self, proviso: Proviso) -> Self {
        Self { proviso: Some(Arc::new(proviso)), ..self.clone() }
    }

    /// Which boot this is.
    pub fn boot_id(&self) -> std::io::Result<BootId> {
        self.shared.clock.boot_id()
    }

    /// A command as it goes to the owner of the sessions manager, who looks at the proviso as it acts.
    pub(super) fn provided(&self, command: Command) -> Command {
        match &self.proviso {
            Some(proviso) => {
                Command::Under { proviso: Box::new((**proviso).clone()), command: Box::new(command) }
            }
            None => command,
        }
    }

    /// The same for a session that has ended, which only the store knows: it does not change any more.
    pub(super) fn expects(&self, ended: ClientSession) -> Result<ClientSession, Refusal> {
        let expected = self.proviso.as_ref().and_then(|proviso| proviso.expected.as_ref());
        match expected {
            Some(expected) if !expected.contains(&Tag::of_session(&ended)) => Err(Refusal::Changed),
            _ => Ok(ended),
        }
    }
}
