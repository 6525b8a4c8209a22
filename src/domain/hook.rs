//! Webhooks: who is told over HTTP what happens to sessions, which of it, and how much of it.

use std::fmt;
use std::str::FromStr;

use super::{Filter, FixedKey, HookId, Listener, Select, SessionEventKind, Text, Told, WebUrl};
use super::{SessionEvent, filter::FilterError};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its id.
    pub id: HookId,
    /// What the operator calls it; no other is called so.
    pub name: Text,
    /// Where its events go.
    pub url: WebUrl,
    /// Which sessions it is told of; `None`: of all.
    pub filter: Option<HookFilter>,
    /// Which kinds of events it is told.
    pub kinds: HookKinds,
    /// Which properties it is told.
    pub properties: Select,
    /// Whether it is told anything at present.
    pub enabled: bool,
}

impl Hook {
    /// The longest name, in characters.
    pub const MAX_NAME_CHARS: usize = 64;

    /// Itself for the audit log. Its address may hold a secret behind the host.
    pub fn brief(&self) -> String {
        let enabled = if self.enabled { "enabled" } else { "disabled" };
        format!("{} to {}, {enabled}", self.name, self.url.authority())
    }

    /// A new one of what was written of it: of all events with all properties, and enabled, unless that says otherwise.
    /// `None` if it has no name or no address.
    pub fn new(id: HookId, fields: HookPatch) -> Option<Self> {
        Some(Self {
            id,
            name: fields.name?,
            url: fields.url?,
            filter: fields.filter.flatten(),
            kinds: fields.kinds.unwrap_or_else(HookKinds::all),
            properties: fields.properties.unwrap_or_else(Select::everything),
            enabled: fields.enabled.unwrap_or(true),
        })
    }

    /// Whom its events are for.
    pub fn listener(&self) -> Listener {
        let filter = self.filter.as_ref().map_or_else(Filter::all, |filter| filter.0.clone());
        Listener::new(filter, self.properties.clone(), None)
    }

    /// What it is told of an event, if anything; `listener` is [`Hook::listener`].
    pub fn hear<'e>(&self, listener: &Listener, event: &'e SessionEvent) -> Option<Told<'e>> {
        listener.hear(event).filter(|told| self.kinds.wants(told.kind))
    }
}

/// A filter of a hook: one that only looks at what changes with an event, so that every event says by itself whether the
/// session matched before and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFilter(Filter);

/// Why a text is no [`HookFilter`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookFilterError {
    /// It is no filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// It looks at what changes by itself.
    #[error("{} changes by itself, without an event: a hook's filter cannot look at it", .0.as_str())]
    Flows(FixedKey),
}

impl FromStr for HookFilter {
    type Err = HookFilterError;

    fn from_str(text: &str) -> Result<Self, HookFilterError> {
        let filter = Filter::parse(text)?;
        let flowing = filter.keys().filter_map(FixedKey::from_name).find(|key| key.flows());
        match flowing {
            Some(key) => Err(HookFilterError::Flows(key)),
            None => Ok(Self(filter)),
        }
    }
}

impl fmt::Display for HookFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of events that a hook is told; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookKinds(Vec<SessionEventKind>);

impl HookKinds {
    /// Every kind.
    pub fn all() -> Self {
        Self(SessionEventKind::ALL.iter().map(|(kind, _)| *kind).collect())
    }

    /// Those of these names, in any order; `None` if there is none among them, or one that is not known.
    pub fn from_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let wanted: Vec<SessionEventKind> =
            names.into_iter().map(SessionEventKind::from_name).collect::<Option<_>>()?;
        let kinds: Vec<SessionEventKind> = SessionEventKind::ALL
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| wanted.contains(kind))
            .collect();
        (!kinds.is_empty()).then_some(Self(kinds))
    }

    /// Whether this kind is among them.
    pub fn wants(&self, kind: SessionEventKind) -> bool {
        self.0.contains(&kind)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|kind| kind.as_str()).collect()
    }
}

/// What a hook's requests are signed with: visible characters, known to the receiver too. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(String);

/// Why a text is no [`HookSecret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have {} to {} visible ASCII characters", HookSecret::MIN_CHARS, HookSecret::MAX_CHARS)]
pub struct HookSecretError;

impl HookSecret {
    /// The shortest, in characters.
    pub const MIN_CHARS: usize = 16;
    /// The longest, in characters.
    pub const MAX_CHARS: usize = 256;
    /// Random bytes of one that turnpike makes.
    pub const RANDOM_BYTES: usize = 32;

    /// The text for these random bytes: hexadecimal digits.
    pub fn of_random(bytes: [u8; Self::RANDOM_BYTES]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The text; its bytes are the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HookSecret {
    type Err = HookSecretError;

    fn from_str(text: &str) -> Result<Self, HookSecretError> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.len());
        (is_visible && fits).then(|| Self(text.to_owned())).ok_or(HookSecretError)
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookSecret(…)")
    }
}

/// What changes about a hook; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookPatch {
    /// What it is called.
    pub name: Option<Text>,
    /// Where its events go.
    pub url: Option<WebUrl>,
    /// What they are signed with.
    pub secret: Option<HookSecret>,
    /// Which sessions it is told of; `Some(None)`: of all.
    pub filter: Option<Option<HookFilter>>,
    /// Which kinds of events.
    pub kinds: Option<HookKinds>,
    /// Which properties.
    pub properties: Option<Select>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

impl HookPatch {
    /// Changes a hook and its secret.
    pub fn apply(self, hook: &mut Hook, secret: &mut HookSecret) {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(&mut hook.name, self.name);
        put(&mut hook.url, self.url);
        put(&mut hook.filter, self.filter);
        put(&mut hook.kinds, self.kinds);
        put(&mut hook.properties, self.properties);
        put(&mut hook.enabled, self.enabled);
        put(secret, self.secret);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{DeviceId, SessionId, WallTime};

    fn hook(filter: Option<&str>, kinds: &[&str]) -> Hook {
        Hook {
            id: HookId::new(uuid::Uuid::nil()),
            name: Text::new("till"),
            url: "http://127.0.0.1/".parse().unwrap(),
            filter: filter.map(|filter| filter.parse().unwrap()),
            kinds: HookKinds::from_names(kinds.iter().copied()).unwrap(),
            properties: Select::everything(),
            enabled: true,
        }
    }

    #[test]
    fn a_hook_hears_what_its_filter_and_its_kinds_select() {
        let event = SessionEvent {
            at: WallTime(0),
            session: SessionId::new(uuid::Uuid::nil()),
            device: DeviceId::new(uuid::Uuid::nil()),
            kind: SessionEventKind::Update,
            reason: None,
            properties: BTreeMap::from([("desk".into(), "2".to_owned())]),
            previous: BTreeMap::from([("desk".into(), Some("1".to_owned()))]),
        };
        let told = |filter, kinds: &[&str]| {
            let hook = hook(filter, kinds);
            hook.hear(&hook.listener(), &event).map(|told| told.kind)
        };
        assert_eq!(told(None, &["update"]), Some(SessionEventKind::Update));
        assert_eq!(told(None, &["open", "close"]), None);
        // It ceases to match: for this hook that is a close.
        assert_eq!(told(Some("desk is '1'"), &["close"]), Some(SessionEventKind::Close));
        assert_eq!(told(Some("desk is '1'"), &["update"]), None);
        assert_eq!(told(Some("desk is '3'"), &["update", "close"]), None);
    }

    #[test]
    fn a_filter_on_what_flows_is_refused_by_the_name_of_it() {
        let error = "$Zone is 'a' and $TimeLeft lt '60'".parse::<HookFilter>().unwrap_err();
        assert!(error.to_string().starts_with("$TimeLeft changes by itself"), "{error}");
        assert!("desk is".parse::<HookFilter>().is_err());
        assert_eq!("desk is '1'".parse::<HookFilter>().unwrap().to_string(), "desk is \"1\"");
    }

    #[test]
    fn kinds_are_known_and_at_least_one() {
        assert_eq!(HookKinds::from_names(["close", "open", "open"]).unwrap().names(), ["open", "close"]);
        assert_eq!(HookKinds::from_names([]), None);
        assert_eq!(HookKinds::from_names(["open", "boom"]), None);
        assert_eq!(HookKinds::all().names().len(), SessionEventKind::ALL.len());
    }

    #[test]
    fn a_secret_is_long_enough_visible_and_never_printed() {
        let made = HookSecret::of_random([0xab; 32]);
        assert_eq!(made.as_str(), "ab".repeat(32));
        assert_eq!(format!("{made:?}"), "HookSecret(…)");
        assert!("0123456789abcdef".parse::<HookSecret>().is_ok());
        for wrong in ["", "short", "0123456789abcde\n", "0123456789 abcdef", &"x".repeat(257)] {
            assert!(wrong.parse::<HookSecret>().is_err(), "{wrong:?}");
        }
    }
}
