//! Who listens to what happens to sessions, and what each of them is told: Server-Sent Events for any face.
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
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::domain::Listener;
use crate::http::Problem;
use crate::metrics::Gauge;
use crate::runtime::Handle;
use crate::store::Store;
use member::Member;
use outlet::{Outlet, Place, Taps};
use source::Source;

pub use feed::Begin;

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

    /// Takes in a listener; what it is told comes out of the answer, until `ends` says that it may hear no more.
    pub async fn stream(
        &self,
        listener: Listener,
        begin: Begin,
        ends: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Response, Problem> {
        let taps = self.listen(listener, begin).await?.take_until(Box::pin(ends));
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            // A proxy must not gather them.
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        Ok((headers, Body::from_stream(taps)).into_response())
    }

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

/// Where whoever sends these headers, or else this text, wants to begin: behind the event that it heard last.
pub fn begin(headers: &HeaderMap, otherwise: Option<&str>) -> Result<Begin, Problem> {
    let sent = headers.get(LAST_EVENT_ID).map(|sent| sent.to_str().unwrap_or("?"));
    match sent.or(otherwise).filter(|text| !text.is_empty()) {
        None => Ok(Begin::Now),
        Some(text) => text.parse().ok().filter(|last| *last >= 0).map(Begin::Behind).ok_or_else(|| {
            Problem::invalid_field("last_event_id", "must be the id of an event, as in id: 42")
        }),
    }
}
