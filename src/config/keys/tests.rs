use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::config::section::asked;
use crate::config::{Config, ConfigError};
use crate::domain::theme::Translated;

/// A file with every table, and of each table the keys that `pick` has a value for.
fn file(pick: impl Fn(&str, &Key) -> Option<String>) -> String {
    let mut text = String::new();
    let mut left_out: Vec<String> = Vec::new();
    for (path, table) in all() {
        if left_out.iter().any(|outer| path == *outer || path.starts_with(&format!("{outer}."))) {
            continue;
        }
        text.push_str(&match table.sort {
            Sort::Once => format!("[{path}]\n"),
            Sort::List => format!("[[{path}]]\n"),
            Sort::Named(name) => format!("[{path}.{name}]\n"),
        });
        for key in table.keys {
            let value = pick(&path, key);
            if let Kind::Table(_) | Kind::Tables(_) = key.kind {
                // It has its own place, unless something else stands for it.
                if value.is_some() {
                    left_out.push(format!("{path}.{}", key.name));
                }
            }
            if let Some(value) = value {
                text.push_str(&format!("{} = {value}\n", key.name));
            }
        }
    }
    text
}

/// The example of every key, but for those that stand for others.
fn sample(path: &str, key: &Key) -> Option<String> {
    let is_table = matches!(key.kind, Kind::Table(_) | Kind::Tables(_));
    if is_table || !key.instead_of.is_empty() {
        return None;
    }
    let value = match (path, key.name) {
        ("coinslot", "debounce_ms") => "1",
        ("free", "fields") => r#"["name", "email", "phone", "terms"]"#,
        _ => key.sample(),
    };
    Some(value.to_owned())
}

/// The examples, with another value for one key.
fn with(path: &str, key: &Key, value: &str) -> String {
    file(|at, other| {
        if at == path && other.name == key.name {
            return Some(value.to_owned());
        }
        if at == path && key.instead_of.contains(&other.name) {
            return None;
        }
        sample(at, other)
    })
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("turnpike.toml"))
}

/// The mistakes that are about a key.
fn mistakes(text: &str, path: &str, key: &Key) -> Vec<String> {
    let table = path.replacen("roles", "roles.vip", 1);
    let name = format!("{table}.{}", key.name);
    let found = parse(text).err().into_iter().flat_map(|error| error.mistakes);
    found.filter(|mistake| mistake.key == name).map(|mistake| mistake.to_string()).collect()
}

fn every_key() -> Vec<(String, &'static Key)> {
    all()
        .into_iter()
        .flat_map(|(path, table)| table.keys.iter().map(move |key| (path.clone(), key)))
        .collect()
}

#[test]
fn the_readers_ask_for_exactly_these_keys() {
    let whole = file(sample);
    asked::take();
    parse(&whole).unwrap();
    let mut found: BTreeSet<(String, &str)> = asked::take()
        .into_iter()
        .map(|(table, key)| (table.replacen("roles.vip", "roles", 1), key))
        .collect();
    let mut expected: BTreeSet<(String, &str)> =
        TABLES.iter().map(|table| (String::new(), table.name)).collect();
    for (path, key) in every_key() {
        expected.insert((path.clone(), key.name));
        if let Kind::Prose = key.kind {
            // A text in several languages is a table; its keys are the same everywhere.
            let path = format!("{path}.{}", key.name);
            let of_text: BTreeSet<&str> =
                found.iter().filter(|(table, _)| *table == path).map(|(_, key)| *key).collect();
            let languages: BTreeSet<&str> = Translated::LANGUAGES.into_iter().chain(["all"]).collect();
            assert!(of_text.is_empty() || of_text == languages, "{path}: {of_text:?}");
            found.retain(|(table, _)| *table != path);
        }
    }
    let missing: Vec<_> = found.difference(&expected).collect();
    let invented: Vec<_> = expected.difference(&found).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in the table: {missing:?}; not read: {invented:?}"
    );
}

#[test]
fn the_defaults_are_what_holds_when_they_are_left_out() {
    let needed = |path: &str, key: &Key| match key.default {
        Default::Required | Default::Either(_) => sample(path, key),
        Default::Value(_) | Default::Words(_) => None,
    };
    let said = |path: &str, key: &Key| match key.default {
        Default::Value(toml) => Some(toml.to_owned()),
        Default::Required | Default::Either(_) | Default::Words(_) => needed(path, key),
    };
    let (short, long) = (file(needed), file(said));
    assert!(long.lines().count() > short.lines().count() + 40, "{long}");
    let (short, mut long) = (parse(&short).unwrap(), parse(&long).unwrap());
    // What is said can be doubted at another line.
    long.warnings.clone_from(&short.warnings);
    assert_eq!(short, long);
}

#[test]
fn every_example_can_be_given() {
    parse(&file(sample)).unwrap();
    for (path, key) in every_key() {
        assert!(key.is_headed() || !key.sample().is_empty(), "{path}.{} has no example", key.name);
        if !key.is_headed() {
            let text = with(&path, key, key.sample());
            assert_eq!(mistakes(&text, &path, key), [""; 0], "{path}.{}", key.name);
        }
        if !key.instead_of.is_empty() {
            parse(&with(&path, key, key.sample())).unwrap();
        }
    }
}

#[test]
fn what_must_be_given_is_missed() {
    for (path, key) in every_key().into_iter().filter(|(_, key)| key.default == Default::Required) {
        let is_it = |at: &str, other: &Key| at == path && other.name == key.name;
        let without = if key.kind.rows().is_some() {
            with(&path, key, "[]")
        } else {
            file(|at, other| if is_it(at, other) { None } else { sample(at, other) })
        };
        assert_eq!(mistakes(&without, &path, key).len(), 1, "{path}.{}", key.name);
    }
}

#[test]
fn a_value_of_another_kind_is_refused() {
    for (path, key) in every_key() {
        let wrong: &[&str] = match key.kind {
            Kind::Text => &["7", "true", "[\"a\"]", "1979-05-27"],
            Kind::Choice(_) => &["7", "\"nonsense\"", "[\"a\"]"],
            Kind::Integer(..) => &["\"7\"", "1.5", "true", "[7]"],
            Kind::Number(..) | Kind::Speed => &["\"7\"", "true", "[7]"],
            Kind::Boolean => &["1", "\"yes\"", "[true]"],
            Kind::Amount => &["true", "1.5", "\"much\"", "\"0\""],
            Kind::Texts => &["\"a\"", "[7]", "7"],
            Kind::Ports => &["22", "[\"22\"]", "[0]", "[65536]", "[2.5]"],
            Kind::Choices(_) => &["\"a\"", "[7]", "[\"nonsense\"]"],
            Kind::Prose => &["7", "[\"a\"]", "true"],
            Kind::Pulses => &["\"1=1\"", "[1]", "[[1]]", "[[\"1\", \"1\"]]"],
            Kind::Variables => &["\"A=1\"", "{ A = 1 }", "[\"A=1\"]"],
            Kind::Table(_) => &["7", "\"a\"", "[7]"],
            Kind::Tables(_) => &["7", "[7]", "{ a = 1 }"],
        };
        for value in wrong {
            let found = mistakes(&with(&path, key, value), &path, key);
            assert!(!found.is_empty(), "{path}.{} = {value} is taken", key.name);
        }
    }
}

#[test]
fn the_bounds_are_those_that_hold() {
    for (path, key) in every_key() {
        let (inside, outside): (Vec<String>, Vec<String>) = match key.kind {
            Kind::Integer(least, most, _) => (
                [least, most].map(|edge| edge.to_string()).into(),
                [least - 1, most + 1].map(|edge| edge.to_string()).into(),
            ),
            Kind::Number(least, most, _) => {
                let below = if least > 0.0 { least / 10.0 } else { least - 0.001 };
                (
                    [least, most].map(|edge| format!("{edge:?}")).into(),
                    [below, most + 1.0].map(|edge| format!("{edge:?}")).into(),
                )
            }
            Kind::Speed => (
                ["0", "0.008", "100000"].map(str::to_owned).into(),
                ["-1", "0.0079", "100000.1"].map(str::to_owned).into(),
            ),
            Kind::Choice(all) => (all.iter().map(|one| format!("\"{one}\"")).collect(), Vec::new()),
            Kind::Choices(all) => (all.iter().map(|one| format!("[\"{one}\"]")).collect(), Vec::new()),
            Kind::Text
            | Kind::Boolean
            | Kind::Amount
            | Kind::Texts
            | Kind::Ports
            | Kind::Prose
            | Kind::Pulses
            | Kind::Variables
            | Kind::Table(_)
            | Kind::Tables(_) => continue,
        };
        for value in inside {
            assert_eq!(
                mistakes(&with(&path, key, &value), &path, key),
                [""; 0],
                "{path}.{} = {value}",
                key.name
            );
        }
        for value in outside {
            let found = mistakes(&with(&path, key, &value), &path, key);
            assert!(!found.is_empty(), "{path}.{} = {value} is taken", key.name);
        }
    }
}
