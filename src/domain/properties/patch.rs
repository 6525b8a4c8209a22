use std::collections::BTreeMap;

use super::{FixedKey, is_settable};
use crate::domain::filter::Key;

/// The most user-defined properties of a session.
const MAX_PROPERTIES: usize = 64;
/// The longest key, in characters.
const MAX_KEY_CHARS: usize = 128;
/// The longest value, in characters.
const MAX_VALUE_CHARS: usize = 1_000;

/// Properties to set, and to delete (`None`), checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyPatch(BTreeMap<String, Option<String>>);

/// A property that cannot be: which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("property {key}: {problem}")]
pub struct PropertyError {
    /// The key, cut to what can be shown.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl PropertyError {
    fn new(key: &str, problem: impl Into<String>) -> Self {
        let key: String = key.chars().take(40).flat_map(char::escape_debug).collect();
        Self { key: format!("\"{key}\""), problem: problem.into() }
    }
}

impl PropertyPatch {
    /// The most user-defined properties of a session, and of one change.
    pub const MAX_COUNT: usize = MAX_PROPERTIES;
    /// The longest key, in characters.
    pub const MAX_KEY_CHARS: usize = MAX_KEY_CHARS;
    /// The longest value, in characters.
    pub const MAX_VALUE_CHARS: usize = MAX_VALUE_CHARS;

    /// Checks keys and values; the first that cannot be is named.
    pub fn new(wanted: BTreeMap<String, Option<String>>) -> Result<Self, PropertyError> {
        for (key, value) in &wanted {
            check(key, value.as_deref())?;
        }
        if wanted.len() > MAX_PROPERTIES {
            let key = wanted.keys().next().map_or("", String::as_str);
            return Err(PropertyError::new(key, format!("at most {MAX_PROPERTIES} can be set at once")));
        }
        Ok(Self(wanted))
    }

    /// Adds what another one changes; where both speak of the same key, the other holds.
    pub fn take(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys, with what they are to be; `None` is deleted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// Carries it out. The number of properties is bounded; then nothing has changed.
    pub fn apply(&self, properties: &mut BTreeMap<String, String>) -> Result<(), PropertyError> {
        let mut changed = properties.clone();
        for (key, value) in &self.0 {
            match value {
                Some(value) => changed.insert(key.clone(), value.clone()),
                None => changed.remove(key),
            };
            if changed.len() > MAX_PROPERTIES {
                let problem = format!("a session has at most {MAX_PROPERTIES} properties");
                return Err(PropertyError::new(key, problem));
            }
        }
        *properties = changed;
        Ok(())
    }
}

fn check(key: &str, value: Option<&str>) -> Result<(), PropertyError> {
    let wrong = |problem: String| Err(PropertyError::new(key, problem));
    match FixedKey::from_name(key) {
        Some(fixed) if is_settable(fixed) => return value.map_or(Ok(()), |value| check_fixed(fixed, value)),
        Some(_) => return wrong("is fixed and cannot be set".to_owned()),
        None => {}
    }
    if key.is_empty() {
        return wrong("a key is not empty".to_owned());
    }
    if key.starts_with('$') {
        return wrong("keys with $ are fixed, and there is none of this name".to_owned());
    }
    if key.chars().count() > MAX_KEY_CHARS {
        return wrong(format!("a key has at most {MAX_KEY_CHARS} characters"));
    }
    if let Some(forbidden) = key.chars().find(|found| !Key::may_hold(*found) || found.is_control()) {
        return wrong(format!("a key does not hold {forbidden:?}"));
    }
    let Some(value) = value else { return Ok(()) };
    if value.chars().count() > MAX_VALUE_CHARS {
        return wrong(format!("a value has at most {MAX_VALUE_CHARS} characters"));
    }
    // Line breaks and tabs are text; the rest would break terminals and logs.
    match value.chars().find(|found| found.is_control() && !['\n', '\r', '\t'].contains(found)) {
        Some(control) => wrong(format!("a value does not hold {control:?}")),
        None => Ok(()),
    }
}

fn check_fixed(key: FixedKey, value: &str) -> Result<(), PropertyError> {
    let wrong = |problem: &str| Err(PropertyError::new(key.as_str(), problem));
    let degrees = |most: f64| {
        let fits = value == "NaN" || value.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most);
        fits && value.len() <= 24
    };
    let is_tag = |longest: usize| {
        value.len() <= longest && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if key == FixedKey::Latitude && !degrees(90.0) {
        return wrong("is NaN or between -90 and 90");
    }
    if key == FixedKey::Longitude && !degrees(180.0) {
        return wrong("is NaN or between -180 and 180");
    }
    if key == FixedKey::Country && !(value.is_empty() || value.len() == 2 && is_tag(2)) {
        return wrong("is empty or two letters, as in FR");
    }
    if key == FixedKey::Language && !is_tag(35) {
        return wrong("is empty or a language tag, as in pt-BR");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(key: &str, value: Option<&str>) -> Result<PropertyPatch, PropertyError> {
        PropertyPatch::new([(key.to_owned(), value.map(str::to_owned))].into())
    }

    #[test]
    fn a_forbidden_key_is_refused_by_name() {
        for key in ["", "a b", "a\tb", "a\"", "it's", "(a", "a)", "a\nb", "\u{1b}", "$State", "$Nothing", "$"]
        {
            let error = patch(key, Some("x")).unwrap_err();
            assert!(error.to_string().starts_with("property \""), "{error}");
        }
        for key in ["Department", "département", "a.b/c", "[x]", "a$"] {
            assert!(patch(key, Some("x")).is_ok() && patch(key, None).is_ok(), "{key}");
        }
        assert!(patch(&"k".repeat(129), None).is_err());
        assert!(patch("k", Some(&"v".repeat(1001))).is_err());
        assert!(patch("k", Some("a\0b")).is_err() && patch("k", Some("a\nb\tc")).is_ok());
    }

    #[test]
    fn four_fixed_ones_can_be_set_to_what_they_can_be() {
        for (key, value) in [
            ("$Country", "FR"),
            ("$Country", ""),
            ("$Language", "pt-BR"),
            ("$Latitude", "-51.5"),
            ("$Longitude", "NaN"),
        ] {
            assert!(patch(key, Some(value)).is_ok(), "{key} {value}");
        }
        for (key, value) in
            [("$Country", "France"), ("$Language", "français"), ("$Latitude", "91"), ("$Longitude", "east")]
        {
            assert!(patch(key, Some(value)).is_err(), "{key} {value}");
        }
    }

    #[test]
    fn a_session_holds_so_many_and_no_more() {
        let many = |from: usize| -> BTreeMap<String, Option<String>> {
            (from..from + MAX_PROPERTIES).map(|number| (format!("k{number}"), Some(String::new()))).collect()
        };
        let mut properties = BTreeMap::new();
        PropertyPatch::new(many(0)).unwrap().apply(&mut properties).unwrap();
        let before = properties.clone();
        assert!(PropertyPatch::new(many(1)).unwrap().apply(&mut properties).is_err());
        assert_eq!(properties, before);
        let swap = [("k0".to_owned(), None), ("new".to_owned(), Some("v".to_owned()))].into();
        // Keys are taken in their order: the one that makes room comes first.
        PropertyPatch::new(swap).unwrap().apply(&mut properties).unwrap();
        assert!(properties.contains_key("new") && !properties.contains_key("k0"));
    }
}
