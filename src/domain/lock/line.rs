use std::collections::VecDeque;

use super::{LockOwner, LockScope, LockTicket};
use crate::domain::WallTime;

/// Those who wait for one lock, the next one first. An owner has one place, however often it asked.
#[derive(Debug, Default)]
pub(super) struct Line(VecDeque<Place>);

/// One owner's place: at least one wait.
#[derive(Debug)]
pub(super) struct Place {
    owner: LockOwner,
    first: Wait,
    /// The owner asked again meanwhile.
    more: Vec<Wait>,
}

/// One request that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    pub(super) ticket: LockTicket,
    pub(super) scope: LockScope,
    pub(super) since: WallTime,
}

impl Place {
    fn waits(&self) -> impl Iterator<Item = &Wait> {
        std::iter::once(&self.first).chain(&self.more)
    }

    pub(super) const fn owner(&self) -> LockOwner {
        self.owner
    }

    /// The weakest that was asked for.
    pub(super) fn scope(&self) -> LockScope {
        self.more.iter().map(|wait| wait.scope).fold(self.first.scope, LockScope::min)
    }

    /// Since when the oldest of its waits waits.
    pub(super) const fn since(&self) -> WallTime {
        self.first.since
    }

    pub(super) fn tickets(&self) -> Vec<LockTicket> {
        self.waits().map(|wait| wait.ticket).collect()
    }

    /// The same place with the waits that stay; `None` if none does.
    fn with(owner: LockOwner, mut waits: impl Iterator<Item = Wait>) -> Option<Self> {
        let first = waits.next()?;
        Some(Self { owner, first, more: waits.collect() })
    }
}

impl Line {
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter()
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = LockOwner> {
        self.0.iter().map(Place::owner)
    }

    /// Another wait of an owner: at its place, or at the end.
    pub(super) fn join(&mut self, owner: LockOwner, wait: Wait) {
        match self.0.iter_mut().find(|place| place.owner == owner) {
            Some(place) => place.more.push(wait),
            None => self.0.push_back(Place { owner, first: wait, more: Vec::new() }),
        }
    }

    /// Takes the next one out.
    pub(super) fn next(&mut self) -> Option<Place> {
        self.0.pop_front()
    }

    /// Ends one wait. Whose it was, and whether that owner has left the line with it; `None` if it is not here.
    pub(super) fn leave(&mut self, ticket: LockTicket) -> Option<(LockOwner, bool)> {
        let owner = self.0.iter().find(|place| place.waits().any(|wait| wait.ticket == ticket))?.owner;
        let (_, has_left) = self.end(owner, |wait| wait.ticket == ticket);
        Some((owner, has_left))
    }

    /// Ends the waits of an owner that this loss ends. Their tickets, and whether the owner has left the line.
    pub(super) fn lose(&mut self, owner: LockOwner, lost: LockScope) -> (Vec<LockTicket>, bool) {
        self.end(owner, |wait| wait.scope <= lost)
    }

    /// Ends some waits of an owner; others keep its place.
    fn end(&mut self, owner: LockOwner, ends: impl Fn(&Wait) -> bool) -> (Vec<LockTicket>, bool) {
        let Some(at) = self.0.iter().position(|place| place.owner == owner) else {
            return (Vec::new(), false);
        };
        let Some(place) = self.0.get_mut(at) else { return (Vec::new(), false) };
        let (ended, stay): (Vec<Wait>, Vec<Wait>) = place.waits().copied().partition(ends);
        let left = match Place::with(owner, stay.into_iter()) {
            Some(rest) => {
                *place = rest;
                false
            }
            None => self.0.remove(at).is_some(),
        };
        (ended.into_iter().map(|wait| wait.ticket).collect(), left)
    }
}
