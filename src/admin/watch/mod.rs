//! The pages that watch over the box: who provides sessions and how they are doing, locks, roles, who is told what happens
//! (webhooks, live events), tokens, and who changed what.

mod audit;
mod coins;
mod events;
mod hook_form;
mod hooks;
mod locks;
mod plugins;
mod providers;
mod roles;
mod tokens;

use axum::Router;
use axum::routing::get;

use super::state::AdminState;

/// The routes of these pages.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/admin/providers", get(providers::show))
        .route("/admin/providers/restart", get(plugins::ask).post(plugins::restart))
        .route("/admin/locks", get(locks::list))
        .route("/admin/locks/release", get(locks::ask).post(locks::release))
        .route("/admin/roles", get(roles::list))
        .route("/admin/hooks", get(hooks::list).post(hook_form::create))
        .route("/admin/hooks/new", get(hook_form::new))
        .route("/admin/hooks/{id}", get(hooks::show).post(hook_form::change))
        .route("/admin/hooks/{id}/{act}", get(hooks::ask).post(hooks::act))
        .route("/admin/tokens", get(tokens::list).post(tokens::create))
        .route("/admin/tokens/new", get(tokens::new))
        .route("/admin/tokens/{id}/revoke", get(tokens::ask).post(tokens::revoke))
        .route("/admin/audit", get(audit::list))
        .route("/admin/events", get(events::list))
        .route("/admin/events/stream", get(events::stream))
}
