//! The daemon itself: its configuration read again, the kernel looked at again. Outside of what is done once: asking again is
//! harmless, and an answer that was kept would say what is no longer true.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::ApiState;
use super::auth::{Administer, Allowed, View};
use super::shapes::time;
use crate::http::Problem;
use crate::upkeep::{BY_HAND, CameTo, LastOrder, NotTaken, Upkeep};

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

/// Whether a reload has anything to do.
#[derive(Debug, Serialize)]
pub(super) struct ReloadShape {
    changed: bool,
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

/// `POST /api/v1/service/reload`: 202 if the daemon starts anew with what the file says now, 200 if it says what holds already.
pub(super) async fn reload(
    allowed: Allowed<Administer>,
    State(state): State<ApiState>,
) -> Result<(StatusCode, Json<ReloadShape>), Problem> {
    let by = allowed.caller.doing("settings.change", BY_HAND);
    match upkeep(&state)?.look_again(by).await {
        Ok(()) => Ok((StatusCode::ACCEPTED, Json(ReloadShape { changed: true }))),
        Err(NotTaken::Same) => Ok((StatusCode::OK, Json(ReloadShape { changed: false }))),
        Err(why @ NotTaken::Unfit(_)) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unfit-configuration",
            "The configuration is not taken",
            why.to_string(),
        )),
        Err(why @ (NotTaken::Unwritten(_) | NotTaken::Busy | NotTaken::Another)) => {
            Err(Problem::conflict("not-taken", "The configuration is not taken", why.to_string()))
        }
    }
}

/// `POST /api/v1/service/reconcile`: the rules are put in place anew, and what the kernel holds is compared with what it must.
pub(super) async fn reconcile(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
) -> Result<StatusCode, Problem> {
    state.handle.reconcile(true, "somebody asked for it").await?;
    Ok(StatusCode::NO_CONTENT)
}
