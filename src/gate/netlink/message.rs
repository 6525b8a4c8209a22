//! Netlink messages of netfilter: header, family, attributes; alone or in a batch.

use super::attr::{AttrWriter, Attrs};

/// `struct nlmsghdr`: length, type, flags, sequence number, port.
pub const HEADER: usize = 16;
/// `struct nfgenmsg`: family, version, resource.
const NETFILTER_HEADER: usize = 4;

/// `NLMSG_ERROR`, also the acknowledgement.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;

pub const FLAG_REQUEST: u16 = 0x1;
pub const FLAG_ACK: u16 = 0x4;
pub const FLAG_ECHO: u16 = 0x8;
pub const FLAG_DUMP_INTERRUPTED: u16 = 0x10;
pub const FLAG_DUMP: u16 = 0x300;
pub const FLAG_CREATE: u16 = 0x400;

/// `NFNL_SUBSYS_CTNETLINK`.
pub const CONNTRACK: u8 = 1;
/// `NFNL_SUBSYS_NFTABLES`.
pub const NFTABLES: u8 = 10;

/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`.
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;

/// `NFPROTO_INET`.
pub const FAMILY_INET: u8 = 1;
/// Any family.
pub const FAMILY_ANY: u8 = 0;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageKind {
    /// The part of netfilter.
    pub subsystem: u8,
    /// The command within it.
    pub command: u8,
}

impl MessageKind {
    /// A command to nf_tables.
    pub const fn nftables(command: u8) -> Self {
        Self { subsystem: NFTABLES, command }
    }

    const fn number(self) -> u16 {
        u16::from_be_bytes([self.subsystem, self.command])
    }
}

/// Appends one message.
pub fn push(
    buffer: &mut Vec<u8>,
    kind: MessageKind,
    flags: u16,
    sequence: u32,
    family: u8,
    fill: impl FnOnce(&mut AttrWriter<'_>),
) {
    push_raw(buffer, kind.number(), flags, sequence, [family, 0, 0, 0], fill);
}

fn push_raw(
    buffer: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    netfilter_header: [u8; NETFILTER_HEADER],
    fill: impl FnOnce(&mut AttrWriter<'_>),
) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(&(flags | FLAG_REQUEST).to_ne_bytes());
    buffer.extend_from_slice(&sequence.to_ne_bytes());
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&netfilter_header);
    fill(&mut AttrWriter::new(buffer));
    let length = u32::try_from(buffer.len() - start).unwrap_or(u32::MAX);
    if let Some(field) = buffer.get_mut(start..start + 4) {
        field.copy_from_slice(&length.to_ne_bytes());
    }
}

/// Opens a batch: what follows happens as one, or not at all.
pub fn begin_batch(buffer: &mut Vec<u8>, sequence: u32) {
    push_raw(buffer, BATCH_BEGIN, 0, sequence, [0, 0, 0, NFTABLES], |_| {});
}

/// Closes a batch.
pub fn end_batch(buffer: &mut Vec<u8>, sequence: u32) {
    push_raw(buffer, BATCH_END, 0, sequence, [0, 0, 0, NFTABLES], |_| {});
}

/// A message that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'bytes> {
    /// The request that it belongs to.
    pub sequence: u32,
    /// The port of whoever caused it.
    pub port: u32,
    /// Its flags.
    pub flags: u16,
    /// What it says.
    pub body: Body<'bytes>,
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'bytes> {
    /// An acknowledgement (0) or an error number.
    Result(i32),
    /// The end of a dump.
    Done,
    /// An object.
    Object {
        /// Which kind of object, and what became of it.
        kind: MessageKind,
        /// The address family.
        family: u8,
        /// Its attributes, unread.
        attributes: &'bytes [u8],
    },
    /// Anything else.
    Other,
}

impl<'bytes> Body<'bytes> {
    /// The attributes of an object of this kind.
    pub fn object(&self, wanted: MessageKind) -> Option<Attrs<'bytes>> {
        match *self {
            Self::Object { kind, attributes, .. } if kind == wanted => Some(Attrs::new(attributes)),
            Self::Object { .. } | Self::Result(_) | Self::Done | Self::Other => None,
        }
    }
}

/// Reads messages one after the other; ends at the first that does not fit into what is there.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'bytes> {
    rest: &'bytes [u8],
}

impl<'bytes> Messages<'bytes> {
    /// Reads from the start of these bytes.
    pub const fn new(bytes: &'bytes [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'bytes> Iterator for Messages<'bytes> {
    type Item = Message<'bytes>;

    fn next(&mut self) -> Option<Message<'bytes>> {
        let (header, _) = self.rest.split_first_chunk::<HEADER>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = *header;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let Some(payload) = self.rest.get(HEADER..length) else {
            self.rest = &[];
            return None;
        };
        self.rest = length.checked_next_multiple_of(4).and_then(|next| self.rest.get(next..)).unwrap_or(&[]);
        Some(Message {
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            flags: u16::from_ne_bytes([f0, f1]),
            body: body(u16::from_ne_bytes([k0, k1]), payload),
        })
    }
}

fn body(kind: u16, payload: &[u8]) -> Body<'_> {
    match kind {
        ERROR => payload
            .first_chunk::<4>()
            .map_or(Body::Other, |number| Body::Result(i32::from_ne_bytes(*number).saturating_neg())),
        DONE => Body::Done,
        kind if kind >= 0x100 => match payload.split_first_chunk::<NETFILTER_HEADER>() {
            Some(([family, ..], attributes)) => {
                let [subsystem, command] = kind.to_be_bytes();
                Body::Object { kind: MessageKind { subsystem, command }, family: *family, attributes }
            }
            None => Body::Other,
        },
        _ => Body::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_batch_is_framed() {
        let mut buffer = Vec::new();
        begin_batch(&mut buffer, 1);
        push(&mut buffer, MessageKind::nftables(12), FLAG_CREATE, 2, FAMILY_INET, |attrs| {
            attrs.text(1, "turnpike");
        });
        end_batch(&mut buffer, 3);
        let messages: Vec<_> = Messages::new(&buffer).collect();
        assert_eq!(messages.iter().map(|message| message.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        let attrs = messages[1].body.object(MessageKind::nftables(12)).unwrap();
        assert_eq!(attrs.find_kind(1).unwrap().text(), Some("turnpike"));
        assert_eq!(messages[0].body, Body::Other);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..1024)) {
            prop_assert!(Messages::new(&bytes).count() <= bytes.len());
        }

        #[test]
        fn a_length_that_lies_ends_the_reading(length in any::<u32>()) {
            let mut buffer = Vec::new();
            begin_batch(&mut buffer, 1);
            buffer[..4].copy_from_slice(&length.to_ne_bytes());
            prop_assert!(Messages::new(&buffer).count() <= 2);
        }
    }
}
