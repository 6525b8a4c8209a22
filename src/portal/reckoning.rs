use crate::domain::{AtEnd, BootTime, ClientDevice, ClientRates, ClientSession, Policies, WallTime};

/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// By what is told how much a device's sessions are still good for.
#[derive(Debug, Clone, Copy)]
pub struct Reckoning<'a> {
    /// Whose they are.
    pub device: &'a ClientDevice,
    /// What the configuration says of them.
    pub policies: &'a Policies,
    /// CLOCK_BOOTTIME.
    pub boot: BootTime,
    /// The clock on the wall; `None` while it cannot be believed: no days are counted then, and nothing is said of them.
    pub wall: Option<WallTime>,
}

impl Reckoning<'_> {
    /// Whether what a session uses is charged, and not counted only.
    pub fn is_metered(self, session: &ClientSession) -> bool {
        !self.policies.is_unmetered(session, self.device)
    }

    /// The speeds that hold for a session.
    pub fn rates(self, session: &ClientSession) -> ClientRates {
        self.policies.rates(session, self.device)
    }

    /// Milliseconds for which it may still run; `None` if its time does not limit it.
    fn time_left_ms(self, session: &ClientSession) -> Option<u64> {
        // The books are read once a second; time goes on in between, and no number may jump back.
        let running = if self.is_metered(session) { session.unspent_ms(self.boot) } else { 0 };
        session.time_left_ms().map(|left| left.saturating_sub(running))
    }

    /// Milliseconds until its days are over; `None` if they are not counted, or not yet.
    pub fn days_left_ms(self, session: &ClientSession) -> Option<u64> {
        days_left_ms(session, self.wall)
    }

    /// Milliseconds for which it can be used from now on: of its time, what lies within its days. `None` if its time does
    /// not limit it.
    pub fn usable_ms(self, session: &ClientSession) -> Option<u64> {
        within_days(session, self.time_left_ms(session), self.wall)
    }

    /// Milliseconds after which it ends by itself if it runs; `None` if nothing is known to end it.
    pub fn ends_in_ms(self, session: &ClientSession) -> Option<u64> {
        let time = self.time_left_ms(session).filter(|_| self.is_metered(session));
        sooner(time, self.days_left_ms(session))
    }

    /// The milliseconds and bytes after which the device is captive again; `None` is without a limit. Its sessions follow
    /// one another by themselves, so it is not by the end of the first (RFC 8908, section 5); behind them comes how those
    /// go on slowly that are used up.
    pub fn until_captive(self, usable: &[ClientSession]) -> (Option<u64>, Option<u64>) {
        let (mut millis, mut bytes) = (Some(0_u64), Some(0_u64));
        let mut slow = Vec::new();
        for session in usable {
            let days = self.days_over_in(session, millis.unwrap_or(0));
            let charged = self.is_metered(session);
            let time = self.time_left_ms(session).filter(|_| charged);
            let data = session.data_left_bytes().filter(|_| charged);
            millis = millis.and_then(|begins| lasts_until(begins, time, days));
            bytes = bytes.and_then(|before| Some(before.saturating_add(data?)));
            if let AtEnd::Slow(end) = session.at_end {
                slow.push((end.lasts_ms, days));
            }
        }
        for (lasts_ms, days) in slow {
            millis = millis.and_then(|begins| lasts_until(begins, Some(lasts_ms), days));
            bytes = None;
        }
        (millis, bytes)
    }

    /// In how many milliseconds the days of a session are over that begins, or goes on, in so many.
    fn days_over_in(self, session: &ClientSession, begins_in: u64) -> Option<u64> {
        let days = session.terms.exp_days.filter(|_| session.expires_at.is_none() && self.wall.is_some());
        let from_start = days.map(|days| begins_in.saturating_add(u64::from(days) * DAY_MS));
        self.days_left_ms(session).or(from_start)
    }
}

fn days_left_ms(session: &ClientSession, wall: Option<WallTime>) -> Option<u64> {
    let (end, wall) = (session.expires_at?, wall?);
    Some(u64::try_from(end.0.saturating_sub(wall.0)).unwrap_or(0))
}

/// Of the time that is left of a session what lies within its days.
pub(super) fn within_days(
    session: &ClientSession,
    time_left_ms: Option<u64>,
    wall: Option<WallTime>,
) -> Option<u64> {
    sooner(Some(time_left_ms?), days_left_ms(session, wall))
}

/// When something ends that begins in so many milliseconds, for so long, and with its days.
fn lasts_until(begins: u64, lasts: Option<u64>, days: Option<u64>) -> Option<u64> {
    sooner(lasts.map(|lasts| begins.saturating_add(lasts)), days.map(|over| over.max(begins)))
}

fn sooner(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}
