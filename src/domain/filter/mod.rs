//! Filters: which sessions, said in one line.
//!
//! ```text
//! $Zone is "guests" and ($DataLeft lt "10" or not has Department) and hasRoles ["staff" "desk 2"]
//! ```
//!
//! | clause | selects the sessions |
//! |---|---|
//! | `key is "value"`, `key eq "value"` | whose property has that value |
//! | `key ne "value"` | whose property has another value, or that have none |
//! | `key lt "10"`, `le`, `gt`, `ge` | whose property is a number less than, at most, more than, at least that |
//! | `has key` | that have the property |
//! | `key in ["a", "b"]` | whose property has one of the values |
//! | `hasRoles ["a" "b"]` | that have all of the roles |
//! | `all` | all of them |
//!
//! - `not` turns the clause or parenthesis after it around; `and` binds tighter than `or`.
//! - Operators are read in any case; keys and values are compared byte by byte.
//! - Values stand in double or single quotes; in them `\"`, `\'` and `\\` stand for the character itself ([`escape`]).
//! - Lists stand in `[]`, in `{}` or in nothing, their values apart by spaces or commas. An empty list is an error.
//! - A number is `-?digits[.digits]` of at most 15 digits, which any machine can hold exactly enough to compare; a
//!   property that is no such number is neither less nor more.
//! - A property that is not set is absent: `ne` is true of it, every other comparison is false.
//! - `$Roles eq '"a","b"'` compares with exactly these roles, in the form of [`super::roles::canonical`].
//!
//! A key is a run of characters without space, tab, CR, LF, quotes and parentheses. A word followed by a comparison and
//! the beginning of its value is always a key, so that a property may be called `not`, `has`, `all` or `hasRoles`
//! (`not is "x"` asks for the property `not`); the word after `has` is a key too; elsewhere these four are operators. A
//! list's bracket may follow `in` and `hasRoles` without a space (`hasRoles["a"]`); in a key a bracket is a character
//! like any other.

mod ast;
mod error;
mod evaluate;
mod parse;
mod print;
mod scan;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr;

pub use ast::{Expr, Key, Number, Order};
pub use error::FilterError;
pub(super) use scan::Scanner;

/// An expression that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Expr);

/// What a filter is asked about: the properties of one session.
pub trait Lookup {
    /// The value of a property, if it is set. `$Roles` is in the form of [`super::roles::canonical`].
    fn get(&self, key: &str) -> Option<Cow<'_, str>>;

    /// Whether it has the role.
    fn has_role(&self, role: &str) -> bool;
}

impl Filter {
    /// The longest expression, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// How many parentheses and `not` may stand within each other.
    pub const MAX_DEPTH: usize = 64;
    /// How many comparisons there may be in all, each value of a list counted.
    pub const MAX_CLAUSES: usize = 500;

    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// What was expected, and where, if it is no expression or is beyond the bounds.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let filter = Self(parse::parse(text)?);
        // What it prints (with the spaces that were left out) must be an expression too.
        if filter.to_string().len() > Self::MAX_BYTES { Err(parse::too_long(text)) } else { Ok(filter) }
    }

    /// The filter that selects every session.
    pub const fn all() -> Self {
        Self(Expr::All)
    }

    /// Whether it selects the session with these properties.
    pub fn matches(&self, of: &dyn Lookup) -> bool {
        evaluate::matches(&self.0, of)
    }

    /// The keys of the properties that it looks at, each once; `$Roles` for `hasRoles`.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let mut keys = BTreeSet::new();
        self.0.collect_keys(&mut keys);
        keys.into_iter()
    }

    /// What it says.
    pub const fn expr(&self) -> &Expr {
        &self.0
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The value as it may stand between quotes of either kind in an expression.
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '"' | '\'' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
