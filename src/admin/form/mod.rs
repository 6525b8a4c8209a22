//! Forms of the pages: what stands in them, what is wrong with one, and the body of the API that they say. A page reads
//! nothing by itself: what a body comes to is decided where the API's is read.

mod body;
mod hidden;
mod wrong;

use std::str::FromStr;

use axum::http::StatusCode;

use crate::domain::Tag;
use crate::http::MAX_BODY_BYTES;

pub(super) use body::{Body, commas, lines, minutes, moment, role_names, tick};
pub(super) use hidden::Hidden;
pub(super) use wrong::Wrong;

/// What a form with properties may come to: as much as a body of the API.
pub(super) const MAX_BYTES: usize = MAX_BODY_BYTES;

/// A form as it is shown. The default is that none was sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    /// Which of the page's forms, where it has several.
    name: String,
    fields: Vec<(String, String)>,
    wrong: Option<Wrong>,
}

/// One that nobody sent.
static NONE: Form = Form { name: String::new(), fields: Vec::new(), wrong: None };

impl Form {
    /// With this in its fields; a box that is not ticked has none.
    pub(super) fn filled<const N: usize>(fields: [(&str, String); N]) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { fields: fields.collect(), ..Self::default() }
    }

    /// As it was sent.
    pub(super) const fn sent(fields: Vec<(String, String)>) -> Self {
        Self { name: String::new(), fields, wrong: None }
    }

    /// One that keeps nothing of what was typed, with what is wrong with it.
    pub(super) fn blank(wrong: Option<Wrong>) -> Self {
        Self { wrong, ..Self::default() }
    }

    /// The same as one of the forms of its page.
    pub(super) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// This if it is that form of its page, else one that nobody sent.
    pub(super) fn of(&self, name: &str) -> &Self {
        if self.name == name { self } else { &NONE }
    }

    /// What the names of its elements begin with.
    pub(super) fn id(&self) -> &str {
        if self.name.is_empty() { "f" } else { &self.name }
    }

    /// The same with what is wrong with it. What is wrong with a field that it does not have is wrong with all of it.
    pub(super) fn refused(mut self, wrong: Wrong) -> Self {
        let has = |field: &str| self.fields.iter().any(|(name, _)| name == field);
        self.wrong = Some(wrong.among(has));
        self
    }

    /// The same where the page says for itself what is wrong with that field.
    pub(super) fn refused_at(mut self, wrong: Wrong) -> Self {
        self.wrong = Some(wrong);
        self
    }

    /// What stands in a field.
    pub(super) fn get(&self, name: &str) -> &str {
        self.whole(name).trim()
    }

    /// The same with the blanks at its ends.
    pub(super) fn whole(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A field that may be sent many times.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// A number; `None` if the field was left empty. A comma stands for a point.
    pub(super) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Wrong> {
        match self.get(name) {
            "" => Ok(None),
            text => {
                text.replace(',', ".").parse().map(Some).map_err(|_| Wrong::field(name, "write a number"))
            }
        }
    }

    /// What a change of something is to meet: that it still stands as it was shown. A form without a tag expects nothing.
    pub(super) fn expected(&self) -> Option<Vec<Tag>> {
        let tag = self.get("tag");
        (!tag.is_empty()).then(|| Tag::parse(tag).into_iter().collect())
    }

    /// What a field shows: what was typed if the form came back, else this.
    pub(super) fn value<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        let typed = self.fields.iter().find(|(known, _)| known == name).filter(|_| self.is_wrong());
        typed.map_or(otherwise, |(_, value)| value)
    }

    /// Whether this is chosen in a list, or this box is ticked.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.wrong.as_ref().and_then(|wrong| wrong.of(name))
    }

    /// What is wrong with no field of its own.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.wrong.as_ref().and_then(Wrong::of_all)
    }

    /// The field that something is wrong with.
    pub(super) fn wrong_field(&self) -> Option<&str> {
        self.wrong.as_ref().and_then(Wrong::which)
    }

    /// Whether it came back.
    pub(super) const fn is_wrong(&self) -> bool {
        self.wrong.is_some()
    }

    /// What its page is answered with.
    pub(super) fn status(&self) -> StatusCode {
        self.wrong.as_ref().map_or(StatusCode::OK, Wrong::status)
    }

    /// All of it, for telling one request from another.
    pub(super) fn parts(&self) -> Vec<&str> {
        // What is kept of them must not help to guess a password.
        let own = |name: &str| !["csrf", "once", "tag", "password"].contains(&name);
        let fields = self.fields.iter().filter(|(name, _)| own(name));
        fields.flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
    }

    /// The body of the API that it says.
    pub(super) fn body(&self) -> Body<'_> {
        Body::of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::sent(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_came_back_is_shown_in_its_form_and_nowhere_else() {
        let sent = form(&[("down_mbps", " -1 "), ("tag", "x")]).named("terms");
        assert_eq!(sent.of("terms").value("down_mbps", "5"), "5");
        let back = sent.refused(Wrong::field("down_mbps", "too little"));
        assert_eq!(back.of("terms").value("down_mbps", "5"), " -1 ");
        assert_eq!(back.of("other").value("down_mbps", "5"), "5");
        assert_eq!(back.of("terms").error("down_mbps"), Some("Too little."));
        assert_eq!((back.error("tag"), back.trouble(), back.of("other").is_wrong()), (None, None, false));
        let all = form(&[]).refused(Wrong::field("alias", "too long"));
        assert_eq!(all.trouble(), Some("Too long."));
    }

    #[test]
    fn numbers_are_read_with_point_or_comma() {
        let sent = form(&[("a", "1,5"), ("b", ""), ("c", "x"), ("d", "-3")]);
        assert_eq!(sent.number::<f64>("a").unwrap(), Some(1.5));
        assert_eq!(sent.number::<f64>("b").unwrap(), None);
        assert!(sent.number::<f64>("c").is_err() && sent.number::<u64>("d").is_err());
    }

    #[test]
    fn a_tag_that_is_none_is_never_met() {
        assert_eq!(form(&[]).expected(), None);
        assert_eq!(form(&[("tag", "nonsense")]).expected(), Some(Vec::new()));
    }
}
