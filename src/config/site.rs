use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Section, expected};
use super::{AuthenticatorsConfig, SiteConfig, values};
use crate::domain::{Currency, ProviderName};

/// How long an authenticator has to answer unless the file says otherwise.
const DEADLINE_SECS: u64 = 5;
/// The most providers of a zone, and the most authenticators.
const MAX_NAMES: usize = 32;

/// `[site]`.
pub(super) fn read(report: &mut Report<'_>, (at, table): (usize, &DeTable<'_>)) -> SiteConfig {
    let mut section = Section::new(report, "site", at, table);
    let currency = section.read("currency", currency);
    section.finish();
    SiteConfig { currency: currency.map(|found| found.value).unwrap_or_default() }
}

/// `[authenticators]`.
pub(super) fn read_authenticators(
    report: &mut Report<'_>,
    (at, table): (usize, &DeTable<'_>),
) -> AuthenticatorsConfig {
    let mut section = Section::new(report, "authenticators", at, table);
    let order = names(&mut section, "order").unwrap_or_default();
    let deny_on_silence = section.read("on_silence", on_silence).is_none_or(|found| found.value);
    let deadline = section.read("deadline_secs", values::secs(1, 30));
    section.finish();
    let deadline = Duration::from_secs(deadline.map_or(DEADLINE_SECS, |found| found.value));
    AuthenticatorsConfig { order, deny_on_silence, deadline }
}

/// The providers of a zone, in order; `None` if the zone does not say.
pub(super) fn providers(section: &mut Section<'_, '_, '_>) -> Option<Vec<ProviderName>> {
    let found = names(section, "providers")?;
    Some(found.iter().map(|name| ProviderName::new(name)).collect())
}

/// Names, each once.
fn names(section: &mut Section<'_, '_, '_>, key: &'static str) -> Option<Vec<String>> {
    let found = section.list(key, name)?;
    let mut names: Vec<String> = Vec::new();
    for item in found.value {
        if names.contains(&item.value) {
            section.mistake(item.at, key, format!("{} is named twice", item.value));
        }
        names.push(item.value);
    }
    if names.len() > MAX_NAMES {
        section.mistake(found.at, key, format!("there can be at most {MAX_NAMES}"));
    }
    Some(names)
}

/// The name that a provider or an authenticator registers under.
fn name(value: &DeValue<'_>) -> Result<String, String> {
    let name = value.as_str().ok_or_else(|| expected("a string", value))?;
    ProviderName::is_name(name)
        .then(|| name.to_owned())
        .ok_or_else(|| "must be 1 to 32 small letters, digits, - and _".to_owned())
}

fn currency(value: &DeValue<'_>) -> Result<Currency, String> {
    let code = value.as_str().ok_or_else(|| expected("a string", value))?;
    Currency::parse(code).map_err(|error| error.to_string())
}

fn on_silence(value: &DeValue<'_>) -> Result<bool, String> {
    match value.as_str() {
        Some("deny") => Ok(true),
        Some("abstain") => Ok(false),
        _ => Err("must be \"deny\" or \"abstain\"".to_owned()),
    }
}
