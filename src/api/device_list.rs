use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::filters::read_filter;
use super::list::{Page, Paging, read_sort};
use super::shapes::DeviceShape;
use crate::http::{Problem, QueryParams};
use crate::runtime::{DeviceKey, DeviceList};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    filter: Option<String>,
    q: Option<String>,
    sort: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/devices`. A filter looks at the properties of the session that a device runs, or else would run; of a
/// device without one, at those that say something of a device.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<DeviceShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let names = DeviceKey::ALL.map(|(_, name)| name);
    let filter = query.filter.as_deref().filter(|text| !text.is_empty());
    let wanted = DeviceList {
        status: None,
        sort: read_sort(query.sort.as_deref(), DeviceKey::from_name, &names)?,
        filter: filter.map(|text| read_filter("filter", text)).transpose()?,
        q: query.q,
        page: paging.page,
        per_page: paging.per_page,
    };
    let (found, total) = state.handle.list_devices(&wanted).await?;
    let items = found.iter().map(|listed| DeviceShape::new(&listed.device, listed.is_connected())).collect();
    Ok(Json(paging.of(items, total)))
}
