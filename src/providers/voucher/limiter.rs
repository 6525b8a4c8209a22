use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::{BootTime, DeviceId, Refusal};

/// Wrong codes of one device (or passwords of one account) that cost nothing: people mistype.
const FREE_TRIES: u32 = 5;
/// The wait after the last free try; it doubles with each further wrong code …
const FIRST_WAIT_MS: u64 = 30_000;
/// … up to an hour.
const LONGEST_WAIT_MS: u64 = 3_600_000;
/// A device that leaves it alone for so long after its wait is as good as new.
const FORGET_MS: u64 = 3_600_000;
/// Devices remembered; a device can make up new MACs, so all of them together are limited as well.
const MAX_DEVICES: usize = 4_096;
/// All devices together: a wrong code every so often …
const GLOBAL_EVERY_MS: u64 = 100;
/// … and so many at once.
const GLOBAL_BURST: u64 = 200;

/// Limits wrong codes, per device (or whatever else they are counted by) and for all together. Pure: time comes in.
///
/// A try is charged before the code is looked up, so that many at once count like many in a row, and given back if the
/// code was right. Lives in memory: a restart forgives.
#[derive(Debug)]
pub struct TryLimiter<By = DeviceId> {
    devices: HashMap<By, Tries>,
    /// When the tries of all devices will have been paid off, one each [`GLOBAL_EVERY_MS`].
    paid_off: BootTime,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    wrong: u32,
    blocked_until: BootTime,
}

impl<By> Default for TryLimiter<By> {
    fn default() -> Self {
        Self { devices: HashMap::new(), paid_off: BootTime::default() }
    }
}

impl<By: Clone + Eq + Hash> TryLimiter<By> {
    /// Charges one try, or refuses it with the seconds to wait; a refused try costs nothing.
    pub fn charge(&mut self, device: By, now: BootTime) -> Result<(), Refusal> {
        self.check(&device, now)?;
        let tries = self.devices.get(&device).filter(|tries| !tries.is_forgotten(now));
        let mut tries = tries.copied().unwrap_or_default();
        tries.wrong = tries.wrong.saturating_add(1);
        tries.blocked_until = now.plus_millis(wait_after(tries.wrong));
        if !self.devices.contains_key(&device) {
            self.make_room(now);
        }
        self.devices.insert(device, tries);
        self.paid_off = self.paid_off.max(now).plus_millis(GLOBAL_EVERY_MS);
        Ok(())
    }

    /// Whether a try would be refused now.
    pub fn check(&self, device: &By, now: BootTime) -> Result<(), Refusal> {
        let tries = self.devices.get(device).filter(|tries| !tries.is_forgotten(now));
        let wait = tries
            .map_or(0, |tries| tries.blocked_until.millis_since(now))
            .max(self.paid_off.millis_since(now).saturating_sub((GLOBAL_BURST - 1) * GLOBAL_EVERY_MS));
        if wait > 0 { Err(Refusal::TooManyTries { retry_secs: wait.div_ceil(1000) }) } else { Ok(()) }
    }

    /// The code was known after all: the device's wrong tries are forgotten, this one is given back.
    pub fn right(&mut self, device: &By) {
        if self.devices.remove(device).is_some() {
            self.paid_off = BootTime(self.paid_off.0.saturating_sub(GLOBAL_EVERY_MS));
        }
    }

    /// Forgets a device if there are too many: those that are as good as new, else the one that may try the soonest.
    fn make_room(&mut self, now: BootTime) {
        if self.devices.len() < MAX_DEVICES {
            return;
        }
        self.devices.retain(|_, tries| !tries.is_forgotten(now));
        while self.devices.len() >= MAX_DEVICES {
            let soonest =
                self.devices.iter().min_by_key(|(_, tries)| tries.blocked_until).map(|(id, _)| id.clone());
            let Some(soonest) = soonest else { return };
            self.devices.remove(&soonest);
        }
    }
}

impl Tries {
    fn is_forgotten(&self, now: BootTime) -> bool {
        now.millis_since(self.blocked_until) >= FORGET_MS
    }
}

/// The wait after so many wrong codes, in milliseconds.
fn wait_after(wrong: u32) -> u64 {
    wrong.checked_sub(FREE_TRIES).map_or(0, |beyond| {
        FIRST_WAIT_MS.saturating_mul(1u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(LONGEST_WAIT_MS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn device(number: u128) -> DeviceId {
        DeviceId::new(Uuid::from_u128(number))
    }

    fn retry_secs(result: Result<(), Refusal>) -> Option<u64> {
        let refusal = result.unwrap_err();
        let Refusal::TooManyTries { retry_secs } = refusal else { panic!("{refusal}") };
        Some(retry_secs)
    }

    #[test]
    fn five_are_free_then_the_wait_doubles_to_an_hour() {
        let mut limiter = TryLimiter::default();
        let mut now = BootTime(1_000);
        for _ in 0..FREE_TRIES {
            limiter.charge(device(1), now).unwrap();
        }
        for expected in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            assert_eq!(retry_secs(limiter.charge(device(1), now)), Some(expected));
            assert_eq!(retry_secs(limiter.charge(device(1), now)), Some(expected), "asking costs nothing");
            limiter.charge(device(2), now).unwrap();
            limiter.right(&device(2));
            now = now.plus_millis(expected * 1000);
            limiter.charge(device(1), now).unwrap();
        }
        now = now.plus_millis(LONGEST_WAIT_MS + FORGET_MS);
        for _ in 0..FREE_TRIES {
            limiter.charge(device(1), now).unwrap();
        }
    }

    #[test]
    fn a_right_code_forgives() {
        let mut limiter = TryLimiter::default();
        for _ in 0..1_000 {
            for _ in 0..FREE_TRIES - 1 {
                limiter.charge(device(1), BootTime(5)).unwrap();
            }
            limiter.charge(device(1), BootTime(5)).unwrap();
            limiter.right(&device(1));
            limiter.paid_off = BootTime(0);
        }
    }

    #[test]
    fn made_up_devices_meet_the_common_ceiling() {
        let mut limiter = TryLimiter::default();
        let now = BootTime(10_000);
        let passed = (0..100_000).filter(|number| limiter.charge(device(*number), now).is_ok()).count();
        assert_eq!(passed, usize::try_from(GLOBAL_BURST).unwrap());
        assert_eq!(retry_secs(limiter.charge(device(7), now)), Some(1));
        let later = now.plus_millis(10 * GLOBAL_EVERY_MS);
        let passed = (0..100_000).filter(|number| limiter.charge(device(*number), later).is_ok()).count();
        assert_eq!(passed, 10);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_no_device_gets_more_than_its_share(
            steps in proptest::collection::vec((0u128..6_000, 0u64..5_000), 1..3_000)
        ) {
            let mut limiter = TryLimiter::default();
            let mut now = BootTime(0);
            let mut passed = 0u64;
            let mut of_one = 0u64;
            for (number, pause) in steps {
                now = now.plus_millis(pause);
                passed += u64::from(limiter.charge(device(number), now).is_ok());
                of_one += u64::from(limiter.charge(device(1_000_000), now).is_ok());
                prop_assert!(limiter.devices.len() <= MAX_DEVICES);
            }
            prop_assert!(passed + of_one <= GLOBAL_BURST + now.0 / GLOBAL_EVERY_MS + 1);
            // 5 at once, then after 30, 90, 210, … s; an hour at most between two.
            prop_assert!(of_one <= u64::from(FREE_TRIES) + now.0 / FIRST_WAIT_MS);
        }
    }
}
