use super::Place;
use super::gather::Network;
use crate::config::Config;

/// Which devices are the guests', and which lead to the Internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// Each zone's name and devices.
    pub zones: Vec<(String, Vec<String>)>,
    /// As configured, else the default routes' devices.
    pub wan: Vec<String>,
}

impl Sides {
    pub fn of(config: &Config, network: Option<&Network>) -> Self {
        let zones: Vec<(String, Vec<String>)> =
            config.zones.iter().map(|zone| (zone.name.to_string(), zone.lan.clone())).collect();
        let mut wan = config.network.wan.clone();
        if wan.is_empty() {
            let is_lan = |device: &String| zones.iter().any(|(_, devices)| devices.contains(device));
            let routes = network.into_iter().flat_map(|network| &network.routes);
            wan = routes.map(|route| route.device.clone()).filter(|device| !is_lan(device)).collect();
            wan.sort();
            wan.dedup();
        }
        Self { zones, wan }
    }

    /// The devices of all zones.
    pub fn zone_devices(&self) -> impl Iterator<Item = &str> {
        self.zones.iter().flat_map(|(_, devices)| devices.iter().map(String::as_str))
    }

    /// The devices of all zones and of the WAN.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        self.zone_devices().chain(self.wan.iter().map(String::as_str))
    }

    /// Zones of one device each.
    #[cfg(test)]
    pub fn new<const N: usize, const M: usize>(zones: [(&str, &str); N], wan: [&str; M]) -> Self {
        let zones = zones.map(|(name, device)| (name.to_owned(), vec![device.to_owned()]));
        Self { zones: zones.into(), wan: wan.map(str::to_owned).into() }
    }
}

/// What a kernel parameter of a device says; `None` if there is none of that name.
pub fn device_setting(place: &Place, family: &str, device: &str, name: &str) -> Option<i64> {
    // The name of a device may hold a dot: with slashes it can be mistaken for nothing else.
    let path = format!("/proc/sys/net/{family}/conf/{device}/{name}");
    place.read(path).ok()?.trim().parse().ok()
}
