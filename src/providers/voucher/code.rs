use std::fmt;

/// What codes are made of: no 0 and O, no 1, I and L, and no U, which reads like V.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Symbols of a code: 30^10 = 5.9 × 10^14 codes, 49 bits. With 1,000 unsold codes one guess in 5.9 × 10^11 hits; at the
/// ten guesses a second that the limiter lets through from all devices together, one hit in some 1,900 years.
const LENGTH: usize = 10;

/// Symbols between two dashes when it is printed.
const GROUP: usize = 5;

/// No typed code is longer, dashes and blanks and all.
const MAX_TYPED_BYTES: usize = 64;

/// A voucher's code in its one form: upper case, no dashes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoucherCode([u8; LENGTH]);

impl VoucherCode {
    /// Takes a code from random bytes, each symbol equally likely; `None` if they run out (a byte in 16 is left out).
    pub(super) fn from_random(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        const FAIR: usize = 256 - 256 % ALPHABET.len();
        let mut symbols = [0; LENGTH];
        for symbol in &mut symbols {
            let byte = bytes.by_ref().map(usize::from).find(|byte| *byte < FAIR)?;
            *symbol = *ALPHABET.get(byte % ALPHABET.len())?;
        }
        Some(Self(symbols))
    }

    /// Reads what somebody typed: any case, with or without dashes and blanks. A U can only be a misread V.
    ///
    /// `None` if it cannot be a code.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MAX_TYPED_BYTES {
            return None;
        }
        let mut symbols = [0; LENGTH];
        let mut typed = typed.chars().filter(|symbol| !is_separator(*symbol));
        for symbol in &mut symbols {
            let upper = u8::try_from(typed.next()?).ok()?.to_ascii_uppercase();
            let meant = if upper == b'U' { b'V' } else { upper };
            *symbol = ALPHABET.contains(&meant).then_some(meant)?;
        }
        typed.next().is_none().then_some(Self(symbols))
    }

    /// The bytes that are digested and encrypted.
    pub(super) const fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

/// Blanks, and what phones make of a dash.
fn is_separator(symbol: char) -> bool {
    symbol.is_whitespace() || matches!(symbol, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '_' | '.')
}

impl fmt::Display for VoucherCode {
    /// As it is printed: in groups, with dashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, symbol) in self.0.iter().enumerate() {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*symbol))?;
        }
        Ok(())
    }
}

impl fmt::Debug for VoucherCode {
    /// A code is money: it does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_any_case_with_or_without_dashes() {
        let code = VoucherCode::parse("2VCDE-FGHJK").unwrap();
        for typed in ["2VCDEFGHJK", "2vcde-fghjk", " 2vcd e–fgh\u{a0}jk\n", "2UCDE.fghjk"] {
            assert_eq!(VoucherCode::parse(typed), Some(code), "{typed:?}");
        }
        assert_eq!(code.to_string(), "2VCDE-FGHJK");
        assert!(!format!("{code:?}").contains("2VCDE"));
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        let long = "-".repeat(60) + "2VCDEFGHJK";
        for typed in
            ["", "2VCDEFGHJ", "2VCDEFGHJKK", "0VCDEFGHJK", "OVCDEFGHJK", "IVCDEFGHJK", "2VCDEFGHJé", &long]
        {
            assert_eq!(VoucherCode::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn every_symbol_is_equally_likely() {
        let mut bytes = (0..=255u8).cycle().take(256 * LENGTH * 3);
        let mut counts = [0u32; 256];
        while let Some(code) = VoucherCode::from_random(&mut bytes) {
            for symbol in code.0 {
                counts[usize::from(symbol)] += 1;
            }
        }
        let counts: Vec<u32> = ALPHABET.iter().map(|symbol| counts[usize::from(*symbol)]).collect();
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(bytes in proptest::collection::vec(0..240u8, LENGTH)) {
            let code = VoucherCode::from_random(&mut bytes.into_iter()).unwrap();
            prop_assert_eq!(VoucherCode::parse(&code.to_string()), Some(code));
        }

        #[test]
        fn nothing_typed_panics(typed in ".{0,80}") {
            let _ = VoucherCode::parse(&typed);
        }
    }
}
