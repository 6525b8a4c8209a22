use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use uuid::Uuid;

use crate::domain::{Refusal, SessionId};
use crate::http::{Endpoints, PeerMac};

use super::capport::{self, Answer};
use super::door;
use super::explain::explain;
use super::forms::{Attempt, Pairs, is_clean, refused};
use super::own::OwnAddress;
use super::page::{Note, Page};
use super::scene::Scene;
use super::state::PortalState;
use super::view::Standing;
use super::wish::Wish;

/// The longest code that is looked at, in characters; real ones are far shorter.
const MAX_CODE_CHARS: usize = 64;

/// `GET /`
pub(super) async fn front(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    peer: Option<Extension<PeerMac>>,
    wish: Wish,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    let visit = match state.visit(endpoints.peer.ip(), &peer).await {
        Ok(visit) => visit,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    let (device, has_some) = (Arc::clone(&visit.device), !visit.usable.is_empty());
    state.remember(wish, &device);
    state.note_browser(&device, wish, &headers).await;
    let draft = state.draft(visit, wish).await;
    let now = state.handle.now().boot;
    let status = if device.blocked { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let asked = Asked::of(query.map(|Query(pairs)| pairs).unwrap_or_default());
    let traces = state.traces(&device, has_some, &headers, draft.t, endpoints.is_tls).await;
    let mut response = if asked == Asked::default() && traces.shows_nothing() {
        state.rendered.respond(draft, now, status)
    } else {
        let mut page = draft.page(now);
        asked.fill_in(&mut page);
        page.recovery_code = traces.recovery_code;
        page.earlier = traces.earlier;
        page.respond(status)
    };
    for kept in traces.kept.into_iter().chain(wish.kept()) {
        response.headers_mut().append(header::SET_COOKIE, kept);
    }
    response
}

/// What the page's address says of it, beside its language.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// That it does not load itself again.
    still: bool,
    /// A voucher's code.
    code: Option<String>,
}

impl Asked {
    fn of(pairs: Pairs) -> Self {
        let mut asked = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "still" => asked.still = true,
                "code" if value.chars().count() <= MAX_CODE_CHARS && is_clean(&value) => {
                    asked.code = Some(value);
                }
                _ => {}
            }
        }
        asked
    }

    fn fill_in(&self, page: &mut Page) {
        if self.still {
            page.refresh_secs = None;
        }
        if let Some(code) = &self.code {
            page.offer_code(code.trim());
        }
    }
}

/// `POST /connect`
pub(super) async fn connect(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    match state.handle.connect(device.id, None).await {
        Ok(_session) => Redirect::to("/").into_response(),
        Err(refusal) => refused(&state, &device, wish, &refusal, Attempt::default()).await,
    }
}

/// `POST /sessions/{id}/connect`: one of the guest's own sessions instead of the one that comes next by itself.
pub(super) async fn connect_on(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
    session: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    let Ok(Path(session)) = session else { return missing(&state, wish) };
    match state.handle.connect_on(device.id, SessionId::new(session)).await {
        Ok(_session) => Redirect::to("/").into_response(),
        Err(refusal) => refused(&state, &device, wish, &refusal, Attempt::default()).await,
    }
}

/// `POST /disconnect`
pub(super) async fn disconnect(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
) -> Response {
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    match state.handle.disconnect(device.id, None).await {
        Ok(_device) => Redirect::to("/").into_response(),
        Err(refusal) => refused(&state, &device, wish, &refusal, Attempt::default()).await,
    }
}

/// `GET` on a form's address: a reload, a step back.
pub(super) async fn back() -> Redirect {
    Redirect::to("/")
}

/// `GET /capport`
pub(super) async fn capport(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    Extension(own): Extension<OwnAddress>,
    wish: Wish,
    headers: HeaderMap,
) -> Response {
    if !capport::wants_api(&headers) {
        return door::to_portal(&own);
    }
    let visited = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) if device.blocked => Ok(None),
        Ok(device) => state.handle.visit_of(device.id).await.map(Some),
        Err(refusal) => Err(refusal),
    };
    let answer = match visited {
        Ok(Some(visit)) => {
            let sells = !state.handle.faces(&state.zone).is_empty();
            let by = state.reckoning(&visit.device, &visit.policies);
            let closes_in_ms = state.hours(visit.opening).closes_in_ms();
            Answer::of(&visit.usable, by, sells, &own).within(closes_in_ms)
        }
        Ok(None) => Answer::captive(false, &own),
        Err(refusal) if is_stranger(&refusal) => Answer::captive(false, &own),
        Err(refusal) => return explain(&refusal, wish.words()).0.into_response(),
    };
    answer.at(state.venue.as_deref()).respond()
}

/// Any other path of the portal's own.
pub(super) async fn unknown_path(State(state): State<Arc<PortalState>>, wish: Wish) -> Response {
    missing(&state, wish)
}

/// A method that the path does not have.
pub(super) async fn wrong_method(State(state): State<Arc<PortalState>>, wish: Wish) -> Response {
    let note = Note::new(state.dress(), wish.words(), "heading-wrong-method", "wrong-method");
    note.respond(StatusCode::METHOD_NOT_ALLOWED)
}

pub(super) fn missing(state: &PortalState, wish: Wish) -> Response {
    let note = Note::new(state.dress(), wish.words(), "heading-missing", "missing");
    note.respond(StatusCode::NOT_FOUND)
}

pub(super) const fn is_stranger(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::UnknownDevice | Refusal::NotInAZone)
}

pub(super) fn unseen(state: &PortalState, wish: Wish, refusal: &Refusal) -> Response {
    if is_stranger(refusal) {
        let scene = Scene::bare(Standing::Stranger);
        let mut page = Page::of(state.dress(), &scene, state.handle.now().boot, wish.words());
        page.home = wish.home();
        let mut response = page.respond(StatusCode::FORBIDDEN);
        response.headers_mut().extend(wish.kept().map(|kept| (header::SET_COOKIE, kept)));
        return response;
    }
    unavailable(state, wish, refusal)
}

fn unavailable(state: &PortalState, wish: Wish, refusal: &Refusal) -> Response {
    let t = wish.words();
    let (status, trouble) = explain(refusal, t);
    Note::with(state.dress(), t, "heading-moment", &trouble.text).respond(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_in_the_address_is_no_reason_to_make_the_page_anew() {
        let asked = |name: &str, value: &str| Asked::of(vec![(name.to_owned(), value.to_owned())]);
        for nothing in [asked("lang", "ar"), asked("utm_source", "ar"), asked("code", &"x".repeat(65))] {
            assert_eq!(nothing, Asked::default());
        }
        assert!(asked("still", "").still && asked("code", "AB-12").code.as_deref() == Some("AB-12"));
    }
}
