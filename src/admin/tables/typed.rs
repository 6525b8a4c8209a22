//! What was typed into one of the forms of a page, and what is wrong with it: shown again, beside the field.

use std::fmt;
use std::str::FromStr;

use askama::filters::{Escaper, Html, HtmlSafe};
use axum::http::StatusCode;

use crate::admin::clerk::Clerk;
use crate::admin::page::sentence;
use crate::admin::state::AdminState;
use crate::domain::{Proviso, Refusal, Tag, TermsError};
use crate::http::Problem;
use crate::runtime::Handle;

/// Names of fields that are not those of the API, where a page asks in other units.
const OTHER_NAMES: [(&str, &str); 2] = [("time_secs", "time_min"), ("add_time_secs", "add_time_min")];

/// A form that was sent. The default is that none was.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Typed {
    /// Which of the page's forms.
    form: String,
    fields: Vec<(String, String)>,
    wrong: Option<Wrong>,
}

/// Why a form was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Wrong {
    status: StatusCode,
    /// The field that is to blame, if one is.
    field: Option<String>,
    text: String,
}

impl Wrong {
    /// A value that cannot be.
    pub(in crate::admin) fn field(field: &str, text: impl Into<String>) -> Self {
        let text = sentence(&text.into());
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, field: Some(field.to_owned()), text }
    }

    /// What it answers with.
    pub(in crate::admin) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The same about the whole form, if that does not have the field.
    pub(in crate::admin) fn among(mut self, has: impl Fn(&str) -> bool) -> Self {
        self.field = self.field.filter(|field| has(field));
        self
    }

    /// What is wrong with this field.
    pub(in crate::admin) fn of(&self, field: &str) -> Option<&str> {
        (self.field.as_deref() == Some(field)).then_some(self.text.as_str())
    }

    /// The field that is to blame, if one is.
    pub(in crate::admin) fn which(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong with no field of its own.
    pub(in crate::admin) fn of_all(&self) -> Option<&str> {
        self.field.is_none().then_some(self.text.as_str())
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        if refusal == Refusal::Changed {
            let text = "This was changed meanwhile, and nothing was done. Look at how it stands now, and send it again if you \
                        still want to.";
            return Self { status: StatusCode::PRECONDITION_FAILED, field: None, text: text.to_owned() };
        }
        Self::from(&Problem::from(refusal))
    }
}

impl From<&Problem> for Wrong {
    fn from(problem: &Problem) -> Self {
        let field = problem.field().map(own_name);
        let text = sentence(without_field(problem.detail(), problem.field()));
        Self { status: problem.status(), field, text }
    }
}

impl From<TermsError> for Wrong {
    fn from(error: TermsError) -> Self {
        Self::field(&own_name(error.field), error.problem)
    }
}

fn own_name(field: &str) -> String {
    let other = OTHER_NAMES.iter().find(|(api, _)| *api == field).map(|(_, own)| *own);
    other.unwrap_or(field).to_owned()
}

/// The sentence stands beside the field and need not name it.
fn without_field<'a>(detail: &'a str, field: Option<&str>) -> &'a str {
    field.and_then(|field| detail.strip_prefix(field)?.strip_prefix(": ")).unwrap_or(detail)
}

impl Typed {
    /// What was sent by that form.
    pub(in crate::admin) fn new(form: &str, fields: Vec<(String, String)>) -> Self {
        Self { form: form.to_owned(), fields, wrong: None }
    }

    /// The same with what is wrong with it. What is wrong with a field that the form does not have is wrong with all of it.
    pub(in crate::admin) fn refused(mut self, wrong: Wrong) -> Self {
        let has = |field: &str| self.fields.iter().any(|(name, _)| name == field);
        self.wrong = Some(wrong.among(has));
        self
    }

    /// The same where the form says for itself what is wrong with that field.
    pub(in crate::admin) fn refused_at(mut self, wrong: Wrong) -> Self {
        self.wrong = Some(wrong);
        self
    }

    /// A field as it was sent; empty if it was not.
    pub(in crate::admin) fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// A field that may be sent many times.
    pub(in crate::admin) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// A number; `None` if the field was left empty. A comma stands for a point.
    pub(in crate::admin) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Wrong> {
        match self.get(name) {
            "" => Ok(None),
            text => {
                text.replace(',', ".").parse().map(Some).map_err(|_| Wrong::field(name, "write a number"))
            }
        }
    }

    /// What a change of something is to meet: that it still stands as it was shown. A form without a tag expects nothing.
    pub(in crate::admin) fn expected(&self) -> Option<Vec<Tag>> {
        let tag = self.get("tag");
        (!tag.is_empty()).then(|| Tag::parse(tag).into_iter().collect())
    }

    /// What a field of a form shows: what was typed if that form came back, else this.
    pub(in crate::admin) fn value(&self, form: &str, name: &str, otherwise: &str) -> String {
        let came_back = self.form == form && self.wrong.is_some();
        let typed = self.fields.iter().find(|(known, _)| known == name).filter(|_| came_back);
        typed.map_or_else(|| otherwise.to_owned(), |(_, value)| value.clone())
    }

    /// What is wrong with a field of a form.
    pub(in crate::admin) fn error(&self, form: &str, name: &str) -> Option<&str> {
        let wrong = self.wrong.as_ref().filter(|_| self.form == form)?;
        (wrong.field.as_deref() == Some(name)).then_some(wrong.text.as_str())
    }

    /// What is wrong with no field of its own.
    pub(in crate::admin) fn trouble(&self) -> Option<&str> {
        self.wrong.as_ref().filter(|wrong| wrong.field.is_none()).map(|wrong| wrong.text.as_str())
    }

    /// Whether it came back.
    pub(in crate::admin) const fn is_wrong(&self) -> bool {
        self.wrong.is_some()
    }

    /// Whether that form came back: it is shown open.
    pub(in crate::admin) fn is_open(&self, form: &str) -> bool {
        self.form == form && self.wrong.is_some()
    }
}

/// The sessions manager, for one change by this person of what still bears one of these tags.
pub(in crate::admin) fn acting(
    state: &AdminState,
    clerk: &Clerk,
    action: &'static str,
    details: &str,
    expected: Option<Vec<Tag>>,
) -> Handle {
    state.handle.under(Proviso { once: None, expected, by: Some(clerk.doing(action, details)) })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(form: &str, fields: &[(&str, &str)]) -> Typed {
        let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Typed::new(form, pairs.collect())
    }

    #[test]
    fn what_came_back_is_shown_in_its_form_and_nowhere_else() {
        let sent = typed("terms", &[("down_mbps", " -1 "), ("tag", "x")]);
        assert_eq!(sent.value("terms", "down_mbps", "5"), "5");
        let back = sent.refused(Wrong::field("down_mbps", "too little"));
        assert_eq!(back.value("terms", "down_mbps", "5"), " -1 ");
        assert_eq!(back.value("other", "down_mbps", "5"), "5");
        assert_eq!(back.error("terms", "down_mbps"), Some("Too little."));
        assert_eq!((back.error("terms", "tag"), back.trouble()), (None, None));
        let all = typed("terms", &[]).refused(Wrong::field("alias", "too long"));
        assert_eq!(all.trouble(), Some("Too long."));
    }

    #[test]
    fn numbers_are_read_with_point_or_comma() {
        let sent = typed("terms", &[("a", "1,5"), ("b", ""), ("c", "x"), ("d", "-3")]);
        assert_eq!(sent.number::<f64>("a").unwrap(), Some(1.5));
        assert_eq!(sent.number::<f64>("b").unwrap(), None);
        assert!(sent.number::<f64>("c").is_err() && sent.number::<u64>("d").is_err());
    }

    #[test]
    fn a_tag_that_is_none_is_never_met() {
        assert_eq!(typed("f", &[]).expected(), None);
        assert_eq!(typed("f", &[("tag", "nonsense")]).expected(), Some(Vec::new()));
    }

    #[test]
    fn refusals_stand_beside_their_fields() {
        let wrong = Wrong::from(TermsError { field: "time_secs", problem: "must be more".to_owned() });
        assert_eq!((wrong.field.as_deref(), wrong.text.as_str()), (Some("time_min"), "Must be more."));
        let changed = Wrong::from(Refusal::Changed);
        assert_eq!(changed.status(), StatusCode::PRECONDITION_FAILED);
    }
}
