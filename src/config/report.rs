use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One mistake, or one thing worth a warning, with the place it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1; `None` if it is about the file as a whole.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key with its table, as in `zone.down_mbps`; empty if no key can be named.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}:{}: ", self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration file. Prints one line for each mistake: file, line, column, key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The mistakes, in the order of the file. Never empty.
    pub mistakes: Vec<Finding>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.mistakes.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            // `file:line:column:` is what editors jump to; without a line, `file: `.
            let space = if mistake.line.is_some() { "" } else { " " };
            write!(f, "{}:{space}{mistake}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Collects what is found while a file is read.
#[derive(Debug)]
pub(super) struct Report<'a> {
    text: &'a str,
    /// Where each line begins: a file with many mistakes must not be counted through for each.
    lines: Vec<usize>,
    mistakes: Vec<Finding>,
    warnings: Vec<Finding>,
    /// Lines that do not even parse: what else is said of them would only confuse.
    broken_lines: Vec<usize>,
}

impl<'a> Report<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, mistakes: Vec::new(), warnings: Vec::new(), broken_lines: Vec::new() }
    }

    /// A mistake of syntax.
    pub(super) fn broken(&mut self, span: Option<Range<usize>>, message: &str) {
        let finding = self.finding(span.map_or(0, |span| span.start), "", message.to_owned());
        self.broken_lines.extend(finding.line);
        self.mistakes.push(finding);
    }

    /// A mistake at a place.
    pub(super) fn mistake(&mut self, at: usize, key: &str, message: impl Into<String>) {
        let finding = self.finding(at, key, message.into());
        if !finding.line.is_some_and(|line| self.broken_lines.contains(&line)) {
            self.mistakes.push(finding);
        }
    }

    /// Something that must be there and is not. Not said of a file with broken lines: one of them may hold it.
    pub(super) fn missing(&mut self, at: Option<usize>, key: &str, message: impl Into<String>) {
        if !self.broken_lines.is_empty() {
            return;
        }
        let mut finding = self.finding(at.unwrap_or(0), key, message.into());
        if at.is_none() {
            finding.line = None;
        }
        self.mistakes.push(finding);
    }

    /// Something that works but is hardly meant.
    pub(super) fn warning(&mut self, at: usize, key: &str, message: impl Into<String>) {
        let finding = self.finding(at, key, message.into());
        self.warnings.push(finding);
    }

    fn finding(&self, at: usize, key: &str, message: String) -> Finding {
        // A place that is none is the end.
        let at = if self.text.is_char_boundary(at) { at } else { self.text.len() };
        let line = self.lines.partition_point(|begin| *begin <= at);
        let begin = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(begin..at).map_or(0, |before| before.chars().count()) + 1;
        Finding { line: Some(line), column, key: key.to_owned(), message }
    }

    /// The warnings, or every mistake.
    pub(super) fn finish(mut self, file: &Path) -> Result<Vec<Finding>, ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(self.warnings);
        }
        self.mistakes.sort_by_key(|mistake| (mistake.line.is_none(), mistake.line, mistake.column));
        Err(ConfigError { file: file.to_owned(), mistakes: self.mistakes })
    }
}
