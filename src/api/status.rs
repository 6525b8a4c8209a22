use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::shapes::time;
use crate::http::Problem;
use crate::store::SessionQuery;

/// How the whole is doing.
#[derive(Debug, Serialize)]
pub(super) struct StatusShape {
    version: &'static str,
    started_at: Option<String>,
    uptime_secs: u64,
    devices: usize,
    connected: usize,
    usable_sessions: usize,
    /// How many sessions there are in each state.
    sessions: std::collections::BTreeMap<&'static str, u64>,
    repairs: u64,
    warnings: Vec<String>,
}

/// The names of the states of a session.
pub(super) const STATES: [&str; 6] = ["available", "running", "paused", "consumed", "expired", "closed"];

/// `GET /api/v1/status`.
pub(super) async fn status(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
) -> Result<Json<StatusShape>, Problem> {
    let status = state.handle.status().await?;
    let mut sessions = std::collections::BTreeMap::new();
    for name in STATES {
        let query = SessionQuery { state: Some(name.to_owned()), page: 1, per_page: 1, ..Default::default() };
        let (_, total) =
            state.store.page_sessions(&query).await.map_err(|error| Problem::internal(&error))?;
        sessions.insert(name, total);
    }
    Ok(Json(StatusShape {
        version: env!("CARGO_PKG_VERSION"),
        started_at: time(status.started_at),
        uptime_secs: status.uptime_secs,
        devices: status.devices,
        connected: status.connected,
        usable_sessions: status.usable_sessions,
        sessions,
        repairs: status.repairs,
        warnings: status.warnings,
    }))
}

/// `GET /healthz`: whether the sessions manager and the store answer. Says nothing else: it needs no token.
pub(super) async fn healthz(State(state): State<ApiState>) -> Result<Json<serde_json::Value>, Problem> {
    state.handle.status().await?;
    state.store.ping().await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(serde_json::json!({ "status": "ok" })))
}

/// The parameters of a list that has no others.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    pub(super) page: Option<String>,
    pub(super) per_page: Option<String>,
}
