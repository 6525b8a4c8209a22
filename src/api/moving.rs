//! What a device has left goes to another MAC, and the code by which a guest does that.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Modify};
use super::devices::{find, one};
use super::under::Under;
use crate::http::{JsonBody, PathPart, Problem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveTo {
    /// By id, MAC or IP.
    to: String,
}

/// `POST /api/v1/devices/{dev}/move`: the device that has it all now. It is let through if the other one was.
pub(super) async fn move_to(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(body): JsonBody<MoveTo>,
) -> Result<Response, Problem> {
    let from = find(&state, &dev).await?;
    let to = find(&state, &body.to).await.map_err(|problem| problem.of_field("to"))?;
    let by = allowed.caller.doing("device.move", &format!("from {} ({})", from.mac, from.id));
    let moved = under.handle(&state, by).move_device(from.id, to.id).await?;
    if let Some(Err(refusal)) = moved.connected {
        // It was moved, which is what was asked for; the guest can connect.
        tracing::info!(device = %moved.device.id, %refusal, "moved to a device that cannot be let through");
    }
    one(&state, &moved.device).await
}

/// A recovery code.
#[derive(Debug, Serialize)]
pub(super) struct RecoveryShape {
    code: String,
}

/// `GET /api/v1/devices/{dev}/recovery-code`.
pub(super) async fn recovery_code(
    allowed: Allowed<Modify>,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
) -> Result<Json<RecoveryShape>, Problem> {
    let device = find(&state, &dev).await?;
    let code = state.handle.recovery_code(device.id).await?.to_string();
    // Whoever has it can take over what the device has left.
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "device.recovery_code", device.id, "").await;
    Ok(Json(RecoveryShape { code }))
}
