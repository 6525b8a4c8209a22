//! What the daemon knows of itself: its configuration file, what it has logged lately, its back-ups. The pages ask here, and
//! the composition root carries out what they order.

mod backup;
mod diff;
mod log;
mod settings;
mod words;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Config;
use crate::domain::{Actor, Text, WallTime};

pub use crate::store::BackupFacts;
pub use crate::store::restore::{
    begin as begin_restore, begin_undo as undo_restore, discard, finish as finish_restore, is_free,
    is_staged, upload_path,
};
pub use backup::{BackupError, key_path, stage_backup, write_backup};
pub use diff::{DiffLine, Side, diff};
pub use log::{LogLine, LogQuery, LogTail, MAX_LOG_LINES, TailLayer};
pub use settings::{NotWritten, SettingsFile, fingerprint};
pub use words::changes;

/// What the pages order and the composition root carries out.
#[derive(Debug)]
pub enum Order {
    /// Write a configuration and start anew with it.
    Settings(Box<NewSettings>),
    /// Put the state that is staged in the place of the present one, and start anew with it.
    Restore {
        /// Who wants it.
        by: Actor,
        /// Whether it is begun; what comes of it then is in [`Upkeep::last`].
        reply: oneshot::Sender<Result<(), NotTaken>>,
    },
}

/// A configuration that is to be taken.
#[derive(Debug)]
pub struct NewSettings {
    /// What the text says, checked.
    pub config: Config,
    /// The file's new text.
    pub text: String,
    /// The fingerprint of the text that it is to replace.
    pub seen: String,
    /// Who wants it.
    pub by: Actor,
    /// Whether it was written; what comes of it then is in [`Upkeep::last`].
    pub reply: oneshot::Sender<Result<(), NotTaken>>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The daemon cannot do with it what it says.
    #[error("{0}")]
    Unfit(String),
    /// The file could not be written.
    #[error("{0}")]
    Unwritten(#[from] NotWritten),
    /// Another change is being made.
    #[error("another change is being made: wait for it, then try again")]
    Busy,
}

/// What has become of the last order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastOrder {
    /// Whether it was to restore a back-up; else it was to take settings.
    pub is_restore: bool,
    /// When it was given.
    pub at: WallTime,
    /// By whom.
    pub by: Text,
    /// What it has come to.
    pub came_to: CameTo,
}

/// What an order has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameTo {
    /// It is being carried out.
    UnderWay,
    /// It holds.
    Done,
    /// It did not work, and what was before holds again.
    TakenBack(String),
}

/// The daemon's knowledge of itself; clones share it. It outlives a start anew.
#[derive(Debug, Clone)]
pub struct Upkeep {
    settings: Arc<SettingsFile>,
    log: LogTail,
    orders: mpsc::Sender<Order>,
    last: Arc<watch::Sender<Option<LastOrder>>>,
    staged: Arc<Mutex<Option<BackupFacts>>>,
}

impl Upkeep {
    /// Of a daemon with this configuration file and log; whoever has the receiver carries out what is ordered.
    pub fn new(settings: SettingsFile, log: LogTail) -> (Self, mpsc::Receiver<Order>) {
        // One at a time: whoever comes second is told so.
        let (orders, receiver) = mpsc::channel(1);
        (
            Self {
                settings: Arc::new(settings),
                log,
                orders,
                last: Arc::new(watch::channel(None).0),
                staged: Arc::default(),
            },
            receiver,
        )
    }

    /// The configuration file.
    pub fn settings(&self) -> &SettingsFile {
        &self.settings
    }

    /// What was logged lately.
    pub const fn log(&self) -> &LogTail {
        &self.log
    }

    /// Has a checked configuration written and taken. When this returns it is written, and the daemon starts anew.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    pub async fn take(&self, config: Config, text: String, seen: String, by: Actor) -> Result<(), NotTaken> {
        let (reply, written) = oneshot::channel();
        let order = Order::Settings(Box::new(NewSettings { config, text, seen, by, reply }));
        self.orders.try_send(order).map_err(|_| NotTaken::Busy)?;
        written.await.unwrap_or(Err(NotTaken::Busy))
    }

    /// Has the state that is staged take the place of the present one. When this returns the daemon is about to start anew.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    pub async fn restore(&self, by: Actor) -> Result<(), NotTaken> {
        let (reply, begun) = oneshot::channel();
        self.orders.try_send(Order::Restore { by, reply }).map_err(|_| NotTaken::Busy)?;
        begun.await.unwrap_or(Err(NotTaken::Busy))
    }

    /// What has become of the last order since this process began.
    pub fn last(&self) -> Option<LastOrder> {
        self.last.borrow().clone()
    }

    /// The same, once it is known, or when so much time has gone by.
    pub async fn settled(&self, within: Duration) -> Option<LastOrder> {
        let mut last = self.last.subscribe();
        let settled = last.wait_for(|last| last.as_ref().is_none_or(|last| last.came_to != CameTo::UnderWay));
        // Whichever it was: what is known now is the answer.
        let _ = tokio::time::timeout(within, settled).await;
        self.last()
    }

    /// An order is being carried out.
    pub fn begin(&self, at: WallTime, by: Text, is_restore: bool) {
        self.last.send_replace(Some(LastOrder { is_restore, at, by, came_to: CameTo::UnderWay }));
    }

    /// What the order that is under way has come to.
    pub fn end(&self, came_to: CameTo) {
        self.last.send_modify(|last| {
            if let Some(last) = last {
                last.came_to = came_to;
            }
        });
    }

    /// Checks what was put at [`upload_path`] and makes it ready to be restored.
    pub async fn stage(&self, database: &Path) -> Result<(), BackupError> {
        self.set_staged(None);
        let facts = stage_backup(database).await?;
        self.set_staged(Some(facts));
        Ok(())
    }

    /// What is ready to be restored.
    pub fn staged(&self, database: &Path) -> Option<BackupFacts> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).clone();
        staged.filter(|_| is_staged(database))
    }

    /// Forgets what is ready to be restored.
    pub fn discard(&self, database: &Path) {
        self.set_staged(None);
        discard(database);
    }

    fn set_staged(&self, facts: Option<BackupFacts>) {
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = facts;
    }
}
