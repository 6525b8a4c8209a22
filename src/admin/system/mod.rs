//! The box itself: its settings, its back-ups, its log.

mod backup;
mod logged;
mod moved;
mod settings;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post};

use super::clerk::{ADMINISTER, Clerk};
use super::page;
use super::state::AdminState;
use crate::upkeep::Upkeep;

/// A configuration file in a form, each of its bytes encoded as three at worst. The door reads no more either.
const MAX_SETTINGS_BYTES: usize = 256 * 1024;

/// What may take longer than a page: a file that goes over the line, as large as a database.
pub(super) fn patience(path: &str) -> Option<Duration> {
    matches!(path, "/admin/backup/file" | "/admin/backup/upload").then_some(Duration::from_secs(1_800))
}

/// The pages of this folder.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/admin/settings", get(settings::show).post(settings::edit))
        .route("/admin/settings/apply", get(settings::show).post(settings::apply))
        .route("/admin/settings/result", get(settings::result))
        .route("/admin/settings/file", get(settings::download))
        .route("/admin/backup", get(backup::show))
        .route("/admin/backup/file", post(backup::download).get(backup::show))
        .route("/admin/backup/upload", post(backup::upload).get(backup::show))
        .route("/admin/backup/restore", get(backup::confirm).post(backup::restore))
        .route("/admin/backup/discard", post(backup::discard).get(backup::show))
        .route("/admin/backup/settings", get(backup::settings))
        .route("/admin/log", get(logged::show))
        .route("/admin/log/live", get(logged::live))
        .route("/admin/log/file", get(logged::download))
        .layer(DefaultBodyLimit::max(MAX_SETTINGS_BYTES))
}

/// What the daemon knows of itself, for those who may do everything.
async fn upkeep(clerk: &Clerk, state: &AdminState) -> Result<Upkeep, Response> {
    clerk.must(state, ADMINISTER)?;
    match state.upkeep() {
        Some(upkeep) => Ok(upkeep.clone()),
        None => Err(page::missing(state)),
    }
}
