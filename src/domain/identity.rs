use std::fmt;

use super::{Refusal, WallTime};

/// What ties a device to its browser and its owner beyond its MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity {
    /// Counts up when what the device holds moves away: cookies and recovery codes of before are void.
    pub version: u32,
    /// How often what it holds has moved, from MAC to MAC …
    pub moves: u32,
    /// … within a day from then on; `None` if never.
    pub moves_since: Option<WallTime>,
}

/// A day.
const DAY_MS: u64 = 86_400_000;

impl Identity {
    /// How often guests may move the same things within a day: a phone that makes up a MAC for each time that it joins
    /// needs a few, somebody who hands them round needs many.
    pub const MOVES_PER_DAY: u32 = 10;

    /// That of a device to which all moves that another one has: the count goes with what is moved, and is one more.
    #[must_use]
    pub fn taking_over(self, from: Self, at: WallTime) -> Self {
        let (own, theirs) = (self.within_a_day(at), from.within_a_day(at));
        let (moves, since) = match (own, theirs) {
            (Some(own), Some(theirs)) if own.0 > theirs.0 => own,
            (_, Some(theirs)) => theirs,
            (Some(own), None) => own,
            (None, None) => (0, at),
        };
        Self { moves: moves.saturating_add(1), moves_since: Some(since), ..self }
    }

    /// Whether a guest may make this move.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooManyMoves`] says when.
    pub fn check(self, at: WallTime) -> Result<(), Refusal> {
        if self.moves <= Self::MOVES_PER_DAY {
            return Ok(());
        }
        let since = self.moves_since.unwrap_or(at);
        let passed = u64::try_from(at.0.saturating_sub(since.0)).unwrap_or(0);
        Err(Refusal::TooManyMoves { retry_secs: DAY_MS.saturating_sub(passed).div_ceil(1000).max(1) })
    }

    /// The moves of the day that is under way, and when it began. A clock that was set back begins a new one.
    fn within_a_day(self, at: WallTime) -> Option<(u32, WallTime)> {
        let since = self.moves_since?;
        let passed = u64::try_from(at.0.checked_sub(since.0)?).ok()?;
        (passed < DAY_MS).then_some((self.moves, since))
    }
}

/// What codes are made of, as those of vouchers: no 0 and O, no 1, I and L, and no U, which reads like V.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Symbols of a code: 30^8 = 6.6 × 10^11 codes, 39 bits. With 200 devices that have something left one guess in 3 × 10^9
/// hits; at the ten guesses a second that all devices together get, one hit in ten years.
const LENGTH: usize = 8;

/// What somebody types on a phone's new MAC to have what its old one left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecoveryCode([u8; LENGTH]);

impl RecoveryCode {
    /// The code of a number, all but equally likely if the number is.
    pub fn from_number(mut number: u64) -> Self {
        let mut symbols = [0; LENGTH];
        for symbol in &mut symbols {
            let place = usize::try_from(number % ALPHABET.len() as u64).unwrap_or(0);
            *symbol = ALPHABET.get(place).copied().unwrap_or(b'2');
            number /= ALPHABET.len() as u64;
        }
        Self(symbols)
    }

    /// Reads what somebody typed: any case, with or without dashes and blanks. `None` if it cannot be a code.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > 64 {
            return None;
        }
        let is_separator = |symbol: char| symbol.is_whitespace() || "-‐‑‒–—―−_.".contains(symbol);
        let mut typed = typed.chars().filter(|symbol| !is_separator(*symbol));
        let mut symbols = [0; LENGTH];
        for symbol in &mut symbols {
            let upper = u8::try_from(typed.next()?).ok()?.to_ascii_uppercase();
            let meant = if upper == b'U' { b'V' } else { upper };
            *symbol = ALPHABET.contains(&meant).then_some(meant)?;
        }
        typed.next().is_none().then_some(Self(symbols))
    }
}

impl fmt::Display for RecoveryCode {
    /// As it is shown: in two halves, with a dash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, symbol) in self.0.iter().enumerate() {
            if place == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*symbol))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecoveryCode {
    /// It is worth what its device has left: it does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_count_of_moves_goes_with_what_is_moved() {
        let mut at = WallTime(1_000_000);
        let mut held = Identity::default();
        for _ in 0..Identity::MOVES_PER_DAY {
            held = Identity::default().taking_over(held, at);
            assert_eq!(held.check(at), Ok(()));
            at = at.plus_millis(60_000);
        }
        let next = Identity::default().taking_over(held, at);
        assert_eq!(next.check(at), Err(Refusal::TooManyMoves { retry_secs: 86_400 - 600 }));
        let busy = next.taking_over(Identity::default(), at);
        assert_eq!(busy.moves, next.moves + 1, "a device that takes from many counts them, too");
        let later = WallTime(1_000_000 + 86_400_000);
        assert_eq!(Identity::default().taking_over(next, later).check(later), Ok(()));
        let back = WallTime(0);
        assert_eq!(Identity::default().taking_over(next, back).moves, 1, "a clock that was set back");
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        let long = "-".repeat(70);
        for typed in ["", "ABCD-EFG", "ABCD-EFGHJ", "0BCD-EFGH", "ABCD-EFGé", "' OR 1=1", &long] {
            assert_eq!(RecoveryCode::parse(typed), None, "{typed:?}");
        }
        let code = RecoveryCode::parse(" abcd–efgu ").unwrap();
        assert_eq!(code.to_string(), "ABCD-EFGV");
        assert!(!format!("{code:?}").contains("ABCD"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(number in any::<u64>(), typed in ".{0,80}") {
            let code = RecoveryCode::from_number(number);
            prop_assert_eq!(RecoveryCode::parse(&code.to_string()), Some(code));
            let _ = RecoveryCode::parse(&typed);
        }
    }
}
