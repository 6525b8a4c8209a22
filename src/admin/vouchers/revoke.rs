//! Taking vouchers back: what that will do, and then it is done.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::PLACE;
use super::batch::{self, count};
use crate::admin::clerk::{Clerk, SELL};
use crate::admin::page::{Confirm, failed, refused};
use crate::admin::state::AdminState;
use crate::admin::voucher;
use crate::domain::{ClientSession, VoucherStatus};
use crate::store::ListedVoucher;

const FINAL: &str = "Nothing is given back by this: refund what was paid at the till. It cannot be undone.";

/// How many sessions came of vouchers and are not over, and how many of them run.
async fn sessions(state: &AdminState, of: Vec<ListedVoucher>) -> Result<(u64, u64), Response> {
    let found = if of.is_empty() {
        Vec::new()
    } else {
        state.handle.voucher_sessions(of).await.map_err(|refusal| refused(state, refusal))?
    };
    let running = found.iter().filter(|session: &&ClientSession| session.is_running()).count();
    Ok((found.len() as u64, running as u64))
}

fn of_sessions((all, running): (u64, u64), what: &str) -> String {
    match all {
        0 => format!("No session that came of {what} goes on."),
        all => format!(
            "{} that came of {what} {} closed at once, {running} of which {} now: those devices are cut off unless they \
             have something else.",
            count(all, "session"),
            if all == 1 { "is" } else { "are" },
            if running == 1 { "runs" } else { "run" }
        ),
    }
}

/// `GET /admin/vouchers/batches/{id}/revoke`
pub(super) async fn all(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let found = batch::find(&state, &id).await?;
    let sums = batch::sums(&state, found.id).await?;
    let used = state.store.redeemed_of_batch(found.id).await.map_err(|error| failed(&state, &error))?;
    let open = sessions(&state, used).await?;
    let back = batch::place(found.id, "");
    let unused = format!(
        "{} that nobody has used cannot be redeemed any more: {} not sold, {} sold over the counter.",
        count(sums.left, "code"),
        sums.left_unsold,
        sums.left.saturating_sub(sums.left_unsold)
    );
    let in_use = match sums.in_use {
        0 => "No code is in use.".to_owned(),
        1 => "1 code in use is over.".to_owned(),
        codes => format!("{codes} codes in use are over."),
    };
    let page = Confirm {
        frame: clerk.frame(&state, PLACE),
        heading: &format!("Take back all vouchers of batch {}?", found.id),
        happens: [unused, in_use, of_sessions(open, "them"), FINAL.to_owned()].into(),
        action: &format!("{PLACE}/batches/{}/revoke", found.id),
        fields: Vec::new(),
        button: "Take them back",
        back: &back,
    };
    Ok(page.respond())
}

/// `POST /admin/vouchers/batches/{id}/revoke`: again changes nothing.
pub(super) async fn revoke(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let found = batch::find(&state, &id).await?;
    let done = state.handle.revoke_batch(found.id).await;
    let (codes, closed) = done.map_err(|refusal| refused(&state, refusal))?;
    let details = format!("{codes} vouchers, {closed} sessions");
    clerk.note_with(&state, "voucher.revoke_batch", &found.id.to_string(), &details).await;
    Ok(Redirect::to(&batch::place(found.id, &format!("revoked.{codes}.{closed}"))).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    code: String,
}

/// `GET /admin/vouchers/revoke?code=…`: one of them; `POST /admin/revoke` does it.
pub(super) async fn one(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let (listed, code) = voucher::find_listed(&state, wanted.code.trim()).await?;
    let status = listed.voucher.status(state.handle.now().wall);
    let sold = if listed.voucher.sold.is_some() {
        "It was sold over the counter"
    } else {
        "It was not sold over the counter"
    };
    let standing = match status {
        VoucherStatus::Redeemed => format!("{sold} and is in use."),
        VoucherStatus::Unsold | VoucherStatus::Sold => format!("{sold} and nobody has used it."),
        VoucherStatus::NotYetValid => format!("{sold} and is not valid yet."),
        VoucherStatus::Expired => format!("{sold}, and its time is over."),
        VoucherStatus::Revoked => "It was taken back before.".to_owned(),
    };
    let open = sessions(&state, vec![listed]).await?;
    let back = voucher::place(&code, "");
    let page = Confirm {
        frame: clerk.frame(&state, PLACE),
        heading: &format!("Take back the voucher {code}?"),
        happens: vec![
            standing,
            "Nobody can redeem it any more.".to_owned(),
            of_sessions(open, "it"),
            FINAL.to_owned(),
        ],
        action: "/admin/revoke",
        fields: vec![("code", code.clone()), ("sure", "on".to_owned())],
        button: "Take it back",
        back: &back,
    };
    Ok(page.respond())
}
