use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::theme::{dress, find};
use crate::admin::clerk::Clerk;
use crate::admin::door::Frames;
use crate::admin::page::{html, missing};
use crate::admin::state::AdminState;
use crate::domain::theme::Shade;
use crate::portal::{Example, TermsPage, Wish, embedded};

/// `GET /admin/zones/{zone}/theme/preview/{shade}/`: where the switch of languages leads.
pub(super) async fn front(
    clerk: Clerk,
    state: State<AdminState>,
    Path((zone, shade)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    show(clerk, state, Path((zone, shade, "welcome".to_owned())), uri, headers).await
}

/// `GET /admin/zones/{zone}/theme/preview/{shade}/{*what}`: a page of the portal, as guests would see it, and what it loads.
/// It stands in a frame of ours, and nothing in it runs or is sent.
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Path((zone, shade, what)): Path<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let zone = find(&clerk, &state, &zone)?;
    let Some(shade) = Shade::ALL.into_iter().find(|known| known.as_str() == shade) else {
        return Ok(missing(&state));
    };
    let dress = dress(&state, &clerk, &zone, shade);
    let t = Wish::of(&uri, &headers).words();
    let example = Example::ALL.into_iter().find(|example| example.as_str() == what);
    let mut response = if let Some(example) = example {
        example.page(dress, state.handle.faces(&zone), t).respond(StatusCode::OK)
    } else if what == "terms" {
        html(StatusCode::OK, TermsPage { t, dress }.render())
    } else if let Some((kind, text)) = what.strip_prefix("static/").and_then(embedded) {
        ([(header::CONTENT_TYPE, kind)], text).into_response()
    } else if let Some((kind, bytes)) = what.strip_prefix("portal/").and_then(|name| dress.file(name)) {
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    } else {
        return Ok(missing(&state));
    };
    response.extensions_mut().insert(Frames::Held);
    Ok(response)
}
