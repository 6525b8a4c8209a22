use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::ApiState;
use super::auth::{Allowed, View};
use super::shapes::time;
use crate::domain::{Refusal, SessionState};
use crate::http::Problem;
use crate::store::SessionQuery;
use crate::tls::Identity;

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
    /// What our listeners show over TLS.
    certificates: Vec<CertificateShape>,
    zones: Vec<ZoneShape>,
    warnings: Vec<String>,
}

/// A zone.
#[derive(Debug, Serialize)]
struct ZoneShape {
    name: String,
    online: usize,
    /// Whether it is open, by its opening hours.
    open: bool,
    /// When that changes next.
    changes_at: Option<String>,
}

/// A certificate that one of our listeners shows.
#[derive(Debug, Serialize)]
struct CertificateShape {
    listener: &'static str,
    sha256: String,
    self_signed: bool,
    ends_at: Option<String>,
}

/// Which listener shows which certificate.
#[derive(Debug, Clone)]
pub struct ShownCertificate {
    /// `portal` or `admin`.
    pub listener: &'static str,
    /// What it shows now.
    pub identity: Identity,
}

/// The listeners that can speak TLS.
pub(super) const LISTENERS: [&str; 2] = ["portal", "admin"];

/// The names of the states of a session.
pub(super) const STATES: [&str; 6] = SessionState::NAMES;

/// `GET /api/v1/status`.
pub(super) async fn status(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
) -> Result<Json<StatusShape>, Problem> {
    let status = state.handle.status().await?;
    let mut sessions = std::collections::BTreeMap::new();
    for name in STATES {
        let query = SessionQuery { state: Some(name.to_owned()), page: 1, per_page: 1, ..Default::default() };
        let (_, total) = state.store.page_sessions(&query).await.map_err(Refusal::from)?;
        sessions.insert(name, total);
    }
    let online = state.handle.zones_online().await?;
    let zones = state.handle.openings().await?.into_iter().map(|(zone, opening)| ZoneShape {
        online: online.iter().find(|(name, _)| *name == zone).map_or(0, |(_, count)| *count),
        name: zone.to_string(),
        open: opening.is_open,
        changes_at: opening.changes_at.and_then(time),
    });
    Ok(Json(StatusShape {
        version: env!("CARGO_PKG_VERSION"),
        started_at: time(status.started_at),
        uptime_secs: status.uptime_secs,
        devices: status.devices,
        connected: status.connected,
        usable_sessions: status.usable_sessions,
        sessions,
        repairs: status.repairs,
        certificates: state.certificates.iter().map(certificate).collect(),
        zones: zones.collect(),
        warnings: status.warnings,
    }))
}

fn certificate(shown: &ShownCertificate) -> CertificateShape {
    let facts = shown.identity.facts();
    CertificateShape {
        listener: shown.listener,
        sha256: facts.sha256,
        self_signed: facts.is_own,
        ends_at: time(facts.ends),
    }
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
