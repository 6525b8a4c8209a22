use std::borrow::Cow;

use super::{FixedKey, SessionView};
use crate::domain::filter::Lookup;
use crate::domain::{
    BootTime, ClientDevice, ClientSession, Policies, ProviderName, SessionId, SessionTerms, WallTime,
};

/// A device as the properties of its session show it; of one without a session, what can be said of a device alone.
#[derive(Debug)]
pub struct DeviceView<'a> {
    device: &'a ClientDevice,
    session: Option<&'a ClientSession>,
    /// Stands in where there is no session: only what it does not decide is looked at.
    nobody: ClientSession,
    policies: &'a Policies,
    now: BootTime,
}

impl<'a> DeviceView<'a> {
    /// Of a device and the session that it runs, or else would run.
    pub fn new(
        device: &'a ClientDevice,
        session: Option<&'a ClientSession>,
        policies: &'a Policies,
        now: BootTime,
    ) -> Self {
        let id = SessionId::new(uuid::Uuid::nil());
        let nobody =
            ClientSession::new(id, device.id, ProviderName::new(""), SessionTerms::unlimited(), WallTime(0));
        Self { device, session, nobody, policies, now }
    }
}

/// Whether a fixed property says something of the device or the gateway, whatever the session.
const fn is_of_device(key: FixedKey) -> bool {
    matches!(
        key,
        FixedKey::DeviceId
            | FixedKey::Mac
            | FixedKey::ClientIp
            | FixedKey::Hostname
            | FixedKey::Zone
            | FixedKey::Connector
            | FixedKey::Roles
            | FixedKey::Gateway
            | FixedKey::ServerName
            | FixedKey::Interface
            | FixedKey::ClientType
            | FixedKey::Transport
            | FixedKey::Country
            | FixedKey::Latitude
            | FixedKey::Longitude
            | FixedKey::Language
    )
}

impl Lookup for DeviceView<'_> {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        let Some(session) = self.session else {
            let key = FixedKey::from_name(key).filter(|key| is_of_device(*key))?;
            return SessionView::new(&self.nobody, self.device, self.policies, self.now).fixed(key);
        };
        let view = SessionView::new(session, self.device, self.policies, self.now);
        match FixedKey::from_name(key) {
            Some(key) => view.fixed(key),
            None if key.starts_with('$') => None,
            None => session.properties.get(key).map(|value| Cow::Borrowed(value.as_str())),
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.device.roles.contains(role) || self.session.is_some_and(|session| session.roles.contains(role))
    }
}
