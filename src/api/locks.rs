use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Locker, View};
use super::devices::find;
use super::list::{Page, Paging};
use super::shapes::time;
use super::status::PageQuery;
use super::under::Under;
use crate::domain::{LockName, LockScope, LockStatus, Refusal};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};

/// Where locks are asked for.
pub(super) const PLACE: &str = "/api/v1/locks";
/// The longest wait for a lock, in seconds.
pub(super) const MAX_WAIT_SECS: f64 = 3600.0;
/// What a request that waits may take: the longest wait, and the rest.
const PATIENCE: Duration = Duration::from_secs(3600 + 30);

/// How long a request may take, if it is one that waits: for [`crate::http::Limits::patience`].
pub fn patience(request: &Request<Body>) -> Option<Duration> {
    (request.method() == Method::POST && request.uri().path() == PLACE).then_some(PATIENCE)
}

/// A lock as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct LockShape {
    name: String,
    owner: String,
    owner_kind: &'static str,
    scope: &'static str,
    acquired_at: Option<String>,
    waiting: Vec<WaiterShape>,
}

/// Somebody in line for it, the next one first.
#[derive(Debug, Serialize)]
struct WaiterShape {
    owner: String,
    owner_kind: &'static str,
    scope: &'static str,
    since: Option<String>,
}

impl LockShape {
    fn new(lock: &LockStatus) -> Self {
        let waiting = lock.waiters.iter().map(|waiter| WaiterShape {
            owner: waiter.owner.id(),
            owner_kind: waiter.owner.kind(),
            scope: waiter.scope.as_str(),
            since: time(waiter.since),
        });
        Self {
            name: lock.name.to_string(),
            owner: lock.owner.id(),
            owner_kind: lock.owner.kind(),
            scope: lock.scope.as_str(),
            acquired_at: time(lock.since),
            waiting: waiting.collect(),
        }
    }
}

/// `GET /api/v1/locks`: those that are held, by name.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Page<LockShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let page = paging.cut(state.handle.locks());
    let items = page.items.iter().map(LockShape::new).collect();
    Ok(Json(paging.of(items, page.total)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    name: String,
    device: String,
    scope: Option<String>,
    wait_secs: Option<f64>,
}

impl Wish {
    fn scope(&self) -> Result<LockScope, Problem> {
        let Some(name) = &self.scope else { return Ok(LockScope::SessionLoss) };
        LockScope::parse(name).ok_or_else(|| {
            let names = [LockScope::SessionLoss, LockScope::ConnectionLoss].map(LockScope::as_str);
            Problem::invalid_field("scope", format!("must be {}", names.join(" or ")))
        })
    }

    /// `None` if the caller does not wait at all.
    fn wait(&self) -> Result<Option<Duration>, Problem> {
        let secs = self.wait_secs.unwrap_or(0.0);
        if !(0.0..=MAX_WAIT_SECS).contains(&secs) {
            let text = format!("must be between 0 and {MAX_WAIT_SECS}");
            return Err(Problem::invalid_field("wait_secs", text));
        }
        Ok((secs > 0.0).then(|| Duration::from_secs_f64(secs)))
    }
}

/// `POST /api/v1/locks`: 201 with the lock, or 200 if the device held it before. With `wait_secs` the answer may take so
/// long; a caller that hangs up gives up its wait.
pub(super) async fn acquire(
    locker: Locker,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(wish): JsonBody<Wish>,
) -> Result<Response, Problem> {
    under.untagged()?;
    let name: LockName = wish.name.parse().map_err(|error| Problem::invalid_field("name", error))?;
    locker.may_acquire(&name)?;
    let (scope, wait) = (wish.scope()?, wish.wait()?);
    let device = find(&state, &wish.device).await?;
    let lock = state.handle.acquire_lock(&name, device.id, scope, wait).await?;
    if lock.is_changed {
        let details = format!("device {}, {}", device.id, lock.status.scope.as_str());
        state.audit.note(&locker.caller, state.handle.now().wall, "lock.acquire", &name, &details).await;
    }
    let status = if lock.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(LockShape::new(&lock.status))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseQuery {
    device: Option<String>,
}

/// `DELETE /api/v1/locks/{name…}`: whoever holds it, or only if this device does.
pub(super) async fn release(
    locker: Locker,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    QueryParams(query): QueryParams<ReleaseQuery>,
) -> Result<StatusCode, Problem> {
    let name: LockName = name.parse().map_err(|_| Refusal::LockNotHeld("nobody holds"))?;
    locker.may_acquire(&name)?;
    under.untagged()?;
    let device = match &query.device {
        Some(dev) => Some(find(&state, dev).await?.id),
        None => None,
    };
    let owner = state.handle.release_lock(&name, device)?;
    let details = owner.to_string();
    state.audit.note(&locker.caller, state.handle.now().wall, "lock.release", &name, &details).await;
    Ok(StatusCode::NO_CONTENT)
}
