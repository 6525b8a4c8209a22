use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Modify, View};
use super::shapes::DeviceShape;
use super::under::{Under, shown};
use crate::domain::{ClientDevice, MacError, Tag, Text, ZoneName};
use crate::http::{JsonBody, PathPart, Problem};
use crate::runtime::{DevicePatch, DeviceRef};
use crate::wares::{null_is_some, read_roles};

/// The device that a path names: by id, MAC or IP.
pub(super) async fn find(state: &ApiState, dev: &str) -> Result<ClientDevice, Problem> {
    let by = reference(dev).ok_or(crate::domain::Refusal::UnknownDevice)?;
    Ok(state.handle.find_device(by).await?)
}

fn reference(dev: &str) -> Option<DeviceRef> {
    let id = || dev.parse().ok().map(DeviceRef::Id);
    let mac = || dev.parse().ok().map(DeviceRef::Mac);
    let ip = || dev.parse().ok().map(DeviceRef::Ip);
    id().or_else(mac).or_else(ip)
}

/// One device, with its tag.
pub(super) async fn one(state: &ApiState, device: &ClientDevice) -> Result<Response, Problem> {
    let connected = state.handle.is_connected(device.id).await?;
    let tag = shown(Tag::of_device(device, connected));
    Ok(([(header::ETAG, tag)], Json(DeviceShape::new(device, connected))).into_response())
}

/// The answer that a device was made known: 201 with its place.
pub(super) async fn created(state: &ApiState, device: &ClientDevice) -> Result<Response, Problem> {
    let place = format!("/api/v1/devices/{}", device.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], one(state, device).await?).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDevice {
    mac: String,
    alias: Option<String>,
    zone: Option<String>,
}

/// `POST /api/v1/devices`: makes a device known before it is ever seen.
pub(super) async fn register(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewDevice>,
) -> Result<Response, Problem> {
    let mac = body.mac.parse().map_err(|error: MacError| Problem::invalid_field("mac", error))?;
    let alias = body.alias.as_deref().map(Text::new).filter(|alias| !alias.is_empty());
    let zone = body.zone.as_deref().map(ZoneName::new);
    let handle = under.untagged_handle(&state, allowed.caller.doing("device.register", ""))?;
    let device = handle.register_device(mac, alias, zone).await?;
    created(&state, &device).await
}

/// `GET /api/v1/devices/{dev}`.
pub(super) async fn get(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
) -> Result<Response, Problem> {
    let device = find(&state, &dev).await?;
    one(&state, &device).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceChange {
    /// `null` takes it away.
    #[serde(default, deserialize_with = "null_is_some")]
    alias: Option<Option<String>>,
    zone: Option<String>,
    /// All of its roles from now on.
    roles: Option<Vec<String>>,
    /// Shuts out (`true`) or lets back in (`false`).
    blocked: Option<bool>,
    /// The same by the device's own field: `blocked`, or `disconnected` to let back in.
    status: Option<String>,
}

impl DeviceChange {
    fn blocked(&self) -> Result<Option<bool>, Problem> {
        let by_status = match self.status.as_deref() {
            None => None,
            Some("blocked") => Some(true),
            Some("disconnected") => Some(false),
            Some(_) => {
                let text = "can be set to blocked or disconnected; to connect, post to …/connect";
                return Err(Problem::invalid_field("status", text));
            }
        };
        match (self.blocked, by_status) {
            (Some(one), Some(other)) if one != other => {
                Err(Problem::invalid_field("status", "says the opposite of blocked"))
            }
            (one, other) => Ok(one.or(other)),
        }
    }
}

/// `PATCH /api/v1/devices/{dev}`: renames, moves, blocks or unblocks.
pub(super) async fn change(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(body): JsonBody<DeviceChange>,
) -> Result<Response, Problem> {
    let blocked = body.blocked()?;
    let device = find(&state, &dev).await?;
    let alias =
        body.alias.map(|alias| alias.map(|alias| Text::new(&alias)).filter(|alias| !alias.is_empty()));
    // "disconnected" also cuts off one that is connected and not blocked.
    let disconnect = body.status.as_deref() == Some("disconnected");
    let zone = body.zone.as_deref().map(ZoneName::new);
    let roles = body.roles.map(|roles| read_roles("roles", roles)).transpose()?;
    let patch = DevicePatch { alias, zone, roles, blocked, disconnect };
    let action = match blocked {
        Some(true) => "device.block",
        Some(false) => "device.unblock",
        None => "device.change",
    };
    let by = allowed.caller.doing(action, "");
    let device = under.handle(&state, by).update_device(device.id, patch).await?;
    one(&state, &device).await
}

/// `DELETE /api/v1/devices/{dev}`: forgets it with its sessions.
pub(super) async fn delete(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
) -> Result<StatusCode, Problem> {
    let device = find(&state, &dev).await?;
    under.handle(&state, allowed.caller.doing("device.delete", "")).delete_device(device.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notify {
    notify: Option<String>,
}

impl Notify {
    fn text(&self) -> Option<Text> {
        self.notify.as_deref().map(Text::new).filter(|text| !text.is_empty())
    }
}

/// `POST /api/v1/devices/{dev}/connect`: the session it runs on.
pub(super) async fn connect(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(body): JsonBody<Notify>,
) -> Result<Response, Problem> {
    let device = find(&state, &dev).await?;
    let by = allowed.caller.doing("device.connect", &device.id.to_string());
    let session = under.handle(&state, by).connect(device.id, body.text()).await?;
    Ok(super::sessions::one(&session))
}

/// `POST /api/v1/devices/{dev}/disconnect`: the device.
pub(super) async fn disconnect(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(body): JsonBody<Notify>,
) -> Result<Response, Problem> {
    let device = find(&state, &dev).await?;
    let by = allowed.caller.doing("device.disconnect", "");
    let device = under.handle(&state, by).disconnect(device.id, body.text()).await?;
    one(&state, &device).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Whether a device answered, and how fast.
#[derive(Debug, Serialize)]
pub(super) struct PingShape {
    reachable: bool,
    rtt_ms: Option<f64>,
}

/// `POST /api/v1/devices/{dev}/ping`.
pub(super) async fn ping(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Json<PingShape>, Problem> {
    let device = find(&state, &dev).await?;
    let ping = state.handle.ping(device.id).await?;
    Ok(Json(PingShape { reachable: ping.reachable, rtt_ms: ping.rtt_ms.filter(|rtt| rtt.is_finite()) }))
}
