use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, Modify};
use super::sessions::{one, read_id};
use super::under::Under;
use crate::domain::ClientSession;
use crate::domain::sessions_mgr::RolePatch;
use crate::http::{JsonBody, PathPart, Problem};
use crate::wares::read_roles;

/// Reads roles to add and to take away; at least one.
pub(super) fn read_patch(
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
) -> Result<RolePatch, Problem> {
    let add = read_roles("add", add.unwrap_or_default())?;
    let remove = read_roles("remove", remove.unwrap_or_default())?;
    if add.is_empty() && remove.is_empty() {
        return Err(Problem::invalid_field("add", "name at least one role to add or to remove"));
    }
    Ok(RolePatch { add, remove })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
}

/// `POST /api/v1/sessions/{id}/roles`: the session; acts at once on a running one.
pub(super) async fn change(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<Roles>,
) -> Result<Response, Problem> {
    let patch = read_patch(body.add, body.remove)?;
    let by = allowed.caller.doing("session.roles", "");
    let session = under.handle(&state, by).change_roles(read_id(&id)?, patch).await?;
    Ok(one(&session))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Principal {
    principal: Option<String>,
}

/// `POST /api/v1/sessions/{id}/principal`: says who is behind a session; `null` or nothing is nobody.
pub(super) async fn principal(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<Principal>,
) -> Result<Response, Problem> {
    let principal = ClientSession::read_principal(body.principal.as_deref().unwrap_or_default())
        .map_err(|text| Problem::invalid_field("principal", text))?;
    let by = allowed.caller.doing("session.principal", "");
    let session = under.handle(&state, by).set_principal(read_id(&id)?, principal).await?;
    Ok(one(&session))
}
