//! The first account: made by whoever can read this box's log, or is root on it. There is no default password.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{Fields, note, origin};
use super::form::{Form, Wrong};
use super::frame::Frame;
use super::login;
use super::logins::Who;
use super::page::{failed, html, refused};
use super::state::AdminState;
use crate::domain::{AccountName, Actor, Admin, Permission, Refusal, Text};
use crate::http::Endpoints;
use crate::store::NewAdmin;

/// The page that asks for the code, a name and a password.
#[derive(Debug, Template)]
#[template(path = "admin/setup.html")]
struct SetupPage {
    frame: Frame,
    form: Form,
    /// What was typed as the name.
    name: String,
    in_clear: bool,
}

/// `GET /admin/setup`
pub(super) async fn form(State(state): State<AdminState>, Extension(ends): Extension<Endpoints>) -> Response {
    match closed(&state).await {
        Some(answer) => answer,
        // Made, and logged, when it is first asked for.
        None => match state.handle.setup_code() {
            Ok(_) => show(&state, &ends, StatusCode::OK, None, ""),
            Err(refusal) => refused(&state, refusal),
        },
    }
}

/// Where to go instead: there is an account.
async fn closed(state: &AdminState) -> Option<Response> {
    match state.store.any_admin().await {
        Ok(false) => None,
        Ok(true) => Some(Redirect::to("/admin/login").into_response()),
        Err(error) => Some(failed(state, &error)),
    }
}

fn show(
    state: &AdminState,
    ends: &Endpoints,
    status: StatusCode,
    wrong: Option<Wrong>,
    name: &str,
) -> Response {
    let (frame, in_clear) = (Frame::bare(state), login::is_in_clear(ends));
    html(status, SetupPage { frame, form: Form::blank(wrong), name: name.to_owned(), in_clear }.render())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    setup_code: String,
    name: String,
    password: String,
    again: String,
}

/// `POST /admin/setup`
pub(super) async fn set_up(
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    headers: HeaderMap,
    Fields(given): Fields<Given>,
) -> Response {
    if let Some(answer) = closed(&state).await {
        return answer;
    }
    let wrong = |status, field, text: &str| {
        show(&state, &ends, status, Some(Wrong::field(field, text)), Text::new(&given.name).as_str())
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let name = match AccountName::parse(&given.name) {
        Ok(name) => name,
        Err(error) => return wrong(unprocessable, "name", &format!("a name {}", error.problem)),
    };
    if let Err(error) = Admin::check_password(&given.password) {
        return wrong(unprocessable, "password", &format!("a password {}", error.problem));
    }
    if given.password != given.again {
        return wrong(unprocessable, "again", "The two passwords differ.");
    }
    let charged = state.logins().charge(ends.peer.ip(), None, state.handle.now().boot);
    if let Err(secs) = charged {
        let text = format!("Too many wrong tries. Try again in {secs} seconds.");
        let mut response = wrong(StatusCode::TOO_MANY_REQUESTS, "setup_code", &text);
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        return response;
    }
    match state.handle.is_setup_code(&given.setup_code) {
        Ok(true) => {}
        Ok(false) => {
            let text =
                "This is not the code. After five wrong ones there is a new one: look at the log again.";
            return wrong(StatusCode::FORBIDDEN, "setup_code", text);
        }
        Err(refusal) => return refused(&state, refusal),
    }
    let password = match state.handle.hash_password(&given.password).await {
        Ok(password) => password,
        Err(refusal) => return refused(&state, refusal),
    };
    let new = NewAdmin { name, password, permissions: vec![Permission::Admin], first: true };
    let admin = match state.store.create_admin(&new, state.handle.now().wall, None).await {
        Ok(Ok(admin)) => admin,
        // Somebody was faster.
        Ok(Err(Refusal::AdminExists)) => return Redirect::to("/admin/login").into_response(),
        Ok(Err(refusal)) => return refused(&state, refusal),
        Err(error) => return failed(&state, &error),
    };
    state.logins().right(ends.peer.ip(), None);
    let actor = Actor {
        name: Text::new("the set-up code"),
        origin: origin(Some(&ends)),
        action: "admin.create",
        details: Text::new("the first admin account"),
    };
    note(&state, actor, admin.name.as_str()).await;
    let who = Who::Admin { id: admin.id, version: admin.version };
    login::open(&state, &ends, &headers, who, "/admin")
}
