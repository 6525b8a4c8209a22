use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Part, Phrase, Said};

/// Free text from outside (an alias, a notice, a reason), cut to a bound and rid of control characters; or a sentence of
/// our own, which knows what it says.
///
/// Cheap to clone. Names come from DHCP requests, plugins and operators; what is kept of them must not break a log line or a
/// page. A text is equal to another of the same words, whoever wrote them.
#[derive(Debug, Clone, Default)]
pub struct Text {
    text: Arc<str>,
    ours: Option<Arc<Said>>,
}

impl Text {
    /// The longest text kept, in characters.
    pub const MAX_CHARS: usize = 500;

    /// Takes the first [`Text::MAX_CHARS`] characters, control characters replaced by spaces, ends trimmed.
    pub fn new(text: &str) -> Self {
        // Most are clean and short: bytes are never fewer than characters.
        if text.len() <= Self::MAX_CHARS && !text.contains(char::is_control) {
            return Self { text: text.trim().into(), ours: None };
        }
        let clean: String = text
            .chars()
            .take(Self::MAX_CHARS)
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        Self { text: clean.trim().into(), ours: None }
    }

    /// A sentence of our own.
    pub fn ours(phrase: Phrase) -> Self {
        Self::ours_with(phrase, Vec::new())
    }

    /// The same with its parts.
    pub fn ours_with(phrase: Phrase, parts: Vec<(&'static str, Part)>) -> Self {
        let said = Said { phrase, parts };
        let text = Self::new(&said.english()).text;
        Self { text, ours: Some(Arc::new(said)) }
    }

    /// The text; in English where it is ours.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it says, if it is ours: to be said in another language.
    pub fn said(&self) -> Option<&Said> {
        self.ours.as_deref()
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_one_line_of_bounded_length() {
        assert_eq!(Text::new("  Ana\r\n\u{1b}[31mphone\0 ").as_str(), "Ana   [31mphone");
        assert_eq!(Text::new(&"é".repeat(10_000)).as_str().chars().count(), Text::MAX_CHARS);
    }
}
