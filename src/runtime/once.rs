use std::collections::HashSet;

use super::cycle::answer;
use super::mail::{Mail, ReplyTo};
use super::owner::Owner;
use crate::domain::Refusal;
use crate::domain::sessions_mgr::Command;

impl Owner {
    /// Leaves out the commands that were carried out before, by their keys. Looked up before anything is decided: what others
    /// of the group rest on could not be taken back when the store refuses it, and nobody is cut off for it meanwhile.
    pub(super) async fn leave_out_done(
        &mut self,
        commands: Vec<(Command, ReplyTo)>,
    ) -> Vec<(Command, ReplyTo)> {
        let mut keys = HashSet::new();
        let mut left = Vec::with_capacity(commands.len());
        for (command, reply) in commands {
            let Some(once) = command.once() else {
                left.push((command, reply));
                continue;
            };
            if !keys.insert((once.caller.clone(), once.key.clone())) {
                // What becomes of the first one decides.
                self.deferred.push_back(Mail::Command(Box::new(command), reply));
                continue;
            }
            match self.store.find_once(&once.caller, &once.key).await {
                Ok(None) => left.push((command, reply)),
                Ok(Some(_)) => answer(reply, Err(Refusal::DoneBefore)),
                Err(error) => answer(reply, Err(error.into())),
            }
        }
        left
    }
}
