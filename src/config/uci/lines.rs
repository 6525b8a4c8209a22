use super::parse::Place;

/// Lines of TOML, each with what it was made of.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) origins: Vec<Origin>,
}

/// What a line was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// The section, by its place in the file; `None` for what stands above them all.
    pub(super) section: Option<usize>,
    /// The option; `None` for the head of a table.
    pub(super) option: Option<String>,
    /// Where it stands.
    pub(super) at: Place,
}

impl Lines {
    /// Adds one line.
    pub(super) fn push(&mut self, line: &str, origin: Origin) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(origin);
    }

    /// Adds those of others.
    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.origins.extend(other.origins);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// What the line was made of, from 1.
    pub(super) fn origin(&self, line: usize) -> Option<&Origin> {
        self.origins.get(line.checked_sub(1)?)
    }
}

/// A string as TOML has it, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A key as TOML has it: in quotes unless it is plain.
pub(super) fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_bare) { name.to_owned() } else { quoted(name) }
}
