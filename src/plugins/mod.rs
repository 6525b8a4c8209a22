//! Plugins: programs in any language that sell, give or forbid sessions. `docs/plugins.md` is the protocol.
//!
//! A plugin speaks JSON-RPC 2.0, one object a line, over the standard streams of a process that the daemon started
//! ([`supervise`]) or over `plugin.sock` ([`socket`]). Nothing that it does or leaves undone holds up anybody else: it is
//! read at a bounded rate and in bounded lines, asked with deadlines, and left out for a while when it fails again and
//! again.

mod account;
mod breaker;
mod bucket;
mod calls;
mod codec;
mod connection;
mod feed;
mod grant;
mod link;
mod provider;
mod rpc;
mod shapes;
mod socket;
mod supervise;
mod users;

use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::PluginConfig;
use crate::domain::{Currency, PlanBook};
use crate::runtime::Handle;
use crate::store::Store;

/// The version of the protocol that this daemon speaks.
pub const PROTOCOL: u64 = 1;

/// What plugins work with.
#[derive(Clone)]
pub struct PluginHost {
    handle: Handle,
    store: Store,
    plans: Arc<dyn PlanBook>,
    currency: Currency,
    /// Names that belong to plugins of the configuration.
    configured: Arc<[String]>,
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PluginHost")
    }
}

impl PluginHost {
    /// For the plugins of one daemon.
    pub fn new(handle: Handle, store: Store, currency: Currency, plugins: &[PluginConfig]) -> Self {
        let plans = Arc::new(store.clone());
        let configured = plugins.iter().map(|plugin| plugin.name.clone()).collect();
        Self { handle, store, plans, currency, configured }
    }

    /// Starts plugins, each again whenever it ends, and serves those that connect by themselves, until `stop` says so and
    /// all have ended.
    pub fn start(
        &self,
        plugins: Vec<PluginConfig>,
        listener: UnixListener,
        stop: &watch::Receiver<bool>,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for config in plugins {
            supervise::enrol(self, &config);
            tasks.spawn(supervise::run(self.clone(), config, stop.clone()));
        }
        tasks.spawn(socket::run(self.clone(), listener, stop.clone()));
        tasks
    }
}

/// Resolves when the daemon is told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender has gone, which is the end as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
