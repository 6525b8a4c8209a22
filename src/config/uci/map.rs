//! Sections of UCI as tables of TOML, by the table of keys.

use std::collections::{BTreeMap, BTreeSet};

use super::super::keys::{Default, Key, Kind, Sort, TABLES, Table};
use super::super::report::Finding;
use super::super::section::{nearest, printable};
use super::lines::{Lines, Origin, key as bare};
use super::names::names;
use super::parse::{Place, Section, Value, Word};
use super::values;
use super::write::EMPTY;

/// Types of sections that are for the init script.
pub(super) const SCRIPT: [&str; 2] = ["turnpike", "globals"];
const ENABLED: &str = "enabled";
const ONE_VALUE: &str = "takes one value: write option, not list";
/// The option that says what a section is called.
pub(super) const NAME: &str = "name";

/// A list of tables within a table: the outer table, the key, the inner table.
type Rows = (&'static Table, &'static Key, &'static Table);

/// The sections of a file while they become TOML.
pub(super) struct Mapper<'s> {
    sections: &'s [Section],
    pub(super) lines: Lines,
    pub(super) mistakes: Vec<Finding>,
    /// The options whose mistakes were said: section and name.
    pub(super) said: BTreeSet<(usize, String)>,
    /// The rows that belong to no section that was seen yet: by their type and the name of what they belong to.
    rows: BTreeMap<(&'static str, &'s str), Vec<usize>>,
    /// Where the tables stand that have names.
    named: BTreeMap<(&'static str, &'s str), Place>,
}

/// One section while it becomes a table.
pub(super) struct Source<'s> {
    pub(super) index: usize,
    pub(super) section: &'s Section,
    /// Options that are there and empty.
    pub(super) empty: BTreeMap<String, Place>,
}

impl<'s> Mapper<'s> {
    pub(super) fn new(sections: &'s [Section]) -> Self {
        Self {
            sections,
            lines: Lines::default(),
            mistakes: Vec::new(),
            said: BTreeSet::new(),
            rows: BTreeMap::new(),
            named: BTreeMap::new(),
        }
    }

    /// Every section, in the order of the file; those of lists within tables behind the one they belong to.
    pub(super) fn run(&mut self) {
        let mut once: BTreeMap<&str, Place> = BTreeMap::new();
        let inner = inner();
        self.gather(&inner);
        for (index, section) in self.sections.iter().enumerate() {
            let kind = section.kind.as_str();
            if SCRIPT.contains(&kind) {
                self.script(index, section);
            } else if let Some(table) = TABLES.into_iter().find(|table| table.uci == kind) {
                if table.sort == Sort::Once
                    && let Some(first) = once.insert(kind, section.at)
                {
                    let text = format!("there is one config {kind} already, in line {}", first.line);
                    self.mistake(index, section.at, "", text);
                    continue;
                }
                self.table(index, section, table);
            } else if !inner.iter().any(|(_, _, table)| table.uci == kind) {
                let known =
                    TABLES.iter().map(|table| table.uci).chain(inner.iter().map(|(_, _, table)| table.uci));
                let hint =
                    nearest(kind, known).map_or_else(String::new, |near| format!("; did you mean {near}?"));
                self.mistake(index, section.at, "", format!("unknown type {}{hint}", printable(kind)));
            }
        }
        for ((kind, name), rows) in std::mem::take(&mut self.rows) {
            let outer =
                inner.iter().find(|(_, _, table)| table.uci == kind).map_or("", |(outer, _, _)| outer.uci);
            for index in rows {
                let row = self.sections.get(index);
                let at =
                    row.and_then(|row| row.options.get(outer)?.at()).unwrap_or(Place { line: 1, column: 1 });
                let text = format!("there is no config {outer} of the name {}", printable(name));
                self.mistake(index, at, outer, text);
            }
        }
    }

    /// Finds the rows of lists within tables, by what they belong to.
    fn gather(&mut self, inner: &[Rows]) {
        for (index, section) in self.sections.iter().enumerate() {
            let Some((outer, _, table)) = inner.iter().find(|(_, _, table)| table.uci == section.kind) else {
                continue;
            };
            match section.options.get(outer.uci) {
                Some(Value::One(word)) => self.rows.entry((table.uci, &word.text)).or_default().push(index),
                Some(Value::Many(_)) => self.mistake(index, section.at, outer.uci, ONE_VALUE),
                None => {
                    let text = format!("is missing: the name of the config {} that it belongs to", outer.uci);
                    self.mistake(index, section.at, outer.uci, text);
                }
            }
        }
    }

    /// What is said to the init script.
    fn script(&mut self, index: usize, section: &Section) {
        for (name, value) in &section.options {
            let at = value.at().unwrap_or(section.at);
            match value {
                Value::One(word) if name == ENABLED => {
                    if let Err(text) = values::boolean(&word.text) {
                        self.mistake(index, at, name, text);
                    }
                }
                Value::Many(_) if name == ENABLED => {
                    self.mistake(index, at, name, ONE_VALUE);
                }
                Value::One(_) | Value::Many(_) => {
                    self.mistake(index, at, name, "unknown option; this section has enabled only");
                }
            }
        }
    }

    fn table(&mut self, index: usize, section: &'s Section, table: &'static Table) {
        let name = called(section);
        let head = match table.sort {
            Sort::Once => format!("[{}]", table.name),
            Sort::List => format!("[[{}]]", table.name),
            Sort::Named(example) => {
                let Some(name) = name else {
                    let text = format!("needs a name, as in: config {} '{example}'", table.uci);
                    self.mistake(index, section.at, "", text);
                    return;
                };
                if let Some(earlier) = self.named.insert((table.uci, name), section.at) {
                    let text = format!(
                        "there is one of this name already, in line {}: {}",
                        earlier.line,
                        printable(name)
                    );
                    self.mistake(index, section.at, "", text);
                    return;
                }
                format!("[{}.{}]", table.name, bare(name))
            }
        };
        let source = self.open(index, section, table, &[]);
        self.head(&source, &head);
        self.keys(&source, table, table.name, "");
        for key in table.keys {
            let Some(rows) = key.kind.rows() else { continue };
            // Of two sections of one name, which is a mistake, the first has the rows.
            let found = name.and_then(|name| self.rows.remove(&(rows.uci, name))).unwrap_or_default();
            if found.is_empty() && key.default == Default::Required {
                let whose = printable(name.unwrap_or("NAME"));
                let text = format!(
                    "needs at least one section of its own: config {} with option {} '{whose}'",
                    rows.uci, table.uci
                );
                self.mistake(index, section.at, key.name, text);
            }
            let path = format!("{}.{}", table.name, key.name);
            for index in found {
                let Some(row) = self.sections.get(index) else { continue };
                let source = self.open(index, row, rows, &[table.uci]);
                self.head(&source, &format!("[[{path}]]"));
                self.keys(&source, rows, &path, "");
            }
        }
    }

    /// Reports every option that the table does not have.
    fn open(&mut self, index: usize, section: &'s Section, table: &Table, also: &[&str]) -> Source<'s> {
        let mut source = Source { index, section, empty: BTreeMap::new() };
        let mut known = BTreeMap::new();
        names(table, "", &mut known);
        for (name, value) in &section.options {
            if name == EMPTY {
                for (empty, at) in values::items(value) {
                    match known.get(empty) {
                        Some(Some(
                            Kind::Text
                            | Kind::Texts
                            | Kind::Ports
                            | Kind::Choices(_)
                            | Kind::Prose
                            | Kind::Variables,
                        )) => {
                            if section.options.contains_key(empty) {
                                let text = format!("{empty} is not empty: it is given, too");
                                self.mistake(index, at, EMPTY, text);
                            } else {
                                source.empty.insert(empty.to_owned(), at);
                            }
                        }
                        Some(_) => self.mistake(index, at, EMPTY, format!("{empty} cannot be empty")),
                        None => {
                            self.mistake(index, at, EMPTY, format!("there is no option {}", printable(empty)))
                        }
                    }
                }
                continue;
            }
            let is_name = name == NAME && matches!(table.sort, Sort::Named(_));
            if is_name && matches!(value, Value::Many(_)) {
                self.mistake(index, value.at().unwrap_or(section.at), name, ONE_VALUE);
            }
            if known.contains_key(name) || also.contains(&name.as_str()) || is_name {
                continue;
            }
            let of_its_own = table.keys.iter().find(|key| key.name == name).and_then(|key| key.kind.rows());
            let hint = match of_its_own {
                Some(rows) => format!("; write a section config {} for each", rows.uci),
                None => nearest(name, known.keys().map(String::as_str).chain(also.iter().copied()))
                    .map_or_else(String::new, |near| format!("; did you mean {near}?")),
            };
            self.mistake(index, value.at().unwrap_or(section.at), name, format!("unknown option{hint}"));
        }
        source
    }

    fn head(&mut self, source: &Source<'s>, head: &str) {
        let Source { index, section, .. } = source;
        let name = section.name.as_ref().map_or_else(String::new, |name| format!(" '{name}'"));
        let line = format!("{head} # line {}: config {}{name}", section.at.line, section.kind);
        self.lines.push(&line, Origin { section: Some(*index), option: None, at: section.at });
    }

    /// The value of an option that has one.
    pub(super) fn one(&mut self, source: &Source<'s>, option: &str) -> Option<&'s Word> {
        match source.section.options.get(option)? {
            Value::One(word) => Some(word),
            Value::Many(words) => {
                let at = words.first().map_or(source.section.at, |word| word.at);
                self.mistake(source.index, at, option, ONE_VALUE);
                None
            }
        }
    }

    pub(super) fn line(&mut self, source: &Source<'s>, option: &str, at: Place, line: &str) {
        let origin = Origin { section: Some(source.index), option: Some(option.to_owned()), at };
        self.lines.push(&format!("{line} # line {}", at.line), origin);
    }

    pub(super) fn mistake(&mut self, index: usize, at: Place, option: &str, message: impl Into<String>) {
        let section = self.sections.get(index).map(Section::reference).unwrap_or_default();
        let key = if option.is_empty() { section } else { format!("{section}.{option}") };
        self.said.insert((index, option.to_owned()));
        self.mistakes.push(Finding { line: Some(at.line), column: at.column, key, message: message.into() });
    }
}

/// What a section is called: by its option, else by its own name.
fn called(section: &Section) -> Option<&str> {
    match section.options.get(NAME) {
        Some(Value::One(word)) => Some(&word.text),
        Some(Value::Many(_)) | None => section.name.as_deref(),
    }
}

/// The lists of tables within tables.
fn inner() -> Vec<Rows> {
    let mut found = Vec::new();
    for table in TABLES {
        for key in table.keys {
            found.extend(key.kind.rows().map(|rows| (table, key, rows)));
        }
    }
    found
}
