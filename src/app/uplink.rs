use std::time::Duration;

use tracing::debug;

use super::wan_devices;
use crate::config::Config;
use crate::net::Net;
use crate::runtime::Handle;

/// How often the uplink is looked at.
const EVERY: Duration = Duration::from_secs(10);

/// Says whether there is an uplink, until the daemon stops: a device that leads to the Internet is switched on and has a
/// carrier. Asks the kernel only; nothing is sent.
pub(super) async fn watch(config: Config, net: Net, handle: Handle) {
    loop {
        let wan = wan_devices(&config, &net).await;
        match net.links().await {
            Ok(links) => handle.note_uplink(links.iter().any(|link| link.up && wan.contains(&link.name))),
            Err(error) => debug!(%error, "the uplink could not be looked at"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
