use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::MissedTickBehavior;
use tracing::debug;

use super::handle::Handle;
use crate::domain::sessions_mgr::Presence;
use crate::domain::{BootTime, DeviceId, LockOwner, Refusal};

/// How often those who hold or wait for a lock are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Questions in a row that a device leaves unanswered until it counts as having left: the kernel takes longer to notice,
/// and a phone that dozes may miss one.
const MISSES: u32 = 3;
/// How many devices are asked at the same time.
const SIDE_BY_SIDE: usize = 512;

/// Frees the locks of devices that leave, are blocked or deleted.
pub(super) struct LockKeeper {
    handle: Handle,
    silent: HashMap<DeviceId, Silence>,
}

/// How a device has not been heard of.
#[derive(Debug, Clone, Copy)]
struct Silence {
    misses: u32,
    since: BootTime,
}

/// Looks each second, until the daemon stops.
pub(super) async fn run(handle: Handle) {
    let mut keeper = LockKeeper { handle, silent: HashMap::new() };
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if keeper.look().await.is_err() {
            // The daemon stops.
            return;
        }
    }
}

impl LockKeeper {
    /// One look at every device that holds or waits for a lock.
    async fn look(&mut self) -> Result<(), Refusal> {
        let devices = self.handle.shared.locks().table.devices();
        self.silent.retain(|device, _| devices.contains(device));
        if devices.is_empty() {
            return Ok(());
        }
        let asked = self.handle.ask(move |mgr, now| {
            let known = devices.into_iter().map(|id| (id, mgr.presence(id))).collect::<Vec<_>>();
            (known, now.boot)
        });
        let (known, now) = asked.await?;
        let mut here = Vec::new();
        for (id, presence) in known {
            match presence {
                Some(presence) if presence.device.blocked => self.lose_session(id),
                Some(presence) if presence.is_here() => here.push(presence),
                Some(presence) => {
                    // Not a matter of misses: once it is back it has all of them again.
                    let since = self.silent.get(&id).map_or(now, |silence| silence.since);
                    self.silent.insert(id, Silence { misses: 0, since });
                    self.is_away(&presence, now);
                }
                None => self.lose_session(id),
            }
        }
        self.ask_who_is_here(here, now).await;
        Ok(())
    }

    /// The neighbour table says that they are here; do they answer?
    async fn ask_who_is_here(&mut self, here: Vec<Presence>, now: BootTime) {
        let lan = &self.handle.shared.lan;
        let mut answers = stream::iter(here)
            .map(|presence| async move { (lan.ping(&presence.device).await, presence) })
            .buffer_unordered(SIDE_BY_SIDE);
        let mut silent = Vec::new();
        while let Some((answer, presence)) = answers.next().await {
            match answer {
                Ok(Some(_)) => drop(self.silent.remove(&presence.device.id)),
                Ok(None) => {
                    let silence =
                        self.silent.entry(presence.device.id).or_insert(Silence { misses: 0, since: now });
                    silence.misses += 1;
                    if silence.misses >= MISSES {
                        silent.push(presence);
                    }
                }
                // That it could not be asked says nothing of it.
                Err(error) => debug!(%error, mac = %presence.device.mac, "a lock's owner could not be asked"),
            }
        }
        drop(answers);
        for presence in silent {
            self.is_away(&presence, now);
        }
    }

    fn is_away(&self, presence: &Presence, now: BootTime) {
        let id = presence.device.id;
        let since = self.silent.get(&id).map(|silence| silence.since);
        if presence.has_left(since, now) {
            self.lose_session(id);
        } else {
            let wall = self.handle.now().wall;
            self.handle.shared.locks().lose_connection(LockOwner::Device(id), wall);
        }
    }

    fn lose_session(&self, id: DeviceId) {
        let wall = self.handle.now().wall;
        self.handle.shared.locks().lose_session(LockOwner::Device(id), wall);
    }
}
