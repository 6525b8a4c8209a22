use axum::http::StatusCode;

use crate::admin::page::sentence;
use crate::domain::{Refusal, TermsError};
use crate::http::Problem;

/// Names of fields that are not those of the API, where a page asks in other units.
const OTHER_NAMES: [(&str, &str); 2] = [("time_secs", "time_min"), ("add_time_secs", "add_time_min")];

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

    /// The same about this field.
    pub(in crate::admin) fn at(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    /// The same with another answer.
    pub(in crate::admin) fn answered(self, status: StatusCode) -> Self {
        Self { status, ..self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_stand_beside_their_fields() {
        let wrong = Wrong::from(TermsError { field: "time_secs", problem: "must be more".to_owned() });
        assert_eq!((wrong.field.as_deref(), wrong.text.as_str()), (Some("time_min"), "Must be more."));
        let changed = Wrong::from(Refusal::Changed);
        assert_eq!(changed.status(), StatusCode::PRECONDITION_FAILED);
    }
}
