use super::{LockName, LockOwner, LockScope};
use crate::domain::WallTime;

/// A lock that is held, and who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockStatus {
    /// Its name.
    pub name: LockName,
    /// Who holds it.
    pub owner: LockOwner,
    /// What frees it by itself.
    pub scope: LockScope,
    /// Since when it is held.
    pub since: WallTime,
    /// Who waits, the next one first; an owner that asked several times stands here once.
    pub waiters: Vec<LockWaiter>,
}

/// An owner in the line for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockWaiter {
    /// Who waits.
    pub owner: LockOwner,
    /// What would free the lock by itself.
    pub scope: LockScope,
    /// Since when.
    pub since: WallTime,
}
