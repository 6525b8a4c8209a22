//! Somebody's page, and what is changed there.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::{Given, PATH, Person, Wanted, of_permissions, read_password, read_ticked};
use crate::admin::clerk::{ADMINISTER, Clerk, Fields};
use crate::admin::form::{Form, Wrong};
use crate::admin::frame::Frame;
use crate::admin::page::{self, Confirm, Message, failed, html, missing, refused, sentence};
use crate::admin::permissions::{self, Tick, Ticked};
use crate::admin::state::AdminState;
use crate::domain::{Admin, Permission, Refusal, Tag};
use crate::http::Problem;
use crate::store::AdminPatch;

/// Somebody, and what can be changed about them.
#[derive(Debug, Template)]
#[template(path = "admin/person.html")]
struct PersonPage {
    frame: Frame,
    person: Person,
    /// What they may do as it was shown.
    tag: String,
    ticks: Vec<Tick>,
    locks: String,
    form: Form,
    done: Option<&'static str>,
}

async fn find(state: &AdminState, id: &str) -> Result<Admin, Response> {
    page::find(state, id, |id| state.store.admin(id), || refused(state, Refusal::UnknownAdmin)).await
}

/// `GET /admin/people/{id}`
pub(in crate::admin) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let admin = find(&state, &id).await?;
    Ok(show_one(&clerk, &state, &admin, None, None, wanted.said()))
}

/// Somebody's page; `ticked` is what was ticked in a form that came back.
fn show_one(
    clerk: &Clerk,
    state: &AdminState,
    admin: &Admin,
    ticked: Option<&Ticked>,
    wrong: Option<Wrong>,
    done: Option<&'static str>,
) -> Response {
    let (ticks, locks) = match ticked {
        Some(ticked) => (ticked.ticks(), ticked.lock_lines().to_owned()),
        None => (permissions::ticks(&admin.permissions), permissions::lock_lines(&admin.permissions)),
    };
    let page = PersonPage {
        frame: clerk.frame(state, PATH),
        person: Person::new(state, clerk, admin),
        tag: Tag::of_admin(admin).to_string(),
        ticks,
        locks,
        form: Form::blank(wrong),
        done,
    };
    html(page.form.status(), page.render())
}

/// `GET /admin/people/{id}/{what}`: what will happen.
pub(in crate::admin) async fn confirm(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path((id, what)): Path<(String, String)>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let admin = find(&state, &id).await?;
    let (name, back) = (&admin.name, format!("{PATH}/{}", admin.id));
    let is_own = clerk.account() == Some(admin.id);
    let (heading, mut happens, button) = match what.as_str() {
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
        // What is posted there only; a browser comes here with the button that loads a page again.
        "permissions" | "password" | "sign-out" | "enable" => {
            return Ok(Redirect::to(&back).into_response());
        }
        _ => return Ok(missing(&state)),
    };
    if is_own && what != "no-codes" {
        happens.insert(
            0,
            "This is you: you are signed out at once, and only somebody else can let you in again.",
        );
    }
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
pub(in crate::admin) async fn change(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path((id, what)): Path<(String, String)>,
    Fields(given): Fields<Given>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let admin = find(&state, &id).await?;
    let mut patch = AdminPatch::default();
    let (action, details) = match what.as_str() {
        "permissions" => match read_ticked(&given.ticked) {
            Ok(granted) => {
                patch.expected = Tag::parse(&given.tag).filter(|tag| *tag == Tag::of_admin(&admin));
                if patch.expected.is_none() {
                    return Err(changed_meanwhile(&clerk, &state, &admin));
                }
                let words = permissions::words(&granted);
                let loses = admin.administers() && !granted.contains(&Permission::Admin);
                if loses && clerk.account() == Some(admin.id) && given.sure != "yes" {
                    return Ok(ask_about_oneself(&clerk, &state, &admin, &given, &words));
                }
                patch.permissions = Some(granted);
                ("admin.change", words)
            }
            Err(wrong) => {
                return Err(show_one(&clerk, &state, &admin, Some(&given.ticked), Some(wrong), None));
            }
        },
        "password" => {
            if let Err(wrong) = read_password(&given.password) {
                return Err(show_one(&clerk, &state, &admin, None, Some(wrong), None));
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
            gone.map_err(|refusal| refused_of(&clerk, &state, &admin, refusal))?;
            clerk.note(&state, "admin.delete", admin.name.as_str()).await;
            return Ok(Redirect::to(&format!("{PATH}?done=delete")).into_response());
        }
        _ => return Ok(missing(&state)),
    };
    let changed = state.store.change_admin(&admin.name, &patch, None).await;
    match changed.map_err(|error| failed(&state, &error))? {
        Ok(_) => {}
        Err(Refusal::Changed) => return Err(changed_meanwhile(&clerk, &state, &find(&state, &id).await?)),
        Err(refusal @ Refusal::LastAdmin) if what == "permissions" => {
            let wrong = of_permissions(refusal);
            return Err(show_one(&clerk, &state, &admin, Some(&given.ticked), Some(wrong), None));
        }
        Err(refusal) => return Err(refused_of(&clerk, &state, &admin, refusal)),
    }
    clerk.note_with(&state, action, admin.name.as_str(), &details).await;
    Ok(Redirect::to(&format!("{PATH}/{}?done={what}", admin.id)).into_response())
}

/// What was ticked before somebody else's change is not shown again: sent once more it would undo that.
fn changed_meanwhile(clerk: &Clerk, state: &AdminState, admin: &Admin) -> Response {
    let text = "somebody else has changed this meanwhile, and nothing was saved: this is what holds now";
    let wrong = Wrong::field("permissions", text).answered(StatusCode::PRECONDITION_FAILED);
    show_one(clerk, state, admin, None, Some(wrong), None)
}

/// Whoever takes “Everything” from themselves cannot give it back to themselves.
fn ask_about_oneself(
    clerk: &Clerk,
    state: &AdminState,
    admin: &Admin,
    given: &Given,
    words: &str,
) -> Response {
    let back = format!("{PATH}/{}", admin.id);
    let mut fields = given.ticked.fields();
    fields.extend([("tag", given.tag.clone()), ("sure", "yes".to_owned())]);
    let page = Confirm {
        frame: clerk.frame(state, PATH),
        heading: "Take “Everything” from yourself?",
        happens: vec![
            format!("You may only do this then: {words}. It holds at once."),
            "You cannot give it back to yourself: somebody else who may do everything has to.".to_owned(),
        ],
        action: &format!("{back}/permissions"),
        fields,
        button: "Take it from me",
        back: &back,
    };
    page.respond()
}

/// Why something was not done with somebody, with the way back to them.
fn refused_of(clerk: &Clerk, state: &AdminState, admin: &Admin, refusal: Refusal) -> Response {
    let problem = Problem::from(refusal);
    let page = Message {
        frame: clerk.frame(state, PATH),
        heading: "That did not work",
        text: &sentence(problem.detail()),
        link: &format!("{PATH}/{}", admin.id),
        link_text: "Back to the account",
    };
    page.respond(problem.status())
}
