//! Forms that do something once, however often they are sent: a double click, a reload, a page that was gone back to. Each
//! carries a name of its own, `once`, which is remembered in the transaction that does it.

use axum::http::StatusCode;
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::clerk::Clerk;
use super::form::Form;
use super::page::{failed, say};
use super::state::AdminState;
use crate::domain::{Once, OnceSubject};

/// The longest name of a form, in characters.
const MAX_ONCE_CHARS: usize = 64;

/// Names what one page does, so that it is done once.
pub(super) fn new_once() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The form as something that is done once; `what` is all that it asks for.
#[expect(clippy::result_large_err, reason = "it is the answer, and handed on at once")]
pub(super) fn once(state: &AdminState, clerk: &Clerk, key: &str, what: &[&str]) -> Result<Once, Response> {
    let fits = (1..=MAX_ONCE_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        let text = "The form could not be read. Load the page again.";
        return Err(say(state, StatusCode::UNPROCESSABLE_ENTITY, "That did not work", text));
    }
    let mut digest = Sha256::new();
    for part in what {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let boot_id = state.handle.boot_id().map_err(|error| failed(state, &error))?;
    Ok(Once {
        caller: format!("counter {}", clerk.scope()),
        key: key.to_owned(),
        fingerprint: digest.finalize().into(),
        boot_id,
        at: state.handle.now(),
    })
}

/// The same of a form with many fields, with what became of it when it was sent before.
pub(super) async fn of_form(
    state: &AdminState,
    clerk: &Clerk,
    what: &str,
    form: &Form,
) -> Result<(Once, Option<OnceSubject>), Response> {
    let once = once(state, clerk, form.get("once"), &[&[what], form.parts().as_slice()].concat())?;
    let before = before(state, &once).await?;
    Ok((once, before))
}

/// What became of the form when it was sent before; `None` if it was not.
pub(super) async fn before(state: &AdminState, once: &Once) -> Result<Option<OnceSubject>, Response> {
    let found =
        state.store.find_once(&once.caller, &once.key).await.map_err(|error| failed(state, &error))?;
    match found {
        Some(found) if found.fingerprint == once.fingerprint => Ok(Some(found.subject)),
        Some(_) => {
            let text = "This form was sent before, with something else in it, and that was done. Nothing more was done now: \
                        load the page again for the next one.";
            Err(say(state, StatusCode::CONFLICT, "Done already", text))
        }
        None => Ok(None),
    }
}
