use std::borrow::Cow;

/// What a filter looks at.
pub trait Lookup {
    /// The value of a property; `None` if it is not set or not known.
    fn get(&self, key: &str) -> Option<Cow<'_, str>>;

    /// Whether it has the role.
    fn has_role(&self, role: &str) -> bool;
}
