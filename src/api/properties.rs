use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Modify, View};
use super::sessions::read_id;
use super::under::Under;
use crate::domain::{FixedKey, PropertyPatch, Select};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};

/// Properties as bodies hold them: `null` is not set, or to be deleted.
pub(super) type FlatMap = BTreeMap<String, Option<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    keys: Option<String>,
}

/// Reads which properties are wanted; all if that is not said.
pub(super) fn read_select(field: &str, text: Option<&str>) -> Result<Select, Problem> {
    let Some(text) = text else { return Ok(Select::everything()) };
    Select::parse(text)
        .ok_or_else(|| Problem::invalid_field(field, format!("at most {} names", Select::MAX_NAMES)))
}

/// `GET /api/v1/sessions/{id}/properties?keys=`: the flat map. What is asked for by name, or fixed, and not set is `null`.
pub(super) async fn get(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    QueryParams(query): QueryParams<Keys>,
) -> Result<Json<FlatMap>, Problem> {
    let wanted = read_select("keys", query.keys.as_deref())?;
    let found = state.handle.properties(read_id(&id)?, wanted.clone()).await?;
    let mut map: FlatMap = wanted.names.iter().map(|name| (name.clone(), None)).collect();
    if wanted.all_fixed {
        map.extend(FixedKey::ALL.iter().map(|key| (key.as_str().to_owned(), None)));
    }
    map.extend(found.into_iter().map(|(key, value)| (key.into_owned(), Some(value))));
    Ok(Json(map))
}

/// The properties that were named, as they were before.
#[derive(Debug, Serialize)]
pub(super) struct Previous {
    previous: FlatMap,
}

/// Reads properties to set and to delete.
pub(super) fn read_patch(body: FlatMap) -> Result<PropertyPatch, Problem> {
    PropertyPatch::new(body).map_err(|error| crate::domain::Refusal::from(error).into())
}

/// `PATCH /api/v1/sessions/{id}/properties`: sets, and deletes with `null`.
pub(super) async fn change(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<FlatMap>,
) -> Result<Json<Previous>, Problem> {
    let patch = read_patch(body)?;
    let by = allowed.caller.doing("session.properties", "");
    let previous = under.handle(&state, by).set_properties(read_id(&id)?, patch).await?;
    Ok(Json(Previous { previous }))
}
