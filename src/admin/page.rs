use std::str::FromStr;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::clerk::Clerk;
use super::frame::Frame;
use super::state::AdminState;
use crate::domain::Refusal;
use crate::http::Problem;
use crate::store::StoreError;

/// A page that only says something.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/message.html")]
pub(super) struct Message<'a> {
    pub(super) frame: Frame,
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

/// A page that says what will happen and asks whether it shall: a form that works without a script. The button does what
/// the heading asks.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/confirm.html")]
pub(super) struct Confirm<'a> {
    pub(super) frame: Frame,
    /// As in `Delete the plan “hour”?`
    pub(super) heading: &'a str,
    /// What will happen, a sentence each.
    pub(super) happens: Vec<String>,
    /// Where the form is posted to.
    pub(super) action: &'a str,
    /// Its hidden fields.
    pub(super) fields: Vec<(&'a str, String)>,
    /// What the button says: a verb.
    pub(super) button: &'a str,
    /// Where whoever does not want it goes back to.
    pub(super) back: &'a str,
}

impl Confirm<'_> {
    pub(super) fn respond(&self) -> Response {
        html(StatusCode::OK, self.render())
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
    let frame = Frame::here(state);
    Message { frame, heading, text, link: "/admin", link_text: "To the first page" }.respond(status)
}

/// What went wrong is in the log, and nowhere else.
pub(super) fn failed(state: &AdminState, cause: &dyn std::fmt::Display) -> Response {
    tracing::error!(%cause, "an admin page failed");
    let text = "Nothing that is not shown here was changed. The log of turnpike says what went wrong.";
    say(state, StatusCode::INTERNAL_SERVER_ERROR, "Something failed inside", text)
}

/// What stands beside a price: in which currency it is, if the site has one.
pub(super) fn currency(state: &AdminState) -> String {
    state.currency.named().map_or_else(String::new, |code| format!("In {code}."))
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

/// Whoever is signed in lacks a permission.
pub(super) fn forbidden(state: &AdminState, permission: &str) -> Response {
    let text = format!("You lack the permission {permission}. Nothing was changed.");
    say(state, StatusCode::FORBIDDEN, "That is not for you", &text)
}

/// Any other address below `/admin`.
pub(super) fn missing(state: &AdminState) -> Response {
    say(state, StatusCode::NOT_FOUND, "There is no such page", "The address may be mistyped or out of date.")
}

/// The same, with the navigation of whoever is signed in.
pub(super) async fn nowhere(_clerk: Result<Clerk, Response>, State(state): State<AdminState>) -> Response {
    missing(&state)
}

/// What a text of the address names by a number or the like.
pub(super) async fn find<K: FromStr, T, F>(
    state: &AdminState,
    text: &str,
    look: impl FnOnce(K) -> F,
    unknown: impl FnOnce() -> Response,
) -> Result<T, Response>
where
    F: Future<Output = Result<Option<T>, StoreError>>,
{
    let found = match text.parse() {
        Ok(key) => look(key).await.map_err(|error| failed(state, &error))?,
        Err(_) => None,
    };
    found.ok_or_else(unknown)
}

/// What a page is answered with: whether what was asked for could be done.
pub(super) const fn status(is_wrong: bool) -> StatusCode {
    if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
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
