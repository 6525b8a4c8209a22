use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{debug, warn};

use super::doubles::Doubles;
use super::handle::Handle;
use super::visits::Sighting;
use crate::domain::{ClientDevice, MacAddr, Refusal, Text, Transport, ZoneName};
use crate::gate::TableWatch;
use crate::net::{Lease, LeaseFile, Neighbour, Net, NetEvent, NetWatch};

/// How often the lease files are looked at.
const LEASES_EVERY: Duration = Duration::from_secs(2);
/// How long notices of our table may gather before it is looked at.
const SETTLE: Duration = Duration::from_millis(20);
/// What the status says under this name: a MAC that two devices have.
const DOUBLE_MAC: &str = "double_mac";
/// Whoever changes our table without end has it repaired so often and not more: each time the ruleset is loaded anew.
const NOT_AGAIN_FOR: Duration = Duration::from_millis(250);

/// Host names by MAC, as the DHCP leases have them.
#[derive(Debug, Clone, Default)]
pub struct Hostnames(Arc<Mutex<HashMap<MacAddr, Text>>>);

impl Hostnames {
    /// The name that a device gave.
    pub fn of(&self, mac: MacAddr) -> Option<Text> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&mac).cloned()
    }

    /// Takes the leases in; those that are new or changed.
    fn take(&self, leases: Vec<Lease>) -> Vec<Lease> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh: HashMap<MacAddr, Text> =
            leases.iter().filter_map(|lease| Some((lease.mac, lease.hostname.clone()?))).collect();
        let changed = leases
            .into_iter()
            .filter(|lease| fresh.get(&lease.mac) != names.get(&lease.mac) && lease.hostname.is_some())
            .collect();
        *names = fresh;
        changed
    }
}

/// All addresses of a device.
pub(super) fn addresses(device: &ClientDevice) -> Vec<IpAddr> {
    device.ipv4.iter().copied().map(IpAddr::V4).chain(device.ipv6.iter().copied().map(IpAddr::V6)).collect()
}

/// Tells the sessions manager who comes and goes, until the daemon stops.
pub async fn watch_lan(
    handle: Handle,
    mut watch: NetWatch,
    zones: Vec<(ZoneName, Vec<String>)>,
    hostnames: Hostnames,
    lease_files: Vec<PathBuf>,
    net: Net,
    isolated: Vec<String>,
) {
    let zone_of = |device: &str| {
        zones
            .iter()
            .find(|(_, devices)| devices.iter().any(|name| name == device))
            .map(|(zone, _)| zone.clone())
    };
    let mut leases: Vec<(LeaseFile, Vec<Lease>)> =
        lease_files.into_iter().map(|path| (LeaseFile::new(path), Vec::new())).collect();
    let mut look = tokio::time::interval(LEASES_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut doubles = Doubles::default();
    loop {
        let event = tokio::select! {
            event = watch.next() => event,
            _ = look.tick() => {
                if doubles.is_over(handle.shared.clock.now().boot) {
                    handle.warn(DOUBLE_MAC, None);
                }
                if read_leases(&handle, &mut leases, &hostnames).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let told = match event {
            Ok(NetEvent::Seen { device, address, mac, alive }) => match zone_of(&device) {
                Some(zone) => {
                    let (hostname, attached) = (hostnames.of(mac), attached(&net, &device, mac).await);
                    let address = Some(address);
                    see(&handle, Sighting { mac, zone, address, hostname, attached, alive }).await
                }
                None => Ok(()),
            },
            Ok(NetEvent::Lost { address, mac, .. }) => lose(&handle, mac, address).await,
            Ok(NetEvent::Resynced(neighbours)) => {
                let mut sightings = Vec::with_capacity(neighbours.len());
                for Neighbour { device, address, mac, state } in neighbours {
                    let Some(zone) = zone_of(&device) else { continue };
                    let (hostname, attached) = (hostnames.of(mac), attached(&net, &device, mac).await);
                    let (address, alive) = (Some(address), state.is_alive());
                    sightings.push(Sighting { mac, zone, address, hostname, attached, alive });
                }
                handle.everybody(sightings).await
            }
            Ok(NetEvent::LinkUp { device, .. }) => {
                debug!(device, "link up");
                handle.reconcile(true, "a link came up").await
            }
            Ok(NetEvent::LinkDown { device } | NetEvent::LinkGone { device }) => {
                debug!(device, "link down");
                Ok(())
            }
            Ok(NetEvent::PortJoined { bridge, port }) => {
                debug!(bridge, port, "a port joined a bridge");
                if isolated.contains(&bridge)
                    && let Err(error) = net.isolate_ports(&bridge, true).await
                {
                    warn!(%error, bridge, port, "the bridge's new port could not be isolated");
                }
                Ok(())
            }
            Ok(NetEvent::Moved { bridge, mac, ports: [from, to] }) => {
                if doubles.moved(mac, handle.shared.clock.now().boot) {
                    let text = format!(
                        "{mac} is at two ports of {bridge} at once ({from} and {to}): somebody may have copied it, and uses what the \
                         other has paid for"
                    );
                    handle.warn(DOUBLE_MAC, Some(text));
                }
                Ok(())
            }
            Ok(NetEvent::AddressesChanged { .. }) => Ok(()),
            Err(error) => {
                warn!(%error, "the network could not be watched; trying again");
                handle.measures().netlink_errors.count("watch");
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(())
            }
        };
        if told.is_err() {
            // The daemon stops.
            return;
        }
    }
}

/// How a device is attached that was seen on a network device; `None` if that cannot be told now.
pub(super) async fn attached(net: &Net, device: &str, mac: MacAddr) -> Option<(Text, Transport)> {
    match net.transport_of(device, mac).await {
        Ok(transport) => transport.map(|transport| (Text::new(device), transport)),
        Err(error) => {
            debug!(%error, device, %mac, "how a device is attached could not be read");
            None
        }
    }
}

async fn see(handle: &Handle, sighting: Sighting) -> Result<(), Refusal> {
    let mac = sighting.mac;
    match handle.sighted(sighting).await {
        Err(Refusal::Stopping) => Err(Refusal::Stopping),
        Err(refusal) => {
            warn!(%mac, %refusal, "a device was seen but could not be made known");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

async fn lose(handle: &Handle, mac: MacAddr, address: IpAddr) -> Result<(), Refusal> {
    match handle.lost(mac, address).await {
        Err(Refusal::Stopping) => Err(Refusal::Stopping),
        // A neighbour that never became a device: an entry that failed from the start.
        Err(_) | Ok(()) => Ok(()),
    }
}

async fn read_leases(
    handle: &Handle,
    files: &mut [(LeaseFile, Vec<Lease>)],
    hostnames: &Hostnames,
) -> Result<(), Refusal> {
    let mut changed = false;
    for (file, leases) in files.iter_mut() {
        match file.read_if_changed() {
            Ok(Some(fresh)) => {
                changed = true;
                *leases = fresh;
            }
            Ok(None) => {}
            Err(error) => debug!(%error, "the leases could not be read"),
        }
    }
    if !changed {
        return Ok(());
    }
    let all = files.iter().flat_map(|(_, leases)| leases.iter().cloned()).collect();
    for lease in hostnames.take(all) {
        // Only devices that are known already: a lease alone does not say who is here.
        if let Ok(device) = handle.find_device(super::handle::DeviceRef::Mac(lease.mac)).await
            && let Some(zone) = device.zone
        {
            match handle.seen(lease.mac, zone, None, lease.hostname, false).await {
                Err(Refusal::Stopping) => return Err(Refusal::Stopping),
                Err(refusal) => warn!(mac = %lease.mac, %refusal, "a host name could not be noted"),
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

/// Has the kernel put right whenever somebody else changes our table, until the daemon stops.
pub async fn watch_table(handle: Handle, mut watch: TableWatch) {
    loop {
        match watch.changed().await {
            Ok(notice) => {
                debug!(?notice, "our table was changed by somebody else");
                // A restarted firewall says a hundred things at once.
                tokio::time::sleep(SETTLE).await;
            }
            Err(error) => {
                warn!(%error, "our table could not be watched; trying again");
                handle.measures().netlink_errors.count("watch");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        if handle.reconcile(true, "our table was changed by somebody else").await.is_err() {
            return;
        }
        tokio::time::sleep(NOT_AGAIN_FOR).await;
    }
}
