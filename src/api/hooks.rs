//! Webhooks. All of it needs `admin`: a hook outlives the token that made it, has this box send requests into its own
//! networks, and its address may be a secret itself.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Administer, Allowed};
use super::list::{Page, Paging};
use super::once::NotKept;
use super::shapes::time;
use super::status::PageQuery;
use super::under::Under;
use crate::domain::{Hook, HookFieldError, HookFields, HookId, HookSecret, Refusal};
use crate::hooks::Tried;
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{HookConflict, KeptHook, MAX_HOOKS, StoreError};
use crate::wares::null_is_some;

/// How much of a receiver's answer a test shows, in bytes.
const SHOWN_ANSWER: usize = 2_000;

fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// A hook as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct HookShape {
    id: String,
    name: String,
    url: String,
    filter: Option<String>,
    kinds: Vec<&'static str>,
    properties: Vec<String>,
    enabled: bool,
    created_at: Option<String>,
    waiting: u64,
    delivered: u64,
    delivered_at: Option<String>,
    dropped: u64,
    failures: u64,
    failed_at: Option<String>,
    last_error: Option<String>,
    /// Only in the answer that it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl HookShape {
    fn new(kept: &KeptHook) -> Self {
        let KeptHook { hook, standing, .. } = kept;
        Self {
            id: hook.id.to_string(),
            name: hook.name.to_string(),
            url: hook.url.to_string(),
            filter: hook.filter.as_ref().map(ToString::to_string),
            kinds: hook.kinds.names(),
            properties: hook.properties.names().into_iter().map(str::to_owned).collect(),
            enabled: hook.enabled,
            created_at: time(kept.created_at),
            waiting: standing.waiting,
            delivered: standing.delivered,
            delivered_at: standing.delivered_at.and_then(time),
            dropped: standing.dropped,
            failures: standing.failures,
            failed_at: standing.failed_at.and_then(time),
            last_error: standing.last_error.as_ref().map(ToString::to_string),
            secret: None,
        }
    }
}

/// `GET /api/v1/hooks`.
pub(super) async fn list(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Page<HookShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let hooks = state.store.hooks().await.map_err(store_failed)?;
    Ok(Json(paging.cut(hooks.iter().map(HookShape::new).collect())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewHook {
    name: String,
    url: String,
    secret: Option<String>,
    filter: Option<String>,
    kinds: Option<Vec<String>>,
    properties: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// `POST /api/v1/hooks`: the only answer that holds the secret.
pub(super) async fn create(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewHook>,
) -> Result<Response, Problem> {
    let once = under.untagged()?;
    let mut fields = HookFields {
        name: Some(&body.name),
        url: Some(&body.url),
        secret: body.secret.as_deref(),
        filter: Some(body.filter.as_deref()),
        kinds: names(&body.kinds),
        properties: names(&body.properties),
        enabled: body.enabled,
    }
    .read()
    .map_err(wrong)?;
    let secret = match fields.secret.take() {
        Some(secret) => secret,
        None => {
            let mut bytes = [0; HookSecret::RANDOM_BYTES];
            getrandom::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
            HookSecret::of_random(bytes)
        }
    };
    let hook = Hook::new(HookId::new(uuid::Uuid::now_v7()), fields).ok_or_else(unknown)?;
    let now = state.handle.now().wall;
    let made = state.store.create_hook(&hook, &secret, now, once.as_ref()).await.map_err(store_failed)?;
    let made = made.map_err(refused)?;
    state.told_of_hooks();
    state.audit.note(&allowed.caller, now, "hook.create", hook.id, &hook.brief()).await;
    let mut shape = HookShape::new(&made);
    shape.secret = Some(secret.as_str().to_owned());
    let mut response = (StatusCode::CREATED, Json(shape)).into_response();
    let place = HeaderValue::try_from(format!("/api/v1/hooks/{}", hook.id));
    response.headers_mut().insert(header::LOCATION, place.map_err(|error| Problem::internal(&error))?);
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// `GET /api/v1/hooks/{id}`.
pub(super) async fn get(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Json<HookShape>, Problem> {
    Ok(Json(HookShape::new(&find(&state, &id).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedHook {
    name: Option<String>,
    url: Option<String>,
    secret: Option<String>,
    /// `null`: of all sessions.
    #[serde(default, deserialize_with = "null_is_some")]
    filter: Option<Option<String>>,
    kinds: Option<Vec<String>>,
    properties: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// `PATCH /api/v1/hooks/{id}`.
pub(super) async fn change(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<ChangedHook>,
) -> Result<Json<HookShape>, Problem> {
    // Carried out twice it is what it is carried out once.
    under.untagged()?;
    let id = read_id(&id)?;
    let patch = HookFields {
        name: body.name.as_deref(),
        url: body.url.as_deref(),
        secret: body.secret.as_deref(),
        filter: body.filter.as_ref().map(|filter| filter.as_deref()),
        kinds: names(&body.kinds),
        properties: names(&body.properties),
        enabled: body.enabled,
    };
    let patch = patch.read().map_err(wrong)?;
    let has_secret = patch.secret.is_some();
    let changed = state.store.change_hook(id, patch, None).await.map_err(store_failed)?;
    let changed = changed.ok_or_else(unknown)?.map_err(refused)?;
    state.told_of_hooks();
    let mut details = changed.hook.brief();
    if has_secret {
        details.push_str(", with another secret");
    }
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "hook.change", id, &details).await;
    Ok(Json(HookShape::new(&changed)))
}

/// `DELETE /api/v1/hooks/{id}`: with all that waits for it.
pub(super) async fn delete(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<StatusCode, Problem> {
    under.untagged()?;
    let id = read_id(&id)?;
    let gone = state.store.delete_hook(id).await.map_err(store_failed)?.ok_or_else(unknown)?;
    state.told_of_hooks();
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "hook.delete", id, gone.hook.name.as_str()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// What became of a ping.
#[derive(Debug, Serialize)]
pub(super) struct TriedShape {
    delivered: bool,
    status: Option<u16>,
    answer: Option<String>,
    error: Option<String>,
    duration_ms: f64,
}

impl TriedShape {
    fn new(tried: &Tried) -> Self {
        let error = tried.failure();
        let answer = tried.answer.as_ref().ok();
        let shown =
            |body: &[u8]| String::from_utf8_lossy(body.get(..SHOWN_ANSWER).unwrap_or(body)).into_owned();
        Self {
            delivered: error.is_none(),
            status: answer.map(|answer| answer.status.as_u16()),
            answer: answer.map(|answer| shown(&answer.body)),
            error: error.map(|error| error.to_string()),
            duration_ms: (tried.secs * 1e6).round() / 1e3,
        }
    }
}

/// `POST /api/v1/hooks/{id}/test`.
pub(super) async fn test(
    allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Json<TriedShape>, Problem> {
    let kept = find(&state, &id).await?;
    let hooks = state.hooks.as_ref().ok_or(crate::domain::Refusal::Stopping)?;
    let tried = hooks.test(&kept).await;
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "hook.test", kept.hook.id, kept.hook.name.as_str()).await;
    Ok(Json(TriedShape::new(&tried)))
}

async fn find(state: &ApiState, id: &str) -> Result<KeptHook, Problem> {
    state.store.hook(read_id(id)?).await.map_err(store_failed)?.ok_or_else(unknown)
}

fn read_id(id: &str) -> Result<HookId, Problem> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::unknown("unknown-hook", "Unknown hook", "there is no such hook")
}

fn refused(conflict: HookConflict) -> Problem {
    match conflict {
        HookConflict::NameTaken => {
            Problem::conflict("hook-exists", "The hook is there already", "another hook has this name")
        }
        HookConflict::TooMany => Problem::conflict(
            "too-many-hooks",
            "There are too many hooks",
            format!("there can be at most {MAX_HOOKS}; delete one first"),
        ),
        HookConflict::Refused(refusal) => refusal.into(),
    }
}

fn names(names: &Option<Vec<String>>) -> Option<Vec<&str>> {
    names.as_ref().map(|names| names.iter().map(String::as_str).collect())
}

fn wrong(error: HookFieldError) -> Problem {
    match &error.filter {
        Some(filter) => Problem::invalid_filter(error.field, filter),
        None => Problem::invalid_field(error.field, error.problem),
    }
}
