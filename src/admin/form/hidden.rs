use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};

use crate::admin::clerk::Clerk;
use crate::admin::pager::Pager;
use crate::domain::Tag;

/// The hidden fields of every form of a page, as markup.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Hidden(Vec<(&'static str, String)>);

impl Hidden {
    /// What shows that a form is ours.
    pub(in crate::admin) fn new(clerk: &Clerk) -> Self {
        Self(vec![("csrf", clerk.csrf.clone())])
    }

    /// With how the thing that is changed stands.
    pub(in crate::admin) fn tagged(mut self, tag: Tag) -> Self {
        self.0.push(("tag", tag.to_string()));
        self
    }

    /// Without it, for what cannot clash with what others do.
    pub(in crate::admin) fn untagged(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| *name != "tag").cloned().collect())
    }

    /// With what the address of a list says, but for its page.
    pub(in crate::admin) fn asking(mut self, pager: &Pager) -> Self {
        self.0.extend(pager.pairs.iter().filter(|(_, value)| !value.is_empty()).cloned());
        self
    }

    /// With another field.
    pub(in crate::admin) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            write!(f, "<input type=\"hidden\" name=\"{name}\" value=\"")?;
            Html.write_escaped_str(&mut *f, value)?;
            f.write_str("\">")?;
        }
        Ok(())
    }
}

impl HtmlSafe for Hidden {}
