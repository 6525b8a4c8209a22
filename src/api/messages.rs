//! Texts for portal pages.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Modify, View};
use super::devices::find;
use super::list::{Page, Paging};
use super::sessions::read_id;
use super::shapes::time;
use super::under::Under;
use crate::domain::{DeviceId, Message, Refusal, SessionId, Text};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{LeftMessage, MessageQuery};

/// Reads a text; one with nothing in it is no message.
pub(super) fn read_text(text: &str) -> Result<Text, Problem> {
    Message::read_text(text).map_err(|problem| Problem::invalid_field("text", problem))
}

/// Reads how long a message is shown; milliseconds.
pub(super) fn read_lasts(expires_secs: Option<u64>) -> Result<u64, Problem> {
    Message::read_lasts(expires_secs).map_err(|problem| Problem::invalid_field("expires_secs", problem))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    text: String,
    expires_secs: Option<u64>,
}

/// A message as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct MessageShape {
    id: String,
    device: String,
    text: String,
    created_at: Option<String>,
    expires_at: Option<String>,
    shown_at: Option<String>,
}

impl MessageShape {
    fn new(message: &Message, shown_at: Option<crate::domain::WallTime>) -> Self {
        Self {
            id: message.id.to_string(),
            device: message.device.to_string(),
            text: message.text.to_string(),
            created_at: time(message.created_at),
            expires_at: time(message.expires_at),
            shown_at: shown_at.and_then(time),
        }
    }
}

async fn leave(
    allowed: &Allowed<Modify>,
    under: Under,
    state: &ApiState,
    device: DeviceId,
    session: Option<SessionId>,
    body: NewMessage,
) -> Result<(StatusCode, Json<MessageShape>), Problem> {
    let (text, lasts_ms) = (read_text(&body.text)?, read_lasts(body.expires_secs)?);
    let by = allowed.caller.doing("device.message", text.as_str());
    let message = under.handle(state, by).message(device, session, text, lasts_ms).await?;
    Ok((StatusCode::CREATED, Json(MessageShape::new(&message, None))))
}

/// `POST /api/v1/devices/{dev}/message`: 201 with the message.
pub(super) async fn to_device(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    JsonBody(body): JsonBody<NewMessage>,
) -> Result<(StatusCode, Json<MessageShape>), Problem> {
    let device = find(&state, &dev).await?;
    leave(&allowed, under, &state, device.id, None, body).await
}

/// `POST /api/v1/sessions/{id}/message`: to the session's device; 201 with the message.
pub(super) async fn to_session(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<NewMessage>,
) -> Result<(StatusCode, Json<MessageShape>), Problem> {
    let session = state.handle.session(read_id(&id)?).await?;
    leave(&allowed, under, &state, session.device, Some(session.id), body).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    device: Option<String>,
    /// Those that have expired as well, as far as they are kept.
    all: Option<bool>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/messages?device=&all=`: newest first.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<MessageShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let device = match query.device.as_deref().filter(|dev| !dev.is_empty()) {
        Some(dev) => Some(find(&state, dev).await?.id),
        None => None,
    };
    let alive_at = (query.all != Some(true)).then(|| state.handle.now().wall);
    let wanted = MessageQuery { device, alive_at, page: paging.page, per_page: paging.per_page };
    let (messages, total) = state.store.messages(&wanted).await.map_err(Refusal::from)?;
    let shape = |left: &LeftMessage| MessageShape::new(&left.message, left.shown_at);
    Ok(Json(paging.of(messages.iter().map(shape).collect(), total)))
}

/// `DELETE /api/v1/messages/{id}`: it is shown no more.
pub(super) async fn delete(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<StatusCode, Problem> {
    under.untagged()?;
    let unknown = || Problem::unknown("unknown-message", "No such message", "there is no such message");
    let id: uuid::Uuid = id.parse().map_err(|_| unknown())?;
    let gone = state.store.delete_message(id, None).await.map_err(Refusal::from)?;
    if !gone {
        return Err(unknown());
    }
    state.audit.note(&allowed.caller, state.handle.now().wall, "message.delete", id, "").await;
    Ok(StatusCode::NO_CONTENT)
}
