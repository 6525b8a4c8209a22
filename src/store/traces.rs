use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::DeviceId;

/// Of so many devices it is remembered at most.
const MOST_KEPT: usize = 8_192;

/// Whether there is anything of a device at all beside its row.
///
/// Each page of the portal asks for its messages, its past and its vouchers; most pages belong to devices that have none of
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traces {
    /// Messages, shown or not, expired or not.
    pub(super) messages: bool,
    /// Sessions of any state.
    pub(super) sessions: bool,
    /// Places that it holds of vouchers.
    pub(super) voucher_uses: bool,
    /// What it was given by itself, and not as somebody's.
    pub(super) grants: bool,
}

/// What was found about devices since the last write: any write may change it, and there is one writer.
#[derive(Debug, Default)]
pub(super) struct KeptTraces {
    /// The writer's connection is in use: what is read meanwhile may be older than what it commits.
    writes: AtomicBool,
    /// How often it was given back.
    version: AtomicU32,
    kept: Mutex<(u32, HashMap<DeviceId, Traces>)>,
}

impl KeptTraces {
    /// The writer's connection is about to be used.
    pub(super) fn write_begins(&self) {
        self.writes.store(true, Ordering::SeqCst);
    }

    /// It was given back: what it did can be read now.
    pub(super) fn write_ended(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.writes.store(false, Ordering::SeqCst);
    }

    /// The state of the store, if nobody is changing it.
    fn version(&self) -> Option<u32> {
        let version = self.version.load(Ordering::SeqCst);
        (!self.writes.load(Ordering::SeqCst)).then_some(version)
    }

    fn get(&self, version: u32, device: DeviceId) -> Option<Traces> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 == version { kept.1.get(&device).copied() } else { None }
    }

    /// Keeps what was read after `version` was asked for.
    fn keep(&self, version: u32, device: DeviceId, traces: Traces) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != version {
            *kept = (version, HashMap::new());
        }
        if kept.1.len() < MOST_KEPT {
            kept.1.insert(device, traces);
        }
    }
}

impl Store {
    /// What there is of a device.
    pub(super) async fn traces(&self, device: DeviceId) -> Result<Traces, StoreError> {
        let version = self.kept_traces.version();
        if let Some(known) = version.and_then(|version| self.kept_traces.get(version, device)) {
            return Ok(known);
        }
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM messages WHERE device = $1), \
             EXISTS (SELECT 1 FROM sessions WHERE device = $1), \
             EXISTS (SELECT 1 FROM voucher_uses WHERE device = $1 AND ended_at IS NULL), \
             EXISTS (SELECT 1 FROM grants WHERE subject = 'device ' || $1)",
        )
        .bind(device.to_string())
        .fetch_one(&self.readers)
        .await?;
        let traces = Traces {
            messages: row.try_get(0)?,
            sessions: row.try_get(1)?,
            voucher_uses: row.try_get(2)?,
            grants: row.try_get(3)?,
        };
        if let Some(version) = version {
            self.kept_traces.keep(version, device, traces);
        }
        Ok(traces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Traces = Traces { messages: false, sessions: false, voucher_uses: false, grants: false };

    #[test]
    fn nothing_is_kept_over_a_write() {
        let (traces, device) = (KeptTraces::default(), DeviceId::new(uuid::Uuid::from_u128(1)));
        let version = traces.version().unwrap();
        traces.keep(version, device, NONE);
        assert_eq!(traces.get(version, device), Some(NONE));
        traces.write_begins();
        assert_eq!(traces.version(), None, "what is read now may be older than what is committed");
        traces.write_ended();
        let later = traces.version().unwrap();
        assert_eq!(traces.get(later, device), None);
        // A reading that began before the write and ended after it.
        traces.keep(version, device, NONE);
        assert_eq!(traces.get(later, device), None);
    }
}
