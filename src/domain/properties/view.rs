use std::borrow::Cow;

use super::{FixedKey, PropertyMap, Select};
use crate::domain::filter::Lookup;
use crate::domain::{BootTime, ClientDevice, ClientSession, Mbps, Policies, Text, ZoneName, roles};

/// A session with its device, as its properties show it.
#[derive(Debug, Clone, Copy)]
pub struct SessionView<'a> {
    session: &'a ClientSession,
    device: &'a ClientDevice,
    policies: &'a Policies,
    now: BootTime,
}

impl<'a> SessionView<'a> {
    /// As of `now`: time used by a running session goes on since its checkpoint.
    pub const fn new(
        session: &'a ClientSession,
        device: &'a ClientDevice,
        policies: &'a Policies,
        now: BootTime,
    ) -> Self {
        Self { session, device, policies, now }
    }

    /// A fixed property; `None` if it is not set.
    pub fn fixed(&self, key: FixedKey) -> Option<Cow<'a, str>> {
        let (session, device, gateway) = (self.session, self.device, &self.policies.gateway);
        let live = session.is_usable();
        let text = |text: &'a Text| Cow::Borrowed(text.as_str());
        let set = || session.properties.get(key.as_str()).map(|value| Cow::Borrowed(value.as_str()));
        let degrees =
            |degrees: Option<f64>| Cow::Owned(degrees.map_or_else(|| "NaN".to_owned(), |it| it.to_string()));
        let speed = |speed: Option<Mbps>| Cow::Owned(millionths(speed.map_or(0, Mbps::bits_per_sec)));
        Some(match key {
            FixedKey::SessionId => Cow::Owned(session.id.to_string()),
            FixedKey::DeviceId => Cow::Owned(device.id.to_string()),
            FixedKey::Mac => Cow::Owned(device.mac.to_string()),
            FixedKey::ClientIp => {
                let v4 = device.ipv4.first().map(ToString::to_string);
                let address = v4.or_else(|| device.ipv6.first().map(ToString::to_string));
                Cow::Owned(address.filter(|_| live)?)
            }
            FixedKey::Hostname => device.hostname.as_ref().map(text)?,
            FixedKey::Zone | FixedKey::Connector => {
                Cow::Borrowed(device.zone.as_ref().map(ZoneName::as_str)?)
            }
            FixedKey::State => Cow::Borrowed(session.state.as_str()),
            FixedKey::Kind => Cow::Borrowed(session.terms.kind.as_str()),
            FixedKey::Provider => Cow::Borrowed(session.provider.as_str()),
            FixedKey::Principal => Cow::Borrowed(session.principal.as_deref().unwrap_or_default()),
            FixedKey::Roles => Cow::Owned(roles::canonical(session.roles.union(&device.roles))),
            FixedKey::Gateway | FixedKey::ServerName => text(&gateway.name),
            FixedKey::Interface => device.interface.as_ref().filter(|_| live).map(text)?,
            FixedKey::StartTime => Cow::Owned(session.started_at?.0.to_string()),
            FixedKey::ClientType => Cow::Borrowed(device.client_type.map_or("OTHER", |it| it.as_str())),
            FixedKey::Transport => live.then_some(Cow::Borrowed(device.transport.as_str()))?,
            FixedKey::Country => set().unwrap_or_else(|| text(&gateway.country)),
            FixedKey::Latitude => set().unwrap_or_else(|| degrees(gateway.latitude)),
            FixedKey::Longitude => set().unwrap_or_else(|| degrees(gateway.longitude)),
            FixedKey::Language => {
                let own = || device.language.as_ref().map(text);
                set().or_else(own).unwrap_or_default()
            }
            FixedKey::TimeLeft => Cow::Owned((self.time_left_ms()? / 1000).to_string()),
            FixedKey::DataLeft => Cow::Owned(millionths(session.data_left_bytes()?)),
            FixedKey::TimeUsed => Cow::Owned((self.time_used_ms() / 1000).to_string()),
            FixedKey::DataUsed => Cow::Owned(millionths(session.usage.data_bytes())),
            FixedKey::DownMbps if live => speed(self.policies.rates(session, device).down),
            FixedKey::UpMbps if live => speed(self.policies.rates(session, device).up),
            FixedKey::DownMbps => speed(session.terms.down),
            FixedKey::UpMbps => speed(session.terms.up),
            FixedKey::Plan => Cow::Borrowed(session.plan.as_deref()?),
            FixedKey::Voucher => Cow::Borrowed(session.voucher.as_deref()?),
            FixedKey::CreatedAt => Cow::Owned(session.created_at.0.to_string()),
            FixedKey::ExpiresAt => Cow::Owned(session.expires_at?.0.to_string()),
        })
    }

    /// All that are wanted and set.
    pub fn map(&self, wanted: &Select) -> PropertyMap {
        let fixed = FixedKey::ALL
            .iter()
            .filter(|key| wanted.wants(key.as_str()))
            .filter_map(|key| Some((Cow::Borrowed(key.as_str()), self.fixed(*key)?.into_owned())));
        let user = self
            .session
            .properties
            .iter()
            .filter(|(key, _)| !key.starts_with('$') && wanted.wants(key))
            .map(|(key, value)| (Cow::Owned(key.clone()), value.clone()));
        fixed.chain(user).collect()
    }

    fn time_used_ms(&self) -> u64 {
        let used = self.session.usage.time_ms.saturating_add(self.session.unspent_ms(self.now));
        let limit = self.session.terms.time_limit_ms.unwrap_or(u64::MAX);
        let unmetered = self.policies.is_unmetered(self.session, self.device);
        let most = if unmetered { u64::MAX } else { limit.saturating_add(self.session.free.time_ms) };
        used.min(most.max(self.session.usage.time_ms))
    }

    fn time_left_ms(&self) -> Option<u64> {
        let left = self.session.time_left_ms()?;
        if self.policies.is_unmetered(self.session, self.device) {
            return Some(left);
        }
        Some(left.saturating_sub(self.session.unspent_ms(self.now)))
    }
}

impl Lookup for SessionView<'_> {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        match FixedKey::from_name(key) {
            Some(key) => self.fixed(key),
            None if key.starts_with('$') => None,
            None => self.session.properties.get(key).map(|value| Cow::Borrowed(value.as_str())),
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.session.roles.contains(role) || self.device.roles.contains(role)
    }
}

/// A number of millionths as a decimal without trailing zeros: bytes as MB, bit/s as Mbit/s.
pub fn millionths(value: u64) -> String {
    let (whole, rest) = (value / 1_000_000, value % 1_000_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:06}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millionths_are_written_without_trailing_zeros() {
        for (value, text) in
            [(0, "0"), (10_000_000, "10"), (1_500_000, "1.5"), (1, "0.000001"), (9_999_999, "9.999999")]
        {
            assert_eq!(millionths(value), text);
        }
    }
}
