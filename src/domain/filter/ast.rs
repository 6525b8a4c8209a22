use std::collections::BTreeSet;

/// What an expression says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// True of every session.
    All,
    /// True where the other is false.
    Not(Box<Expr>),
    /// True where all are: two or more.
    And(Vec<Expr>),
    /// True where any is: two or more.
    Or(Vec<Expr>),
    /// The property has this value.
    Is {
        /// Which property.
        key: Key,
        /// The value.
        value: String,
    },
    /// The property has another value, or none.
    Ne {
        /// Which property.
        key: Key,
        /// The value.
        value: String,
    },
    /// The property is a number, on that side of this one.
    Compare {
        /// Which property.
        key: Key,
        /// Which side.
        order: Order,
        /// The number.
        number: Number,
    },
    /// The property is set.
    Has {
        /// Which property.
        key: Key,
    },
    /// The property has one of these values, of which there is at least one.
    In {
        /// Which property.
        key: Key,
        /// The values.
        values: Vec<String>,
    },
    /// The session has all of these roles, of which there is at least one.
    HasRoles {
        /// The roles.
        roles: Vec<String>,
    },
}

impl Expr {
    pub(super) fn collect_keys<'a>(&'a self, keys: &mut BTreeSet<&'a str>) {
        match self {
            Self::All => {}
            Self::Not(inner) => inner.collect_keys(keys),
            Self::And(terms) | Self::Or(terms) => {
                for term in terms {
                    term.collect_keys(keys);
                }
            }
            Self::Is { key, .. }
            | Self::Ne { key, .. }
            | Self::Compare { key, .. }
            | Self::Has { key }
            | Self::In { key, .. } => {
                keys.insert(key.as_str());
            }
            Self::HasRoles { .. } => {
                keys.insert("$Roles");
            }
        }
    }
}

/// The key of a property, with the place where it stands. Equal if the names are.
#[derive(Debug, Clone)]
pub struct Key {
    name: String,
    column: usize,
}

impl Key {
    /// The key of that name, found at that column (from 1, in characters).
    pub fn new(name: &str, column: usize) -> Self {
        Self { name: name.to_owned(), column }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Where it stands in the expression: the column of its first character, from 1, in characters.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// Whether a key may hold this character.
    pub(in crate::domain) const fn may_hold(character: char) -> bool {
        !matches!(character, ' ' | '\t' | '\r' | '\n' | '"' | '\'' | '(' | ')')
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Key {}

/// On which side of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Less than it.
    Lt,
    /// At most that.
    Le,
    /// More than it.
    Gt,
    /// At least that.
    Ge,
}

impl Order {
    /// Whether a number is on that side of the other.
    pub fn holds(self, number: &Number, other: &Number) -> bool {
        let (number, other) = (number.value(), other.value());
        match self {
            Self::Lt => number < other,
            Self::Le => number <= other,
            Self::Gt => number > other,
            Self::Ge => number >= other,
        }
    }
}

/// A number as it was written: `-?digits[.digits]`, at most [`Number::MAX_DIGITS`] digits.
///
/// So few digits are told apart by a double, however they are written, and nothing else is taken for a number: two
/// machines never disagree on which is the larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    /// The most digits, those before and those after the point together.
    pub const MAX_DIGITS: usize = 15;

    /// The number that a text is; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let count = digits.bytes().filter(u8::is_ascii_digit).count();
        (are_digits(whole) && are_digits(fraction) && count <= Self::MAX_DIGITS)
            .then(|| Self(text.to_owned()))
    }

    /// The nearest double.
    pub fn value(&self) -> f64 {
        // It was checked to be digits, of which any are a double.
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_digits_are_a_number_and_nothing_else_is() {
        for number in ["0", "-0", "007", "1.50", "-2.5", "123456789012345", "0.12345678901234"] {
            assert_eq!(Number::parse(number).unwrap().as_str(), number);
        }
        let wrong = [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "-.5",
            "+1",
            "--1",
            "1.2.3",
            "1e3",
            "0x10",
            " 1",
            "1 ",
            "1\0",
            "inf",
            "NaN",
            "1_000",
            "1,5",
            "١",
            "1234567890123456",
            "0.123456789012345",
        ];
        for wrong in wrong {
            assert_eq!(Number::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_compared_by_what_they_are_worth() {
        let holds = |order: Order, one: &str, other: &str| {
            order.holds(&Number::parse(one).unwrap(), &Number::parse(other).unwrap())
        };
        assert!(holds(Order::Lt, "9", "10") && !holds(Order::Lt, "10", "10.0"));
        assert!(holds(Order::Le, "10", "10.0") && !holds(Order::Le, "10.1", "10"));
        assert!(holds(Order::Gt, "-1", "-1.5") && !holds(Order::Gt, "0", "-0"));
        assert!(holds(Order::Ge, "-0", "0") && !holds(Order::Ge, "99999999999999.8", "99999999999999.9"));
    }
}
