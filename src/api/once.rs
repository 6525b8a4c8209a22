//! `Idempotency-Key`, as in the IETF's draft-ietf-httpapi-idempotency-key-header: a POST or PATCH that is sent again,
//! because its answer was lost, is not carried out again.
//!
//! The key is stored in the transaction that makes the change, the answer after it. So a request whose answer was lost on
//! the way, or by a crash before it was kept, finds that it was carried out: it gets the first answer, or else how what it
//! made or changed stands now. A refusal changes nothing and uses up no key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::auth::Identity;
use super::{ApiState, again};
use crate::domain::{Once, Refusal};
use crate::http::{Problem, read_body};
use crate::store::KeptAnswer;

const KEY: &str = "idempotency-key";

/// Marks an answer with a secret in it: it is not kept, but found again from what was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotKept;

/// A caller and its key.
type Name = (String, String);
/// The requests with a key that are under way, by their fingerprints.
type Requests = HashMap<Name, [u8; 32]>;

/// The requests with a key that are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<Requests>>);

/// One of them; it is over when this is dropped.
struct Entry {
    under_way: UnderWay,
    name: Name,
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, name: Name, fingerprint: [u8; 32]) -> Result<Entry, Problem> {
        let mut requests = self.lock();
        match requests.get(&name) {
            Some(other) if *other != fingerprint => Err(another_request()),
            Some(_) => Err(Problem::conflict(
                "request-under-way",
                "The request is under way",
                "the first request with this key is still being carried out: ask again in a moment",
            )),
            None => {
                requests.insert(name.clone(), fingerprint);
                Ok(Entry { under_way: self.clone(), name })
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.under_way.lock().remove(&self.name);
    }
}

fn another_request() -> Problem {
    let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    let detail = "this key was sent with another request before: a key stands for one request";
    Problem::new(status, "key-of-another-request", "The key belongs to another request", detail)
}

/// Around every handler: carries out at most once what has a key.
pub(super) async fn once(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let has_key = request.headers().contains_key(KEY);
    if !has_key || !matches!(*request.method(), Method::POST | Method::PATCH) {
        return next.run(request).await;
    }
    at_most_once(state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn at_most_once(state: ApiState, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Identity::of(&parts, &state).await?.scope;
    let key = read_key(&parts.headers)?;
    let body = read_body(Request::new(body)).await?;
    let fingerprint = fingerprint(&parts.method, &parts.uri.to_string(), &body);
    let entry = state.once.enter((caller.clone(), key.clone()), fingerprint)?;
    let found = state.store.find_once(&caller, &key).await.map_err(Refusal::from)?;
    if let Some(found) = found {
        if found.fingerprint != fingerprint {
            return Err(another_request());
        }
        return again::answer(&state, found).await;
    }
    let boot_id = state.handle.boot_id().map_err(|error| Problem::internal(&error))?;
    let once = Once { caller, key, fingerprint, boot_id, at: state.handle.now() };
    parts.extensions.insert(once.clone());
    // A caller that hangs up must not leave it half done with nobody to keep the answer.
    let carried_out = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let response = keep(&state, &once, response).await;
        drop(entry);
        response
    });
    carried_out.await.map_err(|error| Problem::internal(&error))?
}

/// Keeps the answer for the next time it is asked for.
async fn keep(state: &ApiState, once: &Once, response: Response) -> Result<Response, Problem> {
    if !response.status().is_success() {
        // It may be refused for having been carried out: then that is the answer.
        let found = state.store.find_once(&once.caller, &once.key).await;
        return match found.map_err(Refusal::from)? {
            Some(found) if found.fingerprint == once.fingerprint => again::answer(state, found).await,
            Some(_) => Err(another_request()),
            None => Ok(response),
        };
    }
    if response.extensions().get::<NotKept>().is_some() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body: Bytes = body.collect().await.map_err(|error| Problem::internal(&error))?.to_bytes();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        location: header(header::LOCATION),
        tag: header(header::ETAG),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    if let Err(error) = state.store.keep_answer(once, &answer).await {
        // It is carried out, and remembered as such: another time it is answered by what has become of it.
        tracing::error!(%error, "an answer could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Reads the key: visible characters, bare or, as the draft has it, between quotes.
fn read_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut lines = headers.get_all(KEY).iter();
    let line = lines.next().filter(|_| lines.next().is_none()).and_then(|line| line.to_str().ok());
    let key = line.map(|line| {
        let line = line.trim();
        line.strip_prefix('"').and_then(|opened| opened.strip_suffix('"')).unwrap_or(line)
    });
    key.filter(|key| (1..=Once::MAX_KEY_CHARS).contains(&key.len()))
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
        .map(str::to_owned)
        .ok_or_else(|| {
            Problem::malformed(format!(
                "Idempotency-Key: must be one key of 1 to {} visible characters",
                Once::MAX_KEY_CHARS
            ))
        })
}

/// What makes two requests the same one.
fn fingerprint(method: &Method, target: &str, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [method.as_str().as_bytes(), target.as_bytes(), body] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(KEY, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        read_key(&headers).ok()
    }

    #[test]
    fn a_key_is_one_of_1_to_255_visible_characters() {
        let longest = "k".repeat(255);
        for (line, key) in [("a", "a"), ("\"8e03-97\"", "8e03-97"), (" a! ", "a!"), (&longest, &longest)] {
            assert_eq!(read(&[line]).as_deref(), Some(key));
        }
        let too_long = "k".repeat(256);
        for line in ["", "\"\"", "a b", "é", "a\tb", &too_long] {
            assert_eq!(read(&[line]), None, "{line:?}");
        }
        assert_eq!(read(&["a", "a"]), None);
    }

    #[test]
    fn a_request_is_told_from_another_by_each_of_its_parts() {
        let first = fingerprint(&Method::POST, "/a", b"{}");
        assert_eq!(first, fingerprint(&Method::POST, "/a", b"{}"));
        assert_ne!(first, fingerprint(&Method::PATCH, "/a", b"{}"));
        assert_ne!(first, fingerprint(&Method::POST, "/a{", b"}"));
        assert_ne!(first, fingerprint(&Method::POST, "/a", b"{} "));
    }

    #[test]
    fn the_same_key_waits_for_nobody_else() {
        let under_way = UnderWay::default();
        let name = |caller: &str| (caller.to_owned(), "k".to_owned());
        let first = under_way.enter(name("a"), [1; 32]).ok().unwrap();
        assert!(under_way.enter(name("b"), [1; 32]).is_ok());
        let status = |fingerprint| {
            under_way.enter(name("a"), fingerprint).err().map(|problem| problem.status().as_u16())
        };
        assert_eq!((status([1; 32]), status([2; 32])), (Some(409), Some(422)));
        drop(first);
        assert_eq!(status([2; 32]), None);
    }
}
