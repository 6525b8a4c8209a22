use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::history::{self, Line};
use super::name::{Name, badge, of_device};
use super::sessions::address;
use super::usage::{Bar, amount, grown, speeds};
use crate::admin::clerk::{Clerk, VIEW};
use crate::admin::form::{Form, Hidden};
use crate::admin::frame::Frame;
use crate::admin::once::new_once;
use crate::admin::page::{failed, html, refused};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::{
    ClientDevice, ClientSession, DeviceId, FixedKey, Refusal, Select, SessionId, SessionState, Tag, WallTime,
    is_settable,
};
use crate::http::PathPart;
use crate::runtime::DeviceRef;
use crate::store::MessageQuery;

/// So many messages of a device are shown: all that are kept.
const MOST_MESSAGES: u32 = 20;

/// A session: what it is, how it goes on, and what can be done with it.
#[derive(Debug, Template)]
#[template(path = "admin/session.html")]
struct SessionPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    id: SessionId,
    device: DeviceId,
    /// Its device's, and this page's.
    name: Name,
    address: String,
    state: &'static str,
    badge: &'static str,
    is_over: bool,
    is_running: bool,
    facts: Vec<(&'static str, Name)>,
    bars: [Bar; 2],
    /// How its data grew; SVG, escaped.
    plot: Option<String>,
    /// What time and data limit it now, for the form.
    limits: [String; 2],
    speeds: [String; 2],
    exp_days: String,
    takes_time: bool,
    takes_data: bool,
    global_speed: bool,
    properties: Vec<PropertyRow>,
    roles: Vec<Name>,
    role_names: Vec<String>,
    known_roles: Vec<String>,
    principal: String,
    messages: Vec<MessageRow>,
    history: Vec<Line>,
    hidden: Hidden,
    typed: Form,
    done: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct PropertyRow {
    pub(super) key: String,
    pub(super) name: Name,
    pub(super) value: Name,
    /// Somebody's, or a fixed one that was set by hand: it can be deleted.
    pub(super) can_delete: bool,
}

/// A message as a page lists it.
#[derive(Debug)]
pub(super) struct MessageRow {
    pub(super) id: String,
    pub(super) text: Name,
    pub(super) left: String,
    pub(super) until: String,
    pub(super) shown: Option<String>,
}

/// The messages of a device that are not expired.
pub(super) async fn messages(state: &AdminState, device: DeviceId) -> Result<Vec<MessageRow>, Response> {
    let alive_at = Some(state.handle.now().wall);
    let wanted = MessageQuery { device: Some(device), alive_at, page: 1, per_page: MOST_MESSAGES };
    let (found, _) = state.store.messages(&wanted).await.map_err(|error| failed(state, &error))?;
    let time = |at| shown::time(at, &*state.place);
    let row = |left: crate::store::LeftMessage| MessageRow {
        id: left.message.id.to_string(),
        text: Name::whole(left.message.text.as_str()),
        left: time(left.message.created_at),
        until: time(left.message.expires_at),
        shown: left.shown_at.map(time),
    };
    Ok(found.into_iter().map(row).collect())
}

/// The address of a session's page.
pub(super) fn place(session: SessionId) -> String {
    format!("{}/{session}", super::sessions::PLACE)
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    done: String,
}

/// What the page says after something was done.
fn done(name: &str) -> Option<&'static str> {
    Some(match name {
        "terms" => "The terms are changed.",
        "property" => "The property is set.",
        "property_deleted" => "The property is deleted.",
        "roles" => "The roles are changed.",
        "principal" => "It is changed to whom the session belongs.",
        "message" => "The message is left.",
        "message_deleted" => "The message is taken away.",
        "closed" => "The session is closed.",
        "created" => "The session is made.",
        "again" => "This form was sent before. It was done then, and once.",
        _ => return None,
    })
}

/// The session that an address names.
pub(super) async fn find(state: &AdminState, id: &str) -> Result<ClientSession, Response> {
    let refused = |refusal| refused(state, refusal);
    let id = id.parse().map_err(|_| refused(Refusal::UnknownSession))?;
    state.handle.session(id).await.map_err(refused)
}

/// `GET /admin/sessions/{id}`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPart(id): PathPart,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let session = find(&state, &id).await?;
    page(&state, &clerk, &session, Form::default(), StatusCode::OK, done(&wanted.done)).await
}

/// The page of a session, with what was typed into one of its forms.
pub(super) async fn page(
    state: &AdminState,
    clerk: &Clerk,
    session: &ClientSession,
    typed: Form,
    status: StatusCode,
    done: Option<&'static str>,
) -> Result<Response, Response> {
    let refused = |refusal| refused(state, refusal);
    let device = state.handle.find_device(DeviceRef::Id(session.device)).await.map_err(refused)?;
    let policies = state.handle.policies().await.map_err(refused)?;
    let told = state.store.session_events_of(session.id).await.map_err(|error| failed(state, &error))?;
    let time = |at: i64| shown::time(WallTime(at), &*state.place);
    let terms = &session.terms;
    let speed = |speed: Option<crate::domain::Mbps>| {
        speed.map_or_else(|| "0".to_owned(), |speed| speed.as_mbps().to_string())
    };
    let page = SessionPage {
        frame: clerk.frame(state, super::sessions::PLACE),
        clerk,
        id: session.id,
        device: session.device,
        name: Name::heading(of_device(&device)),
        address: address(&device),
        state: shown::state(session),
        badge: badge(session),
        is_over: !session.is_usable(),
        is_running: session.is_running(),
        facts: facts(state, session, &device, &policies),
        bars: Bar::of(session),
        plot: grown(&told, session, state.handle.now().wall.0, time),
        limits: [
            terms.time_limit_ms.map(shown::duration).unwrap_or_default(),
            terms.data_limit_bytes.map(amount).unwrap_or_default(),
        ],
        speeds: [speed(terms.down), speed(terms.up)],
        exp_days: terms.exp_days.map(|days| days.to_string()).unwrap_or_default(),
        takes_time: terms.time_limit_ms.is_some(),
        takes_data: terms.data_limit_bytes.is_some(),
        global_speed: terms.use_global_speed,
        properties: properties(state, session).await?,
        roles: session.roles.iter().map(Name::whole).collect(),
        role_names: session.roles.iter().cloned().collect(),
        known_roles: policies.roles.keys().cloned().collect(),
        principal: session.principal.clone().unwrap_or_default(),
        messages: messages(state, session.device).await?,
        history: history::of(state, clerk, None, Some(session.id)).await?,
        hidden: Hidden::new(clerk).with("once", new_once()).tagged(Tag::of_session(session)),
        typed,
        done,
    };
    Ok(html(status, page.render()))
}

fn facts(
    state: &AdminState,
    session: &ClientSession,
    device: &ClientDevice,
    policies: &crate::domain::Policies,
) -> Vec<(&'static str, Name)> {
    let time = |at: Option<WallTime>| at.map(|at| Name::whole(shown::time(at, &*state.place)));
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Name::whole);
    let rates = policies.rates(session, device);
    let closed = if let SessionState::Closed(_, text) = &session.state { Some(text.as_str()) } else { None };
    let reason =
        if let SessionState::Closed(reason, _) = &session.state { Some(reason.as_str()) } else { None };
    [
        ("Sold as", text(session.plan.as_deref())),
        ("Kind", Some(Name::whole(session.terms.kind.as_str().replace('_', " ")))),
        ("Grants", Some(Name::whole(shown::terms(&session.terms)))),
        ("Speed now", session.is_usable().then(|| speeds(rates.down, rates.up))),
        ("Sent", Some(Name::whole(amount(session.usage.sent_bytes)))),
        ("Received", Some(Name::whole(amount(session.usage.received_bytes)))),
        (
            "Not charged",
            Some(amount(session.free.data_bytes()))
                .filter(|_| session.free.data_bytes() > 0)
                .map(Name::whole),
        ),
        ("Closed for", text(reason)),
        ("Reason given", text(closed)),
        ("Belongs to", text(session.principal.as_deref())),
        ("From", Some(Name::whole(session.provider.as_str()))),
        ("Voucher", text(session.voucher.as_deref())),
        ("Made", time(Some(session.created_at))),
        ("First started", time(session.started_at)),
        ("Last resumed", time(session.resumed_at)),
        ("Valid until", time(session.expires_at)),
        ("Ended", time(session.ended_at)),
        ("Id", Some(Name::whole(session.id.to_string()))),
    ]
    .into_iter()
    .filter_map(|(title, value)| Some((title, value?)))
    .collect()
}

async fn properties(state: &AdminState, session: &ClientSession) -> Result<Vec<PropertyRow>, Response> {
    let all = state.handle.properties(session.id, Select::everything()).await;
    let all = all.map_err(|refusal| refused(state, refusal))?;
    let is_set = |key: &str| session.properties.contains_key(key);
    let can_delete = |key: &str| match FixedKey::from_name(key) {
        Some(fixed) => is_settable(fixed) && is_set(key),
        None => true,
    };
    let row = |(key, value): (std::borrow::Cow<'static, str>, String)| PropertyRow {
        can_delete: can_delete(&key),
        name: Name::whole(key.as_ref()),
        key: key.into_owned(),
        value: Name::whole(value),
    };
    Ok(all.into_iter().map(row).collect())
}
