//! Texts that operators left for a device, on its page until they expire or the guest takes them away.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use uuid::Uuid;

use crate::domain::{BoxFuture, DeviceId, WallTime};
use crate::http::Endpoints;
use crate::store::{LeftMessage, MessageQuery, Store};

use super::pages::{missing, unseen};
use super::state::PortalState;
use super::wish::Wish;
use super::words::Words;

/// The most messages that a page shows: the newest.
const SHOWN: u32 = 5;

/// Where messages are kept. Errors are texts for the log: a guest gets a page without them.
pub trait Inbox: Send + Sync {
    /// Some of the device's messages that are not expired, the newest first.
    fn messages(
        &self,
        device: DeviceId,
        at: WallTime,
        most: u32,
    ) -> BoxFuture<'_, Result<Vec<LeftMessage>, String>>;

    /// Notes that the device's page showed them.
    fn shown(&self, device: DeviceId, at: WallTime) -> BoxFuture<'_, Result<(), String>>;

    /// Takes one of the device's own messages away; one that is gone already is no error.
    fn dismiss(&self, device: DeviceId, message: Uuid) -> BoxFuture<'_, Result<(), String>>;
}

/// Where there are none.
pub(super) struct NoInbox;

impl Inbox for NoInbox {
    fn messages(
        &self,
        _device: DeviceId,
        _at: WallTime,
        _most: u32,
    ) -> BoxFuture<'_, Result<Vec<LeftMessage>, String>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn shown(&self, _device: DeviceId, _at: WallTime) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn dismiss(&self, _device: DeviceId, _message: Uuid) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Inbox for Store {
    fn messages(
        &self,
        device: DeviceId,
        at: WallTime,
        most: u32,
    ) -> BoxFuture<'_, Result<Vec<LeftMessage>, String>> {
        Box::pin(async move {
            let wanted = MessageQuery { device: Some(device), alive_at: Some(at), page: 1, per_page: most };
            let (found, _) = Store::messages(self, &wanted).await.map_err(|error| error.to_string())?;
            Ok(found)
        })
    }

    fn shown(&self, device: DeviceId, at: WallTime) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            self.messages_shown(device, at).await.map(|_| ()).map_err(|error| error.to_string())
        })
    }

    fn dismiss(&self, device: DeviceId, message: Uuid) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let done = self.delete_message(message, Some(device)).await;
            done.map(|_| ()).map_err(|error| error.to_string())
        })
    }
}

/// A message as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// The text.
    pub text: String,
    /// How long ago it was left, in words.
    pub age: String,
}

impl MessageView {
    fn new(left: &LeftMessage, now: WallTime, t: Words) -> Self {
        let message = &left.message;
        let millis = u64::try_from(now.0.saturating_sub(message.created_at.0)).unwrap_or(0);
        Self { id: message.id.to_string(), text: message.text.to_string(), age: t.age(millis).into_owned() }
    }
}

impl PortalState {
    /// The device's messages for its page, which are noted as shown.
    pub(super) async fn messages(&self, device: DeviceId, t: Words) -> Vec<MessageView> {
        let now = self.handle.now().wall;
        let found = self.inbox.messages(device, now, SHOWN).await.unwrap_or_else(|error| {
            tracing::warn!(%device, error, "the device's messages could not be read");
            Vec::new()
        });
        // Most pages show nothing new, and cost no write.
        if found.iter().any(|left| left.shown_at.is_none()) {
            self.note_shown(device).await;
        }
        found.iter().map(|left| MessageView::new(left, now, t)).collect()
    }

    /// The messages that no page of the device has shown yet, the oldest first; from now on they count as shown.
    pub(super) async fn unshown(&self, device: DeviceId) -> Option<String> {
        let found =
            self.inbox.messages(device, self.handle.now().wall, SHOWN).await.unwrap_or_else(|error| {
                tracing::warn!(%device, error, "the messages could not be read");
                Vec::new()
            });
        let new = found.iter().rev().filter(|left| left.shown_at.is_none());
        let new: Vec<&str> = new.map(|left| left.message.text.as_str()).collect();
        if new.is_empty() {
            return None;
        }
        self.note_shown(device).await;
        Some(new.join("\n"))
    }

    /// Notes that the device's page shows its messages.
    pub(super) async fn note_shown(&self, device: DeviceId) {
        if let Err(error) = self.inbox.shown(device, self.handle.now().wall).await {
            tracing::warn!(%device, error, "that messages were shown could not be noted");
        }
    }
}

/// `POST /messages/{id}/dismiss`
pub(super) async fn dismiss(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
    message: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let Ok(Path(message)) = message else { return missing(&state, wish) };
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) => return unseen(&state, wish, &refusal),
    };
    if let Err(error) = state.inbox.dismiss(device.id, message).await {
        // It is on the page still, which says enough.
        tracing::warn!(device = %device.id, error, "a message could not be taken away");
    }
    Redirect::to("/").into_response()
}
