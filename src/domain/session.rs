use std::collections::{BTreeMap, BTreeSet};

use super::{
    AtEnd, BootId, BootTime, ClientKey, DeviceId, ProviderName, SessionId, SessionTerms, Text, Usage,
    WallTime,
};

/// Access that was bought or granted to one device.
///
/// Plain data: only [`super::SessionsMgr`] changes one; whoever asks gets a copy.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub device: DeviceId,
    /// Where it came from.
    pub provider: ProviderName,
    /// The provider's own name for it, when its source lives elsewhere; usage is then saved back there.
    pub source: Option<String>,
    /// The number of the last save to the source; a receiver ignores a number it has seen.
    pub source_seq: u64,
    /// What it grants.
    pub terms: SessionTerms,
    /// What is consumed, as of the checkpoint while it runs.
    pub usage: Usage,
    /// What of it passed while a role made it unmetered: counted, not consumed.
    pub free: Usage,
    /// Where it stands.
    pub state: SessionState,
    /// When it was made.
    pub created_at: WallTime,
    /// When it first ran.
    pub started_at: Option<WallTime>,
    /// When it last began to run.
    pub resumed_at: Option<WallTime>,
    /// When it ends whatever is left, by the wall clock.
    pub expires_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// What happens when it is used up.
    pub at_end: AtEnd,
    /// Whether it is how another one goes on that was used up: it runs when no other is left.
    pub slowed: bool,
    /// The plan it was sold under.
    pub plan: Option<String>,
    /// The account or voucher batch behind it.
    pub principal: Option<String>,
    /// The code it was bought with, as printed.
    pub voucher: Option<String>,
    /// User-defined properties, and the fixed ones that were set by hand.
    pub properties: BTreeMap<String, String>,
    /// Roles.
    pub roles: BTreeSet<String>,
}

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// Never started.
    Available,
    /// In use; `usage` was true at the checkpoint.
    Running(Checkpoint),
    /// Started, not in use: nothing is consumed.
    Paused(PauseReason),
    /// Time or data used up.
    Consumed,
    /// Its days are over.
    Expired,
    /// Ended by somebody.
    Closed(CloseReason, Text),
}

impl SessionState {
    /// The names of all.
    pub const NAMES: [&str; 6] = ["available", "running", "paused", "consumed", "expired", "closed"];

    /// Why it is paused or closed, and in whose words.
    pub fn reason(&self) -> (Option<&'static str>, Option<&Text>) {
        match self {
            Self::Paused(reason) => (Some(reason.as_str()), None),
            Self::Closed(reason, text) => (Some(reason.as_str()), Some(text).filter(|text| !text.is_empty())),
            Self::Available | Self::Running(_) | Self::Consumed | Self::Expired => (None, None),
        }
    }

    /// The name in API, CLI and store.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Running(_) => "running",
            Self::Paused(_) => "paused",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Closed(..) => "closed",
        }
    }
}

/// The instant at which a running session's `usage` was true: consumption since then is the difference to it.
///
/// It is stored with the usage, so that a restarted daemon goes on to the byte, and a new boot id shows that the rest is
/// gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The boot that the two below belong to.
    pub boot_id: BootId,
    /// CLOCK_BOOTTIME then.
    pub at: BootTime,
    /// The client's key in the kernel.
    pub key: ClientKey,
    /// The kernel's counter of bytes sent then.
    pub sent_bytes: u64,
    /// The kernel's counter of bytes received then.
    pub received_bytes: u64,
}

/// Why a session was paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseReason {
    /// The client or an operator asked.
    Asked,
    /// Nothing passed for the zone's `idle_timeout_secs`.
    Idle,
    /// The device left the network.
    Away,
    /// The router restarted: it resumes when the device is seen.
    Reboot,
    /// The device was blocked.
    Blocked,
    /// Its zone closed, by its opening hours.
    OpeningHours,
}

impl PauseReason {
    /// Every reason, with its name in API, events and store.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Asked, "asked"),
        (Self::Idle, "idle"),
        (Self::Away, "away"),
        (Self::Reboot, "reboot"),
        (Self::Blocked, "blocked"),
        (Self::OpeningHours, "opening_hours"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("asked", |(_, name)| name)
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(reason, _)| *reason)
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// Its time is used up.
    Time,
    /// Its data is used up.
    Data,
    /// Its days are over.
    Expired,
    /// An operator closed it.
    Operator,
    /// What it was granted by was revoked.
    Revoked,
    /// Its balance moved to another device.
    Moved,
}

impl CloseReason {
    /// Every reason, with its name in API, events and store.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Time, "time"),
        (Self::Data, "data"),
        (Self::Expired, "expired"),
        (Self::Operator, "operator"),
        (Self::Revoked, "revoked"),
        (Self::Moved, "moved"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("operator", |(_, name)| name)
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(reason, _)| *reason)
    }
}

impl ClientSession {
    /// The longest name of whom a session belongs to, in characters.
    pub const MAX_PRINCIPAL_CHARS: usize = 200;

    /// Reads the name of whom a session belongs to; nothing is nobody.
    ///
    /// # Errors
    ///
    /// What would be right, in words.
    pub fn read_principal(name: &str) -> Result<Option<String>, String> {
        if name.chars().count() > Self::MAX_PRINCIPAL_CHARS || name.contains(char::is_control) {
            let most = Self::MAX_PRINCIPAL_CHARS;
            return Err(format!("at most {most} characters, none of them a control character"));
        }
        Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
    }

    /// A session that has never run.
    pub fn new(
        id: SessionId,
        device: DeviceId,
        provider: ProviderName,
        terms: SessionTerms,
        created_at: WallTime,
    ) -> Self {
        Self {
            id,
            device,
            provider,
            source: None,
            source_seq: 0,
            terms,
            usage: Usage::default(),
            free: Usage::default(),
            state: SessionState::Available,
            created_at,
            started_at: None,
            resumed_at: None,
            expires_at: None,
            ended_at: None,
            at_end: AtEnd::CutOff,
            slowed: false,
            plan: None,
            principal: None,
            voucher: None,
            properties: BTreeMap::new(),
            roles: BTreeSet::new(),
        }
    }

    /// Whether it could be connected on: running, paused or never started.
    pub const fn is_usable(&self) -> bool {
        matches!(self.state, SessionState::Available | SessionState::Running(_) | SessionState::Paused(_))
    }

    /// Whether it is in use.
    pub const fn is_running(&self) -> bool {
        matches!(self.state, SessionState::Running(_))
    }

    /// Milliseconds consumed: what its time limit is compared with.
    pub const fn consumed_ms(&self) -> u64 {
        self.usage.time_ms.saturating_sub(self.free.time_ms)
    }

    /// Bytes consumed: what its data limit is compared with.
    pub const fn consumed_bytes(&self) -> u64 {
        self.usage.data_bytes().saturating_sub(self.free.data_bytes())
    }

    /// What it has consumed. None of the three ever shrinks.
    pub const fn consumed(&self) -> Usage {
        Usage {
            time_ms: self.consumed_ms(),
            sent_bytes: self.usage.sent_bytes.saturating_sub(self.free.sent_bytes),
            received_bytes: self.usage.received_bytes.saturating_sub(self.free.received_bytes),
        }
    }

    /// Milliseconds that it has run since its books were read: they are not in its usage yet.
    pub fn unspent_ms(&self, now: BootTime) -> u64 {
        match &self.state {
            SessionState::Running(checkpoint) => now.millis_since(checkpoint.at),
            SessionState::Available
            | SessionState::Paused(_)
            | SessionState::Consumed
            | SessionState::Expired
            | SessionState::Closed(..) => 0,
        }
    }

    /// Milliseconds left of its time; `None` if time does not limit it.
    pub fn time_left_ms(&self) -> Option<u64> {
        self.terms.time_limit_ms.map(|limit| limit.saturating_sub(self.consumed_ms()))
    }

    /// Bytes left of its data; `None` if data does not limit it.
    pub fn data_left_bytes(&self) -> Option<u64> {
        self.terms.data_limit_bytes.map(|limit| limit.saturating_sub(self.consumed_bytes()))
    }

    /// Counts so many milliseconds of running. Consumed time ends at the limit; a source may have lowered that below what
    /// was consumed already.
    pub fn spend(&mut self, millis: u64, unmetered: bool) {
        if unmetered {
            self.usage.time_ms = self.usage.time_ms.saturating_add(millis);
            self.free.time_ms = self.free.time_ms.saturating_add(millis);
        } else {
            let limit = self.terms.time_limit_ms.unwrap_or(u64::MAX).saturating_add(self.free.time_ms);
            let limit = limit.max(self.usage.time_ms);
            self.usage.time_ms = self.usage.time_ms.saturating_add(millis).min(limit);
        }
    }
}
