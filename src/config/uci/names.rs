//! What the options of sections are called.

use std::collections::BTreeMap;

use super::super::keys::{Kind, TABLES, Table};
use super::parse::Section;
use super::write::ALL;
use crate::domain::theme::Translated;

/// The options that the keys of a table are said by, each with its kind; a text in one language has none.
pub(super) fn names(table: &Table, prefix: &str, found: &mut BTreeMap<String, Option<Kind>>) {
    for key in table.keys {
        let option = format!("{prefix}{}", key.name);
        match key.kind {
            Kind::Table(inner) => names(inner, &format!("{option}_"), found),
            Kind::Tables(_) => {}
            Kind::Prose => {
                for language in [ALL].into_iter().chain(Translated::LANGUAGES) {
                    found.insert(format!("{option}_{language}"), None);
                }
                found.insert(option, Some(key.kind));
            }
            Kind::Text
            | Kind::Choice(_)
            | Kind::Integer(..)
            | Kind::Number(..)
            | Kind::Speed
            | Kind::Boolean
            | Kind::Amount
            | Kind::Texts
            | Kind::Ports
            | Kind::Choices(_)
            | Kind::Pulses
            | Kind::Variables => {
                found.insert(option, Some(key.kind));
            }
        }
    }
}

/// Whether a section has an option of this name, or could have.
pub(super) fn is_option(section: &Section, option: &str) -> bool {
    let mut known = BTreeMap::new();
    for table in TABLES {
        if table.uci == section.kind {
            names(table, "", &mut known);
        }
        for key in table.keys {
            let Some(rows) = key.kind.rows() else { continue };
            if rows.uci == section.kind {
                names(rows, "", &mut known);
            } else if table.uci == section.kind {
                known.insert(key.name.to_owned(), None);
            }
        }
    }
    known.contains_key(option)
}
