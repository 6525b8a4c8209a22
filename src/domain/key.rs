use std::fmt;
use std::num::NonZeroU16;

/// A client's number in the kernel: the connection mark of all its flows and the key of its set elements.
///
/// At most [`ClientKey::MAX`], so that the class ids above it are left to the zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(NonZeroU16);

impl ClientKey {
    /// The highest key. The 256 class minors from 0xff00 on are the zones' own classes.
    pub const MAX: u16 = 0xfeff;

    /// A key from its number; `None` for 0 and beyond [`ClientKey::MAX`].
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).filter(|number| number.get() <= Self::MAX).map(Self)
    }

    /// The number, which is also the minor of the client's traffic class.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The key's bits spread into the set bits of `mask`, lowest first: the mark as the kernel holds it.
    ///
    /// A mask with fewer than 16 bits holds fewer clients; the caller keeps to keys that fit.
    ///
    /// ```
    /// # use turnpike::domain::ClientKey;
    /// let key = ClientKey::new(0x0102).ok_or("no key")?;
    /// assert_eq!(key.spread(0xff00_00ff), 0x0100_0002);
    /// # Ok::<(), &str>(())
    /// ```
    pub const fn spread(self, mask: u32) -> u32 {
        let mut mark = 0;
        let mut key = self.0.get() as u32;
        let mut rest = mask;
        while rest != 0 && key != 0 {
            let bit = rest & rest.wrapping_neg();
            if key & 1 == 1 {
                mark |= bit;
            }
            key >>= 1;
            rest &= rest - 1;
        }
        mark
    }

    /// The key whose bits are spread in `mark` under `mask`; `None` if there is none.
    pub fn gather(mark: u32, mask: u32) -> Option<Self> {
        let mut key = 0u16;
        let mut rest = mask;
        for position in 0..16 {
            if rest == 0 {
                break;
            }
            let bit = rest & rest.wrapping_neg();
            if mark & bit != 0 {
                key |= 1 << position;
            }
            rest &= rest - 1;
        }
        Self::new(key)
    }

    /// The highest key that fits into `mask`.
    pub fn max_for(mask: u32) -> u16 {
        let bits = mask.count_ones().min(16);
        u16::try_from((1u32 << bits) - 1).unwrap_or(u16::MAX).min(Self::MAX)
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The major number of every qdisc and class of ours; below 0x8000, where the kernel's own handles begin.
pub const CLASS_MAJOR: u16 = 0x7470;

/// The minor number of the first zone's class; the zones' follow in the order of the configuration.
pub const ZONE_MINORS: u16 = 0xff00;

/// The minor number of a traffic class: a client's key, or a zone's number from 0xff00 on.
pub type ClassMinor = u16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_and_gathers_within_the_mask() {
        let mask = 0xff00_00ff;
        assert_eq!(ClientKey::new(0x0001).unwrap().spread(mask), 0x0000_0001);
        assert_eq!(ClientKey::new(0x0100).unwrap().spread(mask), 0x0100_0000);
        for number in 1..=ClientKey::MAX {
            let key = ClientKey::new(number).unwrap();
            let mark = key.spread(mask);
            assert_eq!(mark & !mask, 0);
            assert_eq!(ClientKey::gather(mark | 0x00ff_ff00, mask), Some(key));
        }
        assert_eq!(ClientKey::gather(0x00ff_ff00, mask), None);
    }

    #[test]
    fn a_small_mask_holds_fewer_clients() {
        assert_eq!(ClientKey::max_for(0xff), 255);
        assert_eq!(ClientKey::max_for(0xff00_00ff), ClientKey::MAX);
        assert_eq!(ClientKey::max_for(0xffff_ffff), ClientKey::MAX);
    }
}
