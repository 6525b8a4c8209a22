use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{Clerk, Fields, SERVE};
use super::frame::Frame;
use super::front::{PlanView, plans_on_sale};
use super::once::new_once;
use super::page::{html, refused};
use super::shown;
use super::state::AdminState;
use super::tables::Name;
use crate::domain::{ClientDevice, ClientSession, DeviceId, Refusal};
use crate::runtime::DeviceRef;

/// The most devices that are offered where a name is many's.
const MOST_FOUND: usize = 20;

/// A device, what it has, and what can be done for it.
#[derive(Debug, Template)]
#[template(path = "admin/device.html")]
struct DevicePage {
    frame: Frame,
    device: DeviceView,
    facts: Vec<(&'static str, Name)>,
    sessions: Vec<SessionView>,
    plans: Vec<PlanView>,
    once: String,
    can_connect: bool,
    /// What was just done.
    done: Option<&'static str>,
}

/// Which of several devices?
#[derive(Debug, Template)]
#[template(path = "admin/devices.html")]
struct DevicesPage {
    frame: Frame,
    devices: Vec<DeviceView>,
    more: bool,
}

/// A device in a list.
#[derive(Debug)]
struct DeviceView {
    id: DeviceId,
    name: Name,
    mac: String,
    zone: Option<Name>,
}

#[derive(Debug)]
struct SessionView {
    id: String,
    state: &'static str,
    left: String,
    sold_as: Name,
    until: Option<String>,
}

impl DeviceView {
    fn new(device: &ClientDevice) -> Self {
        Self {
            id: device.id,
            name: Name::whole(shown::device_name(device)),
            mac: device.mac.to_string(),
            zone: device.zone.as_ref().map(|zone| Name::short(zone.as_str())),
        }
    }
}

impl SessionView {
    fn new(state: &AdminState, session: &ClientSession) -> Self {
        Self {
            id: session.id.to_string(),
            state: shown::state(session),
            left: shown::left(session),
            sold_as: Name::short(session.plan.clone().unwrap_or_else(|| session.provider.to_string())),
            until: session.expires_at.map(|at| shown::time(at, &*state.place)),
        }
    }
}

/// The devices that a text names: one by its id, MAC or IP address, else those whose name holds it.
async fn search(state: &AdminState, text: &str) -> Result<Vec<ClientDevice>, Refusal> {
    let id = || text.parse().ok().map(DeviceRef::Id);
    let mac = || text.parse().ok().map(DeviceRef::Mac);
    let ip = || text.parse().ok().map(DeviceRef::Ip);
    if let Some(by) = id().or_else(mac).or_else(ip) {
        return state.handle.find_device(by).await.map(|device| vec![device]);
    }
    let wanted = text.to_lowercase();
    let mut found = state.handle.devices().await?;
    found.retain(|device| {
        let names = [&device.alias, &device.hostname];
        names.into_iter().flatten().any(|name| name.as_str().to_lowercase().contains(&wanted))
    });
    found.sort_by_key(|device| (std::cmp::Reverse(device.last_seen), device.id));
    if found.is_empty() || wanted.is_empty() { Err(Refusal::UnknownDevice) } else { Ok(found) }
}

/// The one device that a text names, for a form: which of many it is must be said there.
pub(super) async fn find_device(state: &AdminState, text: &str) -> Result<ClientDevice, Response> {
    let mut found = search(state, text).await.map_err(|refusal| refused(state, refusal))?;
    match (found.pop(), found.is_empty()) {
        (Some(device), true) => Ok(device),
        _ => {
            let text = "Several devices are called so. Find the device first, and do it there.";
            Err(super::page::say(state, StatusCode::CONFLICT, "Which device?", text))
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    dev: String,
    done: Option<String>,
}

/// The address of a device's page.
pub(super) fn place(device: DeviceId, done: &str) -> String {
    format!("/admin/device?dev={device}&done={done}")
}

/// `GET /admin/device`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let frame = clerk.frame(&state, "/admin/counter");
    let refused = |refusal| refused(&state, refusal);
    let found = search(&state, wanted.dev.trim()).await.map_err(refused)?;
    let [device] = found.as_slice() else {
        let devices = found.iter().take(MOST_FOUND).map(DeviceView::new).collect();
        let page = DevicesPage { frame, devices, more: found.len() > MOST_FOUND };
        return Ok(html(StatusCode::OK, page.render()));
    };
    let connected = state.handle.is_connected(device.id).await.map_err(refused)?;
    let sessions = state.handle.usable_sessions(device.id).await.map_err(refused)?;
    let page = DevicePage {
        frame,
        device: DeviceView::new(device),
        facts: facts(&state, device, connected),
        can_connect: !connected && !device.blocked && !sessions.is_empty(),
        plans: plans_on_sale(&state).await?,
        once: new_once(),
        sessions: sessions.iter().map(|session| SessionView::new(&state, session)).collect(),
        done: match wanted.done.as_deref() {
            Some("redeemed") => Some("The code is redeemed."),
            Some("connected") => Some("The device is let through."),
            Some("topped_up") => Some("Sold and added."),
            Some("again") => Some("This form was sent before. What it sold was added then, and once."),
            Some(_) | None => None,
        },
    };
    Ok(html(StatusCode::OK, page.render()))
}

fn facts(state: &AdminState, device: &ClientDevice, connected: bool) -> Vec<(&'static str, Name)> {
    let standing = match (device.blocked, connected) {
        (true, _) => "blocked",
        (false, true) => "let through",
        (false, false) => "not let through",
    };
    let mut facts = vec![("Standing", standing.to_owned()), ("MAC", device.mac.to_string())];
    let addresses: Vec<String> = device
        .ipv4
        .iter()
        .map(ToString::to_string)
        .chain(device.ipv6.iter().map(ToString::to_string))
        .collect();
    if !addresses.is_empty() {
        facts.push(("Addresses", addresses.join(", ")));
    }
    facts.extend(device.zone.as_ref().map(|zone| ("Zone", zone.to_string())));
    facts.extend(device.last_seen.map(|at| ("Last seen", shown::time(at, &*state.place))));
    facts.into_iter().map(|(title, value)| (title, Name::whole(value))).collect()
}

#[derive(Debug, Deserialize)]
pub(super) struct Connect {
    dev: String,
}

/// `POST /admin/connect`
pub(super) async fn connect(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Connect>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let device = fields.dev.parse().map_err(|_| refused(&state, Refusal::UnknownDevice))?;
    let handle = clerk.handle(&state, "device.connect");
    handle.connect(device, None).await.map_err(|refusal| refused(&state, refusal))?;
    Ok(Redirect::to(&place(device, "connected")).into_response())
}
