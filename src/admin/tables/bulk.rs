//! A change of many sessions: those that are ticked, or all that are found. First it is asked what exactly, then shown how
//! many and which they are and what will happen, and only then is it done: to those that were shown, or else shown again.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sha2::{Digest, Sha256};

use super::bulk_form::{Act, Change, sessions};
use super::confirm::ConfirmPage;
use super::listing::{ListQuery, Listing};
use super::name::{Name, of_device};
use super::sessions::{read, wanted};
use crate::admin::clerk::{Clerk, Fields, SERVE};
use crate::admin::form::{Form, Hidden, Wrong};
use crate::admin::frame::Frame;
use crate::admin::once::{before, new_once, once};
use crate::admin::page::{html, refused};
use crate::admin::state::AdminState;
use crate::domain::{Once, Proviso, Refusal, SessionId};
use crate::runtime::SessionList;

/// So many of them are named.
const MOST_NAMED: usize = 10;
/// Where it is done.
const PLACE: &str = "/admin/sessions/bulk";
/// What the list is told when nothing was done again.
const AGAIN: &str = "again";
/// Its form.
const FORM: &str = "bulk";

/// What exactly?
#[derive(Debug, Template)]
#[template(path = "admin/bulk.html")]
struct BulkPage {
    frame: Frame,
    act: &'static str,
    heading: String,
    about: Vec<Name>,
    more: usize,
    roles: Vec<String>,
    hidden: Hidden,
    typed: Form,
    back: String,
}

/// What is to be changed: which sessions, and how they were chosen.
struct Chosen {
    list: Listing,
    act: Act,
    /// Ticked, or else all that are found.
    is_ticked: bool,
    ids: BTreeSet<SessionId>,
}

impl Chosen {
    async fn read(state: &AdminState, typed: &Form) -> Result<Self, Refusal> {
        let get = |name: &str| typed.get(name).to_owned();
        let query = ListQuery {
            q: get("q"),
            reading: get("as"),
            state: get("state"),
            sort: get("sort"),
            per: get("per"),
            ..ListQuery::default()
        };
        let list = read(&query);
        let is_ticked = get("which") != "found";
        // What is over is not changed any more.
        let ids = match wanted(&list) {
            Some(_) if is_ticked => {
                let alive = state.handle.select_sessions(&SessionList::default()).await?;
                let ticked: BTreeSet<SessionId> = typed.all("id").filter_map(|id| id.parse().ok()).collect();
                alive.into_iter().filter(|id| ticked.contains(id)).collect()
            }
            Some(found) => state.handle.select_sessions(&found).await?.into_iter().collect(),
            None => BTreeSet::new(),
        };
        let act = Act::from_name(&get("act")).unwrap_or(Act::Message);
        Ok(Self { list, act, is_ticked, ids })
    }

    /// Says exactly which they are.
    fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        for id in &self.ids {
            digest.update(id.uuid().as_bytes());
        }
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What the next form sends again.
    fn hidden(&self, clerk: &Clerk, step: &'static str) -> Hidden {
        let hidden = Hidden::new(clerk)
            .with("step", step)
            .with("act", self.act.as_str())
            .with("which", if self.is_ticked { "ticked" } else { "found" })
            .asking(&self.list.pager);
        let ticked = self.ids.iter().filter(|_| self.is_ticked);
        ticked.fold(hidden, |hidden, id| hidden.with("id", id.to_string()))
    }

    /// The first of them by name.
    async fn named(&self, state: &AdminState) -> Result<Vec<Name>, Refusal> {
        let first: BTreeSet<SessionId> = self.ids.iter().take(MOST_NAMED).copied().collect();
        let now = state.handle.snapshot().await?;
        let found = now.sessions.iter().filter(|(session, _)| first.contains(&session.id));
        Ok(found.map(|(_, device)| Name::short(of_device(device))).collect())
    }

    /// How they were chosen, for the audit log.
    fn how(&self) -> String {
        if self.is_ticked {
            return "ticked".to_owned();
        }
        let state = if self.list.state.is_empty() { "any" } else { &self.list.state };
        format!("state {state}, looking for {}", self.list.seek.text)
    }
}

/// `POST /admin/sessions/bulk`
pub(super) async fn act(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let refused = |refusal| refused(&state, refusal);
    let typed = Form::sent(fields).named(FORM);
    let chosen = Chosen::read(&state, &typed).await.map_err(refused)?;
    let step = typed.get("step").to_owned();
    let has_name = step == "run" && !typed.get("once").is_empty();
    let once = if has_name { Some(the_same(&state, &clerk, &typed)?) } else { None };
    if let Some(once) = &once
        && before(&state, once).await?.is_some()
    {
        return Ok(listed(&chosen, AGAIN));
    }
    let shown: Option<usize> = typed.get("count").parse().ok();
    if chosen.ids.is_empty() && step != "run" {
        return Ok(nothing(&state, &clerk, &chosen));
    }
    // Closing asks for nothing before it is confirmed.
    if step.is_empty() && chosen.act != Act::Close {
        return ask(&state, &clerk, &chosen, Form::default(), StatusCode::OK).await;
    }
    let change = match Change::read(chosen.act, &typed) {
        Ok(change) => change,
        Err(wrong) => {
            let status = wrong.status();
            return ask(&state, &clerk, &chosen, typed.refused(wrong), status).await;
        }
    };
    let same = once.is_some() && typed.get("seen") == chosen.fingerprint();
    if step != "run" || !same {
        let differs = (step == "run").then(|| {
            let before = shown.map_or_else(|| "other sessions".to_owned(), sessions);
            let text = "Look again: nothing was changed yet.";
            format!("Meanwhile it is about {} instead of {before}. {text}", sessions(chosen.ids.len()))
        });
        return confirm(&state, &clerk, &chosen, change, typed, differs).await;
    }
    let details = format!("{}{}", change.details, chosen.how());
    let by = Some(clerk.doing(chosen.act.action(), &details));
    let handle = state.handle.under(Proviso { once, expected: None, by });
    let of = chosen.ids.len();
    match handle.bulk_of(chosen.ids.clone(), change.act).await {
        Ok(count) => Ok(listed(&chosen, &format!("{}.{count}.{of}", chosen.act.as_str()))),
        Err(Refusal::DoneBefore) => Ok(listed(&chosen, AGAIN)),
        Err(refusal) => {
            let wrong = Wrong::from(refusal);
            let status = wrong.status();
            ask(&state, &clerk, &chosen, typed.refused(wrong), status).await
        }
    }
}

/// The list that they were chosen from, with what was done.
fn listed(chosen: &Chosen, done: &str) -> Response {
    Redirect::to(&chosen.list.pager.link(&[("done", done)])).into_response()
}

/// The confirmation as something that is done once: to those that were shown.
#[expect(clippy::result_large_err, reason = "it is the answer, and handed on at once")]
fn the_same(state: &AdminState, clerk: &Clerk, typed: &Form) -> Result<Once, Response> {
    let named = ["act", "seen", "reason"].into_iter().chain(SENT_AGAIN);
    let what: Vec<&str> = named.map(|name| typed.get(name)).collect();
    once(state, clerk, typed.get("once"), &what)
}

/// What the list says after it: `close.11.12` is 11 closed of 12.
pub(super) fn done(text: &str) -> Option<String> {
    if text == AGAIN {
        return Some("This was sent before, and was done then. Nothing more was done now.".to_owned());
    }
    let mut parts = text.split('.');
    let act = Act::from_name(parts.next()?)?;
    let (count, of) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(act.done(count, of))
}

fn nothing(state: &AdminState, clerk: &Clerk, chosen: &Chosen) -> Response {
    let text = if chosen.is_ticked {
        "No session is ticked that is not over. Tick some in the list, or choose all that are found."
    } else {
        "None of the sessions that are found can be changed: all of them are over."
    };
    ConfirmPage {
        frame: clerk.frame(state, super::sessions::PLACE),
        heading: "There is nothing to change".to_owned(),
        about: Vec::new(),
        more: 0,
        says: vec![text.to_owned()],
        texts: Vec::new(),
        differs: None,
        place: String::new(),
        hidden: Hidden::default(),
        asks_reason: false,
        typed: Form::default(),
        button: String::new(),
        is_final: false,
        back: chosen.list.pager.here(),
        back_text: "Back to the list",
    }
    .respond(StatusCode::UNPROCESSABLE_ENTITY)
}

async fn ask(
    state: &AdminState,
    clerk: &Clerk,
    chosen: &Chosen,
    typed: Form,
    status: StatusCode,
) -> Result<Response, Response> {
    let refused = |refusal| refused(state, refusal);
    let about = chosen.named(state).await.map_err(refused)?;
    let policies = state.handle.policies().await.map_err(refused)?;
    let page = BulkPage {
        frame: clerk.frame(state, super::sessions::PLACE),
        act: chosen.act.as_str(),
        heading: chosen.act.heading(chosen.ids.len()),
        more: chosen.ids.len().saturating_sub(about.len()),
        about,
        roles: policies.roles.keys().cloned().collect(),
        hidden: chosen.hidden(clerk, "preview"),
        typed,
        back: chosen.list.pager.here(),
    };
    Ok(html(status, page.render()))
}

/// The fields of the forms, sent again with the confirmation.
const SENT_AGAIN: [&str; 7] = ["text", "lasts_min", "add", "remove", "key", "value", "how"];

async fn confirm(
    state: &AdminState,
    clerk: &Clerk,
    chosen: &Chosen,
    change: Change,
    typed: Form,
    differs: Option<String>,
) -> Result<Response, Response> {
    if chosen.ids.is_empty() {
        return Ok(nothing(state, clerk, chosen));
    }
    let about = chosen.named(state).await.map_err(|refusal| refused(state, refusal))?;
    let count = chosen.ids.len();
    let mut hidden =
        chosen.hidden(clerk, "run").with("seen", chosen.fingerprint()).with("count", count.to_string());
    hidden = hidden.with("once", new_once());
    for name in SENT_AGAIN {
        if !typed.get(name).is_empty() {
            hidden = hidden.with(name, typed.get(name));
        }
    }
    let status = if differs.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = ConfirmPage {
        frame: clerk.frame(state, super::sessions::PLACE),
        heading: format!("{}?", chosen.act.heading(count)),
        more: count.saturating_sub(about.len()),
        about,
        says: change.says,
        texts: change.texts,
        differs,
        place: PLACE.to_owned(),
        hidden,
        asks_reason: chosen.act == Act::Close,
        typed,
        button: chosen.act.heading(count),
        is_final: chosen.act == Act::Close,
        back: chosen.list.pager.here(),
        back_text: "Back to the list, change nothing",
    };
    Ok(page.respond(status))
}
