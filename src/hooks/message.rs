use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, header};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use crate::domain::{HookId, HookSecret, Text, Told, WallTime};
use crate::http::Outgoing;

/// The header that shows who sent a request, and that nobody changed it.
pub const SIGNATURE: HeaderName = HeaderName::from_static("turnpike-signature");
const EVENT_ID: HeaderName = HeaderName::from_static("turnpike-event-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("turnpike-timestamp");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The body of a request. What does not apply to its kind is `null` or empty.
#[derive(Serialize)]
struct Shape<'a> {
    id: &'a str,
    hook: String,
    kind: &'static str,
    at: Option<String>,
    session: Option<String>,
    device: Option<String>,
    reason: Option<&'a str>,
    properties: BTreeMap<&'a str, &'a str>,
    previous: BTreeMap<&'a str, Option<&'a str>>,
    gateway: &'a str,
}

/// The event's id, and the body that tells of it.
pub(super) type Message = (String, String);

/// What happened to a session.
pub(super) fn told(number: i64, hook: HookId, told: Told<'_>, gateway: &Text) -> Message {
    let id = number.to_string();
    let body = text(&Shape {
        id: &id,
        hook: hook.to_string(),
        kind: told.kind.as_str(),
        at: time(told.at),
        session: Some(told.session.to_string()),
        device: Some(told.device.to_string()),
        reason: told.reason,
        properties: told.properties,
        previous: told.previous,
        gateway: gateway.as_str(),
    });
    (id, body)
}

/// Events up to this number were missed and cannot be told any more.
pub(super) fn resync(last: i64, hook: HookId, reason: &str, gateway: &Text, at: WallTime) -> Message {
    let id = format!("resync-{last}");
    let body = of_none(&id, hook, "resync", Some(reason), gateway, at);
    (id, body)
}

/// Nothing happened: somebody wants to know whether the receiver answers.
pub(super) fn ping(hook: HookId, gateway: &Text, at: WallTime) -> Message {
    let id = format!("ping-{}", uuid::Uuid::now_v7());
    let body = of_none(&id, hook, "ping", None, gateway, at);
    (id, body)
}

fn of_none(
    id: &str,
    hook: HookId,
    kind: &'static str,
    reason: Option<&str>,
    gateway: &Text,
    at: WallTime,
) -> String {
    text(&Shape {
        id,
        hook: hook.to_string(),
        kind,
        at: time(at),
        session: None,
        device: None,
        reason,
        properties: BTreeMap::new(),
        previous: BTreeMap::new(),
        gateway: gateway.as_str(),
    })
}

fn text(shape: &Shape<'_>) -> String {
    // Texts, lists and maps of texts can always be written.
    serde_json::to_string(shape).unwrap_or_default()
}

fn time(at: WallTime) -> Option<String> {
    at.rfc3339()
}

/// The signature of a body that is sent at a time, in seconds since the epoch: `v1=` and the hexadecimal HMAC-SHA-256 over
/// the time, a dot and the body.
pub fn signature(secret: &HookSecret, timestamp: i64, body: &[u8]) -> String {
    // A key of any length will do (RFC 2104), so this does not fail.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_str().as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("v1={digits}")
}

/// The request that brings an event to its receiver, as it is sent at this time.
pub(super) fn request(hook: HookId, secret: &HookSecret, event: &str, body: Bytes, at: WallTime) -> Outgoing {
    let timestamp = at.0.div_euclid(1000);
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::USER_AGENT, concat!("turnpike/", env!("CARGO_PKG_VERSION")).to_owned()),
        (EVENT_ID, event.to_owned()),
        (TIMESTAMP, timestamp.to_string()),
        (SIGNATURE, signature(secret, timestamp, &body)),
        (IDEMPOTENCY_KEY, format!("{hook}-{event}")),
    ];
    // All of them are made of digits, letters and dashes.
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| HeaderValue::try_from(value).ok().map(|value| (name, value)))
        .collect();
    Outgoing { method: Method::POST, headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_hmac_sha256_over_time_dot_body() {
        let secret: HookSecret = "whisper-whisper-whisper".parse().unwrap();
        // printf '1780000000.{"kind":"ping"}' | openssl dgst -sha256 -hmac whisper-whisper-whisper
        assert_eq!(
            signature(&secret, 1_780_000_000, br#"{"kind":"ping"}"#),
            "v1=23a8ec5c2f8f3f62a7278c3efe607a9cb728a4d7413b52d41831baf33e1004a5"
        );
        assert_ne!(signature(&secret, 1, b"0.x"), signature(&secret, 10, b".x"));
    }

    #[test]
    fn a_request_names_its_event_and_its_time() {
        let (id, body) = ping(HookId::new(uuid::Uuid::nil()), &Text::new("box"), WallTime(1_500));
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (value["kind"].as_str(), value["at"].as_str()),
            (Some("ping"), Some("1970-01-01T00:00:01.500Z"))
        );
        assert_eq!((value["id"].as_str(), value["session"].is_null()), (Some(id.as_str()), true));
        let secret = HookSecret::of_random([7; 32]);
        let hook = HookId::new(uuid::Uuid::nil());
        let request = request(hook, &secret, &id, body.into(), WallTime(-1));
        let of = |name: &str| {
            let found = request.headers.iter().find(|(header, _)| header == name);
            found.map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(of("turnpike-timestamp").as_deref(), Some("-1"));
        assert_eq!(of("turnpike-event-id"), Some(id.clone()));
        assert_eq!(of("idempotency-key"), Some(format!("{hook}-{id}")));
    }
}
