//! The few files that the pages load: those that are embedded in the binary, and those of the zone's theme.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::pages::missing;
use super::state::PortalState;
use super::wish::Wish;

/// Short: they are small, and an upgrade must not meet an old style sheet for long.
const CACHE: &str = "public, max-age=600";

/// What has a name that follows from its content never changes.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// `GET /portal/{name}`: the style sheet or a picture of what the pages wear now.
pub(super) async fn of_theme(
    State(state): State<Arc<PortalState>>,
    wish: Wish,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let dress = state.dress();
    let Some((kind, bytes)) = name.ok().and_then(|Path(name)| dress.file(&name)) else {
        return missing(&state, wish);
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_GOOD)];
    (headers, bytes).into_response()
}

const STYLE: (&str, &str) = ("text/css; charset=utf-8", include_str!("../../static/portal/portal.css"));
const SCRIPT: (&str, &str) =
    ("text/javascript; charset=utf-8", include_str!("../../static/portal/portal.js"));
const ICON: (&str, &str) = ("image/svg+xml", include_str!("../../static/portal/icon.svg"));

/// An embedded file by its name: media type and text.
pub fn embedded(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "portal.css" => Some(STYLE),
        "portal.js" => Some(SCRIPT),
        "icon.svg" => Some(ICON),
        _ => None,
    }
}

pub(super) async fn style() -> Response {
    asset(STYLE)
}

pub(super) async fn script() -> Response {
    asset(SCRIPT)
}

pub(super) async fn icon() -> Response {
    asset(ICON)
}

fn asset((kind, text): (&'static str, &'static str)) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHE)], text).into_response()
}
