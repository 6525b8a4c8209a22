use super::{CloseReason, DeviceId, PauseReason, SessionId, Text, WallTime};

/// Something that became true; written in the transaction that makes it so, and sent after the commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, by the wall clock.
    pub at: WallTime,
    /// The device it is about, if any.
    pub device: Option<DeviceId>,
    /// The session it is about, if any.
    pub session: Option<SessionId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A session was made.
    SessionCreated,
    /// A device was let through on a session that had never run.
    SessionConnected,
    /// A device was cut off.
    SessionDisconnected,
    /// A session stopped being in use.
    SessionPaused(PauseReason),
    /// A paused session runs again.
    SessionResumed,
    /// Terms changed; the fields, by their API names, with their previous values as the API writes them.
    SessionChanged(Vec<(&'static str, String)>),
    /// Time or data was used up: the reason says which.
    SessionConsumed(CloseReason),
    /// Its days were over.
    SessionExpired,
    /// Somebody ended it.
    SessionClosed(CloseReason, Text),
    /// It was deleted.
    SessionDeleted,
    /// A device was made known.
    DeviceCreated,
    /// A device's name, zone or addresses changed.
    DeviceUpdated,
    /// A device is let through.
    DeviceConnected,
    /// A device is captive again.
    DeviceDisconnected,
    /// An operator shut a device out.
    DeviceBlocked,
    /// An operator let it back in.
    DeviceUnblocked,
    /// A device was forgotten.
    DeviceDeleted,
    /// The daemon started.
    GatewayStarted,
    /// The kernel had lost or gained something and was put right; how many elements.
    GatewayRecovered(u64),
}

impl EventKind {
    /// The name in API and store.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SessionCreated => "session_created",
            Self::SessionConnected => "session_connected",
            Self::SessionDisconnected => "session_disconnected",
            Self::SessionPaused(_) => "session_paused",
            Self::SessionResumed => "session_resumed",
            Self::SessionChanged(_) => "session_changed",
            Self::SessionConsumed(_) => "session_consumed",
            Self::SessionExpired => "session_expired",
            Self::SessionClosed(..) => "session_closed",
            Self::SessionDeleted => "session_deleted",
            Self::DeviceCreated => "device_created",
            Self::DeviceUpdated => "device_updated",
            Self::DeviceConnected => "device_connected",
            Self::DeviceDisconnected => "device_disconnected",
            Self::DeviceBlocked => "device_blocked",
            Self::DeviceUnblocked => "device_unblocked",
            Self::DeviceDeleted => "device_deleted",
            Self::GatewayStarted => "gateway_started",
            Self::GatewayRecovered(_) => "gateway_recovered",
        }
    }

    /// Why a session is over, if this says that it is.
    pub fn close_reason(&self) -> Option<&'static str> {
        if let Self::SessionConsumed(reason) | Self::SessionClosed(reason, _) = self {
            return Some(reason.as_str());
        }
        matches!(self, Self::SessionExpired).then_some(CloseReason::Expired.as_str())
    }

    /// What it says beyond its name, as (field, value) pairs.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::SessionPaused(reason) => vec![("reason", reason.as_str().to_owned())],
            Self::SessionConsumed(reason) => vec![("reason", reason.as_str().to_owned())],
            Self::SessionClosed(reason, text) => {
                vec![("reason", reason.as_str().to_owned()), ("text", text.as_str().to_owned())]
            }
            Self::SessionChanged(previous) => previous.clone(),
            Self::GatewayRecovered(repairs) => vec![("repairs", repairs.to_string())],
            Self::SessionCreated
            | Self::SessionConnected
            | Self::SessionDisconnected
            | Self::SessionResumed
            | Self::SessionExpired
            | Self::SessionDeleted
            | Self::DeviceCreated
            | Self::DeviceUpdated
            | Self::DeviceConnected
            | Self::DeviceDisconnected
            | Self::DeviceBlocked
            | Self::DeviceUnblocked
            | Self::DeviceDeleted
            | Self::GatewayStarted => Vec::new(),
        }
    }
}
