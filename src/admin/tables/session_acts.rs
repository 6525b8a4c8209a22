//! What can be done with a session from its page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::bulk_form::{read_lasts, read_property, read_roles};
use super::confirm::ConfirmPage;
use super::name::{Name, of_device};
use super::session_page::{find, page, place};
use super::single::{Sent, making, sent};
use crate::admin::clerk::{Clerk, Fields, SERVE};
use crate::admin::form::{Form, Hidden, Wrong};
use crate::admin::page::{missing, refused};
use crate::admin::state::AdminState;
use crate::domain::{
    ClientSession, CloseReason, DeviceId, MAX_TIME_SECS, Message, Refusal, SessionPatch, Tag, Text,
};
use crate::http::PathPair;
use crate::runtime::DeviceRef;

/// What a form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Terms,
    Property,
    PropertyDelete,
    Roles,
    Principal,
    Message,
    MessageDelete,
    Close,
    Delete,
}

impl Act {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "terms" => Self::Terms,
            "property" => Self::Property,
            "property-delete" => Self::PropertyDelete,
            "roles" => Self::Roles,
            "principal" => Self::Principal,
            "message" => Self::Message,
            "message-delete" => Self::MessageDelete,
            "close" => Self::Close,
            "delete" => Self::Delete,
            _ => return None,
        })
    }
}

/// `GET /admin/sessions/{id}/{act}`: asks before what cannot be undone.
pub(super) async fn ask(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPair(id, act): PathPair,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let Some(act) = Act::from_name(&act) else { return Err(missing(&state)) };
    let session = find(&state, &id).await?;
    if !matches!(act, Act::Close | Act::Delete) {
        // It is posted only; a browser comes here with the button that loads a page again.
        return Ok(Redirect::to(&place(session.id)).into_response());
    }
    confirm(&state, &clerk, &session, act, Form::default(), StatusCode::OK).await
}

async fn confirm(
    state: &AdminState,
    clerk: &Clerk,
    session: &ClientSession,
    act: Act,
    typed: Form,
    status: StatusCode,
) -> Result<Response, Response> {
    let device = state.handle.find_device(DeviceRef::Id(session.device)).await;
    let device = device.map_err(|refusal| refused(state, refusal))?;
    let left = format!("It has {} left.", crate::admin::shown::left(session));
    let (heading, button, name, says) = if act == Act::Close {
        let end = if session.is_running() {
            "It ends now and its device is cut off, unless it has another session."
        } else {
            "It ends now."
        };
        ("Close this session?", "Close the session", "close", vec![end.to_owned(), left])
    } else {
        let end = "It is gone from all lists, with its usage; a device that runs on it is cut off first. \
                   To end it and keep what is known of it, close it instead.";
        ("Delete this session?", "Delete the session", "delete", vec![end.to_owned(), left])
    };
    let mut says = says;
    says.push("This cannot be undone.".to_owned());
    let page = ConfirmPage {
        frame: clerk.frame(state, super::sessions::PLACE),
        heading: heading.to_owned(),
        about: vec![Name::whole(of_device(&device))],
        more: 0,
        says,
        texts: Vec::new(),
        differs: None,
        place: format!("{}/{name}", place(session.id)),
        hidden: Hidden::new(clerk).tagged(Tag::of_session(session)),
        asks_reason: act == Act::Close,
        typed,
        button: button.to_owned(),
        is_final: true,
        back: place(session.id),
        back_text: "Back to the session",
    };
    Ok(page.respond(status))
}

/// `POST /admin/sessions/{id}/{act}`
pub(super) async fn act(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPair(id, name): PathPair,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let Some(act) = Act::from_name(&name) else { return Err(missing(&state)) };
    let session = find(&state, &id).await?;
    let typed = Form::sent(fields).named(&name);
    match carry_out(&state, &clerk, &session, act, &typed).await {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(wrong) => {
            let (status, typed) = (wrong.status(), typed.refused(wrong));
            // How it stands now.
            let session = find(&state, &id).await?;
            if matches!(act, Act::Close | Act::Delete) {
                return confirm(&state, &clerk, &session, act, typed, status).await;
            }
            page(&state, &clerk, &session, typed, status, None).await
        }
    }
}

/// Does it; where to go then.
async fn carry_out(
    state: &AdminState,
    clerk: &Clerk,
    session: &ClientSession,
    act: Act,
    typed: &Form,
) -> Result<String, Wrong> {
    let id = session.id;
    let handle = |action, details: &str| clerk.acting(state, action, details, typed.expected());
    let done = |name: &str| format!("{}?done={name}", place(id));
    Ok(match act {
        Act::Terms => {
            handle("session.change", "").update_session(id, read_patch(typed)?).await?;
            done("terms")
        }
        Act::Property | Act::PropertyDelete => {
            let sets = act == Act::Property;
            let value = sets.then(|| typed.get("value").to_owned());
            let patch = read_property(typed.get("key").to_owned(), value)?;
            handle("session.properties", "").set_properties(id, patch).await.map_err(of_property)?;
            done(if sets { "property" } else { "property_deleted" })
        }
        Act::Roles => {
            handle("session.roles", "").change_roles(id, read_roles(typed)?).await?;
            done("roles")
        }
        Act::Principal => {
            let principal = ClientSession::read_principal(typed.get("principal"))
                .map_err(|problem| Wrong::field("principal", problem))?;
            handle("session.principal", "").set_principal(id, principal).await?;
            done("principal")
        }
        Act::Message => done(leave_message(state, clerk, session.device, Some(session), typed).await?),
        Act::MessageDelete => {
            delete_message(state, clerk, session.device, typed).await?;
            done("message_deleted")
        }
        Act::Close => {
            let reason = Text::new(typed.get("reason"));
            let handle = handle("session.close", reason.as_str());
            handle.close_session(id, CloseReason::Operator, reason).await?;
            done("closed")
        }
        Act::Delete => {
            handle("session.delete", "").delete_session(id).await?;
            format!("{}?done=deleted", super::sessions::PLACE)
        }
    })
}

/// A property that cannot be stands under `key` in the form.
fn of_property(refusal: Refusal) -> Wrong {
    if let Refusal::Property(error) = &refusal {
        Wrong::field("key", error.problem.clone())
    } else {
        refusal.into()
    }
}

/// Reads a change of terms: what is left empty stays as it is.
fn read_patch(typed: &Form) -> Result<SessionPatch, Wrong> {
    let secs = |name: &str| -> Result<Option<u64>, Wrong> {
        let minutes: Option<u64> = typed.number(name)?;
        let most = MAX_TIME_SECS / 60;
        if minutes.is_some_and(|minutes| !(1..=most).contains(&minutes)) {
            return Err(Wrong::field(name, format!("must be between 1 and {most} minutes")));
        }
        Ok(minutes.map(|minutes| minutes * 60))
    };
    let global = match typed.get("use_global_speed") {
        "" => None,
        "yes" => Some(true),
        "no" => Some(false),
        _ => return Err(Wrong::field("use_global_speed", "choose one of the list")),
    };
    let patch = SessionPatch::new(
        secs("time_min")?,
        typed.number("data_mb")?,
        secs("add_time_min")?,
        typed.number("add_data_mb")?,
        typed.number("down_mbps")?,
        typed.number("up_mbps")?,
        global,
        typed.number("exp_days")?,
    )?;
    if patch == SessionPatch::default() {
        return Err(Wrong::field("add_time_min", "nothing was filled in"));
    }
    Ok(patch)
}

/// Leaves a text for the page of a device; what there is to say of it then.
pub(super) async fn leave_message(
    state: &AdminState,
    clerk: &Clerk,
    device: DeviceId,
    session: Option<&ClientSession>,
    typed: &Form,
) -> Result<&'static str, Wrong> {
    let text = Message::read_text(typed.get("text")).map_err(|problem| Wrong::field("text", problem))?;
    let lasts_ms = read_lasts(typed.number("lasts_min")?)?;
    let Sent::New(once) = sent(state, clerk, typed, "message", &["text", "lasts_min"]).await? else {
        return Ok("again");
    };
    // It changes nothing that somebody else could have changed meanwhile.
    let handle = making(state, clerk, "device.message", text.as_str(), once);
    match handle.message(device, session.map(|session| session.id), text, lasts_ms).await {
        Err(Refusal::DoneBefore) => Ok("again"),
        left => left.map(|_| "message").map_err(Wrong::from),
    }
}

/// Takes a message of a device away.
pub(super) async fn delete_message(
    state: &AdminState,
    clerk: &Clerk,
    device: DeviceId,
    typed: &Form,
) -> Result<(), Wrong> {
    let gone = || Wrong::field("id", "that message is gone already");
    let id: uuid::Uuid = typed.get("message").parse().map_err(|_| gone())?;
    let deleted = state.store.delete_message(id, Some(device)).await;
    if !deleted.map_err(|error| Wrong::from(Refusal::from(error)))? {
        return Err(gone());
    }
    clerk.note(state, "message.delete", &id.to_string()).await;
    Ok(())
}
