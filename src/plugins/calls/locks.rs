use std::time::Duration;

use serde_json::{Value, json};

use super::find_device;
use super::once::note;
use crate::domain::{LockName, LockOwner, LockScope, Permission, Refusal};
use crate::plugins::connection::Peer;
use crate::plugins::rpc::{BUSY, Fault, Fields};

/// The longest wait, in seconds.
const MAX_WAIT_SECS: f64 = 3600.0;
/// How many requests of one connection may wait for locks.
const MAX_WAITS: usize = 256;

fn name(peer: &Peer, fields: &mut Fields) -> Result<LockName, Fault> {
    let name: LockName =
        fields.need::<String>("name")?.parse().map_err(|error| Fault::invalid("name", error))?;
    peer.needs(&Permission::AcquireLock(name.to_string()))?;
    Ok(name)
}

/// One of the waits that a connection may have; given back when dropped.
struct Wait<'p>(&'p Peer);

impl<'p> Wait<'p> {
    fn begin(peer: &'p Peer) -> Result<Self, Fault> {
        let mut held = peer.held();
        if held.lock_waits >= MAX_WAITS {
            return Err(Fault::new(BUSY, format!("{MAX_WAITS} requests wait for locks already")));
        }
        held.lock_waits += 1;
        Ok(Self(peer))
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut held = self.0.held();
        held.lock_waits = held.lock_waits.saturating_sub(1);
    }
}

/// `lock.acquire`: for a device, or for the connection itself.
pub(super) async fn acquire(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let name = name(peer, &mut fields)?;
    let device = fields.take::<String>("device")?;
    let scope = fields.take::<String>("scope")?;
    let secs = fields.take::<f64>("wait_secs")?.unwrap_or(0.0);
    fields.finish()?;
    let scope = match &scope {
        None => LockScope::ConnectionLoss,
        Some(scope) => LockScope::parse(scope).ok_or_else(|| {
            let names = [LockScope::SessionLoss, LockScope::ConnectionLoss].map(LockScope::as_str);
            Fault::invalid("scope", format!("must be {}", names.join(" or ")))
        })?,
    };
    if !(0.0..=MAX_WAIT_SECS).contains(&secs) {
        return Err(Fault::invalid("wait_secs", format!("must be between 0 and {MAX_WAIT_SECS}")));
    }
    let wait = (secs > 0.0).then(|| Duration::from_secs_f64(secs));
    let _waits = Wait::begin(peer)?;
    let handle = &peer.host.handle;
    let (owner, lock) = match device {
        Some(device) => {
            let device = find_device(peer, &device).await?.id;
            (LockOwner::Device(device), handle.acquire_lock(&name, device, scope, wait).await?)
        }
        None => (LockOwner::Connection(peer.id), handle.lock_for_connection(&name, peer.id, wait).await?),
    };
    peer.held().locks.insert(name.clone(), (owner, lock.status.scope));
    // It may have been lost before it was noted here: then nobody was told.
    if handle.lock_holder(&name) != Some(owner) && peer.held().locks.remove(&name).is_some() {
        return Err(Refusal::LockLost.into());
    }
    if lock.is_changed {
        let details = format!("{owner}, {}", lock.status.scope.as_str());
        note(peer, "lock.acquire", name.as_str(), &details).await;
    }
    Ok(json!({ "name": name.as_str(), "scope": lock.status.scope.as_str(), "new": lock.is_new }))
}

/// `lock.release`: one that this connection has acquired.
pub(super) async fn release(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let name = name(peer, &mut fields)?;
    fields.finish()?;
    let held = peer.held().locks.remove(&name);
    let owner = held.map(|(owner, _)| owner).filter(|owner| peer.host.handle.give_back_lock(&name, *owner));
    let Some(owner) = owner else { return Err(Refusal::LockNotHeld("you do not hold").into()) };
    note(peer, "lock.release", name.as_str(), &owner.to_string()).await;
    Ok(json!({}))
}
