//! That a form was sent by a page of ours to whoever sent it: a token that only that page's reader has, bound to the
//! cookie. It is asked for in one place, [`check`], before any handler sees the request; so none can forget it.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

/// The hidden field, and the query parameter of what is no form.
const FIELD: &str = "csrf";
/// The same for scripts.
const HEADER: &str = "x-csrf-token";
/// What is read of a form to find the field; a handler may take less.
const MAX_BYTES: usize = 256 * 1024;

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unproved(pub(super) StatusCode);

/// The token of whoever has this cookie. The cookie cannot be told from it.
pub(super) fn token(cookie: &str) -> String {
    let digest = Sha256::new().chain_update("turnpike admin form 1\0").chain_update(cookie).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Passes a request on if it has the token of its cookie: as the field `csrf` of a form, as `?csrf=` where the body is none
/// (a file), or in the header `X-CSRF-Token`.
pub(super) async fn check(request: Request, cookie: &str) -> Result<Request, Unproved> {
    let wanted = token(cookie);
    let (parts, body) = request.into_parts();
    let sent = header_text(&parts.headers, HEADER).map(str::to_owned);
    if let Some(sent) = sent {
        let request = Request::from_parts(parts, body);
        return if same(&sent, &wanted) { Ok(request) } else { Err(Unproved(StatusCode::FORBIDDEN)) };
    }
    let kind = header_text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        let sent = field(parts.uri.query().unwrap_or_default());
        let proved = sent.is_some_and(|sent| same(sent, &wanted));
        let request = Request::from_parts(parts, body);
        return if proved { Ok(request) } else { Err(Unproved(StatusCode::FORBIDDEN)) };
    }
    let bytes = to_bytes(body, MAX_BYTES).await.map_err(|_| Unproved(StatusCode::PAYLOAD_TOO_LARGE))?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    if !field(text).is_some_and(|sent| same(sent, &wanted)) {
        return Err(Unproved(StatusCode::FORBIDDEN));
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// The only field of the name; ours has nothing in it that would be encoded.
fn field(form: &str) -> Option<&str> {
    let mut found = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| *name == FIELD)
        .map(|(_, value)| value);
    found.next().filter(|_| found.next().is_none())
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
}

/// Whether both are the same; how long it takes says nothing.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn passes(kind: &str, path: &str, header: Option<&str>, body: &str) -> Result<(), u16> {
        let mut request = Request::new(Body::from(body.to_owned()));
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        if let Some(header) = header {
            request.headers_mut().insert(HEADER, header.parse().unwrap());
        }
        check(request, "cookie").await.map(|_| ()).map_err(|unproved| unproved.0.as_u16())
    }

    #[tokio::test]
    async fn a_form_needs_the_token_of_its_cookie_once() {
        let (right, form) = (token("cookie"), "application/x-www-form-urlencoded");
        assert_eq!(right.len(), 32);
        assert_ne!(right, token("other"));
        for (kind, path, header, body, passed) in [
            (form, "/", None, format!("a=b&csrf={right}"), Ok(())),
            ("Application/x-www-form-urlencoded; charset=utf-8", "/", None, format!("csrf={right}"), Ok(())),
            (form, "/", None, format!("csrf={}", token("other")), Err(403)),
            (form, "/", None, format!("csrf={right}&csrf={right}"), Err(403)),
            (form, "/", None, "csrf=".to_owned(), Err(403)),
            (form, "/", None, String::new(), Err(403)),
            (form, &*format!("/?csrf={right}"), None, "a=b".to_owned(), Err(403)),
            (form, "/", Some(&*right), "a=b".to_owned(), Ok(())),
            (form, "/", Some("x"), format!("csrf={right}"), Err(403)),
            ("multipart/form-data; boundary=x", &*format!("/?csrf={right}"), None, "--x".to_owned(), Ok(())),
            ("multipart/form-data; boundary=x", "/", None, format!("csrf={right}"), Err(403)),
            ("text/plain", "/", None, format!("csrf={right}"), Err(403)),
            (form, "/", None, "a".repeat(MAX_BYTES + 1), Err(413)),
        ] {
            assert_eq!(passes(kind, path, header, &body).await, passed, "{kind} {path} {body:.80}");
        }
    }
}
