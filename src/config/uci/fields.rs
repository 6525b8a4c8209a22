//! The keys of a table, from the options of its section.

use std::collections::BTreeSet;

use super::super::keys::{Default, Key, Kind, Table};
use super::super::section::printable;
use super::lines::{Lines, Origin, quoted};
use super::map::{Mapper, NAME, Source};
use super::parse::Value;
use super::values;
use super::write::{ALL, written};
use crate::domain::theme::Translated;

impl<'s> Mapper<'s> {
    /// The keys of a table, those of tables within it behind them.
    pub(super) fn keys(&mut self, source: &Source<'s>, table: &'static Table, path: &str, prefix: &str) {
        let mut behind = Lines::default();
        for key in table.keys {
            let option = format!("{prefix}{}", key.name);
            let below = match key.kind {
                Kind::Table(inner) => {
                    let outer = std::mem::take(&mut self.lines);
                    let below = format!("{path}.{}", key.name);
                    self.keys(source, inner, &below, &format!("{option}_"));
                    let lines = std::mem::replace(&mut self.lines, outer);
                    headed(source, &format!("[{below}]"), lines)
                }
                Kind::Prose => self.prose(source, key, path, &option),
                Kind::Variables => self.variables(source, key, path, &option),
                Kind::Tables(_) => Lines::default(),
                Kind::Texts | Kind::Ports | Kind::Choices(_) | Kind::Pulses => {
                    self.list(source, key, &option);
                    Lines::default()
                }
                Kind::Text
                | Kind::Choice(_)
                | Kind::Integer(..)
                | Kind::Number(..)
                | Kind::Speed
                | Kind::Boolean
                | Kind::Amount => {
                    self.single(source, key, &option);
                    Lines::default()
                }
            };
            behind.append(below);
        }
        self.lines.append(behind);
    }

    fn single(&mut self, source: &Source<'s>, key: &Key, option: &str) {
        let Some(word) = self.one(source, option) else {
            if let Some(at) = source.empty.get(option) {
                self.line(source, option, *at, &format!("{} = \"\"", key.name));
            } else if !source.section.options.contains_key(option) {
                self.absent(source, key, option);
            }
            return;
        };
        let (text, at) = (word.text.clone(), word.at);
        let value = values::single(key.kind, &text).unwrap_or_else(|wrong| {
            self.mistake(source.index, at, option, wrong);
            // What is said of it next is dropped; that it is there counts.
            quoted(&text)
        });
        self.line(source, option, at, &format!("{} = {value}", key.name));
    }

    /// A key that is not said: the name of a section stands for it; else it may be one that must be.
    fn absent(&mut self, source: &Source<'s>, key: &Key, option: &str) {
        let Source { index, section, .. } = source;
        if option == NAME && key.default == Default::Required {
            if let Some(name) = &section.name {
                self.line(source, option, section.at, &format!("{} = {}", key.name, quoted(name)));
                return;
            }
            let text = format!("needs a name, as in: config {} 'NAME', or option name", section.kind);
            self.mistake(*index, section.at, option, text);
        } else if key.default == Default::Required {
            let example = written(key, key.sample()).into_iter().next().unwrap_or_default();
            self.mistake(*index, section.at, option, format!("is missing, as in: {example}"));
        }
    }

    fn list(&mut self, source: &Source<'s>, key: &Key, option: &str) {
        if let Some(at) = source.empty.get(option) {
            self.line(source, option, *at, &format!("{} = []", key.name));
            return;
        }
        let Some(value) = source.section.options.get(option) else {
            self.absent(source, key, option);
            return;
        };
        let at = value.at().unwrap_or(source.section.at);
        self.line(source, option, at, &format!("{} = [", key.name));
        for (text, at) in values::items(value) {
            let item = values::item(key.kind, text).unwrap_or_else(|wrong| {
                self.mistake(source.index, at, option, wrong);
                quoted(text)
            });
            self.line(source, option, at, &format!("  {item},"));
        }
        self.line(source, option, at, "]");
    }

    /// A text, or one for each language: a table behind the others.
    fn prose(&mut self, source: &Source<'s>, key: &Key, path: &str, option: &str) -> Lines {
        let all = format!("{option}_{ALL}");
        let mut said: Vec<(&str, String)> = Vec::new();
        for language in Translated::LANGUAGES {
            let option = format!("{option}_{language}");
            if source.section.options.contains_key(&option) {
                said.push((language, option));
            }
        }
        let has = |option: &str| source.section.options.contains_key(option);
        if has(option) && has(&all) {
            let at = source.section.options.get(&all).and_then(Value::at).unwrap_or(source.section.at);
            self.mistake(source.index, at, &all, format!("is the same as {option}: give one of them"));
            return Lines::default();
        }
        if said.is_empty() && !has(&all) {
            self.single(source, key, option);
            return Lines::default();
        }
        let plain = if has(option) { option.to_owned() } else { all };
        let outer = std::mem::take(&mut self.lines);
        for (language, option) in [(ALL, plain)].into_iter().chain(said) {
            if let Some(word) = self.one(source, &option) {
                let (line, at) = (format!("{language} = {}", quoted(&word.text)), word.at);
                self.line(source, &option, at, &line);
            }
        }
        let lines = std::mem::replace(&mut self.lines, outer);
        headed(source, &format!("[{path}.{}]", key.name), lines)
    }

    fn variables(&mut self, source: &Source<'s>, key: &Key, path: &str, option: &str) -> Lines {
        if let Some(at) = source.empty.get(option) {
            self.line(source, option, *at, &format!("{} = {{}}", key.name));
        }
        let Some(value) = source.section.options.get(option) else { return Lines::default() };
        let outer = std::mem::take(&mut self.lines);
        let mut names = BTreeSet::new();
        for (text, at) in values::items(value) {
            match values::variable(text) {
                Ok((name, _)) if !names.insert(name) => {
                    self.mistake(source.index, at, option, format!("{} is given twice", printable(name)));
                }
                Ok((_, line)) => self.line(source, option, at, &line),
                Err(wrong) => self.mistake(source.index, at, option, wrong),
            }
        }
        let lines = std::mem::replace(&mut self.lines, outer);
        headed(source, &format!("[{path}.{}]", key.name), lines)
    }
}

/// Lines below a head of their own; none if there are none.
fn headed(source: &Source<'_>, head: &str, lines: Lines) -> Lines {
    let mut all = Lines::default();
    if !lines.is_empty() {
        all.push(head, Origin { section: Some(source.index), option: None, at: source.section.at });
        all.append(lines);
    }
    all
}
