//! What stands in the search box of a list: words, or an expression of the filter language.

use crate::domain::{Filter, FilterError};

/// How a text is to be read; without a word about it, it is looked at.
const READINGS: [&str; 2] = ["words", "filter"];

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seek {
    /// As it was typed.
    pub(super) text: String,
    found: Found,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Nothing,
    Words,
    Filter(Filter),
    Wrong(FilterError),
}

impl Seek {
    /// Reads a text; `reading` is `words`, `filter` or empty.
    pub(super) fn read(text: &str, reading: &str) -> Self {
        let text = text.trim();
        let as_filter = match reading {
            "words" => false,
            "filter" => true,
            _ => is_filter(text),
        };
        let found = match (text.is_empty(), as_filter) {
            (true, _) => Found::Nothing,
            (false, false) => Found::Words,
            (false, true) => Filter::parse(text).map_or_else(Found::Wrong, Found::Filter),
        };
        Self { text: text.to_owned(), found }
    }

    /// Whether a word says how to read it.
    pub(super) fn is_reading(word: &str) -> bool {
        READINGS.contains(&word)
    }

    /// The words, if it is words.
    pub(super) fn words(&self) -> Option<String> {
        matches!(self.found, Found::Words).then(|| self.text.clone())
    }

    /// The filter, if it is one.
    pub(super) fn filter(&self) -> Option<Filter> {
        if let Found::Filter(filter) = &self.found { Some(filter.clone()) } else { None }
    }

    /// What is wrong with it as a filter.
    pub(super) const fn error(&self) -> Option<&FilterError> {
        if let Found::Wrong(error) = &self.found { Some(error) } else { None }
    }

    /// Whether anything is looked for.
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.found, Found::Nothing)
    }
}

/// Whether somebody who typed this means a filter, a wrong one too: it begins as one does.
fn is_filter(text: &str) -> bool {
    const OPERATORS: [&str; 8] = ["is", "eq", "ne", "lt", "le", "gt", "ge", "in"];
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let second = words.next().map(str::to_ascii_lowercase);
    let is = |operator: &str| second.as_deref() == Some(operator);
    match first.as_str() {
        "all" => second.as_deref().is_none_or(|next| ["and", "or"].contains(&next)),
        "not" | "has" | "hasroles" => second.is_some(),
        first => {
            first.starts_with(['$', '('])
                || first.starts_with("hasroles[")
                || OPERATORS.iter().any(|operator| is(operator))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_filters() {
        for words in ["", "ana", "Ana's phone", "aa:bb:cc", "10.0.0.7", "all inclusive", "has", "not"] {
            let seek = Seek::read(words, "");
            assert!(seek.filter().is_none() && seek.error().is_none(), "{words:?}");
            assert_eq!(seek.words().is_none(), words.is_empty());
        }
        for filter in ["all", "$State is 'running'", "has Floor", "not has Floor", "Floor eq '2'", "(all)"] {
            assert!(Seek::read(filter, "").filter().is_some(), "{filter:?}");
        }
        for wrong in ["$State", "$State is", "$State is running", "hasRoles", "has \"", "Floor lt 'x'"] {
            let seek = Seek::read(wrong, "");
            assert_eq!(seek.error().is_some(), wrong != "hasRoles", "{wrong:?}");
        }
        // Said otherwise.
        assert_eq!(Seek::read("has tablet", "words").words().as_deref(), Some("has tablet"));
        assert!(Seek::read("ana", "filter").error().is_some());
    }
}
