use std::collections::{HashSet, VecDeque};

use crate::domain::ClientKey;

/// The client keys that no device holds.
///
/// Never-used ones go first, then those given back, oldest first: a key rests as long as it can before it changes hands.
#[derive(Debug)]
pub(super) struct KeyPool {
    next: u16,
    max: u16,
    free: VecDeque<ClientKey>,
}

impl KeyPool {
    /// A pool of the keys up to `max` but for those that are held.
    pub(super) fn new(max: u16, held: &HashSet<ClientKey>) -> Self {
        let highest = held.iter().map(|key| key.get()).max().unwrap_or(0);
        let free =
            (1..=highest.min(max)).filter_map(ClientKey::new).filter(|key| !held.contains(key)).collect();
        Self { next: highest.saturating_add(1).max(1), max, free }
    }

    /// A key that nobody holds.
    pub(super) fn take(&mut self) -> Option<ClientKey> {
        if self.next <= self.max {
            let key = ClientKey::new(self.next);
            self.next = self.next.saturating_add(1);
            if key.is_some() {
                return key;
            }
        }
        self.free.pop_front()
    }

    /// Gives a key back.
    pub(super) fn give_back(&mut self, key: ClientKey) {
        if key.get() <= self.max && !self.free.contains(&key) {
            self.free.push_back(key);
        }
    }

    /// A device holds this one after all (a transition was taken back).
    pub(super) fn withdraw(&mut self, key: ClientKey) {
        self.free.retain(|free| *free != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_keys_first_then_the_longest_rested() {
        let held = [1, 3].into_iter().filter_map(ClientKey::new).collect();
        let mut pool = KeyPool::new(5, &held);
        let taken: Vec<u16> = std::iter::from_fn(|| pool.take()).map(ClientKey::get).collect();
        assert_eq!(taken, [4, 5, 2]);
        for number in [5, 1] {
            pool.give_back(ClientKey::new(number).unwrap());
        }
        assert_eq!(pool.take().map(ClientKey::get), Some(5));
    }
}
