use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use super::beside;
use super::handle::Handle;
use super::kernel::Kernel;
use super::lan::Lan;
use super::measures::{MeasuredKernel, Measures};
use super::owner::{Owner, Reconcile};
use super::retiring::Keeping;
use super::shared::{Parts, Shared};
use crate::clock::Clock;
use crate::domain::sessions_mgr::{Restored, Retention, Settings};
use crate::domain::{GatewayFacts, RolePolicy, SessionsMgr, WallTime, ZonePolicy};
use crate::providers::Registry;
use crate::providers::voucher::VoucherVault;
use crate::store::{Store, Writes};

/// How much mail may wait. Callers beyond that wait to post: the mailbox pushes back instead of growing.
const MAILBOX: usize = 4096;

/// What the runtime is made of.
pub struct Runtime {
    /// The clocks.
    pub clock: Clock,
    /// The store.
    pub store: Store,
    /// The kernel.
    pub kernel: Arc<dyn Kernel>,
    /// The guest networks.
    pub lan: Arc<dyn Lan>,
    /// The session providers.
    pub registry: Arc<Registry>,
    /// The vouchers' keys.
    pub vault: Arc<VoucherVault>,
    /// The zones, in the order of the configuration.
    pub zones: Vec<ZonePolicy>,
    /// What roles change, by name.
    pub roles: BTreeMap<String, RolePolicy>,
    /// This box.
    pub gateway: GatewayFacts,
    /// The highest client key.
    pub max_key: u16,
    /// How often usage is written, in seconds.
    pub flush_secs: u64,
    /// For how many days the lines of the audit log are kept.
    pub audit_keep_days: u32,
    /// How long what is over is kept.
    pub keeping: Keeping,
    /// How long and how many devices are kept that have nothing.
    pub retention: Retention,
}

impl Runtime {
    /// Loads the store, reads the kernel, puts the kernel right, and starts the owner's task.
    ///
    /// When this returns, everybody who should be online is, and nobody else. The task ends after [`Handle::stop`].
    pub async fn start(self) -> anyhow::Result<(Handle, JoinHandle<()>)> {
        let measures = Arc::new(Measures::default());
        let kernel: Arc<dyn Kernel> = Arc::new(MeasuredKernel::new(self.kernel, Arc::clone(&measures)));
        let now = self.clock.now();
        let (loaded, table) = tokio::join!(self.store.load(), kernel.read_table());
        let (loaded, table) = (loaded?, table?);
        let settings = Settings {
            zones: self.zones,
            roles: self.roles,
            gateway: self.gateway,
            place: Arc::new(self.clock.clone()),
            boot_id: self.clock.boot_id()?,
            max_key: self.max_key,
            flush_ms: self.flush_secs.saturating_mul(1000),
            retention: self.retention,
        };
        let found = Restored {
            devices: loaded.devices,
            sessions: loaded.sessions,
            had_session: loaded.had_session,
            newest_wall: loaded.newest_wall.unwrap_or(WallTime(0)),
            last_believed: self.clock.last_believed(),
            kernel: table,
        };
        let (mgr, transition) = SessionsMgr::restore(settings, found, now);
        let (believed, newest) = mgr.belief();
        self.clock.note_belief(believed, newest, now);
        let (devices, connected, _) = mgr.counts();
        let last_told = self.store.session_event_range().await?.map_or(0, |(_, newest)| newest);
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let shared = Shared::new(Parts {
            mailbox,
            clock: self.clock,
            store: self.store.clone(),
            registry: self.registry,
            vault: self.vault,
            lan: self.lan,
            kernel: Arc::clone(&kernel),
            last_told,
            measures,
            audit_keep_days: self.audit_keep_days,
            keeping: self.keeping,
        });
        let told = transition.told.clone();
        for committed in self.store.commit(vec![Writes::from(&transition)]).await?.into_iter().flatten() {
            shared.listeners.tell(committed.told.into_iter().zip(told.iter().cloned()).collect());
        }
        let mut owner = Owner::new(mgr, self.store, kernel, Arc::clone(&shared));
        owner.run_reconcile(Reconcile { reload: true, why: "the start" }).await;
        // Without the rules everybody would be let through, unseen: whoever started this is told at once.
        let failing = shared.failing();
        anyhow::ensure!(failing.is_empty(), "{}", failing.join("; "));
        info!(
            devices,
            connected,
            millis = shared.clock.now().boot.millis_since(now.boot),
            "sessions restored"
        );
        let worked_for = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            // End with the owner, however that ends.
            let mut beside = JoinSet::new();
            let outbox = Arc::clone(&worked_for);
            beside.spawn(beside::keep("the outbox", move || super::outbox::run(Arc::clone(&outbox))));
            let locks = Handle::new(Arc::clone(&worked_for));
            beside.spawn(beside::keep("the keeper of locks", move || super::lock_keeper::run(locks.clone())));
            let accounts = Arc::clone(&worked_for);
            beside.spawn(beside::keep("the keeper of accounts", move || {
                super::accounts::keep(Arc::clone(&accounts))
            }));
            beside.spawn(beside::keep("the pruning", move || beside::prune(Arc::clone(&worked_for))));
            owner.run(inbox).await;
        });
        let handle = Handle::new(shared);
        handle.begin_setup().await?;
        match handle.close_revoked().await {
            Ok(0) => {}
            Ok(count) => info!(count, "sessions of vouchers that were taken back are closed"),
            Err(refusal) => warn!(%refusal, "sessions of vouchers that were taken back could not be closed"),
        }
        Ok((handle, task))
    }
}
