//! What the gate does in the kernel, one step after the other, in the one thread that owns the socket.

use std::collections::HashMap;

use super::error::GateError;
use super::gardens::Gardens;
use super::names::{CLASS_OF, CLIENT_OF, ONLINE, OWNER, RECEIVED, SENT};
use super::netlink::element::{Counter, Element, Quota};
use super::netlink::flows::{Flows, Marked};
use super::netlink::socket::NetfilterSocket;
use super::netlink::transaction::{Action, ElementOp, Outcome};
use crate::domain::{Books, BootTime, CLASS_MAJOR, ClientKey, Grant, MacAddr};

/// Added to every timeout: the daemon ends a session first, with exact books; the kernel is the backstop. It rounds
/// timeouts to its ticks (1–10 ms).
pub(super) const TIMEOUT_GRACE_MS: u64 = 50;
/// Groups of changes in one batch.
const GROUPS_PER_BATCH: usize = 500;

const ENOENT: i32 = 2;
const EINVAL: i32 = 22;

/// Changes that belong together: all of them or none. The number says whose they are.
pub(super) type Group = Vec<ElementOp>;

/// The last states of removed elements, by set and key.
pub(super) type Echoes = HashMap<(&'static str, Vec<u8>), Element>;

/// The socket, and how clients are written in the sets.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) socket: NetfilterSocket,
    /// For listing a second set at the same time.
    pub(super) second_socket: NetfilterSocket,
    mask: u32,
    has_destroy: bool,
    pub(super) gardens: Gardens,
}

impl Kernel {
    pub(super) fn open(mask: u32) -> Result<Self, GateError> {
        let mut socket = NetfilterSocket::open()?;
        let has_destroy = knows_destroy(&mut socket)?;
        let second_socket = NetfilterSocket::open()?;
        Ok(Self { socket, second_socket, mask, has_destroy, gardens: Gardens::default() })
    }

    pub(super) const fn has_destroy(&self) -> bool {
        self.has_destroy
    }

    pub(super) fn mark(&self, key: ClientKey) -> u32 {
        key.spread(self.mask)
    }

    pub(super) fn key_of(&self, mark: u32) -> Option<ClientKey> {
        ClientKey::gather(mark, self.mask).filter(|key| key.spread(self.mask) == mark)
    }

    /// Deletes connections of these clients.
    pub(super) fn delete_flows(
        &mut self,
        clients: impl IntoIterator<Item = (ClientKey, Flows)>,
    ) -> Result<(), GateError> {
        let mut marked = Marked::default();
        for (key, which) in clients {
            marked.add(self.mark(key), which);
        }
        self.socket.delete_flows(self.mask, &marked)
    }

    /// Whether the mask can hold the key; a key that is cut off would be another client's.
    pub(super) fn check_key(&self, key: ClientKey) -> Result<(), GateError> {
        if key.get() <= ClientKey::max_for(self.mask) {
            Ok(())
        } else {
            Err(GateError::refused("use a key beyond mark_mask", EINVAL))
        }
    }

    /// Runs the groups in as few batches as possible. One that the kernel refuses fails alone.
    pub(super) fn run(&mut self, groups: &[Group]) -> (Vec<Result<(), GateError>>, Echoes) {
        let mut results: Vec<_> = groups.iter().map(|_| Ok(())).collect();
        let mut echoes = Echoes::new();
        let mut start = 0;
        while start < groups.len() {
            let mut bytes = 0;
            let limit = self.socket.max_send_bytes();
            let count = groups
                .iter()
                .skip(start)
                .take(GROUPS_PER_BATCH)
                .take_while(|group| {
                    bytes += group.iter().map(ElementOp::size_bound).sum::<usize>();
                    bytes <= limit
                })
                .count()
                .max(1);
            let chunk: Vec<usize> = (start..(start + count).min(groups.len())).collect();
            self.run_batch(groups, chunk, &mut results, &mut echoes);
            start += count;
        }
        (results, echoes)
    }

    /// One batch of these groups; again without the guilty ones until what is left has happened.
    fn run_batch(
        &mut self,
        groups: &[Group],
        mut members: Vec<usize>,
        results: &mut [Result<(), GateError>],
        echoes: &mut Echoes,
    ) {
        // Removals that found nothing, on kernels that make an error of it: done already.
        let mut gone: Vec<(usize, usize)> = Vec::new();
        while !members.is_empty() {
            let ops: Vec<(usize, usize, &ElementOp)> = members
                .iter()
                .filter_map(|group| groups.get(*group).map(|ops| (*group, ops)))
                .flat_map(|(group, ops)| ops.iter().enumerate().map(move |(number, op)| (group, number, op)))
                .filter(|(group, number, _)| !gone.contains(&(*group, *number)))
                .collect();
            let batch: Vec<&ElementOp> = ops.iter().map(|(_, _, op)| *op).collect();
            match self.socket.transact(&batch, self.has_destroy) {
                Ok(Outcome::Done(found)) => {
                    for (index, element) in found {
                        if let Some((_, _, op)) = ops.get(index) {
                            echoes.insert((op.set, op.element.key.clone()), element);
                        }
                    }
                    return;
                }
                Ok(Outcome::Failed(errors)) => {
                    for (index, errno) in errors {
                        let Some((group, number, op)) = ops.get(index) else { continue };
                        if errno == ENOENT && matches!(op.action, Action::Remove { .. }) {
                            gone.push((*group, *number));
                        } else {
                            members.retain(|member| member != group);
                            set_result(results, *group, refusal(op, errno));
                        }
                    }
                }
                Ok(Outcome::FailedWhole(errno)) => {
                    if let [group] = members.as_slice() {
                        set_result(results, *group, GateError::refused("change its sets", errno));
                        return;
                    }
                    let second = members.split_off(members.len() / 2);
                    self.run_batch(groups, members, results, echoes);
                    self.run_batch(groups, second, results, echoes);
                    return;
                }
                Err(error) => {
                    for group in members {
                        let again =
                            error.errno().map_or(GateError::Malformed("the batch's answer"), |errno| {
                                GateError::refused("change its sets (netlink)", errno)
                            });
                        set_result(results, group, again);
                    }
                    return;
                }
            }
        }
    }

    pub(super) fn add(&self, set: &'static str, element: Element) -> ElementOp {
        ElementOp { set, action: Action::Add, element }
    }

    pub(super) fn remove(&self, set: &'static str, key: Vec<u8>) -> ElementOp {
        let element = Element { key, ..Element::default() };
        ElementOp { set, action: Action::Remove { echo: false }, element }
    }

    /// Removes a client's element of `online` and asks for its last state.
    pub(super) fn shut(&self, key: ClientKey) -> ElementOp {
        let element = Element { key: self.mark_bytes(key), ..Element::default() };
        ElementOp { set: ONLINE, action: Action::Remove { echo: true }, element }
    }

    pub(super) fn mark_bytes(&self, key: ClientKey) -> Vec<u8> {
        self.mark(key).to_ne_bytes().to_vec()
    }

    /// MAC and mark as the concatenated key of `owner`: each part padded to four bytes.
    pub(super) fn pair_bytes(&self, mac: MacAddr, key: ClientKey) -> Vec<u8> {
        let mut bytes = mac.bytes().to_vec();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&self.mark(key).to_ne_bytes());
        bytes
    }

    /// Makes the pair known, whatever the MAC's key was.
    pub(super) fn learn(&self, mac: MacAddr, key: ClientKey) -> Group {
        let mark = self.mark_bytes(key);
        vec![
            self.remove(CLIENT_OF, mac.bytes().to_vec()),
            self.add(
                CLIENT_OF,
                Element { key: mac.bytes().to_vec(), data: Some(mark), ..Element::default() },
            ),
            self.add(OWNER, Element { key: self.pair_bytes(mac, key), ..Element::default() }),
        ]
    }

    /// Takes everything of a client away that lets it through or counts it.
    pub(super) fn close(&self, key: ClientKey) -> Group {
        let mark = self.mark_bytes(key);
        [ONLINE, SENT, RECEIVED, CLASS_OF].into_iter().map(|set| self.remove(set, mark.clone())).collect()
    }

    /// Takes a pair away.
    pub(super) fn forget(&self, mac: MacAddr, key: ClientKey) -> Group {
        let mut group = self.close(key);
        group.push(self.remove(CLIENT_OF, mac.bytes().to_vec()));
        group.push(self.remove(OWNER, self.pair_bytes(mac, key)));
        group
    }

    /// Books anew, starting at these.
    pub(super) fn books(&self, key: ClientKey, books: &Books) -> Group {
        let mark = self.mark_bytes(key);
        let sent = Counter { bytes: books.sent_bytes, packets: books.sent_packets };
        let received = Counter { bytes: books.received_bytes, packets: books.received_packets };
        [(SENT, sent), (RECEIVED, received)]
            .into_iter()
            .flat_map(|(set, counter)| {
                let element = Element { key: mark.clone(), counter: Some(counter), ..Element::default() };
                [self.remove(set, mark.clone()), self.add(set, element)]
            })
            .collect()
    }

    /// The client has a class of its own, or none.
    pub(super) fn class(&self, key: ClientKey, has_class: bool) -> Group {
        let mark = self.mark_bytes(key);
        let mut group = vec![self.remove(CLASS_OF, mark.clone())];
        if has_class {
            let data = Some(class_id(key).to_ne_bytes().to_vec());
            group.push(self.add(CLASS_OF, Element { key: mark, data, ..Element::default() }));
        }
        group
    }

    /// The element of `online` for so many bytes of which some are used up; `None` if there is no time left.
    pub(super) fn online(
        &self,
        now: BootTime,
        key: ClientKey,
        grant: &Grant,
        quota: Quota,
    ) -> Option<ElementOp> {
        let timeout_ms = match grant.time_left_ms(now) {
            Some(0) => return None,
            left => left.map(|left| left.saturating_add(TIMEOUT_GRACE_MS)),
        };
        let element =
            Element { key: self.mark_bytes(key), timeout_ms, quota: Some(quota), ..Element::default() };
        Some(self.add(ONLINE, element))
    }
}

/// A client's class as the kernel's sets and qdiscs hold it.
pub(super) const fn class_id(key: ClientKey) -> u32 {
    (CLASS_MAJOR as u32) << 16 | key.get() as u32
}

/// The quota for what a grant leaves, with nothing used; `None` if it leaves nothing.
pub(super) fn quota_of(bytes_left: Option<u64>) -> Option<Quota> {
    match bytes_left {
        Some(0) => None,
        Some(left) => Some(Quota { limit_bytes: left.min(Quota::UNLIMITED_BYTES - 1), used_bytes: 0 }),
        None => Some(Quota { limit_bytes: Quota::UNLIMITED_BYTES, used_bytes: 0 }),
    }
}

fn set_result(results: &mut [Result<(), GateError>], group: usize, error: GateError) {
    if let Some(result) = results.get_mut(group) {
        *result = Err(error);
    }
}

fn refusal(op: &ElementOp, errno: i32) -> GateError {
    match (op.action, errno) {
        (Action::Add, ENOENT) => GateError::NotLoaded,
        (Action::Add, errno) => GateError::refused("add an element", errno),
        (Action::Remove { .. }, errno) => GateError::refused("remove an element", errno),
    }
}

/// Asks the kernel to destroy what cannot be there: one that does not know the message says EINVAL, any other that the
/// table is missing, or that nothing was to be done.
fn knows_destroy(socket: &mut NetfilterSocket) -> Result<bool, GateError> {
    let element = Element { key: vec![0; 4], ..Element::default() };
    let op = ElementOp { set: "none-of-ours", action: Action::Remove { echo: false }, element };
    match socket.transact(&[&op], true)? {
        Outcome::Done(_) => Ok(true),
        Outcome::Failed(errors) => Ok(errors.iter().all(|(_, errno)| *errno == ENOENT)),
        Outcome::FailedWhole(errno) => Err(GateError::refused("change sets", errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quota_without_bytes_and_never_the_mark_of_unlimited() {
        assert_eq!(quota_of(Some(0)), None);
        assert!(!quota_of(Some(u64::MAX)).unwrap().is_unlimited());
        assert!(quota_of(None).unwrap().is_unlimited());
    }
}
