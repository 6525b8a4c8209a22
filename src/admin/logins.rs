use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::domain::{AccountName, BootTime, TotpSecret};

/// Whoever does nothing for so long is signed out, unless the configuration says otherwise: half an hour.
const IDLE_MS: u64 = 30 * 60_000;
/// Whoever is signed in signs in again after so long, in any case: twelve hours.
const LONGEST_MS: u64 = 12 * 3_600_000;
/// The most sign-ins with one account or token at once; one more and that of them which was idle the longest is over. So
/// nobody signs others out by signing in often.
const MAX_OF_ONE: usize = 32;
/// The most who are signed in at once; one more and whoever was idle the longest is signed out.
const MAX_LOGINS: usize = 256;
/// Wrong tries of one address that cost nothing but the time to type them …
const ADDRESS_FREE: u64 = 5;
/// … then one is looked at every half minute.
const ADDRESS_EVERY_MS: u64 = 30_000;
/// Wrong tries for one name, from wherever they come …
const NAME_FREE: u64 = 10;
/// … then one is looked at every ten seconds: 8,640 a day, which finds none but the most common passwords, and whose name it
/// is can still get in.
const NAME_EVERY_MS: u64 = 10_000;
/// Wrong one-time codes that came with the right password of a name …
const CODE_FREE: u64 = 5;
/// … then one is looked at every ten minutes. Three of a million codes fit at any time: 144 a day guess one in six years.
/// Nobody gets here without the password, so nobody else keeps its owner out.
const CODE_EVERY_MS: u64 = 600_000;
/// Addresses and names remembered; beyond that those that may try the soonest are forgotten.
const MAX_REMEMBERED: usize = 1_024;
/// Random bytes of a cookie.
const COOKIE_BYTES: usize = 32;

/// Who is signed in to the admin pages; clones share it. Whoever starts the service anew in the same process hands it on, and
/// everybody stays signed in.
#[derive(Debug, Clone, Default)]
pub struct SignIns(Arc<Mutex<Logins>>);

impl SignIns {
    /// Everybody has to sign in again.
    pub fn sign_all_out(&self) {
        self.lock().by_cookie.clear();
    }

    #[cfg(test)]
    pub(crate) fn sign_somebody_in(&self) {
        self.lock().log_in("a", Who::Token(1), BootTime(0));
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().by_cookie.len()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Logins> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is signed in, and who may try to. In memory: the end of the process signs everybody out. Pure but for the making of cookies.
#[derive(Debug)]
pub(super) struct Logins {
    /// By the digest of the cookie, so that what is in memory opens nothing and how long a look-up takes says nothing.
    by_cookie: HashMap<[u8; 32], Login>,
    by_address: Tries<IpAddr>,
    by_name: Tries<AccountName>,
    by_code: Tries<AccountName>,
    idle_ms: u64,
    longest_ms: u64,
}

/// As whom somebody is signed in. It is looked up anew for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// With a token, by its number.
    Token(i64),
    /// With an account.
    Admin {
        /// Its number.
        id: i64,
        /// The version that it had: when it has another, this is over.
        version: i64,
    },
}

impl Who {
    /// Whether it is the same account or token, whatever has changed about it since.
    const fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Token(id), Self::Token(known))
            | (Self::Admin { id, .. }, Self::Admin { id: known, .. }) => id == known,
            (Self::Token(_), Self::Admin { .. }) | (Self::Admin { .. }, Self::Token(_)) => false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Login {
    who: Who,
    since: BootTime,
    last: BootTime,
    /// What one-time codes would be made of, once one has confirmed it.
    totp: Option<TotpSecret>,
}

/// Wrong tries that are paid off as time goes by.
#[derive(Debug)]
struct Tries<By> {
    paid_off: HashMap<By, BootTime>,
    free: u64,
    every_ms: u64,
}

impl Default for Logins {
    fn default() -> Self {
        Self::lasting(IDLE_MS, LONGEST_MS)
    }
}

/// What a browser shows on each request: 64 hexadecimal digits.
pub(super) fn new_cookie() -> Result<String, getrandom::Error> {
    let mut bytes = [0; COOKIE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn digest(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

/// Whoever has one address of an IPv6 network has all of them: 2^64 of them are one.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl<By: Clone + Eq + Hash> Tries<By> {
    fn new(free: u64, every_ms: u64) -> Self {
        Self { paid_off: HashMap::new(), free, every_ms }
    }

    fn wait_ms(&self, by: &By, now: BootTime) -> u64 {
        let paid_off = self.paid_off.get(by).copied().unwrap_or_default();
        paid_off.millis_since(now).saturating_sub(self.free.saturating_sub(1) * self.every_ms)
    }

    fn charge(&mut self, by: By, now: BootTime) {
        if self.paid_off.len() >= MAX_REMEMBERED && !self.paid_off.contains_key(&by) {
            self.paid_off.retain(|_, paid_off| *paid_off > now);
            let soonest =
                self.paid_off.iter().min_by_key(|(_, paid_off)| **paid_off).map(|(by, _)| by.clone());
            if let Some(soonest) = soonest.filter(|_| self.paid_off.len() >= MAX_REMEMBERED) {
                self.paid_off.remove(&soonest);
            }
        }
        let paid_off = self.paid_off.get(&by).copied().unwrap_or_default();
        self.paid_off.insert(by, paid_off.max(now).plus_millis(self.every_ms));
    }

    /// Gives back what one try was charged.
    fn refund(&mut self, by: &By) {
        if let Some(paid_off) = self.paid_off.get_mut(by) {
            *paid_off = BootTime(paid_off.0.saturating_sub(self.every_ms));
        }
    }
}

impl Logins {
    /// From now on people are signed in no longer than that: without doing anything, and in all.
    pub(super) fn last(&mut self, idle_ms: u64, longest_ms: u64) {
        (self.idle_ms, self.longest_ms) = (idle_ms, longest_ms);
    }

    fn lasting(idle_ms: u64, longest_ms: u64) -> Self {
        Self {
            by_cookie: HashMap::new(),
            by_address: Tries::new(ADDRESS_FREE, ADDRESS_EVERY_MS),
            by_name: Tries::new(NAME_FREE, NAME_EVERY_MS),
            by_code: Tries::new(CODE_FREE, CODE_EVERY_MS),
            idle_ms,
            longest_ms,
        }
    }

    /// Seconds to wait before the next try from this address, for this name; charges one if there is nothing to wait for.
    /// Refused tries cost nothing.
    pub(super) fn charge(
        &mut self,
        address: IpAddr,
        name: Option<&AccountName>,
        now: BootTime,
    ) -> Result<(), u64> {
        let address = household(address);
        let of_name = name.map_or(0, |name| self.by_name.wait_ms(name, now));
        let wait = self.by_address.wait_ms(&address, now).max(of_name);
        if wait > 0 {
            return Err(wait.div_ceil(1000));
        }
        self.by_address.charge(address, now);
        if let Some(name) = name {
            self.by_name.charge(name.clone(), now);
        }
        Ok(())
    }

    /// What was shown was right: the try costs its address nothing, and wrong ones for the name that it proved are forgotten.
    /// Others of the address stay: whoever has one account or token could guess at all others without a limit.
    pub(super) fn right(&mut self, address: IpAddr, name: Option<&AccountName>) {
        self.by_address.refund(&household(address));
        if let Some(name) = name {
            self.by_name.paid_off.remove(name);
        }
    }

    /// Seconds to wait before the next one-time code of this name is looked at, whose password was right; charges one if
    /// there is nothing to wait for.
    pub(super) fn charge_code(&mut self, name: &AccountName, now: BootTime) -> Result<(), u64> {
        let wait = self.by_code.wait_ms(name, now);
        if wait > 0 {
            return Err(wait.div_ceil(1000));
        }
        self.by_code.charge(name.clone(), now);
        Ok(())
    }

    /// The one-time code was right: the wrong ones are forgotten.
    pub(super) fn right_code(&mut self, name: &AccountName) {
        self.by_code.paid_off.remove(name);
    }

    fn is_over(&self, login: &Login, now: BootTime) -> bool {
        now.millis_since(login.last) >= self.idle_ms || now.millis_since(login.since) >= self.longest_ms
    }

    /// Whoever shows this cookie is signed in so.
    pub(super) fn log_in(&mut self, cookie: &str, who: Who, now: BootTime) {
        let over: Vec<[u8; 32]> = self
            .by_cookie
            .iter()
            .filter(|(_, login)| self.is_over(login, now))
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            self.by_cookie.remove(&key);
        }
        let own = |login: &Login| login.who.is_same(who);
        let crowds = self.by_cookie.values().filter(|login| own(login)).count() >= MAX_OF_ONE;
        if crowds || self.by_cookie.len() >= MAX_LOGINS {
            let candidates = self.by_cookie.iter().filter(|(_, login)| !crowds || own(login));
            let idle = candidates.min_by_key(|(_, login)| login.last).map(|(key, _)| *key);
            if let Some(idle) = idle {
                self.by_cookie.remove(&idle);
            }
        }
        self.by_cookie.insert(digest(cookie), Login { who, since: now, last: now, totp: None });
    }

    /// As whom whoever shows this cookie is signed in. What a page asks by itself (`live`) is no sign of anybody.
    pub(super) fn find(&mut self, cookie: &str, now: BootTime, live: bool) -> Option<Who> {
        let key = digest(cookie);
        let login = self.by_cookie.get(&key).copied()?;
        if self.is_over(&login, now) {
            self.by_cookie.remove(&key);
            return None;
        }
        if let Some(login) = self.by_cookie.get_mut(&key).filter(|_| !live) {
            login.last = now;
        }
        Some(login.who)
    }

    /// Nobody is signed in with this cookie any more.
    pub(super) fn log_out(&mut self, cookie: &str) {
        self.by_cookie.remove(&digest(cookie));
    }

    /// What one-time codes are to be made of, until it is confirmed.
    pub(super) fn totp(&self, cookie: &str) -> Option<TotpSecret> {
        self.by_cookie.get(&digest(cookie)).and_then(|login| login.totp)
    }

    /// The same from now on.
    pub(super) fn set_totp(&mut self, cookie: &str, totp: Option<TotpSecret>) {
        if let Some(login) = self.by_cookie.get_mut(&digest(cookie)) {
            login.totp = totp;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const SEVEN: Option<Who> = Some(Who::Token(7));

    fn at(millis: u64) -> BootTime {
        BootTime(millis)
    }

    #[test]
    fn a_login_ends_when_idle_when_old_and_when_it_is_ended() {
        let mut logins = Logins::default();
        logins.log_in("a", Who::Token(7), at(0));
        assert_eq!(logins.find("b", at(0), false), None);
        for half in 1..24 {
            assert_eq!(logins.find("a", at(half * 29 * MINUTE), false), SEVEN, "{half}");
        }
        assert_eq!(logins.find("a", at(12 * 60 * MINUTE), false), None, "old");
        logins.log_in("a", Who::Token(7), at(0));
        assert_eq!(logins.find("a", at(30 * MINUTE), false), None, "idle");
        logins.log_in("a", Who::Token(7), at(0));
        assert_eq!(logins.find("a", at(29 * MINUTE), true), SEVEN);
        assert_eq!(logins.find("a", at(30 * MINUTE), true), None, "an open page keeps nobody signed in");
        logins.log_in("a", Who::Token(7), at(0));
        logins.log_out("a");
        assert_eq!(logins.find("a", at(0), false), None);
    }

    #[test]
    fn who_is_idle_the_longest_makes_room() {
        let mut logins = Logins::default();
        for number in 0..=MAX_LOGINS as u64 {
            logins.log_in(&number.to_string(), Who::Token(number as i64), at(number));
        }
        assert_eq!(logins.by_cookie.len(), MAX_LOGINS);
        let found = (logins.find("0", at(999), false), logins.find("1", at(999), false));
        assert_eq!(found, (None, Some(Who::Token(1))));
    }

    #[test]
    fn who_signs_in_often_makes_room_for_themselves() {
        let mut logins = Logins::default();
        logins.log_in("ana", Who::Token(7), at(0));
        for number in 0..=MAX_LOGINS as u64 {
            let who = Who::Admin { id: 7, version: number as i64 / 100 };
            logins.log_in(&number.to_string(), who, at(number));
        }
        assert_eq!(logins.find("ana", at(999), false), SEVEN, "a token is not an account of its number");
        assert_eq!(logins.by_cookie.len(), MAX_OF_ONE + 1);
        assert!(logins.find(&MAX_LOGINS.to_string(), at(999), false).is_some());
        assert_eq!(logins.find("0", at(999), false), None);
    }

    #[test]
    fn who_is_right_forgives_what_they_proved_and_nothing_else() {
        let (mut logins, address) = (Logins::default(), IpAddr::from([10, 0, 0, 7]));
        let [ana, ben] = ["ana", "ben"].map(|name| AccountName::parse(name).unwrap());
        for _ in 0..ADDRESS_FREE - 1 {
            assert_eq!(logins.charge(address, Some(&ben), at(0)), Ok(()));
            // With a token, and with another's own password.
            for name in [None, Some(&ana)] {
                assert_eq!(logins.charge(address, name, at(0)), Ok(()));
                logins.right(address, name);
            }
        }
        assert_eq!(logins.charge(address, Some(&ben), at(0)), Ok(()));
        assert_eq!(logins.charge(address, Some(&ben), at(0)), Err(30), "the address is not forgiven");
        for host in 10..15 {
            assert_eq!(logins.charge(IpAddr::from([10, 0, 0, host]), Some(&ben), at(0)), Ok(()));
        }
        assert_eq!(
            logins.charge(IpAddr::from([10, 0, 0, 99]), Some(&ben), at(0)),
            Err(10),
            "nor is the name"
        );
        logins.right(IpAddr::from([10, 0, 0, 10]), Some(&ben));
        assert_eq!(logins.charge(IpAddr::from([10, 0, 0, 99]), Some(&ben), at(0)), Ok(()));
    }

    #[test]
    fn wrong_codes_after_a_right_password_come_to_a_long_wait() {
        let (mut logins, name) = (Logins::default(), AccountName::parse("ana").unwrap());
        let looked_at = (0..86_400).filter(|second| logins.charge_code(&name, at(second * 1_000)).is_ok());
        assert_eq!(looked_at.count(), 148, "in a day");
        logins.right_code(&name);
        assert_eq!(logins.charge_code(&name, at(86_400_000)), Ok(()));
    }

    #[test]
    fn wrong_tries_of_an_address_come_to_a_wait() {
        let (mut logins, guest) = (Logins::default(), IpAddr::from([10, 0, 0, 7]));
        for _ in 0..ADDRESS_FREE {
            assert_eq!(logins.charge(guest, None, at(0)), Ok(()));
        }
        assert_eq!(logins.charge(guest, None, at(0)), Err(30));
        assert_eq!(logins.charge(guest, None, at(29_001)), Err(1));
        assert_eq!(logins.charge(guest, None, at(30_000)), Ok(()));
        assert_eq!(logins.charge(guest, None, at(30_000)), Err(30));
        logins.right(guest, None);
        assert_eq!(logins.charge(guest, None, at(30_000)), Ok(()));
        for host in 0..50_000_u32 {
            let address = IpAddr::from((host + (10 << 24)).to_be_bytes());
            let _ = logins.charge(address, None, at(40_000));
        }
        assert!(logins.by_address.paid_off.len() <= MAX_REMEMBERED);
        let neighbours = ["2001:db8::1", "2001:db8::2:3:4:5"].map(|text| text.parse::<IpAddr>().unwrap());
        for _ in 0..ADDRESS_FREE {
            assert_eq!(logins.charge(neighbours[0], None, at(0)), Ok(()));
        }
        assert!(logins.charge(neighbours[1], None, at(0)).is_err(), "the same network");
    }

    #[test]
    fn wrong_tries_for_a_name_come_to_a_wait_wherever_they_come_from() {
        let (mut logins, name) = (Logins::default(), AccountName::parse("ana").unwrap());
        let address = |host: u8| IpAddr::from([10, 0, 0, host]);
        for host in 0..10 {
            assert_eq!(logins.charge(address(host), Some(&name), at(0)), Ok(()));
        }
        assert_eq!(logins.charge(address(10), Some(&name), at(0)), Err(10));
        assert_eq!(logins.charge(address(10), None, at(0)), Ok(()), "another name");
        assert_eq!(logins.charge(address(10), Some(&name), at(10_000)), Ok(()));
    }
}
