use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::admin::clerk::{ADMINISTER, Clerk, Fields};
use crate::admin::form::{Form, Wrong};
use crate::admin::frame::Frame;
use crate::admin::logins::Who;
use crate::admin::once::{new_once, once};
use crate::admin::page::{self, Confirm, Message, failed, html, refused, say};
use crate::admin::permissions::{self, Tick, Ticked};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{Refusal, Text};
use crate::store::{AuditLook, AuditPlace, Token, TokenText};

const PATH: &str = "/admin/tokens";
/// Of so many tokens it is looked up who made them.
const MOST_MAKERS: u32 = 1_000;

/// All tokens.
#[derive(Debug, Template)]
#[template(path = "admin/tokens.html")]
struct TokensPage {
    frame: Frame,
    tokens: Vec<Row>,
    revoked: Vec<Row>,
    done: Option<&'static str>,
}

/// A token.
#[derive(Debug)]
struct Row {
    id: i64,
    name: Name,
    may: String,
    made: String,
    /// By whom, as far as the audit log still knows.
    by: Option<Name>,
    revoked: Option<String>,
    /// Whoever looks is signed in with it.
    own: bool,
}

/// The form for a new one.
#[derive(Debug, Template)]
#[template(path = "admin/new_token.html")]
struct NewPage {
    frame: Frame,
    once: String,
    name: String,
    ticks: Vec<Tick>,
    locks: String,
    form: Form,
}

/// What was made, with its text.
#[derive(Debug, Template)]
#[template(path = "admin/token_made.html")]
struct MadePage {
    frame: Frame,
    name: Name,
    may: String,
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    once: String,
    name: String,
    #[serde(flatten)]
    ticked: Ticked,
}

/// `GET /admin/tokens`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let tokens = state.store.list_tokens().await.map_err(|error| failed(&state, &error))?;
    let look = AuditLook { actions: Some(vec!["token.create".to_owned()]), ..AuditLook::default() };
    let makers = state.store.look_at_audit(&look, AuditPlace::Newest, MOST_MAKERS).await;
    let makers: HashMap<String, Text> = makers
        .map_err(|error| failed(&state, &error))?
        .into_iter()
        .filter_map(|line| Some((line.subject?.to_string(), line.actor)))
        .collect();
    let row = |token: &Token| Row {
        id: token.id,
        name: Name::short(token.name.as_str()),
        may: permissions::words(&token.permissions),
        made: shown::time(token.created_at, &*state.place),
        by: makers.get(&token.id.to_string()).map(|actor| Name::short(actor.as_str())),
        revoked: token.revoked_at.map(|at| shown::time(at, &*state.place)),
        own: matches!(clerk.who, Who::Token(id) if id == token.id),
    };
    let (revoked, tokens): (Vec<Row>, Vec<Row>) =
        tokens.iter().rev().map(row).partition(|row| row.revoked.is_some());
    let done = match wanted.done.as_deref() {
        Some("revoked") => Some("The token is revoked. What it opened is closed."),
        Some(_) | None => None,
    };
    let page = TokensPage { frame: clerk.frame(&state, PATH), tokens, revoked, done };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/tokens/new`
pub(super) async fn new(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    Ok(show_new(&clerk, &state, &Given::default(), None))
}

fn show_new(clerk: &Clerk, state: &AdminState, given: &Given, wrong: Option<Wrong>) -> Response {
    let page = NewPage {
        frame: clerk.frame(state, PATH),
        once: new_once(),
        name: Text::new(&given.name).as_str().to_owned(),
        ticks: given.ticked.ticks(),
        locks: given.ticked.lock_lines().to_owned(),
        form: Form::blank(wrong),
    };
    html(page.form.status(), page.render())
}

/// `POST /admin/tokens`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(given): Fields<Given>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let again = |field, text| show_new(&clerk, &state, &given, Some(Wrong::field(field, text)));
    let Ok(ticked) = given.ticked.read() else {
        return Ok(again("locks", "a lock is written as in coinslot/1"));
    };
    let (name, granted) = match Token::check(&given.name, ticked) {
        Ok(checked) => checked,
        Err(error) if error.field == "name" => return Ok(again("name", "a name must not be empty")),
        Err(_) => return Ok(again("permissions", "choose at least one, and not more than 50")),
    };
    let may = permissions::words(&granted);
    let once = once(&state, &clerk, &given.once, &["token", name.as_str(), &may])?;
    let text = TokenText::random().map_err(|error| failed(&state, &error))?;
    let made = state.store.create_token_once(&name, &granted, &text, &once).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(token) => {
            clerk.note_with(&state, "token.create", &token.id.to_string(), name.as_str()).await;
            let name = Name::short(name.as_str());
            let page =
                MadePage { frame: clerk.frame(&state, PATH), name, may, text: text.as_str().to_owned() };
            Ok(html(StatusCode::CREATED, page.render()))
        }
        Err(Refusal::DoneBefore) => {
            let page = Message {
                frame: clerk.frame(&state, PATH),
                heading: "The token is made already",
                text: "This form was sent before and made one token; nothing more was made. Its text was shown then and is \
                       not shown again: revoke it and make another one if you did not keep it.",
                link: PATH,
                link_text: "To the tokens",
            };
            Err(page.respond(StatusCode::CONFLICT))
        }
        Err(refusal) => Err(refused(&state, refusal)),
    }
}

/// The token that is meant, unless it was revoked.
async fn find(state: &AdminState, id: &str) -> Result<Token, Response> {
    let text = "It may have been revoked meanwhile. The list shows those that there are.";
    let unknown = || say(state, StatusCode::NOT_FOUND, "There is no such token", text);
    page::find(state, id, |id| state.store.token(id), unknown).await
}

/// `GET /admin/tokens/{id}/revoke`: what will happen.
pub(super) async fn ask(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let token = find(&state, &id).await?;
    let mut happens = vec![
        "Whatever uses it is refused from now on; what it listens to is closed. This cannot be undone."
            .to_owned(),
        "What was done with it stays in the audit log, and what was sold with it in the till.".to_owned(),
    ];
    if matches!(clerk.who, Who::Token(own) if own == token.id) {
        happens.push("You are signed in with it: you are signed out.".to_owned());
    }
    let page = Confirm {
        frame: clerk.frame(&state, PATH),
        heading: &format!("Revoke the token “{}”?", Name::short(token.name.as_str()).plain()),
        happens,
        action: &format!("{PATH}/{}/revoke", token.id),
        fields: Vec::new(),
        button: "Revoke it",
        back: PATH,
    };
    Ok(page.respond())
}

/// `POST /admin/tokens/{id}/revoke`
pub(super) async fn revoke(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let token = find(&state, &id).await?;
    let now = state.handle.now().wall;
    state.store.revoke_token(token.id, now).await.map_err(|error| failed(&state, &error))?;
    // Nobody may be listening.
    let _ = state.revoked.send(token.id);
    clerk.note_with(&state, "token.revoke", &token.id.to_string(), token.name.as_str()).await;
    Ok(Redirect::to(&format!("{PATH}?done=revoked")).into_response())
}
