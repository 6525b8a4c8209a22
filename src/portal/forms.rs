//! What guests fill in: any provider's form, taken apart at the door.

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::{
    ClientDevice, FieldKind, FormField, FormValues, MAX_FIELDS, Phrase, ProviderFace, ProviderName, Refusal,
    Text,
};
use crate::http::Endpoints;
use crate::runtime::FormDone;

use super::explain::{explain, retry_after};
use super::offers::{TermsTick, VOUCHER};
use super::page::Note;
use super::pages::{missing, unseen};
use super::state::PortalState;
use super::wish::Wish;
use super::words::Words;

/// The name of the buttons of a wait.
const ACTION: &str = "action";

/// The button of a provider that a device is logged in with; it stands by itself.
const LOG_OUT: &str = "logout";

/// A form as it was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// What can be taken, and shown again.
    pub(super) values: FormValues,
    /// `done` or `cancel`, a button of a wait; or `logout`.
    action: Option<String>,
    /// Whether the terms of use were accepted with it.
    accepted: bool,
    /// The first thing that is wrong.
    wrong: Option<Wrong>,
}

/// Why a form is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    status: StatusCode,
    field: Option<String>,
    what: What,
}

/// What is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// By its name among the texts.
    Form(&'static str),
    /// Of a field.
    Field(Text),
}

impl What {
    fn say(&self, t: Words) -> String {
        match self {
            Self::Form(id) => t.get(id).into_owned(),
            Self::Field(text) => t.text(text).into_owned(),
        }
    }
}

pub(super) type Pairs = Vec<(String, String)>;

impl Sent {
    /// Reads a form by what the provider's face says, and whether the terms of use must be accepted.
    fn read(form: Result<Form<Pairs>, FormRejection>, face: &ProviderFace, asks_for_terms: bool) -> Self {
        let mut sent = Self::default();
        let Form(pairs) = match form {
            Ok(form) => form,
            Err(rejection) => {
                let text = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => "form-too-much",
                    _ => "form-unreadable",
                };
                sent.refuse(rejection.status(), None, What::Form(text));
                return sent;
            }
        };
        if pairs.len() > MAX_FIELDS + 2 {
            sent.complain(None, What::Form("form-too-many"));
            return sent;
        }
        for (name, value) in pairs {
            match face.fields.iter().find(|field| field.name == name) {
                Some(field) => sent.take(field, &value),
                None if name == TermsTick::FIELD => sent.accepted |= value == "on",
                None if name == ACTION && sent.action.is_none() => sent.action = Some(value),
                None => sent.complain(None, What::Form("form-unknown-field")),
            }
        }
        match sent.action.as_deref() {
            None => {
                if let Some((field, text)) = face.complaint(&sent.values) {
                    sent.complain(Some(field), What::Field(text));
                }
                if asks_for_terms && !sent.accepted {
                    sent.complain(Some(TermsTick::FIELD.to_owned()), What::Form("terms-missing"));
                }
            }
            Some("done" | "cancel" | LOG_OUT) if sent.values.is_empty() => {}
            Some(_) => sent.complain(None, What::Form("form-unreadable")),
        }
        sent
    }

    /// Takes one field's value, without the blanks around it; an empty one is none.
    fn take(&mut self, field: &FormField, value: &str) {
        let value = if matches!(field.kind, FieldKind::Password) { value } else { value.trim() };
        let complaint = if self.values.contains_key(&field.name) {
            Some(Phrase::FormTwice)
        } else if value.chars().count() > Text::MAX_CHARS {
            Some(Phrase::FormTooLong)
        } else if !is_clean(value) {
            Some(Phrase::FormLetters)
        } else {
            None
        };
        match complaint {
            Some(complaint) => {
                self.complain(Some(field.name.clone()), What::Field(field.say(complaint)));
            }
            None if value.is_empty() => {}
            None => {
                self.values.insert(field.name.clone(), value.to_owned());
            }
        }
    }

    /// What the page shows again.
    fn shown(&self) -> FormValues {
        let tick = self.accepted.then(|| (TermsTick::FIELD.to_owned(), "on".to_owned()));
        self.values.clone().into_iter().chain(tick).collect()
    }

    fn complain(&mut self, field: Option<String>, what: What) {
        self.refuse(StatusCode::UNPROCESSABLE_ENTITY, field, what);
    }

    fn refuse(&mut self, status: StatusCode, field: Option<String>, what: What) {
        self.wrong.get_or_insert(Wrong { status, field, what });
    }
}

/// Whether a text from outside is one: no control characters, nothing that was no UTF-8 (which the form's reader has
/// replaced).
pub(super) fn is_clean(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_control() || letter == char::REPLACEMENT_CHARACTER)
}

/// Where on the page a refusal is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt {
    /// At this provider's form; `None`: above all of them.
    pub(super) provider: Option<ProviderName>,
    /// What was typed there.
    pub(super) typed: FormValues,
    /// What did work, said before the refusal; by its name among the texts.
    pub(super) before: Option<&'static str>,
}

/// `POST /providers/{name}`
pub(super) async fn submit(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
    provider: Result<Path<String>, PathRejection>,
    form: Result<Form<Pairs>, FormRejection>,
) -> Response {
    let Ok(Path(name)) = provider else { return missing(&state, wish) };
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    let faces = state.handle.faces(&state.zone);
    let Some((provider, face)) = faces.into_iter().find(|(known, _)| known.as_str() == name) else {
        return missing(&state, wish);
    };
    if device.blocked {
        return refused(&state, &device, wish, &Refusal::Blocked, Attempt::default()).await;
    }
    // What goes on may be brought to its end, and whoever is logged in may log out.
    let begins = !matches!(&form, Ok(Form(pairs)) if pairs.iter().any(|(name, _)| name == ACTION));
    if begins && let Err(refusal) = state.handle.must_be_open(device.id).await {
        return refused(&state, &device, wish, &refusal, Attempt::default()).await;
    }
    let sent = Sent::read(form, &face, state.dress().asks_for_terms());
    let typed = sent.shown();
    let Sent { values, action, wrong, .. } = sent;
    if let Some(Wrong { status, field, what }) = wrong {
        let attempt = Attempt { provider: Some(provider), typed, before: None };
        let text = what.say(state.words(wish, &device));
        return with_trouble(&state, &device, wish, status, (field.as_deref(), text), attempt).await;
    }
    let values = match action {
        Some(action) if action == LOG_OUT => {
            if !shows_log_out(&state, &device, &provider).await {
                return Redirect::to("/").into_response();
            }
            FormValues::from([(ACTION.to_owned(), action)])
        }
        // Whoever presses the button of a wait that is over sees how things stand.
        Some(_) if state.handle.waiting(device.id).is_none_or(|(of, _)| of != provider) => {
            return Redirect::to("/").into_response();
        }
        Some(action) => FormValues::from([(ACTION.to_owned(), action)]),
        None => values,
    };
    if provider.as_str() == VOUCHER {
        return redeem(&state, &device, wish, provider, typed).await;
    }
    match state.handle.submit(device.id, &provider, values).await {
        Ok(FormDone::Connected(_) | FormDone::Taken(None)) => Redirect::to("/").into_response(),
        Ok(FormDone::Taken(Some(text))) => said(&state, &device, wish, &text).await,
        Err(refusal) => {
            let attempt = Attempt { provider: Some(provider), typed, before: None };
            refused(&state, &device, wish, &refusal, attempt).await
        }
    }
}

/// Whether the device is logged in with a provider.
async fn shows_log_out(state: &PortalState, device: &Arc<ClientDevice>, provider: &ProviderName) -> bool {
    let button = state.handle.button(provider, device).await;
    button.is_some_and(|button| button.action == LOG_OUT)
}

async fn redeem(
    state: &PortalState,
    device: &ClientDevice,
    wish: Wish,
    provider: ProviderName,
    typed: FormValues,
) -> Response {
    let code = typed.get("code").map(String::as_str).unwrap_or_default();
    if let Err(refusal) = state.handle.redeem(code, device.id).await {
        let attempt = Attempt { provider: Some(provider), typed, before: None };
        return refused(state, device, wish, &refusal, attempt).await;
    }
    match state.handle.connect(device.id, None).await {
        Ok(_session) => Redirect::to("/").into_response(),
        Err(refusal) => {
            let attempt = Attempt { before: Some("voucher-accepted"), ..Attempt::default() };
            refused(state, device, wish, &refusal, attempt).await
        }
    }
}

/// The device's page, with a word of the provider.
async fn said(state: &PortalState, device: &ClientDevice, wish: Wish, text: &Text) -> Response {
    let t = state.words(wish, device);
    match state.page(device, wish).await {
        Ok(mut page) => {
            page.notice = Some(t.text(text).into_owned());
            page.respond(StatusCode::OK)
        }
        Err(_) => Note::with(state.dress(), t, "heading-done", &t.text(text)).respond(StatusCode::OK),
    }
}

/// The device's page, with what was refused on it.
pub(super) async fn refused(
    state: &PortalState,
    device: &ClientDevice,
    wish: Wish,
    refusal: &Refusal,
    attempt: Attempt,
) -> Response {
    let t = state.words(wish, device);
    let (status, trouble) = explain(refusal, t);
    let field = if let Refusal::Form { field, .. } = refusal {
        field.as_deref()
    } else {
        trouble.about_code.then_some("code")
    };
    let text = match attempt.before {
        Some(before) => format!("{} {}", t.get(before), trouble.text),
        None => trouble.text,
    };
    with_retry(with_trouble(state, device, wish, status, (field, text), attempt).await, refusal)
}

/// The answer with when to come again, if the refusal says that.
pub(super) fn with_retry(mut response: Response, refusal: &Refusal) -> Response {
    if let Some(secs) = retry_after(refusal) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}

async fn with_trouble(
    state: &PortalState,
    device: &ClientDevice,
    wish: Wish,
    status: StatusCode,
    (field, text): (Option<&str>, String),
    attempt: Attempt,
) -> Response {
    match state.page(device, wish).await {
        Ok(mut page) => {
            page.fill(attempt.provider.as_ref(), &attempt.typed);
            page.complain(attempt.provider.as_ref(), field, text);
            page.respond(status)
        }
        // The page cannot be had; what happened is still said.
        Err(_) => {
            Note::with(state.dress(), state.words(wish, device), "heading-failed", &text).respond(status)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> ProviderFace {
        let field = |name: &str, kind, required| FormField {
            name: name.to_owned(),
            label: Text::new(&name.to_uppercase()),
            kind,
            required,
            max_chars: 20,
        };
        ProviderFace {
            title: Text::new("Sign in"),
            icon: Text::default(),
            text: Text::default(),
            fields: vec![
                field("user", FieldKind::Text, true),
                field("password", FieldKind::Password, false),
                field("terms", FieldKind::Checkbox, false),
            ],
            button: Text::default(),
        }
    }

    fn read(pairs: &[(&str, &str)]) -> Sent {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Sent::read(Ok(Form(pairs)), &face(), false)
    }

    #[test]
    fn what_fits_the_face_is_taken_and_all_else_named() {
        let good = read(&[("user", "  ana "), ("password", " x "), ("terms", "on")]);
        assert_eq!(good.wrong, None);
        assert_eq!((good.values["user"].as_str(), good.values["password"].as_str()), ("ana", " x "));
        assert!(read(&[("user", "ana"), ("password", ""), ("terms", "")]).values.len() == 1);
        let long = "x".repeat(501);
        for (pairs, field) in [
            (vec![], Some("user")),
            (vec![("user", " ")], Some("user")),
            (vec![("user", "a"), ("user", "b")], Some("user")),
            (vec![("user", "a\u{0}b")], Some("user")),
            (vec![("user", "a\u{fffd}b")], Some("user")),
            (vec![("user", long.as_str())], Some("user")),
            (vec![("user", "a"), ("terms", "yes")], Some("terms")),
            (vec![("user", "a"), ("admin", "1")], None),
            (vec![("user", "a"), ("action", "done")], None),
            (vec![("action", "explode")], None),
            (vec![("action", "done"), ("action", "done")], None),
            (vec![("user", "a"); 15], None),
        ] {
            let wrong = read(&pairs).wrong.expect("refused");
            assert_eq!(wrong.field.as_deref(), field, "{pairs:?}: {wrong:?}");
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let tick = (TermsTick::FIELD, "on");
        let asked = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Sent::read(Ok(Form(pairs)), &face(), true)
        };
        for pairs in [&[("user", "a")][..], &[("user", "a"), (TermsTick::FIELD, "off")]] {
            assert_eq!(asked(pairs).wrong.unwrap().field.as_deref(), Some(TermsTick::FIELD));
        }
        let accepted = asked(&[("user", "a"), tick]);
        assert_eq!((accepted.wrong.clone(), accepted.values.len(), accepted.shown().len()), (None, 1, 2));
        assert_eq!(asked(&[("action", "cancel")]).wrong, None, "what goes on was accepted before");
        assert_eq!(read(&[("user", "a"), tick]).wrong, None, "from a page of before");
        let done = read(&[("action", "cancel")]);
        assert_eq!((done.wrong, done.action.as_deref()), (None, Some("cancel")));
    }
}
