use std::collections::BTreeMap;

use super::{ClientDevice, ClientRates, ClientSession, RolePolicy, Text, ZoneName, ZonePolicy};

/// What the configuration says of zones, roles and the gateway: the same for every session.
#[derive(Debug, Clone)]
pub struct Policies {
    /// The zones, by name.
    pub zones: BTreeMap<ZoneName, ZonePolicy>,
    /// The zone of a device whose own has left the configuration.
    pub first_zone: ZoneName,
    /// What roles change, by name. A role that is not here changes nothing.
    pub roles: BTreeMap<String, RolePolicy>,
    /// This box.
    pub gateway: GatewayFacts,
}

/// What the fixed properties say of this box.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GatewayFacts {
    /// Its name.
    pub name: Text,
    /// Its country; may be empty.
    pub country: Text,
    /// Degrees north; `None` if unset.
    pub latitude: Option<f64>,
    /// Degrees east; `None` if unset.
    pub longitude: Option<f64>,
}

impl Policies {
    /// What the roles of a session and of its device say together. Roles that nobody configured say nothing.
    pub fn role(&self, session: &ClientSession, device: &ClientDevice) -> RolePolicy {
        if self.roles.is_empty() {
            return RolePolicy::default();
        }
        RolePolicy::combine(session.roles.iter().chain(&device.roles).filter_map(|name| self.roles.get(name)))
    }

    /// Whether what a session uses is counted only.
    pub fn is_unmetered(&self, session: &ClientSession, device: &ClientDevice) -> bool {
        self.role(session, device).unmetered
    }

    /// The speeds that hold for a session: a role's value beats the session's, the session's the zone's.
    ///
    /// What goes on slowly goes on slowly, whatever the roles say: they belonged to what was used up.
    pub fn rates(&self, session: &ClientSession, device: &ClientDevice) -> ClientRates {
        if session.slowed {
            return ClientRates { down: session.terms.down, up: session.terms.up };
        }
        let role = self.role(session, device);
        let own = if session.terms.use_global_speed {
            self.zone(device).map_or_else(ClientRates::default, |zone| ClientRates {
                down: zone.client_down,
                up: zone.client_up,
            })
        } else {
            ClientRates { down: session.terms.down, up: session.terms.up }
        };
        ClientRates { down: role.down.unwrap_or(own.down), up: role.up.unwrap_or(own.up) }
    }

    /// After so many quiet seconds a session is paused; `None` is never.
    pub fn idle_timeout_secs(&self, session: &ClientSession, device: &ClientDevice) -> Option<u64> {
        let zone = self.zone(device).and_then(|zone| zone.idle_timeout_secs);
        self.role(session, device).idle_timeout_secs.unwrap_or(zone)
    }

    /// A device's zone; the first one stands in for one that has left the configuration.
    pub fn zone(&self, device: &ClientDevice) -> Option<&ZonePolicy> {
        let name = device.zone.as_ref().unwrap_or(&self.first_zone);
        self.zones.get(name).or_else(|| self.zones.get(&self.first_zone))
    }
}
