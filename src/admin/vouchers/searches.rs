use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{BootTime, VoucherStatus};

/// The most searches that are remembered; one more and the oldest is forgotten.
const MOST: usize = 4;
/// So long the pages of a list after its first show what was found for that one.
const LASTS_MS: u64 = 5 * 60_000;

/// What searches for the beginning of a code have found. Every code has to be opened for one: that is done for the first page
/// of the list, not for each.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Searches(Arc<Mutex<Vec<Kept>>>);

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) batch: Option<i64>,
    pub(super) status: Option<VoucherStatus>,
    /// How the codes begin.
    pub(super) letters: String,
}

#[derive(Debug)]
struct Kept {
    search: Search,
    at: BootTime,
    /// The vouchers' numbers, in the list's order.
    ids: Arc<[i64]>,
}

impl Searches {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Kept>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was found a while ago at most.
    pub(super) fn find(&self, search: &Search, now: BootTime) -> Option<Arc<[i64]>> {
        self.with(|all| {
            all.retain(|kept| now.millis_since(kept.at) < LASTS_MS);
            all.iter().find(|kept| kept.search == *search).map(|kept| Arc::clone(&kept.ids))
        })
    }

    /// Remembers what was found now.
    pub(super) fn keep(&self, search: Search, now: BootTime, ids: Arc<[i64]>) {
        self.with(|all| {
            all.retain(|kept| kept.search != search);
            if all.len() >= MOST {
                all.remove(0);
            }
            all.push(Kept { search, at: now, ids });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_remembered_for_a_while_and_only_so_many() {
        let (searches, at) = (Searches::default(), BootTime(1_000));
        let search = |letters: &str| Search { batch: None, status: None, letters: letters.to_owned() };
        searches.keep(search("A"), at, [1, 2].into());
        assert_eq!(searches.find(&search("A"), at).as_deref(), Some([1, 2].as_slice()));
        assert_eq!(searches.find(&search("B"), at), None);
        assert_eq!(searches.find(&Search { batch: Some(1), ..search("A") }, at), None);
        searches.keep(search("A"), at, [3].into());
        assert_eq!(searches.find(&search("A"), at).as_deref(), Some([3].as_slice()));
        assert_eq!(searches.find(&search("A"), at.plus_millis(LASTS_MS)), None, "too old");
        for letters in ["A", "B", "C", "D", "E"] {
            searches.keep(search(letters), at, [1].into());
        }
        assert_eq!(searches.with(|all| all.len()), MOST);
        assert!(searches.find(&search("A"), at).is_none() && searches.find(&search("E"), at).is_some());
    }
}
