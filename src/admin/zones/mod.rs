//! The pages of zones, as the configuration has them, and of how their portals look: a theme that is looked at before guests
//! see it.

mod drafts;
mod form;
mod list;
mod preview;
mod theme;

use axum::Router;
use axum::routing::{get, post};

use super::state::AdminState;

pub(super) use drafts::Drafts;

/// The list of the zones.
const PATH: &str = "/admin/zones";

/// The routes of these pages.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/admin/zones", get(list::show))
        .route("/admin/zones/{zone}/theme", get(theme::show).post(theme::save))
        .route("/admin/zones/{zone}/theme/reset", get(theme::ask_reset).post(theme::reset))
        .route("/admin/zones/{zone}/theme/discard", post(theme::discard).get(theme::show))
        .route("/admin/zones/{zone}/theme/preview/{shade}/", get(preview::front))
        .route("/admin/zones/{zone}/theme/preview/{shade}/{*what}", get(preview::show))
}
