//! Signing in, with a name and a password or with a token, and out.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{COOKIE, Fields, cookie, note, origin};
use super::frame::Frame;
use super::logins::{Who, new_cookie};
use super::page::{failed, html, refused};
use super::state::AdminState;
use crate::domain::{AccountName, Actor, Admin, Text, TotpSecret};
use crate::http::Endpoints;
use crate::store::TokenText;

/// The page that asks who it is.
#[derive(Debug, Template)]
#[template(path = "admin/login.html")]
struct LoginPage {
    frame: Frame,
    trouble: Option<String>,
    /// What was typed as the name.
    name: String,
    /// There are accounts; else only a token is of use.
    accounts: bool,
    /// Where a token is asked for at once.
    by_token: bool,
    in_clear: bool,
}

/// Whether what is typed crosses a network that others may listen to.
pub(super) const fn is_in_clear(ends: &Endpoints) -> bool {
    !ends.is_tls && !ends.peer.ip().is_loopback()
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    by: Option<String>,
}

/// `GET /admin/login`: while there is no account, the page that makes the first one.
pub(super) async fn form(
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let in_clear = is_in_clear(&ends);
    let by_token = wanted.by.as_deref() == Some("token");
    match state.store.any_admin().await {
        Ok(false) if !by_token => Redirect::to("/admin/setup").into_response(),
        Ok(accounts) => {
            show(&state, StatusCode::OK, Asked { accounts, by_token, in_clear, ..Asked::default() })
        }
        Err(error) => failed(&state, &error),
    }
}

/// What is shown again when it did not work.
#[derive(Debug, Default)]
struct Asked {
    trouble: Option<String>,
    name: String,
    accounts: bool,
    by_token: bool,
    in_clear: bool,
}

fn show(state: &AdminState, status: StatusCode, asked: Asked) -> Response {
    let Asked { trouble, name, accounts, by_token, in_clear } = asked;
    html(
        status,
        LoginPage { frame: Frame::bare(state), trouble, name, accounts, by_token, in_clear }.render(),
    )
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    name: String,
    password: String,
    code: String,
    token: String,
}

/// `POST /admin/login`
pub(super) async fn log_in(
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    headers: HeaderMap,
    Fields(given): Fields<Given>,
) -> Response {
    let by_token = !given.token.is_empty();
    // Beside a token a name says nothing: neither who it was nor whose wrong tries are over.
    let name = AccountName::parse(&given.name).ok().filter(|_| !by_token);
    let accounts = match state.store.any_admin().await {
        Ok(accounts) => accounts,
        Err(error) => return failed(&state, &error),
    };
    let in_clear = is_in_clear(&ends);
    let again = |status, text: String| {
        let typed = name.as_ref().map(ToString::to_string).unwrap_or_default();
        show(&state, status, Asked { trouble: Some(text), name: typed, accounts, by_token, in_clear })
    };
    let address = ends.peer.ip();
    // Charged before it is looked up, so that many at once count like many in a row.
    let charged = state.logins().charge(address, name.as_ref(), state.handle.now().boot);
    let wait = |what: &str, secs: u64| {
        let text = format!("Too many {what}. Try again in {secs} seconds.");
        let mut response = again(StatusCode::TOO_MANY_REQUESTS, text);
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        response
    };
    if let Err(secs) = charged {
        return wait("wrong tries", secs);
    }
    let found = if by_token {
        by_token_text(&state, &given.token).await
    } else {
        by_password(&state, name.as_ref(), &given).await
    };
    let (who, actor) = match found {
        Ok(found) => found,
        Err(Wrong::Said(text)) => {
            tracing::warn!(%address, name = name.as_ref().map(AccountName::as_str), "a sign-in was refused");
            return again(StatusCode::FORBIDDEN, text);
        }
        Err(Wrong::Code(text)) => {
            tracing::warn!(
                %address,
                name = name.as_ref().map(AccountName::as_str),
                "a sign-in was refused: the password was right and the one-time code was not"
            );
            return again(StatusCode::FORBIDDEN, text);
        }
        Err(Wrong::Wait(secs)) => return wait("wrong one-time codes", secs),
        Err(Wrong::Failed(response)) => return response,
    };
    state.logins().right(address, name.as_ref());
    let action = "admin.sign_in";
    let actor = Actor {
        name: Text::new(&actor),
        origin: origin(Some(&ends)),
        action,
        details: Text::new("on the admin pages"),
    };
    note(&state, actor, name.as_ref().map_or("token", AccountName::as_str)).await;
    open(&state, &ends, &headers, who, "/admin")
}

/// Why nobody is signed in.
enum Wrong {
    /// In a sentence.
    Said(String),
    /// The password was right and the one-time code was not: somebody may have learned the password.
    Code(String),
    /// There were too many such codes: after so many seconds the next one is looked at.
    Wait(u64),
    /// Through no fault of theirs.
    Failed(Response),
}

/// The token's number, and how the audit log names it.
async fn by_token_text(state: &AdminState, typed: &str) -> Result<(Who, String), Wrong> {
    let token = match TokenText::parse(typed.trim()) {
        Some(text) => state.store.find_token(&text).await,
        None => Ok(None),
    };
    match token.map_err(|error| Wrong::Failed(failed(state, &error)))? {
        Some(token) => Ok((Who::Token(token.id), format!("token {} {}", token.id, token.name))),
        None => Err(said("This token is not known. It begins with tp_ and may have been revoked.")),
    }
}

fn said(text: &str) -> Wrong {
    Wrong::Said(text.to_owned())
}

async fn by_password(
    state: &AdminState,
    name: Option<&AccountName>,
    given: &Given,
) -> Result<(Who, String), Wrong> {
    let failed_inside = |error: &dyn std::fmt::Display| Wrong::Failed(failed(state, error));
    let admin = match name {
        Some(name) => state.store.find_admin(name).await.map_err(|error| failed_inside(&error))?,
        None => None,
    };
    // A name that nobody has takes as long as one that somebody has.
    let stored = admin.as_ref().map(|admin| &admin.password);
    let right = state.handle.verify_password(&given.password, stored).await;
    let right = right.map_err(|refusal| Wrong::Failed(refused(state, refusal)))?;
    let Some(admin) = admin.filter(|_| right) else {
        return Err(said("The name or the password is wrong."));
    };
    if admin.disabled {
        return Err(said("This account has been disabled. Ask whoever looks after this box."));
    }
    let step = check_code(state, &admin, &given.code)?;
    let now = state.handle.now().wall;
    let taken =
        state.store.admin_signed_in(&admin, step, now).await.map_err(|error| failed_inside(&error))?;
    if !taken {
        return Err(Wrong::Code("This code was used before. Wait for the next one.".to_owned()));
    }
    if step.is_some() {
        state.logins().right_code(&admin.name);
    }
    let who = Who::Admin { id: admin.id, version: admin.version };
    Ok((who, format!("admin {}", admin.name)))
}

/// The step of the one-time code; `None` if the account needs none.
#[expect(clippy::result_large_err, reason = "it holds the answer, and is handed on at once")]
fn check_code(state: &AdminState, admin: &Admin, typed: &str) -> Result<Option<i64>, Wrong> {
    let Some(sealed) = &admin.totp else { return Ok(None) };
    let opened = state.handle.open_secret(&totp_of(admin.id), sealed);
    let secret = opened.ok().and_then(|bytes| bytes.try_into().ok()).map(TotpSecret::new);
    let Some(secret) = secret else {
        tracing::error!(name = %admin.name, "the secret of one-time codes cannot be read; turnpike admin set NAME --no-totp");
        return Err(said("Your one-time codes cannot be checked. The log of turnpike says what to do."));
    };
    if typed.trim().is_empty() {
        return Err(said("This account needs the code that your app shows now."));
    }
    let charged = state.logins().charge_code(&admin.name, state.handle.now().boot);
    charged.map_err(Wrong::Wait)?;
    if let Some(step) = secret.check(typed, state.handle.now().wall, admin.totp_step) {
        return Ok(Some(step));
    }
    let text = if state.handle.clock_is_believed() {
        "The code is wrong or was used before. Type the one that your app shows now."
    } else {
        "The code does not fit the clock of this box, which is not set. Wait until it has the time, or use turnpike \
         admin set NAME --no-totp on the box."
    };
    Err(Wrong::Code(text.to_owned()))
}

/// Whose a sealed secret of one-time codes is.
pub(super) fn totp_of(admin: i64) -> String {
    format!("admin totp {admin}")
}

/// Signs somebody in under a new cookie, whatever the browser had before, and leads on.
pub(super) fn open(
    state: &AdminState,
    ends: &Endpoints,
    headers: &HeaderMap,
    who: Who,
    to: &str,
) -> Response {
    let new = match new_cookie() {
        Ok(new) => new,
        Err(error) => return failed(state, &error),
    };
    let mut logins = state.logins();
    if let Some(old) = cookie(headers) {
        logins.log_out(old);
    }
    logins.log_in(&new, who, state.handle.now().boot);
    drop(logins);
    let set = format!("{COOKIE}={new}; {}", attributes(ends));
    (AppendHeaders([(header::SET_COOKIE, set)]), Redirect::to(to)).into_response()
}

/// What a browser may do with the cookie. Over plain HTTP it could not send one that is `Secure`.
fn attributes(ends: &Endpoints) -> String {
    let secure = if ends.is_tls { "; Secure" } else { "" };
    format!("Path=/admin; HttpOnly; SameSite=Strict{secure}")
}

/// `POST /admin/logout`
pub(super) async fn log_out(
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    headers: HeaderMap,
) -> Response {
    if let Some(cookie) = cookie(&headers) {
        state.logins().log_out(cookie);
    }
    let gone = format!("{COOKIE}=; {}; Max-Age=0", attributes(&ends));
    (AppendHeaders([(header::SET_COOKIE, gone)]), Redirect::to("/admin/login")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_was_set_over_tls_goes_over_tls_only() {
        let address = "10.0.0.1:2051".parse().unwrap();
        let ends = Endpoints::new(address, address);
        assert_eq!(attributes(&ends), "Path=/admin; HttpOnly; SameSite=Strict");
        assert_eq!(attributes(&ends.over_tls()), "Path=/admin; HttpOnly; SameSite=Strict; Secure");
        assert!(is_in_clear(&ends) && !is_in_clear(&ends.over_tls()));
        let local = "127.0.0.1:2051".parse().unwrap();
        assert!(!is_in_clear(&Endpoints::new(local, local)), "on the box itself");
    }
}
