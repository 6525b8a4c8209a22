use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, Modify};
use super::sessions::{one, read_id};
use super::under::Under;
use crate::domain::roles;
use crate::domain::sessions_mgr::RolePatch;
use crate::http::{JsonBody, PathPart, Problem};

/// The most names in one list.
pub(super) const MAX_NAMES: usize = 64;

/// Reads a list of role names; one that cannot be is named.
pub(super) fn read(field: &str, names: Vec<String>) -> Result<BTreeSet<String>, Problem> {
    if names.len() > MAX_NAMES {
        return Err(Problem::invalid_field(field, format!("at most {MAX_NAMES} roles")));
    }
    for name in &names {
        if let Err(error) = roles::check(name) {
            return Err(Problem::invalid_field(field, error));
        }
    }
    Ok(names.into_iter().collect())
}

/// Reads roles to add and to take away; at least one.
pub(super) fn read_patch(
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
) -> Result<RolePatch, Problem> {
    let add = read("add", add.unwrap_or_default())?;
    let remove = read("remove", remove.unwrap_or_default())?;
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

/// The longest name of an account.
pub(super) const MAX_PRINCIPAL_CHARS: usize = 200;

/// `POST /api/v1/sessions/{id}/principal`: says who is behind a session; `null` or nothing is nobody.
pub(super) async fn principal(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<Principal>,
) -> Result<Response, Problem> {
    let principal = body.principal.filter(|name| !name.is_empty());
    let fits =
        |name: &String| name.chars().count() <= MAX_PRINCIPAL_CHARS && !name.contains(char::is_control);
    if principal.as_ref().is_some_and(|name| !fits(name)) {
        let text = format!("at most {MAX_PRINCIPAL_CHARS} characters, none of them a control character");
        return Err(Problem::invalid_field("principal", text));
    }
    let by = allowed.caller.doing("session.principal", "");
    let session = under.handle(&state, by).set_principal(read_id(&id)?, principal).await?;
    Ok(one(&session))
}
