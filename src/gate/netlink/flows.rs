//! Conntrack entries of clients, deleted (`include/uapi/linux/netfilter/nfnetlink_conntrack.h`).

use std::collections::BTreeMap;

use super::attr::Attrs;
use super::conntrack::{DELETE, MARK, NEW, ORIGINAL};
use super::message::{self, Body, CONNTRACK, FAMILY_ANY, FLAG_ACK, MessageKind};
use super::socket::NetfilterSocket;
use crate::gate::error::GateError;

/// `IPCTNL_MSG_CT_GET`.
const GET: MessageKind = MessageKind { subsystem: CONNTRACK, command: 1 };
/// `CTA_STATUS`.
const STATUS: u16 = 3;
/// `CTA_ID`: what tells an entry from a later one with the same addresses and ports.
const ID: u16 = 12;
/// `CTA_ZONE`.
const ZONE: u16 = 18;
/// `CTA_MARK_MASK`.
const MARK_MASK: u16 = 21;
/// `CTA_STATUS_MASK`. Kernels before 6.2 do not know it, and then ask for the mark alone.
const STATUS_MASK: u16 = 26;
/// `IPS_DST_NAT`.
const DESTINATION_TRANSLATED: u32 = 1 << 5;

const ENOENT: i32 = 2;

/// For so few clients the kernel looks through all its connections once for each; for more all are listed. With many connections that
/// takes about as long as to look through them three times; with few it takes much longer, since a listing locks each bucket of
/// the kernel's table (10 ms where it has 262,144), and a deletion passes over those that are empty.
const LOOKS: usize = 3;

/// Which of a client's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flows {
    /// Those that lead where the client sent them: not those that the portal took, nor what came in by a port forward.
    WhereTheyWereSent,
    /// All of them.
    All,
}

/// Whose connections, by mark, and which of each.
#[derive(Debug, Default)]
pub struct Marked(BTreeMap<u32, Flows>);

impl Marked {
    /// Adds a client. All of its connections, if any call says so.
    pub fn add(&mut self, mark: u32, which: Flows) {
        let known = self.0.entry(mark).or_insert(which);
        *known = which.max(*known);
    }

    fn has(&self, mark: u32, status: u32) -> bool {
        match self.0.get(&mark) {
            Some(Flows::All) => true,
            Some(Flows::WhereTheyWereSent) => status & DESTINATION_TRANSLATED == 0,
            None => false,
        }
    }
}

/// An entry as the kernel lists it: what it is found by again.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    family: u8,
    /// The attributes of its original tuple.
    original: Vec<u8>,
    id: u32,
    zone: Option<u16>,
}

impl NetfilterSocket {
    /// Deletes entries of both families whose mark under `mask` is one of these. None is no error.
    ///
    /// A mark must not be 0: that would be everybody who has no key.
    pub fn delete_flows(&mut self, mask: u32, marked: &Marked) -> Result<(), GateError> {
        if mask == 0 || marked.0.contains_key(&0) {
            return Err(GateError::Malformed("a mark of 0 is nobody's"));
        }
        if marked.0.len() <= LOOKS {
            return self.delete_marked(mask, marked);
        }
        let entries = self.list(
            (GET, NEW),
            FAMILY_ANY,
            |_| {},
            |family, attrs, entries| entries.extend(read_entry(family, attrs, mask, marked)),
        )?;
        self.delete_entries(&entries)
    }

    /// Has the kernel look for them.
    fn delete_marked(&mut self, mask: u32, marked: &Marked) -> Result<(), GateError> {
        let clients: Vec<_> = marked.0.iter().collect();
        self.ask_each(
            &clients,
            |buffer, sequence, (mark, which)| {
                message::push(buffer, DELETE, FLAG_ACK, sequence, FAMILY_ANY, |attrs| {
                    attrs.be32(MARK, **mark).be32(MARK_MASK, mask);
                    match which {
                        Flows::All => {}
                        Flows::WhereTheyWereSent => {
                            attrs.be32(STATUS, 0).be32(STATUS_MASK, DESTINATION_TRANSLATED);
                        }
                    }
                });
            },
            |_, body| is_deleted(body),
        )
    }

    /// Deletes these, but for those that are gone already.
    fn delete_entries(&mut self, entries: &[Entry]) -> Result<(), GateError> {
        self.ask_each(
            entries,
            |buffer, sequence, entry| {
                message::push(buffer, DELETE, FLAG_ACK, sequence, entry.family, |attrs| {
                    attrs.nested(ORIGINAL, |original| {
                        original.encoded(&entry.original);
                    });
                    attrs.be32(ID, entry.id);
                    if let Some(zone) = entry.zone {
                        attrs.bytes(ZONE, &zone.to_be_bytes());
                    }
                });
            },
            |_, body| is_deleted(body),
        )
    }
}

/// Whether the answer to a deletion is there. What is gone already is no error.
fn is_deleted(body: Body<'_>) -> Result<bool, GateError> {
    match body {
        Body::Result(0 | ENOENT) => Ok(true),
        Body::Result(errno) => Err(GateError::refused("delete connections", errno)),
        Body::Done | Body::Object { .. } | Body::Other => Ok(false),
    }
}

/// An entry that is one of those; one that could not be found again is none, nor is one without any tuple: to delete "nothing"
/// is to delete all.
fn read_entry(family: u8, attrs: Attrs<'_>, mask: u32, marked: &Marked) -> Option<Entry> {
    let number = |kind: u16| attrs.find_kind(kind).and_then(|attr| attr.be32());
    if !marked.has(number(MARK)? & mask, number(STATUS).unwrap_or_default()) {
        return None;
    }
    let original = attrs.find_kind(ORIGINAL)?.payload.to_vec();
    let zone = attrs.find_kind(ZONE).and_then(|attr| attr.be16());
    Some(Entry { family, original, id: number(ID)?, zone }).filter(|entry| !entry.original.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::message::{FAMILY_INET, Messages};
    use super::*;

    const MASK: u32 = 0xff00_00ff;

    /// A listed entry, each part of it if it is there.
    fn listed(mark: Option<u32>, status: u32, original: Option<&[u8]>, id: Option<u32>) -> Vec<u8> {
        let mut buffer = Vec::new();
        message::push(&mut buffer, NEW, 0, 0, FAMILY_INET, |attrs| {
            if let Some(bytes) = original {
                attrs.nested(ORIGINAL, |tuple| {
                    tuple.encoded(bytes);
                });
            }
            attrs.be32(STATUS, status);
            for (kind, number) in [(MARK, mark), (ID, id)] {
                if let Some(number) = number {
                    attrs.be32(kind, number);
                }
            }
        });
        buffer
    }

    fn read(bytes: &[u8]) -> Option<Entry> {
        let mut marked = Marked::default();
        marked.add(0x0100_0002, Flows::WhereTheyWereSent);
        marked.add(0x0100_0003, Flows::All);
        marked.add(0x0100_0003, Flows::WhereTheyWereSent);
        let attrs = Messages::new(bytes).next()?.body.object(NEW)?;
        read_entry(FAMILY_INET, attrs, MASK, &marked)
    }

    #[test]
    fn only_marked_entries_that_can_be_found_again_are_taken() {
        let tuple: Option<&[u8]> = Some(&[4, 0, 1, 0]);
        let ours = read(&listed(Some(0x0142_4202), 0, tuple, Some(7))).expect("another's bits of the mark");
        let wanted = Entry { family: FAMILY_INET, original: vec![4, 0, 1, 0], id: 7, zone: None };
        assert_eq!(ours, wanted);
        assert_eq!(read(&listed(Some(0x0100_0002), DESTINATION_TRANSLATED, tuple, Some(7))), None);
        assert!(read(&listed(Some(0x0100_0003), DESTINATION_TRANSLATED, tuple, Some(7))).is_some());
        for other in [Some(0x0100_0004), Some(0), None] {
            assert_eq!(read(&listed(other, 0, tuple, Some(7))), None);
        }
        assert_eq!(read(&listed(Some(0x0100_0003), 0, tuple, None)), None);
        for nothing in [Some(&[][..]), None] {
            assert_eq!(read(&listed(Some(0x0100_0003), 0, nothing, Some(7))), None);
        }
    }
}
