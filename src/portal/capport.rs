//! The captive-portal API, RFC 8908.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::own::OwnAddress;
use super::view::Standing;

/// The media type of RFC 8908.
pub const MEDIA_TYPE: &str = "application/captive+json";

/// What RFC 8908 tells a device. Limits only when it is not captive and has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    captive: bool,
    user_portal_url: String,
    can_extend_session: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_remaining: Option<u64>,
}

impl Answer {
    /// For a device by where it stands.
    pub fn of(standing: &Standing, own: OwnAddress) -> Self {
        let online = if let Standing::Online(session) = standing { Some(session) } else { None };
        let left = |meter: &Option<super::view::Meter>| meter.as_ref().map(|meter| meter.left);
        Self {
            captive: online.is_none(),
            user_portal_url: own.url(),
            can_extend_session: !matches!(standing, Standing::Stranger | Standing::Blocked),
            seconds_remaining: online.and_then(|session| left(&session.time)).map(|millis| millis / 1000),
            bytes_remaining: online.and_then(|session| left(&session.data)),
        }
    }

    /// As an HTTP answer.
    pub fn respond(&self) -> Response {
        match serde_json::to_string(self) {
            Ok(json) => ([(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "private")], json)
                .into_response(),
            Err(error) => {
                tracing::error!(%error, "the captive-portal answer could not be written");
                axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Whether the asker wants the API's answer and not the page: it names the media type, or leaves everything open. A
/// browser takes `*/*` too, but says `text/html`.
pub fn wants_api(headers: &HeaderMap) -> bool {
    let mut anything = true;
    let mut wildcard = false;
    let mut html = false;
    for value in headers.get_all(header::ACCEPT) {
        anything = false;
        let Ok(value) = value.to_str() else { continue };
        for range in value.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| {
                part.strip_prefix("q=")
                    .or_else(|| part.strip_prefix("Q="))
                    .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0))
            });
            match name.as_str() {
                MEDIA_TYPE => return !refused,
                "*/*" | "application/*" => wildcard |= !refused,
                "text/html" => html |= !refused,
                _ => {}
            }
        }
    }
    anything || (wildcard && !html)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        wants_api(&headers)
    }

    #[test]
    fn devices_get_json_and_browsers_the_page() {
        assert!(wants(&[]));
        assert!(wants(&["*/*"]));
        assert!(wants(&["Application/Captive+JSON"]));
        assert!(wants(&["text/html", "application/captive+json;q=0.5"]));
        assert!(!wants(&["application/captive+json;q=0, */*"]));
        assert!(!wants(&["text/html,application/xhtml+xml,*/*;q=0.8"]));
        assert!(!wants(&["application/json"]));
    }

    #[test]
    fn a_captive_device_is_told_no_remainders() {
        let own = OwnAddress::new("[fd00::1]:2050".parse().unwrap());
        let json = serde_json::to_value(Answer::of(&Standing::New, own)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "captive": true, "user-portal-url": "http://[fd00::1]:2050/", "can-extend-session": true
            })
        );
        assert_eq!(
            serde_json::to_value(Answer::of(&Standing::Stranger, own)).unwrap()["captive"],
            serde_json::json!(true)
        );
    }
}
