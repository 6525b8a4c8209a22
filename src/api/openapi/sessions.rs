use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, amount, body, boolean, cut_text, fields, filter, nullable, one_of, page_of, reference, roles,
    text, time, uuid, whole,
};
use super::terms;
use crate::api::auth::{Modify, View};
use crate::api::status::STATES;
use crate::domain::{CloseReason, PauseReason};
use crate::store::SortKey;

fn session() -> Value {
    let reasons: Vec<&str> = PauseReason::ALL
        .map(|(_, name)| name)
        .into_iter()
        .chain(CloseReason::ALL.map(|(_, name)| name))
        .collect();
    let mut all = terms::shown();
    all.extend(fields([
        ("id", uuid()),
        ("device", uuid()),
        ("provider", text()),
        ("state", one_of(&STATES)),
        ("reason", about(nullable(one_of(&reasons)), "Why it is paused, or why it ended.")),
        ("reason_text", about(nullable(text()), "What whoever closed it said.")),
        ("time_used_secs", amount()),
        ("time_left_secs", nullable(amount())),
        ("data_used_mb", amount()),
        ("data_left_mb", nullable(amount())),
        ("sent_mb", amount()),
        ("received_mb", amount()),
        ("created_at", nullable(time())),
        ("started_at", nullable(time())),
        ("resumed_at", nullable(time())),
        ("expires_at", nullable(time())),
        ("ended_at", nullable(time())),
        ("plan", nullable(text())),
        ("principal", about(nullable(text()), "The account or voucher batch behind it.")),
        ("properties", json!({ "type": "object", "additionalProperties": text() })),
        ("roles", roles()),
    ]));
    whole(all)
}

pub(super) fn area() -> Area {
    Area {
        tag: "sessions",
        about: "What was bought or granted, and what is left of it.",
        operations: operations(),
        schemas: vec![
            ("Session", session()),
            ("NewSession", terms::new_terms(&[], &Map::new())),
            ("SessionChange", terms::change()),
        ],
    }
}

/// A list of sessions.
fn list(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let names: Vec<&str> = SortKey::ALL.iter().map(|(_, name)| *name).collect();
    Operation::get(path, id, summary)
        .needs::<View>()
        .query("filter", filter(), "Only those that it selects")
        .search(&names)
        .query("state", one_of(&STATES), "Only those in this state")
        .pages()
        .answers(200, "A page of them.", page_of("Session"))
}

fn operations() -> Vec<Operation> {
    const ONE: &str = "/api/v1/sessions/{id}";
    const OF_DEVICE: &str = "/api/v1/devices/{dev}/sessions";
    let close = body(&[], fields([("reason", cut_text("Why."))]));
    vec![
        list("/api/v1/sessions", "listSessions", "Sessions, the newest first"),
        list(OF_DEVICE, "listSessionsOfDevice", "A device's sessions, usable and ended ones").device(),
        Operation::post(OF_DEVICE, "createSession", "Makes a session for a device")
            .needs::<Modify>()
            .device()
            .if_match()
            .body(reference("NewSession"))
            .answers_with(201, "The session, not yet started.", reference("Session"), &["ETag", "Location"]),
        Operation::get(
            "/api/v1/devices/{dev}/session",
            "getSessionOfDevice",
            "The session that a device runs on",
        )
        .needs::<View>()
        .device()
        .query_given(
            "usable",
            boolean(),
            "Any that it could use: running, paused, available, or what a provider offers",
        )
        .answers_tagged(200, "The session.", reference("Session"))
        .refuses(404, "There is no such device, or it has no such session."),
        Operation::get(ONE, "getSession", "One session").session().needs::<View>().answers_tagged(
            200,
            "The session.",
            reference("Session"),
        ),
        Operation::patch(ONE, "changeSession", "Tops a session up or changes its speeds, also while it runs")
            .session()
            .needs::<Modify>()
            .if_match()
            .optional_body(reference("SessionChange"))
            .answers_tagged(200, "The session as it is now.", reference("Session"))
            .refuses(409, "The session has ended."),
        Operation::delete(ONE, "deleteSession", "Deletes a session; a running one is cut off first")
            .session()
            .needs::<Modify>()
            .if_match()
            .answers_nothing("It is deleted."),
        Operation::post("/api/v1/sessions/{id}/close", "closeSession", "Closes a session")
            .session()
            .about("Closing what is closed changes nothing.")
            .needs::<Modify>()
            .if_match()
            .optional_body(close)
            .answers_tagged(200, "The session, closed.", reference("Session")),
    ]
}
