//! The way to the Internet: which devices lead there, and whether any does now.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::{policy, shaping};
use crate::config::Config;
use crate::net::{Net, NetError};
use crate::portal::Uplink;
use crate::runtime::{Handle, LinuxKernel};
use crate::shaper::Shaper;

/// How often the default route is looked at.
const WAN_EVERY: Duration = Duration::from_secs(5);

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

/// Follows the default route from device to device.
pub(super) async fn follow_wan(
    config: Config,
    net: Net,
    kernel: Arc<LinuxKernel>,
    handle: Handle,
    mut wan: Vec<String>,
) {
    loop {
        tokio::time::sleep(WAN_EVERY).await;
        let now = wan_devices(&config, &net).await;
        // A default route that is gone for a while keeps its device: nothing is reached through it meanwhile.
        if now == wan || now.is_empty() {
            continue;
        }
        info!(?now, "the default route has moved");
        match Shaper::open(shaping(&config, &now)) {
            Ok(shaper) => kernel.replace(policy(&config, &now), shaper),
            Err(error) => {
                warn!(%error, "the classes could not be moved to the new uplink");
                continue;
            }
        }
        kernel.warn("wan", wan_warning(&now));
        wan = now;
        if handle.reconcile(true, "the default route has moved").await.is_err() {
            return;
        }
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
