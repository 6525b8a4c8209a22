//! Plans: what is sold, made and changed on forms that have all that a plan has.

mod changes;
mod fields;
mod pages;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use super::form;
use super::state::AdminState;

/// Their list.
pub(super) const PLACE: &str = "/admin/plans";

/// The routes of these pages. A plan is named by a parameter: as a part of the path some of their names would be another one.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route(PLACE, get(pages::list).post(changes::create))
        .route("/admin/plans/new", get(pages::new))
        .route("/admin/plans/plan", get(pages::show).post(changes::change))
        .route("/admin/plans/delete", get(pages::sure).post(changes::delete))
        .layer(DefaultBodyLimit::max(form::MAX_BYTES))
}
