//! From one configuration to the next within one process.

use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::doors::Doors;
use super::listeners::About;
use super::look;
use super::manager::Manager;
use super::service::Service;
use super::sign_ins::SignIns;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Actor, AuditLine, Text};
use crate::runtime::Handle;
use crate::store::Store;
use crate::upkeep::{
    BY_HAND, CameTo, LogTail, Meaning, Moment, NewSettings, NotTaken, NotWritten, Order, SettingsFile,
    Upkeep, begin_restore, changes, cuts_off, fingerprint, meanwhile, undo_restore,
};

/// How long somebody who stands at a coin slot is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What outlives a start anew.
pub(super) struct Kept {
    pub(super) clock: Clock,
    pub(super) doors: Doors,
    pub(super) manager: Manager,
    /// The pictures that the portals wear, as far as the file says.
    pub(super) pictures: Vec<[Option<String>; 2]>,
    upkeep: Upkeep,
    orders: mpsc::Receiver<Order>,
    sign_ins: SignIns,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What comes after a service.
pub(super) enum Next {
    /// The end.
    Stop,
    /// Another one.
    Anew(Box<Ahead>),
}

/// With what to start anew.
pub(super) struct Ahead {
    config: Config,
    /// The file's text before and now, if it was we who wrote it.
    written: Option<(String, String)>,
    by: Actor,
    /// Whether what is staged is to be the state.
    restores: bool,
    /// Who waits to hear that it was written.
    reply: Option<oneshot::Sender<Result<(), NotTaken>>>,
}

/// A configuration, and what to go back to if it turns out not to work.
pub(super) struct Turn {
    pub(super) config: Config,
    before: Option<Before>,
    /// Why what was wanted was not taken.
    failed: Option<(Wish, String)>,
}

/// What holds again if what is tried now does not work.
struct Before {
    config: Config,
    written: Option<(String, String)>,
    wish: Wish,
}

/// Who wanted what.
struct Wish {
    by: Actor,
    restores: bool,
}

impl Kept {
    pub(super) fn new(file: PathBuf, log: LogTail) -> anyhow::Result<Self> {
        let (upkeep, orders) = Upkeep::new(SettingsFile::new(file), log);
        Ok(Self {
            clock: Clock::machine(),
            doors: Doors::default(),
            manager: Manager::of_this_process(),
            pictures: Vec::new(),
            upkeep,
            orders,
            sign_ins: SignIns::default(),
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// What the pages get of it.
    pub(super) fn about(&self) -> About {
        About { upkeep: self.upkeep.clone(), sign_ins: self.sign_ins.clone() }
    }

    /// Waits for a signal or an order that ends the service.
    pub(super) async fn next(&mut self, config: &Config, handle: &Handle, store: &Store) -> Next {
        loop {
            let ahead = tokio::select! {
                _ = self.terminate.recv() => return Next::Stop,
                _ = self.interrupt.recv() => return Next::Stop,
                _ = self.hangup.recv() => self.look_again(config, None, by_signal()).ok(),
                order = self.orders.recv() => match order {
                    Some(Order::Settings(new)) => self.take(*new, store).await,
                    Some(Order::Meaning { reply }) => {
                        // Whoever asked may have gone.
                        let read = self.read_again(config, None);
                        let _ = reply.send(read.map(|(new, seen)| meaning(config, &new, seen, handle)));
                        None
                    }
                    Some(Order::LookAgain { seen, by, reply }) => self.reload(config, seen.as_deref(), by, reply),
                    Some(Order::Restore { of, by, reply }) => self.restore(config, &of, by, reply),
                    // We have a sender ourselves.
                    None => return Next::Stop,
                },
            };
            let Some(mut ahead) = ahead else {
                // What was opened for it already.
                self.doors.keep_only(config);
                continue;
            };
            let at = self.clock.now().wall;
            self.upkeep.begin(at, ahead.by.name.clone(), ahead.restores);
            // What was ordered before this began was meant for the state that goes.
            while let Ok(order) = self.orders.try_recv() {
                order.refuse(NotTaken::Busy);
            }
            note(store, &self.clock, &ahead.by, self.upkeep.settings()).await;
            if handle.is_awaited() {
                // That takes longer than a page may.
                ahead.written_down();
            }
            tokio::select! {
                () = nobody_is_awaited(handle) => {}
                _ = self.terminate.recv() => return Next::Stop,
                _ = self.interrupt.recv() => return Next::Stop,
            }
            return Next::Anew(Box::new(ahead));
        }
    }

    /// What stands in the file and its fingerprint, if it is something else, can be carried out, and is what was `seen`.
    fn read_again(&mut self, config: &Config, seen: Option<&str>) -> Result<(Config, String), NotTaken> {
        let settings = self.upkeep.settings();
        let text = settings.read().map_err(|error| NotTaken::Unfit(error.to_string()))?;
        let is = fingerprint(&text);
        if seen.is_some_and(|seen| seen != is) {
            return Err(NotWritten::Changed.into());
        }
        let new = settings.check(&text).map_err(|error| NotTaken::Unfit(error.to_string()))?;
        if new == *config && look::pictures(&new) == self.pictures {
            return Err(NotTaken::Same);
        }
        self.doors.prepare(&new).map_err(|error| NotTaken::Unfit(format!("{error:#}")))?;
        Ok((new, is))
    }

    /// Takes what stands in the file, if it is something else.
    fn look_again(&mut self, config: &Config, seen: Option<&str>, by: Actor) -> Result<Ahead, NotTaken> {
        let new = self.read_again(config, seen).map(|(new, _)| new);
        match &new {
            Ok(_) => {}
            Err(NotTaken::Same) => info!("{}", NotTaken::Same),
            Err(why) => {
                for line in why.to_string().lines() {
                    error!("the configuration is not taken: {line}");
                }
            }
        }
        Ok(Ahead { config: new?, written: None, by, restores: false, reply: None })
    }

    /// The same for somebody who waits to hear what comes of it.
    fn reload(
        &mut self,
        config: &Config,
        seen: Option<&str>,
        by: Actor,
        reply: oneshot::Sender<Result<(), NotTaken>>,
    ) -> Option<Ahead> {
        match self.look_again(config, seen, by) {
            Ok(ahead) => Some(Ahead { reply: Some(reply), ..ahead }),
            Err(why) => {
                // Whoever asked may have gone.
                let _ = reply.send(Err(why));
                None
            }
        }
    }

    /// Takes what is staged, if it is still what whoever wants it has looked at.
    fn restore(
        &self,
        config: &Config,
        of: &str,
        by: Actor,
        reply: oneshot::Sender<Result<(), NotTaken>>,
    ) -> Option<Ahead> {
        if self.upkeep.staged(&config.store.path).is_none_or(|staged| staged.id != of) {
            // Whoever asked may have gone.
            let _ = reply.send(Err(NotTaken::Another));
            return None;
        }
        Some(Ahead { config: config.clone(), written: None, by, restores: true, reply: Some(reply) })
    }

    /// Writes what the pages order.
    async fn take(&mut self, new: NewSettings, store: &Store) -> Option<Ahead> {
        let NewSettings { config, text, seen, by, reply } = new;
        let written = match self.doors.prepare(&config) {
            Ok(()) => {
                let settings = self.upkeep.settings();
                let old = settings.read().map_err(NotTaken::from);
                old.and_then(|old| settings.replace(&text, &seen).map(|()| old).map_err(NotTaken::from))
            }
            Err(error) => Err(NotTaken::Unfit(format!("{error:#}"))),
        };
        match written {
            Ok(old) => {
                let written = Some((old, text));
                Some(Ahead { config, written, by, restores: false, reply: Some(reply) })
            }
            Err(refused) => {
                warn!(%refused, "settings were not taken");
                let details = Text::new(&format!("refused: {refused}"));
                note(store, &self.clock, &Actor { details, ..by }, self.upkeep.settings()).await;
                // Whoever asked may have gone.
                let _ = reply.send(Err(refused));
                None
            }
        }
    }
}

fn meaning(old: &Config, new: &Config, seen: String, handle: &Handle) -> Meaning {
    let now = Moment { at: handle.believed_anew(), place: handle.place() };
    let mut texts = changes(old, new, now);
    texts.push(meanwhile(Some(old), new, now).to_owned());
    Meaning { seen, texts, cuts_off: cuts_off(old, new, now) }
}

/// Who sends SIGHUP.
fn by_signal() -> Actor {
    Actor {
        name: Text::new("root"),
        origin: Text::new("SIGHUP"),
        action: "settings.change",
        details: Text::new(BY_HAND),
    }
}

impl Ahead {
    /// Tells whoever waits for it that it was written.
    pub(super) fn written_down(&mut self) {
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have gone; it is done all the same.
            let _ = reply.send(Ok(()));
        }
    }
}

/// Resolves when nobody stands at a coin slot, or has for too long.
async fn nobody_is_awaited(handle: &Handle) {
    let waited = async {
        while handle.is_awaited() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waited).await.is_err() {
        warn!("somebody is still at a coin slot; what was put in is kept");
    }
}

/// Writes a line of the audit log about the configuration.
async fn note(store: &Store, clock: &Clock, actor: &Actor, settings: &SettingsFile) {
    let subject = Some(settings.path().display().to_string());
    let line = AuditLine { at: clock.now().wall, actor: actor.clone(), subject, before: None, after: None };
    if let Err(error) = store.append_audit(&[line]).await {
        error!(%error, actor = %actor.name, action = actor.action, "an audit line was lost");
    }
}

impl Turn {
    pub(super) const fn first(config: Config) -> Self {
        Self { config, before: None, failed: None }
    }

    /// If the file was written by a process that ended before anybody knew whether it works: what was there before is what
    /// is gone back to.
    pub(super) fn on_trial(mut self, kept: &Kept) -> Self {
        let settings = kept.upkeep.settings();
        let Some((old, new)) = settings.on_trial() else { return self };
        match settings.check(&old) {
            Ok(config) => {
                info!("the configuration is new: if it does not work, the one before is taken again");
                let [name, origin] = ["turnpike", "start"].map(Text::new);
                kept.upkeep.begin(kept.clock.now().wall, name.clone(), false);
                let by = Actor { name, origin, action: "settings.change", details: Text::default() };
                let wish = Wish { by, restores: false };
                self.before = Some(Before { config, written: Some((old, new)), wish });
            }
            Err(mistakes) => warn!(%mistakes, "the configuration is new, and the one before cannot be used"),
        }
        self
    }

    /// To another configuration, or another state; the present one is what is gone back to.
    ///
    /// In another database numbers of tokens and accounts may be others': everybody has to sign in again, and before anybody
    /// is served from it.
    pub(super) async fn to(self, ahead: Ahead, kept: &Kept) -> Self {
        let Ahead { config, written, by, restores, .. } = ahead;
        let wish = Wish { by, restores };
        if restores && let Err(error) = begin_restore(&self.config.store.path).await {
            error!(%error, "the back-up could not be restored; everything is as it was");
            return Self { config: self.config, before: None, failed: Some((wish, error.to_string())) };
        }
        if wish.restores || config.store.path != self.config.store.path {
            kept.sign_ins.sign_all_out();
        }
        Self { config, before: Some(Before { config: self.config, written, wish }), failed: None }
    }

    /// Back to what was before, whose file is put back as well if it was we who wrote the new one. An error if there is
    /// nothing to go back to.
    pub(super) fn back(self, kept: &Kept, error: anyhow::Error) -> anyhow::Result<Self> {
        let Some(Before { config, written, wish }) = self.before else { return Err(error) };
        let why = format!("{error:#}");
        if wish.restores || config.store.path != self.config.store.path {
            // Whoever has signed in since may have done so with what was tried.
            kept.sign_ins.sign_all_out();
        }
        if wish.restores {
            error!(
                "the service does not start with the restored state, and the old one is taken again: {why}"
            );
            undo_restore(&config.store.path)?;
        } else {
            error!("the new configuration does not work, and the old one is taken again: {why}");
        }
        if let Some((old, new)) = written
            && let Err(error) = kept.upkeep.settings().put_back(&old, &new)
        {
            error!(%error, "the old configuration could not be put back into its file");
        }
        Ok(Self { config, before: None, failed: Some((wish, why)) })
    }

    /// The service has started with it.
    pub(super) async fn holds(&mut self, kept: &Kept, service: &Service) {
        kept.upkeep.settings().works(&self.config);
        if let Some((Wish { by, restores }, why)) = self.failed.take() {
            let details = Text::new(&format!("taken back: {why}"));
            let action = if restores { "backup.taken_back" } else { "settings.taken_back" };
            let actor = Actor { name: Text::new("turnpike"), details, action, ..by };
            note(&service.store, &kept.clock, &actor, kept.upkeep.settings()).await;
            kept.upkeep.end(CameTo::TakenBack(why));
        } else if let Some(Before { wish: Wish { by, restores }, .. }) = self.before.take() {
            if restores {
                info!("the restored state holds");
                // The line before is in the state that was set aside.
                note(&service.store, &kept.clock, &by, kept.upkeep.settings()).await;
            } else {
                info!("the new configuration holds");
            }
            kept.upkeep.end(CameTo::Done);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(store: &str) -> Config {
        let text = format!("[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n[store]\npath = \"{store}\"\n");
        Config::parse(&text, Path::new("t")).unwrap()
    }

    fn ahead(config: Config) -> Ahead {
        let [name, origin, details] = ["ana", "here", ""].map(Text::new);
        let by = Actor { name, origin, action: "settings.change", details };
        Ahead { config, written: None, by, restores: false, reply: None }
    }

    #[tokio::test]
    async fn nobody_stays_signed_in_to_another_database_there_or_back() {
        let kept = Kept::new("t".into(), LogTail::default()).unwrap();
        kept.sign_ins.sign_somebody_in();
        let turn = Turn::first(config("/tmp/one.db")).to(ahead(config("/tmp/one.db")), &kept).await;
        assert_eq!(kept.sign_ins.count(), 1, "the same database");
        let turn = turn.back(&kept, anyhow::anyhow!("no")).unwrap();
        assert_eq!(kept.sign_ins.count(), 1, "still");
        let turn = turn.to(ahead(config("/tmp/other.db")), &kept).await;
        assert_eq!(kept.sign_ins.count(), 0, "before anything is served");
        kept.sign_ins.sign_somebody_in();
        let turn = turn.back(&kept, anyhow::anyhow!("no")).unwrap();
        assert_eq!((kept.sign_ins.count(), turn.config.store.path.as_path()), (0, Path::new("/tmp/one.db")));
    }

    #[tokio::test]
    async fn what_is_restored_is_what_was_looked_at() {
        let kept = Kept::new("t".into(), LogTail::default()).unwrap();
        let (reply, answer) = oneshot::channel();
        let by = ahead(config("/tmp/one.db")).by;
        assert!(kept.restore(&config("/tmp/one.db"), "gone", by, reply).is_none());
        assert_eq!(answer.await, Ok(Err(NotTaken::Another)));
    }
}
