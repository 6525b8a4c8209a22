use crate::domain::{ClientRates, ClientSession, CloseReason, ProviderName, SessionState, When};

use super::hours::Hours;
use super::reckoning::Reckoning;
use super::words::{Words, percent};

/// What a guest's page is about: where the device stands now.
#[derive(Debug, Clone, PartialEq)]
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

/// A usable session, as a guest's page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Time left of its whole, if time limits it: what lies within its days; in milliseconds.
    pub time: Option<Meter>,
    /// Data left, if data limits it; in bytes.
    pub data: Option<Meter>,
    /// After how many milliseconds it ends by itself if it runs, as far as that is known.
    pub ends_in_ms: Option<u64>,
    /// Whether what it uses is charged; else what is left of it stands still.
    pub metered: bool,
    /// Whether it ends with its days also while nothing is used.
    pub days_count: bool,
    /// Its speeds.
    pub rates: ClientRates,
    /// How long it can be used; `None`: for ever.
    pub validity: Option<Validity>,
    /// Whether it has run before.
    pub started: bool,
    /// What waits behind it.
    pub others: Vec<OtherView>,
}

/// How much is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// What is left.
    pub left: u64,
    /// The whole limit.
    pub whole: u64,
    /// Of the whole, 0 to 100.
    pub percent: u8,
}

/// How little must be left for an open page to say so; `None`: it never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndNotice {
    /// In milliseconds.
    pub time_ms: Option<u64>,
    /// In bytes.
    pub data_bytes: Option<u64>,
}

/// That a session is about to end: less than this is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soon {
    /// So many milliseconds.
    Time(u64),
    /// So many bytes.
    Data(u64),
    /// Not of the session: the zone closes then.
    Closes(When),
}

/// How long a session can be used, whatever is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// For so many milliseconds from now.
    For(u64),
    /// For so many days from its first connect.
    DaysFromStart(u32),
}

/// A session that waits behind the one that the page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherView {
    /// Its id, by which the guest can ask for it.
    pub id: String,
    /// Where it comes from.
    pub provider: ProviderName,
    /// Whether it has run before.
    pub started: bool,
    /// The time that is left, if time limits it; in milliseconds.
    pub time_ms: Option<u64>,
    /// The data that is left, if data limits it.
    pub data_bytes: Option<u64>,
}

/// A session that has ended, as a guest's page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedView {
    /// Why.
    pub why: Ending,
    /// The time that was used, of the whole, if time limited it; in milliseconds.
    pub time_ms: Option<(u64, u64)>,
    /// The data that was used, of the whole, if data limited it.
    pub data_bytes: Option<(u64, u64)>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All of it was used.
    UsedUp,
    /// Its days are over.
    Expired,
    /// The time was used.
    Time,
    /// The data was used.
    Data,
    /// An operator ended it.
    Staff,
    /// Its voucher was revoked.
    Revoked,
    /// It went to another device.
    Moved,
}

impl Standing {
    /// From a device's usable sessions in the order of `Handle::usable_sessions`, and the last one that ended.
    pub fn of(usable: &[ClientSession], ended: Option<&ClientSession>, by: Reckoning<'_>) -> Self {
        if by.device.blocked {
            return Self::Blocked;
        }
        let view = |session: &ClientSession| {
            let others = usable.iter().filter(|other| other.id != session.id);
            SessionView {
                others: others.map(|other| OtherView::new(other, by)).collect(),
                ..SessionView::new(session, by)
            }
        };
        if let Some(session) = usable.iter().find(|session| session.is_running()) {
            return Self::Online(view(session));
        }
        if let Some(session) = usable.first() {
            return Self::Ready(view(session));
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

    /// The page's heading, by its name among the texts.
    pub const fn heading(&self) -> &'static str {
        match self {
            Self::Stranger => "heading-stranger",
            Self::Blocked => "heading-blocked",
            Self::Online(_) => "heading-online",
            Self::Ready(session) if session.started => "heading-paused",
            Self::Ready(_) => "heading-ready",
            Self::UsedUp(_) => "heading-used-up",
            Self::New => "heading-new",
        }
    }

    /// What it has to go online with, or is online on.
    pub const fn session(&self) -> Option<&SessionView> {
        match self {
            Self::Online(session) | Self::Ready(session) => Some(session),
            Self::Stranger | Self::Blocked | Self::UsedUp(_) | Self::New => None,
        }
    }

    /// What the page says before the end of a session that runs, or before the zone closes.
    pub fn soon(&self, notice: EndNotice, hours: Hours) -> Option<Soon> {
        let Self::Online(session) = self else { return None };
        let below = |left: Option<u64>, least: Option<u64>| {
            least.filter(|least| left.is_some_and(|left| left < *least))
        };
        let data = session.data.filter(|_| session.metered).map(|meter| meter.left);
        if let Hours::ClosesIn { millis, when } = hours
            && below(Some(millis), notice.time_ms).is_some()
            && session.ends_in_ms.is_none_or(|ends| ends > millis)
        {
            return Some(Soon::Closes(when));
        }
        let time = below(session.ends_in_ms, notice.time_ms).map(Soon::Time);
        time.or_else(|| below(data, notice.data_bytes).map(Soon::Data))
    }

    /// All of it that the live numbers do not cover; the same in every language.
    pub fn fingerprint(&self) -> String {
        let Some(session) = self.session() else { return self.name().to_owned() };
        let whole = |meter: &Option<Meter>| meter.as_ref().map_or(0, |meter| meter.whole);
        // What a provider offers is made when it is used, and has no id to tell it by until then.
        let id = if matches!(self, Self::Online(_)) { session.id.as_str() } else { "" };
        format!(
            "{} {id} {} {} {:?} {} {}",
            self.name(),
            whole(&session.time),
            whole(&session.data),
            session.rates,
            session.days_count,
            session.others.len()
        )
    }
}

impl SessionView {
    pub(super) fn new(session: &ClientSession, by: Reckoning<'_>) -> Self {
        let terms = &session.terms;
        let time = terms.time_limit_ms.map(|whole| Meter::new(by.usable_ms(session).unwrap_or(0), whole));
        let data =
            terms.data_limit_bytes.map(|whole| Meter::new(session.data_left_bytes().unwrap_or(0), whole));
        let started = session.started_at.is_some();
        Self {
            id: session.id.to_string(),
            time,
            data,
            ends_in_ms: by.ends_in_ms(session),
            metered: by.is_metered(session),
            days_count: session.expires_at.is_some() || terms.exp_days.is_some() && started,
            rates: by.rates(session),
            validity: Validity::of(session, by),
            started,
            others: Vec::new(),
        }
    }
}

impl Soon {
    /// As a sentence. It stays the same until the end: a screen reader says it once.
    pub fn say(self, t: Words) -> String {
        match self {
            Self::Time(millis) => t.one("soon-time", "time", t.spoken_time(millis)).into_owned(),
            Self::Data(bytes) => t.one("soon-data", "data", t.round_data(bytes)).into_owned(),
            Self::Closes(when) => t.one("soon-closes", "when", t.when(when)).into_owned(),
        }
    }
}

impl Meter {
    fn new(left: u64, whole: u64) -> Self {
        Self { left, whole, percent: percent(left, whole) }
    }
}

impl Validity {
    fn of(session: &ClientSession, by: Reckoning<'_>) -> Option<Self> {
        match (session.expires_at, session.terms.exp_days) {
            (Some(_), _) => by.days_left_ms(session).map(Self::For),
            (None, days) => days.map(Self::DaysFromStart),
        }
    }

    /// As a sentence.
    pub fn say(self, t: Words) -> String {
        match self {
            Self::For(millis) => t.one("can-be-used-for", "time", t.spoken_time(millis)).into_owned(),
            Self::DaysFromStart(days) => t.one("can-be-used-from", "count", days).into_owned(),
        }
    }
}

impl OtherView {
    fn new(session: &ClientSession, by: Reckoning<'_>) -> Self {
        Self {
            id: session.id.to_string(),
            provider: session.provider.clone(),
            started: session.started_at.is_some(),
            time_ms: by.usable_ms(session),
            data_bytes: session.data_left_bytes(),
        }
    }

    /// What is left of it, and how it stands.
    pub fn say(&self, t: Words) -> String {
        let state = if self.started { "other-paused" } else { "other-new" };
        t.one(state, "left", left_in_words(self.time_ms, self.data_bytes, t)).into_owned()
    }
}

/// "0:43:10 and 12.5 MB".
pub(super) fn left_in_words(time_ms: Option<u64>, data_bytes: Option<u64>, t: Words) -> String {
    match (time_ms.map(|left| t.time(left)), data_bytes.map(|left| t.data(left))) {
        (Some(time), Some(data)) => {
            t.with("left-both", [("first", time.into()), ("second", data.into())]).into_owned()
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => t.get("left-without-limit").into_owned(),
    }
}

impl EndedView {
    /// `None` for a session that is still usable.
    fn new(session: &ClientSession) -> Option<Self> {
        let why = match &session.state {
            SessionState::Consumed => Ending::UsedUp,
            SessionState::Expired | SessionState::Closed(CloseReason::Expired, _) => Ending::Expired,
            SessionState::Closed(CloseReason::Time, _) => Ending::Time,
            SessionState::Closed(CloseReason::Data, _) => Ending::Data,
            SessionState::Closed(CloseReason::Operator, _) => Ending::Staff,
            SessionState::Closed(CloseReason::Revoked, _) => Ending::Revoked,
            SessionState::Closed(CloseReason::Moved, _) => Ending::Moved,
            SessionState::Available | SessionState::Running(_) | SessionState::Paused(_) => return None,
        };
        let (terms, usage) = (&session.terms, &session.usage);
        Some(Self {
            why,
            time_ms: terms.time_limit_ms.map(|whole| (usage.time_ms.min(whole), whole)),
            data_bytes: terms.data_limit_bytes.map(|whole| (usage.data_bytes().min(whole), whole)),
        })
    }

    /// What was used of what.
    pub fn used(&self, t: Words) -> Vec<String> {
        let of = |used: String, whole: String| {
            t.with("used-of", [("used", used.into()), ("whole", whole.into())]).into_owned()
        };
        let time = self.time_ms.map(|(used, whole)| of(t.time(used), t.time(whole)));
        let data = self.data_bytes.map(|(used, whole)| of(t.round_data(used), t.round_data(whole)));
        time.into_iter().chain(data).collect()
    }
}

impl Ending {
    /// Its sentence, by its name among the texts.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::UsedUp => "ended-used-up",
            Self::Expired => "ended-expired",
            Self::Time => "ended-time",
            Self::Data => "ended-data",
            Self::Staff => "ended-staff",
            Self::Revoked => "ended-revoked",
            Self::Moved => "ended-moved",
        }
    }
}
