use serde_json::{Value, json};

use super::Area;
use super::audit::instant;
use super::operation::Operation;
use super::schema::{about, fields, filter, nullable, one_of, reference, text, time, uuid, whole};
use crate::api::auth::Listen;
use crate::domain::SessionEventKind;

const ABOUT: &str = "Server-Sent Events, without an end. First an `open` for each session there is now, then `ready`; from then \
    on what happens. The `event` of each is its type, its `data` one JSON object: `SessionEvent`, or `{\"last_event_id\"}` of \
    `ready`, `{\"reason\", \"last_event_id\"}` of `resync` (what was missed cannot be told; all that there is follows) and \
    `{\"reason\"}` of `dropped` (the connection is closed). Whoever comes back with the last id misses nothing.";

/// What the `data` of an event holds.
fn event() -> Value {
    let was = json!({ "type": "object", "additionalProperties": nullable(text()) });
    whole(fields([
        ("type", one_of(&SessionEventKind::ALL.map(|(_, name)| name))),
        ("session", uuid()),
        ("device", uuid()),
        ("at", nullable(time())),
        ("reason", nullable(text())),
        ("properties", json!({ "type": "object", "additionalProperties": text() })),
        ("previous", about(was, "Of the chosen ones those that changed, as they were; `null` was not set.")),
    ]))
}

pub(super) fn area() -> Area {
    let id = || json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
    let names = "Names between commas; `ALL_FIXED_PROPERTIES` and `ALL_USER_PROPERTIES` stand for many; all unless given";
    let stream = json!({ "type": "string", "contentMediaType": "text/event-stream", "contentSchema": reference("SessionEvent") });
    let listen = Operation::get("/api/v1/events", "listen", "What happens to sessions, as it happens")
        .about(ABOUT)
        .needs::<Listen>()
        .query(
            "filter",
            filter(),
            "Only of sessions that it selects; one that comes to match opens, one that ceases to closes",
        )
        .query("properties", text(), names)
        .query("since", instant(), "Of the sessions there are, only those started since then")
        .query("last_event_id", id(), "What came behind this event; for those who cannot send the header")
        .header("Last-Event-ID", id(), "What came behind this event")
        .answers_in(200, "The stream.", "text/event-stream", stream, &[])
        .refuses(503, "There are too many listeners, or turnpike is stopping.");
    Area {
        tag: "events",
        about: "What happens to sessions.",
        operations: vec![listen],
        schemas: vec![("SessionEvent", event())],
    }
}
