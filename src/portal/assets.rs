//! The few files that the pages load, embedded in the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Short: they are small, and an upgrade must not meet an old style sheet for long.
const CACHE: &str = "public, max-age=600";

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../../static/portal/portal.css"))
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../static/portal/portal.js"))
}

pub(super) async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../../static/portal/icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHE)], text).into_response()
}
