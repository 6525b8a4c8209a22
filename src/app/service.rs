use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tracing::{error, info, warn};

use super::anew::{Ahead, Kept, Next};
use super::certificates::Certificates;
use super::damage;
use super::disk;
use super::garden::keep_dnsmasq;
use super::guest_log::guest_log;
use super::listeners::{Behind, Listeners, Served};
use super::manager::Manager;
use super::wan::{wan_devices, wan_warning, watch_uplink, watch_wan};
use super::{built_in, look, policy, registry, shaping, told, zone_devices};
#[cfg(feature = "coin-slot")]
use crate::coinslot;
use crate::config::Config;
use crate::domain::ClientKey;
use crate::domain::sessions_mgr::Retention;
use crate::gate::Gate;
use crate::net::{Net, NetWatch, WayWatch};
use crate::plugins::PluginHost;
use crate::providers::voucher::VoucherVault;
use crate::runtime::{
    Handle, Hostnames, Keeping, LinuxKernel, LinuxLan, Runtime, keep_samples, watch_lan, watch_offload,
    watch_table,
};
use crate::shaper::Shaper;
use crate::store::Store;
use crate::upkeep::{clear_backup_part, key_path};

/// How long requests may go on after the service was told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Everything that runs with one configuration.
pub(super) struct Service {
    pub(super) store: Store,
    pub(super) handle: Handle,
    owner: JoinHandle<()>,
    watchers: JoinSet<()>,
    served: Served,
    plugins: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// What there is before anybody is served.
struct Opened {
    handle: Handle,
    owner: JoinHandle<()>,
    watchers: JoinSet<()>,
    ways: WayWatch,
    wan: Vec<String>,
    net: Net,
    kernel: Arc<LinuxKernel>,
    vault: Arc<VoucherVault>,
}

impl Service {
    /// Opens everything and lets people in. If something fails nothing of it is left, and another may be started.
    pub(super) async fn start(config: &Config, kept: &mut Kept) -> anyhow::Result<Self> {
        let (store, salvaged) = Store::open_or_salvage(&config.store.path, kept.clock.now().wall).await?;
        if let Some(salvaged) = salvaged {
            error!("{}", salvaged.summary());
            for line in salvaged.lines() {
                error!("salvaged: {line}");
            }
        }
        // A process that was killed while it made one left it.
        clear_backup_part(&config.store.path);
        let started = match Self::open(config, kept, &store).await {
            Ok(opened) => Self::admit(config, kept, &store, opened).await,
            Err(error) => Err(error),
        };
        if started.is_err() && Store::met_damage() {
            damage::have_it_looked_at(&store);
        }
        if started.is_err()
            && let Err(error) = store.close().await
        {
            warn!(%error, "the database could not be closed");
        }
        started
    }

    /// Up to the sessions manager: afterwards everybody who should be online is, and nobody else.
    async fn open(config: &Config, kept: &Kept, store: &Store) -> anyhow::Result<Opened> {
        let clock = kept.clock.clone();
        let vault = VoucherVault::open(&key_path(&config.store.path), store.any_voucher().await?.as_ref())?;
        let vault = Arc::new(vault);
        let net = Net::open()?;
        let ways = WayWatch::open()?;
        let wan = wan_devices(config, &net).await;
        let gate = Gate::open(config.network.mark_mask)?;
        let table = gate.watch()?;
        let shaper = Shaper::open(shaping(config, &wan))?;
        let kernel = Arc::new(LinuxKernel::new(gate, policy(config, &wan), shaper));
        kernel.check().await.context("this kernel cannot enforce sessions")?;
        kernel.warn("wan", wan_warning(&wan));
        let zones = zone_devices(config);
        let hostnames = Hostnames::default();
        let lan = Arc::new(LinuxLan::new(net.clone(), zones.clone(), hostnames.clone()));
        let registry = Arc::new(registry(config).with_clock(clock.clone()));
        built_in(config, &registry, store, &clock)?;
        let devices: Vec<String> = zones.iter().flat_map(|(_, devices)| devices.iter().cloned()).collect();
        let net_watch = NetWatch::open(&devices).await?;
        let runtime = Runtime {
            clock,
            store: store.clone(),
            kernel: Arc::clone(&kernel) as Arc<dyn crate::runtime::Kernel>,
            lan,
            registry,
            vault: Arc::clone(&vault),
            zones: config.zones.iter().map(crate::config::ZoneConfig::policy).collect(),
            roles: config.roles.clone(),
            gateway: config.gateway.facts(),
            max_key: ClientKey::max_for(config.network.mark_mask),
            flush_secs: config.store.flush_secs,
            audit_keep_days: config.audit.keep_days,
            keeping: Keeping {
                days: config.store.keep_days,
                free: config.free.as_ref().map(|offer| offer.repeat),
            },
            retention: Retention::default(),
        };
        let (handle, owner) = runtime.start().await?;
        damage::warn_of_salvage(store, &handle);
        // What is counted from here on is counted: the first reading is what the next one is compared with.
        if let Err(refusal) = handle.sample_step().await {
            warn!(%refusal, "what happens before the next reading will not be counted");
        }
        let mut watchers = JoinSet::new();
        watchers.spawn(watch_table(handle.clone(), table));
        watchers.spawn(watch_offload(Arc::clone(&kernel)));
        watchers.spawn(keep_samples(handle.clone()));
        let leases = config.network.lease_files.clone();
        let isolated = isolated(config);
        watchers.spawn(watch_lan(handle.clone(), net_watch, zones, hostnames, leases, net.clone(), isolated));
        Ok(Opened { handle, owner, watchers, ways, wan, net, kernel, vault })
    }

    /// Opens the doors.
    async fn admit(config: &Config, kept: &mut Kept, store: &Store, opened: Opened) -> anyhow::Result<Self> {
        let Opened { handle, owner, mut watchers, ways, wan, net, kernel, vault } = opened;
        let (stop, stopped) = watch::channel(false);
        let open = async {
            kept.doors.open(config)?;
            let control = kept.doors.control(config)?;
            let plugin_socket = kept.doors.plugins(config)?;
            let mut listeners = Listeners::open(config, &kept.doors, control)?;
            kept.doors.keep_only(config);
            #[cfg(feature = "coin-slot")]
            for slot in coinslot::open(&handle, store, config.site.currency, &config.coin_slots)? {
                watchers.spawn(slot);
            }
            let gardens = Arc::clone(&kernel);
            watchers.spawn(watch_wan(config.clone(), net.clone(), kernel, handle.clone(), ways, wan));
            watchers.spawn(keep_dnsmasq(config.clone(), handle.clone(), gardens));
            let uplink = listeners.uplink.clone();
            watchers.spawn(watch_uplink(config.clone(), net.clone(), handle.clone(), uplink));
            for bridge in &isolated(config) {
                if let Err(error) = net.isolate_ports(bridge, true).await {
                    warn!(%error, bridge, "the bridge's ports could not be isolated");
                    let text = format!("the ports of {bridge} could not be isolated: {error}");
                    handle.warn("isolate", Some(text));
                }
            }
            let certificates = Certificates::open(config, &kept.clock);
            kept.pictures = look::pictures(config);
            listeners.themes = look::themes(config, &handle, store).await?;
            let about = kept.about();
            let behind =
                Behind { config, handle: &handle, store, vault: &vault, certificates: &certificates };
            let mut served = listeners.serve(behind, about, &stopped)?;
            if let Some((log, own)) = guest_log(config, &kept.clock, &net, &handle).await {
                if let Some(own) = own {
                    watchers.spawn(own.keep(net.clone()));
                }
                served.servers.spawn(crate::guest_log::run(log, handle.clone(), told(&stopped)));
            }
            watchers.spawn(disk::watch(store.clone(), handle.clone()));
            watchers.spawn(certificates.watch(handle.clone()));
            if let Some(patience) = kept.manager.patience() {
                watchers.spawn(Manager::keep_informed(patience, handle.clone()));
            }
            let host = PluginHost::new(handle.clone(), store.clone(), config.site.currency, &config.plugins);
            let plugins = host.start(config.plugins.clone(), plugin_socket, &stopped);
            anyhow::Ok((served, plugins))
        };
        let (served, plugins) = match open.await {
            Ok(opened) => opened,
            Err(error) => {
                watchers.shutdown().await;
                handle.stop().await;
                owner.await.context("the sessions manager broke off")?;
                return Err(error);
            }
        };
        info!("turnpike is ready");
        Ok(Self { store: store.clone(), handle, owner, watchers, served, plugins, stop })
    }

    /// Serves until it is told to stop or to start anew, and ends in good order.
    pub(super) async fn serve(mut self, config: &Config, kept: &mut Kept) -> anyhow::Result<Next> {
        // Whatever ends by itself has broken off. What stands in the kernel goes on; the daemon is to be started anew.
        let ended = tokio::select! {
            next = kept.next(config, &self.handle, &self.store) => Ok(next),
            error = damage::met(&self.store) => Err(error),
            ended = &mut self.owner => Err(broke_off("the sessions manager", ended.err())),
            Some(ended) = self.watchers.join_next() => Err(broke_off("watching the network", ended.err())),
            Some(ended) = self.served.servers.join_next() => Err(broke_off("a listener", ended.err())),
            Some(ended) = self.plugins.join_next() => Err(broke_off("a plugin's supervisor", ended.err())),
        };
        match &ended {
            Ok(Next::Anew(_)) => {
                info!("starting anew; the rules stand");
                kept.manager.reloading();
            }
            Ok(Next::Stop) | Err(_) => {
                info!("stopping; the rules stand");
                kept.manager.stopping();
            }
        }
        let mut ended = ended;
        let ahead = match &mut ended {
            Ok(Next::Anew(ahead)) => Some(ahead.as_mut()),
            Ok(Next::Stop) | Err(_) => None,
        };
        let is_last = ahead.is_none();
        let stopped = self.stop(ahead).await;
        if is_last {
            // Nobody listens there any more. That it cannot be taken away does no harm: the next start does it.
            let _ = std::fs::remove_file(&config.control.socket);
            let _ = std::fs::remove_file(&config.plugin_socket);
        }
        comes_of(ended, stopped, !is_last)
    }

    async fn stop(mut self, ahead: Option<&mut Ahead>) -> anyhow::Result<()> {
        // The receivers may have gone already.
        let _ = self.stop.send(true);
        // They would go on for ever; the pages come back by themselves.
        self.served.streams.close();
        if let Some(ahead) = ahead {
            // Only now: what its page asks for next is for the service that comes.
            ahead.written_down();
        }
        if tokio::time::timeout(DRAIN, self.served.servers.join_all()).await.is_err() {
            warn!("some requests were still under way");
        }
        // Those that do not end by themselves are killed; here they are waited for.
        if tokio::time::timeout(DRAIN, self.plugins.join_all()).await.is_err() {
            warn!("some plugins were still there");
        }
        self.watchers.shutdown().await;
        // Whatever became of it: the next service opens the database as well.
        let mut owner = Ok(());
        if !self.owner.is_finished() {
            if let Err(refusal) = self.handle.sample_step().await {
                warn!(%refusal, "what happened since the last reading could not be counted");
            }
            self.handle.stop().await;
            owner = self.owner.await.context("the sessions manager broke off");
        }
        self.served.audit.flush().await;
        if let Err(error) = self.handle.write_samples().await {
            warn!(%error, "what was counted last could not be written");
        }
        self.store.close().await?;
        owner
    }
}

/// The bridges whose devices are kept apart.
fn isolated(config: &Config) -> Vec<String> {
    config.zones.iter().filter(|zone| zone.isolate).flat_map(|zone| zone.lan.iter().cloned()).collect()
}

/// What comes after a service, whatever became of its stop. One that goes on has what to go back to, and a failure says more
/// than the one that it led to.
fn comes_of<T>(ended: anyhow::Result<T>, stopped: anyhow::Result<()>, goes_on: bool) -> anyhow::Result<T> {
    let Err(error) = stopped else { return ended };
    if ended.is_ok() && !goes_on {
        return Err(error);
    }
    error!("the service did not stop in good order: {error:#}");
    ended
}

fn broke_off(what: &str, failure: Option<JoinError>) -> anyhow::Error {
    match failure {
        Some(failure) => anyhow::Error::new(failure).context(format!("{what} broke off")),
        None => anyhow::anyhow!("{what} ended before it was told to"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_a_service_does_not_hang_on_how_it_stopped() {
        let failed = |why: &'static str| Err(anyhow::anyhow!(why));
        assert_eq!(comes_of(Ok("anew"), failed("no close"), true).unwrap(), "anew");
        let broke_off =
            comes_of::<&str>(Err(anyhow::anyhow!("a listener broke off")), failed("no close"), false);
        assert_eq!(broke_off.unwrap_err().to_string(), "a listener broke off");
        assert_eq!(comes_of(Ok("stop"), failed("no close"), false).unwrap_err().to_string(), "no close");
        assert_eq!(comes_of(Ok("stop"), Ok(()), false).unwrap(), "stop");
    }
}
