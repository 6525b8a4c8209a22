use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::PATH;
use super::theme::path;
use crate::admin::clerk::{ADMINISTER, Clerk};
use crate::admin::frame::Frame;
use crate::admin::page::{html, refused};
use crate::admin::state::AdminState;
use crate::config::ZoneConfig;
use crate::domain::Mbps;
use crate::domain::sessions_mgr::ZoneOpening;

/// Every zone, as it is configured.
#[derive(Debug, Template)]
#[template(path = "admin/zones.html")]
struct ZonesPage {
    frame: Frame,
    zones: Vec<ZoneView>,
}

/// A zone.
#[derive(Debug)]
struct ZoneView {
    name: String,
    online: usize,
    /// Whether it is open, and until when, if it is not always.
    hours: Option<String>,
    /// What its portal calls itself.
    place: String,
    /// Whether the admin pages have said how it looks.
    is_written: bool,
    theme: String,
    /// What the configuration says, each with the key's meaning.
    facts: Vec<(&'static str, String)>,
}

/// `GET /admin/zones`
pub(super) async fn show(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let online = state.handle.zones_online().await.map_err(|refusal| refused(&state, refusal))?;
    let openings = state.handle.openings().await.map_err(|refusal| refused(&state, refusal))?;
    let hours = |zone: &ZoneConfig| {
        let opening = openings.iter().find(|(name, _)| *name == zone.name).map(|(_, opening)| *opening);
        hours(zone, opening, &state)
    };
    let view = |zone: &ZoneConfig| {
        let count = online.iter().find(|(name, _)| *name == zone.name).map_or(0, |(_, count)| *count);
        let worn = state.themes.of(&zone.name).map(|theme| theme.now());
        ZoneView {
            name: zone.name.to_string(),
            online: count,
            hours: hours(zone),
            place: worn.map(|dress| dress.name.clone()).unwrap_or_default(),
            is_written: state.themes.theme(&zone.name).is_some_and(|(_, is_written)| is_written),
            theme: path(&zone.name),
            facts: facts(zone),
        }
    };
    let zones = state.zones.iter().map(view).collect();
    let page = ZonesPage { frame: clerk.frame(&state, PATH), zones };
    Ok(html(StatusCode::OK, page.render()))
}

/// Whether it is open, and when that changes.
fn hours(zone: &ZoneConfig, opening: Option<ZoneOpening>, state: &AdminState) -> Option<String> {
    if zone.open.is_always() {
        return None;
    }
    let ZoneOpening { is_open, changes_at, .. } = opening?;
    let when = changes_at.map(|at| state.handle.ahead(at));
    Some(match (is_open, when) {
        (true, Some(when)) => format!("Open; closes {when}."),
        (false, Some(when)) => format!("Closed; opens {when}."),
        (_, None) => "Open: the clock of this box cannot be believed yet.".to_owned(),
    })
}

fn facts(zone: &ZoneConfig) -> Vec<(&'static str, String)> {
    let secs = |secs: Option<u64>| secs.map_or_else(|| "never".to_owned(), |secs| format!("after {secs} s"));
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let list = |items: Vec<String>, none: &str| {
        if items.is_empty() { none.to_owned() } else { items.join(", ") }
    };
    let mut portal = format!("http, {}", zone.portal);
    if let Some(secure) = zone.portal_tls {
        portal.push_str(&format!("; https, {secure}"));
    }
    let providers = zone.providers.as_ref().map_or_else(
        || "all there are".to_owned(),
        |names| list(names.iter().map(ToString::to_string).collect(), "none"),
    );
    let garden = zone
        .garden_domains
        .iter()
        .cloned()
        .chain(zone.garden_addresses.iter().map(ToString::to_string))
        .collect();
    vec![
        ("Network devices", zone.lan.join(", ")),
        ("Portal", portal),
        ("Speed of the zone", speeds(zone.down, zone.up)),
        ("Speed of a client", speeds(zone.client_down, zone.client_up)),
        ("Pauses when idle", secs(zone.idle_timeout_secs)),
        ("Pauses when away", secs(zone.away_pause_secs)),
        ("Lets known devices through by itself", yes(zone.auto_connect)),
        ("Opening hours", list(zone.open.lines().to_vec(), "always open")),
        ("Ways in", providers),
        ("Free for all", list(garden, "nothing")),
        ("Never captive", list(zone.trusted.iter().map(ToString::to_string).collect(), "no device")),
        ("Keeps devices apart", yes(zone.isolate)),
        ("Reachable from outside", yes(zone.inbound)),
    ]
}

fn speeds(down: Option<Mbps>, up: Option<Mbps>) -> String {
    let one = |speed: Option<Mbps>| {
        speed.map_or_else(|| "unlimited".to_owned(), |speed| format!("{} Mbit/s", speed.as_mbps()))
    };
    if down.is_none() && up.is_none() { one(None) } else { format!("{} down, {} up", one(down), one(up)) }
}
