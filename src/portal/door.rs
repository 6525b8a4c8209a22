//! What every request to a portal listener passes first: is it for the portal at all, and may it change anything?

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::http::Endpoints;

use super::own::{OwnAddress, SecureName};
use super::page::Note;
use super::themes::ZoneTheme;
use super::wish::Wish;
use super::words::Words;

/// How long a page may take, its form's body included.
const PATIENCE: Duration = Duration::from_secs(20);

/// No inline script or style, nothing from elsewhere, in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the door needs to know.
struct Door {
    theme: ZoneTheme,
    secure: Option<SecureName>,
}

/// Puts the door in front of a portal's routes. Requests need [`Endpoints`] among their extensions. `secure` is what the
/// portal is called, if it has a name.
pub fn guarded(routes: Router, theme: ZoneTheme, secure: Option<SecureName>) -> Router {
    routes.layer(middleware::from_fn_with_state(Arc::new(Door { theme, secure }), pass))
}

async fn pass(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let Some(endpoints) = request.extensions().get::<Endpoints>().copied() else {
        tracing::error!("a portal request came without the addresses of its connection");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let own = OwnAddress::new(&endpoints).named(door.secure.as_ref());
    let is_ours = own.is_target_of(&request);
    let mut response = if is_ours { inside(&door, own, request, next).await } else { to_portal(&own) };
    seal(response.headers_mut());
    // One that the firewall led here must not live on once its device is online.
    if !is_ours {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn inside(door: &Door, own: OwnAddress, mut request: Request, next: Next) -> Response {
    let wish = Wish::of(request.uri(), request.headers());
    let t = wish.words();
    if !is_safe(request.method()) && !own.is_source_of(request.headers()) {
        return Note::new(door.theme.now(), t, "heading-foreign", "foreign").respond(StatusCode::FORBIDDEN);
    }
    request.extensions_mut().insert(own);
    request.extensions_mut().insert(wish);
    tokio::time::timeout(PATIENCE, next.run(request)).await.unwrap_or_else(|_| too_slow(&door.theme, t))
}

/// Sends whoever wanted to reach another host to the first page. Nothing of what was asked for is repeated; the body is
/// there because some probes take a short one for the open Internet.
pub fn to_portal(own: &OwnAddress) -> Response {
    let url = own.url();
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><title>Sign in</title><p>Please sign in: <a href=\"{url}\">{url}</a></p></html>\n"
    );
    let headers = [
        (header::LOCATION, url.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    ];
    (StatusCode::FOUND, headers, body).into_response()
}

fn too_slow(theme: &ZoneTheme, t: Words) -> Response {
    Note::new(theme.now(), t, "heading-slow", "slow").respond(StatusCode::SERVICE_UNAVAILABLE)
}

const fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The headers of every answer. `Referer` stays within the portal, and must: without it browsers send `Origin: null` with our
/// own forms.
fn seal(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
