//! The pages of sessions and devices: lists of them that stay quick however many there are, changes of many, and a page for
//! each with all that the API can do for it.

mod bulk;
mod bulk_form;
mod confirm;
mod device_acts;
mod device_page;
mod devices;
mod history;
mod listing;
mod name;
mod seek;
mod session_acts;
mod session_page;
mod sessions;
mod single;
mod usage;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::state::AdminState;

pub(super) use history::difference;
pub(super) use name::Name;
pub(super) use sessions::Words;

/// The ids of a page of rows and the longest filter.
const MAX_BULK_BYTES: usize = 128 * 1024;

/// The routes of these pages.
pub(super) fn routes() -> Router<AdminState> {
    let many = post(bulk::act).layer(DefaultBodyLimit::max(MAX_BULK_BYTES));
    Router::new()
        .route("/admin/sessions", get(sessions::list))
        .route("/admin/sessions/bulk", many)
        .route("/admin/sessions/{id}", get(session_page::show))
        .route("/admin/sessions/{id}/{act}", get(session_acts::ask).post(session_acts::act))
        .route("/admin/devices", get(devices::list).post(devices::register))
        .route("/admin/devices/{id}", get(device_page::show))
        .route("/admin/devices/{id}/{act}", get(device_acts::ask).post(device_acts::act))
}
