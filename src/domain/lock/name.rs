use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest path of a lock, in characters.
pub(in crate::domain) const MAX_PATH_CHARS: usize = 200;

/// The name of a lock: names between single slashes, as `coinslot/1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockName(Arc<str>);

/// Not the name of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_PATH_CHARS} characters: names between single slashes, none of them empty, without control \
     characters"
)]
pub struct LockNameError;

/// Names between slashes, none of them empty, and nothing that would break a line of a log.
pub(in crate::domain) fn is_path(path: &str) -> bool {
    path.chars().count() <= MAX_PATH_CHARS
        && path.split('/').all(|name| !name.is_empty() && !name.contains(char::is_control))
}

impl LockName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = MAX_PATH_CHARS;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LockName {
    type Err = LockNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_path(text) { Ok(Self(text.into())) } else { Err(LockNameError) }
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_path_without_gaps() {
        let longest = "é".repeat(MAX_PATH_CHARS);
        for name in ["coinslot/1", "a", "a b/ä", "..", "a/../b", longest.as_str()] {
            assert_eq!(name.parse::<LockName>().unwrap().as_str(), name);
        }
        let too_long = "a".repeat(MAX_PATH_CHARS + 1);
        for name in ["", "/", "/a", "a/", "a//b", "a\n", "a\0/b", "a/\u{85}", too_long.as_str()] {
            assert_eq!(name.parse::<LockName>(), Err(LockNameError), "{name:?}");
        }
    }
}
