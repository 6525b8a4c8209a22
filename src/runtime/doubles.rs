use std::collections::{HashMap, VecDeque};

use crate::domain::{BootTime, MacAddr};

/// Who goes from one port to the other so often …
const MANY: usize = 6;
/// … within so long does not walk: it is at both.
const WITHIN_MS: u64 = 60_000;
/// When nobody did for so long, it is over.
const OVER_MS: u64 = 600_000;
/// So many are counted at a time.
const MOST: usize = 1_024;

/// MACs that two devices seem to have. A bridge sends to where it heard a MAC last, so each packet of one of them moves it.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    moves: HashMap<MacAddr, VecDeque<BootTime>>,
    found_at: Option<BootTime>,
}

impl Doubles {
    /// A MAC was heard behind another port; whether that is too often.
    pub(super) fn moved(&mut self, mac: MacAddr, now: BootTime) -> bool {
        if self.moves.len() >= MOST {
            self.moves
                .retain(|_, times| times.back().is_some_and(|last| now.millis_since(*last) < WITHIN_MS));
        }
        if self.moves.len() >= MOST && !self.moves.contains_key(&mac) {
            return false;
        }
        let times = self.moves.entry(mac).or_default();
        times.push_back(now);
        if times.len() > MANY {
            times.pop_front();
        }
        let is_double =
            times.len() == MANY && times.front().is_some_and(|first| now.millis_since(*first) < WITHIN_MS);
        if is_double {
            self.found_at = Some(now);
        }
        is_double
    }

    /// Whether it is over now, and was not before.
    pub(super) fn is_over(&mut self, now: BootTime) -> bool {
        let over = self.found_at.is_some_and(|found| now.millis_since(found) >= OVER_MS);
        if over {
            *self = Self::default();
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000;

    #[test]
    fn who_walks_is_no_double_and_who_is_at_both_is() {
        let [walker, double] =
            ["02:00:5e:00:53:01", "02:00:5e:00:53:02"].map(|mac| mac.parse::<MacAddr>().unwrap());
        let mut doubles = Doubles::default();
        for step in 0..100 {
            assert!(!doubles.moved(walker, BootTime(step * 13 * SECOND)), "it goes up and down the stairs");
        }
        let now = 2_000 * SECOND;
        let found = (0..8).map(|step| doubles.moved(double, BootTime(now + step * SECOND)));
        assert_eq!(found.filter(|found| *found).count(), 3);
        assert!(!doubles.is_over(BootTime(now + 100 * SECOND)));
        assert!(doubles.is_over(BootTime(now + 7 * SECOND + OVER_MS)));
        assert!(!doubles.is_over(BootTime(now + 8 * SECOND + OVER_MS)), "that is said once");
    }

    #[test]
    fn who_makes_up_macs_has_few_of_them_counted() {
        let mut doubles = Doubles::default();
        for number in 0..10_000_u16 {
            let [high, low] = number.to_be_bytes();
            let mac = MacAddr::from_bytes([2, 0, 0, 0, high, low]).unwrap();
            doubles.moved(mac, BootTime(0));
        }
        assert_eq!(doubles.moves.len(), MOST);
    }
}
