use std::collections::{BTreeSet, HashMap, HashSet};

use super::cycle::closes_cycle;
use super::line::{Line, Wait};
use super::{LockName, LockOwner, LockScope, LockStatus, LockTicket, LockWaiter};
use crate::domain::{DeviceId, WallTime};

/// All locks that are held and all waits for them. Reads no clock and waits for nobody: see the module's page.
#[derive(Debug, Default)]
pub struct LockTable {
    locks: HashMap<LockName, Held>,
    /// What each ticket that is still good stands for.
    tickets: HashMap<LockTicket, LockName>,
    owners: HashMap<LockOwner, Share>,
    /// Waits in all lines together.
    waits: usize,
    last_ticket: u64,
}

/// A lock that is held.
#[derive(Debug)]
pub(super) struct Held {
    owner: LockOwner,
    scope: LockScope,
    since: WallTime,
    /// Waits that it was given to and whose askers have not taken it yet.
    offered: Vec<LockTicket>,
    /// Whether any asker has taken it.
    taken: bool,
    line: Line,
}

/// What one owner has in the table.
#[derive(Debug, Default)]
struct Share {
    holds: HashSet<LockName>,
    /// The locks in whose lines it stands.
    waits_for: HashSet<LockName>,
    /// Its waits, of which several may share one place.
    waits: usize,
}

/// What became of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// It was free: the owner holds it now.
    Granted,
    /// The owner held it before: it is the same lock.
    HeldBefore,
    /// Another holds it. The ticket is to be taken ([`LockTable::take`]) once the lock was handed over, or cancelled.
    Waiting(LockTicket),
}

/// Why a lock cannot be asked for. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockRefusal {
    /// Whoever holds it, or stands in line for it, waits in turn for the asker.
    WouldDeadlock,
    /// The asker holds and waits for as many as one owner may.
    OwnerHasTooMany,
    /// All owners together hold or wait for as many as there may be.
    TooMany,
}

/// A lock that went to the next owner in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Which lock.
    pub name: LockName,
    /// Who holds it now.
    pub owner: LockOwner,
    /// All waits of that owner for it: each is answered.
    pub tickets: Vec<LockTicket>,
}

/// What an owner lost.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LockLoss {
    /// The locks it held.
    pub freed: Vec<LockName>,
    /// Its waits that have ended.
    pub ended: Vec<LockTicket>,
    /// Who got the locks.
    pub handed_over: Vec<HandOver>,
}

impl Held {
    /// The holder, then those in line.
    pub(super) fn owners(&self) -> impl Iterator<Item = LockOwner> {
        std::iter::once(self.owner).chain(self.line.owners())
    }

    /// How many stand in line before an owner.
    pub(super) fn place_of(&self, owner: LockOwner) -> Option<usize> {
        self.line.owners().position(|other| other == owner)
    }
}

impl LockTable {
    /// The most locks that are held at once.
    pub const MAX_LOCKS: usize = 1_000;
    /// The most waits at once.
    pub const MAX_WAITS: usize = 1_000;
    /// The most locks and waits of one owner, together.
    pub const MAX_OF_OWNER: usize = 64;

    /// Who holds a lock.
    pub fn holder(&self, name: &LockName) -> Option<LockOwner> {
        self.locks.get(name).map(|held| held.owner)
    }

    /// Asks for a lock. An owner that holds it already, or waits for it, may ask again: the weaker scope holds.
    pub fn acquire(
        &mut self,
        name: &LockName,
        owner: LockOwner,
        scope: LockScope,
        now: WallTime,
    ) -> Result<Acquired, LockRefusal> {
        if let Some(held) = self.locks.get_mut(name).filter(|held| held.owner == owner) {
            held.scope = held.scope.min(scope);
            held.taken = true;
            return Ok(Acquired::HeldBefore);
        }
        if self.owners.get(&owner).is_some_and(|share| share.holds.len() + share.waits >= Self::MAX_OF_OWNER)
        {
            return Err(LockRefusal::OwnerHasTooMany);
        }
        let Some(held) = self.locks.get(name) else {
            if self.locks.len() >= Self::MAX_LOCKS {
                return Err(LockRefusal::TooMany);
            }
            let held =
                Held { owner, scope, since: now, offered: Vec::new(), taken: true, line: Line::default() };
            self.locks.insert(name.clone(), held);
            self.owners.entry(owner).or_default().holds.insert(name.clone());
            return Ok(Acquired::Granted);
        };
        if self.waits >= Self::MAX_WAITS {
            return Err(LockRefusal::TooMany);
        }
        let waits_of =
            |owner| self.owners.get(&owner).map(|share| share.waits_for.iter().collect()).unwrap_or_default();
        if held.place_of(owner).is_none() && closes_cycle(owner, held, &self.locks, waits_of) {
            return Err(LockRefusal::WouldDeadlock);
        }
        self.last_ticket += 1;
        let ticket = LockTicket(self.last_ticket);
        if let Some(held) = self.locks.get_mut(name) {
            held.line.join(owner, Wait { ticket, scope, since: now });
        }
        self.tickets.insert(ticket, name.clone());
        self.waits += 1;
        let share = self.owners.entry(owner).or_default();
        share.waits += 1;
        share.waits_for.insert(name.clone());
        Ok(Acquired::Waiting(ticket))
    }

    /// Takes a lock that was handed over to this ticket. `false` if the lock is gone again, or never came.
    pub fn take(&mut self, ticket: LockTicket) -> bool {
        let Some(name) = self.tickets.get(&ticket) else { return false };
        let Some(held) = self.locks.get_mut(name) else { return false };
        let before = held.offered.len();
        held.offered.retain(|offered| *offered != ticket);
        if held.offered.len() == before {
            return false;
        }
        held.taken = true;
        self.tickets.remove(&ticket);
        true
    }

    /// The asker has gone away. Other waits of the same owner stay. A lock that was handed over to this ticket, and that no
    /// other asker has taken or could take, goes on to the next in line or is free.
    pub fn cancel(&mut self, ticket: LockTicket, now: WallTime) -> Option<HandOver> {
        let name = self.tickets.remove(&ticket)?;
        let held = self.locks.get_mut(&name)?;
        if let Some((owner, has_left)) = held.line.leave(ticket) {
            self.drop_waits(owner, 1, has_left.then_some(&name));
            return None;
        }
        held.offered.retain(|offered| *offered != ticket);
        if held.taken || !held.offered.is_empty() { None } else { self.free(&name, now) }
    }

    /// Gives a lock back; if `only` is given, only if that owner holds it. `Err` if it is not held so.
    pub fn release(
        &mut self,
        name: &LockName,
        only: Option<LockOwner>,
        now: WallTime,
    ) -> Result<Option<HandOver>, NotHeld> {
        match self.holder(name) {
            Some(holder) if only.is_none_or(|only| only == holder) => Ok(self.free(name, now)),
            _ => Err(NotHeld),
        }
    }

    /// An owner lost its connection: what has the scope [`LockScope::ConnectionLoss`] ends.
    pub fn lose_connection(&mut self, owner: LockOwner, now: WallTime) -> LockLoss {
        self.lose(owner, LockScope::ConnectionLoss, now)
    }

    /// An owner is gone for good: all that it holds and waits for ends.
    pub fn lose_session(&mut self, owner: LockOwner, now: WallTime) -> LockLoss {
        self.lose(owner, LockScope::SessionLoss, now)
    }

    /// All locks that are held, by name.
    pub fn locks(&self) -> Vec<LockStatus> {
        let mut locks: Vec<LockStatus> = self.locks.keys().filter_map(|name| self.lock(name)).collect();
        locks.sort_by(|a, b| a.name.cmp(&b.name));
        locks
    }

    /// One lock, if it is held.
    pub fn lock(&self, name: &LockName) -> Option<LockStatus> {
        let held = self.locks.get(name)?;
        let waiters = held.line.places().map(|place| LockWaiter {
            owner: place.owner(),
            scope: place.scope(),
            since: place.since(),
        });
        Some(LockStatus {
            name: name.clone(),
            owner: held.owner,
            scope: held.scope,
            since: held.since,
            waiters: waiters.collect(),
        })
    }

    /// The devices that hold or wait for anything.
    pub fn devices(&self) -> BTreeSet<DeviceId> {
        let devices = self.owners.keys().filter_map(|owner| match owner {
            LockOwner::Device(id) => Some(*id),
            LockOwner::Connection(_) => None,
        });
        devices.collect()
    }

    fn lose(&mut self, owner: LockOwner, lost: LockScope, now: WallTime) -> LockLoss {
        let mut loss = LockLoss::default();
        let Some(share) = self.owners.get(&owner) else { return loss };
        let mut waits_for: Vec<LockName> = share.waits_for.iter().cloned().collect();
        let mut holds: Vec<LockName> = share.holds.iter().cloned().collect();
        waits_for.sort();
        holds.sort();
        // Waits first: what it is about to lose must not come back to it.
        for name in waits_for {
            let Some(held) = self.locks.get_mut(&name) else { continue };
            let (ended, has_left) = held.line.lose(owner, lost);
            for ticket in &ended {
                self.tickets.remove(ticket);
            }
            self.drop_waits(owner, ended.len(), has_left.then_some(&name));
            loss.ended.extend(ended);
        }
        for name in holds {
            if self.locks.get(&name).is_some_and(|held| held.scope <= lost) {
                loss.handed_over.extend(self.free(&name, now));
                loss.freed.push(name);
            }
        }
        loss
    }

    /// Takes a lock from its holder and gives it to the next in line.
    fn free(&mut self, name: &LockName, now: WallTime) -> Option<HandOver> {
        let held = self.locks.get_mut(name)?;
        let before = held.owner;
        // Those who were told of it and did not take it yet come too late.
        for ticket in held.offered.drain(..) {
            self.tickets.remove(&ticket);
        }
        let next = held.line.next();
        if let Some(share) = self.owners.get_mut(&before) {
            share.holds.remove(name);
        }
        self.forget_if_idle(before);
        let Some(next) = next else {
            self.locks.remove(name);
            return None;
        };
        let (owner, scope, tickets) = (next.owner(), next.scope(), next.tickets());
        if let Some(held) = self.locks.get_mut(name) {
            (held.owner, held.scope, held.since) = (owner, scope, now);
            (held.taken, held.offered) = (false, tickets.clone());
        }
        self.owners.entry(owner).or_default().holds.insert(name.clone());
        self.drop_waits(owner, tickets.len(), Some(name));
        Some(HandOver { name: name.clone(), owner, tickets })
    }

    /// So many waits of an owner are over; the lock whose line it left with the last of them.
    fn drop_waits(&mut self, owner: LockOwner, count: usize, left: Option<&LockName>) {
        self.waits = self.waits.saturating_sub(count);
        if let Some(share) = self.owners.get_mut(&owner) {
            share.waits = share.waits.saturating_sub(count);
            if let Some(name) = left {
                share.waits_for.remove(name);
            }
        }
        self.forget_if_idle(owner);
    }

    fn forget_if_idle(&mut self, owner: LockOwner) {
        if self.owners.get(&owner).is_some_and(|share| share.holds.is_empty() && share.waits == 0) {
            self.owners.remove(&owner);
        }
    }
}

/// Nobody holds the lock, or not the owner that was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotHeld;

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
