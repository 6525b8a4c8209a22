//! The forms that make and change a webhook.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::hooks::{PATH, conflict, find, told};
use crate::admin::clerk::{ADMINISTER, Clerk, Fields};
use crate::admin::form::{Form, Wrong};
use crate::admin::frame::Frame;
use crate::admin::once::{new_once, once};
use crate::admin::page::{failed, html, refused};
use crate::admin::state::AdminState;
use crate::admin::tables::{Name, Words};
use crate::domain::filter::FilterError;
use crate::domain::{
    Hook, HookFieldError, HookFields, HookId, HookKinds, HookPatch, HookSecret, Refusal, Select,
    SessionEventKind, Tag,
};
use crate::store::{HookConflict, KeptHook};

/// The form.
#[derive(Debug, Template)]
#[template(path = "admin/hook_form.html")]
struct FormPage {
    frame: Frame,
    heading: String,
    /// Where it is sent.
    place: String,
    back: String,
    button: &'static str,
    /// Names what a new one does, so that it is done once; empty where one is changed.
    once: String,
    /// How the one stands that is changed.
    tag: String,
    typed: Form,
    name: String,
    url: String,
    filter: String,
    properties: String,
    kinds: Vec<(&'static str, String, bool)>,
    /// Where the filter goes wrong.
    pointed: Option<FilterError>,
    words: Words,
}

/// What was made, with its secret.
#[derive(Debug, Template)]
#[template(path = "admin/hook_made.html")]
struct MadePage {
    frame: Frame,
    name: Name,
    link: String,
    secret: String,
}

/// What was wrong with a form that comes back.
type Rejected = (Form, Option<FilterError>);

/// `GET /admin/hooks/new`
pub(super) async fn new(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    show(&clerk, &state, None, (Form::default(), None)).await
}

/// The form of one that there is.
pub(super) async fn edit(clerk: &Clerk, state: &AdminState, kept: &KeptHook) -> Result<Response, Response> {
    show(clerk, state, Some(&kept.hook), (Form::default(), None)).await
}

async fn show(
    clerk: &Clerk,
    state: &AdminState,
    hook: Option<&Hook>,
    (typed, pointed): Rejected,
) -> Result<Response, Response> {
    let chosen: Vec<&str> = if typed.is_wrong() {
        typed.all("kind").collect()
    } else {
        hook.map_or_else(HookKinds::all, |hook| hook.kinds.clone()).names()
    };
    let kinds = SessionEventKind::ALL.map(|(_, name)| (name, name.replace('_', " "), chosen.contains(&name)));
    let properties = hook.map_or_else(Select::everything, |hook| hook.properties.clone());
    let back = hook.map_or_else(|| PATH.to_owned(), |hook| format!("{PATH}/{}", hook.id));
    let value = |field: &str, otherwise: String| typed.value(field, &otherwise).to_owned();
    let page = FormPage {
        frame: clerk.frame(state, PATH),
        heading: hook.map_or_else(
            || "New hook".to_owned(),
            |hook| format!("Change {}", Name::short(hook.name.as_str()).plain()),
        ),
        place: back.clone(),
        back,
        button: if hook.is_some() { "Save" } else { "Make the hook" },
        once: if hook.is_some() { String::new() } else { new_once() },
        tag: hook.map(|hook| Tag::of_hook(hook).to_string()).unwrap_or_default(),
        name: value("name", hook.map(|hook| hook.name.to_string()).unwrap_or_default()),
        url: value("url", hook.map(|hook| hook.url.to_string()).unwrap_or_default()),
        filter: value(
            "filter",
            hook.and_then(|hook| hook.filter.as_ref()).map(ToString::to_string).unwrap_or_default(),
        ),
        properties: value("properties", properties.names().join(", ")),
        kinds: kinds.into(),
        typed,
        pointed,
        words: Words::of(state).await.map_err(|refusal| refused(state, refusal))?,
    };
    Ok(html(page.typed.status(), page.render()))
}

/// What was typed, or the form with what is wrong with it.
fn read(typed: &Form) -> Result<HookPatch, Box<Rejected>> {
    let filled = |name: &str| Some(typed.get(name)).filter(|text| !text.is_empty());
    let fields = HookFields {
        name: Some(typed.get("name")),
        url: Some(typed.get("url")),
        secret: filled("secret"),
        filter: Some(filled("filter")),
        kinds: Some(typed.all("kind").collect()),
        properties: Some(typed.get("properties").split(',').map(str::trim).collect()),
        enabled: None,
    };
    fields.read().map_err(|error| {
        let HookFieldError { field, problem, filter } = error;
        let text = match field {
            "kinds" => "choose at least one".to_owned(),
            _ => problem,
        };
        Box::new((typed.clone().refused_at(Wrong::field(field, text)), filter))
    })
}

/// `POST /admin/hooks`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let typed = Form::sent(fields);
    let mut written = match read(&typed) {
        Ok(written) => written,
        Err(rejected) => return show(&clerk, &state, None, *rejected).await,
    };
    let once = once(&state, &clerk, typed.get("once"), &["hook", typed.get("name"), typed.get("url")])?;
    let secret = match written.secret.take() {
        Some(secret) => secret,
        None => {
            let mut bytes = [0; HookSecret::RANDOM_BYTES];
            getrandom::fill(&mut bytes).map_err(|error| failed(&state, &error))?;
            HookSecret::of_random(bytes)
        }
    };
    let hook = Hook::new(HookId::new(uuid::Uuid::now_v7()), written);
    let hook = hook.ok_or_else(|| refused(&state, Refusal::Stopping))?;
    let now = state.handle.now().wall;
    let made = state.store.create_hook(&hook, &secret, now, Some(&once)).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(kept) => {
            told(&state);
            clerk.note_with(&state, "hook.create", &kept.hook.id.to_string(), &kept.hook.brief()).await;
            let page = MadePage {
                frame: clerk.frame(&state, PATH),
                name: Name::short(kept.hook.name.as_str()),
                link: format!("{PATH}/{}", kept.hook.id),
                secret: secret.as_str().to_owned(),
            };
            Ok(html(StatusCode::CREATED, page.render()))
        }
        // The same form again: the name is that of the hook that it made, or the form was changed since.
        Err(HookConflict::NameTaken) => {
            let made = state.store.find_once(&once.caller, &once.key).await;
            if made.map_err(|error| failed(&state, &error))?.is_some() {
                return Err(made_before(&state));
            }
            let wrong = Wrong::field("name", "another hook has this name");
            show(&clerk, &state, None, (typed.refused(wrong), None)).await
        }
        Err(HookConflict::Refused(Refusal::DoneBefore)) => Err(made_before(&state)),
        Err(other) => Err(conflict(&state, Some(other))),
    }
}

fn made_before(state: &AdminState) -> Response {
    let page = crate::admin::page::Message {
        frame: Frame::here(state),
        heading: "The hook is made already",
        text: "This form was sent before and made one hook; nothing more was made. Its secret was shown then and is not shown \
               again: set another one with “Change” if you did not keep it.",
        link: PATH,
        link_text: "To the hooks",
    };
    page.respond(StatusCode::CONFLICT)
}

/// `POST /admin/hooks/{id}`
pub(super) async fn change(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let kept = find(&state, &id).await?;
    let typed = Form::sent(fields);
    let patch = match read(&typed) {
        Ok(patch) => patch,
        Err(rejected) => return show(&clerk, &state, Some(&kept.hook), *rejected).await,
    };
    let has_secret = patch.secret.is_some();
    let changed = state.store.change_hook(kept.hook.id, patch, Tag::parse(typed.get("tag"))).await;
    match changed.map_err(|error| failed(&state, &error))? {
        Some(Ok(changed)) => {
            told(&state);
            let mut details = changed.hook.brief();
            if has_secret {
                details.push_str(", with another secret");
            }
            clerk.note_with(&state, "hook.change", &changed.hook.id.to_string(), &details).await;
            Ok(Redirect::to(&format!("{PATH}/{}?done=changed", changed.hook.id)).into_response())
        }
        Some(Err(HookConflict::NameTaken)) => {
            let wrong = Wrong::field("name", "another hook has this name");
            show(&clerk, &state, Some(&kept.hook), (typed.refused(wrong), None)).await
        }
        Some(Err(HookConflict::Refused(Refusal::Changed))) => {
            let kept = find(&state, &id).await?;
            show(&clerk, &state, Some(&kept.hook), (typed.refused(Wrong::from(Refusal::Changed)), None)).await
        }
        other => Err(conflict(&state, other.and_then(Result::err))),
    }
}
