use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::domain::Told;

/// What opens a stream: says that it lives, and when to come back after it broke.
pub(super) const HELLO: &str = "retry: 2000\n: turnpike\n\n";

#[derive(Serialize)]
struct Shape<'a> {
    r#type: &'static str,
    session: String,
    device: String,
    at: Option<String>,
    reason: Option<&'a str>,
    properties: &'a BTreeMap<&'a str, &'a str>,
    previous: &'a BTreeMap<&'a str, Option<&'a str>>,
}

/// Appends an event.
pub(super) fn event(text: &mut String, id: i64, told: &Told<'_>) {
    let kind = told.kind.as_str();
    let shape = Shape {
        r#type: kind,
        session: told.session.to_string(),
        device: told.device.to_string(),
        at: told.at.rfc3339(),
        reason: told.reason,
        properties: &told.properties,
        previous: &told.previous,
    };
    match serde_json::to_string(&shape) {
        // JSON on one line: no line of it can be taken for a field.
        Ok(data) => block(text, Some(id), kind, &data),
        Err(error) => tracing::error!(%error, "an event could not be written"),
    }
}

/// `ready`: all that there is now was told.
pub(super) fn ready(last: i64) -> Bytes {
    one(Some(last), "ready", &json!({ "last_event_id": last }).to_string())
}

/// `resync`: what was missed cannot be told; all that there is now follows.
pub(super) fn resync(reason: &str, last: i64) -> Bytes {
    one(None, "resync", &json!({ "reason": reason, "last_event_id": last }).to_string())
}

/// `dropped`: the connection is closed; the listener can come back and resume.
pub(super) fn dropped(reason: &str) -> Bytes {
    one(None, "dropped", &json!({ "reason": reason }).to_string())
}

/// A sign of life. It carries the last id if events passed that the listener does not hear, so that it resumes behind them.
pub(super) fn alive(last: Option<i64>) -> Bytes {
    match last {
        Some(last) => format!(": alive\nid: {last}\n\n").into(),
        None => Bytes::from_static(b": alive\n\n"),
    }
}

fn one(id: Option<i64>, kind: &str, data: &str) -> Bytes {
    let mut text = String::new();
    block(&mut text, id, kind, data);
    text.into()
}

fn block(text: &mut String, id: Option<i64>, kind: &str, data: &str) {
    if let Some(id) = id {
        text.push_str(&format!("id: {id}\n"));
    }
    text.push_str(&format!("event: {kind}\ndata: {data}\n\n"));
}
