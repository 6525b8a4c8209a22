use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Caller;
use crate::domain::{AuditLine, Text, WallTime};
use crate::store::Store;

/// Lines that may wait to be written; a caller waits when there are more.
const WAITING: usize = 1024;
/// How long lines are gathered: what happens together is one transaction, which spares the disk a write for each line and
/// the next commit the wait for it.
const GATHER: Duration = Duration::from_millis(100);
/// The most lines of one transaction.
const TOGETHER: usize = 256;

#[derive(Debug)]
enum Line {
    Entry(AuditLine),
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
            while let Some(first) = waiting.recv().await {
                let gathered = gather(first, &mut waiting).await;
                if !gathered.entries.is_empty() {
                    append(&store, &gathered.entries).await;
                }
                for done in gathered.flushes {
                    // Whoever asked may have given up waiting.
                    let _ = done.send(());
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

    /// Notes a change that was made outside the sessions manager, which notes its own.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        at: WallTime,
        action: &'static str,
        subject: impl std::fmt::Display,
        details: &str,
    ) {
        let entry = AuditLine {
            at,
            actor: caller.doing(action, details),
            subject: Some(Text::new(&subject.to_string()).as_str().to_owned()),
            before: None,
            after: None,
        };
        if self.lines.send(Line::Entry(entry)).await.is_err() {
            tracing::error!(action, "an audit line was lost: its writer has stopped");
        }
    }
}

#[derive(Debug, Default)]
struct Gathered {
    entries: Vec<AuditLine>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Gathered {
    fn take(&mut self, line: Line) {
        match line {
            Line::Entry(entry) => self.entries.push(entry),
            Line::Flush(done) => self.flushes.push(done),
        }
    }
}

/// Takes lines until the time is over, there are many, or somebody waits for them.
async fn gather(first: Line, waiting: &mut mpsc::Receiver<Line>) -> Gathered {
    let until = Instant::now() + GATHER;
    let mut gathered = Gathered::default();
    gathered.take(first);
    while gathered.flushes.is_empty() && gathered.entries.len() < TOGETHER {
        match timeout_at(until, waiting.recv()).await {
            Ok(Some(line)) => gathered.take(line),
            Ok(None) | Err(_) => break,
        }
    }
    gathered
}

/// Writes them; if they cannot be written together, one by one, so that a bad one is lost alone.
async fn append(store: &Store, entries: &[AuditLine]) {
    if store.append_audit(entries).await.is_ok() {
        return;
    }
    for entry in entries {
        if let Err(error) = store.append_audit(std::slice::from_ref(entry)).await {
            store.measures().audit_lines_lost.count();
            // The change itself is done: what is known of it must at least be in the log.
            tracing::error!(%error, actor = %entry.actor.name, action = entry.actor.action, "an audit line was lost");
        }
    }
}
