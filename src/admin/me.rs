//! The own account: password, one-time codes, and where else one is signed in.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;

use super::clerk::{Clerk, Fields};
use super::form::{Form, Wrong};
use super::frame::Frame;
use super::login::{self, totp_of};
use super::logins::Who;
use super::page::{self, failed, html, missing, refused, say};
use super::permissions;
use super::shown;
use super::state::AdminState;
use crate::domain::{Admin, TotpSecret};
use crate::http::{Endpoints, encoded};
use crate::store::AdminPatch;

const PATH: &str = "/admin/me";

/// Who one is.
#[derive(Debug, Template)]
#[template(path = "admin/me.html")]
struct MePage {
    frame: Frame,
    name: String,
    may: String,
    /// `None`: signed in with a token, which has nothing that could be changed here.
    account: Option<Standing>,
    form: Form,
    done: Option<&'static str>,
}

#[derive(Debug)]
struct Standing {
    codes: bool,
    signed_in: Option<String>,
}

/// What one-time codes are to be made of: shown until a code confirms it, and never again.
#[derive(Debug, Template)]
#[template(path = "admin/totp.html")]
struct TotpPage {
    frame: Frame,
    secret: String,
    size: i32,
    path: String,
    clock: String,
    believed: bool,
    trouble: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    current: String,
    password: String,
    again: String,
    code: String,
}

/// The account of whoever is signed in; `None` if that is a token.
async fn account(clerk: &Clerk, state: &AdminState) -> Result<Option<Admin>, Response> {
    let Some(id) = clerk.account() else { return Ok(None) };
    state.store.admin(id).await.map_err(|error| failed(state, &error))
}

/// `GET /admin/me`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    let admin = account(&clerk, &state).await?;
    let done = match wanted.done.as_deref() {
        Some("password") => Some("Your password is changed. Everywhere else you are signed out."),
        Some("codes") => Some("From now on signing in takes a code of your app as well."),
        Some("no-codes") => Some("Signing in takes no one-time code any more."),
        Some("sign-out") => Some("Everywhere else you are signed out."),
        Some(_) | None => None,
    };
    Ok(show_me(&clerk, &state, admin.as_ref(), None, done))
}

fn show_me(
    clerk: &Clerk,
    state: &AdminState,
    admin: Option<&Admin>,
    wrong: Option<Wrong>,
    done: Option<&'static str>,
) -> Response {
    let account = admin.map(|admin| Standing {
        codes: admin.totp.is_some(),
        signed_in: admin.signed_in_at.map(|at| shown::time(at, &*state.place)),
    });
    let page = MePage {
        frame: clerk.frame(state, PATH),
        name: clerk.name.to_string(),
        may: permissions::words(&clerk.permissions),
        account,
        form: Form::blank(wrong),
        done,
    };
    html(page.form.status(), page.render())
}

/// `GET /admin/me/codes`: the secret that waits to be confirmed.
pub(super) async fn codes(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(what): Path<String>,
) -> Result<Response, Response> {
    match what.as_str() {
        "codes" => {}
        // What is posted there only; a browser comes here with the button that loads a page again.
        "password" | "sign-out" | "confirm-codes" | "no-codes" => {
            return Ok(Redirect::to(PATH).into_response());
        }
        _ => return Ok(missing(&state)),
    }
    let secret = state.logins().totp(&clerk.cookie);
    match secret {
        Some(secret) => Ok(show_totp(&clerk, &state, secret, None)),
        None => Ok(Redirect::to(PATH).into_response()),
    }
}

fn show_totp(clerk: &Clerk, state: &AdminState, secret: TotpSecret, trouble: Option<String>) -> Response {
    // A box's name may be long: its first letters do.
    let short = |text: &str| text.chars().take(40).collect::<String>();
    let (issuer, name) = (short(state.gateway.as_str()), short(clerk.name.as_str()));
    let (issuer, name) = (encoded(&issuer), encoded(&name));
    let text = format!(
        "otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}&algorithm=SHA1&digits={}&period={}",
        secret.base32(),
        TotpSecret::DIGITS,
        TotpSecret::STEP_SECS
    );
    let Ok(code) = QrCode::encode_text(&text, QrCodeEcc::Low) else {
        return failed(state, &"the QR code is too large");
    };
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    let letters: Vec<char> = secret.base32().chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    let status = page::status(trouble.is_some());
    let page = TotpPage {
        frame: clerk.frame(state, PATH),
        secret: groups.join(" "),
        size: code.size(),
        path,
        clock: shown::time(state.handle.now().wall, &*state.place),
        believed: state.handle.clock_is_believed(),
        trouble,
    };
    html(status, page.render())
}

/// `POST /admin/me/{what}`
pub(super) async fn change(
    clerk: Clerk,
    State(state): State<AdminState>,
    Extension(ends): Extension<Endpoints>,
    headers: HeaderMap,
    Path(what): Path<String>,
    Fields(given): Fields<Given>,
) -> Result<Response, Response> {
    let Some(admin) = account(&clerk, &state).await? else {
        let text = "You are signed in with a token. It has no password and no codes.";
        return Err(say(&state, StatusCode::CONFLICT, "That did not work", text));
    };
    let again =
        |field, text: &str| show_me(&clerk, &state, Some(&admin), Some(Wrong::field(field, text)), None);
    match what.as_str() {
        "password" => {
            if let Err(error) = Admin::check_password(&given.password) {
                return Ok(again("password", &format!("a password {}", error.problem)));
            }
            if given.password != given.again {
                return Ok(again("again", "The two passwords differ."));
            }
            if !is_own(&state, &ends, &admin, &given.current).await? {
                return Ok(again("current", "This is not your password."));
            }
            let hashed = state.handle.hash_password(&given.password).await;
            let password = Some(hashed.map_err(|refusal| refused(&state, refusal))?);
            let patch = AdminPatch { password, ..AdminPatch::default() };
            anew(&clerk, &state, &ends, &headers, &admin, &patch, ("admin.password", "password")).await
        }
        "sign-out" => {
            let patch = AdminPatch { sign_out: true, ..AdminPatch::default() };
            anew(&clerk, &state, &ends, &headers, &admin, &patch, ("admin.sign_out", "sign-out")).await
        }
        "codes" | "confirm-codes" if admin.totp.is_some() => {
            Ok(again("no-codes", "Codes are on already. Turn them off first to have others."))
        }
        "codes" => {
            // Else a minute at an open page would do to have them made on another's phone.
            if !is_own(&state, &ends, &admin, &given.current).await? {
                return Ok(again("codes", "This is not your password."));
            }
            let mut bytes = [0; TotpSecret::BYTES];
            getrandom::fill(&mut bytes).map_err(|error| failed(&state, &error))?;
            state.logins().set_totp(&clerk.cookie, Some(TotpSecret::new(bytes)));
            Ok(Redirect::to("/admin/me/codes").into_response())
        }
        "confirm-codes" => {
            let waiting = state.logins().totp(&clerk.cookie);
            let Some(secret) = waiting else { return Ok(Redirect::to(PATH).into_response()) };
            let Some(step) = secret.check(&given.code, state.handle.now().wall, 0) else {
                let text = "This code does not fit. Type the one that your app shows now.".to_owned();
                return Ok(show_totp(&clerk, &state, secret, Some(text)));
            };
            let sealed = state.handle.seal_secret(&totp_of(admin.id), secret.bytes());
            let sealed = sealed.map_err(|refusal| refused(&state, refusal))?;
            let patch =
                AdminPatch { totp: Some(Some((sealed, step))), sign_out: true, ..AdminPatch::default() };
            anew(&clerk, &state, &ends, &headers, &admin, &patch, ("admin.change", "codes")).await
        }
        "no-codes" => {
            if !is_own(&state, &ends, &admin, &given.current).await? {
                return Ok(again("no-codes", "This is not your password."));
            }
            let patch = AdminPatch { totp: Some(None), ..AdminPatch::default() };
            anew(&clerk, &state, &ends, &headers, &admin, &patch, ("admin.change", "no-codes")).await
        }
        _ => Ok(missing(&state)),
    }
}

/// Whether somebody at an open page is who signed in there. Guesses are limited as they are when signing in.
async fn is_own(state: &AdminState, ends: &Endpoints, admin: &Admin, typed: &str) -> Result<bool, Response> {
    let address = ends.peer.ip();
    let charged = state.logins().charge(address, Some(&admin.name), state.handle.now().boot);
    if let Err(secs) = charged {
        let text = format!("Too many wrong tries. Try again in {secs} seconds. Nothing was changed.");
        return Err(say(state, StatusCode::TOO_MANY_REQUESTS, "Not now", &text));
    }
    let right = state.handle.verify_password(typed, Some(&admin.password)).await;
    let right = right.map_err(|refusal| refused(state, refusal))?;
    if right {
        state.logins().right(address, Some(&admin.name));
    }
    Ok(right)
}

/// Makes the change, and goes on under a new cookie.
async fn anew(
    clerk: &Clerk,
    state: &AdminState,
    ends: &Endpoints,
    headers: &HeaderMap,
    admin: &Admin,
    patch: &AdminPatch,
    (action, done): (&'static str, &str),
) -> Result<Response, Response> {
    let changed = state.store.change_admin(&admin.name, patch, None).await;
    let admin = changed.map_err(|error| failed(state, &error))?.map_err(|refusal| refused(state, refusal))?;
    let details = match done {
        "codes" => "one-time codes",
        "no-codes" => "no one-time codes",
        _ => "the own account",
    };
    clerk.note_with(state, action, admin.name.as_str(), details).await;
    let who = Who::Admin { id: admin.id, version: admin.version };
    Ok(login::open(state, ends, headers, who, &format!("{PATH}?done={done}")))
}
