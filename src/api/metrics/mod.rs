mod custom;
mod families;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::ApiState;
use super::auth::{Allowed, View};
use crate::http::Problem;
use crate::metrics::Exposition;

/// `GET /metrics`, for Prometheus.
pub(super) async fn metrics(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
) -> Result<Response, Problem> {
    let status = state.handle.status().await?;
    let survey = Arc::new(state.handle.survey().await?);
    let (metrics, of) = (Arc::clone(&state.metrics), Arc::clone(&survey));
    // Ten thousand sessions by thirty filters keep a thread busy.
    let custom = tokio::task::spawn_blocking(move || custom::count(&metrics, &of))
        .await
        .map_err(|error| Problem::internal(&error))?;
    let outbox = state.store.outbox_depth().await.inspect_err(|error| {
        tracing::warn!(%error, "how much usage waits could not be read");
    });
    let hooks = state.store.hooks().await.inspect_err(|error| {
        tracing::warn!(%error, "how webhooks are doing could not be read");
    });
    let mut text = Exposition::default();
    families::standing(&mut text, &status, &survey);
    families::counted(&mut text, state.handle.measures(), status.repairs);
    families::waiting(&mut text, state.handle.mailbox_depth(), outbox.ok());
    families::locks(&mut text, &state.handle.locks());
    families::hooks(&mut text, &hooks.unwrap_or_default());
    families::stored(&mut text, state.store.measures());
    families::custom(&mut text, &custom);
    Ok(([(header::CONTENT_TYPE, Exposition::CONTENT_TYPE)], text.finish()).into_response())
}
