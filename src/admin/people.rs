//! Admin accounts: who signs in here, and what they may do.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{Clerk, Fields};
use super::frame::Frame;
use super::page::{Confirm, failed, html, missing, refused, sentence};
use super::permissions::{self, Tick, Ticked};
use super::shown;
use super::state::AdminState;
use crate::domain::{AccountName, Admin, Permission, Refusal, Text};
use crate::store::{AdminPatch, NewAdmin};

const PATH: &str = "/admin/people";
const NEEDS: &[Permission] = &[Permission::Admin];

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

/// Somebody, and what can be changed about them.
#[derive(Debug, Template)]
#[template(path = "admin/person.html")]
struct PersonPage {
    frame: Frame,
    person: Person,
    ticks: Vec<Tick>,
    locks: String,
    trouble: Option<Trouble>,
    done: Option<&'static str>,
}

/// The form for somebody new.
#[derive(Debug, Template)]
#[template(path = "admin/new_person.html")]
struct NewPage {
    frame: Frame,
    name: String,
    ticks: Vec<Tick>,
    locks: String,
    trouble: Option<Trouble>,
}

/// What is wrong with a field.
#[derive(Debug)]
struct Trouble {
    field: &'static str,
    text: String,
}

impl Trouble {
    fn new(field: &'static str, text: &str) -> Self {
        Self { field, text: sentence(text) }
    }
}

fn wrong<'t>(trouble: &'t Option<Trouble>, field: &str) -> Option<&'t str> {
    trouble.as_ref().filter(|trouble| trouble.field == field).map(|trouble| trouble.text.as_str())
}

impl PersonPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(&self.trouble, field)
    }
}

impl NewPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(&self.trouble, field)
    }
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
    clerk.must(&state, NEEDS)?;
    let admins = state.store.list_admins().await.map_err(|error| failed(&state, &error))?;
    let people = admins.iter().map(|admin| Person::new(&state, &clerk, admin)).collect();
    let page = PeoplePage { frame: clerk.frame(&state, PATH), people, done: wanted.said() };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/people/new`
pub(super) async fn new(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    clerk.must(&state, NEEDS)?;
    Ok(show_new(&clerk, &state, "", &[Permission::ViewSession], String::new(), None))
}

fn show_new(
    clerk: &Clerk,
    state: &AdminState,
    name: &str,
    held: &[Permission],
    locks: String,
    trouble: Option<Trouble>,
) -> Response {
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let name = Text::new(name).as_str().to_owned();
    let page =
        NewPage { frame: clerk.frame(state, PATH), name, ticks: permissions::ticks(held), locks, trouble };
    html(status, page.render())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    name: String,
    password: String,
    #[serde(flatten)]
    ticked: Ticked,
}

/// What was ticked, or what is wrong with it.
fn read_ticked(ticked: &Ticked) -> Result<Vec<Permission>, Trouble> {
    let all = ticked.read().map_err(|_| Trouble::new("locks", "a lock is written as in coinslot/1"))?;
    Admin::check_permissions(all).map_err(|_| Trouble::new("permissions", "choose at least one"))
}

fn read_password(password: &str) -> Result<(), Trouble> {
    Admin::check_password(password)
        .map_err(|error| Trouble::new("password", &format!("a password {}", error.problem)))
}

/// `POST /admin/people`
pub(super) async fn create(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(given): Fields<Given>,
) -> Result<Response, Response> {
    clerk.must(&state, NEEDS)?;
    let held = given.ticked.read().unwrap_or_default();
    let locks = permissions::lock_lines(&held);
    let again = |trouble| show_new(&clerk, &state, &given.name, &held, locks.clone(), Some(trouble));
    let name = match AccountName::parse(&given.name) {
        Ok(name) => name,
        Err(error) => return Ok(again(Trouble::new("name", &format!("a name {}", error.problem)))),
    };
    if let Err(trouble) = read_password(&given.password) {
        return Ok(again(trouble));
    }
    let granted = match read_ticked(&given.ticked) {
        Ok(granted) => granted,
        Err(trouble) => return Ok(again(trouble)),
    };
    let password = state.handle.hash_password(&given.password).await;
    let password = password.map_err(|refusal| refused(&state, refusal))?;
    let new = NewAdmin { name, password, permissions: granted, first: false };
    let made = state.store.create_admin(&new, state.handle.now().wall, None).await;
    match made.map_err(|error| failed(&state, &error))? {
        Ok(admin) => {
            let details = permissions::words(&admin.permissions);
            clerk.note_with(&state, "admin.create", admin.name.as_str(), &details).await;
            Ok(Redirect::to(&format!("{PATH}?done=made")).into_response())
        }
        Err(Refusal::AdminExists) => {
            Ok(again(Trouble::new("name", "there is an account of this name already")))
        }
        Err(refusal) => Err(refused(&state, refusal)),
    }
}

async fn find(state: &AdminState, id: &str) -> Result<Admin, Response> {
    let found = match id.parse() {
        Ok(id) => state.store.admin(id).await.map_err(|error| failed(state, &error))?,
        Err(_) => None,
    };
    found.ok_or_else(|| refused(state, Refusal::UnknownAdmin))
}

/// `GET /admin/people/{id}`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, NEEDS)?;
    let admin = find(&state, &id).await?;
    Ok(show_one(&clerk, &state, &admin, None, wanted.said()))
}

fn show_one(
    clerk: &Clerk,
    state: &AdminState,
    admin: &Admin,
    trouble: Option<Trouble>,
    done: Option<&'static str>,
) -> Response {
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = PersonPage {
        frame: clerk.frame(state, PATH),
        person: Person::new(state, clerk, admin),
        ticks: permissions::ticks(&admin.permissions),
        locks: permissions::lock_lines(&admin.permissions),
        trouble,
        done,
    };
    html(status, page.render())
}

/// `GET /admin/people/{id}/{what}`: what will happen.
pub(super) async fn confirm(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path((id, what)): Path<(String, String)>,
) -> Result<Response, Response> {
    clerk.must(&state, NEEDS)?;
    let admin = find(&state, &id).await?;
    let (name, back) = (&admin.name, format!("{PATH}/{}", admin.id));
    let (heading, happens, button) = match what.as_str() {
        "disable" => (
            format!("Disable {name}?"),
            vec!["They are signed out everywhere and cannot sign in until you enable the account again."],
            "Disable",
        ),
        "delete" => (
            format!("Delete {name}?"),
            vec![
                "They are signed out everywhere and the account is gone.",
                "What they did stays in the audit log, and what they sold in the till.",
            ],
            "Delete",
        ),
        "no-codes" => (
            format!("Take one-time codes from {name}?"),
            vec!["Signing in takes only the password then. They can turn codes on again themselves."],
            "Take them away",
        ),
        _ => return Ok(missing(State(state)).await),
    };
    let page = Confirm {
        frame: clerk.frame(&state, PATH),
        heading: &heading,
        happens: happens.into_iter().map(str::to_owned).collect(),
        action: &format!("{back}/{what}"),
        fields: Vec::new(),
        button,
        back: &back,
    };
    Ok(page.respond())
}

/// `POST /admin/people/{id}/{what}`
pub(super) async fn change(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path((id, what)): Path<(String, String)>,
    Fields(given): Fields<Given>,
) -> Result<Response, Response> {
    clerk.must(&state, NEEDS)?;
    let admin = find(&state, &id).await?;
    let mut patch = AdminPatch::default();
    let (action, details) = match what.as_str() {
        "permissions" => match read_ticked(&given.ticked) {
            Ok(granted) => {
                let words = permissions::words(&granted);
                patch.permissions = Some(granted);
                ("admin.change", words)
            }
            Err(trouble) => return Err(show_one(&clerk, &state, &admin, Some(trouble), None)),
        },
        "password" => {
            if let Err(trouble) = read_password(&given.password) {
                return Err(show_one(&clerk, &state, &admin, Some(trouble), None));
            }
            let hashed = state.handle.hash_password(&given.password).await;
            patch.password = Some(hashed.map_err(|refusal| refused(&state, refusal))?);
            ("admin.password", "on the admin pages".to_owned())
        }
        "disable" | "enable" => {
            patch.disabled = Some(what == "disable");
            ("admin.change", format!("{what}d"))
        }
        "sign-out" => {
            patch.sign_out = true;
            ("admin.sign_out", "everywhere".to_owned())
        }
        "no-codes" => {
            patch.totp = Some(None);
            ("admin.change", "no one-time codes".to_owned())
        }
        "delete" => {
            let gone = state.store.delete_admin(&admin.name).await.map_err(|error| failed(&state, &error))?;
            gone.map_err(|refusal| refused(&state, refusal))?;
            clerk.note(&state, "admin.delete", admin.name.as_str()).await;
            return Ok(Redirect::to(&format!("{PATH}?done=delete")).into_response());
        }
        _ => return Ok(missing(State(state)).await),
    };
    let changed = state.store.change_admin(&admin.name, &patch, None).await;
    changed.map_err(|error| failed(&state, &error))?.map_err(|refusal| refused(&state, refusal))?;
    clerk.note_with(&state, action, admin.name.as_str(), &details).await;
    Ok(Redirect::to(&format!("{PATH}/{}?done={what}", admin.id)).into_response())
}
