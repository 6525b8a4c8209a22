use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::listing::{Column, ListQuery, Listing};
use super::name::{Name, device_badge, of_device};
use super::sessions::{PLACE as SESSIONS, Words, address};
use crate::admin::clerk::{Clerk, Fields, SERVE, VIEW};
use crate::admin::form::{Form, Hidden, Wrong};
use crate::admin::frame::Frame;
use crate::admin::page::{html, refused};
use crate::admin::pager::address as link;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::{DeviceId, DeviceStatus, MacError, Refusal, Text, ZoneName};
use crate::runtime::{DeviceKey, DeviceList, ListedDevice};
use crate::store::Direction;

/// Where the list is.
pub(super) const PLACE: &str = "/admin/devices";
/// The form that makes a device known.
const REGISTER: &str = "register";

/// What can be looked for, as examples: what it finds, and the filter.
const EXAMPLES: [(&str, &str); 4] = [
    ("Phones", "$ClientType in [\"ANDROID\", \"IOS\"]"),
    ("Less than 10 MB left", "$DataLeft lt \"10\""),
    ("Without a session", "not has $SessionId"),
    ("With a role", "$Roles ne \"\""),
];

/// All devices.
#[derive(Debug, Template)]
#[template(path = "admin/devices_all.html")]
struct DevicesPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    list: Listing,
    rows: Vec<Row>,
    columns: Vec<Column>,
    states: [&'static str; 3],
    examples: Vec<(&'static str, &'static str, String)>,
    words: Words,
    zones: Vec<String>,
    /// The list of their sessions.
    sessions: String,
    hidden: Hidden,
    typed: Form,
    done: Option<&'static str>,
}

/// What of it changes by itself.
#[derive(Debug, Template)]
#[template(path = "admin/devices_rows.html")]
struct RowsPart<'a> {
    clerk: &'a Clerk,
    list: Listing,
    rows: Vec<Row>,
    columns: Vec<Column>,
}

/// A device in the table.
#[derive(Debug)]
struct Row {
    id: DeviceId,
    name: Name,
    status: &'static str,
    badge: &'static str,
    mac: String,
    address: String,
    zone: Name,
    session: Option<(String, String)>,
    last_seen: String,
}

impl Row {
    fn new(state: &AdminState, listed: &ListedDevice) -> Self {
        let device = &listed.device;
        let session = listed.session.as_ref();
        Self {
            id: device.id,
            name: Name::short(of_device(device)),
            status: listed.status().as_str(),
            badge: device_badge(listed.status()),
            mac: device.mac.to_string(),
            address: address(device),
            zone: Name::short(device.zone.as_ref().map(ToString::to_string).unwrap_or_default()),
            session: session.map(|session| {
                let standing = format!("{}, {} left", shown::state(session), shown::left(session));
                (session.id.to_string(), standing)
            }),
            last_seen: device.last_seen.map(|at| shown::time(at, &*state.place)).unwrap_or_default(),
        }
    }
}

fn read(query: &ListQuery) -> Listing {
    let is_state = |state: &str| DeviceStatus::ALL.iter().any(|status| status.as_str() == state);
    Listing::read(PLACE, query, is_state, |key| DeviceKey::from_name(key).is_some())
}

/// The rows of the page that is shown, and their number in all.
async fn rows(state: &AdminState, list: &mut Listing) -> Result<Vec<Row>, Refusal> {
    if list.seek.error().is_some() {
        return Ok(Vec::new());
    }
    let sort = list.sorted_by().and_then(|(name, is_descending)| {
        let direction = if is_descending { Direction::Descending } else { Direction::Ascending };
        DeviceKey::from_name(name).map(|key| (key, direction))
    });
    let mut wanted = DeviceList {
        status: DeviceStatus::ALL.into_iter().find(|status| status.as_str() == list.state),
        filter: list.seek.filter(),
        q: list.seek.words(),
        sort: sort.into_iter().collect(),
        page: list.pager.page,
        per_page: list.pager.per_page,
    };
    let (mut found, total) = state.handle.list_devices(&wanted).await?;
    if list.pager.counted(total) {
        wanted.page = list.pager.page;
        (found, _) = state.handle.list_devices(&wanted).await?;
    }
    // Usage to the last reading, as the list of sessions shows it.
    let sessions = found.iter().filter_map(|listed| listed.session.as_deref().cloned()).collect();
    let fresh = state.handle.freshen(sessions).await?;
    for listed in &mut found {
        let id = listed.session.as_ref().map(|session| session.id);
        if let Some(session) = fresh.iter().find(|session| Some(session.id) == id) {
            listed.session = Some(std::sync::Arc::new(session.clone()));
        }
    }
    Ok(found.iter().map(|listed| Row::new(state, listed)).collect())
}

fn columns(list: &Listing) -> Vec<Column> {
    [
        ("Device", "name"),
        ("Standing", "status"),
        ("MAC", "mac"),
        ("Address", ""),
        ("Zone", "zone"),
        ("Session", ""),
        ("Last seen", "last_seen"),
    ]
    .map(|(title, key)| list.column(title, key))
    .into()
}

/// `GET /admin/devices`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    show(&state, &clerk, &query, Form::default(), StatusCode::OK).await
}

async fn show(
    state: &AdminState,
    clerk: &Clerk,
    query: &ListQuery,
    typed: Form,
    status: StatusCode,
) -> Result<Response, Response> {
    let mut list = read(query);
    let refused = |refusal| refused(state, refusal);
    let rows = rows(state, &mut list).await.map_err(refused)?;
    let columns = columns(&list);
    let status = if list.seek.error().is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    if query.part == "rows" {
        return Ok(html(status, RowsPart { clerk, list, rows, columns }.render()));
    }
    let policies = state.handle.policies().await.map_err(refused)?;
    let page = DevicesPage {
        frame: clerk.frame(state, PLACE),
        clerk,
        rows,
        columns,
        states: DeviceStatus::ALL.map(DeviceStatus::as_str),
        examples: EXAMPLES.map(|(says, filter)| (says, filter, list.looking_for(filter))).into(),
        words: Words::of(state).await.map_err(refused)?,
        zones: policies.zones.keys().map(ToString::to_string).collect(),
        sessions: link(SESSIONS, &[("q", &list.seek.text), ("as", &query.reading)]),
        hidden: Hidden::new(clerk),
        typed,
        done: (query.done == "deleted").then_some("The device is forgotten, with its sessions."),
        list,
    };
    Ok(html(status, page.render()))
}

/// `POST /admin/devices`: makes a device known before it is ever seen.
pub(super) async fn register(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let typed = Form::sent(fields).named(REGISTER);
    match registered(&state, &clerk, &typed).await {
        Ok(id) => Ok(Redirect::to(&format!("{PLACE}/{id}?done=registered")).into_response()),
        Err(wrong) => {
            let status = wrong.status();
            show(&state, &clerk, &ListQuery::default(), typed.refused(wrong), status).await
        }
    }
}

async fn registered(state: &AdminState, clerk: &Clerk, typed: &Form) -> Result<DeviceId, Wrong> {
    let mac = typed.get("mac").parse().map_err(|error: MacError| Wrong::field("mac", error.to_string()))?;
    let alias = Some(Text::new(typed.get("alias"))).filter(|alias| !alias.is_empty());
    let zone = Some(typed.get("zone")).filter(|zone| !zone.is_empty()).map(ZoneName::new);
    let handle = clerk.acting(state, "device.register", "", None);
    Ok(handle.register_device(mac, alias, zone).await?.id)
}
