//! What every request to the pages passes first: may it change anything, and what every answer carries.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::clerk::cookie;
use super::csrf::{self, Unproved};
use super::frame::Frame;
use super::page;
use super::state::AdminState;
use crate::http::{Source, only, scheme_and_authority};

/// Scripts and styles that are files of ours only, nothing from elsewhere, in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page that shows pages of ours in frames.
const HOLDING_FRAMES: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A page in such a frame: nothing runs in it, and nothing is sent from it.
const HELD_IN_A_FRAME: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'self'";

/// What a handler's answer has to do with frames, among its extensions; without it, nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// It shows pages of ours in frames.
    Holds,
    /// It is shown in a frame by a page of ours.
    Held,
}

/// Where those post who are not signed in yet: there is no cookie that a token could be bound to.
const OPEN: &[&str] = &["/admin/login", "/admin/setup"];

pub(super) async fn pass(State(state): State<AdminState>, request: Request, next: Next) -> Response {
    Frame::around(answer(state, request, next)).await
}

async fn answer(state: AdminState, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let mut response = if is_safe {
        next.run(request).await
    } else if is_ours(&request) {
        change(&state, request, next).await
    } else {
        turned_away(&state, "Another page tried to send this form. Nothing was changed.")
    };
    let frames = response.extensions().get::<Frames>().copied();
    seal(response.headers_mut(), frames);
    response
}

/// What may change something: only with the token of whoever is signed in.
async fn change(state: &AdminState, request: Request, next: Next) -> Response {
    if OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let cookie = cookie(request.headers()).map(str::to_owned);
    let now = state.handle.now().boot;
    let Some(cookie) = cookie.filter(|cookie| state.logins().find(cookie, now, false).is_some()) else {
        return Redirect::to("/admin/login").into_response();
    };
    match csrf::check(request, &cookie).await {
        Ok(request) => next.run(request).await,
        Err(Unproved(StatusCode::PAYLOAD_TOO_LARGE)) => page::say(
            state,
            StatusCode::PAYLOAD_TOO_LARGE,
            "That did not work",
            "This is too much for the form.",
        ),
        Err(Unproved(_)) => {
            turned_away(state, "The form was not from a page that you have open. Load the page again.")
        }
    }
}

fn turned_away(state: &AdminState, text: &str) -> Response {
    page::say(state, StatusCode::FORBIDDEN, "That did not come from here", text)
}

/// Whether a form was posted by a page of ours: its `Origin`, or where a browser hides that its `Referer`, names the host
/// that the request was sent to. One of both must be there: every browser of the last ten years sends it.
fn is_ours(request: &Request) -> bool {
    let Ok(host) = only(request.headers(), header::HOST) else { return false };
    let host = request.uri().authority().map(|authority| authority.as_str()).or(host);
    let Some(host) = host.filter(|host| !host.is_empty()) else { return false };
    let Source::Page(url) = Source::of(request.headers()) else { return false };
    scheme_and_authority(url).is_some_and(|(scheme, from)| {
        let is_web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        is_web && from.eq_ignore_ascii_case(host)
    })
}

/// The headers of every answer. `Referer` stays within the pages, and must: without it browsers send `Origin: null` with
/// our own forms.
fn seal(headers: &mut HeaderMap, frames: Option<Frames>) {
    let (policy, framed) = match frames {
        None => (CONTENT_SECURITY_POLICY, "DENY"),
        Some(Frames::Holds) => (HOLDING_FRAMES, "DENY"),
        Some(Frames::Held) => (HELD_IN_A_FRAME, "SAMEORIGIN"),
    };
    // A sheet of vouchers has a stricter one of its own.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static(framed));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn forms_are_taken_from_our_own_pages_only() {
        let host = ("host", "box.lan:2051");
        let cases: [(&[(&str, &str)], bool); 14] = [
            (&[host], false),
            (&[host, ("origin", "http://box.lan:2051")], true),
            (&[host, ("origin", "https://BOX.lan:2051")], true),
            (&[host, ("origin", "http://box.lan:2051"), ("sec-fetch-site", "same-origin")], true),
            (&[host, ("origin", "http://box.lan:2051"), ("sec-fetch-site", "same-site")], false),
            (&[host, ("origin", "http://box.lan")], false),
            (&[host, ("origin", "http://evil.test"), ("referer", "http://box.lan:2051/admin")], false),
            (&[host, ("origin", "null")], false),
            (&[host, ("origin", "null"), ("referer", "http://box.lan:2051/admin")], true),
            (&[host, ("referer", "http://box.lan:2051.evil.test/")], false),
            (&[host, ("referer", "http://box.lan:2051@evil.test/")], false),
            (&[host, ("origin", "http://box.lan:2051"), ("origin", "http://evil.test")], false),
            (&[host, ("host", "evil.test"), ("origin", "http://evil.test")], false),
            (&[("origin", "http://box.lan:2051")], false),
        ];
        for (headers, allowed) in cases {
            let mut request = Request::new(Body::empty());
            for (name, value) in headers {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                request.headers_mut().append(name, value.parse().unwrap());
            }
            assert_eq!(is_ours(&request), allowed, "{headers:?}");
        }
    }
}
