use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::Report;

/// A value and where in the file it stands.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// One table of the file while it is read: typed getters that collect mistakes instead of stopping at the first.
#[derive(Debug)]
pub(super) struct Section<'r, 'a, 't> {
    report: &'r mut Report<'a>,
    /// The table's name, in front of its keys in messages; empty for the file's top.
    name: Cow<'static, str>,
    at: usize,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'r, 'a, 't> Section<'r, 'a, 't> {
    pub(super) fn new(
        report: &'r mut Report<'a>,
        name: impl Into<Cow<'static, str>>,
        at: usize,
        table: &'t DeTable<'t>,
    ) -> Self {
        Self { report, name: name.into(), at, table, known: Vec::new() }
    }

    /// Every key that is asked for is known; tests hold them against the table of keys.
    fn ask(&mut self, key: &'static str) {
        #[cfg(test)]
        asked::note(&self.name, key);
        self.known.push(key);
    }

    /// The value of a key, as `parse` reads it; `None` if it is absent or wrong (which is then reported).
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Found<T>> {
        self.ask(key);
        let value = self.table.get(key)?;
        let at = value.span().start;
        match parse(value.get_ref()) {
            Ok(value) => Some(Found { value, at }),
            Err(message) => {
                self.mistake(at, key, message);
                None
            }
        }
    }

    /// The same, for a key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Found<T>> {
        if self.table.get(key).is_none() {
            self.ask(key);
            let name = self.full_name(key);
            self.report.missing(Some(self.at), &name, format!("is missing; for example {key} = {example}"));
            return None;
        }
        self.read(key, parse)
    }

    /// The items of a list, each as `parse` reads it; wrong ones are reported and left out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Found<Vec<Found<T>>>> {
        self.ask(key);
        let value = self.table.get(key)?;
        let at = value.span().start;
        let Some(items) = value.get_ref().as_array() else {
            self.mistake(at, key, expected("a list", value.get_ref()));
            return None;
        };
        let mut found = Vec::new();
        for item in items.iter() {
            let at = item.span().start;
            match parse(item.get_ref()) {
                Ok(value) => found.push(Found { value, at }),
                Err(message) => self.mistake(at, key, message),
            }
        }
        Some(Found { value: found, at })
    }

    /// Whether a list is there and has nothing in it.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        self.table.get(key).and_then(|value| value.get_ref().as_array()).is_some_and(|items| items.is_empty())
    }

    /// A table within this one, to be read by a section of its own.
    pub(super) fn table(&mut self, key: &'static str) -> Option<(usize, &'t DeTable<'t>)> {
        self.ask(key);
        let value = self.table.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.mistake(
                value.span().start,
                key,
                expected(&format!("a table, written [{key}]"), value.get_ref()),
            );
        }
        table.map(|table| (value.span().start, table))
    }

    /// The tables of a table of tables, `[key.NAME]`, with their names and the place of each name.
    pub(super) fn named_tables(
        &mut self,
        key: &'static str,
    ) -> Vec<(&'t Spanned<Cow<'t, str>>, &'t DeTable<'t>)> {
        let Some((_, all)) = self.table(key) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, value) in all {
            match value.get_ref().as_table() {
                Some(table) => tables.push((name, table)),
                None => {
                    let key = format!("{key}.{}", printable(name.get_ref()));
                    let wanted = format!("a table, written [{key}]");
                    self.mistake(value.span().start, &key, expected(&wanted, value.get_ref()));
                }
            }
        }
        tables
    }

    /// The tables of a list of tables, `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(usize, &'t DeTable<'t>)> {
        self.ask(key);
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let wanted = format!("tables, written [[{key}]]");
        let Some(items) = value.get_ref().as_array() else {
            self.mistake(value.span().start, key, expected(&wanted, value.get_ref()));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((item.span().start, table)),
                None => self.mistake(item.span().start, key, expected(&wanted, item.get_ref())),
            }
        }
        tables
    }

    /// Reports a mistake of a key of this table.
    pub(super) fn mistake(&mut self, at: usize, key: &str, message: impl Into<String>) {
        let name = self.full_name(key);
        self.report.mistake(at, &name, message);
    }

    /// Reports a doubt about a key of this table.
    pub(super) fn warning(&mut self, at: usize, key: &str, message: impl Into<String>) {
        let name = self.full_name(key);
        self.report.warning(at, &name, message);
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(mut self) {
        let unknown: Vec<&Spanned<Cow<'_, str>>> =
            self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())).collect();
        for key in unknown {
            let near = nearest(key.get_ref(), self.known.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            self.mistake(key.span().start, &printable(key.get_ref()), format!("unknown key{hint}"));
        }
    }

    fn full_name(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// A key as a message shows it. It is hostile text too: what does not print must not reach the terminal.
pub(super) fn printable(key: &str) -> String {
    key.chars().take(60).flat_map(char::escape_debug).collect()
}

/// The message for a value of the wrong type.
pub(super) fn expected(wanted: &str, value: &DeValue<'_>) -> String {
    let article = if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
    format!("expected {wanted}, found {article} {}", value.type_str())
}

/// The known name closest to what was written, if it is close enough to have been meant.
pub(super) fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if written.len() > 40 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance: how many letters to add, drop or change.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let change = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = change.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// What sections of this thread were asked for.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    /// Tables by their names, and keys.
    pub(in crate::config) type Asked = BTreeSet<(String, &'static str)>;

    thread_local! {
        static ASKED: RefCell<Asked> = RefCell::default();
    }

    pub(super) fn note(table: &str, key: &'static str) {
        ASKED.with_borrow_mut(|asked| asked.insert((table.to_owned(), key)));
    }

    /// What was asked for since the last time.
    pub(in crate::config) fn take() -> Asked {
        ASKED.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_that_was_meant() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        let known = ["down_mbps", "up_mbps", "lan"];
        assert_eq!(nearest("down_mpbs", known), Some("down_mbps"));
        assert_eq!(nearest("lans", known), Some("lan"));
        assert_eq!(nearest("banana", known), None);
    }
}
