use std::collections::HashMap;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::domain::BootTime;

/// Whoever does nothing for so long is logged out: half an hour.
const IDLE_MS: u64 = 30 * 60_000;
/// Whoever is logged in logs in again after so long, in any case: twelve hours.
const LONGEST_MS: u64 = 12 * 3_600_000;
/// The most who are logged in at once; one more and whoever was idle the longest is logged out.
const MAX_LOGINS: usize = 256;
/// Wrong tokens of one address that cost nothing but the time to type them …
const FREE_TRIES: u32 = 5;
/// … then one is looked at every half minute.
const TRY_EVERY_MS: u64 = 30_000;
/// Addresses remembered; beyond that those that may try the soonest are forgotten.
const MAX_ADDRESSES: usize = 1_024;
/// Random bytes of a cookie.
const COOKIE_BYTES: usize = 32;

/// Who is logged in, and who may try to. In memory: a restart logs everybody out. Pure but for the making of cookies.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// By the digest of the cookie, so that what is in memory opens nothing and how long a look-up takes says nothing.
    by_cookie: HashMap<[u8; 32], Login>,
    /// When an address's wrong tries will have been paid off, one each [`TRY_EVERY_MS`].
    paid_off: HashMap<IpAddr, BootTime>,
}

#[derive(Debug, Clone, Copy)]
struct Login {
    token: i64,
    since: BootTime,
    last: BootTime,
}

impl Login {
    fn is_over(&self, now: BootTime) -> bool {
        now.millis_since(self.last) >= IDLE_MS || now.millis_since(self.since) >= LONGEST_MS
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

impl Logins {
    /// Seconds that an address has to wait before its next try; charges one if it need not.
    pub(super) fn charge(&mut self, address: IpAddr, now: BootTime) -> Result<(), u64> {
        let burst = u64::from(FREE_TRIES.saturating_sub(1)) * TRY_EVERY_MS;
        let paid_off = self.paid_off.get(&address).copied().unwrap_or_default();
        let wait = paid_off.millis_since(now).saturating_sub(burst);
        if wait > 0 {
            return Err(wait.div_ceil(1000));
        }
        if self.paid_off.len() >= MAX_ADDRESSES && !self.paid_off.contains_key(&address) {
            self.paid_off.retain(|_, paid_off| *paid_off > now);
            let soonest = self.paid_off.iter().min_by_key(|(_, paid_off)| **paid_off).map(|(ip, _)| *ip);
            if let Some(soonest) = soonest.filter(|_| self.paid_off.len() >= MAX_ADDRESSES) {
                self.paid_off.remove(&soonest);
            }
        }
        self.paid_off.insert(address, paid_off.max(now).plus_millis(TRY_EVERY_MS));
        Ok(())
    }

    /// Its token was right: its wrong tries are forgotten.
    pub(super) fn right(&mut self, address: IpAddr) {
        self.paid_off.remove(&address);
    }

    /// Whoever shows this cookie is logged in with the token of this number.
    pub(super) fn log_in(&mut self, cookie: &str, token: i64, now: BootTime) {
        self.by_cookie.retain(|_, login| !login.is_over(now));
        if self.by_cookie.len() >= MAX_LOGINS {
            let idle = self.by_cookie.iter().min_by_key(|(_, login)| login.last).map(|(key, _)| *key);
            if let Some(idle) = idle {
                self.by_cookie.remove(&idle);
            }
        }
        self.by_cookie.insert(digest(cookie), Login { token, since: now, last: now });
    }

    /// The token's number of whoever shows this cookie, if that is somebody.
    pub(super) fn find(&mut self, cookie: &str, now: BootTime) -> Option<i64> {
        let key = digest(cookie);
        let login = self.by_cookie.get_mut(&key)?;
        if login.is_over(now) {
            self.by_cookie.remove(&key);
            return None;
        }
        login.last = now;
        Some(login.token)
    }

    /// Nobody is logged in with this cookie any more.
    pub(super) fn log_out(&mut self, cookie: &str) {
        self.by_cookie.remove(&digest(cookie));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn at(millis: u64) -> BootTime {
        BootTime(millis)
    }

    #[test]
    fn a_login_ends_when_idle_when_old_and_when_it_is_ended() {
        let mut logins = Logins::default();
        logins.log_in("a", 7, at(0));
        assert_eq!(logins.find("b", at(0)), None);
        for half in 1..24 {
            assert_eq!(logins.find("a", at(half * 29 * MINUTE)), Some(7), "{half}");
        }
        assert_eq!(logins.find("a", at(12 * 60 * MINUTE)), None, "old");
        logins.log_in("a", 7, at(0));
        assert_eq!(logins.find("a", at(30 * MINUTE)), None, "idle");
        logins.log_in("a", 7, at(0));
        logins.log_out("a");
        assert_eq!(logins.find("a", at(0)), None);
    }

    #[test]
    fn who_is_idle_the_longest_makes_room() {
        let mut logins = Logins::default();
        for number in 0..=MAX_LOGINS as u64 {
            logins.log_in(&number.to_string(), 1, at(number));
        }
        assert_eq!(logins.by_cookie.len(), MAX_LOGINS);
        assert_eq!((logins.find("0", at(999)), logins.find("1", at(999))), (None, Some(1)));
    }

    #[test]
    fn wrong_tokens_of_an_address_come_to_a_wait() {
        let (mut logins, guest) = (Logins::default(), IpAddr::from([10, 0, 0, 7]));
        for _ in 0..FREE_TRIES {
            assert_eq!(logins.charge(guest, at(0)), Ok(()));
        }
        assert_eq!(logins.charge(guest, at(0)), Err(30));
        assert_eq!(logins.charge(IpAddr::from([10, 0, 0, 8]), at(0)), Ok(()), "another is free");
        assert_eq!(logins.charge(guest, at(30_000)), Ok(()));
        assert_eq!(logins.charge(guest, at(30_001)), Err(30));
        logins.right(guest);
        assert_eq!(logins.charge(guest, at(30_001)), Ok(()));
        for number in 0..3_000_u32 {
            assert_eq!(logins.charge(IpAddr::from(number.to_be_bytes()), at(0)), Ok(()));
        }
        assert!(logins.paid_off.len() <= MAX_ADDRESSES);
    }

    #[test]
    fn cookies_differ() {
        let cookie = new_cookie().unwrap();
        assert_eq!(cookie.len(), 64);
        assert_ne!(cookie, new_cookie().unwrap());
    }
}
