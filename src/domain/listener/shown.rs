use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{FixedKey, Lookup, SessionEvent};
use crate::domain::roles;

pub(super) type Previous<'e> = BTreeMap<&'e str, Option<&'e str>>;

/// A session as an event shows it, for a filter.
pub(super) struct Shown<'e> {
    event: &'e SessionEvent,
    before: bool,
}

impl<'e> Shown<'e> {
    /// As it was before the event.
    pub(super) const fn before(event: &'e SessionEvent) -> Self {
        Self { event, before: true }
    }

    /// As it is after it.
    pub(super) const fn after(event: &'e SessionEvent) -> Self {
        Self { event, before: false }
    }

    fn value(&self, key: &str) -> Option<&'e str> {
        match self.event.previous.get(key) {
            Some(previous) if self.before => previous.as_deref(),
            _ => self.event.properties.get(key).map(String::as_str),
        }
    }
}

impl Lookup for Shown<'_> {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.value(key).map(Cow::Borrowed)
    }

    fn has_role(&self, role: &str) -> bool {
        let roles = self.value(FixedKey::Roles.as_str()).unwrap_or_default();
        // Written by `roles::canonical`, so it can be read.
        !roles.is_empty() && roles::parse(roles).is_ok_and(|roles| roles.contains(role))
    }
}
