use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::devices::find;
use super::filters::read_filter;
use super::list::{Page, Paging, read_name, read_sort};
use super::shapes::SessionShape;
use super::status::STATES;
use crate::domain::DeviceId;
use crate::http::{PathPart, Problem, QueryParams};
use crate::runtime::SessionList;
use crate::store::SortKey;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    filter: Option<String>,
    q: Option<String>,
    state: Option<String>,
    sort: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/sessions`: those that are not over and those that are.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<SessionShape>>, Problem> {
    page(&state, None, &query).await
}

/// `GET /api/v1/devices/{dev}/sessions`: the same of one device.
pub(super) async fn list_of_device(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<SessionShape>>, Problem> {
    let device = find(&state, &dev).await?;
    page(&state, Some(device.id), &query).await
}

async fn page(
    state: &ApiState,
    device: Option<DeviceId>,
    query: &ListQuery,
) -> Result<Json<Page<SessionShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let names: Vec<&str> = SortKey::ALL.iter().map(|(_, name)| *name).collect();
    let sort = read_sort(query.sort.as_deref(), SortKey::from_name, &names)?;
    let filter = query.filter.as_deref().filter(|text| !text.is_empty());
    let wanted = SessionList {
        device,
        state: read_name("state", query.state.as_deref(), &STATES.map(|name| (name, name)))?,
        filter: filter.map(|text| read_filter("filter", text)).transpose()?,
        q: query.q.clone(),
        sort,
        page: paging.page,
        per_page: paging.per_page,
    };
    let (sessions, total) = state.handle.list_sessions(&wanted).await?;
    Ok(Json(paging.of(sessions.iter().map(SessionShape::new).collect(), total)))
}
