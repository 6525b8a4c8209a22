//! What is sold over the counter. Each form carries a name of its own, so that one that is sent twice sells once.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::clerk::{Clerk, Fields};
use super::page::{failed, forbidden, refused, say};
use super::state::AdminState;
use super::{device, voucher};
use crate::domain::{Once, OnceSubject, Proviso, Refusal, Text};
use crate::runtime::{SaleOf, Till, TopUpOf};

/// The longest name of a form, in characters.
const MAX_ONCE_CHARS: usize = 64;

#[derive(Debug, Deserialize)]
pub(super) struct Sell {
    once: String,
    plan: Option<String>,
    batch: Option<String>,
    code: Option<String>,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TopUp {
    once: String,
    dev: String,
    plan: String,
    /// Empty: what the device would use next, else a session of its own.
    #[serde(default)]
    session: String,
    note: Option<String>,
}

/// Names what one page does, so that it is done once.
pub(super) fn new_once() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn till(clerk: &Clerk, note: Option<&str>) -> Till {
    Till { seller: clerk.name.clone(), note: note.map(Text::new).filter(|note| !note.is_empty()) }
}

/// Why a form cannot be done once.
enum Nameless {
    /// It has no name of its own, or one that cannot be.
    NoName,
    /// Which boot this is could not be read.
    NoBoot(std::io::Error),
}

impl Nameless {
    fn show(self, state: &AdminState) -> Response {
        match self {
            Self::NoName => {
                let text = "The form could not be read. Load the page again.";
                say(state, StatusCode::UNPROCESSABLE_ENTITY, "That did not work", text)
            }
            Self::NoBoot(error) => failed(state, &error),
        }
    }
}

/// The form as something that is done once; `what` is all that it asks for.
fn once(state: &AdminState, clerk: &Clerk, key: &str, what: &[&str]) -> Result<Once, Nameless> {
    let fits = (1..=MAX_ONCE_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(Nameless::NoName);
    }
    let mut digest = Sha256::new();
    for part in what {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let boot_id = state.handle.boot_id().map_err(Nameless::NoBoot)?;
    Ok(Once {
        caller: format!("counter {}", clerk.scope()),
        key: key.to_owned(),
        fingerprint: digest.finalize().into(),
        boot_id,
        at: state.handle.now(),
    })
}

/// What became of the form when it was sent before; `None` if it was not.
async fn before(state: &AdminState, once: &Once) -> Result<Option<OnceSubject>, Response> {
    let found =
        state.store.find_once(&once.caller, &once.key).await.map_err(|error| failed(state, &error))?;
    match found {
        Some(found) if found.fingerprint == once.fingerprint => Ok(Some(found.subject)),
        Some(_) => {
            let text = "This page has sold something already. Nothing more was sold: load the page again for the next sale.";
            Err(say(state, StatusCode::CONFLICT, "Sold already", text))
        }
        None => Ok(None),
    }
}

/// `POST /admin/sell`
pub(super) async fn sell(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Sell>,
) -> Result<Response, Response> {
    if !clerk.sells() {
        return Err(forbidden(&state, "manage_vouchers"));
    }
    let (what, asked) = match (&fields.plan, &fields.batch, &fields.code) {
        (Some(plan), None, None) => (SaleOf::Plan(plan.clone()), ["plan", plan.as_str()]),
        (None, Some(batch), None) => {
            let number = batch.parse().map_err(|_| refused(&state, Refusal::UnknownBatch))?;
            (SaleOf::Batch(number), ["batch", batch.as_str()])
        }
        (None, None, Some(code)) => (SaleOf::Code(code.trim().to_owned()), ["code", code.as_str()]),
        _ => {
            let text = "Choose what is sold. Nothing was sold.";
            return Err(say(&state, StatusCode::UNPROCESSABLE_ENTITY, "What is sold?", text));
        }
    };
    let once = once(&state, &clerk, &fields.once, &asked).map_err(|error| error.show(&state))?;
    if let Some(subject) = before(&state, &once).await? {
        return sold_before(&state, subject).await;
    }
    let handle = state.handle.under(Proviso { once: Some(once.clone()), by: None, ..Proviso::default() });
    match handle.sell(what, till(&clerk, fields.note.as_deref())).await {
        Ok(sold) => {
            let subject = format!("{}/{}", sold.voucher.batch.id, sold.voucher.id);
            clerk.note(&state, "voucher.sell", &subject).await;
            Ok(Redirect::to(&voucher::place(&sold.code, "sold")).into_response())
        }
        Err(Refusal::DoneBefore) => match before(&state, &once).await? {
            Some(subject) => sold_before(&state, subject).await,
            None => Err(refused(&state, Refusal::DoneBefore)),
        },
        Err(refusal) => Err(refused(&state, refusal)),
    }
}

async fn sold_before(state: &AdminState, subject: OnceSubject) -> Result<Response, Response> {
    let OnceSubject::Voucher(voucher) = subject else { return Err(refused(state, Refusal::DoneBefore)) };
    let sold = state.handle.sold(voucher).await.map_err(|refusal| refused(state, refusal))?;
    Ok(Redirect::to(&voucher::place(&sold.code, "again")).into_response())
}

/// `POST /admin/topup`
pub(super) async fn top_up(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<TopUp>,
) -> Result<Response, Response> {
    if !clerk.serves() {
        return Err(forbidden(&state, "modify_session"));
    }
    let refused = |refusal| refused(&state, refusal);
    let device = fields.dev.parse().map_err(|_| refused(Refusal::UnknownDevice))?;
    let asked = [fields.dev.as_str(), &fields.plan, &fields.session];
    let once = once(&state, &clerk, &fields.once, &asked).map_err(|error| error.show(&state))?;
    if before(&state, &once).await?.is_some() {
        return Ok(Redirect::to(&device::place(device, "again")).into_response());
    }
    let by = Some(clerk.doing("session.top_up", "at the counter"));
    let handle = state.handle.under(Proviso { once: Some(once), by, ..Proviso::default() });
    let (what, till) = (TopUpOf::Plan(fields.plan.clone()), till(&clerk, fields.note.as_deref()));
    let done = if fields.session.is_empty() {
        handle.top_up_device(device, what, till).await
    } else {
        let session = fields.session.parse().map_err(|_| refused(Refusal::UnknownSession))?;
        handle.top_up(session, what, till).await
    };
    match done {
        Ok(_) => Ok(Redirect::to(&device::place(device, "topped_up")).into_response()),
        Err(Refusal::DoneBefore) => Ok(Redirect::to(&device::place(device, "again")).into_response()),
        Err(refusal) => Err(refused(refusal)),
    }
}
