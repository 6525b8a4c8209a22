/// Free text from outside (an alias, a notice, a reason), cut to a bound and rid of control characters.
///
/// Names come from DHCP requests, plugins and operators; what is kept of them must not break a log line or a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(String);

impl Text {
    /// The longest text kept, in characters.
    pub const MAX_CHARS: usize = 500;

    /// Takes the first [`Text::MAX_CHARS`] characters, control characters replaced by spaces, ends trimmed.
    pub fn new(text: &str) -> Self {
        let clean: String = text
            .chars()
            .take(Self::MAX_CHARS)
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        Self(clean.trim().to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
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
