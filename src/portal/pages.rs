use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::domain::{ClientDevice, Refusal};
use crate::http::Endpoints;

use super::capport::{self, Answer};
use super::door;
use super::explain::{explain, retry_after};
use super::own::OwnAddress;
use super::page::{Message, Page, Trouble};
use super::state::PortalState;
use super::view::Standing;

/// The longest code that is looked at, in characters; real ones are far shorter.
const MAX_CODE_CHARS: usize = 64;

/// `GET /`
pub(super) async fn front(
    State(state): State<PortalState>,
    Extension(endpoints): Extension<Endpoints>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, &refusal),
    };
    state.note_browser(&device, &headers).await;
    match state.standing(&device).await {
        Ok(standing) => {
            let mut page = Page::new(&state.gateway, standing);
            page.notice = notice_of(&device);
            page.messages = state.messages(device.id).await;
            page.refresh = matches!(page.standing, Standing::Online(_)) && query.as_deref() != Some("still");
            let status = if device.blocked { StatusCode::FORBIDDEN } else { StatusCode::OK };
            page.respond(status)
        }
        Err(refusal) => unavailable(&state, &refusal),
    }
}

/// `POST /connect`
pub(super) async fn connect(
    State(state): State<PortalState>,
    Extension(endpoints): Extension<Endpoints>,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, &refusal),
    };
    match state.handle.connect(device.id, None).await {
        Ok(_session) => Redirect::to("/").into_response(),
        Err(refusal) => refused(&state, &device, &refusal, "", "").await,
    }
}

/// `POST /disconnect`
pub(super) async fn disconnect(
    State(state): State<PortalState>,
    Extension(endpoints): Extension<Endpoints>,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, &refusal),
    };
    match state.handle.disconnect(device.id, None).await {
        Ok(_device) => Redirect::to("/").into_response(),
        Err(refusal) => refused(&state, &device, &refusal, "", "").await,
    }
}

/// The voucher form.
#[derive(Debug, Deserialize)]
pub(super) struct VoucherForm {
    code: String,
}

/// `POST /providers/{name}`
pub(super) async fn submit(
    State(state): State<PortalState>,
    Extension(endpoints): Extension<Endpoints>,
    provider: Result<Path<String>, PathRejection>,
    form: Result<Form<VoucherForm>, FormRejection>,
) -> Response {
    if !provider.is_ok_and(|Path(name)| name == "voucher") {
        return missing(&state);
    }
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, &refusal),
    };
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => {
            let trouble = code_trouble("Please enter the code of your voucher.");
            return with_trouble(&state, &device, rejection.status(), trouble, "").await;
        }
    };
    let code = form.code.trim();
    if code.is_empty() {
        let trouble = code_trouble("Please enter the code of your voucher.");
        return with_trouble(&state, &device, StatusCode::UNPROCESSABLE_ENTITY, trouble, "").await;
    }
    if code.chars().count() > MAX_CODE_CHARS {
        let trouble = code_trouble("This is too long for a code.");
        return with_trouble(&state, &device, StatusCode::UNPROCESSABLE_ENTITY, trouble, "").await;
    }
    if device.blocked {
        return refused(&state, &device, &Refusal::Blocked, "", "").await;
    }
    if let Err(refusal) = state.handle.redeem(code, device.id).await {
        return refused(&state, &device, &refusal, code, "").await;
    }
    match state.handle.connect(device.id, None).await {
        Ok(_session) => Redirect::to("/").into_response(),
        Err(refusal) => refused(&state, &device, &refusal, "", "Your voucher was accepted. ").await,
    }
}

/// `GET` on a form's address: a reload, a step back.
pub(super) async fn back() -> Redirect {
    Redirect::to("/")
}

/// `GET /capport`
pub(super) async fn capport(
    State(state): State<PortalState>,
    Extension(endpoints): Extension<Endpoints>,
    Extension(own): Extension<OwnAddress>,
    headers: HeaderMap,
) -> Response {
    if !capport::wants_api(&headers) {
        return door::to_portal(own);
    }
    let standing = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => state.standing(&device).await,
        Err(refusal) if is_stranger(&refusal) => Ok(Standing::Stranger),
        Err(refusal) => Err(refusal),
    };
    match standing {
        Ok(standing) => Answer::of(&standing, own).respond(),
        Err(refusal) => explain(&refusal).0.into_response(),
    }
}

/// Any other path of the portal's own.
pub(super) async fn unknown_path(State(state): State<PortalState>) -> Response {
    missing(&state)
}

/// A method that the path does not have.
pub(super) async fn wrong_method(State(state): State<PortalState>) -> Response {
    Message {
        gateway: &state.gateway,
        heading: "That does not work here",
        text: "This page cannot be used in this way.",
    }
    .respond(StatusCode::METHOD_NOT_ALLOWED)
}

pub(super) fn missing(state: &PortalState) -> Response {
    Message {
        gateway: &state.gateway,
        heading: "There is no such page",
        text: "The address may be mistyped or out of date.",
    }
    .respond(StatusCode::NOT_FOUND)
}

pub(super) const fn is_stranger(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::UnknownDevice | Refusal::NotInAZone)
}

pub(super) fn unseen(state: &PortalState, refusal: &Refusal) -> Response {
    if is_stranger(refusal) {
        return Page::new(&state.gateway, Standing::Stranger).respond(StatusCode::FORBIDDEN);
    }
    unavailable(state, refusal)
}

fn unavailable(state: &PortalState, refusal: &Refusal) -> Response {
    let (status, trouble) = explain(refusal);
    Message { gateway: &state.gateway, heading: "One moment, please", text: &trouble.text }.respond(status)
}

fn code_trouble(text: &str) -> Trouble {
    Trouble { text: text.to_owned(), about_code: true }
}

/// The device's page, with what was refused on it. `before` is what did work.
async fn refused(
    state: &PortalState,
    device: &ClientDevice,
    refusal: &Refusal,
    code: &str,
    before: &str,
) -> Response {
    let (status, mut trouble) = explain(refusal);
    trouble.text.insert_str(0, before);
    let mut response = with_trouble(state, device, status, trouble, code).await;
    if let Some(secs) = retry_after(refusal) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}

async fn with_trouble(
    state: &PortalState,
    device: &ClientDevice,
    status: StatusCode,
    trouble: Trouble,
    code: &str,
) -> Response {
    match state.standing(device).await {
        Ok(standing) => {
            let mut page = Page::new(&state.gateway, standing);
            page.notice = notice_of(device);
            page.messages = state.messages(device.id).await;
            page.trouble = Some(trouble);
            page.code = code;
            page.respond(status)
        }
        // The page cannot be had; what happened is still said.
        Err(_) => Message { gateway: &state.gateway, heading: "That did not work", text: &trouble.text }
            .respond(status),
    }
}

fn notice_of(device: &ClientDevice) -> Option<&str> {
    device.notice.as_ref().filter(|notice| !notice.is_empty()).map(|notice| notice.as_str())
}
