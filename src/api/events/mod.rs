//! `GET /api/v1/events`: what happens to sessions, as Server-Sent Events.
//!
//! Each event's `event` is its type, its `data` one JSON object: `type`, `session`, `device`, `at` (RFC 3339), `reason`
//! (null or a text), `properties` (those that were chosen and are set), `previous` (of the chosen ones those that
//! changed, as they were before; null was not set). Types are `open`, `update`, `disconnected`, `reconnected`,
//! `failed_over` and `close`; beside them
//!
//! - `ready` ends what there was on subscribing, or what was missed: `last_event_id`;
//! - `resync` says that what was missed cannot be told, with `reason` and `last_event_id`; all that there is follows;
//! - `dropped` says why the connection is closed: `reason`. Who comes back with the last id misses nothing.
//!
//! Ids count up without a gap over all events that are logged; a listener hears those that its filter selects, in order.

mod feed;
mod hub;
mod member;
mod outlet;
mod pulse;
mod source;
mod text;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::ApiState;
use super::auth::{Allowed, Listen};
use super::filters::read_filter;
use super::list::read_time;
use crate::domain::{Filter, Listener, Select};
use crate::http::{Problem, QueryParams};
use crate::metrics::Gauge;
use crate::runtime::Handle;
use crate::store::Store;
use feed::Begin;
use member::Member;
use outlet::{Outlet, Place, Taps};
use source::Source;

/// The most listeners at once.
pub const MAX_LISTENERS: usize = 2000;
/// Of them, the most whose filter looks at what changes by itself: each is judged anew every second.
pub const MAX_FLOWING: usize = 64;
/// Whoever finds no place may try again after so many seconds.
const RETRY_SECS: u64 = 30;
/// Listeners that wait to be taken in.
const ARRIVALS: usize = 64;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Everybody who listens. The task behind it ends with the last clone of this.
#[derive(Debug, Clone)]
pub struct EventHub {
    arrivals: mpsc::Sender<(Member, Begin)>,
    places: Arc<Semaphore>,
    flowing: Arc<Semaphore>,
    counted: Gauge,
    stop: Arc<watch::Sender<bool>>,
}

impl EventHub {
    /// Starts the task that tells listeners; must be called inside a runtime.
    pub fn start(handle: Handle, store: Store) -> Self {
        let (arrivals, arriving) = mpsc::channel(ARRIVALS);
        let (stop, stopped) = watch::channel(false);
        let counted = handle.listeners_gauge();
        tokio::spawn(hub::run(Source::new(handle, store), arriving, stopped));
        Self {
            arrivals,
            places: Arc::new(Semaphore::new(MAX_LISTENERS)),
            flowing: Arc::new(Semaphore::new(MAX_FLOWING)),
            counted,
            stop: Arc::new(stop),
        }
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        MAX_LISTENERS.saturating_sub(self.places.available_permits())
    }

    /// Tells every listener that turnpike stops, and closes their connections.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Takes in a listener; what it is told comes out of the answer.
    async fn listen(&self, listener: Listener, begin: Begin) -> Result<Taps, Problem> {
        let mut permits = vec![permit(&self.places)?];
        if listener.flows() {
            permits.push(permit(&self.flowing)?);
        }
        let (outlet, taps) = Outlet::open(Place { _permits: permits, _counted: self.counted.hold() });
        outlet.put(Bytes::from_static(text::HELLO.as_bytes()));
        let arrival = (Member::new(listener, outlet), begin);
        self.arrivals.send(arrival).await.map_err(|_| crate::domain::Refusal::Stopping)?;
        Ok(taps)
    }
}

fn permit(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        let detail = "every place for a listener of this kind is taken; try again later";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Problem::new(status, "too-many-listeners", "Too many listeners", detail).retry_after(RETRY_SECS)
    })
}

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
    let taps = state.events.listen(listener, begin).await?;
    // What the token opened ends with the token.
    let ends = async move {
        // Whoever has missed some, or whose daemon stops, comes back and is asked for its token again.
        while let Ok(token) = revoked.recv().await {
            if Some(token) == allowed.token {
                break;
            }
        }
    };
    let taps = taps.take_until(Box::pin(ends));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // A proxy must not gather them.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(taps)).into_response())
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
        let sent = match headers.get(LAST_EVENT_ID) {
            Some(sent) => Some(sent.to_str().unwrap_or("?").to_owned()),
            None => self.last_event_id.clone(),
        };
        let begin = match sent.filter(|text| !text.is_empty()) {
            None => Begin::Now,
            Some(text) => {
                text.parse().ok().filter(|last| *last >= 0).map(Begin::Behind).ok_or_else(|| {
                    Problem::invalid_field("last_event_id", "must be the id of an event, as in id: 42")
                })?
            }
        };
        Ok((Listener::new(filter, chosen, since), begin))
    }
}
