//! Vouchers: the batches that were made, their codes, and what can be done with all of a batch. A single code has its page at
//! `/admin/voucher`.

mod batch;
mod batches;
mod codes;
mod make;
mod revoke;
mod searches;

use axum::Router;
use axum::routing::get;

use super::state::AdminState;
use crate::wares::Stock;

pub(super) use searches::Searches;

/// The list of batches.
pub(super) const PLACE: &str = "/admin/vouchers";

/// The routes of these pages.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route(PLACE, get(batches::list).post(make::create))
        .route("/admin/vouchers/new", get(make::new))
        .route("/admin/vouchers/codes", get(codes::list))
        .route("/admin/vouchers/revoke", get(revoke::one))
        .route("/admin/vouchers/batches/{id}", get(batch::show))
        .route("/admin/vouchers/batches/{id}/sheet", get(batch::sheet))
        .route("/admin/vouchers/batches/{id}/table", get(batch::table))
        .route("/admin/vouchers/batches/{id}/revoke", get(revoke::all).post(revoke::revoke))
}

/// What codes are read with.
fn stock(state: &AdminState) -> Stock {
    let (handle, store, codes) = (state.handle.clone(), state.store.clone(), state.codes.clone());
    Stock { handle, store, codes, currency: state.currency }
}
