//! What is over goes: sessions that ended long ago, and devices that have nothing left. A little at a time, through the owner's
//! task as everything else.

use std::collections::VecDeque;
use std::sync::Arc;

use super::beside;
use super::handle::Handle;
use super::shared::Shared;
use crate::domain::sessions_mgr::{Command, Departed};
use crate::domain::{DeviceId, Now, Parting, Refusal, Repeat, SettledClock, WallTime};
use crate::store::StoreError;

const DAY_MS: i64 = 86_400_000;
/// How many sessions one step deletes.
const SESSIONS: i64 = 64;
/// How many devices one step forgets: each has flows to be deleted in the kernel.
const DEVICES: usize = 16;
/// Of how many devices one step asks the store what they have.
const ASKED: usize = 256;
/// How many devices the sessions manager names at a time: it takes a look at each.
const NAMED: usize = 4_096;
/// Too many devices are brought down to so many parts of the most: not each that comes is to lead to a round.
const PARTS: usize = 20;
/// Without free access it is not known which period goes on: none is longer than a month.
const LONGEST_PERIOD_MS: i64 = 32 * DAY_MS;

/// How long what is over is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// So many days; 0 is for ever.
    pub days: u32,
    /// How often free access comes anew, if there is any.
    pub free: Option<Repeat>,
}

/// How far it has come.
#[derive(Debug, Default)]
pub(super) struct Retiring {
    clock: SettledClock,
    round: Option<Round>,
}

/// One look at all devices.
#[derive(Debug)]
struct Round {
    parting: Parting,
    /// How many may go, if not all.
    most: Option<usize>,
    /// The last that the sessions manager named; `None` before the first.
    after: Option<Departed>,
    /// Whether it may have more.
    is_open: bool,
    named: VecDeque<DeviceId>,
    /// The store has nothing of these.
    ready: VecDeque<DeviceId>,
}

impl Handle {
    /// Deletes a little of what is over, as the daemon does by itself. How much was done or looked at: 0 at the end of a round.
    pub async fn prune_step(&self) -> Result<u64, StoreError> {
        beside::prune_step(&self.shared).await
    }
}

/// One step. How much was done or looked at: 0 at the end of a round.
pub(super) async fn step(shared: &Arc<Shared>) -> Result<u64, StoreError> {
    let mut retiring = shared.retiring.lock().await;
    let now = shared.clock.now();
    if shared.keeping.days == 0 {
        return Ok(0);
    }
    if !retiring.clock.observe(now, shared.clock.is_believed()) {
        retiring.round = None;
        return Ok(0);
    }
    let long_ago = now.wall.plus_millis(-i64::from(shared.keeping.days).saturating_mul(DAY_MS));
    let mut done = shared.store.date_ends(now.wall, SESSIONS).await?;
    let over = shared.store.sessions_over(long_ago, SESSIONS).await?;
    let handle = Handle::new(Arc::clone(shared));
    if !over.is_empty() {
        let count = u64::try_from(over.len()).unwrap_or(u64::MAX);
        match handle.command(Command::ForgetSessions(over)).await {
            Ok(_) => done += count,
            // Who owns the store has said so.
            Err(_) => return Ok(0),
        }
    }
    // Devices after their sessions: else a round would find most of them still there.
    if done > 0 {
        return Ok(done);
    }
    retire(&handle, &mut retiring.round, long_ago, now).await
}

async fn retire(
    handle: &Handle,
    place: &mut Option<Round>,
    long_ago: WallTime,
    now: Now,
) -> Result<u64, StoreError> {
    let mut round = match place.take() {
        Some(round) => round,
        None => begin(handle, long_ago, now).await,
    };
    let done = round.step(handle).await?;
    if done > 0 {
        *place = Some(round);
    }
    Ok(done)
}

/// If there are too many devices, those go that had free access only, the longest unseen first; then those whose days are over.
async fn begin(handle: &Handle, long_ago: WallTime, now: Now) -> Round {
    let shared = &handle.shared;
    let granted_before = match shared.keeping.free {
        Some(repeat) => repeat.period(now.wall, &shared.clock).start,
        None => now.wall.plus_millis(-LONGEST_PERIOD_MS),
    };
    let too_many = handle.ask(|mgr, _| mgr.devices_too_many()).await.unwrap_or(0);
    let with_free = too_many > 0 && shared.keeping.free.is_some();
    Round {
        parting: Parting {
            at: now.wall,
            unseen_since: if with_free { now.wall } else { long_ago },
            granted_before,
            with_free,
        },
        most: with_free.then(|| too_many + too_many / PARTS + DEVICES),
        after: None,
        is_open: true,
        named: VecDeque::new(),
        ready: VecDeque::new(),
    }
}

impl Round {
    async fn step(&mut self, handle: &Handle) -> Result<u64, StoreError> {
        if self.most == Some(0) {
            return Ok(0);
        }
        if self.ready.is_empty() {
            self.name(handle).await;
            let asked: Vec<DeviceId> = self.named.drain(..self.named.len().min(ASKED)).collect();
            if asked.is_empty() {
                return Ok(0);
            }
            // In the order in which they were named.
            let mut ready = handle.shared.store.nothing_left(&asked, &self.parting).await?;
            ready.sort_by_key(|id| asked.iter().position(|asked| asked == id));
            self.ready = ready.into();
            if self.ready.is_empty() {
                return Ok(u64::try_from(asked.len()).unwrap_or(u64::MAX));
            }
        }
        let count = self.ready.len().min(DEVICES).min(self.most.unwrap_or(usize::MAX));
        let parting = self.parting;
        let going =
            self.ready.drain(..count).map(|device| handle.command(Command::Retire { device, parting }));
        // All at once: they are one transaction and one batch to the kernel.
        let gone = futures_util::future::join_all(going).await;
        if gone
            .iter()
            .any(|gone| matches!(gone, Err(Refusal::Store(_) | Refusal::Disk(_) | Refusal::Stopping)))
        {
            return Ok(0);
        }
        let went = gone.iter().filter(|gone| gone.is_ok()).count();
        self.most = self.most.map(|most| most.saturating_sub(went));
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Has the sessions manager name more, if none is left.
    async fn name(&mut self, handle: &Handle) {
        if !self.named.is_empty() || !self.is_open {
            return;
        }
        let (unseen_since, after) = (self.parting.unseen_since, self.after);
        let named =
            handle.ask(move |mgr, _| mgr.departed(unseen_since, after, NAMED)).await.unwrap_or_default();
        self.is_open = named.len() == NAMED;
        self.after = named.last().copied().or(self.after);
        self.named.extend(named.into_iter().map(|(_, id)| id));
    }
}
