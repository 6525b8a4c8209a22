use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use crate::domain::{Beside, BootTime, BoxFuture, ClientDevice, DeviceId, Refusal};
use crate::http::Endpoints;
use crate::runtime::PortalNotice;

use super::explain::explain;
use super::offered::Look;
use super::own::OwnAddress;
use super::pages::is_stranger;
use super::scene::Scene;
use super::state::PortalState;
use super::streams::Slot;
use super::view::Standing;
use super::wish::Wish;
use super::words::Words;

/// Between two looks at a device that is online, or for which a provider waits …
const COUNTING_BEAT: Duration = Duration::from_secs(1);
/// … and at one that is not: a notice says sooner if anything changed.
const CAPTIVE_BEAT: Duration = Duration::from_secs(10);
/// How often the providers are asked what they say beside their forms; a notice has them asked at once.
const ASKED_EVERY: Duration = Duration::from_secs(10);
/// How long a browser waits before it comes back after the stream broke.
const RETRY: Duration = Duration::from_secs(3);

/// The numbers on the page, as the script takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    fingerprint: String,
    state: &'static str,
    heading: String,
    soon: Option<String>,
    validity: Option<String>,
    time_left: Option<String>,
    time_left_secs: Option<u64>,
    time_percent: Option<u8>,
    data_left: Option<String>,
    data_left_bytes: Option<u64>,
    data_percent: Option<u8>,
    waiting_text: Option<String>,
    waiting_left: Option<String>,
}

impl Status {
    pub(super) fn of(scene: &Scene, now: BootTime, t: Words) -> Self {
        let session = scene.standing.session();
        let (time, data) = (session.and_then(|it| it.time), session.and_then(|it| it.data));
        let waiting = scene.waiting_view(now, t);
        Self {
            fingerprint: scene.fingerprint(),
            state: scene.standing.name(),
            heading: t.get(scene.heading()).into_owned(),
            soon: scene.soon.map(|soon| soon.say(t)),
            validity: session.and_then(|it| it.validity).map(|validity| validity.say(t)),
            time_left: time.map(|meter| t.time(meter.left)),
            time_left_secs: time.map(|meter| meter.left / 1000),
            time_percent: time.map(|meter| meter.percent),
            data_left: data.map(|meter| t.data(meter.left)),
            data_left_bytes: data.map(|meter| meter.left),
            data_percent: data.map(|meter| meter.percent),
            waiting_text: waiting.as_ref().map(|waiting| waiting.text.clone()),
            waiting_left: waiting.and_then(|waiting| waiting.left),
        }
    }
}

/// `GET /events`: `status` every second while online or while a provider waits, and whenever something changes, `notice` (a JSON string) for a new
/// text, `bye` when a newer stream of this device took the place.
pub(super) async fn events(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    Extension(own): Extension<OwnAddress>,
    headers: HeaderMap,
    wish: Wish,
) -> Response {
    // It says which texts have been shown: another site's page must not take them away unseen.
    if !own.is_source_of(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let device = match state.visitor(endpoints.peer.ip()).await {
        Ok(device) => device,
        Err(refusal) if is_stranger(&refusal) => return StatusCode::FORBIDDEN.into_response(),
        Err(refusal) => return explain(&refusal, wish.words()).0.into_response(),
    };
    let Some(slot) = state.streams.open(device.id) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response();
    };
    let address = Some(endpoints.peer.ip()).filter(|address| has_address(&device, *address));
    let (t, notices) = (state.words(wish, &device), state.handle.notices(device.id));
    let beside = state.beside(&device).await;
    let next = Instant::now();
    let (asking, ask_at) = (None, next + ASKED_EVERY);
    let live = Live { notices, state, device: device.id, address, t, slot, beside, asking, ask_at, next };
    Sse::new(live.into_stream()).into_response()
}

/// One open stream.
struct Live {
    state: Arc<PortalState>,
    device: DeviceId,
    /// The device's address at our other end; `None` if it was not known to be the device's when the stream began.
    address: Option<IpAddr>,
    t: Words,
    slot: Slot,
    notices: broadcast::Receiver<PortalNotice>,
    /// What the providers said last beside their forms, and what asks them again.
    beside: Beside,
    asking: Option<BoxFuture<'static, Beside>>,
    /// When to ask again.
    ask_at: Instant,
    /// When to look again.
    next: Instant,
}

impl Live {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let first = Event::default().retry(RETRY).comment("live");
        let rest = stream::unfold(Some(self), |live| async move { live?.step().await });
        stream::iter([first]).chain(rest).map(Ok)
    }

    /// Waits for what is worth telling. `None` ends the stream; so does an event without a successor.
    async fn step(mut self) -> Option<(Event, Option<Self>)> {
        loop {
            tokio::select! {
                () = self.slot.replaced() => return Some((Event::default().event("bye").data("0"), None)),
                notice = self.notices.recv() => match notice {
                    Ok(notice) => {
                        self.look_now();
                        if let Some(text) = notice.text {
                            self.state.note_shown(self.device).await;
                            let text = serde_json::Value::from(text.as_str()).to_string();
                            return Some((Event::default().event("notice").data(text), Some(self)));
                        }
                    }
                    // More of them at once than are kept: what was left and not shown is in the store.
                    Err(RecvError::Lagged(_)) => {
                        self.look_now();
                        if let Some(text) = self.state.unshown(self.device).await {
                            let text = serde_json::Value::from(text).to_string();
                            return Some((Event::default().event("notice").data(text), Some(self)));
                        }
                    }
                    Err(RecvError::Closed) => return None,
                },
                beside = answer(&mut self.asking) => {
                    self.asking = None;
                    if beside != self.beside {
                        self.beside = beside;
                        self.next = Instant::now();
                    }
                }
                () = sleep_until(self.next) => {
                    let scene = self.look().await?;
                    let counts = matches!(scene.standing, Standing::Online(_)) || scene.waiting.is_some();
                    self.next = Instant::now() + if counts { COUNTING_BEAT } else { CAPTIVE_BEAT };
                    let status = Status::of(&scene, self.state.handle.now().boot, self.t);
                    return match Event::default().event("status").json_data(status) {
                        Ok(event) => Some((event, Some(self))),
                        Err(error) => {
                            tracing::error!(%error, "a live status could not be written");
                            None
                        }
                    };
                }
            }
        }
    }

    /// Where the device stands; `None` if that cannot be told, and the page is to come back later.
    async fn look(&mut self) -> Option<Scene> {
        let visit = match self.state.handle.visit_of(self.device).await {
            Ok(visit) => visit,
            Err(Refusal::UnknownDevice) => return Some(Scene::bare(Standing::Stranger)),
            Err(_) => return None,
        };
        // Whoever has the address now gets nothing of what is this device's.
        if self.address.is_some_and(|address| !has_address(&visit.device, address)) {
            return None;
        }
        if self.asking.is_none() && Instant::now() >= self.ask_at {
            let (state, device) = (Arc::clone(&self.state), Arc::clone(&visit.device));
            self.asking = Some(Box::pin(async move { state.beside(&device).await }));
            self.ask_at = Instant::now() + ASKED_EVERY;
        }
        Some(self.state.scene(visit, Look::Lately, self.beside.clone()).await)
    }

    /// Something has changed.
    fn look_now(&mut self) {
        self.next = Instant::now();
        self.ask_at = self.next;
    }
}

/// What the providers say, once they were asked.
async fn answer(asking: &mut Option<BoxFuture<'static, Beside>>) -> Beside {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}

fn has_address(device: &ClientDevice, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => device.ipv4.contains(&address),
        IpAddr::V6(address) => device.ipv6.contains(&address),
    }
}
