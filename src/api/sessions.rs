use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, Modify, View};
use super::devices::find;
use super::shapes::SessionShape;
use super::terms::TermsChange;
use super::under::{Under, shown};
use crate::domain::{ClientSession, CloseReason, Refusal, SessionId, Tag, Text};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::wares::NewTerms;

pub(super) fn read_id(id: &str) -> Result<SessionId, Problem> {
    id.parse().map_err(|_| Refusal::UnknownSession.into())
}

/// `POST /api/v1/devices/{dev}/sessions`.
pub(super) async fn create(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(body): JsonBody<NewTerms>,
) -> Result<Response, Problem> {
    let device = find(&state, &dev).await?;
    let by = allowed.caller.doing("session.create", "");
    let session = under.handle(&state, by).create_session(device.id, body.check()?).await?;
    Ok(created(&session))
}

/// The answer that a session was made: 201 with its place.
pub(super) fn created(session: &ClientSession) -> Response {
    let place = format!("/api/v1/sessions/{}", session.id);
    (StatusCode::CREATED, [(header::LOCATION, place)], one(session)).into_response()
}

/// One session, with its tag.
pub(super) fn one(session: &ClientSession) -> Response {
    ([(header::ETAG, shown(Tag::of_session(session)))], Json(SessionShape::new(session))).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CurrentQuery {
    usable: Option<bool>,
}

/// `GET /api/v1/devices/{dev}/session`: the running one; with `?usable=true` any that it could use, also one that a
/// provider offers. 404 if there is none.
pub(super) async fn current(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    QueryParams(query): QueryParams<CurrentQuery>,
) -> Result<Response, Problem> {
    let device = find(&state, &dev).await?;
    let session = if query.usable == Some(true) {
        state.handle.get_session(device.id).await?
    } else {
        state.handle.curr_session(device.id).await?
    };
    let none = || Problem::unknown("no-session", "No session", "this device has no such session now");
    session.as_ref().map(one).ok_or_else(none)
}

/// `GET /api/v1/sessions/{id}`.
pub(super) async fn get(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Response, Problem> {
    let session = state.handle.session(read_id(&id)?).await?;
    Ok(one(&session))
}

/// `PATCH /api/v1/sessions/{id}`: acts at once on a running session.
pub(super) async fn change(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<TermsChange>,
) -> Result<Response, Problem> {
    let id = read_id(&id)?;
    let by = allowed.caller.doing("session.change", "");
    let session = under.handle(&state, by).update_session(id, body.check()?).await?;
    Ok(one(&session))
}

/// `DELETE /api/v1/sessions/{id}`: a running one is cut off first.
pub(super) async fn delete(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<StatusCode, Problem> {
    let id = read_id(&id)?;
    under.handle(&state, allowed.caller.doing("session.delete", "")).delete_session(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    reason: Option<String>,
}

/// `POST /api/v1/sessions/{id}/close`: closing what is closed changes nothing.
pub(super) async fn close(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<Close>,
) -> Result<Response, Problem> {
    let text = Text::new(body.reason.as_deref().unwrap_or(""));
    let handle = under.handle(&state, allowed.caller.doing("session.close", text.as_str()));
    let session = handle.close_session(read_id(&id)?, CloseReason::Operator, text).await?;
    Ok(one(&session))
}
