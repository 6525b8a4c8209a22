//! `GET /api/v1/events`: what happens to sessions, as Server-Sent Events; [`crate::events`] says what is in them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, Listen};
use super::filters::read_filter;
use super::list::read_time;
use crate::domain::{Filter, Listener, Select};
use crate::events::{Begin, begin};
use crate::http::{Problem, QueryParams};

/// The parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    filter: Option<String>,
    properties: Option<String>,
    since: Option<String>,
    last_event_id: Option<String>,
}

/// `GET /api/v1/events`.
pub(super) async fn events(
    allowed: Allowed<Listen>,
    State(state): State<ApiState>,
    headers: HeaderMap,
    QueryParams(query): QueryParams<Query>,
) -> Result<Response, Problem> {
    let (listener, begin) = query.read(&headers)?;
    let mut revoked = state.revoked.subscribe();
    // What the token opened ends with the token.
    let ends = async move {
        // Whoever has missed some, or whose daemon stops, comes back and is asked for its token again.
        while let Ok(token) = revoked.recv().await {
            if Some(token) == allowed.token {
                break;
            }
        }
    };
    state.events.stream(listener, begin, ends).await
}

impl Query {
    fn read(&self, headers: &HeaderMap) -> Result<(Listener, Begin), Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let filter = match given(&self.filter) {
            Some(text) => read_filter("filter", &text)?,
            None => Filter::all(),
        };
        let chosen = match &self.properties {
            Some(text) => Select::parse(text).ok_or_else(|| {
                Problem::invalid_field("properties", format!("at most {} names", Select::MAX_NAMES))
            })?,
            None => Select::everything(),
        };
        let since = read_time("since", self.since.as_deref())?;
        let begin = begin(headers, self.last_event_id.as_deref())?;
        Ok((Listener::new(filter, chosen, since), begin))
    }
}
