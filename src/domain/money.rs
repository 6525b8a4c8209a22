use std::fmt;

/// The currency that a site counts its money in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    digits: u8,
}

/// A text that is no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the three letters of a currency (ISO 4217), as in EUR")]
pub struct CurrencyError;

/// Those without two decimals (ISO 4217).
const NO_DIGITS: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THREE_DIGITS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// What ISO 4217 writes where no currency is meant.
const NO_CURRENCY: [u8; 3] = [b'X'; 3];

impl Currency {
    /// Reads three capital letters (ISO 4217).
    ///
    /// # Errors
    ///
    /// They are not.
    pub fn parse(code: &str) -> Result<Self, CurrencyError> {
        let letters: [u8; 3] = code.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(CurrencyError);
        }
        let digits = match code {
            code if NO_DIGITS.contains(&code) => 0,
            code if THREE_DIGITS.contains(&code) => 3,
            _ => 2,
        };
        Ok(Self { code: letters, digits })
    }

    /// Its three letters.
    pub fn code(&self) -> &str {
        // Checked to be ASCII letters when it was made.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Its three letters; `None` where no currency is set.
    pub fn named(&self) -> Option<&str> {
        Some(self.code()).filter(|_| self.code != NO_CURRENCY)
    }

    /// How many decimals it has.
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// An amount as people write it, with the code: `12.50 EUR`; the number alone where no currency is set.
    pub fn show(&self, amount: Money) -> String {
        let number = self.decimal(amount);
        self.named().map_or_else(|| number.clone(), |code| format!("{number} {code}"))
    }

    /// An amount as a decimal number: `12.50`.
    pub fn decimal(&self, amount: Money) -> String {
        let unit = 10_u64.pow(u32::from(self.digits));
        let sign = if amount.0 < 0 { "-" } else { "" };
        let whole = amount.0.unsigned_abs() / unit;
        match self.digits {
            0 => format!("{sign}{whole}"),
            digits => {
                let rest = amount.0.unsigned_abs() % unit;
                format!("{sign}{whole}.{rest:0width$}", width = usize::from(digits))
            }
        }
    }

    /// Reads a decimal number of at most as many decimals as the currency has; never negative.
    pub fn read(&self, text: &str) -> Option<Money> {
        let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = usize::from(self.digits);
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(rest) || rest.len() > digits {
            return None;
        }
        let unit = 10_i64.pow(u32::from(self.digits));
        let rest: i64 = if digits == 0 { 0 } else { format!("{rest:0<digits$}").parse().ok()? };
        let amount = whole.parse::<i64>().ok()?.checked_mul(unit)?.checked_add(rest)?;
        (amount <= Money::MOST.0).then_some(Money(amount))
    }
}

impl Default for Currency {
    /// No currency, with two decimals: for whoever has not said which.
    fn default() -> Self {
        Self { code: NO_CURRENCY, digits: 2 }
    }
}

/// An amount in the smallest unit of the site's currency (cents); negative when it was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that one sale can be: far beyond any, and far from what overflows when sums are made.
    pub const MOST: Self = Self(100_000_000_000);

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        for (code, amount, shown) in [
            ("EUR", 1250, "12.50 EUR"),
            ("JPY", 500, "500 JPY"),
            ("KWD", 1, "0.001 KWD"),
            ("PHP", -5, "-0.05 PHP"),
        ] {
            assert_eq!(Currency::parse(code).unwrap().show(Money(amount)), shown);
        }
        assert_eq!(Currency::default().show(Money(250)), "2.50", "no currency is set");
        for wrong in ["", "eur", "EURO", "E1R", "€€"] {
            assert_eq!(Currency::parse(wrong), Err(CurrencyError));
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let euro = Currency::parse("EUR").unwrap();
        for (text, amount) in [("0", 0), ("12.5", 1250), ("12.50", 1250), ("1000000000", 100_000_000_000)] {
            assert_eq!(euro.read(text), Some(Money(amount)));
        }
        for wrong in ["", ".", "-1", "1.234", "1,5", "1e3", "99999999999999999999", "1000000000.01", "0x1"] {
            assert_eq!(euro.read(wrong), None, "{wrong:?}");
        }
        assert_eq!(Currency::parse("JPY").unwrap().read("1.5"), None);
    }
}
