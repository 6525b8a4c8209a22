//! Set elements as nf_tables speaks of them (`include/uapi/linux/netfilter/nf_tables.h`).

use super::attr::{Attr, AttrWriter, Attrs};

/// `NFT_MSG_NEWSETELEM`, also the answer to a get.
pub const NEW_ELEMENT: u8 = 12;
/// `NFT_MSG_GETSETELEM`.
pub const GET_ELEMENT: u8 = 13;
/// `NFT_MSG_DELSETELEM`, also the echo of a destroy.
pub const DELETE_ELEMENT: u8 = 14;
/// `NFT_MSG_DESTROYSETELEM`: a delete that does not mind if it is gone (kernel 6.3).
pub const DESTROY_ELEMENT: u8 = 30;

/// `NFTA_SET_ELEM_LIST_*`.
pub const LIST_TABLE: u16 = 1;
pub const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
/// `NFTA_LIST_ELEM`.
const LIST_ELEMENT: u16 = 1;
/// `NFTA_SET_ELEM_*`.
const KEY: u16 = 1;
const DATA: u16 = 2;
const TIMEOUT: u16 = 4;
const EXPIRATION: u16 = 5;
const EXPRESSION: u16 = 7;
const EXPRESSIONS: u16 = 11;
/// `NFTA_DATA_VALUE`.
const VALUE: u16 = 1;
/// `NFTA_EXPR_*`.
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
/// `NFTA_QUOTA_*`.
const QUOTA_BYTES: u16 = 1;
const QUOTA_FLAGS: u16 = 2;
const QUOTA_CONSUMED: u16 = 4;
/// `NFTA_COUNTER_*`.
const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;

/// The longest key or datum that is read, in bytes: `NFT_DATA_VALUE_MAXLEN`.
const MAX_VALUE: usize = 64;

/// A quota: what may pass and what has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub limit_bytes: u64,
    /// Never more than the limit when the kernel says it.
    pub used_bytes: u64,
}

impl Quota {
    /// More than can ever pass: what the kernel's signed counter holds.
    pub const UNLIMITED_BYTES: u64 = i64::MAX as u64;

    /// Bytes left.
    pub const fn left_bytes(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.used_bytes)
    }

    /// Whether nothing passes any more.
    pub const fn is_exhausted(&self) -> bool {
        self.used_bytes >= self.limit_bytes
    }

    /// Whether it limits nothing.
    pub const fn is_unlimited(&self) -> bool {
        self.limit_bytes >= Self::UNLIMITED_BYTES
    }
}

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counter {
    /// Bytes of layer 3.
    pub bytes: u64,
    /// Packets, merged ones counted once.
    pub packets: u64,
}

/// One element, to be written or as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// The key as a register holds it.
    pub key: Vec<u8>,
    /// A map's value as a register holds it.
    pub data: Option<Vec<u8>>,
    /// How long it lives from when it is added, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What is left of that; only read.
    pub expires_in_ms: Option<u64>,
    /// Its quota.
    pub quota: Option<Quota>,
    /// Its counter.
    pub counter: Option<Counter>,
}

impl Element {
    /// The key, if it is one number of four bytes.
    pub fn key_number(&self) -> Option<u32> {
        self.key.as_slice().try_into().ok().map(u32::from_ne_bytes)
    }

    /// The value, if it is one number of four bytes.
    pub fn data_number(&self) -> Option<u32> {
        self.data.as_deref().and_then(|data| data.try_into().ok()).map(u32::from_ne_bytes)
    }

    /// Writes the attributes of a message about this one element of a set.
    pub fn write(&self, attrs: &mut AttrWriter<'_>, table: &str, set: &str) {
        attrs.text(LIST_TABLE, table).text(LIST_SET, set).nested(LIST_ELEMENTS, |list| {
            list.nested(LIST_ELEMENT, |element| self.write_fields(element));
        });
    }

    fn write_fields(&self, element: &mut AttrWriter<'_>) {
        element.nested(KEY, |key| {
            key.bytes(VALUE, &self.key);
        });
        if let Some(data) = &self.data {
            element.nested(DATA, |value| {
                value.bytes(VALUE, data);
            });
        }
        if let Some(timeout) = self.timeout_ms {
            element.be64(TIMEOUT, timeout);
        }
        if let Some(quota) = self.quota {
            element.nested(EXPRESSION, |expression| {
                expression.text(EXPRESSION_NAME, "quota").nested(EXPRESSION_DATA, |data| {
                    // No flags: "until", which matches as long as it is not used up.
                    data.be64(QUOTA_BYTES, quota.limit_bytes.min(Quota::UNLIMITED_BYTES))
                        .be32(QUOTA_FLAGS, 0)
                        .be64(QUOTA_CONSUMED, quota.used_bytes.min(Quota::UNLIMITED_BYTES));
                });
            });
        }
        if let Some(counter) = self.counter {
            element.nested(EXPRESSION, |expression| {
                expression.text(EXPRESSION_NAME, "counter").nested(EXPRESSION_DATA, |data| {
                    data.be64(COUNTER_BYTES, counter.bytes).be64(COUNTER_PACKETS, counter.packets);
                });
            });
        }
    }
}

/// Writes the attributes that name a set and nothing in it: a dump's request.
pub fn write_set(attrs: &mut AttrWriter<'_>, table: &str, set: &str) {
    attrs.text(LIST_TABLE, table).text(LIST_SET, set);
}

/// The elements of one message; what cannot be read is left out.
pub fn read_elements(attrs: Attrs<'_>) -> impl Iterator<Item = Element> {
    attrs
        .find_kind(LIST_ELEMENTS)
        .into_iter()
        .flat_map(|list| list.children())
        .filter(|attr| attr.kind == LIST_ELEMENT)
        .filter_map(|attr| read_element(attr.children()))
}

fn read_element(attrs: Attrs<'_>) -> Option<Element> {
    let mut element = Element::default();
    for attr in attrs {
        match attr.kind {
            KEY => element.key = value(attr)?,
            DATA => element.data = value(attr),
            TIMEOUT => element.timeout_ms = attr.be64(),
            EXPIRATION => element.expires_in_ms = attr.be64(),
            EXPRESSION => read_expression(&mut element, attr.children()),
            EXPRESSIONS => {
                for expression in attr.children().filter(|attr| attr.kind == LIST_ELEMENT) {
                    read_expression(&mut element, expression.children());
                }
            }
            _ => {}
        }
    }
    (!element.key.is_empty()).then_some(element)
}

fn value(attr: Attr<'_>) -> Option<Vec<u8>> {
    let bytes = attr.children().find_kind(VALUE)?.payload;
    (bytes.len() <= MAX_VALUE).then(|| bytes.to_vec())
}

fn read_expression(element: &mut Element, attrs: Attrs<'_>) {
    let (Some(name), Some(data)) = (attrs.find_kind(EXPRESSION_NAME), attrs.find_kind(EXPRESSION_DATA))
    else {
        return;
    };
    let number = |kind| data.children().find_kind(kind).and_then(|attr| attr.be64());
    match name.text() {
        Some("quota") => {
            if let (Some(limit_bytes), Some(used_bytes)) = (number(QUOTA_BYTES), number(QUOTA_CONSUMED)) {
                element.quota = Some(Quota { limit_bytes, used_bytes });
            }
        }
        Some("counter") => {
            if let (Some(bytes), Some(packets)) = (number(COUNTER_BYTES), number(COUNTER_PACKETS)) {
                element.counter = Some(Counter { bytes, packets });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element() -> impl Strategy<Value = Element> {
        let quota = (0..=Quota::UNLIMITED_BYTES, 0..=Quota::UNLIMITED_BYTES)
            .prop_map(|(limit_bytes, used_bytes)| Quota { limit_bytes, used_bytes });
        let counter = (any::<u64>(), any::<u64>()).prop_map(|(bytes, packets)| Counter { bytes, packets });
        (
            proptest::collection::vec(any::<u8>(), 1..16),
            proptest::option::of(proptest::collection::vec(any::<u8>(), 1..16)),
            proptest::option::of(any::<u64>()),
            proptest::option::of(quota),
            proptest::option::of(counter),
        )
            .prop_map(|(key, data, timeout_ms, quota, counter)| Element {
                key,
                data,
                timeout_ms,
                expires_in_ms: None,
                quota,
                counter,
            })
    }

    fn written(element: &Element) -> Vec<u8> {
        let mut buffer = Vec::new();
        element.write(&mut AttrWriter::new(&mut buffer), "turnpike", "online");
        buffer
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(element in element()) {
            let buffer = written(&element);
            let read: Vec<_> = read_elements(Attrs::new(&buffer)).collect();
            prop_assert_eq!(read, vec![element]);
        }

        #[test]
        fn a_message_cut_anywhere_or_with_wrong_bytes_never_panics(
            element in element(),
            cut in any::<prop::sample::Index>(),
            wrong in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        ) {
            let mut buffer = written(&element);
            for (index, byte) in wrong {
                let index = index.index(buffer.len());
                buffer[index] = byte;
            }
            buffer.truncate(cut.index(buffer.len()));
            prop_assert!(read_elements(Attrs::new(&buffer)).count() <= 1);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(read_elements(Attrs::new(&bytes)).count() <= bytes.len());
        }
    }
}
