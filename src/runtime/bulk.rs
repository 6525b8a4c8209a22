use super::cycle::{Caller, Step, answer};
use super::mail::{Mail, Reply, ReplyTo};
use super::owner::Owner;
use crate::domain::Refusal;
use crate::domain::sessions_mgr::Command;

impl Owner {
    /// What can be handled together: all mail before a change of many, or that change alone. The rest is put off, in its
    /// order. A change of many touches many devices, and is to be taken back without another's.
    pub(super) fn until_bulk(&mut self, mut group: Vec<Mail>) -> Vec<Mail> {
        let is_bulk = |mail: &Mail| matches!(mail, Mail::Command(command, _) if command.bulk().is_some());
        let Some(place) = group.iter().position(is_bulk) else { return group };
        let rest = group.split_off(place.max(1));
        for mail in rest.into_iter().rev() {
            self.deferred.push_front(mail);
        }
        group
    }

    /// A change of many: one reading of the kernel, one transaction, one batch. All or nothing.
    pub(super) async fn bulk_cycle(&mut self, command: Command, reply: ReplyTo) {
        let Some((command, reply)) = self.leave_out_done(vec![(command, reply)]).await.pop() else { return };
        let Some(bulk) = command.bulk() else { return };
        let selected = self.mgr.select(&bulk.which, self.shared.clock.now());
        if bulk.dry_run {
            answer(reply, Ok(Reply::Matched(selected.len())));
            return;
        }
        let wants = self.mgr.bulk_wants(&bulk.act, &selected);
        let read = self.read_books(&wants).await;
        if !read.unread.is_empty() {
            answer(reply, Err(Refusal::Kernel("the clients' books could not be read".to_owned())));
            return;
        }
        let now = self.shared.clock.now();
        match self.mgr.handle(command.selected(selected), now) {
            Ok(transition) => {
                let caller = Caller::Command(reply);
                let steps = vec![Step { transition, device: None, caller, asked_source: false }];
                let steps = self.commit(steps, now).await;
                self.bring_about(steps, now).await;
            }
            Err(refusal) => {
                // Who was shut for it is let through again.
                self.want_reconcile(false, "a change of many was refused");
                answer(reply, Err(refusal));
            }
        }
    }
}
