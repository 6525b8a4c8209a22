//! What can be done with a device from its page.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::confirm::ConfirmPage;
use super::device_page::{Said, find, page, place};
use super::name::{Name, of_device};
use super::session_acts::{delete_message, leave_message};
use super::single::{Sent, making, sent};
use crate::admin::clerk::{Clerk, Fields, SERVE, VIEW};
use crate::admin::form::{Form, Hidden, Wrong, role_names};
use crate::admin::page::{forbidden, missing, refused};
use crate::admin::state::AdminState;
use crate::domain::{
    ClientDevice, MAX_TIME_SECS, OnceSubject, Refusal, SessionId, SessionKind, SessionTerms, Tag, Text,
    ZoneName, roles,
};
use crate::http::PathPair;
use crate::runtime::{DevicePatch, DeviceRef};

/// The fields of the form that makes a session.
const SESSION_FIELDS: [&str; 7] =
    ["kind", "time_min", "data_mb", "exp_days", "down_mbps", "up_mbps", "speeds"];

/// What a form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Connect,
    Disconnect,
    Block,
    Unblock,
    Change,
    Roles,
    Session,
    Message,
    MessageDelete,
    Move,
    Code,
    Ping,
    Delete,
}

impl Act {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "connect" => Self::Connect,
            "disconnect" => Self::Disconnect,
            "block" => Self::Block,
            "unblock" => Self::Unblock,
            "change" => Self::Change,
            "roles" => Self::Roles,
            "session" => Self::Session,
            "message" => Self::Message,
            "message-delete" => Self::MessageDelete,
            "move" => Self::Move,
            "code" => Self::Code,
            "ping" => Self::Ping,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    /// Whether somebody who may only look may do it.
    const fn only_looks(self) -> bool {
        matches!(self, Self::Ping)
    }
}

/// What a form led to.
enum Done {
    /// Another page.
    To(String),
    /// The device's page, which says so this once.
    Said(Said),
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// Where to, for a move.
    #[serde(default)]
    to: String,
}

/// `GET /admin/devices/{id}/{act}`: asks before what cannot be undone.
pub(super) async fn ask(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPair(id, name): PathPair,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SERVE)?;
    let Some(act) = Act::from_name(&name) else { return Err(missing(&state)) };
    let device = find(&state, &id).await?;
    if !matches!(act, Act::Move | Act::Delete) {
        // It is posted only; a browser comes here with the button that loads a page again.
        return Ok(Redirect::to(&place(device.id)).into_response());
    }
    let typed = Form::filled([("to", wanted.to)]).named(&name);
    confirm(&state, &clerk, &device, act, typed, StatusCode::OK).await
}

async fn confirm(
    state: &AdminState,
    clerk: &Clerk,
    device: &ClientDevice,
    act: Act,
    typed: Form,
    status: StatusCode,
) -> Result<Response, Response> {
    let is_connected =
        state.handle.is_connected(device.id).await.map_err(|refusal| refused(state, refusal))?;
    let mut hidden = Hidden::new(clerk).tagged(Tag::of_device(device, is_connected));
    let (heading, button, name, says, texts) = if act == Act::Move {
        let to = match target(state, device, typed.get("to")).await {
            Ok(to) => to,
            Err(wrong) => {
                let status = wrong.status();
                return page(state, clerk, device, typed.refused(wrong), status, Said::default(), false)
                    .await;
            }
        };
        hidden = hidden.with("to", to.id.to_string());
        let says = vec![
            "All that it has left goes to the other device, which is let through if this one is now."
                .to_owned(),
            "This device is cut off, and its recovery code stops working.".to_owned(),
        ];
        let texts = vec![("To", Name::whole(format!("{}, {}", of_device(&to), to.mac)))];
        ("Move what it has to another device?", "Move it", "move", says, texts)
    } else {
        let says = vec![
            "It is cut off and forgotten, with all of its sessions and what they have left.".to_owned(),
            "It appears again, with nothing, when it is next seen. To keep it out, block it instead."
                .to_owned(),
            "This cannot be undone.".to_owned(),
        ];
        ("Forget this device?", "Forget the device", "delete", says, Vec::new())
    };
    let page = ConfirmPage {
        frame: clerk.frame(state, super::devices::PLACE),
        heading: heading.to_owned(),
        about: vec![Name::whole(format!("{}, {}", of_device(device), device.mac))],
        more: 0,
        says,
        texts,
        differs: None,
        place: format!("{}/{name}", place(device.id)),
        hidden,
        asks_reason: false,
        typed,
        button: button.to_owned(),
        is_final: act == Act::Delete,
        back: place(device.id),
        back_text: "Back to the device",
    };
    Ok(page.respond(status))
}

/// The other device of a move, as it was written.
async fn target(state: &AdminState, from: &ClientDevice, text: &str) -> Result<ClientDevice, Wrong> {
    let id = || text.parse().ok().map(DeviceRef::Id);
    let mac = || text.parse().ok().map(DeviceRef::Mac);
    let ip = || text.parse().ok().map(DeviceRef::Ip);
    let by = id().or_else(mac).or_else(ip);
    let by = by.ok_or_else(|| Wrong::field("to", "write the MAC or the IP address of a device"))?;
    match state.handle.find_device(by).await {
        Ok(found) if found.id == from.id => Err(Wrong::field("to", "this is the same device")),
        Ok(found) => Ok(found),
        Err(Refusal::UnknownDevice) => Err(Wrong::field("to", "no such device is known")),
        Err(refusal) => Err(refusal.into()),
    }
}

/// `POST /admin/devices/{id}/{act}`
pub(super) async fn act(
    clerk: Clerk,
    State(state): State<AdminState>,
    PathPair(id, name): PathPair,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Response> {
    let Some(act) = Act::from_name(&name) else { return Err(missing(&state)) };
    clerk.must(&state, VIEW)?;
    if !act.only_looks() && !clerk.serves() {
        return Err(forbidden(&state, "modify_session"));
    }
    let device = find(&state, &id).await?;
    let typed = Form::sent(fields).named(&name);
    match carry_out(&state, &clerk, &device, act, &typed).await {
        Ok(Done::To(to)) => Ok(Redirect::to(&to).into_response()),
        Ok(Done::Said(said)) => {
            page(&state, &clerk, &device, Form::default(), StatusCode::OK, said, false).await
        }
        Err(wrong) => {
            let (status, typed) = (wrong.status(), typed.refused(wrong));
            // How it stands now.
            let device = find(&state, &id).await?;
            if act == Act::Delete {
                return confirm(&state, &clerk, &device, act, typed, status).await;
            }
            page(&state, &clerk, &device, typed, status, Said::default(), false).await
        }
    }
}

async fn carry_out(
    state: &AdminState,
    clerk: &Clerk,
    device: &ClientDevice,
    act: Act,
    typed: &Form,
) -> Result<Done, Wrong> {
    let id = device.id;
    let handle = |action, details: &str| clerk.acting(state, action, details, typed.expected());
    let done = |name: &str| Done::To(format!("{}?done={name}", place(id)));
    // A form on the page of a session leads back there.
    let back = |name: &str| match typed.get("session").parse::<SessionId>() {
        Ok(session) => Done::To(super::session_page::place(session)),
        Err(_) => done(name),
    };
    Ok(match act {
        Act::Connect => {
            handle("device.connect", &id.to_string()).connect(id, None).await?;
            back("connected")
        }
        Act::Disconnect => {
            handle("device.disconnect", "").disconnect(id, None).await?;
            back("disconnected")
        }
        Act::Block | Act::Unblock => {
            let blocks = act == Act::Block;
            let action = if blocks { "device.block" } else { "device.unblock" };
            let patch = DevicePatch { blocked: Some(blocks), ..DevicePatch::default() };
            handle(action, "").update_device(id, patch).await?;
            done(if blocks { "blocked" } else { "unblocked" })
        }
        Act::Change => {
            if typed.get("alias").chars().count() > Text::MAX_CHARS {
                return Err(Wrong::field("alias", format!("at most {} characters", Text::MAX_CHARS)));
            }
            let alias = Some(Text::new(typed.get("alias"))).filter(|alias| !alias.is_empty());
            let zone = Some(typed.get("zone")).filter(|zone| !zone.is_empty()).map(ZoneName::new);
            let zone = zone.filter(|zone| device.zone.as_ref() != Some(zone));
            let patch = DevicePatch { alias: Some(alias), zone, ..DevicePatch::default() };
            handle("device.change", "").update_device(id, patch).await?;
            done("changed")
        }
        Act::Roles => {
            let names = role_names(typed.get("roles"));
            let names = roles::read(names).map_err(|problem| Wrong::field("roles", problem))?;
            let patch = DevicePatch { roles: Some(names), ..DevicePatch::default() };
            handle("device.change", "").update_device(id, patch).await?;
            done("roles")
        }
        Act::Session => {
            let terms = read_terms(typed)?;
            let again = |subject| {
                if let OnceSubject::Session(session) = subject {
                    Done::To(format!("{}?done=again", super::session_page::place(session)))
                } else {
                    done("again")
                }
            };
            match sent(state, clerk, typed, "session", &SESSION_FIELDS).await? {
                Sent::Before(subject) => again(subject),
                Sent::New(once) => {
                    let handle = making(state, clerk, "session.create", "", once);
                    match handle.create_session(id, terms).await {
                        // Sent twice in one moment, the first one made it.
                        Err(Refusal::DoneBefore) => {
                            match sent(state, clerk, typed, "session", &SESSION_FIELDS).await? {
                                Sent::Before(subject) => again(subject),
                                Sent::New(_) => return Err(Refusal::DoneBefore.into()),
                            }
                        }
                        made => Done::To(format!("{}?done=created", super::session_page::place(made?.id))),
                    }
                }
            }
        }
        Act::Message => done(leave_message(state, clerk, id, None, typed).await?),
        Act::MessageDelete => {
            delete_message(state, clerk, id, typed).await?;
            done("message_deleted")
        }
        Act::Move => {
            let to = target(state, device, typed.get("to")).await?;
            let details = format!("from {} ({})", device.mac, device.id);
            let moved = handle("device.move", &details).move_device(id, to.id).await?;
            if let Some(Err(refusal)) = moved.connected {
                // It was moved, which is what was asked for; the guest can connect.
                tracing::info!(device = %moved.device.id, %refusal, "moved to a device that cannot be let through");
            }
            Done::To(format!("{}?done=moved", place(moved.device.id)))
        }
        Act::Code => {
            let none = "it has nothing that could be brought to another phone";
            let code = match state.handle.recovery_code(id).await {
                Err(Refusal::NoSession) => Err(Wrong::field("", none)),
                found => found.map_err(Wrong::from),
            }?;
            // Whoever has it can take over what the device has left.
            clerk.note(state, "device.recovery_code", &id.to_string()).await;
            Done::Said(Said { code: Some(code.to_string()), ..Said::default() })
        }
        Act::Ping => {
            let ping = state.handle.ping(id).await?;
            let said = match ping.rtt_ms.filter(|_| ping.reachable) {
                Some(rtt_ms) => format!("It answered after {rtt_ms:.1} ms."),
                None => "It did not answer: it is off, asleep or out of reach.".to_owned(),
            };
            Done::Said(Said { done: Some(said), ..Said::default() })
        }
        Act::Delete => {
            handle("device.delete", "").delete_device(id).await?;
            Done::To(format!("{}?done=deleted", super::devices::PLACE))
        }
    })
}

/// Reads what a new session grants.
fn read_terms(typed: &Form) -> Result<SessionTerms, Wrong> {
    let kind = SessionKind::from_name(typed.get("kind"));
    let kind = kind.ok_or_else(|| Wrong::field("kind", "choose one of the list"))?;
    let minutes: Option<u64> = typed.number("time_min")?;
    if minutes.is_some_and(|minutes| minutes > MAX_TIME_SECS / 60) {
        return Err(Wrong::field("time_min", format!("must be between 1 and {}", MAX_TIME_SECS / 60)));
    }
    let terms = SessionTerms::new(
        kind,
        minutes.map(|minutes| minutes * 60),
        typed.number("data_mb")?,
        typed.number("exp_days")?,
        typed.number("down_mbps")?.unwrap_or(0.0),
        typed.number("up_mbps")?.unwrap_or(0.0),
        typed.get("speeds") == "zone",
    )?;
    Ok(terms)
}
