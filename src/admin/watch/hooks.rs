use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::admin::clerk::{ADMINISTER, Clerk};
use crate::admin::frame::Frame;
use crate::admin::page::{self, Confirm, failed, html, missing, refused, say};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{HookPatch, Refusal, WallTime};
use crate::http::PathPair;
use crate::store::{HookConflict, KeptHook, MAX_HOOKS};

pub(super) const PATH: &str = "/admin/hooks";
/// As for the API: a hook has this box send requests into its own networks, and its address may be a secret itself.
/// So much of a receiver's answer is shown, in bytes.
const SHOWN_ANSWER: usize = 2_000;

/// All hooks.
#[derive(Debug, Template)]
#[template(path = "admin/hooks.html")]
struct HooksPage {
    frame: Frame,
    hooks: Vec<Shown>,
    /// Events are sent at all.
    works: bool,
    done: Option<&'static str>,
}

/// One of them.
#[derive(Debug, Template)]
#[template(path = "admin/hook.html")]
struct HookPage {
    frame: Frame,
    hook: Shown,
    /// What became of a ping.
    tried: Option<Ping>,
    done: Option<&'static str>,
}

/// A hook.
#[derive(Debug)]
pub(super) struct Shown {
    id: String,
    name: Name,
    url: Name,
    filter: Option<Name>,
    kinds: String,
    properties: String,
    enabled: bool,
    state: &'static str,
    badge: &'static str,
    made: String,
    waiting: u64,
    delivered: u64,
    delivered_at: Option<String>,
    dropped: u64,
    failures: u64,
    failed: Option<(Name, String)>,
    next: Option<String>,
}

/// What came back from a receiver.
#[derive(Debug)]
struct Ping {
    taken: bool,
    says: String,
    answer: Name,
    millis: u64,
}

impl Shown {
    pub(super) fn new(state: &AdminState, kept: &KeptHook) -> Self {
        let KeptHook { hook, standing, .. } = kept;
        let time = |at: WallTime| shown::time(at, &*state.place);
        let (word, badge) = match (hook.enabled, standing.failures, standing.waiting) {
            (false, ..) => ("paused", ""),
            (true, 1.., _) => ("fails", "bad"),
            (true, 0, 1..) => ("sending", "warn"),
            (true, 0, 0) => ("up to date", "good"),
        };
        let next = state.hooks.as_ref().filter(|_| hook.enabled).and_then(|hooks| hooks.next_try(hook.id));
        let failed_at = standing.failed_at.map(time).unwrap_or_default();
        Self {
            id: hook.id.to_string(),
            name: Name::short(hook.name.as_str()),
            url: Name::whole(hook.url.as_str()),
            filter: hook.filter.as_ref().map(|filter| Name::whole(filter.to_string())),
            kinds: hook.kinds.names().join(", ").replace('_', " "),
            properties: hook.properties.names().join(", "),
            enabled: hook.enabled,
            state: word,
            badge,
            made: time(kept.created_at),
            waiting: standing.waiting,
            delivered: standing.delivered,
            delivered_at: standing.delivered_at.map(time),
            dropped: standing.dropped,
            failures: standing.failures,
            failed: standing.last_error.as_ref().map(|error| (Name::whole(error.as_str()), failed_at)),
            next: next.map(time),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: Option<String>,
}

impl Wanted {
    fn said(&self) -> Option<&'static str> {
        Some(match self.done.as_deref()? {
            "changed" => "The hook is changed. It holds at once.",
            "pause" => "The hook is paused. What happens now it is not told, also later.",
            "resume" => "The hook is told again what happens.",
            "delete" => "The hook is deleted, with all that waited for it.",
            _ => return None,
        })
    }
}

/// `GET /admin/hooks`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let hooks = state.store.hooks().await.map_err(|error| failed(&state, &error))?;
    let page = HooksPage {
        frame: clerk.frame(&state, PATH),
        hooks: hooks.iter().map(|hook| Shown::new(&state, hook)).collect(),
        works: state.hooks.is_some(),
        done: wanted.said(),
    };
    Ok(html(StatusCode::OK, page.render()))
}

/// The hook that is meant.
pub(super) async fn find(state: &AdminState, id: &str) -> Result<KeptHook, Response> {
    let text = "It may have been deleted meanwhile. The list shows those that there are.";
    let unknown = || say(state, StatusCode::NOT_FOUND, "There is no such hook", text);
    page::find(state, id, |id| state.store.hook(id), unknown).await
}

/// `GET /admin/hooks/{id}`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let hook = Shown::new(&state, &find(&state, &id).await?);
    let page = HookPage { frame: clerk.frame(&state, PATH), hook, tried: None, done: wanted.said() };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/hooks/{id}/{act}`: the form to change it, or what will happen.
pub(super) async fn ask(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPair(id, act): PathPair,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let kept = find(&state, &id).await?;
    let name = Name::short(kept.hook.name.as_str()).plain();
    let back = format!("{PATH}/{}", kept.hook.id);
    let (heading, happens, button) = match act.as_str() {
        "edit" => return super::hook_form::edit(&clerk, &state, &kept).await,
        "pause" => (
            format!("Pause the hook “{name}”?"),
            vec![
                "Its receiver is told nothing until you resume it. What happens meanwhile it is never told."
                    .to_owned(),
                waiting(
                    kept.standing.waiting,
                    "stay, and are sent when it is resumed, unless they are a day old by then",
                ),
            ],
            "Pause",
        ),
        "delete" => (
            format!("Delete the hook “{name}”?"),
            vec![
                "Its receiver is told nothing any more, and its secret is gone.".to_owned(),
                waiting(kept.standing.waiting, "are gone with it"),
            ],
            "Delete",
        ),
        _ => return Ok(missing(&state)),
    };
    let page = Confirm {
        frame: clerk.frame(&state, PATH),
        heading: &heading,
        happens,
        action: &format!("{back}/{act}"),
        fields: Vec::new(),
        button,
        back: &back,
    };
    Ok(page.respond())
}

fn waiting(count: u64, what: &str) -> String {
    match count {
        0 => "No event waits for it.".to_owned(),
        1 => format!("1 event waits for it; such events {what}."),
        count => format!("{count} events wait for it; they {what}."),
    }
}

/// `POST /admin/hooks/{id}/{act}`
pub(super) async fn act(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPair(id, act): PathPair,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let kept = find(&state, &id).await?;
    let (id, name) = (kept.hook.id, kept.hook.name.clone());
    match act.as_str() {
        "pause" | "resume" => {
            let patch = HookPatch { enabled: Some(act == "resume"), ..HookPatch::default() };
            let changed =
                state.store.change_hook(id, patch, None).await.map_err(|error| failed(&state, &error))?;
            let Some(Ok(changed)) = changed else {
                return Err(conflict(&state, changed.and_then(Result::err)));
            };
            told(&state);
            clerk.note_with(&state, "hook.change", &id.to_string(), &changed.hook.brief()).await;
            Ok(Redirect::to(&format!("{PATH}/{id}?done={act}")).into_response())
        }
        "delete" => {
            state.store.delete_hook(id).await.map_err(|error| failed(&state, &error))?;
            told(&state);
            clerk.note_with(&state, "hook.delete", &id.to_string(), name.as_str()).await;
            Ok(Redirect::to(&format!("{PATH}?done=delete")).into_response())
        }
        "test" => {
            let Some(hooks) = &state.hooks else { return Err(refused(&state, Refusal::Stopping)) };
            let tried = hooks.test(&kept).await;
            clerk.note_with(&state, "hook.test", &id.to_string(), name.as_str()).await;
            let error = tried.failure();
            let body = tried.answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
            let body = String::from_utf8_lossy(body.get(..SHOWN_ANSWER).unwrap_or(&body)).into_owned();
            let status = tried.answer.as_ref().map(|answer| answer.status.as_u16()).unwrap_or_default();
            let tried = Ping {
                taken: error.is_none(),
                says: error.map_or_else(|| format!("answered {status}"), |error| error.to_string()),
                answer: Name::whole(body.trim()),
                millis: std::time::Duration::try_from_secs_f64(tried.secs)
                    .map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            };
            let hook = Shown::new(&state, &find(&state, &id.to_string()).await?);
            let frame = clerk.frame(&state, PATH);
            Ok(html(StatusCode::OK, HookPage { frame, hook, tried: Some(tried), done: None }.render()))
        }
        _ => Ok(missing(&state)),
    }
}

/// Whoever sends hears that hooks are others now.
pub(super) fn told(state: &AdminState) {
    if let Some(hooks) = &state.hooks {
        hooks.changed();
    }
}

/// Why a hook is not made or changed, if no field is to blame.
pub(super) fn conflict(state: &AdminState, conflict: Option<HookConflict>) -> Response {
    match conflict {
        Some(HookConflict::Refused(refusal)) => refused(state, refusal),
        Some(HookConflict::TooMany) => {
            let text = format!("There can be at most {MAX_HOOKS}. Delete one first.");
            say(state, StatusCode::CONFLICT, "There are too many hooks", &text)
        }
        Some(HookConflict::NameTaken) => {
            say(state, StatusCode::CONFLICT, "The name is taken", "Another hook has this name.")
        }
        None => say(state, StatusCode::NOT_FOUND, "There is no such hook", "It was deleted meanwhile."),
    }
}
