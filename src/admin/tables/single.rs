//! Forms of these pages that make something: carried out once, however often they are sent.

use crate::admin::clerk::Clerk;
use crate::admin::form::{Form, Wrong};
use crate::admin::once::once;
use crate::admin::state::AdminState;
use crate::domain::{Once, OnceSubject, Proviso, Refusal};
use crate::runtime::Handle;

/// What a form comes to that may have been sent before.
pub(super) enum Sent {
    /// It was not. One without a name, which no page of ours has, is carried out each time.
    New(Option<Once>),
    /// It was, and made this.
    Before(OnceSubject),
}

/// Looks whether a form was carried out before; `fields` are those that say what it asks for. Each form of a page goes by a
/// name of its own.
pub(super) async fn sent(
    state: &AdminState,
    clerk: &Clerk,
    typed: &Form,
    form: &str,
    fields: &[&str],
) -> Result<Sent, Wrong> {
    let key = typed.get("once");
    if key.is_empty() {
        return Ok(Sent::New(None));
    }
    let what: Vec<&str> = std::iter::once(form).chain(fields.iter().map(|field| typed.get(field))).collect();
    let once = once(state, clerk, &format!("{form}-{key}"), &what)
        .map_err(|_| Wrong::field("", "the form could not be read: load the page again"))?;
    let found = state.store.find_once(&once.caller, &once.key).await;
    match found.map_err(|error| Wrong::from(Refusal::from(error)))? {
        Some(found) if found.fingerprint == once.fingerprint => Ok(Sent::Before(found.subject)),
        Some(_) => {
            let text = "this form was sent before, with something else in it, and that was done; nothing more was done now";
            Err(Wrong::field("", text))
        }
        None => Ok(Sent::New(Some(once))),
    }
}

/// The sessions manager, for one thing that this person makes.
pub(super) fn making(
    state: &AdminState,
    clerk: &Clerk,
    action: &'static str,
    details: &str,
    once: Option<Once>,
) -> Handle {
    state.handle.under(Proviso { once, expected: None, by: Some(clerk.doing(action, details)) })
}
