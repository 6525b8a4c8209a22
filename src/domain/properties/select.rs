use std::collections::BTreeSet;

use super::FixedKey;

/// Which properties are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Select {
    /// All fixed ones.
    pub all_fixed: bool,
    /// All user-defined ones.
    pub all_user: bool,
    /// These, by name.
    pub names: BTreeSet<String>,
}

impl Select {
    /// Stands for all fixed properties.
    pub const ALL_FIXED: &'static str = "ALL_FIXED_PROPERTIES";
    /// Stands for all user-defined properties.
    pub const ALL_USER: &'static str = "ALL_USER_PROPERTIES";
    /// The most names.
    pub const MAX_NAMES: usize = 200;

    /// Everything.
    pub fn everything() -> Self {
        Self { all_fixed: true, all_user: true, names: BTreeSet::new() }
    }

    /// Names between commas, spaces around them left out. `None` if there are more than [`Select::MAX_NAMES`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut select = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                Self::ALL_FIXED => select.all_fixed = true,
                Self::ALL_USER => select.all_user = true,
                name => {
                    select.names.insert(name.to_owned());
                }
            }
            if select.names.len() > Self::MAX_NAMES {
                return None;
            }
        }
        Some(select)
    }

    /// What it was read from, in one form: [`Select::parse`] reads it back.
    pub fn names(&self) -> Vec<&str> {
        let all = [(self.all_fixed, Self::ALL_FIXED), (self.all_user, Self::ALL_USER)];
        let all = all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name);
        all.chain(self.names.iter().map(String::as_str)).collect()
    }

    /// Whether this property is wanted.
    pub fn wants(&self, key: &str) -> bool {
        let all = if FixedKey::from_name(key).is_some() { self.all_fixed } else { self.all_user };
        all || self.names.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_between_commas() {
        let select = Select::parse(" Department , ALL_FIXED_PROPERTIES,,$Zone").unwrap();
        assert!(select.wants("$State") && select.wants("Department") && !select.wants("Floor"));
        assert_eq!(select.names(), [Select::ALL_FIXED, "$Zone", "Department"]);
        let user = Select::parse(Select::ALL_USER).unwrap();
        assert!(user.wants("Floor") && !user.wants("$State"));
        assert_eq!(Select::parse(""), Some(Select::default()));
        let many: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
        assert_eq!(Select::parse(&many.join(",")), None);
    }
}
