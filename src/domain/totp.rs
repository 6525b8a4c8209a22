use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::WallTime;

/// What a phone makes one-time codes of: RFC 6238 with SHA-1, six digits, a new one each half minute, which is what every
/// app for it understands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TotpSecret([u8; Self::BYTES]);

/// RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl TotpSecret {
    /// As many bytes as SHA-1 makes (RFC 4226, section 4).
    pub const BYTES: usize = 20;
    /// Digits of a code.
    pub const DIGITS: usize = 6;
    /// How long a code stands, in seconds.
    pub const STEP_SECS: i64 = 30;
    /// Codes of so many steps before and after are taken as well: clocks differ, and typing takes its time.
    const DRIFT: i64 = 1;

    /// Wraps random bytes, or those that were stored.
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored.
    pub const fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// As it is typed into an app: 32 letters and digits.
    pub fn base32(&self) -> String {
        let mut text = String::with_capacity(Self::BYTES * 8 / 5);
        let (mut bits, mut count) = (0_u32, 0_u32);
        for byte in self.0 {
            bits = (bits << 8) | u32::from(byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                let place = usize::try_from((bits >> count) & 31).unwrap_or(0);
                text.extend(BASE32.get(place).copied().map(char::from));
            }
        }
        text
    }

    /// The step that a typed code is of, if it is one of now that is newer than `last`.
    pub fn check(&self, typed: &str, at: WallTime, last: i64) -> Option<i64> {
        let digits: String = typed.chars().filter(|letter| !letter.is_whitespace()).take(16).collect();
        if digits.len() != Self::DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let typed: u32 = digits.parse().ok()?;
        let step = at.0.div_euclid(1000 * Self::STEP_SECS);
        let near = step.saturating_sub(Self::DRIFT)..=step.saturating_add(Self::DRIFT);
        near.into_iter().find(|step| *step > last && self.code(*step) == Some(typed))
    }

    /// The code of a step since 1970: RFC 4226, section 5.3.
    fn code(&self, step: i64) -> Option<u32> {
        let step = u64::try_from(step).ok()?;
        // A key shorter than a block is padded (RFC 2104).
        let mut block = [0; 64];
        block.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        let mut mac = <Hmac<Sha1> as KeyInit>::new(&block.into());
        mac.update(&step.to_be_bytes());
        let digest: [u8; 20] = mac.finalize().into_bytes().into();
        let offset = usize::from(digest.last()? & 0xf);
        let four: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
        Some((u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}

impl std::fmt::Debug for TotpSecret {
    /// It does not belong in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: TotpSecret = TotpSecret::new(*b"12345678901234567890");

    fn at(secs: i64) -> WallTime {
        WallTime(secs * 1000)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, for SHA-1; the last six of its eight digits.
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(SECRET.check(code, at(secs), 0), Some(secs / 30), "{secs}");
        }
        assert_eq!(SECRET.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(!format!("{SECRET:?}").contains("12345"));
    }

    #[test]
    fn a_code_is_taken_a_step_early_or_late_and_never_twice() {
        let step = 1_111_111_109 / 30;
        for (secs, taken) in [(-31, false), (-1, true), (0, true), (59, true), (60, false)] {
            let now = at(step * 30 + secs);
            assert_eq!(SECRET.check("081804", now, 0).is_some(), taken, "{secs}");
        }
        let now = at(step * 30);
        assert_eq!(SECRET.check("081804", now, step - 1), Some(step));
        assert_eq!(SECRET.check("081804", now, step), None, "again");
        assert_eq!(SECRET.check(" 081 804 ", now, 0), Some(step), "as an app shows it");
        for wrong in ["", "81804", "0818040", "08180x", "+81804", "٠٨١٨٠٤", "000000"] {
            assert_eq!(SECRET.check(wrong, now, 0), None, "{wrong}");
        }
        assert_eq!(SECRET.check("081804", WallTime(i64::MIN), 0), None);
        assert_eq!(SECRET.check("081804", WallTime(i64::MAX), 0), None);
    }
}
