use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::history::{self, Line};
use super::name::{Name, badge, device_badge, of_device};
use super::session_page::{MessageRow, messages};
use super::usage::amount;
use crate::admin::clerk::{Clerk, VIEW};
use crate::admin::form::{Form, Hidden};
use crate::admin::frame::Frame;
use crate::admin::once::new_once;
use crate::admin::page::{html, refused};
use crate::admin::pager::address;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::{
    ClientDevice, ClientSession, DeviceId, DeviceStatus, ProviderName, Refusal, SourceData, Tag,
};
use crate::http::PathPart;
use crate::runtime::{DeviceRef, SessionList};

/// So many of its sessions are shown.
const MOST_SESSIONS: u32 = 20;
/// So many of each provider's offers are asked for.
const MOST_OFFERS: u32 = 20;

/// A device: what it is, what it has, and what can be done with it.
#[derive(Debug, Template)]
#[template(path = "admin/device_all.html")]
struct DevicePage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    device: DeviceId,
    name: Name,
    status: &'static str,
    badge: &'static str,
    is_connected: bool,
    is_blocked: bool,
    can_connect: bool,
    alias: String,
    zone: String,
    zones: Vec<String>,
    facts: Vec<(&'static str, Name)>,
    sessions: Vec<SessionRow>,
    more: u64,
    /// The list of its sessions.
    all: String,
    roles: String,
    known_roles: Vec<String>,
    messages: Vec<MessageRow>,
    /// What the providers have for it; `None` if they were not asked.
    offers: Option<Vec<Offer>>,
    history: Vec<Line>,
    hidden: Hidden,
    typed: Form,
    said: Said,
}

/// What the page says after something was done.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) done: Option<String>,
    /// A recovery code, which is shown once and kept nowhere.
    pub(super) code: Option<String>,
}

/// What a provider has for it.
#[derive(Debug)]
struct Offer {
    provider: Name,
    grants: String,
    plan: Name,
}

/// A session of it.
#[derive(Debug)]
struct SessionRow {
    id: String,
    state: &'static str,
    badge: &'static str,
    sold_as: Name,
    left: String,
    used: String,
    made: String,
}

impl SessionRow {
    fn new(state: &AdminState, session: &ClientSession) -> Self {
        let (time, data) = (session.usage.time_ms, session.usage.data_bytes());
        Self {
            id: session.id.to_string(),
            state: shown::state(session),
            badge: badge(session),
            sold_as: Name::short(session.plan.clone().unwrap_or_else(|| session.provider.to_string())),
            left: shown::left(session),
            used: format!("{}, {}", shown::duration(time), amount(data)),
            made: shown::time(session.created_at, &*state.place),
        }
    }
}

/// The address of a device's page.
pub(super) fn place(device: DeviceId) -> String {
    format!("{}/{device}", super::devices::PLACE)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    done: String,
    /// `1`: ask the providers.
    #[serde(default)]
    pub(super) offers: String,
}

fn done(name: &str) -> Option<String> {
    let text = match name {
        "registered" => "The device is known now.",
        "connected" => "The device is let through.",
        "disconnected" => "The device is cut off, and its session is paused.",
        "blocked" => "The device is blocked.",
        "unblocked" => "The device is not blocked any more.",
        "changed" => "The device is changed.",
        "roles" => "The roles are changed.",
        "message" => "The message is left.",
        "again" => "This form was sent before. It was done then, and once.",
        "message_deleted" => "The message is taken away.",
        "moved" => "All that the other device had left is this one's now.",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The device that an address names.
pub(super) async fn find(state: &AdminState, id: &str) -> Result<ClientDevice, Response> {
    let refused = |refusal| refused(state, refusal);
    let id = id.parse().map_err(|_| refused(Refusal::UnknownDevice))?;
    state.handle.find_device(DeviceRef::Id(id)).await.map_err(refused)
}

/// `GET /admin/devices/{id}`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPart(id): PathPart,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let device = find(&state, &id).await?;
    let said = Said { done: done(&wanted.done), ..Said::default() };
    page(&state, &clerk, &device, Form::default(), StatusCode::OK, said, wanted.offers == "1").await
}

/// The page of a device, with what was typed into one of its forms.
pub(super) async fn page(
    state: &AdminState,
    clerk: &Clerk,
    device: &ClientDevice,
    typed: Form,
    status: StatusCode,
    said: Said,
    asks_providers: bool,
) -> Result<Response, Response> {
    let refused = |refusal| refused(state, refusal);
    let is_connected = state.handle.is_connected(device.id).await.map_err(refused)?;
    let wanted =
        SessionList { device: Some(device.id), page: 1, per_page: MOST_SESSIONS, ..SessionList::default() };
    let (sessions, total) = state.handle.list_sessions(&wanted).await.map_err(refused)?;
    let policies = state.handle.policies().await.map_err(refused)?;
    let offers = if asks_providers { Some(offers(state, device).await) } else { None };
    let standing = DeviceStatus::of(device, is_connected);
    let page = DevicePage {
        frame: clerk.frame(state, super::devices::PLACE),
        clerk,
        device: device.id,
        name: Name::heading(of_device(device)),
        status: standing.as_str(),
        badge: device_badge(standing),
        is_connected,
        is_blocked: device.blocked,
        can_connect: !is_connected && !device.blocked,
        alias: device.alias.as_ref().map(ToString::to_string).unwrap_or_default(),
        zone: device.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        zones: policies.zones.keys().map(ToString::to_string).collect(),
        facts: facts(state, device),
        more: total.saturating_sub(sessions.len() as u64),
        sessions: sessions.iter().map(|session| SessionRow::new(state, session)).collect(),
        all: address(super::sessions::PLACE, &[("q", &device.mac.to_string())]),
        roles: device.roles.iter().cloned().collect::<Vec<_>>().join(", "),
        known_roles: policies.roles.keys().cloned().collect(),
        messages: messages(state, device.id).await?,
        offers,
        history: history::of(state, clerk, Some(device.id), None).await?,
        hidden: Hidden::new(clerk).with("once", new_once()).tagged(Tag::of_device(device, is_connected)),
        typed,
        said,
    };
    Ok(html(status, page.render()))
}

async fn offers(state: &AdminState, device: &ClientDevice) -> Vec<Offer> {
    let (found, _) = state.handle.registry().fetch_all(device, 1, MOST_OFFERS).await;
    let offer = |(provider, data): (ProviderName, SourceData)| Offer {
        provider: Name::short(provider.as_str()),
        grants: shown::terms(&data.terms),
        plan: Name::short(data.plan.unwrap_or_default()),
    };
    found.into_iter().map(offer).collect()
}

fn facts(state: &AdminState, device: &ClientDevice) -> Vec<(&'static str, Name)> {
    let text = |text: Option<&crate::domain::Text>| text.map(|text| Name::whole(text.as_str()));
    let v4 = device.ipv4.iter().map(ToString::to_string);
    let addresses: Vec<String> = v4.chain(device.ipv6.iter().map(ToString::to_string)).collect();
    let listed = |texts: Vec<String>| Some(texts.join(", ")).filter(|text| !text.is_empty()).map(Name::whole);
    [
        ("MAC", Some(Name::whole(device.mac.to_string()))),
        ("Addresses", listed(addresses)),
        ("Host name", text(device.hostname.as_ref())),
        ("Zone", device.zone.as_ref().map(|zone| Name::whole(zone.as_str()))),
        ("On", text(device.interface.as_ref())),
        ("Attached by", Some(Name::whole(device.transport.as_str()))),
        ("Kind", device.client_type.map(|kind| Name::whole(kind.as_str()))),
        ("Language", text(device.language.as_ref())),
        ("On the network", Some(Name::whole(if device.present { "yes" } else { "no" }))),
        ("First seen", Some(Name::whole(shown::time(device.first_seen, &*state.place)))),
        ("Last seen", device.last_seen.map(|at| Name::whole(shown::time(at, &*state.place)))),
        ("Id", Some(Name::whole(device.id.to_string()))),
    ]
    .into_iter()
    .filter_map(|(title, value)| Some((title, value?)))
    .collect()
}
