//! What is done to an account with a button: blocked, let in again, logged out, deleted.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::PLACE;
use super::changes::{carry_out, enforce, to};
use super::pages::{find, place};
use crate::admin::clerk::{Clerk, Fields, SELL};
use crate::admin::page::{Confirm, failed, missing, refused, say};
use crate::admin::state::AdminState;
use crate::domain::DeviceId;
use crate::store::AccountPatch;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    name: String,
    what: String,
    /// One device, or all of them.
    dev: String,
}

/// `GET /admin/accounts/sure?name=…&what=…`
pub(super) async fn sure(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let account = find(&state, &asked.name).await?;
    let (name, back) = (account.name.to_string(), place(&account.name, ""));
    let devices = state.store.account_devices(account.id).await.map_err(|error| failed(&state, &error))?;
    let logged_in = format!("Devices that are logged in now: {}.", devices.len());
    let (heading, mut happens, button) = match asked.what.as_str() {
        "disable" => (
            format!("Block the account {name}?"),
            vec![
                "Its sessions end now and nobody can log in as it. What is left waits until you let it in again.",
            ],
            "Block it",
        ),
        "delete" => (
            format!("Delete the account {name}?"),
            vec![
                "Its sessions end now, and what it had left is lost. Whoever is given the name later begins anew.",
                "What was paid for it stays in the till. This cannot be undone.",
            ],
            "Delete it",
        ),
        "log-out" if asked.dev.is_empty() => (
            format!("Log {name} out everywhere?"),
            vec!["Its sessions end now. What is left waits for the next log-in."],
            "Log out everywhere",
        ),
        "log-out" => (
            format!("Log a device of {name} out?"),
            vec!["Its session ends now. What is left waits for the next log-in."],
            "Log it out",
        ),
        _ => return Ok(missing(&state)),
    };
    if asked.dev.is_empty() {
        happens.push(&logged_in);
    }
    let page = Confirm {
        frame: clerk.frame(&state, PLACE),
        heading: &heading,
        happens: happens.into_iter().map(str::to_owned).collect(),
        action: "/admin/accounts/sure",
        fields: vec![("name", name), ("what", asked.what), ("dev", asked.dev)],
        button,
        back: &back,
    };
    Ok(page.respond())
}

/// `POST /admin/accounts/sure`
pub(super) async fn act(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(asked): Fields<Asked>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let account = find(&state, &asked.name).await?;
    let name = &account.name;
    match asked.what.as_str() {
        "disable" | "enable" => {
            let patch = AccountPatch { disabled: Some(asked.what == "disable"), ..AccountPatch::default() };
            let details = if asked.what == "disable" { "disabled" } else { "enabled" };
            let done = carry_out(&clerk, &state, name, &patch, ("account.change", details)).await?;
            done.map_err(|refusal| refused(&state, refusal))?;
        }
        "log-out" => {
            let device: Option<DeviceId> = match asked.dev.as_str() {
                "" => None,
                text => Some(text.parse().map_err(|_| not_logged_in(&state))?),
            };
            let was_in = state.store.unbind(name, device).await.map_err(|error| failed(&state, &error))?;
            if !was_in && device.is_some() {
                return Err(not_logged_in(&state));
            }
            let details = device.map_or_else(|| "all".to_owned(), |device| device.to_string());
            clerk.note_with(&state, "account.log_out", name.as_str(), &details).await;
            enforce(&state).await?;
        }
        "delete" => {
            state.store.delete_account(name).await.map_err(|error| failed(&state, &error))?;
            clerk.note(&state, "account.delete", name.as_str()).await;
            enforce(&state).await?;
            let place = if clerk.views() { PLACE } else { "/admin/accounts/new" };
            return Ok(Redirect::to(&format!("{place}?done=deleted")).into_response());
        }
        _ => return Ok(missing(&state)),
    }
    Ok(to(&clerk, name, &asked.what))
}

fn not_logged_in(state: &AdminState) -> Response {
    let text = "This device is not logged in as it. Nothing was changed.";
    say(state, StatusCode::NOT_FOUND, "Not logged in", text)
}
