//! Accounts: who logs in on the portal with a name and a password, what they were given, and where they are logged in.

mod acts;
mod changes;
mod fields;
mod pages;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::form;
use super::state::AdminState;

/// Their list.
pub(super) const PLACE: &str = "/admin/accounts";

/// The routes of these pages. An account is named by a parameter: names hold more than a path likes.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route(PLACE, get(pages::list).post(changes::create))
        .route("/admin/accounts/new", get(pages::new))
        .route("/admin/accounts/account", get(pages::show).post(changes::change))
        .route("/admin/accounts/password", post(changes::password).get(pages::list))
        .route("/admin/accounts/plan", post(changes::attach).get(pages::list))
        .route("/admin/accounts/sure", get(acts::sure).post(acts::act))
        .layer(DefaultBodyLimit::max(form::MAX_BYTES))
}
