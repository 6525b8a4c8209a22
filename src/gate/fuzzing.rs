//! What is held against any bytes that might come from the kernel, by the fuzz target `netlink` and over its seeds.

use super::netlink::attr::Attrs;
use super::netlink::conntrack::read_event;
use super::netlink::element::{Element, LIST_SET, NEW_ELEMENT, Quota, read_elements};
use super::netlink::message::{self, Body, FAMILY_INET, Message, MessageKind, Messages};
use super::{TABLE, watch};
use crate::domain::ConnectionEvent;

/// How deep attributes are looked into; the kernel nests three.
const DEPTH: usize = 4;

/// Reads a datagram as all who listen to nf_tables and conntrack do.
///
/// # Panics
///
/// Something was read that is not in it, or is not written as it was read.
pub fn netlink(bytes: &[u8]) {
    let mut length = 0;
    for message in Messages::new(bytes) {
        length += message::HEADER;
        if let Body::Object { attributes, .. } = message.body {
            assert!(count(Attrs::new(attributes), DEPTH) <= DEPTH * attributes.len() / 4);
            elements(Attrs::new(attributes));
            length += attributes.len();
        }
        connection(&message);
    }
    assert!(length <= bytes.len(), "more was read than is there");
    watch::read_any(bytes);
}

fn count(attrs: Attrs<'_>, depth: usize) -> usize {
    attrs
        .map(|attr| {
            let (_, _, _) = (attr.be16(), attr.be32(), attr.be64());
            assert!(attr.text().is_none_or(|text| !text.contains('\0') && text.len() <= attr.payload.len()));
            1 + if depth > 1 { count(attr.children(), depth - 1) } else { 0 }
        })
        .sum()
}

fn connection(message: &Message<'_>) {
    let Some(told) = read_event(message) else { return };
    assert!(told.mark != 0, "nobody's");
    assert!(matches!(told.event, ConnectionEvent::Began | ConnectionEvent::Ended { .. }));
    assert_eq!(read_event(message), Some(told));
}

/// What was read of an element is read again when it is written.
fn elements(attrs: Attrs<'_>) {
    let _ = attrs.find_kind(LIST_SET).and_then(|name| name.text());
    for element in read_elements(attrs) {
        assert!((1..=64).contains(&element.key.len()));
        assert!(element.data.as_ref().is_none_or(|data| data.len() <= 64));
        assert_eq!(element.key_number().is_some(), element.key.len() == 4);
        let mut written = Vec::new();
        message::push(&mut written, MessageKind::nftables(NEW_ELEMENT), 0, 7, FAMILY_INET, |attrs| {
            element.write(attrs, TABLE, "online");
        });
        let mut messages = Messages::new(&written);
        let read: Vec<Element> = messages
            .next()
            .and_then(|message| message.body.object(MessageKind::nftables(NEW_ELEMENT)))
            .map(|attrs| read_elements(attrs).collect())
            .unwrap_or_default();
        assert_eq!(read, [as_written(element)]);
        assert!(messages.next().is_none());
    }
}

/// A limit beyond what the kernel holds is written as none, and what is left of a timeout is never written.
fn as_written(element: Element) -> Element {
    let quota = element.quota.map(|quota| {
        let most = Quota::UNLIMITED_BYTES;
        assert!(quota.left_bytes() <= quota.limit_bytes && (quota.left_bytes() == 0) == quota.is_exhausted());
        Quota { limit_bytes: quota.limit_bytes.min(most), used_bytes: quota.used_bytes.min(most) }
    });
    Element { expires_in_ms: None, quota, ..element }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn seeds_and_what_once_broke_something_hold() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut run = 0;
        for folder in ["seeds", "crashes"] {
            let Ok(files) = std::fs::read_dir(fuzz.join(folder).join("netlink")) else { continue };
            for file in files {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                super::netlink(&bytes);
                run += 1;
            }
        }
        assert!(run >= 5, "the seeds are elsewhere");
    }
}
