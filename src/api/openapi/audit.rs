use serde_json::{Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{fields, nullable, page_of, text, time, whole};
use crate::api::auth::Administer;

fn line() -> Value {
    let changed = || nullable(json!({ "type": "object", "additionalProperties": text() }));
    whole(fields([
        ("id", json!({ "type": "integer" })),
        ("at", nullable(time())),
        ("actor", text()),
        ("action", text()),
        ("subject", nullable(text())),
        ("details", nullable(text())),
        ("origin", text()),
        ("before", changed()),
        ("after", changed()),
    ]))
}

/// RFC 3339, or milliseconds since the epoch.
pub(super) fn instant() -> Value {
    json!({ "anyOf": [time(), { "type": "string", "pattern": "^-?[0-9]{1,18}$" }] })
}

pub(super) fn area() -> Area {
    let list =
        Operation::get("/api/v1/audit", "listAudit", "Who changed what, when, from where; the newest first")
            .needs::<Administer>()
            .query("q", text(), "Only lines that mention this text")
            .query("actor", text(), "Only what this actor did")
            .query(
                "action",
                text(),
                "Only this action, or all that begin so if it ends with a dot: `session.`",
            )
            .query("subject", text(), "Only what was done to this: an id")
            .query("since", instant(), "From then on: a time, or milliseconds since the epoch")
            .query("until", instant(), "Before then")
            .pages()
            .answers(200, "A page of them.", page_of("AuditLine"));
    Area {
        tag: "audit",
        about: "Who did what.",
        operations: vec![list],
        schemas: vec![("AuditLine", line())],
    }
}
