//! The composition root: the only file that names every adapter.

mod anew;
mod certificates;
mod damage;
mod disk;
mod doors;
mod garden;
mod guest_log;
mod listeners;
mod look;
mod manager;
mod process;
mod service;
#[cfg(feature = "setup")]
pub mod setup;
mod sign_ins;
mod wan;

#[cfg(feature = "doctor")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::info;

use crate::clock::Clock;
use crate::config::Config;
#[cfg(feature = "doctor")]
use crate::doctor::{self, Place, Report};
use crate::domain::ZoneName;
use crate::gate::{Gate, GateError, Policy, ZoneGate};
use crate::net::Net;
use crate::providers::account::{AccountProvider, Hasher};
use crate::providers::free::FreeProvider;
use crate::providers::voucher::VoucherProvider;
use crate::providers::{AuthPolicy, Authenticators, OnSilence, Registry};
use crate::shaper::{Shaper, ShaperConfig, ZoneShape};
use crate::store::Store;
use crate::upkeep::LogTail;
use anew::{Kept, Next, Turn};
use process::raise_open_files;
use service::Service;
use wan::wan_devices;

/// How long a session provider has to answer.
const PROVIDER_DEADLINE: Duration = Duration::from_secs(5);

/// Runs the daemon with the configuration that stands in `file` until SIGTERM or SIGINT. The rules stand when it ends.
///
/// A configuration that is changed, on the pages or in the file (SIGHUP), takes effect by starting everything anew within this
/// process. The kernel enforces the sessions meanwhile, as it does while a daemon is not there at all; listeners stay open,
/// and whoever knocks waits for an instant.
pub async fn run(config: Config, file: PathBuf, log: LogTail) -> anyhow::Result<()> {
    raise_open_files();
    let mut kept = Kept::new(file, log)?;
    let mut turn = Turn::first(config).on_trial(&kept);
    loop {
        let service = match Service::start(&turn.config, &mut kept).await {
            Ok(service) => service,
            Err(error) => {
                turn = turn.back(&kept, error)?;
                continue;
            }
        };
        turn.holds(&kept, &service).await;
        kept.manager.ready();
        match service.serve(&turn.config, &mut kept).await? {
            Next::Stop => return Ok(()),
            Next::Anew(next) => turn = turn.to(*next, &kept).await,
        }
    }
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

/// Loads the rules without a daemon, as before the network comes up: whoever has no session stays outside. Where rules stand
/// already, those who are in stay in.
pub async fn close(config: Config) -> anyhow::Result<()> {
    let net = Net::open()?;
    let wan = wan_devices(&config, &net).await;
    match Gate::open(config.network.mark_mask)?.load(&policy(&config, &wan)).await {
        // They are closed as well, and what they hold is what the daemon needs to charge exactly.
        Err(GateError::Incompatible) => {
            info!("the rules of another version stand; the daemon makes them anew as it starts");
            Ok(())
        }
        loaded => Ok(loaded?),
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

/// Looks at this box with the configuration that stands in `file`, and says what is wrong.
#[cfg(feature = "doctor")]
pub async fn doctor(file: &Path) -> Report {
    doctor::examine(file, &Place::default()).await
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
            trusted: zone.trusted.iter().copied().collect(),
            trusted_ports: zone.trusted_ports.clone(),
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
