//! What is sold over the counter. Each form carries a name of its own, so that one that is sent twice sells once.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::clerk::{Clerk, Fields, SELL, SERVE};
use super::once::{before, once};
use super::page::{refused, say};
use super::state::AdminState;
use super::{device, voucher};
use crate::domain::{OnceSubject, Proviso, Refusal, Text};
use crate::runtime::{SaleOf, Till, TopUpOf};

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

fn till(clerk: &Clerk, note: Option<&str>) -> Till {
    Till { seller: clerk.name.clone(), note: note.map(Text::new).filter(|note| !note.is_empty()) }
}

/// `POST /admin/sell`
pub(super) async fn sell(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(fields): Fields<Sell>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
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
    let once = once(&state, &clerk, &fields.once, &asked)?;
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
    clerk.must(&state, SERVE)?;
    let refused = |refusal| refused(&state, refusal);
    let device = fields.dev.parse().map_err(|_| refused(Refusal::UnknownDevice))?;
    let asked = [fields.dev.as_str(), &fields.plan, &fields.session];
    let once = once(&state, &clerk, &fields.once, &asked)?;
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
