use std::fmt;

/// Bytes in one MB, as sessions are sold: 10^6, not 2^20.
const BYTES_PER_MB: f64 = 1_000_000.0;

/// The most that one session may hold, in MB: a petabyte. Keeps every sum of limits and counters inside 63 bits.
pub const MAX_MB: f64 = 1e9;

/// Bytes of so many MB, rounded to the nearest byte. `None` if negative, not a number, or beyond a petabyte.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
pub fn mb_to_bytes(mb: f64) -> Option<u64> {
    (mb.is_finite() && (0.0..=MAX_MB).contains(&mb)).then(|| (mb * BYTES_PER_MB).round() as u64)
}

/// MB of so many bytes.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bytes, more than a session may hold")]
pub fn bytes_to_mb(bytes: u64) -> f64 {
    bytes as f64 / BYTES_PER_MB
}

/// A speed in Mbit/s (10^6 bit/s), held in bit/s. Never zero: "unlimited" is the absence of a speed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mbps(u64);

impl Mbps {
    /// The slowest speed that can be set, in bit/s. HTB counts in bytes per second; below this a packet takes seconds.
    pub const MIN_BITS_PER_SEC: u64 = 8_000;
    /// The fastest speed that can be set, in bit/s: 100 Gbit/s.
    pub const MAX_BITS_PER_SEC: u64 = 100_000_000_000;

    /// A speed from a number of Mbit/s, fractions allowed; 0 is `Ok(None)`, unlimited.
    ///
    /// `Err` if it is negative, not a number, or outside 0.008 … 100,000 Mbit/s.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    pub fn from_mbps(mbps: f64) -> Result<Option<Self>, MbpsError> {
        if mbps == 0.0 {
            return Ok(None);
        }
        let bits = mbps * 1e6;
        if !(0.0..=1e12).contains(&bits) {
            return Err(MbpsError);
        }
        Self::from_bits_per_sec(bits.round() as u64).map(Some)
    }

    /// A speed from bit/s.
    pub fn from_bits_per_sec(bits: u64) -> Result<Self, MbpsError> {
        if (Self::MIN_BITS_PER_SEC..=Self::MAX_BITS_PER_SEC).contains(&bits) {
            Ok(Self(bits))
        } else {
            Err(MbpsError)
        }
    }

    /// In bit/s.
    pub const fn bits_per_sec(self) -> u64 {
        self.0
    }

    /// In bytes per second.
    pub const fn bytes_per_sec(self) -> u64 {
        self.0 / 8
    }

    /// In Mbit/s.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bit/s")]
    pub fn as_mbps(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Display for Mbps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Mbit/s", self.as_mbps())
    }
}

/// A speed outside what can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0 (unlimited) or between 0.008 and 100000 Mbit/s")]
pub struct MbpsError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mb_is_a_million_bytes() {
        assert_eq!(mb_to_bytes(2.0), Some(2_000_000));
        assert_eq!(mb_to_bytes(0.000_001), Some(1));
        assert_eq!(mb_to_bytes(-1.0), None);
        assert_eq!(mb_to_bytes(f64::NAN), None);
        assert_eq!(mb_to_bytes(1e300), None);
        assert!((bytes_to_mb(1_500_000) - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn zero_is_unlimited_and_the_rest_is_bounded() {
        assert_eq!(Mbps::from_mbps(0.0), Ok(None));
        assert_eq!(Mbps::from_mbps(5.5).unwrap().unwrap().bits_per_sec(), 5_500_000);
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 0.001, 1e6, -0.000_1] {
            assert_eq!(Mbps::from_mbps(wrong), Err(MbpsError), "{wrong}");
        }
    }
}
