//! The daemon itself: its configuration read again, the kernel looked at again. Outside of what is done once: asking again is
//! harmless, and an answer that was kept would say what is no longer true.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Administer, Allowed, View};
use super::shapes::time;
use crate::http::{JsonBody, Problem};
use crate::upkeep::{BY_HAND, CameTo, LastOrder, Meaning, NotTaken, Upkeep};

/// What has become of the last order since this process began.
#[derive(Debug, Serialize)]
pub(super) struct ServiceShape {
    last_order: Option<OrderShape>,
}

#[derive(Debug, Serialize)]
struct OrderShape {
    kind: &'static str,
    at: Option<String>,
    by: String,
    state: &'static str,
    reason: Option<String>,
}

/// What a reload changes.
#[derive(Debug, Serialize)]
pub(super) struct ReloadShape {
    /// Whether there is anything to change.
    changed: bool,
    /// What that means, a sentence each.
    meaning: Vec<String>,
    /// Whether somebody who is online, or a connection that stands, may be cut off.
    cuts_off: bool,
    /// What the file held; `None` if there is nothing to change.
    fingerprint: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reload {
    dry_run: Option<bool>,
    /// Only what was looked at is taken.
    fingerprint: Option<String>,
}

/// What was ordered.
pub(super) const KINDS: [&str; 2] = ["settings", "restore"];
/// What has become of it.
pub(super) const STATES: [&str; 3] = ["under_way", "done", "taken_back"];

impl OrderShape {
    fn new(order: LastOrder) -> Self {
        let LastOrder { is_restore, at, by, came_to } = order;
        let [settings, restore] = KINDS;
        let [under_way, done, taken_back] = STATES;
        let (state, reason) = match came_to {
            CameTo::UnderWay => (under_way, None),
            CameTo::Done => (done, None),
            CameTo::TakenBack(why) => (taken_back, Some(why)),
        };
        let kind = if is_restore { restore } else { settings };
        Self { kind, at: time(at), by: by.to_string(), state, reason }
    }
}

fn upkeep(state: &ApiState) -> Result<&Upkeep, Problem> {
    let detail = "no daemon is around this API";
    state.upkeep.as_ref().ok_or_else(|| Problem::conflict("no-daemon", "There is no daemon", detail))
}

/// `GET /api/v1/service`.
pub(super) async fn get(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
) -> Result<Json<ServiceShape>, Problem> {
    let last_order = upkeep(&state)?.last().map(OrderShape::new);
    Ok(Json(ServiceShape { last_order }))
}

fn not_taken(why: &NotTaken) -> Problem {
    let (title, detail) = ("The configuration is not taken", why.to_string());
    match why {
        NotTaken::Unfit(_) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit-configuration", title, detail)
        }
        NotTaken::Unwritten(_) | NotTaken::Same | NotTaken::Busy | NotTaken::Another => {
            Problem::conflict("not-taken", title, detail)
        }
    }
}

/// `POST /api/v1/service/reload`: 202 if the daemon starts anew with what the file says now, 200 if nothing was done.
pub(super) async fn reload(
    allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    JsonBody(Reload { dry_run, fingerprint }): JsonBody<Reload>,
) -> Result<(StatusCode, Json<ReloadShape>), Problem> {
    let upkeep = upkeep(&state)?;
    let Meaning { seen, texts, cuts_off } = match upkeep.meaning().await {
        Ok(meaning) => meaning,
        Err(NotTaken::Same) => {
            let meaning = Vec::new();
            let shape = ReloadShape { changed: false, meaning, cuts_off: false, fingerprint: None };
            return Ok((StatusCode::OK, Json(shape)));
        }
        Err(why) => return Err(not_taken(&why)),
    };
    let shape = ReloadShape { changed: true, meaning: texts, cuts_off, fingerprint: Some(seen.clone()) };
    if dry_run == Some(true) {
        return Ok((StatusCode::OK, Json(shape)));
    }
    let by = allowed.caller.doing("settings.change", BY_HAND);
    upkeep.look_again(fingerprint.unwrap_or(seen), by).await.map_err(|why| not_taken(&why))?;
    Ok((StatusCode::ACCEPTED, Json(shape)))
}

/// `POST /api/v1/service/reconcile`: the rules are put in place anew, and what the kernel holds is compared with what it must.
pub(super) async fn reconcile(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
) -> Result<StatusCode, Problem> {
    state.handle.reconcile(true, "somebody asked for it").await?;
    Ok(StatusCode::NO_CONTENT)
}
