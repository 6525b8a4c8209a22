use std::collections::{HashMap, HashSet};

use super::table::Held;
use super::{LockName, LockOwner};

/// Whether `asker` would come to wait for itself by taking the last place in the line of `held`.
///
/// Looks at each place of each line at most once as somebody to wait for.
pub(super) fn closes_cycle<'a>(
    asker: LockOwner,
    held: &'a Held,
    locks: &'a HashMap<LockName, Held>,
    waits_of: impl Fn(LockOwner) -> Vec<&'a LockName>,
) -> bool {
    let mut seen: HashSet<LockOwner> = held.owners().collect();
    let mut to_visit: Vec<LockOwner> = seen.iter().copied().collect();
    // How much of each line was looked at: those ahead of a place are always the front of the line.
    let mut looked_at: HashMap<&LockName, usize> = HashMap::new();
    while let Some(owner) = to_visit.pop() {
        if owner == asker {
            return true;
        }
        for name in waits_of(owner) {
            let Some(other) = locks.get(name) else { continue };
            let place = other.place_of(owner).unwrap_or(0);
            let from = looked_at.get(name).copied().unwrap_or(0);
            // The holder comes first of `owners`, then the line.
            for ahead in other.owners().take(place + 1).skip(from) {
                if seen.insert(ahead) {
                    to_visit.push(ahead);
                }
            }
            looked_at.insert(name, from.max(place + 1));
        }
    }
    false
}
