use crate::domain::{ClientDevice, ClientRates, ClientSession, CloseReason, Mbps, Now, SessionState};

use super::words;

/// What a guest's page is about: where the device stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not a device of this network, as far as the router can tell.
    Stranger,
    /// Shut out by an operator.
    Blocked,
    /// Let through.
    Online(SessionView),
    /// Captive, with something to connect on.
    Ready(SessionView),
    /// Captive; what it had is gone.
    UsedUp(EndedView),
    /// Captive, nothing yet.
    New,
}

/// A usable session, in a guest's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Time left, if time limits it.
    pub time: Option<Meter>,
    /// Data left, if data limits it.
    pub data: Option<Meter>,
    /// Its speeds; empty if nothing limits them.
    pub speed: String,
    /// Until when it can be used; empty if for ever.
    pub validity: String,
    /// Whether it has run before.
    pub started: bool,
    /// How many more wait behind it.
    pub more: usize,
}

/// How much is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// In milliseconds or bytes.
    pub left: u64,
    /// For the eye.
    pub left_text: String,
    /// For reading aloud.
    pub spoken: String,
    /// The whole limit.
    pub whole_text: String,
    /// Of the whole, 0 to 100.
    pub percent: u8,
}

/// A session that has ended, in a guest's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedView {
    /// Why, as a sentence.
    pub why: &'static str,
    /// What was used of what.
    pub used: Vec<String>,
}

impl Standing {
    /// From the device, its usable sessions in the order of `Handle::usable_sessions`, and the last one that ended.
    pub fn of(
        device: &ClientDevice,
        usable: &[ClientSession],
        ended: Option<&ClientSession>,
        zone: ClientRates,
        now: Now,
    ) -> Self {
        if device.blocked {
            return Self::Blocked;
        }
        let more = usable.len().saturating_sub(1);
        if let Some(session) = usable.iter().find(|session| session.is_running()) {
            return Self::Online(SessionView::new(session, zone, more, now));
        }
        if let Some(session) = usable.first() {
            return Self::Ready(SessionView::new(session, zone, more, now));
        }
        ended.and_then(EndedView::new).map_or(Self::New, Self::UsedUp)
    }

    /// Its name, for the page's script and for styling.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Blocked => "blocked",
            Self::Online(_) => "online",
            Self::Ready(_) => "ready",
            Self::UsedUp(_) => "used-up",
            Self::New => "new",
        }
    }

    /// The page's heading.
    pub const fn heading(&self) -> &'static str {
        match self {
            Self::Stranger => "We cannot see your device",
            Self::Blocked => "This device is blocked",
            Self::Online(_) => "You are online",
            Self::Ready(session) if session.started => "Your access is paused",
            Self::Ready(_) => "Your access is ready",
            Self::UsedUp(_) => "Your access has ended",
            Self::New => "Welcome",
        }
    }

    /// All of it that the live numbers do not cover.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Online(session) | Self::Ready(session) => {
                let whole = |meter: &Option<Meter>| meter.as_ref().map(|meter| meter.whole_text.clone());
                // What a provider offers is made when it is used, and has no id to tell it by until then.
                let id = if matches!(self, Self::Online(_)) { session.id.as_str() } else { "" };
                format!(
                    "{} {id} {} {} {} {}",
                    self.name(),
                    whole(&session.time).unwrap_or_default(),
                    whole(&session.data).unwrap_or_default(),
                    session.speed,
                    session.more
                )
            }
            Self::Stranger | Self::Blocked | Self::UsedUp(_) | Self::New => self.name().to_owned(),
        }
    }
}

impl SessionView {
    pub(super) fn new(session: &ClientSession, zone: ClientRates, more: usize, now: Now) -> Self {
        let terms = &session.terms;
        // The books are read once a second; time goes on in between, and no number may jump back.
        let running_ms = match &session.state {
            SessionState::Running(checkpoint) => now.boot.millis_since(checkpoint.at),
            SessionState::Available
            | SessionState::Paused(_)
            | SessionState::Consumed
            | SessionState::Expired
            | SessionState::Closed(..) => 0,
        };
        let time = terms.time_limit_ms.map(|whole| {
            let left = session.time_left_ms().unwrap_or(0).saturating_sub(running_ms);
            Meter {
                left,
                left_text: words::time(left),
                spoken: words::spoken_time(left),
                whole_text: words::time(whole),
                percent: words::percent(left, whole),
            }
        });
        let data = terms.data_limit_bytes.map(|whole| {
            let left = session.data_left_bytes().unwrap_or(0);
            Meter {
                left,
                left_text: words::data(left),
                spoken: words::data(left),
                whole_text: words::round_data(whole),
                percent: words::percent(left, whole),
            }
        });
        let rates =
            if terms.use_global_speed { zone } else { ClientRates { down: terms.down, up: terms.up } };
        Self {
            id: session.id.to_string(),
            time,
            data,
            speed: speed(rates),
            validity: validity(session, now),
            started: session.started_at.is_some(),
            more,
        }
    }
}

impl EndedView {
    /// `None` for a session that is still usable.
    fn new(session: &ClientSession) -> Option<Self> {
        let why = match &session.state {
            SessionState::Consumed => "You have used it up.",
            SessionState::Expired | SessionState::Closed(CloseReason::Expired, _) => "Its days are over.",
            SessionState::Closed(CloseReason::Time, _) => "The time is used up.",
            SessionState::Closed(CloseReason::Data, _) => "The data is used up.",
            SessionState::Closed(CloseReason::Operator, _) => "The staff ended it.",
            SessionState::Closed(CloseReason::Revoked, _) => "Its voucher was withdrawn.",
            SessionState::Closed(CloseReason::Moved, _) => "It was moved to another device.",
            SessionState::Available | SessionState::Running(_) | SessionState::Paused(_) => return None,
        };
        let time = session.terms.time_limit_ms.map(|whole| {
            format!("{} of {} used", words::time(session.usage.time_ms.min(whole)), words::time(whole))
        });
        let data = session.terms.data_limit_bytes.map(|whole| {
            let used = session.usage.data_bytes().min(whole);
            format!("{} of {} used", words::round_data(used), words::round_data(whole))
        });
        Some(Self { why, used: time.into_iter().chain(data).collect() })
    }
}

fn speed(rates: ClientRates) -> String {
    let mbps = |rate: Mbps| format!("{} Mbit/s", rate.as_mbps());
    match (rates.down, rates.up) {
        (None, None) => String::new(),
        (Some(down), None) => format!("Up to {} down", mbps(down)),
        (None, Some(up)) => format!("Up to {} up", mbps(up)),
        (Some(down), Some(up)) if down == up => format!("Up to {}", mbps(down)),
        (Some(down), Some(up)) => format!("Up to {} down, {} up", mbps(down), mbps(up)),
    }
}

fn validity(session: &ClientSession, now: Now) -> String {
    match (session.expires_at, session.terms.exp_days) {
        (Some(end), _) => {
            let left = u64::try_from(end.0.saturating_sub(now.wall.0)).unwrap_or(0);
            format!("Can be used for another {}", words::spoken_time(left))
        }
        (None, Some(1)) => "Can be used for 1 day from the first connect".to_owned(),
        (None, Some(days)) => format!("Can be used for {days} days from the first connect"),
        (None, None) => String::new(),
    }
}
