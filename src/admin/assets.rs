//! Style sheets and scripts, embedded in the binary. A page's own script is a file of its own under `static/admin` and a
//! line here; its template names it in the block `scripts`. Pages must be right without it.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::page;
use super::state::AdminState;

/// An upgrade must not meet old ones for long.
const CACHE: &str = "public, max-age=600";

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Name, media type and text of each.
const ASSETS: &[(&str, &str, &str)] = &[
    ("admin.css", CSS, include_str!("../../static/admin/admin.css")),
    ("dashboard.css", CSS, include_str!("../../static/admin/dashboard.css")),
    ("dashboard.js", JS, include_str!("../../static/admin/dashboard.js")),
    ("events.js", JS, include_str!("../../static/admin/events.js")),
    ("filter.js", JS, include_str!("../../static/admin/filter.js")),
    ("live.js", JS, include_str!("../../static/admin/live.js")),
    ("sales.css", CSS, include_str!("../../static/admin/sales.css")),
    ("theme.css", CSS, include_str!("../../static/admin/theme.css")),
    ("theme.js", JS, include_str!("../../static/admin/theme.js")),
    ("log.js", JS, include_str!("../../static/admin/log.js")),
    ("settings.js", JS, include_str!("../../static/admin/settings.js")),
    ("system.css", CSS, include_str!("../../static/admin/system.css")),
    ("tables.css", CSS, include_str!("../../static/admin/tables.css")),
    ("watch.css", CSS, include_str!("../../static/admin/watch.css")),
];

/// `GET /admin/static/{name}`; nobody needs to be signed in.
pub(super) async fn serve(State(state): State<AdminState>, Path(name): Path<String>) -> Response {
    let Some((_, kind, text)) = ASSETS.iter().find(|(known, ..)| *known == name) else {
        return page::missing(&state);
    };
    ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, CACHE)], *text).into_response()
}
