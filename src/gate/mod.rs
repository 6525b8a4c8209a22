//! nftables: the base ruleset, and what the kernel holds of each client.
//!
//! The kernel enforces: a client's element of the set `online` carries its time as a timeout and its data as a quota.
//! [`Gate`] loads the rules, writes and reads the elements, and repairs them.

mod apply;
mod books;
mod connections;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gardens;
mod kernel;
mod load;
mod names;
mod netlink;
mod policy;
mod probe;
mod reconcile;
mod ruleset;
mod watch;
mod worker;

use std::collections::HashMap;

use tokio::sync::{Mutex, watch as watch_channel};

pub use connections::{ConnectionLosses, ConnectionTeller, Connections, connections, watch_connections};
pub use error::GateError;
pub use names::TABLE;
pub use policy::{Policy, ZoneGate, is_device_name};
pub use probe::Capabilities;
pub use reconcile::Repairs;
pub use ruleset::KEY_PRIORITY;
pub use watch::{TableNotice, TableWatch};

use crate::domain::{Access, BootTime, ClientKey, GateOp, KernelBooks};
use kernel::Kernel;
use load::OwnLoads;
use worker::Worker;

/// Our table in the kernel. Cheap to share; calls are done one after the other in a thread of their own.
#[derive(Debug)]
pub struct Gate {
    worker: Worker,
    own_loads: OwnLoads,
    port: u32,
    /// Nobody looks at the gardens while the table is loaded: what is not there may be on its way.
    loading: Mutex<()>,
    /// How often the table was found to be another.
    made_anew: watch_channel::Sender<u32>,
}

impl Gate {
    /// Opens the sockets in the network namespace of the calling thread. Nothing changes in the kernel.
    pub fn open(mark_mask: u32) -> Result<Self, GateError> {
        let kernel = Kernel::open(mark_mask)?;
        let port = kernel.socket.port();
        Ok(Self {
            worker: Worker::start(kernel)?,
            own_loads: OwnLoads::default(),
            port,
            loading: Mutex::default(),
            made_anew: watch_channel::Sender::default(),
        })
    }

    /// Loads the base ruleset in one atomic step. Elements, quotas and books stay, at any number of loads.
    ///
    /// Errors: [`GateError::Policy`] and nothing was tried; [`GateError::Incompatible`] if sets of another definition stand
    /// there, which [`Gate::rebuild`] replaces; any other, and the old rules stand.
    pub async fn load(&self, policy: &Policy) -> Result<(), GateError> {
        let _turn = self.loading.lock().await;
        load::load(policy, &self.own_loads, false).await?;
        self.refill_another_table().await.map(|_| ())
    }

    /// Replaces the whole table in one atomic step: every element is gone afterwards, so everybody is captive until
    /// [`Gate::reconcile`]. Read the books first.
    pub async fn rebuild(&self, policy: &Policy) -> Result<(), GateError> {
        let _turn = self.loading.lock().await;
        // What the old sets hold goes with them. Where they cannot be read it is known as of some seconds ago, and so it is
        // where somebody else has just made the table.
        if let Ok((table, false)) = self.worker.call(Kernel::our_table).await? {
            let _ = self.worker.call(move |kernel| kernel.tend_gardens(table)).await?;
        }
        load::load(policy, &self.own_loads, true).await?;
        self.refill_gardens().await
    }

    /// [`Gate::refill_gardens`] if the table is another than that whose gardens are known, whoever made it. Which it is.
    async fn refill_another_table(&self) -> Result<u64, GateError> {
        let (table, is_another) = self.worker.call(Kernel::our_table).await??;
        if is_another {
            self.refill_gardens().await?;
        }
        Ok(table)
    }

    /// Puts back what dnsmasq had found when the table was last looked at, and tells whoever can have it fill in the rest.
    async fn refill_gardens(&self) -> Result<(), GateError> {
        let refilled = self.worker.call(Kernel::refill_gardens).await?;
        self.made_anew.send_modify(|times| *times = times.wrapping_add(1));
        refilled
    }

    /// Changes when the table was made anew: what dnsmasq put into the gardens is gone, but for what was known of it.
    pub fn made_anew(&self) -> watch_channel::Receiver<u32> {
        self.made_anew.subscribe()
    }

    /// Looks after the gardens' addresses; to be called every few seconds. How many there are.
    pub async fn tend_gardens(&self) -> Result<usize, GateError> {
        let _turn = self.loading.lock().await;
        let table = self.refill_another_table().await?;
        self.worker.call(move |kernel| kernel.tend_gardens(table)).await?
    }

    /// Does all of it in one atomic batch (in several if there are more than some hundreds). Each operation has its own
    /// result: one that the kernel refuses does not take others with it. "Already there" and "already gone" are success.
    pub async fn apply(&self, now: BootTime, ops: &[GateOp]) -> Vec<Result<(), GateError>> {
        let count = ops.len();
        let ops = ops.to_vec();
        match self.worker.call(move |kernel| kernel.apply(now, &ops)).await {
            Ok(results) => results,
            Err(_) => (0..count).map(|_| Err(GateError::Stopped)).collect(),
        }
    }

    /// Stops these clients and reads what they have used, to the last packet. The books stay until `Close`.
    pub async fn shut(&self, keys: &[ClientKey]) -> Result<HashMap<ClientKey, KernelBooks>, GateError> {
        let keys = keys.to_vec();
        self.worker.call(move |kernel| kernel.shut_and_read(&keys)).await?
    }

    /// The books of these clients; zeroes and `None` for those of whom the kernel holds nothing.
    pub async fn read(&self, keys: &[ClientKey]) -> Result<HashMap<ClientKey, KernelBooks>, GateError> {
        let keys = keys.to_vec();
        self.worker.call(move |kernel| kernel.read(&keys)).await?
    }

    /// The books of everybody of whom the kernel holds any.
    pub async fn read_all(&self) -> Result<HashMap<ClientKey, KernelBooks>, GateError> {
        self.worker.call(Kernel::read_all).await?
    }

    /// Compares what the kernel holds with what it must hold, and repairs the difference. The table must be loaded.
    pub async fn reconcile(&self, now: BootTime, desired: &[Access]) -> Result<Repairs, GateError> {
        let desired = desired.to_vec();
        self.worker.call(move |kernel| kernel.reconcile(now, &desired)).await?
    }

    /// Finds out what this kernel can do, by trying it in a table of its own that is deleted again.
    pub async fn probe(&self) -> Result<Capabilities, GateError> {
        self.worker.call(Kernel::probe).await?
    }

    /// One sentence for each way in which packets go around our rules: flow offload in other tables.
    pub async fn offload_warnings(&self) -> Result<Vec<String>, GateError> {
        self.worker.call(Kernel::offload_warnings).await?
    }

    /// Listens for changes of our table by others, in the network namespace of the calling thread; needs a tokio runtime.
    pub fn watch(&self) -> Result<TableWatch, GateError> {
        TableWatch::open(self.port, self.own_loads.clone())
    }

    /// Deletes the table, elements and all; success if it is not there.
    pub async fn down(&self) -> Result<(), GateError> {
        load::remove().await
    }
}
