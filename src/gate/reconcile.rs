//! Desired state against what the kernel holds.

use std::collections::{HashMap, HashSet};

use super::error::GateError;
use super::kernel::{Group, Kernel, TIMEOUT_GRACE_MS, class_id};
use super::names::{CLASS_OF, CLIENT_OF, ONLINE, OWNER, RECEIVED, SENT};
use super::netlink::element::{Counter, Element, Quota};
use super::netlink::flows::Flows;
use crate::domain::{Access, Books, BootTime, ClientKey, Grant, MacAddr};

/// How far a timeout may be off, in milliseconds.
const TIMEOUT_TOLERANCE_MS: u64 = 1_000;

/// How much smaller than desired a quota may be, in bytes. The packet that crosses the limit is charged to the quota and
/// not to the books; the largest is a merged one of 64 KiB.
const QUOTA_TOLERANCE_BYTES: u64 = 64 << 10;

/// What was repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repairs {
    /// Pairs of MAC and key that were missing, wrong or superfluous.
    pub pairs: usize,
    /// Grants that were missing or of another time or quota.
    pub grants: usize,
    /// Books that were missing.
    pub books: usize,
    /// Traffic classes that were missing, wrong or superfluous.
    pub classes: usize,
    /// Clients that were let through or counted and must not be; their connections were deleted, too.
    pub closed: usize,
}

impl Repairs {
    /// All of them.
    pub const fn total(&self) -> usize {
        self.pairs + self.grants + self.books + self.classes + self.closed
    }
}

/// The sets as they are, as small as can be: there may be tens of thousands of clients.
struct Held {
    /// The mark of each MAC.
    client_of: HashMap<[u8; 6], Option<u32>>,
    owner: HashSet<[u8; 12]>,
    sent: HashMap<u32, Counter>,
    received: HashMap<u32, Counter>,
    class_of: HashMap<u32, Option<u32>>,
    online: HashMap<u32, Online>,
}

/// An element of `online`.
#[derive(Debug, Clone, Copy, Default)]
struct Online {
    timeout_ms: Option<u64>,
    expires_in_ms: Option<u64>,
    quota: Option<Quota>,
}

/// The repairs to be made.
#[derive(Default)]
struct Plan {
    groups: Vec<Group>,
    flows: Vec<(ClientKey, Flows)>,
    repairs: Repairs,
}

impl Kernel {
    /// Repairs what differs. Safe under traffic and at any time: what is right is not touched.
    pub(super) fn reconcile(&mut self, now: BootTime, desired: &[Access]) -> Result<Repairs, GateError> {
        for access in desired {
            self.check_key(access.key)?;
        }
        let held = self.held()?;
        let mut plan = Plan::default();
        self.plan_pairs(&held, desired, &mut plan);
        self.plan_strangers(&held, desired, &mut plan);
        for access in desired {
            match &access.grant {
                Some(grant) => self.plan_grant(&held, now, access.key, grant, &mut plan)?,
                None => self.plan_closed(&held, access.key, &mut plan),
            }
        }
        let (results, _) = self.run(&plan.groups);
        // What could be repaired was; now the connections, then the first error.
        self.delete_flows(plan.flows)?;
        results.into_iter().collect::<Result<(), _>>()?;
        Ok(plan.repairs)
    }

    /// Lists the sets: the counters before `online`, so that a quota that has more left than the counters say is wrong and
    /// not merely older.
    fn held(&mut self) -> Result<Held, GateError> {
        let socket = &mut self.socket;
        let fixed = |element: Element| Some((element.key.as_slice().try_into().ok()?, element.data_number()));
        let counted = |element: Element| Some((element.key_number()?, element.counter.unwrap_or_default()));
        let classed = |element: Element| Some((element.key_number()?, element.data_number()));
        let online = |element: Element| {
            let Element { timeout_ms, expires_in_ms, quota, .. } = element;
            Some((element.key_number()?, Online { timeout_ms, expires_in_ms, quota }))
        };
        Ok(Held {
            client_of: socket.dump_as(CLIENT_OF, fixed)?.into_iter().collect(),
            owner: socket
                .dump_as(OWNER, |element| element.key.as_slice().try_into().ok())?
                .into_iter()
                .collect(),
            sent: socket.dump_as(SENT, counted)?.into_iter().collect(),
            received: socket.dump_as(RECEIVED, counted)?.into_iter().collect(),
            class_of: socket.dump_as(CLASS_OF, classed)?.into_iter().collect(),
            online: socket.dump_as(ONLINE, online)?.into_iter().collect(),
        })
    }

    /// Pairs that are missing, and pairs that nobody desires: their key's connections may be another's by now.
    fn plan_pairs(&self, held: &Held, desired: &[Access], plan: &mut Plan) {
        let mut macs = HashSet::with_capacity(desired.len());
        let mut pairs = HashSet::with_capacity(desired.len());
        for access in desired {
            let mark = self.mark(access.key);
            let (mac, pair) = (access.mac.bytes(), pair_of(access.mac, mark));
            let is_known = held.client_of.get(&mac) == Some(&Some(mark)) && held.owner.contains(&pair);
            if !is_known {
                plan.groups.push(self.learn(access.mac, access.key));
                plan.repairs.pairs += 1;
            }
            macs.insert(mac);
            pairs.insert(pair);
        }
        for mac in held.client_of.keys().filter(|mac| !macs.contains(*mac)) {
            plan.groups.push(vec![self.remove(CLIENT_OF, mac.to_vec())]);
            plan.repairs.pairs += 1;
        }
        for pair in held.owner.iter().filter(|pair| !pairs.contains(*pair)) {
            plan.groups.push(vec![self.remove(OWNER, pair.to_vec())]);
            plan.repairs.pairs += 1;
            plan.flows.extend(self.key_in_pair(pair).map(|key| (key, Flows::All)));
        }
    }

    fn key_in_pair(&self, pair: &[u8; 12]) -> Option<ClientKey> {
        let mark = pair.get(8..).and_then(|mark| mark.try_into().ok()).map(u32::from_ne_bytes)?;
        self.key_of(mark)
    }

    /// Elements of marks that are no desired client's.
    fn plan_strangers(&self, held: &Held, desired: &[Access], plan: &mut Plan) {
        let known: HashSet<u32> = desired.iter().map(|access| self.mark(access.key)).collect();
        let marks = held.online.keys().map(|mark| (ONLINE, *mark));
        let marks = marks.chain(held.sent.keys().map(|mark| (SENT, *mark)));
        let marks = marks.chain(held.received.keys().map(|mark| (RECEIVED, *mark)));
        let marks = marks.chain(held.class_of.keys().map(|mark| (CLASS_OF, *mark)));
        let mut strangers: HashMap<u32, Group> = HashMap::new();
        for (set, mark) in marks.filter(|(_, mark)| !known.contains(mark)) {
            strangers.entry(mark).or_default().push(self.remove(set, mark.to_ne_bytes().to_vec()));
        }
        for (mark, group) in strangers {
            plan.groups.push(group);
            plan.repairs.closed += 1;
            plan.flows.extend(self.key_of(mark).map(|key| (key, Flows::All)));
        }
    }

    /// A client that is captive.
    fn plan_closed(&self, held: &Held, key: ClientKey, plan: &mut Plan) {
        let mark = self.mark(key);
        if held.online.contains_key(&mark)
            || held.sent.contains_key(&mark)
            || held.received.contains_key(&mark)
            || held.class_of.contains_key(&mark)
        {
            plan.groups.push(self.close(key));
            plan.repairs.closed += 1;
            plan.flows.push((key, Flows::WhereTheyWereSent));
        }
    }

    fn plan_grant(
        &mut self,
        held: &Held,
        now: BootTime,
        key: ClientKey,
        grant: &Grant,
        plan: &mut Plan,
    ) -> Result<(), GateError> {
        let mark = self.mark(key);
        let (sent, received) = (held.sent.get(&mark), held.received.get(&mark));
        let mut grant = grant.clone();
        if sent.is_some() && received.is_some() {
            grant.books = books_of(sent, received);
        } else {
            // Lost: from what was last read on, or what one of the two still says.
            grant.books = newest(&grant.books, &books_of(sent, received));
            plan.groups.push(self.books(key, &grant.books));
            plan.repairs.books += 1;
        }

        let class = held.class_of.get(&mark).copied().flatten();
        let wanted_class = grant.rates.is_some().then(|| class_id(key));
        if class != wanted_class {
            plan.groups.push(self.class(key, wanted_class.is_some()));
            plan.repairs.classes += 1;
        }

        let is_right = match held.online.get(&mark) {
            Some(element) => self.is_right(now, key, &grant, element)?,
            // Nothing is missing where nothing is left.
            None => grant.time_left_ms(now) == Some(0) || grant.bytes_left() == Some(0),
        };
        if !is_right {
            if sent.is_some() && received.is_some() {
                // As late as can be: every byte that passes from here on is one too many.
                self.refresh(key, &mut grant)?;
            }
            plan.groups.push(self.replace_online(now, key, &grant, 0));
            plan.repairs.grants += 1;
        }
        Ok(())
    }

    /// Whether an element of `online` is what the grant, with the books read just before the element, asks for.
    fn is_right(
        &mut self,
        now: BootTime,
        key: ClientKey,
        grant: &Grant,
        element: &Online,
    ) -> Result<bool, GateError> {
        if !timeout_is_right(grant.time_left_ms(now), element) {
            return Ok(false);
        }
        let Some(quota) = element.quota else { return Ok(false) };
        let Some(wanted_left) = grant.bytes_left() else { return Ok(quota.is_unlimited()) };
        if quota.is_unlimited() || quota.left_bytes() > wanted_left {
            return Ok(false);
        }
        if quota.left_bytes().saturating_add(QUOTA_TOLERANCE_BYTES) >= wanted_left {
            return Ok(true);
        }
        // Too little left, or traffic since the counters were listed: look again, the counters last this time.
        let mark = self.mark_bytes(key);
        let again = self.socket.get(ONLINE, &[mark])?.into_iter().flatten().next();
        let mut grant = grant.clone();
        self.refresh(key, &mut grant)?;
        let left = again.and_then(|element| element.quota).map(|quota| quota.left_bytes());
        Ok(match (left, grant.bytes_left()) {
            (Some(left), Some(wanted)) => left.saturating_add(QUOTA_TOLERANCE_BYTES) >= wanted,
            _ => false,
        })
    }

    /// Takes the counters as they are now as the grant's books.
    fn refresh(&mut self, key: ClientKey, grant: &mut Grant) -> Result<(), GateError> {
        if let Some(found) = self.read(&[key])?.get(&key) {
            grant.books = newest(&grant.books, &found.books);
        }
        Ok(())
    }
}

fn timeout_is_right(time_left_ms: Option<u64>, element: &Online) -> bool {
    match (time_left_ms, element.timeout_ms.filter(|timeout| *timeout != 0)) {
        (None, None) => true,
        (Some(left), Some(_)) => {
            let wanted = left.saturating_add(TIMEOUT_GRACE_MS);
            element.expires_in_ms.unwrap_or_default().abs_diff(wanted) <= TIMEOUT_TOLERANCE_MS
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// MAC and mark as the concatenated key of `owner`: each part padded to four bytes.
fn pair_of(mac: MacAddr, mark: u32) -> [u8; 12] {
    let mut pair = [0; 12];
    let bytes = mac.bytes().into_iter().chain([0, 0]).chain(mark.to_ne_bytes());
    pair.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    pair
}

fn books_of(sent: Option<&Counter>, received: Option<&Counter>) -> Books {
    let counter = |counter: Option<&Counter>| counter.copied().unwrap_or_default();
    let (Counter { bytes: sent_bytes, packets: sent_packets }, received) = (counter(sent), counter(received));
    Books { sent_bytes, received_bytes: received.bytes, sent_packets, received_packets: received.packets }
}

/// Counters only grow: of two readings the larger number is the later one.
fn newest(one: &Books, other: &Books) -> Books {
    Books {
        sent_bytes: one.sent_bytes.max(other.sent_bytes),
        received_bytes: one.received_bytes.max(other.received_bytes),
        sent_packets: one.sent_packets.max(other.sent_packets),
        received_packets: one.received_packets.max(other.received_packets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiring(timeout_ms: Option<u64>, expires_in_ms: Option<u64>) -> Online {
        Online { timeout_ms, expires_in_ms, quota: None }
    }

    #[test]
    fn timeouts_are_compared_within_a_second() {
        assert!(timeout_is_right(None, &expiring(None, None)));
        assert!(!timeout_is_right(None, &expiring(Some(5_000), Some(4_000))));
        assert!(!timeout_is_right(Some(4_000), &expiring(None, None)));
        assert!(timeout_is_right(Some(4_000), &expiring(Some(9_000), Some(4_900))));
        assert!(!timeout_is_right(Some(4_000), &expiring(Some(9_000), Some(5_200))));
    }
}
