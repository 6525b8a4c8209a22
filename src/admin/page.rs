use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::state::AdminState;
use crate::domain::Refusal;
use crate::http::Problem;

/// A page that only says something.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/message.html")]
pub(super) struct Message<'a> {
    pub(super) gateway: &'a str,
    pub(super) heading: &'a str,
    pub(super) text: &'a str,
    pub(super) link: &'a str,
    pub(super) link_text: &'a str,
}

impl Message<'_> {
    pub(super) fn respond(&self, status: StatusCode) -> Response {
        html(status, self.render())
    }
}

pub(super) fn html(status: StatusCode, rendered: Result<String, askama::Error>) -> Response {
    match rendered {
        Ok(page) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "an admin page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
                .into_response()
        }
    }
}

/// A page that says something and leads back.
pub(super) fn say(state: &AdminState, status: StatusCode, heading: &str, text: &str) -> Response {
    let gateway = state.gateway.as_str();
    Message { gateway, heading, text, link: "/admin", link_text: "Back to the counter" }.respond(status)
}

/// What went wrong is in the log, and nowhere else.
pub(super) fn failed(state: &AdminState, cause: &dyn std::fmt::Display) -> Response {
    tracing::error!(%cause, "an admin page failed");
    let text = "Nothing that is not shown here was changed. The log of turnpike says what went wrong.";
    say(state, StatusCode::INTERNAL_SERVER_ERROR, "Something failed inside", text)
}

/// A refusal, in a sentence.
pub(super) fn refused(state: &AdminState, refusal: Refusal) -> Response {
    let problem = Problem::from(refusal);
    say(state, problem.status(), "That did not work", &sentence(problem.detail()))
}

/// With a capital letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// The token lacks a permission.
pub(super) fn forbidden(state: &AdminState, permission: &str) -> Response {
    let text = format!("Your token lacks the permission {permission}. Nothing was changed.");
    say(state, StatusCode::FORBIDDEN, "That is not for you", &text)
}

/// Any other address below `/admin`.
pub(super) async fn missing(State(state): State<AdminState>) -> Response {
    say(&state, StatusCode::NOT_FOUND, "There is no such page", "The address may be mistyped or out of date.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_becomes_a_sentence() {
        assert_eq!(sentence("the voucher was used"), "The voucher was used.");
        assert_eq!((sentence(""), sentence("Ölwechsel!")), (".".to_owned(), "Ölwechsel!".to_owned()));
    }
}
