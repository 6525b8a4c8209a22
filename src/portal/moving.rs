//! A phone under a new MAC: what the old one has left is brought over, by the cookie that its browser kept or by a code.

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::{ClientDevice, ClientSession, Refusal, Text, WallTime};
use crate::http::Endpoints;
use crate::runtime::Known;

use super::explain::explain;
use super::forms::{Attempt, Pairs, is_clean, refused, with_retry};
use super::page::Note;
use super::pages::unseen;
use super::reckoning::within_days;
use super::state::PortalState;
use super::view::{Standing, left_in_words};
use super::wish::{Wish, cookie};
use super::words::Words;

/// The cookie's name.
const COOKIE: &str = "turnpike-device";
/// How it is kept: for a year, for the portal alone, out of reach of scripts. `Secure` only where it came over TLS: the
/// plain portal, to which captive devices are led, is another host to a browser.
const KEPT: &str = "Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax";
/// The longest code that is looked at, in characters.
const MAX_CODE_CHARS: usize = 64;

/// The form for a recovery code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoverView {
    /// What was typed.
    pub code: String,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

impl RecoverView {
    /// Where it is offered: to whoever is not online, and may be.
    pub const fn of(standing: &Standing) -> Option<Self> {
        match standing {
            Standing::New | Standing::UsedUp(_) | Standing::Ready(_) => {
                Some(Self { code: String::new(), trouble: None })
            }
            Standing::Stranger | Standing::Blocked | Standing::Online(_) => None,
        }
    }
}

/// Who a device is and was, for its page and its browser.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// The code that brings along what it has left.
    pub(super) recovery_code: Option<String>,
    /// What another device has left that the same browser was on, in words.
    pub(super) earlier: Option<String>,
    /// What the browser is to keep.
    pub(super) kept: Option<HeaderValue>,
}

impl Traces {
    /// Whether the page is the same without them.
    pub(super) const fn shows_nothing(&self) -> bool {
        self.recovery_code.is_none() && self.earlier.is_none()
    }
}

/// The token that a browser shows, whatever it is worth.
fn token(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// What somebody has left, in a sentence.
fn in_words(sessions: &[ClientSession], wall: Option<WallTime>, t: Words) -> Option<String> {
    let (first, more) = (sessions.first()?, sessions.len() - 1);
    let left = left_in_words(within_days(first, first.time_left_ms(), wall), first.data_left_bytes(), t);
    Some(match u64::try_from(more).unwrap_or(u64::MAX) {
        0 => t.one("left-from-earlier", "left", left).into_owned(),
        more => t.with("left-and-more", [("left", left.into()), ("count", more.into())]).into_owned(),
    })
}

impl PortalState {
    /// Who the device is and was.
    ///
    /// A token is for those who have something, and does not replace one that something can still be brought over by.
    pub(super) async fn traces(
        &self,
        device: &ClientDevice,
        has_some: bool,
        headers: &HeaderMap,
        t: Words,
        is_tls: bool,
    ) -> Traces {
        let shown = token(headers);
        if device.blocked || !has_some && shown.is_none() {
            return Traces::default();
        }
        let known = self.handle.known(device.id, shown).await.unwrap_or_else(|refusal| {
            tracing::debug!(device = %device.id, %refusal, "who a device was could not be told");
            Known::default()
        });
        let earlier = in_words(&known.earlier, self.handle.believed(), t);
        let token = known.token.filter(|token| earlier.is_none() && shown != Some(token.as_str()));
        let secure = if is_tls { "; Secure" } else { "" };
        let keep = |token| HeaderValue::try_from(format!("{COOKIE}={token}; {KEPT}{secure}")).ok();
        Traces { recovery_code: known.code.map(|code| code.to_string()), earlier, kept: token.and_then(keep) }
    }
}

/// `POST /move`: by the code in the form, else by the browser's cookie.
pub(super) async fn bring_over(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
    headers: HeaderMap,
    form: Result<Form<Pairs>, FormRejection>,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    if device.blocked {
        return refused(&state, &device, wish, &Refusal::Blocked, Attempt::default()).await;
    }
    let code = match read(form) {
        Ok(code) => code,
        Err((status, typed, text)) => {
            let text = state.words(wish, &device).get(text).into_owned();
            return with_code(&state, &device, wish, status, typed, text).await;
        }
    };
    let origin = Text::new(&endpoints.peer.ip().to_string());
    let moved = match (&code, token(&headers)) {
        (Some(code), _) => state.handle.move_by_code(code, device.id, origin).await,
        (None, Some(token)) => state.handle.move_by_token(token, device.id, origin).await,
        (None, None) => Err(Refusal::NoSession),
    };
    match (moved, code) {
        (Ok(moved), _) => match moved.connected {
            Some(Err(refusal)) => {
                let attempt = Attempt { before: Some("was-brought"), ..Attempt::default() };
                refused(&state, &device, wish, &refusal, attempt).await
            }
            Some(Ok(_)) | None => Redirect::to("/").into_response(),
        },
        (Err(Refusal::NoSession), None) => {
            let text = state.words(wish, &device).get("nothing-to-bring").into_owned();
            with_code(&state, &device, wish, StatusCode::CONFLICT, String::new(), text).await
        }
        (Err(refusal), code) => {
            let (status, trouble) = explain(&refusal, state.words(wish, &device));
            let typed = code.unwrap_or_default();
            let response = with_code(&state, &device, wish, status, typed, trouble.text).await;
            with_retry(response, &refusal)
        }
    }
}

/// The code that a form has; `None`: a form without the field. What is wrong is said by its name among the texts.
fn read(
    form: Result<Form<Pairs>, FormRejection>,
) -> Result<Option<String>, (StatusCode, String, &'static str)> {
    let Form(pairs) = form.map_err(|error| (error.status(), String::new(), "form-unreadable"))?;
    let wrong = |typed: &str, text| Err((StatusCode::UNPROCESSABLE_ENTITY, typed.to_owned(), text));
    match pairs.as_slice() {
        [] => Ok(None),
        [(name, code)] if name == "code" => match code.trim() {
            "" => wrong("", "recovery-missing"),
            code if code.chars().count() > MAX_CODE_CHARS => wrong("", "recovery-too-long"),
            code if !is_clean(code) => wrong("", "recovery-letters"),
            code => Ok(Some(code.to_owned())),
        },
        _ => wrong("", "form-unknown-field"),
    }
}

/// The device's page with what is wrong with a code beside its form, or above it all where there is none.
async fn with_code(
    state: &PortalState,
    device: &ClientDevice,
    wish: Wish,
    status: StatusCode,
    code: String,
    text: String,
) -> Response {
    match state.page(device, wish).await {
        Ok(mut page) => {
            page.failed = true;
            page.refresh_secs = None;
            match &mut page.recover {
                Some(recover) => *recover = RecoverView { code, trouble: Some(text) },
                None => page.trouble = Some(text),
            }
            page.respond(status)
        }
        Err(_) => {
            Note::with(state.dress(), state.words(wish, device), "heading-failed", &text).respond(status)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let found = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            token(&headers).map(str::to_owned)
        };
        assert_eq!(found(&[]), None);
        assert_eq!(found(&["a=1; turnpike-device=x.1.y; b=2"]).as_deref(), Some("x.1.y"));
        assert_eq!(found(&["a=1", "turnpike-device=z"]).as_deref(), Some("z"));
        assert_eq!(found(&["turnpike-device", "xturnpike-device=1", ";;=;"]), None);
    }

    #[test]
    fn a_form_has_one_code_or_none() {
        let read = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            read(Ok(Form(pairs.collect()))).map_err(|(status, ..)| status.as_u16())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("code", " abcd-efgh ")]), Ok(Some("abcd-efgh".to_owned())));
        for wrong in [
            vec![("code", " ")],
            vec![("code", "a"), ("code", "b")],
            vec![("kode", "a")],
            vec![("code", "a"), ("x", "b")],
            vec![("code", "a\u{0}")],
            vec![("code", "\u{fffd}")],
        ] {
            assert_eq!(read(&wrong), Err(422), "{wrong:?}");
        }
        let long = "a".repeat(65);
        assert_eq!(read(&[("code", &long)]), Err(422));
    }
}
