use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::devices::find;
use super::filters::read_filter;
use super::list::{Page, Paging, read_name, read_sort};
use super::search::Search;
use super::shapes::SessionShape;
use super::status::STATES;
use crate::domain::{ClientDevice, ClientSession, DeviceId, Filter, SessionId, SessionView};
use crate::http::{PathPart, Problem, QueryParams};
use crate::store::{SessionQuery, SortKey};

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
    let wanted = Wanted {
        device,
        state: read_name("state", query.state.as_deref(), &STATES.map(|name| (name, name)))?,
        filter: query
            .filter
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(|text| read_filter("filter", text))
            .transpose()?,
        search: Search::read(query.q.as_deref()),
    };
    let (live, q_devices) =
        if wanted.is_everything() { (None, Vec::new()) } else { wanted.live(state).await? };
    let query = SessionQuery {
        device,
        gateway: state.handle.policies().await?.gateway.clone(),
        filter: wanted.filter,
        live,
        q: query.q.clone().filter(|_| wanted.search.is_some()),
        q_devices,
        state: wanted.state.map(str::to_owned),
        sort,
        page: paging.page,
        per_page: paging.per_page,
    };
    let (sessions, total) =
        state.store.page_sessions(&query).await.map_err(|error| Problem::internal(&error))?;
    let sessions = state.handle.freshen(sessions).await?;
    Ok(Json(paging.of(sessions.iter().map(SessionShape::new).collect(), total)))
}

/// Which sessions are asked for.
struct Wanted {
    device: Option<DeviceId>,
    state: Option<&'static str>,
    filter: Option<Filter>,
    search: Option<Search>,
}

impl Wanted {
    fn is_everything(&self) -> bool {
        self.state.is_none() && self.filter.is_none() && self.search.is_none()
    }

    /// Of the sessions that are not over, those that are asked for; and the devices whose addresses the text finds. What the
    /// store has of them is as old as the last flush, and it knows no addresses.
    async fn live(&self, state: &ApiState) -> Result<(Option<Vec<SessionId>>, Vec<DeviceId>), Problem> {
        let now = state.handle.snapshot().await?;
        let found = now.views().filter(|(session, device, view)| self.selects(session, device, view));
        let ids = found.map(|(session, ..)| session.id).collect();
        let Some(search) = &self.search else { return Ok((Some(ids), Vec::new())) };
        let all = state.handle.device_snapshot().await?;
        let found = all.devices.iter().filter(|(device, _)| search.finds_address(device));
        Ok((Some(ids), found.map(|(device, _)| device.id).collect()))
    }

    fn selects(&self, session: &ClientSession, device: &ClientDevice, view: &SessionView<'_>) -> bool {
        self.device.is_none_or(|id| id == device.id)
            && self.state.is_none_or(|state| session.state.as_str() == state)
            && self
                .search
                .as_ref()
                .is_none_or(|search| search.finds_session(session) || search.finds_device(device))
            && self.filter.as_ref().is_none_or(|filter| filter.matches(view))
    }
}
