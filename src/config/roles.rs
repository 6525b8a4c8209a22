use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeTable;

use super::report::Report;
use super::section::{Section, printable};
use super::values;
use crate::domain::RolePolicy;

/// The longest name of a role, in characters.
const MAX_NAME: usize = 64;
/// The most roles with a policy.
const MAX_ROLES: usize = 256;

/// A table `[roles.NAME]`, with its name and the name's place.
pub(super) type RoleTable<'t> = (&'t Spanned<std::borrow::Cow<'t, str>>, &'t DeTable<'t>);

/// Reads every `[roles.NAME]`. Tables with a name that cannot be are reported and left out.
pub(super) fn read(report: &mut Report<'_>, tables: Vec<RoleTable<'_>>) -> BTreeMap<String, RolePolicy> {
    if let Some((name, _)) = tables.iter().max_by_key(|(name, _)| name.span().start)
        && tables.len() > MAX_ROLES
    {
        report.mistake(name.span().start, "roles", format!("there can be at most {MAX_ROLES} roles"));
    }
    let mut roles = BTreeMap::new();
    for (name, table) in tables {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        let key = full_name(name);
        let count = name.chars().count();
        if !(1..=MAX_NAME).contains(&count) || name.chars().any(char::is_control) {
            let message =
                format!("a role's name has 1 to {MAX_NAME} characters, none of them a control character");
            report.mistake(at, &key, message);
        }
        let mut section = Section::new(report, key, at, table);
        let policy = RolePolicy {
            down: section.read("down_mbps", values::speed).map(|found| found.value),
            up: section.read("up_mbps", values::speed).map(|found| found.value),
            idle_timeout_secs: section.read("idle_timeout_secs", values::timeout).map(|found| found.value),
            unmetered: section.read("unmetered", values::boolean).is_some_and(|found| found.value),
        };
        section.finish();
        roles.insert(name.to_owned(), policy);
    }
    roles
}

/// The table's name as it is written: what is no bare key is quoted.
fn full_name(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let shown = printable(name);
    if !name.is_empty() && name.bytes().all(bare) {
        format!("roles.{shown}")
    } else {
        format!("roles.\"{shown}\"")
    }
}
