use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

use crate::domain::{DeviceId, LockName, LockOwner, LockScope, Refusal, SessionKind};
use crate::runtime::{Handle, Lock};

/// The most devices in one slot's line.
const MAX_WAITERS: usize = 64;
/// The longest wait in line: whoever is forgotten there does not stay for ever.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Those who wait for a slot: a task each, which waits for the slot's lock and gives up its place when it is ended.
pub(super) struct WaitingLine {
    handle: Handle,
    lock: LockName,
    waits: JoinSet<(DeviceId, Result<Lock, Refusal>)>,
    waiters: HashMap<DeviceId, Waiter>,
}

struct Waiter {
    kind: Option<SessionKind>,
    task: AbortHandle,
}

/// What has become of a wait.
#[derive(Debug)]
pub(super) enum Turn {
    /// The device has the slot, for a session of this kind.
    Has(Option<SessionKind>),
    /// It has the slot and had given up the wait.
    TooLate,
    /// The wait is over without: it left, was blocked, or waited too long.
    Over(Refusal),
}

impl WaitingLine {
    pub(super) fn new(handle: Handle, lock: LockName) -> Self {
        Self { handle, lock, waits: JoinSet::new(), waiters: HashMap::new() }
    }

    /// Whether a device waits.
    pub(super) fn has(&self, device: DeviceId) -> bool {
        self.waiters.contains_key(&device)
    }

    /// Puts a device at the end, unless it stands in line; `false`: the line is full.
    pub(super) fn join(&mut self, device: DeviceId, kind: Option<SessionKind>) -> bool {
        if self.has(device) {
            return true;
        }
        if self.waiters.len() >= MAX_WAITERS {
            return false;
        }
        let (handle, lock) = (self.handle.clone(), self.lock.clone());
        let task = self.waits.spawn(async move {
            let scope = LockScope::ConnectionLoss;
            (device, handle.acquire_lock(&lock, device, scope, Some(PATIENCE)).await)
        });
        self.waiters.insert(device, Waiter { kind, task });
        true
    }

    /// Gives up a device's place; whether it had one.
    pub(super) fn leave(&mut self, device: DeviceId) -> bool {
        let waiter = self.waiters.remove(&device);
        waiter.inspect(|waiter| waiter.task.abort()).is_some()
    }

    /// The next wait that is over. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> (DeviceId, Turn) {
        loop {
            match self.waits.join_next().await {
                Some(Ok((device, answer))) => match (answer, self.waiters.remove(&device)) {
                    (Ok(_lock), Some(waiter)) => return (device, Turn::Has(waiter.kind)),
                    (Ok(_lock), None) => return (device, Turn::TooLate),
                    (Err(refusal), Some(_)) => return (device, Turn::Over(refusal)),
                    (Err(_), None) => {}
                },
                // It was given up.
                Some(Err(_)) => {}
                None => pending().await,
            }
        }
    }

    /// Those in line, the next one first.
    pub(super) fn order(&self) -> Vec<DeviceId> {
        let locks = self.handle.locks();
        let Some(status) = locks.into_iter().find(|status| status.name == self.lock) else {
            return Vec::new();
        };
        let owners = status.waiters.into_iter().filter_map(|waiter| match waiter.owner {
            LockOwner::Device(device) => Some(device),
            LockOwner::Connection(_) => None,
        });
        owners.filter(|device| self.has(*device)).collect()
    }

    /// Whether a device holds the slot's lock.
    pub(super) fn is_held_by(&self, device: DeviceId) -> bool {
        let holder = LockOwner::Device(device);
        self.handle.locks().iter().any(|status| status.name == self.lock && status.owner == holder)
    }
}
