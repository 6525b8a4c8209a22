use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::list::{Page, Paging};
use super::shapes::time;
use super::status::PageQuery;
use crate::http::{Problem, QueryParams};
use crate::runtime::{Provided, Provides};

/// Who provides it.
pub(super) const KINDS: [&str; 3] = ["built-in", "plugin", "absent"];

/// A session provider, an authenticator, or a plugin that is neither at present.
#[derive(Debug, Default, Serialize)]
pub(super) struct ProviderShape {
    name: String,
    provides: &'static str,
    title: Option<String>,
    kind: &'static str,
    plugin: Option<String>,
    state: &'static str,
    since: Option<String>,
    pid: Option<u32>,
    restarts: u32,
    asked: u64,
    failed: u64,
    last_error: Option<String>,
}

impl From<Provided> for ProviderShape {
    fn from(provided: Provided) -> Self {
        let Provided { name, provides, title, is_there, status, plugin } = provided;
        let title = title.map(|title| title.to_string());
        let shape = Self { name, provides: provides.as_str(), title, ..Self::default() };
        let own = status.as_ref().and_then(|status| status.last_error.as_ref()).map(ToString::to_string);
        match (plugin, is_there) {
            (Some(plugin), true) => Self {
                kind: "plugin",
                plugin: Some(plugin.name),
                state: plugin.state.as_str(),
                since: time(plugin.since),
                pid: plugin.pid,
                restarts: plugin.restarts,
                asked: plugin.asked,
                failed: plugin.failed,
                last_error: own.or(plugin.last_error.map(|error| error.to_string())),
                ..shape
            },
            (_, false) => Self { kind: "absent", state: "absent", ..shape },
            (None, true) => {
                let (asked, failed) = status.map_or((0, 0), |status| (status.asked, status.failed));
                Self { kind: "built-in", state: "running", asked, failed, last_error: own, ..shape }
            }
        }
    }
}

/// `GET /api/v1/providers`: the session providers in the order they are asked, then the authenticators in theirs, then
/// plugins that have registered neither.
pub(super) async fn providers(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Page<ProviderShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let mut items: Vec<ProviderShape> =
        state.handle.registry().overview().into_iter().map(ProviderShape::from).collect();
    // Those that are never asked stand behind those that are.
    let place = items.iter().take_while(|item| item.provides == Provides::Sessions.as_str()).count();
    let is_known = |name: &str| items.iter().take(place).any(|item| item.name == name);
    let unasked: Vec<ProviderShape> = state
        .providers
        .iter()
        .filter(|name| !is_known(name.as_str()))
        .map(|name| {
            let (name, provides) = (name.to_string(), Provides::Sessions.as_str());
            ProviderShape { name, provides, kind: "built-in", state: "running", ..ProviderShape::default() }
        })
        .collect();
    items.splice(place..place, unasked);
    Ok(Json(paging.cut(items)))
}
