use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::filters::read_filter;
use super::list::{Page, Paging, read_sort};
use super::search::Search;
use super::shapes::{DeviceShape, standing};
use crate::domain::{ClientDevice, DeviceView};
use crate::http::{Problem, QueryParams};
use crate::store::Direction;

#[derive(Debug, Clone, Copy)]
pub(super) enum SortKey {
    Id,
    Mac,
    Hostname,
    Alias,
    Status,
    Zone,
    FirstSeen,
    LastSeen,
}

pub(super) const SORT_KEYS: [(SortKey, &str); 8] = [
    (SortKey::Id, "id"),
    (SortKey::Mac, "mac"),
    (SortKey::Hostname, "hostname"),
    (SortKey::Alias, "alias"),
    (SortKey::Status, "status"),
    (SortKey::Zone, "zone"),
    (SortKey::FirstSeen, "first_seen"),
    (SortKey::LastSeen, "last_seen"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    filter: Option<String>,
    q: Option<String>,
    sort: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// A device, and whether it is let through.
type Row = (Arc<ClientDevice>, bool);

/// `GET /api/v1/devices`. A filter looks at the properties of the session that a device runs, or else would run; of a
/// device without one, at those that say something of a device.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<DeviceShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let key = |name: &str| SORT_KEYS.iter().find(|(_, known)| *known == name).map(|(key, _)| *key);
    let sort = read_sort(query.sort.as_deref(), key, &SORT_KEYS.map(|(_, name)| name))?;
    let filter = query.filter.as_deref().filter(|text| !text.is_empty());
    let filter = filter.map(|text| read_filter("filter", text)).transpose()?;
    let search = Search::read(query.q.as_deref());
    let all = state.handle.device_snapshot().await?;
    let mut found: Vec<Row> = Vec::new();
    for (device, session) in &all.devices {
        let session = session.as_deref();
        let connected = session.is_some_and(crate::domain::ClientSession::is_running);
        let found_by = |search: &Search| {
            search.finds_device(device)
                || search.is(standing(device, connected).as_str())
                || session.is_some_and(|session| search.finds_session(session))
        };
        let selects = |filter: &crate::domain::Filter| {
            filter.matches(&DeviceView::new(device, session, &all.policies, all.now))
        };
        if search.as_ref().is_none_or(found_by) && filter.as_ref().is_none_or(selects) {
            found.push((Arc::clone(device), connected));
        }
    }
    // The newest first, then as asked: the sort is stable.
    found.sort_by(|(a, _), (b, _)| b.first_seen.cmp(&a.first_seen).then_with(|| b.id.cmp(&a.id)));
    found.sort_by(|a, b| {
        sort.iter()
            .map(|(key, direction)| match direction {
                Direction::Ascending => compare(*key, a, b),
                Direction::Descending => compare(*key, b, a),
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    let page = paging.cut(found);
    let items = page.items.iter().map(|(device, connected)| DeviceShape::new(device, *connected)).collect();
    Ok(Json(paging.of(items, page.total)))
}

fn compare(key: SortKey, (a, a_on): &Row, (b, b_on): &Row) -> Ordering {
    match key {
        SortKey::Id => a.id.cmp(&b.id),
        SortKey::Mac => a.mac.cmp(&b.mac),
        SortKey::Hostname => a.hostname.cmp(&b.hostname),
        SortKey::Alias => a.alias.cmp(&b.alias),
        SortKey::Status => standing(a, *a_on).as_str().cmp(standing(b, *b_on).as_str()),
        SortKey::Zone => a.zone.cmp(&b.zone),
        SortKey::FirstSeen => a.first_seen.cmp(&b.first_seen),
        SortKey::LastSeen => a.last_seen.cmp(&b.last_seen),
    }
}
