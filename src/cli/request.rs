use std::time::Duration;

use serde_json::{Map, Value};

use crate::http::encoded;

/// What is asked of the API, and how its answer is shown to people.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: hyper::Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// A body that is no JSON: of this media type.
    pub(super) text: Option<(&'static str, Vec<u8>)>,
    /// The answer is no JSON: it is printed as it is.
    pub(super) as_is: bool,
    /// The answer in words or as a table.
    pub(super) show: fn(&Value) -> String,
    /// How long the daemon may wait before it begins to answer.
    pub(super) wait: Duration,
    /// How long its answer may take then, where that is less than usual.
    pub(super) patience: Option<Duration>,
}

impl Request {
    /// `GET`.
    pub(super) fn get(path: String, show: fn(&Value) -> String) -> Self {
        Self {
            method: hyper::Method::GET,
            path,
            body: None,
            text: None,
            as_is: false,
            show,
            wait: Duration::ZERO,
            patience: None,
        }
    }

    /// Any other method, with a body.
    pub(super) fn send(
        method: hyper::Method,
        path: String,
        body: Map<String, Value>,
        show: fn(&Value) -> String,
    ) -> Self {
        Self {
            method,
            path,
            body: Some(Value::Object(body)),
            text: None,
            as_is: false,
            show,
            wait: Duration::ZERO,
            patience: None,
        }
    }

    /// `DELETE`.
    pub(super) fn delete(path: String, show: fn(&Value) -> String) -> Self {
        Self {
            method: hyper::Method::DELETE,
            path,
            body: None,
            text: None,
            as_is: false,
            show,
            wait: Duration::ZERO,
            patience: None,
        }
    }

    /// `GET` of something that is no JSON.
    pub(super) fn get_as_is(path: String) -> Self {
        let show = |answer: &Value| answer.as_str().unwrap_or_default().to_owned();
        Self { as_is: true, ..Self::get(path, show) }
    }

    /// `POST` of a text.
    pub(super) fn post_text(
        path: String,
        media_type: &'static str,
        text: Vec<u8>,
        show: fn(&Value) -> String,
    ) -> Self {
        let method = hyper::Method::POST;
        Self { method, text: Some((media_type, text)), ..Self::get(path, show) }
    }

    /// The same, asking the daemon to wait for something.
    pub(super) fn taking(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

/// The fields that were given.
pub(super) fn fields<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Map<String, Value> {
    pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect()
}

/// One part of a path, percent-encoded but for RFC 3986's unreserved characters.
pub(super) fn part(text: &str) -> String {
    match text {
        // Alone, these would mean another place.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => encoded(text).to_string(),
    }
}

/// A path with those parameters that were given.
pub(super) fn query<'a>(
    path: &str,
    parameters: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> String {
    let given: Vec<String> = parameters
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={}", part(&value))))
        .collect();
    if given.is_empty() { path.to_owned() } else { format!("{path}?{}", given.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(part("02:00:5e:00:53:01"), "02%3A00%3A5e%3A00%3A53%3A01");
        assert_eq!(part("../../tokens?x#y"), "..%2F..%2Ftokens%3Fx%23y");
        assert_eq!(part(".."), "%2E%2E");
        assert_eq!(part("é"), "%C3%A9");
        assert_eq!(query("/a", [("q", Some("x y&z".to_owned())), ("page", None)]), "/a?q=x%20y%26z");
    }
}
