use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::list::{Page, Paging};
use super::shapes::time;
use super::status::PageQuery;
use crate::http::{Problem, QueryParams};
use crate::runtime::PluginStatus;

/// What may be provided.
pub(super) const PROVIDES: [&str; 3] = ["sessions", "authentication", "nothing"];
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

impl ProviderShape {
    fn new(name: &str, provides: &'static str, plugin: Option<&PluginStatus>) -> Self {
        let shape = Self { name: name.to_owned(), provides, ..Self::default() };
        let Some(plugin) = plugin else { return Self { kind: "built-in", state: "running", ..shape } };
        Self {
            kind: "plugin",
            plugin: Some(plugin.name.clone()),
            state: plugin.state.as_str(),
            since: time(plugin.since),
            pid: plugin.pid,
            restarts: plugin.restarts,
            asked: plugin.asked,
            failed: plugin.failed,
            last_error: plugin.last_error.as_ref().map(ToString::to_string),
            ..shape
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
    let registry = state.handle.registry();
    let plugins = registry.plugins().all();
    let mut items = Vec::new();
    let known = registry.status();
    for status in &known {
        let plugin = plugins.iter().find(|plugin| plugin.providers.contains(&status.name));
        let mut shape = ProviderShape::new(status.name.as_str(), "sessions", plugin);
        let face = registry.provider(&status.name).and_then(|provider| provider.face());
        shape.title = face.map(|face| face.title.to_string());
        if plugin.is_none() {
            (shape.asked, shape.failed) = (status.asked, status.failed);
        }
        let last_error = status.last_error.as_ref().map(ToString::to_string);
        shape.last_error = last_error.or(shape.last_error);
        items.push(shape);
    }
    let unasked = state.providers.iter().filter(|name| !known.iter().any(|status| status.name == **name));
    items.extend(unasked.map(|name| ProviderShape::new(name.as_str(), "sessions", None)));
    for (name, is_there) in registry.authenticators().names() {
        let plugin = plugins.iter().find(|plugin| plugin.authenticators.contains(&name));
        let mut shape = ProviderShape::new(&name, "authentication", plugin);
        if !is_there {
            (shape.kind, shape.state) = ("absent", "absent");
        }
        items.push(shape);
    }
    let idle =
        plugins.iter().filter(|plugin| plugin.providers.is_empty() && plugin.authenticators.is_empty());
    items.extend(idle.map(|plugin| ProviderShape::new(&plugin.name, "nothing", Some(plugin))));
    Ok(Json(paging.cut(items)))
}
