//! The way to the Internet: which devices lead there, and whether any does now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::{policy, shaping};
use crate::config::Config;
use crate::domain::{Refusal, ZoneName};
use crate::net::{Net, NetError, WayWatch};
use crate::portal::Uplink;
use crate::runtime::{Handle, LinuxKernel};
use crate::shaper::{Shaper, ShaperConfig, ZoneShape};

/// How often the way out is looked at when there are no notices.
const WAN_EVERY: Duration = Duration::from_secs(5);
const HAS_MOVED: &str = "the default route has moved";
/// How long notices of one change may gather.
const SETTLE: Duration = Duration::from_millis(20);
/// The kernel is waited for no longer than this; what comes then is looked at, and what is left is done later.
const PATIENCE: Duration = Duration::from_secs(5);
/// A device that comes and goes without end has the classes looked at so often and not more.
const NOT_AGAIN_FOR: Duration = Duration::from_millis(250);

/// The devices that lead to the Internet: as configured, else those of the default routes.
pub(super) async fn wan_devices(config: &Config, net: &Net) -> Vec<String> {
    if !config.network.wan.is_empty() {
        return config.network.wan.clone();
    }
    match net.default_route_devices().await {
        Ok(devices) => {
            let is_lan = |device: &String| config.zones.iter().any(|zone| zone.lan.contains(device));
            devices.into_iter().filter(|device| !is_lan(device)).collect()
        }
        Err(error) => {
            warn!(%error, "the default route could not be read");
            Vec::new()
        }
    }
}

pub(super) fn wan_warning(wan: &[String]) -> Vec<String> {
    let text =
        "there is no default route, so nobody can be let through; set [network] wan or bring the uplink up";
    if wan.is_empty() { vec![text.to_owned()] } else { Vec::new() }
}

/// Follows the way out until the daemon stops: the default route from device to device, unless the devices are configured; and
/// devices that come again, as one does whose connection was dialled anew: their classes have gone with them.
pub(super) async fn watch_wan(
    config: Config,
    net: Net,
    kernel: Arc<LinuxKernel>,
    handle: Handle,
    mut ways: WayWatch,
    mut wan: Vec<String>,
) {
    // What came while the daemon was starting counts as come: whether it has its classes nobody knows.
    let mut standing = BTreeMap::new();
    // Devices that led there and have their classes still.
    let mut left = BTreeSet::new();
    loop {
        tokio::select! {
            changed = ways.changed(&wan) => match changed {
                // Addresses, routes and links of one change come one after the other.
                Ok(()) => tokio::time::sleep(SETTLE).await,
                Err(error) => {
                    warn!(%error, "the way to the Internet could not be watched; it is looked at now and then");
                    tokio::time::sleep(WAN_EVERY).await;
                }
            },
            () = tokio::time::sleep(WAN_EVERY) => {}
        }
        let now = wan_devices(&config, &net).await;
        // A default route that is gone for a while keeps its device: nothing is reached through it meanwhile.
        let has_moved = now != wan && !now.is_empty();
        if has_moved {
            info!(?now, "the default route has moved");
            let both: Vec<String> =
                wan.iter().chain(&now).cloned().collect::<BTreeSet<_>>().into_iter().collect();
            let shapers = Shaper::open(shaping(&config, &both))
                .and_then(|both| Ok((both, Shaper::open(shaping(&config, &now))?)));
            let (on_both, on_new) = match shapers {
                Ok(shapers) => shapers,
                Err(error) => {
                    warn!(%error, "the classes could not be moved to the new uplink");
                    continue;
                }
            };
            // The classes are there before the rules let anybody through to the new device, and those on the old one for as
            // long as the rules let anybody through to that.
            kernel.replace(policy(&config, &wan), on_both);
            if is_right(&handle, false, HAS_MOVED).await.is_err() {
                return;
            }
            kernel.replace(policy(&config, &now), on_new);
            kernel.warn("wan", wan_warning(&now));
            left.extend(std::mem::replace(&mut wan, now));
        }
        left.retain(|device| !wan.contains(device));
        let mut came = false;
        if let Some(is_now) = standing_of(&net, &wan).await {
            came = is_now.iter().any(|(name, link)| link.up && standing.get(name) != Some(link));
            standing = is_now;
        }
        let why = match (has_moved, came) {
            (true, _) => HAS_MOVED,
            (false, true) => "a device that leads to the Internet came",
            (false, false) if !left.is_empty() => "classes are left on a former uplink",
            (false, false) => {
                // A routing table in which much goes on is not listed for each of it.
                tokio::time::sleep(NOT_AGAIN_FOR).await;
                continue;
            }
        };
        match is_right(&handle, has_moved, why).await {
            Ok(true) if !left.is_empty() => {
                remove_classes(std::mem::take(&mut left).into_iter().collect()).await;
            }
            Ok(_) => {}
            Err(_) => return,
        }
        tokio::time::sleep(NOT_AGAIN_FOR).await;
    }
}

/// Has the kernel put right. Whether it is; else that is tried again and again, but not waited for.
async fn is_right(handle: &Handle, reload: bool, why: &'static str) -> Result<bool, Refusal> {
    match tokio::time::timeout(PATIENCE, handle.reconciled(reload, why)).await {
        Ok(done) => done.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// What a device was like when last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    index: u32,
    up: bool,
}

/// Those of these devices that are there; `None` if that cannot be told now.
async fn standing_of(net: &Net, devices: &[String]) -> Option<BTreeMap<String, Standing>> {
    match net.links().await {
        Ok(links) => {
            let ours = links.into_iter().filter(|link| devices.contains(&link.name));
            Some(ours.map(|link| (link.name, Standing { index: link.index, up: link.up })).collect())
        }
        Err(error) => {
            debug!(%error, "the devices that lead to the Internet could not be looked at");
            None
        }
    }
}

/// Takes our classes from devices that lead to the Internet no more.
async fn remove_classes(wan: Vec<String>) {
    let former = ZoneShape { name: ZoneName::new("former-uplink"), devices: wan, down: None, up: None };
    let config = ShaperConfig { zones: vec![former], wan: Vec::new(), replace_foreign_root: false };
    let removed = match Shaper::open(config) {
        Ok(shaper) => shaper.down().await,
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        warn!(%error, "the classes on the former uplink could not be removed");
    }
}

/// Keeps an eye on whether this box itself reaches the Internet, for the dashboard and the guests' pages. What they are let
/// through to is none of its business. Asks the kernel only; nothing is sent.
pub(super) async fn watch_uplink(config: Config, net: Net, handle: Handle, uplink: Uplink) {
    loop {
        match leads_out(&config, &net).await {
            Ok(up) => {
                handle.note_uplink(up);
                if uplink.set_down(!up) {
                    if up {
                        info!("the way to the Internet is there again");
                    } else {
                        warn!("there is no way to the Internet: guests' pages say so");
                    }
                }
            }
            // It stays what it was.
            Err(error) => debug!(%error, "the uplink could not be looked at"),
        }
        tokio::time::sleep(WAN_EVERY).await;
    }
}

/// Whether a default route leads out through a device that has a carrier.
async fn leads_out(config: &Config, net: &Net) -> Result<bool, NetError> {
    let ways = net.default_route_devices().await?;
    let links = net.links().await?;
    let is_wan = |device: &String| match config.network.wan.is_empty() {
        true => !config.zones.iter().any(|zone| zone.lan.contains(device)),
        false => config.network.wan.contains(device),
    };
    let is_up = |device: &String| links.iter().any(|link| link.name == *device && link.up);
    Ok(ways.iter().any(|device| is_wan(device) && is_up(device)))
}
