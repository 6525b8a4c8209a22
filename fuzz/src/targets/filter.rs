//! Any text is a filter or a mistake; a filter that is printed is read as the same, and can be asked.

use std::borrow::Cow;

use turnpike::domain::{Filter, Lookup};

use super::{Target, of_text};

/// Has every property, whose value is its own key, and the roles with an even number of bytes.
struct Echo;

impl Lookup for Echo {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        (!key.starts_with('$')).then(|| Cow::Owned(key.to_owned()))
    }

    fn has_role(&self, role: &str) -> bool {
        role.len().is_multiple_of(2)
    }
}

/// Opens the target.
pub fn open() -> Target {
    of_text(|text| match Filter::parse(text) {
        Ok(filter) => {
            let printed = filter.to_string();
            let again = Filter::parse(&printed).expect("what is printed is a filter");
            assert_eq!(again, filter);
            assert_eq!(again.to_string(), printed);
            assert_eq!(again.matches(&Echo), filter.matches(&Echo));
            assert!(filter.keys().all(|key| !key.is_empty()));
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column()));
            assert_eq!(error.pointed().lines().count(), 2);
            assert!(error.to_string().len() < 200);
        }
    })
}
