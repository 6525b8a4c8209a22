//! Admin accounts: who signs in here, and what they may do.

mod person;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{ADMINISTER, Clerk, Fields};
use super::form::{Form, Wrong};
use super::frame::Frame;
use super::once::{before, new_once, once};
use super::page::{failed, html, refused};
use super::permissions::{self, Tick, Ticked};
use super::shown;
use super::state::AdminState;
use crate::domain::{AccountName, Admin, Permission, Refusal, Text};
use crate::http::Problem;
use crate::store::NewAdmin;

pub(super) use person::{change, confirm, show};

const PATH: &str = "/admin/people";

/// Who there is.
#[derive(Debug, Template)]
#[template(path = "admin/people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<Person>,
    done: Option<&'static str>,
}

/// Somebody in the list and on a page of their own.
#[derive(Debug)]
struct Person {
    id: i64,
    name: String,
    may: String,
    disabled: bool,
    codes: bool,
    signed_in: Option<String>,
    made: String,
    /// It is whoever looks.
    own: bool,
}

/// The form for somebody new.
#[derive(Debug, Template)]
#[template(path = "admin/new_person.html")]
struct NewPage {
    frame: Frame,
    once: String,
    name: String,
    ticks: Vec<Tick>,
    locks: String,
    form: Form,
}

/// What is wrong with permissions that were ticked.
fn of_permissions(refusal: Refusal) -> Wrong {
    Wrong::from(&Problem::from(refusal)).at("permissions")
}

impl Person {
    fn new(state: &AdminState, clerk: &Clerk, admin: &Admin) -> Self {
        Self {
            id: admin.id,
            name: admin.name.to_string(),
            may: permissions::words(&admin.permissions),
            disabled: admin.disabled,
            codes: admin.totp.is_some(),
            signed_in: admin.signed_in_at.map(|at| shown::time(at, &*state.place)),
            made: shown::time(admin.created_at, &*state.place),
            own: clerk.account() == Some(admin.id),
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
            "made" => "The account is made.",
            "again" => "This form was sent before. One account was made then.",
            "permissions" => "What they may do is changed. It holds at once.",
            "password" => "The password is changed, and they are signed out everywhere.",
            "disable" => "The account is disabled, and they are signed out everywhere.",
            "enable" => "The account can be used again.",
            "sign-out" => "They are signed out everywhere.",
            "no-codes" => "Signing in takes no one-time code any more.",
            "delete" => "The account is deleted.",
            _ => return None,
        })
    }
}

/// `GET /admin/people`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let admins = state.store.list_admins().await.map_err(|error| failed(&state, &error))?;
    let people = admins.iter().map(|admin| Person::new(&state, &clerk, admin)).collect();
    let page = PeoplePage { frame: clerk.frame(&state, PATH), people, done: wanted.said() };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/people/new`
pub(super) async fn new(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    Ok(show_new(&clerk, &state, &Given { once: new_once(), ..Given::default() }, None))
}

/// The form, with what was sent if that came back.
fn show_new(clerk: &Clerk, state: &AdminState, given: &Given, wrong: Option<Wrong>) -> Response {
    let ticks = match &wrong {
        Some(_) => given.ticked.ticks(),
        None => permissions::ticks(&[Permission::ViewSession]),
    };
    let page = NewPage {
        frame: clerk.frame(state, PATH),
        once: given.once.clone(),
        name: Text::new(&given.name).as_str().to_owned(),
        ticks,
        locks: given.ticked.lock_lines().to_owned(),
        form: Form::blank(wrong),
    };
    html(page.form.status(), page.render())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    once: String,
    /// How the account stood that the form changes.
    tag: String,
    /// Whether what it comes to was said: `yes`.
    sure: String,
    name: String,
    password: String,
    #[serde(flatten)]
    ticked: Ticked,
}

/// What was ticked, or what is wrong with it.
fn read_ticked(ticked: &Ticked) -> Result<Vec<Permission>, Wrong> {
    let all = ticked.read().map_err(|_| Wrong::field("locks", "a lock is written as in coinslot/1"))?;
    Admin::check_permissions(all).map_err(|_| Wrong::field("permissions", "choose at least one"))
}

fn read_password(password: &str) -> Result<(), Wrong> {
    Admin::check_password(password)
        .map_err(|error| Wrong::field("password", format!("a password {}", error.problem)))
}

/// `POST /admin/people`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(given): Fields<Given>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let again = |wrong| show_new(&clerk, &state, &given, Some(wrong));
    let once = once(&state, &clerk, &given.once, &["person", &given.name])?;
    let made_before = || Redirect::to(&format!("{PATH}?done=again")).into_response();
    if before(&state, &once).await?.is_some() {
        return Ok(made_before());
    }
    let name = match AccountName::parse(&given.name) {
        Ok(name) => name,
        Err(error) => return Ok(again(Wrong::field("name", format!("a name {}", error.problem)))),
    };
    if let Err(wrong) = read_password(&given.password) {
        return Ok(again(wrong));
    }
    let granted = match read_ticked(&given.ticked) {
        Ok(granted) => granted,
        Err(wrong) => return Ok(again(wrong)),
    };
    let password = state.handle.hash_password(&given.password).await;
    let password = password.map_err(|refusal| refused(&state, refusal))?;
    let new = NewAdmin { name, password, permissions: granted, first: false };
    let made = state.store.create_admin(&new, state.handle.now().wall, Some(&once)).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(admin) => {
            let details = permissions::words(&admin.permissions);
            clerk.note_with(&state, "admin.create", admin.name.as_str(), &details).await;
            Ok(Redirect::to(&format!("{PATH}?done=made")).into_response())
        }
        Err(Refusal::DoneBefore) => Ok(made_before()),
        // Sent twice in one moment, the first one made it.
        Err(Refusal::AdminExists) => Ok(match before(&state, &once).await? {
            Some(_) => made_before(),
            None => again(Wrong::field("name", "there is an account of this name already")),
        }),
        Err(refusal) => Err(refused(&state, refusal)),
    }
}
