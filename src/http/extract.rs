use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::Problem;

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long a body may take to come in.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON body, an object; an empty body is `{}`. Whatever its `Content-Type` says.
///
/// Not JSON is a 400; unknown fields, wrong types and anything but an object are 422; more than [`MAX_BODY_BYTES`] is 413.
#[derive(Debug, Clone)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _state: &S) -> Result<Self, Problem> {
        let bytes = read_body(request).await?;
        parse_json(&bytes).map(Self)
    }
}

/// Reads a whole body within bounds of length and time.
pub async fn read_body(request: Request<Body>) -> Result<Bytes, Problem> {
    read_body_within(request, BODY_TIMEOUT).await
}

async fn read_body_within(request: Request<Body>, limit: Duration) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(Problem::too_large(MAX_BODY_BYTES));
    }
    let limited = Limited::new(request.into_body(), MAX_BODY_BYTES).collect();
    match tokio::time::timeout(limit, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(MAX_BODY_BYTES)),
        Ok(Err(_)) => Err(Problem::malformed("the body broke off")),
        Err(_) => Err(Problem::malformed("the body did not come in time")),
    }
}

/// Reads a JSON object from the bytes of a body.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    // serde would take a list for a struct, field by field: only an object is meant.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Err(Problem::invalid("the body must be a JSON object")),
            Err(error) => Err(Problem::malformed(format!("the body is not JSON: {error}"))),
        };
    }
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            Problem::invalid(bounded(&error.to_string()))
        } else {
            Problem::malformed(bounded(&format!("the body is not JSON: {error}")))
        }
    })
}

/// The parameters behind the `?`; unknown and wrong ones are 422.
#[derive(Debug, Clone)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::invalid(bounded(&error.body_text())))?;
        Ok(Self(params))
    }
}

/// The part of the path between braces, decoded; one that is not UTF-8 is a 404, as nothing is called so.
#[derive(Debug, Clone)]
pub struct PathPart(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathPart {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(part) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::no_such_page())?;
        Ok(Self(part))
    }
}

/// The two parts of the path that a route leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPair(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathPair {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pair = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = pair.map_err(|_| Problem::no_such_page())?;
        Ok(Self(first, second))
    }
}

/// Messages quote what was sent; not more of it than anyone reads.
fn bounded(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        #[serde(default)]
        count: u32,
        name: Option<String>,
    }

    fn status(body: &str) -> u16 {
        parse_json::<Wish>(body.as_bytes()).map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[test]
    fn an_empty_body_is_an_empty_object() {
        for body in ["", " \r\n", "{}", " {} "] {
            assert_eq!(parse_json::<Wish>(body.as_bytes()).unwrap(), Wish::default(), "{body:?}");
        }
    }

    #[test]
    fn what_is_not_json_is_400_and_what_does_not_fit_422() {
        for body in
            ["{", "nonsense", "{\"count\":1} x", "{\"count\":NaN}", "{'count':1}", "{\"name\":\"\u{1}\"}"]
        {
            assert_eq!(status(body), 400, "{body:?}");
        }
        for body in [
            "[]",
            "[1,\"a\"]",
            "null",
            "7",
            "\"text\"",
            "{\"cuont\":1}",
            "{\"count\":-1}",
            "{\"count\":1.5}",
            "{\"count\":\"1\"}",
            "{\"count\":4294967296}",
            "{\"name\":7}",
            "{\"count\":1,\"count\":2}",
        ] {
            assert_eq!(status(body), 422, "{body:?}");
        }
        assert_eq!(status(&"[".repeat(60_000)), 400);
        assert_eq!(parse_json::<Wish>(b"{\"name\":\"\xff\"}").unwrap_err().status().as_u16(), 400);
    }

    #[tokio::test]
    async fn a_body_has_a_bound_announced_or_not() {
        let request = |length: usize| Request::new(Body::from(vec![b' '; length]));
        assert!(read_body(request(MAX_BODY_BYTES)).await.is_ok());
        assert_eq!(read_body(request(MAX_BODY_BYTES + 1)).await.unwrap_err().status().as_u16(), 413);
        let mut announced = Request::new(Body::empty());
        announced.headers_mut().insert(header::CONTENT_LENGTH, "99999999999".parse().unwrap());
        assert_eq!(read_body(announced).await.unwrap_err().status().as_u16(), 413);
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_given_up() {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::new(Body::from_stream(never));
        let problem = read_body_within(request, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(problem.status().as_u16(), 400);
    }
}
