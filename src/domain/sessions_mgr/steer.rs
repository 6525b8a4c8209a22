//! What operators and plugins change of one session beyond its terms: properties, roles, principal; texts for its device.

use std::collections::{BTreeMap, BTreeSet};

use super::work::Work;
use crate::domain::{
    Allowed, Change, DeviceId, EventKind, Message, Outcome, PropertyPatch, Refusal, SessionId, Text, roles,
};

/// Roles to add and to take away; a role in both is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePatch {
    /// These.
    pub add: BTreeSet<String>,
    /// Those.
    pub remove: BTreeSet<String>,
}

/// The most roles of a session or a device.
pub(super) const MAX_ROLES: usize = 64;

impl RolePatch {
    /// Carries it out.
    pub(super) fn apply(&self, roles: &mut BTreeSet<String>) -> Result<(), Refusal> {
        let changed: BTreeSet<String> =
            roles.union(&self.add).filter(|role| !self.remove.contains(*role)).cloned().collect();
        if changed.len() > MAX_ROLES {
            return Err(Refusal::TooManyRoles(MAX_ROLES));
        }
        *roles = changed;
        Ok(())
    }
}

impl Work<'_> {
    pub(super) fn set_properties(
        &mut self,
        id: SessionId,
        patch: &PropertyPatch,
    ) -> Result<Outcome, Refusal> {
        let before = self.session(id)?;
        let (device, mut properties) = (before.device, before.properties.clone());
        patch.apply(&mut properties)?;
        let previous: BTreeMap<String, Option<String>> =
            patch.iter().map(|(key, _)| (key.to_owned(), before.properties.get(key).cloned())).collect();
        if properties != before.properties {
            self.change_session(id, |session| session.properties = properties)?;
            let text = patch.iter().map(|(key, _)| key).collect::<Vec<_>>().join(",");
            self.event(EventKind::SessionChanged(vec![("properties", text)]), Some(device), Some(id));
        }
        let session = Box::new(self.session(id)?.clone());
        Ok(Outcome::Previous { session, previous })
    }

    pub(super) fn change_roles(&mut self, id: SessionId, patch: &RolePatch) -> Result<Outcome, Refusal> {
        let before = self.session(id)?;
        let (device, old, mut new) = (before.device, before.roles.clone(), before.roles.clone());
        patch.apply(&mut new)?;
        if new != old {
            self.change_session(id, |session| session.roles = new)?;
            let text = roles::canonical(&old);
            self.event(EventKind::SessionChanged(vec![("roles", text)]), Some(device), Some(id));
        }
        Ok(Outcome::Session(Box::new(self.session(id)?.clone())))
    }

    /// Takes over what the authenticators change of a session that they allow.
    pub(super) fn take_allowed(&mut self, id: SessionId, allowed: &Allowed) -> Result<(), Refusal> {
        if !allowed.properties.is_empty() {
            self.set_properties(id, &allowed.properties)?;
        }
        if allowed.roles != RolePatch::default() {
            self.change_roles(id, &allowed.roles)?;
        }
        Ok(())
    }

    pub(super) fn set_principal(
        &mut self,
        id: SessionId,
        principal: Option<String>,
        allowed: &Allowed,
    ) -> Result<Outcome, Refusal> {
        self.take_allowed(id, allowed)?;
        let before = self.session(id)?;
        let (device, old) = (before.device, before.principal.clone());
        if old != principal {
            self.change_session(id, |session| session.principal = principal)?;
            let text = old.unwrap_or_default();
            self.event(EventKind::SessionChanged(vec![("principal", text)]), Some(device), Some(id));
        }
        Ok(Outcome::Session(Box::new(self.session(id)?.clone())))
    }

    pub(super) fn message(&mut self, message: Message) -> Result<Outcome, Refusal> {
        self.leave(message)?;
        Ok(Outcome::Done)
    }

    /// Stores a text for a device's page, and sends it to the page if it is open.
    pub(super) fn leave(&mut self, message: Message) -> Result<(), Refusal> {
        self.entry(message.device)?;
        self.transition.notices.push((message.device, message.text.clone()));
        self.change(Change::Message(Box::new(message)));
        Ok(())
    }

    /// Ids of the devices of these sessions, each once.
    pub(super) fn devices_of(&self, sessions: &[SessionId]) -> BTreeSet<DeviceId> {
        sessions.iter().filter_map(|id| self.session(*id).ok()).map(|session| session.device).collect()
    }

    /// The text of a message that is the same for many.
    pub(super) fn text_for(&self, device: DeviceId, id: uuid::Uuid, text: &Text, lasts_ms: u64) -> Message {
        let created_at = self.now.wall;
        let lasts = i64::try_from(lasts_ms).unwrap_or(i64::MAX);
        Message { id, device, text: text.clone(), created_at, expires_at: created_at.plus_millis(lasts) }
    }
}
