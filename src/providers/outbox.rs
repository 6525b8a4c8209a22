use std::collections::{HashMap, HashSet};

use super::Registry;
use crate::domain::{BootTime, BoxFuture, ProviderName, SessionId, SourceUsage};

/// Totals that a source has not taken yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OwedUsage {
    /// Its place in the queue; a later one has a higher number.
    pub row: i64,
    /// Whom to ask for the source.
    pub provider: ProviderName,
    /// The totals.
    pub usage: SourceUsage,
}

/// The queue could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the outbox failed: {0}")]
pub struct OutboxError(pub String);

/// Where totals wait; on disk, so that they survive a crash.
pub trait Outbox: Send + Sync {
    /// Those that wait after a row (0: from the start), oldest first, and of each session its oldest only: what comes
    /// later of it must not overtake.
    fn pending(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Vec<OwedUsage>, OutboxError>>;

    /// Takes out rows whose sources have them.
    fn done(&self, rows: Vec<i64>) -> BoxFuture<'_, Result<(), OutboxError>>;
}

/// Rows looked at in one step.
const ROWS_A_STEP: u32 = 100;
/// The wait after a session's first failure; it doubles with each further one …
const FIRST_WAIT_MS: u64 = 1_000;
/// … up to five minutes.
const LONGEST_WAIT_MS: u64 = 300_000;
/// Sessions whose failures are remembered. Beyond that one is tried again at once: more work, nothing lost.
const MAX_REMEMBERED: usize = 4_096;

/// Brings totals to their sources: at least once, of one session in the order of `seq`.
///
/// It walks through the queue in steps, so that a provider that is away holds up nobody else's.
#[derive(Debug, Default)]
pub struct Delivery {
    after: i64,
    waits: HashMap<SessionId, Wait>,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    failures: u32,
    until: BootTime,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Totals that their sources took.
    pub saved: usize,
    /// Totals that were tried in vain.
    pub failed: usize,
    /// Totals that were not tried: the session's last try was just now, or its provider failed in this step.
    pub waiting: usize,
    /// Whether the end of the queue was reached; the next step begins at its start.
    pub at_end: bool,
}

impl Delivery {
    /// Tries the next few totals.
    ///
    /// A crash between the save and the queue's knowing of it saves them again: the number tells the receiver.
    pub async fn deliver_step(
        &mut self,
        outbox: &impl Outbox,
        registry: &Registry,
        now: BootTime,
    ) -> Result<Delivered, OutboxError> {
        let owed = outbox.pending(self.after, ROWS_A_STEP).await?;
        let mut step = Delivered::default();
        let mut saved = Vec::new();
        let mut failed_providers = HashSet::new();
        let last_row = owed.last().map(|owed| owed.row);
        let is_full = owed.len() >= usize::try_from(ROWS_A_STEP).unwrap_or(usize::MAX);
        for OwedUsage { row, provider, usage } in owed {
            let session = usage.session;
            let is_waiting = self.waits.get(&session).is_some_and(|wait| wait.until > now);
            if is_waiting || failed_providers.contains(&provider) {
                step.waiting += 1;
                continue;
            }
            match registry.save(&provider, usage).await {
                Ok(()) => {
                    self.waits.remove(&session);
                    saved.push(row);
                    step.saved += 1;
                }
                Err(_) => {
                    // The registry has logged and remembered it.
                    self.put_off(session, now);
                    failed_providers.insert(provider);
                    step.failed += 1;
                }
            }
        }
        if !saved.is_empty() {
            outbox.done(saved).await?;
        }
        step.at_end = !is_full;
        self.after = if is_full { last_row.unwrap_or(0) } else { 0 };
        Ok(step)
    }

    fn put_off(&mut self, session: SessionId, now: BootTime) {
        let failures = self.waits.get(&session).map_or(0, |wait| wait.failures).saturating_add(1);
        if !self.waits.contains_key(&session) && self.waits.len() >= MAX_REMEMBERED {
            self.waits.retain(|_, wait| wait.until > now);
            if self.waits.len() >= MAX_REMEMBERED {
                return;
            }
        }
        let doubled = FIRST_WAIT_MS.saturating_mul(1u64.checked_shl(failures - 1).unwrap_or(u64::MAX));
        self.waits.insert(session, Wait { failures, until: now.plus_millis(doubled.min(LONGEST_WAIT_MS)) });
    }
}
