//! What the daemon knows of itself: its configuration file, what it has logged lately, its back-ups. The pages ask here, and
//! the composition root carries out what they order.

mod backup;
mod diff;
mod log;
mod salvage;
mod settings;
mod words;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, mpsc, oneshot, watch};

use crate::config::Config;
use crate::domain::{Actor, Text, WallTime};

pub use crate::store::restore::{
    begin as begin_restore, begin_undo as undo_restore, discard, finish as finish_restore, is_free,
    is_staged, upload_path,
};
pub use crate::store::{BackupFacts, Salvage, SalvageFor};
pub use backup::{BackupError, backup_part, clear_backup_part, key_path, stage_backup, write_backup};
pub use diff::{DiffLine, Side, diff};
pub use log::{LogLine, LogQuery, LogTail, MAX_LOG_LINES, TailLayer};
pub use salvage::{begin_anew, look_and_salvage};
pub use settings::{NotWritten, SettingsFile, fingerprint, with_ends_of};
pub use words::{Moment, changes, cuts_off, meanwhile};

/// What the audit log says of a configuration that was changed with an editor.
pub const BY_HAND: &str = "the configuration file, or a picture that it names, was changed by hand";

/// What the pages and the API order and the composition root carries out.
#[derive(Debug)]
pub enum Order {
    /// Write a configuration and start anew with it.
    Settings(Box<NewSettings>),
    /// Say what it would mean to look at the configuration file again.
    Meaning {
        /// Nothing is changed.
        reply: oneshot::Sender<Result<Meaning, NotTaken>>,
    },
    /// Look at the configuration file again, and start anew with it if it says something else.
    LookAgain {
        /// The fingerprint of the text that is meant; `None` for whatever stands there.
        seen: Option<String>,
        /// Who wants it.
        by: Actor,
        /// Whether it is taken; what comes of it then is in [`Upkeep::last`].
        reply: oneshot::Sender<Result<(), NotTaken>>,
    },
    /// Put the state that is staged in the place of the present one, and start anew with it.
    Restore {
        /// Which: [`StagedBackup::id`].
        of: String,
        /// Who wants it.
        by: Actor,
        /// Whether it is begun; what comes of it then is in [`Upkeep::last`].
        reply: oneshot::Sender<Result<(), NotTaken>>,
    },
}

impl Order {
    /// Tells whoever gave it that nothing comes of it.
    pub fn refuse(self, why: NotTaken) {
        let reply = match self {
            Self::Meaning { reply } => {
                // Whoever asked may have gone.
                let _ = reply.send(Err(why));
                return;
            }
            Self::Settings(new) => new.reply,
            Self::LookAgain { reply, .. } | Self::Restore { reply, .. } => reply,
        };
        // Whoever asked may have gone.
        let _ = reply.send(Err(why));
    }
}

/// A back-up that lies ready to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedBackup {
    /// Names it: another one, also of the same file, has another.
    pub id: String,
    /// What is in it.
    pub facts: BackupFacts,
}

/// What it means to go on with what the configuration file says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// The fingerprint of the text that says so.
    pub seen: String,
    /// What changes, a sentence each.
    pub texts: Vec<String>,
    /// Whether somebody who is online, or a connection that stands, may be cut off.
    pub cuts_off: bool,
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
    /// The file says what holds already.
    #[error("the configuration is the same as before")]
    Same,
    /// Another change is being made.
    #[error("another change is being made: wait for it, then try again")]
    Busy,
    /// What lies ready is another back-up than the one that was looked at, or none.
    #[error(
        "another back-up was sent meanwhile, or this one was thrown away: look at what is ready, then try again"
    )]
    Another,
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

impl LastOrder {
    fn is_under_way(&self) -> bool {
        self.came_to == CameTo::UnderWay
    }
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
    staged: Arc<Mutex<Option<StagedBackup>>>,
    receives: Arc<tokio::sync::Mutex<()>>,
    makes: Arc<tokio::sync::Mutex<()>>,
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
                receives: Arc::default(),
                makes: Arc::default(),
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
        self.order(order)?;
        written.await.unwrap_or(Err(NotTaken::Busy))
    }

    /// What it would mean to take the configuration file as it is now.
    ///
    /// # Errors
    ///
    /// It would not be taken; [`NotTaken::Same`] if there is nothing to change.
    pub async fn meaning(&self) -> Result<Meaning, NotTaken> {
        let (reply, told) = oneshot::channel();
        self.order(Order::Meaning { reply })?;
        told.await.unwrap_or(Err(NotTaken::Busy))
    }

    /// Has the configuration file looked at again, and taken if it says something else and is still what somebody has seen. When
    /// this returns, the daemon starts anew with it.
    ///
    /// # Errors
    ///
    /// Nothing was changed; [`NotTaken::Same`] if there was nothing to change.
    pub async fn look_again(&self, seen: String, by: Actor) -> Result<(), NotTaken> {
        let (reply, begun) = oneshot::channel();
        self.order(Order::LookAgain { seen: Some(seen), by, reply })?;
        begun.await.unwrap_or(Err(NotTaken::Busy))
    }

    /// Has the state that is staged take the place of the present one. When this returns the daemon is about to start anew.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    pub async fn restore(&self, of: String, by: Actor) -> Result<(), NotTaken> {
        let (reply, begun) = oneshot::channel();
        self.order(Order::Restore { of, by, reply })?;
        begun.await.unwrap_or(Err(NotTaken::Busy))
    }

    /// Hands an order over, unless one is being carried out: it would be made to what that one leads to, unseen. Whether one
    /// is, is looked at under the lock that [`Upkeep::begin`] takes.
    fn order(&self, order: Order) -> Result<(), NotTaken> {
        let mut given = Err(NotTaken::Busy);
        self.last.send_if_modified(|last| {
            if !last.as_ref().is_some_and(LastOrder::is_under_way) {
                given = self.orders.try_send(order).map_err(|_| NotTaken::Busy);
            }
            false
        });
        given
    }

    /// Whether an order is being carried out.
    pub fn is_busy(&self) -> bool {
        self.last.borrow().as_ref().is_some_and(LastOrder::is_under_way)
    }

    /// What has become of the last order since this process began.
    pub fn last(&self) -> Option<LastOrder> {
        self.last.borrow().clone()
    }

    /// The same, once it is known, or when so much time has gone by.
    pub async fn settled(&self, within: Duration) -> Option<LastOrder> {
        let mut last = self.last.subscribe();
        let settled = last.wait_for(|last| !last.as_ref().is_some_and(LastOrder::is_under_way));
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
        self.set_staged(Some(StagedBackup { id: uuid::Uuid::now_v7().to_string(), facts }));
        Ok(())
    }

    /// Lets one file be received at a time, and none while an order is being carried out: what is to be restored stays what
    /// was looked at.
    ///
    /// # Errors
    ///
    /// [`NotTaken::Busy`]; nothing may be received now.
    pub fn receive(&self) -> Result<OwnedMutexGuard<()>, NotTaken> {
        let alone = Arc::clone(&self.receives).try_lock_owned().map_err(|_| NotTaken::Busy)?;
        if self.is_busy() { Err(NotTaken::Busy) } else { Ok(alone) }
    }

    /// Lets one back-up be made at a time, at [`backup_part`].
    pub async fn make(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.makes).lock_owned().await
    }

    /// What is ready to be restored.
    pub fn staged(&self, database: &Path) -> Option<StagedBackup> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).clone();
        staged.filter(|_| is_staged(database))
    }

    /// Forgets what is ready to be restored.
    pub fn discard(&self, database: &Path) {
        self.set_staged(None);
        discard(database);
    }

    fn set_staged(&self, staged: Option<StagedBackup>) {
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = staged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by() -> Actor {
        let [name, origin, details] = ["ana", "here", ""].map(Text::new);
        Actor { name, origin, action: "backup.restore", details }
    }

    #[tokio::test]
    async fn one_change_at_a_time() {
        let (upkeep, mut orders) = Upkeep::new(SettingsFile::new("t".into()), LogTail::default());
        let restore = || upkeep.restore("a".to_owned(), by());
        upkeep.begin(WallTime(0), Text::new("ben"), false);
        assert_eq!(restore().await, Err(NotTaken::Busy));
        assert!(upkeep.receive().is_err(), "what is to be restored stays what it is");
        assert!(orders.try_recv().is_err(), "nothing waits for what comes next");
        upkeep.end(CameTo::Done);
        let carried_out = async {
            if let Some(order) = orders.recv().await {
                order.refuse(NotTaken::Another);
            }
        };
        assert_eq!(tokio::join!(restore(), carried_out).0, Err(NotTaken::Another));
        let one = upkeep.receive();
        assert!(one.is_ok() && upkeep.receive().is_err(), "one file at a time");
    }
}
