use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::admin::clerk::{Clerk, Fields, VIEW};
use crate::admin::frame::Frame;
use crate::admin::page::{Confirm, forbidden, html, refused, say};
use crate::admin::pager::address;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{DeviceId, LockName, LockOwner, LockScope, LockStatus, Permission, Refusal, WallTime};

const PATH: &str = "/admin/locks";

/// Who holds what.
#[derive(Debug, Template)]
#[template(path = "admin/locks.html")]
struct LocksPage {
    frame: Frame,
    rows: Vec<Row>,
    done: Option<&'static str>,
}

/// What of it changes by itself.
#[derive(Debug, Template)]
#[template(path = "admin/locks_rows.html")]
struct RowsPart {
    rows: Vec<Row>,
}

/// A lock.
#[derive(Debug)]
struct Row {
    name: Name,
    plain: String,
    holder: Owner,
    since: String,
    frees: &'static str,
    waiting: Vec<(Owner, String)>,
    /// Where it is released; `None` for whoever may not.
    release: Option<String>,
}

/// Whoever holds or waits for a lock.
#[derive(Debug)]
struct Owner {
    name: Name,
    /// Its page.
    link: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: Option<String>,
    part: Option<String>,
    name: String,
    /// Who held it when that was looked at.
    owner: String,
}

/// `GET /admin/locks`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let locks = state.handle.locks();
    let names = names(&state, &locks).await?;
    let rows = locks.iter().map(|lock| row(&state, &clerk, lock, &names)).collect();
    if wanted.part.as_deref() == Some("rows") {
        return Ok(html(StatusCode::OK, RowsPart { rows }.render()));
    }
    let done = match wanted.done.as_deref() {
        Some("released") => Some("The lock is released. Whoever was next in line has it now."),
        Some(_) | None => None,
    };
    let page = LocksPage { frame: clerk.frame(&state, PATH), rows, done };
    Ok(html(StatusCode::OK, page.render()))
}

/// What the devices among owners are called.
async fn names(state: &AdminState, locks: &[LockStatus]) -> Result<HashMap<DeviceId, String>, Response> {
    if locks.is_empty() {
        return Ok(HashMap::new());
    }
    let owners = locks
        .iter()
        .flat_map(|lock| std::iter::once(lock.owner).chain(lock.waiters.iter().map(|waiter| waiter.owner)));
    let devices = owners.filter_map(|owner| match owner {
        LockOwner::Device(id) => Some(id),
        LockOwner::Connection(_) => None,
    });
    let found = state.handle.devices_by_id(devices.collect()).await;
    let found = found.map_err(|refusal| refused(state, refusal))?;
    Ok(found.into_iter().map(|(id, device)| (id, shown::device_name(&device))).collect())
}

fn owner(owner: LockOwner, names: &HashMap<DeviceId, String>) -> Owner {
    match owner {
        LockOwner::Device(id) => Owner {
            name: Name::short(names.get(&id).cloned().unwrap_or_else(|| id.to_string())),
            link: Some(format!("/admin/devices/{id}")),
        },
        LockOwner::Connection(_) => Owner { name: Name::short("a plugin"), link: None },
    }
}

fn row(state: &AdminState, clerk: &Clerk, lock: &LockStatus, names: &HashMap<DeviceId, String>) -> Row {
    let time = |at: WallTime| shown::time(at, &*state.place);
    let waiting = lock.waiters.iter().map(|waiter| (owner(waiter.owner, names), time(waiter.since)));
    let of = [("name", lock.name.as_str()), ("owner", &lock.owner.id())];
    let name = Name::short(lock.name.as_str());
    Row {
        plain: name.plain(),
        name,
        holder: owner(lock.owner, names),
        since: time(lock.since),
        frees: match (lock.owner, lock.scope) {
            (LockOwner::Connection(_), _) => "when its connection ends",
            (LockOwner::Device(_), LockScope::ConnectionLoss) => "when it leaves the network",
            (LockOwner::Device(_), LockScope::SessionLoss) => "when it is away for long",
        },
        waiting: waiting.collect(),
        release: may_release(clerk, &lock.name).then(|| address("/admin/locks/release", &of)),
    }
}

fn may_release(clerk: &Clerk, name: &LockName) -> bool {
    clerk.may(&Permission::AcquireLock(name.to_string()))
}

/// The lock that is meant, as it stands; the page that says why it cannot be released otherwise.
fn meant(state: &AdminState, clerk: &Clerk, wanted: &Wanted) -> Result<LockStatus, Box<Response>> {
    let gone = || {
        let text = "It was released meanwhile, or another has it now. Nothing was changed: look at the list.";
        let frame = Frame::here(state);
        let (heading, link, link_text) = ("The lock has changed hands", PATH, "To the locks");
        let page = crate::admin::page::Message { frame, heading, text, link, link_text };
        Box::new(page.respond(StatusCode::CONFLICT))
    };
    let name: LockName = wanted.name.parse().map_err(|_| gone())?;
    if !may_release(clerk, &name) {
        return Err(Box::new(forbidden(state, &Permission::AcquireLock(name.to_string()).to_string())));
    }
    let lock = state.handle.locks().into_iter().find(|lock| lock.name == name);
    lock.filter(|lock| lock.owner.id() == wanted.owner).ok_or_else(gone)
}

/// `GET /admin/locks/release`: what will happen.
pub(super) async fn ask(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let lock = meant(&state, &clerk, &wanted).map_err(|answer| *answer)?;
    let names = names(&state, std::slice::from_ref(&lock)).await?;
    let (holder, shown) = (owner(lock.owner, &names), Name::short(lock.name.as_str()));
    let mut happens = vec![format!(
        "{} loses it at once and is told so. What it was doing with it (a coin slot that is open, say) ends.",
        sentence_start(&holder.name.plain())
    )];
    happens.push(match lock.waiters.first() {
        Some(next) => format!(
            "{} is next in line and gets it.",
            sentence_start(&owner(next.owner, &names).name.plain())
        ),
        None => "Nobody waits for it: it is free then.".to_owned(),
    });
    let page = Confirm {
        frame: clerk.frame(&state, PATH),
        heading: &format!("Release the lock {}?", shown.plain()),
        happens,
        action: "/admin/locks/release",
        fields: vec![("name", wanted.name), ("owner", wanted.owner)],
        button: "Release it",
        back: PATH,
    };
    Ok(page.respond())
}

fn sentence_start(text: &str) -> String {
    if text == "a plugin" { "The plugin".to_owned() } else { text.to_owned() }
}

/// `POST /admin/locks/release`
pub(super) async fn release(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let lock = meant(&state, &clerk, &wanted).map_err(|answer| *answer)?;
    let device = match lock.owner {
        LockOwner::Device(id) => Some(id),
        LockOwner::Connection(_) => None,
    };
    match state.handle.release_lock(&lock.name, device) {
        Ok(owner) => {
            clerk.note_with(&state, "lock.release", lock.name.as_str(), &owner.to_string()).await;
            Ok(Redirect::to(&format!("{PATH}?done=released")).into_response())
        }
        Err(Refusal::LockNotHeld(_)) => {
            let text = "It was released meanwhile. Nothing was changed.";
            Err(say(&state, StatusCode::CONFLICT, "The lock is free already", text))
        }
        Err(refusal) => Err(refused(&state, refusal)),
    }
}
