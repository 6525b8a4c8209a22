//! One change of many sessions, in one transition.

use std::collections::BTreeSet;

use super::steer::RolePatch;
use super::work::Work;
use super::{SessionsMgr, Want};
use crate::domain::filter::Filter;
use crate::domain::{CloseReason, Now, Outcome, PropertyPatch, Refusal, SessionId, SessionView, Text};

/// Which sessions, of those that are not over.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All that a filter selects when it is carried out.
    Filter(Filter),
    /// These, as far as they are not over by then.
    These(BTreeSet<SessionId>),
}

/// What is done to every session that is selected.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// Which.
    pub which: Selection,
    /// What.
    pub act: BulkAct,
    /// Only count them.
    pub dry_run: bool,
    /// Those that were selected when their books were asked for; `None` until then.
    pub selected: Option<Vec<SessionId>>,
}

/// What is done to each.
#[derive(Debug, Clone)]
pub enum BulkAct {
    /// Ended by an operator, with a text.
    Close(Text),
    /// Properties set and deleted.
    Properties(PropertyPatch),
    /// Roles added and taken away.
    Roles(RolePatch),
    /// A text for the page of its device.
    Message {
        /// The text.
        text: Text,
        /// How long it is shown, in milliseconds.
        lasts_ms: u64,
        /// A number from which the ids of the messages are made.
        seed: uuid::Uuid,
    },
}

impl SessionsMgr {
    /// The sessions that are meant; in the order of their ids, which is that of making.
    pub fn select(&self, which: &Selection, now: Now) -> Vec<SessionId> {
        let filter = match which {
            Selection::Filter(filter) => filter,
            Selection::These(ids) => {
                return ids.iter().copied().filter(|id| self.table.session(*id).is_some()).collect();
            }
        };
        let matches = |id: &SessionId| {
            let pair = self.table.session(*id).and_then(|session| {
                let entry = self.table.device(session.device)?;
                Some((session, entry))
            });
            pair.is_some_and(|(session, entry)| {
                filter.matches(&SessionView::new(session, &entry.device, &self.policies, now.boot))
            })
        };
        let mut ids: Vec<SessionId> =
            self.table.sessions().map(|session| session.id).filter(matches).collect();
        ids.sort_unstable();
        ids
    }

    /// What the kernel must be asked before a change of these sessions.
    pub fn bulk_wants(&self, act: &BulkAct, sessions: &[SessionId]) -> Vec<Want> {
        let key = |id: &SessionId| {
            let session = self.table.session(*id).filter(|session| session.is_running())?;
            self.table.device(session.device)?.device.key
        };
        let keys = sessions.iter().filter_map(key);
        match act {
            BulkAct::Close(_) => keys.map(Want::Shut).collect(),
            // What is used up to now is charged by the old roles.
            BulkAct::Roles(_) => keys.map(Want::Read).collect(),
            BulkAct::Properties(_) | BulkAct::Message { .. } => Vec::new(),
        }
    }
}

impl Work<'_> {
    pub(super) fn bulk(&mut self, bulk: Bulk) -> Result<Outcome, Refusal> {
        let sessions = match bulk.selected {
            Some(selected) => selected,
            None => self.mgr.select(&bulk.which, self.now),
        };
        if !bulk.dry_run {
            self.act_on(&sessions, &bulk.act)?;
        }
        Ok(Outcome::Matched(sessions.len()))
    }

    fn act_on(&mut self, sessions: &[SessionId], act: &BulkAct) -> Result<(), Refusal> {
        match act {
            BulkAct::Message { text, lasts_ms, seed } => {
                for (count, device) in (1_u128..).zip(self.devices_of(sessions)) {
                    // Version 7 ids differ in their random bits: a number added there makes as many as are wanted.
                    let id = uuid::Uuid::from_u128(seed.as_u128() ^ (count & 0xffff_ffff));
                    let message = self.text_for(device, id, text, *lasts_ms);
                    self.leave(message)?;
                }
            }
            BulkAct::Close(text) => {
                // Those that do not run first: none of them takes over from one that ends.
                let runs = |id: &SessionId| self.session(*id).is_ok_and(|session| session.is_running());
                let (running, rest): (Vec<SessionId>, Vec<SessionId>) =
                    sessions.iter().copied().partition(runs);
                for id in rest.into_iter().chain(running) {
                    self.close_session(id, CloseReason::Operator, text.clone())?;
                }
            }
            BulkAct::Properties(patch) => {
                for id in sessions {
                    self.set_properties(*id, patch)?;
                }
            }
            BulkAct::Roles(patch) => {
                for id in sessions {
                    self.change_roles(*id, patch)?;
                }
            }
        }
        Ok(())
    }
}
