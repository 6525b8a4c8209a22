//! Netlink attributes: length, type, payload, padding to four bytes (`include/uapi/linux/netlink.h`).

/// Set in the type of an attribute that holds attributes.
const NESTED: u16 = 0x8000;
/// What is left of a type without its flags (nested, net byte order).
const TYPE_MASK: u16 = 0x3fff;
/// Length and type.
const HEADER: usize = 4;

/// Writes attributes at the end of a buffer.
#[derive(Debug)]
pub struct AttrWriter<'buffer> {
    buffer: &'buffer mut Vec<u8>,
}

impl<'buffer> AttrWriter<'buffer> {
    /// Goes on where the buffer ends; what is there must end on a multiple of four.
    pub fn new(buffer: &'buffer mut Vec<u8>) -> Self {
        Self { buffer }
    }

    /// An attribute with these bytes; more than a length field can say is cut, which the kernel then refuses.
    pub fn bytes(&mut self, kind: u16, payload: &[u8]) -> &mut Self {
        let length = u16::try_from(HEADER + payload.len()).unwrap_or(u16::MAX);
        let payload = payload.get(..usize::from(length) - HEADER).unwrap_or(payload);
        self.buffer.extend_from_slice(&length.to_ne_bytes());
        self.buffer.extend_from_slice(&kind.to_ne_bytes());
        self.buffer.extend_from_slice(payload);
        self.pad();
        self
    }

    /// A text with its final zero.
    pub fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        let mut payload = Vec::with_capacity(text.len() + 1);
        payload.extend_from_slice(text.as_bytes());
        payload.push(0);
        self.bytes(kind, &payload)
    }

    /// Four bytes in the network's order, as netfilter wants its numbers.
    pub fn be32(&mut self, kind: u16, number: u32) -> &mut Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    /// Eight bytes in the network's order.
    pub fn be64(&mut self, kind: u16, number: u64) -> &mut Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    /// An attribute that holds what `fill` writes.
    pub fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut AttrWriter<'_>)) -> &mut Self {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 2]);
        self.buffer.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        fill(&mut AttrWriter { buffer: self.buffer });
        let length = u16::try_from(self.buffer.len() - start).unwrap_or(u16::MAX);
        if let Some(field) = self.buffer.get_mut(start..start + 2) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
        self
    }

    /// Attributes that are encoded already, as they were read.
    pub fn encoded(&mut self, attributes: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(attributes);
        self.pad();
        self
    }

    fn pad(&mut self) {
        let padded = self.buffer.len().next_multiple_of(4);
        self.buffer.resize(padded, 0);
    }
}

/// One attribute that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr<'bytes> {
    /// Its type without flags.
    pub kind: u16,
    /// Its bytes.
    pub payload: &'bytes [u8],
}

impl<'bytes> Attr<'bytes> {
    /// The attributes inside.
    pub const fn children(&self) -> Attrs<'bytes> {
        Attrs { rest: self.payload }
    }

    /// A number of two bytes in the network's order.
    pub fn be16(&self) -> Option<u16> {
        self.payload.try_into().ok().map(u16::from_be_bytes)
    }

    /// A number of four bytes in the network's order.
    pub fn be32(&self) -> Option<u32> {
        self.payload.try_into().ok().map(u32::from_be_bytes)
    }

    /// A number of eight bytes in the network's order.
    pub fn be64(&self) -> Option<u64> {
        self.payload.try_into().ok().map(u64::from_be_bytes)
    }

    /// A text up to its first zero; `None` if it is not UTF-8.
    pub fn text(&self) -> Option<&'bytes str> {
        let end = self.payload.iter().position(|byte| *byte == 0).unwrap_or(self.payload.len());
        self.payload.get(..end).and_then(|text| std::str::from_utf8(text).ok())
    }
}

/// Reads attributes one after the other; ends at the first that does not fit into what is there.
#[derive(Debug, Clone, Copy)]
pub struct Attrs<'bytes> {
    rest: &'bytes [u8],
}

impl<'bytes> Attrs<'bytes> {
    /// Reads from the start of these bytes.
    pub const fn new(bytes: &'bytes [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of that type.
    pub fn find_kind(self, kind: u16) -> Option<Attr<'bytes>> {
        let mut attrs = self;
        attrs.find(|attr| attr.kind == kind)
    }
}

impl<'bytes> Iterator for Attrs<'bytes> {
    type Item = Attr<'bytes>;

    fn next(&mut self) -> Option<Attr<'bytes>> {
        let (&[a, b, c, d], _) = self.rest.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let kind = u16::from_ne_bytes([c, d]) & TYPE_MASK;
        let Some(payload) = self.rest.get(HEADER..length) else {
            self.rest = &[];
            return None;
        };
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Attr { kind, payload })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut buffer = Vec::new();
        AttrWriter::new(&mut buffer).text(1, "turnpike").be32(2, 7).nested(3, |inner| {
            inner.be64(4, u64::MAX).bytes(5, &[1, 2, 3]);
        });
        assert_eq!(buffer.len() % 4, 0);
        let attrs = Attrs::new(&buffer);
        assert_eq!(attrs.find_kind(1).unwrap().text(), Some("turnpike"));
        assert_eq!(attrs.find_kind(2).unwrap().payload, [0, 0, 0, 7]);
        let inner = attrs.find_kind(3).unwrap().children();
        assert_eq!(inner.find_kind(4).unwrap().be64(), Some(u64::MAX));
        assert_eq!(inner.find_kind(5).unwrap().payload, [1, 2, 3]);
        assert_eq!(attrs.find_kind(6), None);
    }

    fn walk(attrs: Attrs<'_>, depth: usize) -> usize {
        attrs.map(|attr| 1 + if depth > 0 { walk(attr.children(), depth - 1) } else { 0 }).sum()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(walk(Attrs::new(&bytes), 3) <= bytes.len());
        }

        #[test]
        fn a_cut_off_attribute_is_not_read(cut in 0usize..20) {
            let mut buffer = Vec::new();
            AttrWriter::new(&mut buffer).bytes(1, &[0xaa; 16]);
            buffer.truncate(cut);
            prop_assert_eq!(Attrs::new(&buffer).count(), 0);
        }
    }
}
