//! What the kernel tells of conntrack entries (`include/uapi/linux/netfilter/nfnetlink_conntrack.h`).

use std::net::IpAddr;

use super::attr::Attrs;
use super::message::{Body, CONNTRACK, Message, MessageKind};
use crate::domain::{ConnectionEvent, Endpoint};

/// `IPCTNL_MSG_CT_DELETE`.
pub(super) const DELETE: MessageKind = MessageKind { subsystem: CONNTRACK, command: 2 };
/// `CTA_MARK`.
pub(super) const MARK: u16 = 8;
/// `IPCTNL_MSG_CT_NEW`; in the groups of new and destroyed connections nothing else but this and [`DELETE`] is told.
pub(super) const NEW: MessageKind = MessageKind { subsystem: CONNTRACK, command: 0 };
/// `CTA_TUPLE_ORIG` and `CTA_TUPLE_REPLY`.
pub(super) const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
/// `CTA_COUNTERS_ORIG` and `CTA_COUNTERS_REPLY`.
const COUNTERS_ORIGINAL: u16 = 9;
const COUNTERS_REPLY: u16 = 10;
/// `CTA_TUPLE_IP` and `CTA_TUPLE_PROTO`.
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
/// `CTA_IP_*`.
const V4_SOURCE: u16 = 1;
const V4_DESTINATION: u16 = 2;
const V6_SOURCE: u16 = 3;
const V6_DESTINATION: u16 = 4;
/// `CTA_PROTO_*`.
const PROTOCOL_NUMBER: u16 = 1;
const SOURCE_PORT: u16 = 2;
const DESTINATION_PORT: u16 = 3;
const ICMP_ID: u16 = 4;
const ICMPV6_ID: u16 = 7;
/// `CTA_COUNTERS_BYTES`.
const COUNTER_BYTES: u16 = 2;

/// What an event says of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Its mark.
    pub mark: u32,
    /// The IP protocol's number.
    pub protocol: u8,
    /// Where it comes from.
    pub source: Endpoint,
    /// The same after translation: where its answers are sent.
    pub translated: Endpoint,
    /// Where it leads to: where its answers come from.
    pub destination: Endpoint,
    /// What happened.
    pub event: ConnectionEvent,
}

/// One direction of a connection.
struct Tuple {
    protocol: u8,
    source: Endpoint,
    destination: Endpoint,
}

/// Reads an event of a connection; `None` for anything else, and for what has no mark.
pub fn read_event(message: &Message<'_>) -> Option<Told> {
    let Body::Object { kind, attributes, .. } = message.body else { return None };
    let attrs = Attrs::new(attributes);
    let mark = attrs.find_kind(MARK)?.be32().filter(|mark| *mark != 0)?;
    let original = read_tuple(attrs.find_kind(ORIGINAL)?.children())?;
    let reply = read_tuple(attrs.find_kind(REPLY)?.children())?;
    let bytes = |counters: u16| attrs.find_kind(counters)?.children().find_kind(COUNTER_BYTES)?.be64();
    let event = if kind == NEW {
        ConnectionEvent::Began
    } else if kind == DELETE {
        ConnectionEvent::Ended { bytes: bytes(COUNTERS_ORIGINAL).zip(bytes(COUNTERS_REPLY)) }
    } else {
        return None;
    };
    Some(Told {
        mark,
        protocol: original.protocol,
        source: original.source,
        translated: reply.destination,
        destination: reply.source,
        event,
    })
}

fn read_tuple(attrs: Attrs<'_>) -> Option<Tuple> {
    let ip = attrs.find_kind(TUPLE_IP)?.children();
    let address = |v4: u16, v6: u16| {
        let v4 = ip.find_kind(v4).and_then(|attr| <[u8; 4]>::try_from(attr.payload).ok()).map(IpAddr::from);
        v4.or_else(|| {
            ip.find_kind(v6).and_then(|attr| <[u8; 16]>::try_from(attr.payload).ok()).map(IpAddr::from)
        })
    };
    let protocol = attrs.find_kind(TUPLE_PROTOCOL)?.children();
    let port = |kind| protocol.find_kind(kind).and_then(|attr| attr.be16());
    // Of an echo both directions have the same identifier; it is whoever asks who is known by it.
    let id = port(ICMP_ID).or_else(|| port(ICMPV6_ID));
    Some(Tuple {
        protocol: *protocol.find_kind(PROTOCOL_NUMBER)?.payload.first()?,
        source: Endpoint { address: address(V4_SOURCE, V6_SOURCE)?, port: port(SOURCE_PORT).or(id) },
        destination: Endpoint {
            address: address(V4_DESTINATION, V6_DESTINATION)?,
            port: port(DESTINATION_PORT).or(id),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::attr::AttrWriter;
    use super::super::message::{self, Messages};
    use super::*;

    type End = ([u8; 4], u16);

    fn tuple(attrs: &mut AttrWriter<'_>, kind: u16, from: End, to: End) {
        attrs.nested(kind, |tuple| {
            tuple.nested(TUPLE_IP, |ip| {
                ip.bytes(V4_SOURCE, &from.0).bytes(V4_DESTINATION, &to.0);
            });
            tuple.nested(TUPLE_PROTOCOL, |protocol| {
                protocol
                    .bytes(PROTOCOL_NUMBER, &[6])
                    .bytes(SOURCE_PORT, &from.1.to_be_bytes())
                    .bytes(DESTINATION_PORT, &to.1.to_be_bytes());
            });
        });
    }

    fn event(kind: MessageKind, mark: u32, counted: bool) -> Vec<u8> {
        let (phone, router, server) =
            (([10, 0, 0, 7], 5000), ([203, 0, 113, 2], 6000), ([192, 0, 2, 1], 443));
        let mut buffer = Vec::new();
        message::push(&mut buffer, kind, 0, 0, 2, |attrs| {
            tuple(attrs, ORIGINAL, phone, server);
            tuple(attrs, REPLY, server, router);
            attrs.be32(MARK, mark);
            for (kind, bytes) in [(COUNTERS_ORIGINAL, 100), (COUNTERS_REPLY, 2000)] {
                if counted {
                    attrs.nested(kind, |counter| {
                        counter.be64(COUNTER_BYTES, bytes);
                    });
                }
            }
        });
        buffer
    }

    fn read(bytes: &[u8]) -> Option<Told> {
        Messages::new(bytes).find_map(|message| read_event(&message))
    }

    #[test]
    fn a_connection_is_known_by_what_the_other_side_sees() {
        let end = |address: [u8; 4], port| Endpoint { address: address.into(), port: Some(port) };
        let told = read(&event(NEW, 0x0100_0002, false)).unwrap();
        assert_eq!((told.mark, told.protocol, told.event), (0x0100_0002, 6, ConnectionEvent::Began));
        assert_eq!(told.source, end([10, 0, 0, 7], 5000));
        assert_eq!(told.translated, end([203, 0, 113, 2], 6000));
        assert_eq!(told.destination, end([192, 0, 2, 1], 443));
        let ended = |counted| read(&event(DELETE, 1, counted)).unwrap().event;
        assert_eq!(ended(false), ConnectionEvent::Ended { bytes: None });
        assert_eq!(ended(true), ConnectionEvent::Ended { bytes: Some((100, 2000)) });
        assert_eq!(read(&event(NEW, 0, false)), None, "nobody's");
        assert_eq!(read(&event(MessageKind::nftables(NEW.command), 1, false)), None, "of something else");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..256), at in 0usize..200) {
            let _ = read(&bytes);
            let mut event = event(DELETE, 1, true);
            for (place, byte) in event.iter_mut().skip(at).zip(bytes) {
                *place = byte;
            }
            let _ = read(&event);
        }
    }
}
