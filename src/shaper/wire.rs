//! Netlink messages of traffic control, written and read by hand: rtnetlink has neither HTB classes nor qdiscs whose options
//! are a bare structure.

/// `RTM_NEWQDISC` and its like (`include/uapi/linux/rtnetlink.h`).
pub(super) const NEW_QDISC: u16 = 36;
pub(super) const DEL_QDISC: u16 = 37;
pub(super) const GET_QDISC: u16 = 38;
pub(super) const NEW_CLASS: u16 = 40;
pub(super) const DEL_CLASS: u16 = 41;
pub(super) const GET_CLASS: u16 = 42;

/// `NLM_F_…` (`include/uapi/linux/netlink.h`).
pub(super) const REQUEST: u16 = 0x1;
pub(super) const ACK: u16 = 0x4;
pub(super) const ECHO: u16 = 0x8;
pub(super) const REPLACE: u16 = 0x100;
pub(super) const EXCL: u16 = 0x200;
pub(super) const CREATE: u16 = 0x400;
pub(super) const DUMP: u16 = 0x300;

/// `NLMSG_ERROR`, `NLMSG_DONE`.
pub(super) const ERROR: u16 = 2;
pub(super) const DONE: u16 = 3;

/// `TC_H_ROOT`.
pub(super) const ROOT: u32 = 0xffff_ffff;

/// `TCA_KIND`, `TCA_OPTIONS`.
pub(super) const KIND: u16 = 1;
pub(super) const OPTIONS: u16 = 2;

const NLMSG_LEN: usize = 16;
const TCMSG_LEN: usize = 20;

/// What a message is about: `struct tcmsg` without its family, which is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Target {
    /// The device's number.
    pub index: u32,
    /// The qdisc or class itself.
    pub handle: u32,
    /// What it hangs under.
    pub parent: u32,
    /// `tcm_info`: of a class, the qdisc under it.
    pub info: u32,
}

/// A message being written. The sequence number is filled in when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub fn new(kind: u16, flags: u16, target: Target) -> Self {
        let mut bytes = Vec::with_capacity(192);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(&[0; 12]);
        for field in [target.index, target.handle, target.parent, target.info] {
            bytes.extend_from_slice(&field.to_ne_bytes());
        }
        Self(bytes)
    }

    /// Adds an attribute, padded to four bytes.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        put_attribute(&mut self.0, kind, value);
        self
    }

    /// Adds `TCA_KIND`.
    pub fn kind(self, name: &str) -> Self {
        let mut value = name.as_bytes().to_vec();
        value.push(0);
        self.attribute(KIND, &value)
    }

    /// Writes it out with its length, sequence number and further flags.
    pub fn write_to(&self, out: &mut Vec<u8>, sequence: u32, flags: u16) {
        let start = out.len();
        out.extend_from_slice(&self.0);
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let own_flags = u16_at(&self.0, 6).unwrap_or_default();
        for (at, bytes) in [
            (0, &length.to_ne_bytes()[..]),
            (6, &(own_flags | flags).to_ne_bytes()[..]),
            (8, &sequence.to_ne_bytes()[..]),
        ] {
            if let Some(place) = out.get_mut(start + at..start + at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
    }
}

/// Appends an attribute to a message or to another attribute's value.
pub(super) fn put_attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// A message that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub kind: u16,
    pub sequence: u32,
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The number in an error or acknowledgement: 0 is success, else `errno`.
    pub fn errno(&self) -> Option<i32> {
        let code = self.body.first_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes))?;
        (self.kind == ERROR).then_some(code.wrapping_neg())
    }

    /// What it is about.
    pub fn target(&self) -> Option<Target> {
        Some(Target {
            index: u32_at(self.body, 4)?,
            handle: u32_at(self.body, 8)?,
            parent: u32_at(self.body, 12)?,
            info: u32_at(self.body, 16)?,
        })
    }

    /// The attribute of this kind.
    pub fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        find_attribute(self.body.get(TCMSG_LEN..)?, kind)
    }

    /// `TCA_KIND` as text.
    pub fn name(&self) -> Option<&'a str> {
        let bytes = self.attribute(KIND)?;
        std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
    }
}

/// Cuts a datagram into its messages; ends at the first whose length cannot be.
pub(super) fn answers(mut bytes: &[u8]) -> impl Iterator<Item = Answer<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let body = bytes.get(NLMSG_LEN..length)?;
        let answer = Answer { kind: u16_at(bytes, 4)?, sequence: u32_at(bytes, 8)?, body };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(answer)
    })
}

/// The first attribute of that kind among several.
pub(super) fn find_attribute(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(bytes, 0)?);
        let value = bytes.get(4..length)?;
        // The two highest bits are flags (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
        if u16_at(bytes, 2)? & 0x3fff == kind {
            return Some(value);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let target = Target { index: 3, handle: 0x7470_0001, parent: 0x7470_ff00, info: 9 };
        let message = Message::new(NEW_CLASS, CREATE, target).kind("htb").attribute(OPTIONS, &[1, 2, 3]);
        let mut bytes = Vec::new();
        message.write_to(&mut bytes, 77, ACK);
        message.write_to(&mut bytes, 78, 0);
        let read: Vec<_> = answers(&bytes).collect();
        assert_eq!(read.iter().map(|answer| answer.sequence).collect::<Vec<_>>(), [77, 78]);
        assert_eq!((read[0].kind, read[0].target(), read[0].name()), (NEW_CLASS, Some(target), Some("htb")));
        assert_eq!(read[1].attribute(OPTIONS), Some(&[1, 2, 3][..]));
        assert_eq!(u16_at(&bytes, 6), Some(REQUEST | CREATE | ACK));
    }

    #[test]
    fn hostile_lengths_end_the_reading() {
        for bytes in [&[][..], &[0; 32], &[255; 64], &[16, 0, 0, 0, 1]] {
            assert_eq!(answers(bytes).count(), 0);
            assert_eq!(find_attribute(bytes, 7), None);
        }
    }
}
