//! The composition root: the only file that names every adapter.

mod certificates;
mod listeners;
mod look;
mod process;
mod wan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::coinslot;
use crate::config::Config;
use crate::domain::{ClientKey, ZoneName};
use crate::gate::{Gate, Policy, ZoneGate};
use crate::net::{Net, NetWatch};
use crate::plugins::PluginHost;
use crate::providers::account::{AccountProvider, Hasher};
use crate::providers::free::FreeProvider;
use crate::providers::voucher::{VoucherProvider, VoucherVault};
use crate::providers::{AuthPolicy, Authenticators, OnSilence, Registry};
use crate::runtime::{
    Hostnames, LinuxKernel, LinuxLan, Runtime, keep_samples, watch_lan, watch_offload, watch_table,
};
use crate::shaper::{Shaper, ShaperConfig, ZoneShape};
use crate::store::Store;
use certificates::Certificates;
use listeners::Listeners;
use process::{bind_socket, raise_open_files, wait_for_signal};
use wan::{follow_wan, wan_devices, wan_warning, watch_uplink};

/// How long a session provider has to answer.
const PROVIDER_DEADLINE: Duration = Duration::from_secs(5);
/// How long requests may go on after the daemon was told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs the daemon until SIGTERM or SIGINT. The rules stand when it ends.
pub async fn run(config: Config) -> anyhow::Result<()> {
    raise_open_files();
    let clock = Clock::machine();
    let store = Store::open(&config.store.path).await?;
    let key_path = key_path(&config);
    let vault = Arc::new(VoucherVault::open(&key_path, store.any_voucher().await?.as_ref())?);
    let net = Net::open()?;
    let wan = wan_devices(&config, &net).await;
    let gate = Gate::open(config.network.mark_mask)?;
    let table = gate.watch()?;
    let kernel =
        Arc::new(LinuxKernel::new(gate, policy(&config, &wan), Shaper::open(shaping(&config, &wan))?));
    kernel.check().await.context("this kernel cannot enforce sessions")?;
    kernel.warn("wan", wan_warning(&wan));
    let zones = zone_devices(&config);
    let hostnames = Hostnames::default();
    let lan = Arc::new(LinuxLan::new(net.clone(), zones.clone(), hostnames.clone()));
    let mut listeners = Listeners::bind(&config).await?;
    let certificates = Certificates::open(&config, &clock);
    let plugin_socket = bind_socket(&config.plugin_socket, 0o660)
        .with_context(|| format!("[plugins] socket {} cannot be opened", config.plugin_socket.display()))?;
    let registry = Arc::new(registry(&config).with_clock(clock.clone()));
    built_in(&config, &registry, &store, &clock)?;
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
    };
    let devices: Vec<String> = zones.iter().flat_map(|(_, devices)| devices.iter().cloned()).collect();
    let net_watch = NetWatch::open(&devices).await?;
    let (handle, mut owner) = runtime.start().await?;
    let mut watchers = JoinSet::new();
    watchers.spawn(watch_table(handle.clone(), table));
    watchers.spawn(watch_offload(Arc::clone(&kernel)));
    watchers.spawn(keep_samples(handle.clone()));
    let isolated: Vec<String> =
        config.zones.iter().filter(|zone| zone.isolate).flat_map(|zone| zone.lan.iter().cloned()).collect();
    watchers.spawn(watch_lan(
        handle.clone(),
        net_watch,
        zones,
        hostnames,
        config.network.lease_files.clone(),
        net.clone(),
        isolated.clone(),
    ));
    for slot in coinslot::open(&handle, &store, config.site.currency, &config.coin_slots)? {
        watchers.spawn(slot);
    }
    if config.network.wan.is_empty() {
        watchers.spawn(follow_wan(config.clone(), net.clone(), Arc::clone(&kernel), handle.clone(), wan));
    }
    watchers.spawn(watch_uplink(config.clone(), net.clone(), handle.clone(), listeners.uplink.clone()));
    for bridge in &isolated {
        if let Err(error) = net.isolate_ports(bridge, true).await {
            warn!(%error, bridge, "the bridge's ports could not be isolated");
            handle.warn("isolate", Some(format!("the ports of {bridge} could not be isolated: {error}")));
        }
    }
    listeners.themes = look::themes(&config, &handle, &store).await?;
    let (stop, stopped) = watch::channel(false);
    let (mut servers, audit) = listeners.serve(&config, &handle, &store, &vault, &certificates, &stopped)?;
    watchers.spawn(certificates.watch(handle.clone()));
    let host = PluginHost::new(handle.clone(), store.clone(), config.site.currency, &config.plugins);
    let mut plugins = host.start(config.plugins.clone(), plugin_socket, &stopped);
    info!("turnpike is ready");
    // Whatever ends by itself has broken off. What stands in the kernel goes on; the daemon is to be started anew.
    let ended = tokio::select! {
        signal = wait_for_signal() => signal,
        ended = &mut owner => Err(broke_off("the sessions manager", ended.err())),
        Some(ended) = watchers.join_next() => Err(broke_off("watching the network", ended.err())),
        Some(ended) = servers.join_next() => Err(broke_off("a listener", ended.err())),
        Some(ended) = plugins.join_next() => Err(broke_off("a plugin's supervisor", ended.err())),
    };
    info!("stopping; the rules stand");
    // The receivers may have gone already.
    let _ = stop.send(true);
    if tokio::time::timeout(DRAIN, servers.join_all()).await.is_err() {
        warn!("some requests were still under way");
    }
    // Those that do not end by themselves are killed; here they are waited for.
    if tokio::time::timeout(DRAIN, plugins.join_all()).await.is_err() {
        warn!("some plugins were still there");
    }
    watchers.abort_all();
    if !owner.is_finished() {
        handle.stop().await;
        owner.await.context("the sessions manager broke off")?;
    }
    audit.flush().await;
    if let Err(error) = handle.write_samples().await {
        warn!(%error, "what was counted last could not be written");
    }
    store.close().await?;
    // Nobody listens there any more. That it cannot be taken away does no harm: the next start does it.
    let _ = std::fs::remove_file(&config.control.socket);
    let _ = std::fs::remove_file(&config.plugin_socket);
    ended
}

/// The session providers as the zones have them, and who is asked before a device is let through.
fn registry(config: &Config) -> Registry {
    let orders = config.zones.iter().filter_map(|zone| Some((zone.name.clone(), zone.providers.clone()?)));
    let asked = &config.authenticators;
    let policy = AuthPolicy {
        order: asked.order.clone(),
        on_silence: if asked.deny_on_silence { OnSilence::Deny } else { OnSilence::Abstain },
        deadline: asked.deadline,
    };
    Registry::new(PROVIDER_DEADLINE).with_orders(orders).with_authenticators(Authenticators::new(policy))
}

/// The session providers that are built in, in the order in which a zone that does not say has them.
fn built_in(config: &Config, registry: &Registry, store: &Store, clock: &Clock) -> anyhow::Result<()> {
    let voucher = VoucherProvider::new(Arc::new(store.clone()), clock.clone());
    registry.register(Arc::new(voucher))?;
    let (store, place) = (Arc::new(store.clone()), Arc::new(clock.clone()));
    registry.register(Arc::new(AccountProvider::new(
        Arc::clone(&store) as _,
        Arc::clone(&store) as _,
        clock.clone(),
        Arc::clone(&place) as _,
        Hasher::default(),
    )))?;
    if let Some(offer) = &config.free {
        let free = FreeProvider::new(offer.clone(), Arc::clone(&store) as _, store, clock.clone(), place);
        registry.register(Arc::new(free))?;
    }
    Ok(())
}

fn broke_off(what: &str, failure: Option<JoinError>) -> anyhow::Error {
    match failure {
        Some(failure) => anyhow::Error::new(failure).context(format!("{what} broke off")),
        None => anyhow::anyhow!("{what} ended before it was told to"),
    }
}

/// Removes the rules and classes of a daemon that does not run. Sessions stay in the store.
pub async fn down(config: Config) -> anyhow::Result<()> {
    let net = Net::open()?;
    let wan = wan_devices(&config, &net).await;
    Gate::open(config.network.mark_mask)?.down().await?;
    Shaper::open(shaping(&config, &wan))?.down().await?;
    Ok(())
}

/// The vouchers' key lies beside the database, so that a copy of the database alone gives no code away.
fn key_path(config: &Config) -> PathBuf {
    let mut path = config.store.path.clone().into_os_string();
    path.push(".key");
    path.into()
}

fn zone_devices(config: &Config) -> Vec<(ZoneName, Vec<String>)> {
    config.zones.iter().map(|zone| (zone.name.clone(), zone.lan.clone())).collect()
}

fn policy(config: &Config, wan: &[String]) -> Policy {
    let zones = config
        .zones
        .iter()
        .map(|zone| ZoneGate {
            name: zone.name.clone(),
            devices: zone.lan.clone(),
            portal_port: zone.portal.port(),
            portal_tls_port: zone.portal_tls.map(|listen| listen.port()),
            inbound: zone.inbound,
            garden_prefixes: zone.garden_addresses.clone(),
            has_garden_domains: !zone.garden_domains.is_empty(),
        })
        .collect();
    Policy { zones, wan: wan.to_vec(), mark_mask: config.network.mark_mask }
}

fn shaping(config: &Config, wan: &[String]) -> ShaperConfig {
    let zones = config
        .zones
        .iter()
        .map(|zone| ZoneShape {
            name: zone.name.clone(),
            devices: zone.lan.clone(),
            down: zone.down,
            up: zone.up,
        })
        .collect();
    ShaperConfig { zones, wan: wan.to_vec(), replace_foreign_root: false }
}

/// Resolves when the daemon is told to stop.
fn told(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // An error means that the sender has gone, which is the end as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    }
}
