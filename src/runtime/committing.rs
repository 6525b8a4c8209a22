use tracing::error;

use super::cycle::{Caller, Step, refuse, told_of};
use super::owner::Owner;
use crate::domain::{Now, Refusal};
use crate::store::{Numbers, StoreError, Writes};

impl Owner {
    /// Commits the group in one transaction. What the store refuses is taken back and its callers told.
    pub(super) async fn commit(&mut self, steps: Vec<Step>, now: Now) -> Vec<(Step, Numbers)> {
        let group: Vec<Writes> = steps.iter().map(|step| Writes::from(&step.transition)).collect();
        if self.owed.is_empty() && group.iter().all(Writes::is_empty) {
            return steps.into_iter().map(|step| (step, Numbers::default())).collect();
        }
        let committed = match self.pay_owed().await {
            Ok(()) => self.store.commit(group).await,
            Err(error) => Err(error),
        };
        match committed {
            Ok(committed) => {
                self.shared.fail("store", None);
                let mut done = Vec::new();
                for (step, committed) in steps.into_iter().zip(committed) {
                    match committed {
                        Ok(numbers) => done.push((step, numbers)),
                        Err(refusal) => {
                            self.mgr.undo(&step.transition, now);
                            if !step.transition.gate.is_empty() {
                                self.want_reconcile(false, "a change was taken back");
                            }
                            refuse(step, refusal);
                        }
                    }
                }
                done
            }
            Err(error) => {
                error!(%error, "the store could not write: nothing of this group is done");
                self.shared.fail("store", Some(format!("the store cannot write: {error}")));
                let refusal = Refusal::from(error);
                for step in steps.into_iter().rev() {
                    if matches!(step.caller, Caller::Flush) {
                        self.mgr.flush_failed(&step.transition);
                    }
                    self.mgr.undo(&step.transition, now);
                    refuse(step, refusal.clone());
                }
                self.want_reconcile(false, "the store could not write");
                Vec::new()
            }
        }
    }

    /// Writes what was taken back and could not be written then. Before the group and not with it: guards must see that it
    /// was taken back.
    async fn pay_owed(&mut self) -> Result<(), StoreError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let committed = self.store.commit(self.owed.clone()).await?;
        let owed = std::mem::take(&mut self.owed);
        self.shared.listeners.tell(told_of(committed, owed).collect());
        Ok(())
    }
}
