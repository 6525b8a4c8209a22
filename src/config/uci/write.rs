//! Values of TOML as lines of UCI.

use toml::de::{DeTable, DeValue};

use super::super::keys::{Key, Kind};

/// The option that names those that are there and empty.
pub(super) const EMPTY: &str = "empty";
/// The language of a text that is the same in all.
pub(super) const ALL: &str = "all";

/// The lines that say a key's value, with `prefix` before its name. Lists of tables are sections, and none of them.
pub(in crate::config) fn options(key: &Key, prefix: &str, value: &DeValue<'_>) -> Vec<String> {
    let name = format!("{prefix}{}", key.name);
    match key.kind {
        Kind::Text
        | Kind::Choice(_)
        | Kind::Integer(..)
        | Kind::Number(..)
        | Kind::Speed
        | Kind::Boolean
        | Kind::Amount => vec![option(&name, value)],
        Kind::Texts | Kind::Ports | Kind::Choices(_) | Kind::Pulses => {
            let items = value.as_array().into_iter().flat_map(|items| items.iter());
            list(&name, items.map(|item| scalar(item.get_ref())).collect())
        }
        Kind::Variables => {
            let pair = |(name, value): (&str, &DeValue<'_>)| format!("{name}={}", scalar(value));
            list(&name, entries(value).map(pair).collect())
        }
        Kind::Prose => match value {
            DeValue::Table(_) => {
                let said: Vec<_> = entries(value).filter(|(_, text)| !scalar(text).is_empty()).collect();
                if said.is_empty() {
                    return vec![empty(&name)];
                }
                let name = |language: &str| match language {
                    ALL => name.clone(),
                    other => format!("{name}_{other}"),
                };
                said.into_iter().map(|(language, text)| option(&name(language), text)).collect()
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => vec![option(&name, value)],
        },
        Kind::Table(inner) => {
            let prefix = format!("{name}_");
            let key = |name: &str| inner.keys.iter().find(|key| key.name == name);
            entries(value)
                .filter_map(|(name, value)| Some(options(key(name)?, &prefix, value)))
                .flatten()
                .collect()
        }
        Kind::Tables(_) => Vec::new(),
    }
}

/// The same, of a value as TOML writes it.
pub(in crate::config) fn written(key: &Key, toml: &str) -> Vec<String> {
    let text = format!("value = {toml}");
    let Ok(document) = DeTable::parse(&text) else { return Vec::new() };
    document.get_ref().get("value").map_or_else(Vec::new, |value| options(key, "", value.get_ref()))
}

fn entries<'v>(value: &'v DeValue<'_>) -> impl Iterator<Item = (&'v str, &'v DeValue<'v>)> {
    let table: Option<&DeTable<'_>> = value.as_table();
    table
        .into_iter()
        .flat_map(|table| table.iter())
        .map(|(name, value)| (name.get_ref().as_ref(), value.get_ref()))
}

fn option(name: &str, value: &DeValue<'_>) -> String {
    let text = scalar(value);
    if text.is_empty() { empty(name) } else { format!("option {name} {}", quoted(&text)) }
}

fn list(name: &str, items: Vec<String>) -> Vec<String> {
    if items.is_empty() {
        return vec![empty(name)];
    }
    items.into_iter().map(|item| format!("list {name} {}", quoted(&item))).collect()
}

/// What is there and empty. An option without a value would be one that is not there.
fn empty(name: &str) -> String {
    format!("list {EMPTY} {}", quoted(name))
}

/// A single value as text; a pair as `ONE=OTHER`.
fn scalar(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => match number.radix() {
            16 => format!("0x{}", number.as_str()),
            radix => i64::from_str_radix(number.as_str(), radix)
                .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
        },
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(true) => "1".to_owned(),
        DeValue::Boolean(false) => "0".to_owned(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            items.iter().map(|item| scalar(item.get_ref())).collect::<Vec<_>>().join("=")
        }
        // No key has a table where a single value stands.
        DeValue::Table(_) => String::new(),
    }
}

/// A text in single quotes, as the command `uci` writes them.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
