use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tracing::info;

use super::handle::{DeviceRef, Handle};
use super::shared::Shared;
use crate::domain::{
    Acquired, ConnectionId, DeviceId, HandOver, LockLoss, LockName, LockOwner, LockRefusal, LockScope,
    LockStatus, LockTable, LockTicket, Refusal, WallTime,
};

/// The locks and who is to be told of them. In memory: all are free when the daemon starts.
pub(super) struct Locks {
    pub(super) table: LockTable,
    waiting: HashMap<LockTicket, oneshot::Sender<Result<(), Refusal>>>,
    lost: broadcast::Sender<LostLock>,
}

impl Default for Locks {
    fn default() -> Self {
        Self { table: LockTable::default(), waiting: HashMap::new(), lost: broadcast::channel(256).0 }
    }
}

/// A lock that was taken from whoever held it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostLock {
    /// Which.
    pub name: LockName,
    /// Who held it.
    pub owner: LockOwner,
    /// Why.
    pub why: &'static str,
}

/// A lock that its owner holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// How it stands.
    pub status: LockStatus,
    /// Whether the owner got it just now; `false` if it held it before.
    pub is_new: bool,
    /// Whether anything has changed: it is new, or its scope is weaker than before.
    pub is_changed: bool,
}

impl Locks {
    fn tell(&mut self, ticket: LockTicket, answer: Result<(), Refusal>) {
        if let Some(asker) = self.waiting.remove(&ticket) {
            // An asker that has gone away cancels its ticket, which gives the lock on.
            let _ = asker.send(answer);
        }
    }

    fn hand_over(&mut self, next: Option<HandOver>) {
        if let Some(next) = next {
            info!(lock = %next.name, owner = %next.owner, "a lock was handed over");
            next.tickets.into_iter().for_each(|ticket| self.tell(ticket, Ok(())));
        }
    }

    fn lost(&mut self, owner: LockOwner, why: &'static str, loss: LockLoss) {
        for lock in &loss.freed {
            info!(%lock, %owner, why, "a lock was freed");
            // Nobody may be listening.
            let _ = self.lost.send(LostLock { name: lock.clone(), owner, why });
        }
        loss.ended.into_iter().for_each(|ticket| self.tell(ticket, Err(Refusal::LockLost)));
        loss.handed_over.into_iter().for_each(|next| self.hand_over(Some(next)));
    }

    /// The owner is not on the network any more.
    pub(super) fn lose_connection(&mut self, owner: LockOwner, now: WallTime) {
        let loss = self.table.lose_connection(owner, now);
        self.lost(owner, "its device left the network", loss);
    }

    /// The owner is gone for good.
    pub(super) fn lose_session(&mut self, owner: LockOwner, now: WallTime) {
        let loss = self.table.lose_session(owner, now);
        self.lost(owner, "its device was away too long, blocked or deleted", loss);
    }
}

impl Shared {
    /// Never held across an await.
    pub(super) fn locks(&self) -> MutexGuard<'_, Locks> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in line; given up when dropped, with whatever was handed over to it and not taken.
struct Place {
    shared: Arc<Shared>,
    ticket: LockTicket,
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.shared.clock.now().wall;
        let mut locks = self.shared.locks();
        locks.waiting.remove(&self.ticket);
        let next = locks.table.cancel(self.ticket, now);
        locks.hand_over(next);
    }
}

/// Named locks.
impl Handle {
    /// Asks for a lock on behalf of a device. While another holds it, this waits for so long (`None`: not at all), first
    /// come, first served; dropping the future gives up the wait, and a lock that came too late goes to the next in line.
    pub async fn acquire_lock(
        &self,
        name: &LockName,
        device: DeviceId,
        scope: LockScope,
        wait: Option<Duration>,
    ) -> Result<Lock, Refusal> {
        if self.find_device(DeviceRef::Id(device)).await?.blocked {
            return Err(Refusal::Blocked);
        }
        self.acquire_as(name, LockOwner::Device(device), scope, wait).await
    }

    /// The same for a plugin's connection, which holds it until it gives it back or ends.
    pub async fn lock_for_connection(
        &self,
        name: &LockName,
        connection: ConnectionId,
        wait: Option<Duration>,
    ) -> Result<Lock, Refusal> {
        self.acquire_as(name, LockOwner::Connection(connection), LockScope::ConnectionLoss, wait).await
    }

    async fn acquire_as(
        &self,
        name: &LockName,
        owner: LockOwner,
        scope: LockScope,
        wait: Option<Duration>,
    ) -> Result<Lock, Refusal> {
        let (place, answer) = match self.ask_for(name, owner, scope, wait.is_some())? {
            Asked::Has(lock) => return Ok(lock),
            Asked::Waits(place, answer) => (place, answer),
        };
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(Refusal::Stopping))?,
            () = self.shared.mailbox.closed() => return Err(Refusal::Stopping),
            () = tokio::time::sleep(wait.unwrap_or_default()) => {
                let holder = self.shared.locks().table.holder(name);
                return Err(holder.map_or(Refusal::LockLost, Refusal::LockWaitOver));
            }
        }
        let mut locks = self.shared.locks();
        // It may have been released, or lost, before this had its turn.
        let status = if locks.table.take(place.ticket) { locks.table.lock(name) } else { None };
        drop(locks);
        status.map(|status| Lock { status, is_new: true, is_changed: true }).ok_or(Refusal::LockLost)
    }

    fn ask_for(
        &self,
        name: &LockName,
        owner: LockOwner,
        scope: LockScope,
        may_wait: bool,
    ) -> Result<Asked, Refusal> {
        let now = self.now().wall;
        let mut locks = self.shared.locks();
        if let Some(holder) = locks.table.holder(name).filter(|holder| !may_wait && *holder != owner) {
            return Err(Refusal::LockHeld(holder));
        }
        let before = locks.table.lock(name).map(|lock| lock.scope);
        let has = |locks: &Locks, is_new| {
            let status = locks.table.lock(name).ok_or(Refusal::LockLost)?;
            let is_changed = is_new || before != Some(status.scope);
            Ok(Asked::Has(Lock { status, is_new, is_changed }))
        };
        match locks.table.acquire(name, owner, scope, now).map_err(refused)? {
            Acquired::Granted => has(&locks, true),
            Acquired::HeldBefore => has(&locks, false),
            Acquired::Waiting(ticket) => {
                let (asker, answer) = oneshot::channel();
                locks.waiting.insert(ticket, asker);
                Ok(Asked::Waits(Place { shared: Arc::clone(&self.shared), ticket }, answer))
            }
        }
    }

    /// Gives a lock back to the next in line; if a device is named, only if that one holds it. Who held it.
    pub fn release_lock(&self, name: &LockName, device: Option<DeviceId>) -> Result<LockOwner, Refusal> {
        let now = self.now().wall;
        let mut locks = self.shared.locks();
        let who = if device.is_some() { "this device does not hold" } else { "nobody holds" };
        let held = || Refusal::LockNotHeld(who);
        let owner = locks.table.holder(name).ok_or_else(held)?;
        let next = locks.table.release(name, device.map(LockOwner::Device), now).map_err(|_| held())?;
        let _ = locks.lost.send(LostLock { name: name.clone(), owner, why: "it was released" });
        locks.hand_over(next);
        Ok(owner)
    }

    /// Gives back the lock of this owner, who is not told that it lost it. Whether it held it.
    pub fn give_back_lock(&self, name: &LockName, owner: LockOwner) -> bool {
        let now = self.now().wall;
        let mut locks = self.shared.locks();
        let Ok(next) = locks.table.release(name, Some(owner), now) else { return false };
        locks.hand_over(next);
        true
    }

    /// A plugin's connection has ended: all that it holds and waits for ends.
    pub fn connection_lost(&self, connection: ConnectionId) {
        let now = self.now().wall;
        let mut locks = self.shared.locks();
        let owner = LockOwner::Connection(connection);
        let loss = locks.table.lose_session(owner, now);
        locks.lost(owner, "its connection ended", loss);
    }

    /// Who holds a lock.
    pub fn lock_holder(&self, name: &LockName) -> Option<LockOwner> {
        self.shared.locks().table.holder(name)
    }

    /// The locks that are taken from their owners, as it happens.
    pub fn lost_locks(&self) -> broadcast::Receiver<LostLock> {
        self.shared.locks().lost.subscribe()
    }

    /// All locks that are held, by name.
    pub fn locks(&self) -> Vec<LockStatus> {
        self.shared.locks().table.locks()
    }
}

enum Asked {
    Has(Lock),
    Waits(Place, oneshot::Receiver<Result<(), Refusal>>),
}

fn refused(refusal: LockRefusal) -> Refusal {
    match refusal {
        LockRefusal::WouldDeadlock => Refusal::LockWouldDeadlock,
        LockRefusal::OwnerHasTooMany => Refusal::TooManyLocks("this device", LockTable::MAX_OF_OWNER),
        LockRefusal::TooMany => Refusal::TooManyLocks("everybody together", LockTable::MAX_LOCKS),
    }
}
