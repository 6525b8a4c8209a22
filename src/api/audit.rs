use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Caller;
use crate::domain::{Text, WallTime};
use crate::store::{AuditEntry, Store};

/// Lines that may wait to be written; a caller waits when there are more.
const WAITING: usize = 1024;

/// Who changed what. Lines are written behind the answer, in order, so that a change is not kept waiting for them.
#[derive(Debug, Clone)]
pub struct AuditLog {
    lines: mpsc::Sender<AuditEntry>,
}

impl AuditLog {
    /// Starts the writer. It ends, with everything written, when the last clone of the log is gone.
    pub fn start(store: Store) -> (Self, JoinHandle<()>) {
        let (lines, mut waiting) = mpsc::channel::<AuditEntry>(WAITING);
        let writer = tokio::spawn(async move {
            while let Some(entry) = waiting.recv().await {
                if let Err(error) = store.append_audit(&entry).await {
                    // The change itself is done: what is known of it must at least be in the log.
                    tracing::error!(%error, actor = %entry.actor, action = entry.action, "an audit line was lost");
                }
            }
        });
        (Self { lines }, writer)
    }

    /// Notes a change that was made.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        at: WallTime,
        action: &'static str,
        subject: impl std::fmt::Display,
        details: &str,
    ) {
        let entry = AuditEntry {
            at,
            actor: caller.actor.clone(),
            action,
            subject: Some(Text::new(&subject.to_string())),
            details: Text::new(details),
            origin: caller.origin.clone(),
        };
        if self.lines.send(entry).await.is_err() {
            tracing::error!(action, "an audit line was lost: its writer has stopped");
        }
    }
}
