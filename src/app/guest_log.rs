//! What the guest log is made of, as far as it is wanted.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use ipnet::IpNet;
use tracing::warn;

use crate::clock::Clock;
use crate::config::Config;
use crate::gate::watch_connections;
use crate::guest_log::{Connected, DEV_LOG, GuestLog};
use crate::net::Net;
use crate::runtime::Handle;

/// So many beginnings and ends of connections wait to be written.
const MOST_WAITING: usize = 16_384;
/// How often this box's own addresses are looked at.
const ADDRESSES_EVERY: Duration = Duration::from_secs(5);
/// Whether the kernel tells of connections at all: 0 is no.
const EVENTS: &str = "/proc/sys/net/netfilter/nf_conntrack_events";
const AREA: &str = "guest_log_connections";

/// This box's own addresses, and the networks of its zones; clones share them.
#[derive(Clone)]
pub(super) struct OwnAddresses {
    /// The devices of all zones.
    lan: Arc<[String]>,
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    own: HashSet<IpAddr>,
    inside: Vec<IpNet>,
}

impl OwnAddresses {
    fn new(config: &Config) -> Self {
        let lan = config.zones.iter().flat_map(|zone| zone.lan.iter().cloned()).collect();
        Self { lan, known: Arc::default() }
    }

    async fn look(&self, net: &Net) {
        match net.survey().await {
            Ok(found) => {
                let own = found.iter().flat_map(|device| &device.addresses).map(IpNet::addr).collect();
                let of_zones = found.iter().filter(|device| self.lan.contains(&device.link.name));
                let inside = of_zones.flat_map(|device| &device.addresses).copied().collect();
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { own, inside };
            }
            // Those of before are the better guess.
            Err(error) => warn!(%error, "this box's own addresses could not be read"),
        }
    }

    /// Looks at them now and then, until the daemon stops.
    pub(super) async fn keep(self, net: Net) {
        loop {
            tokio::time::sleep(ADDRESSES_EVERY).await;
            self.look(&net).await;
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guest log that the configuration asks for, and the addresses that are to be kept up to date for it.
pub(super) async fn guest_log(
    config: &Config,
    clock: &Clock,
    net: &Net,
    handle: &Handle,
) -> Option<(GuestLog, Option<OwnAddresses>)> {
    let wanted = &config.guest_log;
    if !wanted.is_on() {
        return None;
    }
    let mut own = None;
    let mut connections = None;
    if wanted.connections {
        match watch_connections(config.network.mark_mask, clock.clone(), MOST_WAITING) {
            Ok(heard) => {
                let addresses = OwnAddresses::new(config);
                addresses.look(net).await;
                own = Some(addresses.clone());
                let again = addresses.clone();
                let is_own = Arc::new(move |address| addresses.known().own.contains(&address));
                let is_inside = Arc::new(move |address: IpAddr| {
                    again.known().inside.iter().any(|network| network.contains(&address))
                });
                connections = Some(Connected { heard, is_own, is_inside });
                let events = tokio::fs::read_to_string(Path::new(EVENTS)).await;
                if events.is_ok_and(|events| events.trim() == "0") {
                    tell(
                        handle,
                        "the guest log has no connections: the kernel tells of none (sysctl net.netfilter.nf_conntrack_events is 0; set it to 1)",
                    );
                }
            }
            Err(error) => tell(handle, &format!("the guest log has no connections: {error}")),
        }
    }
    let log = GuestLog {
        file: wanted.file.clone(),
        syslog: wanted.syslog.then(|| DEV_LOG.into()),
        keep_days: wanted.keep_days,
        connections,
    };
    Some((log, own))
}

fn tell(handle: &Handle, text: &str) {
    warn!("{text}");
    handle.warn(AREA, Some(text.to_owned()));
}
