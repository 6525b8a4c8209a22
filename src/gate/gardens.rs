//! The addresses of the walled garden that dnsmasq found, kept for as long as anybody may use them.
//!
//! dnsmasq adds an address when another name server has told it. Adding one that is there already changes nothing, not even
//! its timeout (`nft_add_set_elem`; measured), so by its timeout alone an address that is asked for all the time would go an
//! hour after the first answer, and stay away until the answer has left the caches. So an address that has been there for
//! long is moved to a second set, where it is as free as before: dnsmasq's next answer puts it into the first one again.

use std::collections::HashSet;

use super::error::GateError;
use super::kernel::{Group, Kernel};
use super::names::{GARDEN4, GARDEN4_OLD, GARDEN6, GARDEN6_OLD, TABLE};
use super::netlink::element::Element;
use crate::domain::GARDEN_TTL_SECS;

/// An address is moved to the second set so long after it was added, in seconds.
const MOVED_AFTER_SECS: u32 = GARDEN_TTL_SECS + 300;
/// How long an address stays in the second set, in seconds. The last answer that did not add it again came just before it was
/// moved, and may be used for [`GARDEN_TTL_SECS`].
pub(super) const OLD_GARDEN_SECS: u32 = GARDEN_TTL_SECS + 300;
/// How long an address stays in the first set if nobody moves it, in seconds.
pub(super) const GARDEN_SECS: u32 = 3_600;

/// The first and the second set of each family.
const SETS: [(&str, &str); 2] = [(GARDEN4, GARDEN4_OLD), (GARDEN6, GARDEN6_OLD)];

/// What was in the sets when they were last looked at.
#[derive(Debug, Default)]
pub(super) struct Gardens {
    /// The table that they were in; `None` before the first look.
    table: Option<u64>,
    known: HashSet<(&'static str, Vec<u8>)>,
}

impl Kernel {
    /// Which table is ours, and whether it is another one than when it was last looked at: somebody removed that, and perhaps
    /// somebody else made this. [`GateError::NotLoaded`] if there is none.
    pub(super) fn our_table(&mut self) -> Result<(u64, bool), GateError> {
        let handle = self.socket.table_handle(TABLE)?.ok_or(GateError::NotLoaded)?;
        if let Some(before) = self.gardens.table {
            return Ok((handle, before != handle));
        }
        // The first look. One with nothing in it was made since dnsmasq last answered, or nobody has asked it yet.
        let mut is_empty = true;
        for set in SETS.into_iter().flat_map(|(young, old)| [young, old]) {
            is_empty = is_empty && self.socket.dump(set)?.is_empty();
        }
        Ok((handle, is_empty))
    }

    /// Moves what has been in the first sets for long, and notes what there is. How many addresses. `table` is which is ours as
    /// of just before: one that takes its place meanwhile is another the next time.
    pub(super) fn tend_gardens(&mut self, table: u64) -> Result<usize, GateError> {
        let mut known = HashSet::new();
        let mut moves: Vec<Group> = Vec::new();
        for (young, old) in SETS {
            for element in self.socket.dump(young)? {
                let left_ms = element.expires_in_ms.unwrap_or(u64::from(GARDEN_SECS) * 1_000);
                if left_ms <= u64::from(GARDEN_SECS - MOVED_AFTER_SECS) * 1_000 {
                    let place = Element { key: element.key.clone(), ..Element::default() };
                    // Its time in the second set begins anew.
                    moves.push(vec![
                        self.remove(old, element.key.clone()),
                        self.add(old, place),
                        self.remove(young, element.key.clone()),
                    ]);
                    known.insert((old, element.key));
                } else {
                    known.insert((young, element.key));
                }
            }
            known.extend(self.socket.dump(old)?.into_iter().map(|element| (old, element.key)));
        }
        let (results, _) = self.run(&moves);
        self.gardens = Gardens { table: Some(table), known };
        results.into_iter().collect::<Result<(), _>>()?;
        Ok(self.gardens.known.len())
    }

    /// Puts what was known into the sets of a table that was made anew. Nobody asks a name server again for what they have
    /// an answer to.
    pub(super) fn refill_gardens(&mut self) -> Result<(), GateError> {
        self.gardens.table = self.socket.table_handle(TABLE)?;
        let groups: Vec<Group> = self
            .gardens
            .known
            .iter()
            .map(|(set, key)| vec![self.add(set, Element { key: key.clone(), ..Element::default() })])
            .collect();
        self.run(&groups).0.into_iter().collect()
    }
}
