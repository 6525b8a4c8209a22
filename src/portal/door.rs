//! What every request to a portal listener passes first: is it for the portal at all, and may it change anything?

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::Either;
use tower::Service;

use crate::domain::BoxFuture;
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

/// A portal's routes with the door before them. Requests need [`Endpoints`] among their extensions.
///
/// Most requests are for elsewhere, each on a connection of its own: they are answered here, before anything is routed.
#[derive(Clone)]
pub struct Guarded {
    door: Arc<Door>,
    routes: Router,
}

/// What the door needs to know.
struct Door {
    theme: ZoneTheme,
    secure: Option<SecureName>,
}

/// What becomes of a request that passed.
type Inside = BoxFuture<'static, Result<Response, Infallible>>;

impl Guarded {
    /// Puts the door in front of a portal's routes. `secure` is what the portal is called, if it has a name.
    pub fn new(routes: Router, theme: ZoneTheme, secure: Option<SecureName>) -> Self {
        Self { door: Arc::new(Door { theme, secure }), routes }
    }

    /// The answer to whoever gets no further, or where the others go on to.
    fn pass(&mut self, request: Request) -> Either<Response, Inside> {
        let Some(endpoints) = request.extensions().get::<Endpoints>() else {
            tracing::error!("a portal request came without the addresses of its connection");
            return Either::Left(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        let own = OwnAddress::new(endpoints).named(self.door.secure.as_ref());
        if !own.is_target_of(&request) {
            let mut response = to_portal(&own);
            // One that the firewall led here must not live on once its device is online.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return Either::Left(response);
        }
        let wish = Wish::of(request.uri(), request.headers());
        if !is_safe(request.method()) && !own.is_source_of(request.headers()) {
            let note = Note::new(self.door.theme.now(), wish.words(), "heading-foreign", "foreign");
            return Either::Left(note.respond(StatusCode::FORBIDDEN));
        }
        Either::Right(Box::pin(self.inside(own, wish, request)))
    }

    fn inside(
        &mut self,
        own: OwnAddress,
        wish: Wish,
        mut request: Request,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        request.extensions_mut().insert(own);
        request.extensions_mut().insert(wish);
        let (answer, door) = (self.routes.call(request), Arc::clone(&self.door));
        async move {
            let answered = tokio::time::timeout(PATIENCE, answer).await;
            let mut response = answered.unwrap_or_else(|_| Ok(too_slow(&door.theme, wish.words())))?;
            seal(response.headers_mut());
            Ok(response)
        }
    }
}

impl Service<Request> for Guarded {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, Inside>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.pass(request) {
            Either::Left(mut answer) => {
                seal(answer.headers_mut());
                Either::Left(ready(Ok(answer)))
            }
            Either::Right(inside) => Either::Right(inside),
        }
    }
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
