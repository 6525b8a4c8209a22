use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::Endpoints;

use super::dress::Dress;
use super::page::html;
use super::pages::missing;
use super::state::PortalState;
use super::wish::Wish;
use super::words::Words;

/// The terms of use, on a page of their own: they may be long, and the first page has to stay small.
#[derive(Debug, Clone, Template)]
#[template(path = "portal/terms.html")]
pub struct TermsPage {
    /// The guest's language.
    pub t: Words,
    /// What the page wears, and whose terms they are.
    pub dress: Arc<Dress>,
}

/// `GET /terms`
pub(super) async fn show(
    State(state): State<Arc<PortalState>>,
    Extension(endpoints): Extension<Endpoints>,
    wish: Wish,
) -> Response {
    let dress = state.dress();
    if !dress.has_terms() {
        return missing(&state, wish);
    }
    // Whoever is not known here may read them as well.
    let visitor = state.visitor(endpoints.peer.ip()).await;
    let t = visitor.map_or_else(|_| wish.words(), |device| state.words(wish, &device));
    html(StatusCode::OK, TermsPage { t, dress }.render())
}
