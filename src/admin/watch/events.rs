//! What happens to sessions, as it happens: the last events as a table, and a stream for the script that adds to it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::admin::clerk::{Clerk, LISTEN};
use crate::admin::frame::Frame;
use crate::admin::page::{self, failed, html, refused, say, sentence};
use crate::admin::pager::address;
use crate::admin::state::AdminState;
use crate::admin::tables::{Name, Words};
use crate::domain::filter::FilterError;
use crate::domain::{Filter, FixedKey, Listener, Refusal, Select, SessionEventKind, Told, WallTime};
use crate::events::begin;
use crate::store::StoreError;

const PATH: &str = "/admin/events";
/// As for the API.
/// So many events are shown.
const SHOWN: usize = 100;
/// So many are read at once.
const SLICE: i64 = 250;
/// How often it is asked whether whoever hears them still may.
const STILL: std::time::Duration = std::time::Duration::from_secs(5);

/// What can be looked for, as examples: what it finds, and the filter.
const EXAMPLES: [(&str, &str); 4] = [
    ("Running sessions only", "$State is \"running\""),
    ("Bought with a voucher", "has $Voucher"),
    ("Phones", "$ClientType in [\"ANDROID\", \"IOS\"]"),
    ("With a role", "$Roles ne \"\""),
];

/// The events.
#[derive(Debug, Template)]
#[template(path = "admin/events.html")]
struct EventsPage {
    frame: Frame,
    q: String,
    error: Option<FilterError>,
    rows: Vec<Row>,
    /// The number of the last event that was looked at.
    last: i64,
    /// Where the stream is; empty where there is none.
    stream: String,
    /// What comes after those shown.
    newer: String,
    /// Only what came after an event is shown.
    is_after: bool,
    newest: String,
    /// How far the clocks of the place are ahead of universal time, in seconds.
    offset_secs: i64,
    examples: Vec<(&'static str, &'static str, String)>,
    words: Words,
}

/// An event.
#[derive(Debug)]
struct Row {
    id: i64,
    at: String,
    kind: String,
    badge: &'static str,
    name: Name,
    session: String,
    device: String,
    details: Name,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    q: String,
    after: Option<i64>,
    last_event_id: Option<String>,
}

/// `GET /admin/events`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, LISTEN)?;
    let q = wanted.q.trim().to_owned();
    let (filter, error) = match read(&q) {
        Ok(filter) => (Some(filter), None),
        Err(error) => (None, Some(error)),
    };
    let (rows, last) = match filter {
        Some(filter) => {
            let found = find(&state, &Listener::new(filter, Select::everything(), None), wanted.after).await;
            found.map_err(|error| failed(&state, &error))?
        }
        None => (Vec::new(), 0),
    };
    let now = state.handle.now().wall;
    let here = state.place.local(now).and_utc().timestamp_millis().saturating_sub(now.0);
    let is_open = error.is_none() && state.events.is_some();
    let status = page::status(error.is_some());
    let page = EventsPage {
        frame: clerk.frame(&state, PATH),
        stream: if is_open { address("/admin/events/stream", &[("q", &q)]) } else { String::new() },
        newer: address(PATH, &[("q", &q), ("after", &last.to_string())]),
        newest: address(PATH, &[("q", &q)]),
        is_after: wanted.after.is_some(),
        offset_secs: here.div_euclid(1000),
        examples: EXAMPLES.map(|(says, filter)| (says, filter, address(PATH, &[("q", filter)]))).into(),
        words: Words::of(&state).await.map_err(|refusal| refused(&state, refusal))?,
        error,
        rows,
        last,
        q,
    };
    Ok(html(status, page.render()))
}

fn read(q: &str) -> Result<Filter, FilterError> {
    if q.is_empty() { Ok(Filter::all()) } else { Filter::parse(q) }
}

/// The newest events that the listener hears, or those after one, newest first; and the last that was looked at.
async fn find(
    state: &AdminState,
    listener: &Listener,
    after: Option<i64>,
) -> Result<(Vec<Row>, i64), StoreError> {
    let Some((oldest, newest)) = state.store.session_event_range().await? else {
        return Ok((Vec::new(), after.unwrap_or(0).max(0)));
    };
    let slice = u32::try_from(SLICE).unwrap_or(1);
    let mut rows = Vec::new();
    if let Some(after) = after {
        let mut last = after.clamp(oldest.saturating_sub(1), newest);
        while rows.len() < SHOWN {
            let events = state.store.session_events(last, slice).await?;
            let Some(end) = events.last() else { break };
            last = end.id;
            for logged in &events {
                if rows.len() >= SHOWN {
                    break;
                }
                last = logged.id;
                rows.extend(listener.hear(&logged.event).map(|told| row(state, logged.id, &told)));
            }
        }
        rows.reverse();
        return Ok((rows, last));
    }
    let mut upper = newest;
    while rows.len() < SHOWN && upper >= oldest {
        let lower = upper.saturating_sub(SLICE).max(oldest.saturating_sub(1));
        let events = state.store.session_events(lower, u32::try_from(upper - lower).unwrap_or(slice)).await?;
        let heard = events.iter().rev().filter_map(|logged| Some((logged.id, listener.hear(&logged.event)?)));
        rows.extend(heard.map(|(id, told)| row(state, id, &told)));
        upper = lower;
    }
    rows.truncate(SHOWN);
    Ok((rows, newest))
}

fn row(state: &AdminState, id: i64, told: &Told<'_>) -> Row {
    let property = |key: FixedKey| told.properties.get(key.as_str()).copied().filter(|text| !text.is_empty());
    let name = property(FixedKey::Hostname).or_else(|| property(FixedKey::Mac)).unwrap_or("a device");
    Row {
        id,
        at: time(state, told.at),
        kind: told.kind.as_str().replace('_', " "),
        badge: badge(told.kind),
        name: Name::short(name),
        session: told.session.to_string(),
        device: told.device.to_string(),
        details: Name::whole(details(told)),
    }
}

fn time(state: &AdminState, at: WallTime) -> String {
    state.place.local(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// How a kind looks; `static/admin/events.js` has the same.
const fn badge(kind: SessionEventKind) -> &'static str {
    match kind {
        SessionEventKind::Open | SessionEventKind::Reconnected => "good",
        SessionEventKind::Disconnected => "warn",
        SessionEventKind::Update | SessionEventKind::FailedOver | SessionEventKind::Close => "",
    }
}

/// What has changed, or why; `static/admin/events.js` says the same.
fn details(told: &Told<'_>) -> String {
    let mut said: Vec<String> = told.reason.map(|reason| reason.replace('_', " ")).into_iter().collect();
    if told.kind == SessionEventKind::Open {
        let named = [FixedKey::Provider, FixedKey::Plan, FixedKey::Zone].map(FixedKey::as_str);
        let known = named.iter().filter_map(|key| Some((key, told.properties.get(key)?)));
        said.extend(
            known.filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key} {value}")),
        );
    }
    said.extend(told.previous.iter().map(|(key, before)| {
        let word = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("nothing").to_owned();
        format!("{key}: {} → {}", word(*before), word(told.properties.get(key).copied()))
    }));
    said.join(", ")
}

/// `GET /admin/events/stream`: the same as it happens.
pub(super) async fn stream(
    clerk: Clerk,
    State(state): State<AdminState>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, LISTEN)?;
    let Some(hub) = state.events.clone() else { return Err(refused(&state, Refusal::Stopping)) };
    let told = |status, text: &str| say(&state, status, "That did not work", &sentence(text));
    let filter = read(wanted.q.trim());
    let filter = filter.map_err(|error| told(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()))?;
    let begin = begin(&headers, wanted.last_event_id.as_deref());
    let begin = begin.map_err(|problem| told(problem.status(), problem.detail()))?;
    let ends = {
        let state = state.clone();
        async move {
            // Whoever was signed out, or lost a permission, hears no more.
            while clerk.still_may(&state, LISTEN).await {
                tokio::time::sleep(STILL).await;
            }
        }
    };
    let listener = Listener::new(filter, Select::everything(), None);
    hub.stream(listener, begin, ends).await.map_err(|problem| told(problem.status(), problem.detail()))
}
