use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

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
pub(super) async fn show(State(state): State<PortalState>, wish: Wish) -> Response {
    let dress = state.dress();
    if !dress.has_terms() {
        return missing(&state, wish);
    }
    html(StatusCode::OK, TermsPage { t: wish.words(), dress }.render())
}
