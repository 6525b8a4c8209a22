//! The text of a UCI file, taken apart as OpenWrt's own library does: words, sections, options, lists.

use std::collections::{BTreeMap, HashMap};

use super::super::report::Finding;
use super::super::section::printable;

/// The most sections, and the most items of a list.
const MAX_SECTIONS: usize = 10_000;
const MAX_ITEMS: usize = 10_000;

/// Where something stands, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A word, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: Place,
}

/// What an option holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `option`.
    One(Word),
    /// `list`, perhaps several times.
    Many(Vec<Word>),
}

/// `config TYPE 'NAME'` with what belongs to it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) kind: String,
    pub(super) name: Option<String>,
    /// How many of its type stand before it.
    pub(super) index: usize,
    pub(super) at: Place,
    pub(super) options: BTreeMap<String, Value>,
}

/// A file taken apart, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) sections: Vec<Section>,
    pub(super) mistakes: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
}

impl Section {
    /// The section as the command `uci` names it: `guests`, or `@zone[0]` if it has no name.
    pub(super) fn reference(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("@{}[{}]", printable(&self.kind), self.index))
    }
}

impl Value {
    /// Where it stands first.
    pub(super) fn at(&self) -> Option<Place> {
        match self {
            Self::One(word) => Some(word.at),
            Self::Many(words) => words.first().map(|word| word.at),
        }
    }
}

/// Takes a text apart.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parser = Parser {
        parsed: Parsed::default(),
        current: Current::None,
        named: HashMap::new(),
        counts: HashMap::new(),
    };
    let mut reader = Reader { rest: text, at: Place { line: 1, column: 1 } };
    loop {
        match reader.statement() {
            Ok(Some(words)) => {
                if !parser.take(words) {
                    break;
                }
            }
            Ok(None) => break,
            Err(mistake) => {
                // What follows a quote that is not closed is inside of it.
                parser.parsed.mistakes.push(mistake);
                break;
            }
        }
    }
    parser.parsed
}

/// What options belong to.
enum Current {
    /// No section was begun.
    None,
    /// One that is wrong: what belongs to it is passed over.
    Wrong,
    /// The section at this index.
    Section(usize),
}

struct Parser {
    parsed: Parsed,
    current: Current,
    /// The sections that have names.
    named: HashMap<String, usize>,
    /// How many there are of each type.
    counts: HashMap<String, usize>,
}

impl Parser {
    /// One statement; `false` if no more are taken.
    fn take(&mut self, mut words: Vec<Word>) -> bool {
        let keyword = words.remove(0);
        match keyword.text.as_str() {
            "package" | "p" => {}
            "config" | "c" => return self.config(keyword.at, words),
            "option" | "o" => self.option(keyword.at, words, false),
            "list" | "l" => self.option(keyword.at, words, true),
            other => {
                let text = format!("{} is neither config, option nor list", printable(other));
                self.mistake(keyword.at, "", text);
            }
        }
        true
    }

    fn config(&mut self, at: Place, words: Vec<Word>) -> bool {
        self.current = Current::Wrong;
        let mut words = words.into_iter();
        let Some(kind) = words.next().filter(|kind| !kind.text.is_empty()) else {
            self.mistake(at, "", "config needs a type, as in: config zone 'guests'");
            return true;
        };
        if !kind.text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.mistake(kind.at, "", "a section's type has letters, digits and signs only");
            return true;
        }
        let name = words.next().filter(|name| !name.text.is_empty());
        if let Some(name) = &name
            && !is_name(&name.text)
        {
            let text = format!(
                "a section's name has letters, digits and _ only, not as {}; what it is called otherwise is said by option name",
                printable(&name.text)
            );
            self.mistake(name.at, "", text);
            return true;
        }
        if let Some(more) = words.next() {
            self.mistake(more.at, "", "a section has a type and a name, and nothing behind them");
            return true;
        }
        let name = name.map(|name| name.text);
        // A section that comes again goes on.
        if let Some(index) = name.as_ref().and_then(|name| self.named.get(name)).copied()
            && let Some(earlier) = self.parsed.sections.get(index)
        {
            if earlier.kind == kind.text {
                self.current = Current::Section(index);
            } else {
                let text = format!(
                    "in line {} a section of another type has this name: {}",
                    earlier.at.line,
                    printable(&earlier.kind)
                );
                self.mistake(at, "", text);
            }
            return true;
        }
        let index = self.parsed.sections.len();
        if index == MAX_SECTIONS {
            self.mistake(at, "", format!("there can be at most {MAX_SECTIONS} sections"));
            return false;
        }
        if let Some(name) = &name {
            self.named.insert(name.clone(), index);
        }
        let count = self.counts.entry(kind.text.clone()).or_default();
        let section = Section { kind: kind.text, name, index: *count, at, options: BTreeMap::new() };
        *count += 1;
        self.parsed.sections.push(section);
        self.current = Current::Section(index);
        true
    }

    fn option(&mut self, at: Place, words: Vec<Word>, is_list: bool) {
        let index = match self.current {
            Current::None => {
                self.mistake(at, "", "stands before the first section: begin one by config");
                return;
            }
            Current::Wrong => return,
            Current::Section(index) => index,
        };
        let mut words = words.into_iter();
        let Some(name) = words.next().filter(|name| !name.text.is_empty()) else {
            self.mistake(at, "", "needs a name and a value, as in: option name 'guests'");
            return;
        };
        if !is_name(&name.text) {
            let text =
                format!("an option's name has letters, digits and _ only, not as {}", printable(&name.text));
            self.mistake(name.at, "", text);
            return;
        }
        let value = words.next().unwrap_or(Word { text: String::new(), at });
        if let Some(more) = words.next() {
            let text = "has more than one value: what holds blanks stands in quotes, as in 'two words'";
            self.mistake(more.at, &name.text, text);
            return;
        }
        let Some(section) = self.parsed.sections.get_mut(index) else { return };
        let reference = section.reference();
        let finding = |at: Place, message: String| Finding {
            line: Some(at.line),
            column: at.column,
            key: format!("{reference}.{}", name.text),
            message,
        };
        // An option without a value is as if it were not written.
        if !is_list && value.text.is_empty() {
            return;
        }
        let earlier = section.options.remove(&name.text);
        if !is_list {
            if let Some(place) = earlier.and_then(|earlier| earlier.at()) {
                let text = format!("is said again in line {}, which holds", value.at.line);
                self.parsed.warnings.push(finding(place, text));
            }
            section.options.insert(name.text, Value::One(value));
            return;
        }
        let mut items = match earlier {
            None => Vec::new(),
            Some(Value::One(word)) => vec![word],
            Some(Value::Many(words)) => words,
        };
        if items.len() < MAX_ITEMS {
            items.push(value);
        } else if !self
            .parsed
            .mistakes
            .iter()
            .rev()
            .any(|mistake| mistake.key == format!("{reference}.{}", name.text))
        {
            let text = format!("a list can have at most {MAX_ITEMS} items");
            self.parsed.mistakes.push(finding(value.at, text));
        }
        section.options.insert(name.text, Value::Many(items));
    }

    fn mistake(&mut self, at: Place, key: &str, message: impl Into<String>) {
        let key = match (&self.current, key) {
            (Current::Section(index), key) if !key.is_empty() => {
                let section = self.parsed.sections.get(*index).map(Section::reference);
                format!("{}.{}", section.unwrap_or_default(), printable(key))
            }
            (Current::Section(_) | Current::None | Current::Wrong, key) => printable(key),
        };
        self.parsed.mistakes.push(Finding {
            line: Some(at.line),
            column: at.column,
            key,
            message: message.into(),
        });
    }
}

/// What sections and options can be called.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The text that is still to be read, and where it begins.
struct Reader<'t> {
    rest: &'t str,
    at: Place,
}

/// Blanks as C's `isspace` has them, but for the line break.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\u{b}' | '\u{c}')
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next()?;
        self.rest = letters.as_str();
        if letter == '\n' {
            self.at = Place { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(letter)
    }

    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&is_skipped) {
            self.next();
        }
    }

    /// The words of the next statement: never none of them. A statement ends with its line, or with `;`.
    fn statement(&mut self) -> Result<Option<Vec<Word>>, Finding> {
        loop {
            self.skip(|letter| is_blank(letter) || letter == '\n' || letter == ';');
            match self.peek() {
                None => return Ok(None),
                Some('#') => self.skip(|letter| letter != '\n'),
                Some(_) => break,
            }
        }
        let mut words = vec![self.keyword()];
        loop {
            self.skip(is_blank);
            match self.peek() {
                None | Some('\n' | ';') => return Ok(Some(words)),
                Some('#') => self.skip(|letter| letter != '\n'),
                Some(_) => words.push(self.word()?),
            }
        }
    }

    /// The first word of a statement has no quotes.
    fn keyword(&mut self) -> Word {
        let at = self.at;
        let end = self.rest.find(|letter| is_blank(letter) || letter == '\n').unwrap_or(self.rest.len());
        let text = self.rest.get(..end).unwrap_or_default().to_owned();
        self.skip(|letter| !is_blank(letter) && letter != '\n');
        Word { text, at }
    }

    /// A word: pieces in single quotes, in double quotes and in none, one right behind the other.
    fn word(&mut self) -> Result<Word, Finding> {
        let at = self.at;
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            if is_blank(letter) || matches!(letter, '\n' | ';' | '#') {
                break;
            }
            match letter {
                '\'' | '"' => self.quoted(letter, &mut text)?,
                '\\' => self.escaped(&mut text),
                _ => {
                    self.next();
                    text.push(letter);
                }
            }
        }
        Ok(Word { text, at })
    }

    /// What stands between two quotes, lines included. A backslash means something between double ones only.
    fn quoted(&mut self, quote: char, text: &mut String) -> Result<(), Finding> {
        let at = self.at;
        self.next();
        while let Some(letter) = self.peek() {
            if letter == '\\' && quote == '"' {
                self.escaped(text);
                continue;
            }
            self.next();
            if letter == quote {
                return Ok(());
            }
            text.push(letter);
        }
        let message = format!("the quote {quote} that begins here is not closed");
        Err(Finding { line: Some(at.line), column: at.column, key: String::new(), message })
    }

    /// A backslash takes the next letter as it is, and the end of a line away.
    fn escaped(&mut self, text: &mut String) {
        self.next();
        if self.rest.starts_with("\r\n") {
            self.next();
        }
        match self.next() {
            Some('\n') | None => {}
            Some(letter) => text.push(letter),
        }
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
