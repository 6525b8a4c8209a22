use std::collections::{BTreeMap, BTreeSet, HashMap};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::listing::{Column, ListQuery, Listing, PER_PAGES};
use super::name::{Name, badge, of_device};
use super::usage::amount;
use crate::admin::clerk::{Clerk, VIEW};
use crate::admin::form::Hidden;
use crate::admin::frame::Frame;
use crate::admin::page::{html, refused};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::{
    ClientDevice, ClientSession, ClientType, DeviceId, FixedKey, Refusal, SessionKind, SessionState,
};
use crate::runtime::SessionList;
use crate::store::{Direction, SortKey};

/// Where the list is.
pub(super) const PLACE: &str = "/admin/sessions";
/// So many names of properties that somebody made up are offered.
const MOST_KEYS: usize = 100;

/// What can be looked for, as examples: what it finds, and the filter.
const EXAMPLES: [(&str, &str); 6] = [
    ("Less than 10 MB left", "$DataLeft lt \"10\""),
    ("Less than ten minutes left", "$TimeLeft lt \"600\""),
    ("Running on phones", "$State is \"running\" and $ClientType in [\"ANDROID\", \"IOS\"]"),
    ("More than a gigabyte used", "$DataUsed gt \"1000\""),
    ("Bought with a voucher", "has $Voucher"),
    ("With a role", "$Roles ne \"\""),
];

/// All sessions.
#[derive(Debug, Template)]
#[template(path = "admin/sessions.html")]
struct SessionsPage<'a> {
    frame: Frame,
    clerk: &'a Clerk,
    list: Listing,
    rows: Vec<Row>,
    columns: Vec<Column>,
    examples: Vec<(&'static str, &'static str, String)>,
    words: Words,
    hidden: Hidden,
    done: Option<String>,
}

/// What of it changes by itself.
#[derive(Debug, Template)]
#[template(path = "admin/sessions_rows.html")]
struct RowsPart<'a> {
    clerk: &'a Clerk,
    list: Listing,
    rows: Vec<Row>,
    columns: Vec<Column>,
    hidden: Hidden,
}

/// A session in the table.
#[derive(Debug)]
struct Row {
    id: String,
    name: Name,
    /// What stands below the name.
    address: String,
    device: DeviceId,
    state: &'static str,
    badge: &'static str,
    /// What is used, and what is left if there is a limit.
    time: (String, Option<String>),
    data: (String, Option<String>),
    sold_as: Name,
    started: String,
    expires: String,
}

impl Row {
    fn new(state: &AdminState, session: &ClientSession, device: Option<&ClientDevice>) -> Self {
        let time = |at: Option<_>| at.map(|at| shown::time(at, &*state.place)).unwrap_or_default();
        let sold_as = session.plan.clone().unwrap_or_else(|| session.provider.to_string());
        Self {
            id: session.id.to_string(),
            name: Name::short(device.map_or_else(|| session.device.to_string(), of_device)),
            address: device.map(address).unwrap_or_default(),
            device: session.device,
            state: shown::state(session),
            badge: badge(session),
            time: (shown::duration(session.usage.time_ms), session.time_left_ms().map(shown::duration)),
            data: (amount(session.usage.data_bytes()), session.data_left_bytes().map(amount)),
            sold_as: Name::short(sold_as),
            started: time(session.started_at),
            expires: time(session.expires_at),
        }
    }
}

/// The address by which a device can be told from others of its name.
pub(super) fn address(device: &ClientDevice) -> String {
    let v4 = device.ipv4.first().map(ToString::to_string);
    v4.or_else(|| device.ipv6.first().map(ToString::to_string)).unwrap_or_else(|| device.mac.to_string())
}

/// What the script completes in the search box.
#[derive(Debug)]
pub(in crate::admin) struct Words {
    /// Names of properties, apart by spaces, which they cannot hold.
    pub(in crate::admin) keys: String,
    /// What some of them can be, as JSON.
    pub(in crate::admin) values: String,
}

impl Words {
    pub(in crate::admin) async fn of(state: &AdminState) -> Result<Self, Refusal> {
        let now = state.handle.snapshot().await?;
        let own = now.sessions.iter().flat_map(|(session, _)| session.properties.keys());
        let own: BTreeSet<&str> = own.map(String::as_str).filter(|key| !key.starts_with('$')).collect();
        let fixed = FixedKey::ALL.iter().map(|key| key.as_str());
        let keys: Vec<&str> = fixed.chain(own.into_iter().take(MOST_KEYS)).collect();
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let kinds = [SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData].map(SessionKind::as_str);
        let values: BTreeMap<&str, Vec<String>> = [
            (FixedKey::State, text(&SessionState::NAMES)),
            (FixedKey::Kind, text(&kinds)),
            (FixedKey::ClientType, text(&ClientType::ALL.map(|(_, name)| name))),
            (FixedKey::Transport, text(&["WIFI", "WIRED", "OTHER"])),
            (FixedKey::Zone, now.policies.zones.keys().map(ToString::to_string).collect()),
        ]
        .map(|(key, values)| (key.as_str(), values))
        .into();
        Ok(Self { keys: keys.join(" "), values: serde_json::to_string(&values).unwrap_or_default() })
    }
}

/// What an address says of the sessions that are wanted, all pages of them.
pub(super) fn read(query: &ListQuery) -> Listing {
    let is_state = |state: &str| SessionState::NAMES.contains(&state);
    Listing::read(PLACE, query, is_state, |key| SortKey::from_name(key).is_some())
}

/// The same as the sessions manager is asked for it. `None` if the filter cannot be read.
pub(super) fn wanted(list: &Listing) -> Option<SessionList> {
    if list.seek.error().is_some() {
        return None;
    }
    let sort = list.sorted_by().and_then(|(name, is_descending)| {
        let direction = if is_descending { Direction::Descending } else { Direction::Ascending };
        SortKey::from_name(name).map(|key| (key, direction))
    });
    Some(SessionList {
        device: None,
        state: SessionState::NAMES.into_iter().find(|name| *name == list.state),
        filter: list.seek.filter(),
        q: list.seek.words(),
        sort: sort.into_iter().collect(),
        page: list.pager.page,
        per_page: list.pager.per_page,
    })
}

/// The rows of the page that is shown, and their number in all.
async fn rows(state: &AdminState, list: &mut Listing) -> Result<Vec<Row>, Refusal> {
    let Some(mut wanted) = wanted(list) else { return Ok(Vec::new()) };
    let (mut sessions, total) = state.handle.list_sessions(&wanted).await?;
    if list.pager.counted(total) {
        wanted.page = list.pager.page;
        (sessions, _) = state.handle.list_sessions(&wanted).await?;
    }
    let devices = devices_of(state, &sessions).await?;
    Ok(sessions.iter().map(|session| Row::new(state, session, devices.get(&session.device))).collect())
}

/// The devices of these sessions.
pub(super) async fn devices_of(
    state: &AdminState,
    sessions: &[ClientSession],
) -> Result<HashMap<DeviceId, ClientDevice>, Refusal> {
    state.handle.devices_by_id(sessions.iter().map(|session| session.device).collect()).await
}

fn columns(list: &Listing) -> Vec<Column> {
    [
        ("Device", "name"),
        ("State", "state"),
        ("Time", "time_used_secs"),
        ("Data", "data_used_mb"),
        ("Sold as", "plan"),
        ("Started", "started_at"),
        ("Valid until", "expires_at"),
    ]
    .map(|(title, key)| list.column(title, key))
    .into()
}

/// `GET /admin/sessions`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let mut list = read(&query);
    let rows = rows(&state, &mut list).await.map_err(|refusal| refused(&state, refusal))?;
    let (columns, hidden) = (columns(&list), Hidden::new(&clerk).asking(&list.pager));
    let status = match list.seek.error() {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    if query.part == "rows" {
        return Ok(html(status, RowsPart { clerk: &clerk, list, rows, columns, hidden }.render()));
    }
    let examples = EXAMPLES.map(|(says, filter)| (says, filter, list.looking_for(filter))).into();
    let page = SessionsPage {
        frame: clerk.frame(&state, PLACE),
        clerk: &clerk,
        rows,
        columns,
        examples,
        words: Words::of(&state).await.map_err(|refusal| refused(&state, refusal))?,
        hidden,
        done: super::bulk::done(&query.done).or_else(|| match query.done.as_str() {
            "deleted" => Some("The session is deleted.".to_owned()),
            _ => None,
        }),
        list,
    };
    Ok(html(status, page.render()))
}
