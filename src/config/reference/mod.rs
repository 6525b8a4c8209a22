//! What the table of keys says, as people read it: Markdown, and files that have every key.

mod markdown;
mod toml_file;
mod uci_file;

pub use markdown::markdown;
pub use toml_file::toml_file;
pub use uci_file::uci_file;

use super::keys::Key;

/// The widest line of a comment.
const WIDTH: usize = 118;

/// Lines of a comment, each with `mark` in front.
fn comment(mark: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in words(text) {
        if !line.is_empty() && mark.chars().count() + line.chars().count() + 1 + word.chars().count() > WIDTH
        {
            lines.push_str(&format!("{mark}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push_str(&format!("{mark}{line}\n"));
    }
    lines
}

/// The words of a text. What begins with a bracket stays with the word before it: at the beginning of a line it would look
/// like a table that is commented out.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if word.starts_with('[') => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// What a key does and what it is bound by, in sentences.
fn sentences(key: &Key) -> String {
    let bounds = key.bounds_in_words();
    if bounds.is_empty() {
        return key.what.to_owned();
    }
    let mut letters = bounds.chars();
    let first: String = letters.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{} {first}{}.", key.what, letters.as_str())
}

/// Two parts of a text, of which the second may be empty.
fn joined(one: &str, other: &str) -> String {
    if other.is_empty() { one.to_owned() } else { format!("{one} {other}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_broken_between_words_and_never_before_a_bracket() {
        assert_eq!(comment("# ", "One  two."), "# One two.\n");
        assert_eq!(comment("# ", ""), "");
        let long = format!("{} [theme] {}", "word ".repeat(23), "word ".repeat(30));
        let lines = comment("# ", &long);
        assert!(
            lines.lines().count() > 2 && lines.lines().all(|line| line.chars().count() <= WIDTH),
            "{lines}"
        );
        assert!(!lines.contains("# ["), "{lines}");
    }
}
