use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::kernel::Kernel;
use super::mail::Mail;
use super::shared::Shared;
use crate::domain::{BootTime, DeviceId, SessionsMgr};
use crate::faults::boundary;
use crate::store::{Store, Writes};

/// The most mail that is handled as one group: one commit and one netlink batch.
const GROUP: usize = 256;
/// How much mail may be put off. Beyond that nothing new is taken out of the mailbox, which then pushes back.
const MOST_DEFERRED: usize = 4096;
/// The most rows of usage that a group writes on top.
pub(super) const FLUSH_ROWS: usize = 500;
/// The kernel is compared with what it must hold at least so often, in milliseconds.
const RECONCILE_MS: u64 = 180_000;
/// Devices that are let through and quiet are asked so often whether they are there, in milliseconds.
const SOLICIT_MS: u64 = 2_000;
/// A comparison with the kernel that failed is tried again after so many milliseconds.
const RETRY_MS: u64 = 1_000;

/// … and one that left something amiss after so many, which double as long as it does.
const AMISS_MS: u64 = 2_000;

/// The task that owns the sessions manager.
pub(super) struct Owner {
    pub(super) mgr: SessionsMgr,
    pub(super) store: Store,
    pub(super) kernel: Arc<dyn Kernel>,
    pub(super) shared: Arc<Shared>,
    pub(super) deferred: VecDeque<Mail>,
    /// Commands that wait for the providers' answer about their device: one question a device.
    pub(super) asking: HashMap<DeviceId, Vec<Mail>>,
    pub(super) reconcile: Option<Reconcile>,
    /// Who waits until the kernel holds what it must hold.
    pub(super) until_right: Vec<oneshot::Sender<()>>,
    /// What was taken back in memory and could not be in the store yet: it goes first into the next transaction.
    pub(super) owed: Vec<Writes>,
    next_reconcile: u64,
    /// The last comparison failed: whatever asks for one, the next is not before this.
    not_before: u64,
    /// When something that is amiss is looked at again, in milliseconds.
    amiss_ms: u64,
    next_solicit: u64,
    soliciting: Option<JoinHandle<()>>,
}

/// A comparison with the kernel that is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reconcile {
    pub(super) reload: bool,
    pub(super) why: &'static str,
}

impl Owner {
    pub(super) fn new(mgr: SessionsMgr, store: Store, kernel: Arc<dyn Kernel>, shared: Arc<Shared>) -> Self {
        let now = shared.clock.now().boot.0;
        Self {
            mgr,
            store,
            kernel,
            shared,
            deferred: VecDeque::new(),
            asking: HashMap::new(),
            reconcile: None,
            until_right: Vec::new(),
            owed: Vec::new(),
            next_reconcile: now + RECONCILE_MS,
            not_before: now,
            amiss_ms: AMISS_MS,
            next_solicit: now + SOLICIT_MS,
            soliciting: None,
        }
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Mail>) {
        loop {
            let Some(group) = self.collect(&mut mailbox).await else { break };
            let mut stop = None;
            let mut rest = Vec::with_capacity(group.len());
            for mail in group {
                match mail {
                    Mail::Stop(done) => stop = Some(done),
                    Mail::Reconcile { reload, why, done } => {
                        self.until_right.extend(done);
                        self.want_reconcile(reload, why);
                    }
                    Mail::Command(..) | Mail::Answered(..) | Mail::Ask(_) | Mail::AskExact(..) => {
                        rest.push(mail)
                    }
                }
            }
            if !rest.is_empty() {
                let size = u32::try_from(rest.len()).unwrap_or(u32::MAX);
                self.shared.measures.group_commands.observe(f64::from(size));
            }
            let mut rest = self.until_bulk(rest);
            match rest.pop() {
                Some(Mail::Command(command, reply)) if command.bulk().is_some() => {
                    self.bulk_cycle(*command, reply).await;
                    // Many in a row do not put off what is due.
                    self.cycle(Vec::new()).await;
                }
                last => {
                    rest.extend(last);
                    self.cycle(rest).await;
                }
            }
            let now = self.shared.clock.now();
            if self.kernel.is_amiss() {
                self.next_reconcile = self.next_reconcile.min(now.boot.0 + self.amiss_ms);
            }
            if now.boot.0 >= self.next_reconcile {
                let failed = self.not_before == self.next_reconcile;
                self.want_reconcile(
                    failed,
                    if failed { "the last attempt failed" } else { "the regular look" },
                );
            }
            self.reconcile_if_wanted(now.boot).await;
            if now.boot.0 >= self.next_solicit {
                self.next_solicit = now.boot.0 + SOLICIT_MS;
                self.solicit_quiet();
            }
            if let Some(done) = stop {
                self.flush_all().await;
                // Nobody is left to be told if the receiver has gone.
                let _ = done.send(());
                break;
            }
        }
    }

    /// Waits for mail or for the next deadline; takes all that waits at once. `None` when the mailbox is closed.
    async fn collect(&mut self, mailbox: &mut mpsc::Receiver<Mail>) -> Option<Vec<Mail>> {
        let mut group: Vec<Mail> = self.deferred.drain(..).collect();
        let deferred = group.len();
        if group.is_empty() && self.reconcile.is_none() {
            let wait = self.shared.clock.now().boot.until(self.mgr.poll_timeout().at);
            tokio::select! {
                biased;
                mail = mailbox.recv() => group.push(mail?),
                () = tokio::time::sleep(wait) => {}
            }
        }
        // What was put off takes no place from what is new: one device with many commands must not hold up the others.
        while group.len() < (deferred + GROUP).min(MOST_DEFERRED) {
            match mailbox.try_recv() {
                Ok(mail) => group.push(mail),
                Err(_) => break,
            }
        }
        Some(group)
    }

    pub(super) fn want_reconcile(&mut self, reload: bool, why: &'static str) {
        let reload = reload || self.reconcile.is_some_and(|wanted| wanted.reload);
        self.reconcile = Some(Reconcile { reload, why });
    }

    async fn reconcile_if_wanted(&mut self, now: BootTime) {
        let Some(reconcile) = self.reconcile.take() else { return };
        if now.0 < self.not_before {
            // The try that is due then loads the ruleset too: nothing that was asked for is left out.
            self.next_reconcile = self.not_before;
            return;
        }
        self.next_reconcile = now.0 + RECONCILE_MS;
        self.run_reconcile(reconcile).await;
    }

    /// Makes the kernel hold what it must hold, books included.
    pub(super) async fn run_reconcile(&mut self, reconcile: Reconcile) {
        let started = self.shared.clock.now();
        if reconcile.reload
            && let Err(error) = self.kernel.load().await
        {
            error!(%error, "the base ruleset could not be loaded; trying again");
            self.shared.fail("ruleset", Some(format!("the base ruleset could not be loaded: {error}")));
            self.retry_reconcile();
            return;
        }
        if reconcile.reload {
            self.shared.fail("ruleset", None);
        }
        boundary("owner.loaded");
        match self.kernel.read_all().await {
            Ok(books) => {
                for (key, reading) in books.iter().filter(|(_, reading)| reading.quota_used.is_some()) {
                    self.mgr.settle(*key, reading, false, self.shared.clock.now().boot);
                }
            }
            Err(error) => warn!(%error, "the books could not be read before reconciling"),
        }
        let desired = self.mgr.desired();
        match self.kernel.reconcile(self.shared.clock.now().boot, &desired).await {
            Ok(repairs) => {
                self.mgr.reconciled();
                self.amiss_ms = match self.kernel.is_amiss() {
                    true => self.amiss_ms.saturating_mul(2).min(RECONCILE_MS),
                    false => AMISS_MS,
                };
                self.shared.fail("reconcile", None);
                for done in self.until_right.drain(..) {
                    // Whoever waited may have given up.
                    let _ = done.send(());
                }
                if repairs > 0 {
                    self.shared
                        .repairs
                        .fetch_add(usize::try_from(repairs).unwrap_or(usize::MAX), Ordering::Relaxed);
                    let millis = self.shared.clock.now().boot.millis_since(started.boot);
                    info!(repairs, millis, why = reconcile.why, "the kernel was put right");
                    self.log_event(crate::domain::EventKind::GatewayRecovered(repairs)).await;
                }
            }
            Err(error) => {
                error!(%error, why = reconcile.why, "the kernel could not be put right; trying again");
                self.shared.fail("reconcile", Some(format!("the kernel could not be put right: {error}")));
                self.retry_reconcile();
            }
        }
    }

    /// The next try also loads the ruleset: that it is gone may be why this one failed.
    fn retry_reconcile(&mut self) {
        self.not_before = self.shared.clock.now().boot.0 + RETRY_MS;
        self.next_reconcile = self.not_before;
    }

    fn solicit_quiet(&mut self) {
        // Not twice at once, however long it takes to ask thousands.
        if self.soliciting.as_ref().is_some_and(|asking| !asking.is_finished()) {
            return;
        }
        let quiet: Vec<_> = self
            .mgr
            .quiet(self.shared.clock.now().boot)
            .into_iter()
            .filter_map(|id| self.mgr.device(id).ok().cloned())
            .collect();
        if !quiet.is_empty() {
            let lan = Arc::clone(&self.shared.lan);
            self.soliciting = Some(tokio::spawn(async move { lan.solicit(&quiet).await }));
        }
    }

    async fn flush_all(&mut self) {
        let now = self.shared.clock.now();
        if let Ok(books) = self.kernel.read_all().await {
            for (key, reading) in &books {
                self.mgr.settle(*key, reading, false, now.boot);
            }
        }
        let transition = self.mgr.flush_all(now);
        let mut group = std::mem::take(&mut self.owed);
        group.push(Writes::from(&transition));
        if let Err(error) = self.store.commit(group).await {
            error!(%error, "the last usage could not be written");
        }
    }
}
