use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{DeviceId, PropertyMap, SessionId, WallTime};

/// Something that a session's properties show, as listeners are told it.
///
/// Written in the transaction that makes it so, numbered without a gap. Whole properties: what a listener chose of them,
/// and whether its filter matched before and after, is decided for each listener.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionEvent {
    /// When, by the wall clock.
    pub at: WallTime,
    /// The session.
    pub session: SessionId,
    /// Its device.
    pub device: DeviceId,
    /// What happened.
    pub kind: SessionEventKind,
    /// Why it is disconnected or closed: the name of a reason.
    pub reason: Option<Cow<'static, str>>,
    /// All properties that are set after it.
    pub properties: PropertyMap,
    /// Those that changed, as they were before; `None` if it was not set.
    pub previous: BTreeMap<Cow<'static, str>, Option<String>>,
}

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionEventKind {
    /// It was made.
    Open,
    /// Properties changed.
    Update,
    /// Its device went silent, left or was cut off; the session is not over.
    Disconnected,
    /// Its device came back before it was over.
    Reconnected,
    /// Another gateway goes on with it; reserved for a fleet.
    FailedOver,
    /// It is over.
    Close,
}

impl SessionEventKind {
    /// Every kind, with its name in API and store.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Open, "open"),
        (Self::Update, "update"),
        (Self::Disconnected, "disconnected"),
        (Self::Reconnected, "reconnected"),
        (Self::FailedOver, "failed_over"),
        (Self::Close, "close"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("update", |(_, name)| name)
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl SessionEvent {
    /// What listeners are told when this is taken back.
    pub fn reversed(&self, at: WallTime) -> Self {
        let (kind, reason) = match self.kind {
            SessionEventKind::Open => (SessionEventKind::Close, Some(Cow::Borrowed("deleted"))),
            SessionEventKind::Close => (SessionEventKind::Open, None),
            SessionEventKind::Disconnected => (SessionEventKind::Reconnected, None),
            SessionEventKind::Reconnected => (SessionEventKind::Disconnected, Some(Cow::Borrowed("undone"))),
            SessionEventKind::Update | SessionEventKind::FailedOver => (SessionEventKind::Update, None),
        };
        let (mut properties, mut previous) = (self.properties.clone(), BTreeMap::new());
        for (key, before) in &self.previous {
            let undone = match before {
                Some(value) => properties.insert(key.clone(), value.clone()),
                None => properties.remove(key),
            };
            previous.insert(key.clone(), undone);
        }
        if matches!(kind, SessionEventKind::Open) {
            previous.clear();
        }
        Self { at, session: self.session, device: self.device, kind, reason, properties, previous }
    }
}
