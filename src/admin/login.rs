use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{COOKIE, Fields, cookie};
use super::frame::Frame;
use super::logins::new_cookie;
use super::page::{failed, html};
use super::state::AdminState;
use crate::http::Endpoints;
use crate::store::TokenText;

/// The page that asks for a token.
#[derive(Debug, Template)]
#[template(path = "admin/login.html")]
struct LoginPage {
    frame: Frame,
    trouble: Option<String>,
}

/// `GET /admin/login`
pub(super) async fn form(State(state): State<AdminState>) -> Response {
    show(&state, StatusCode::OK, None)
}

fn show(state: &AdminState, status: StatusCode, trouble: Option<String>) -> Response {
    html(status, LoginPage { frame: Frame::bare(state), trouble }.render())
}

#[derive(Deserialize)]
pub(super) struct Given {
    token: String,
}

/// `POST /admin/login`
pub(super) async fn log_in(
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    headers: HeaderMap,
    Fields(given): Fields<Given>,
) -> Response {
    let (address, now) = (ends.peer.ip(), state.handle.now().boot);
    // Charged before it is looked up, so that many at once count like many in a row.
    let charged = state.logins().charge(address, now);
    if let Err(secs) = charged {
        let text = format!("Too many wrong tokens. Try again in {secs} seconds.");
        let mut response = show(&state, StatusCode::TOO_MANY_REQUESTS, Some(text));
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        return response;
    }
    let token = match TokenText::parse(given.token.trim()) {
        Some(text) => state.store.find_token(&text).await,
        None => Ok(None),
    };
    let token = match token {
        Ok(Some(token)) => token,
        Ok(None) => {
            let text = "This token is not known. It begins with tp_ and may have been revoked.";
            return show(&state, StatusCode::FORBIDDEN, Some(text.to_owned()));
        }
        Err(error) => return failed(&state, &error),
    };
    let new = match new_cookie() {
        Ok(new) => new,
        Err(error) => return failed(&state, &error),
    };
    {
        let mut logins = state.logins();
        logins.right(address);
        if let Some(old) = cookie(&headers) {
            logins.log_out(old);
        }
        logins.log_in(&new, token.id, now);
    }
    // The listener itself speaks plain HTTP, on this machine unless the operator says otherwise: no `Secure`.
    let set = format!("{COOKIE}={new}; Path=/admin; HttpOnly; SameSite=Strict");
    (AppendHeaders([(header::SET_COOKIE, set)]), Redirect::to("/admin")).into_response()
}

/// `POST /admin/logout`
pub(super) async fn log_out(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    if let Some(cookie) = cookie(&headers) {
        state.logins().log_out(cookie);
    }
    let gone = format!("{COOKIE}=; Path=/admin; HttpOnly; SameSite=Strict; Max-Age=0");
    (AppendHeaders([(header::SET_COOKIE, gone)]), Redirect::to("/admin/login")).into_response()
}
