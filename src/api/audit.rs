use tokio::sync::{mpsc, oneshot};

use super::Caller;
use crate::domain::{Text, WallTime};
use crate::store::{AuditEntry, Store};

/// Lines that may wait to be written; a caller waits when there are more.
const WAITING: usize = 1024;

#[derive(Debug)]
enum Line {
    Entry(Box<AuditEntry>),
    /// To be told once everything before it is written.
    Flush(oneshot::Sender<()>),
}

/// Who changed what. Lines are written behind the answer, in order, so that a change is not kept waiting for them.
#[derive(Debug, Clone)]
pub struct AuditLog {
    lines: mpsc::Sender<Line>,
}

impl AuditLog {
    /// Starts the writer. It ends, with everything written, when the last clone of the log is gone.
    pub fn start(store: Store) -> Self {
        let (lines, mut waiting) = mpsc::channel::<Line>(WAITING);
        tokio::spawn(async move {
            while let Some(line) = waiting.recv().await {
                let entry = match line {
                    Line::Entry(entry) => entry,
                    Line::Flush(done) => {
                        // Whoever asked may have given up waiting.
                        let _ = done.send(());
                        continue;
                    }
                };
                if let Err(error) = store.append_audit(&entry).await {
                    // The change itself is done: what is known of it must at least be in the log.
                    tracing::error!(%error, actor = %entry.actor, action = entry.action, "an audit line was lost");
                }
            }
        });
        Self { lines }
    }

    /// Waits until everything noted before is written, as before a stop.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.lines.send(Line::Flush(done)).await.is_err() || written.await.is_err() {
            tracing::error!("the audit log's writer has stopped");
        }
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
        if self.lines.send(Line::Entry(Box::new(entry))).await.is_err() {
            tracing::error!(action, "an audit line was lost: its writer has stopped");
        }
    }
}
