use serde_json::json;

use super::Area;
use super::operation::Operation;
use super::responses::problem_schema;
use super::samples;
use super::schema::{boolean, count, fields, list_of, nullable, one_of, page_of, text, time, whole};
use crate::api::auth::View;
use crate::api::providers::KINDS;
use crate::api::status::{LISTENERS, STATES};
use crate::runtime::{PluginState, Provides};

pub(super) fn area() -> Area {
    let by_state = STATES.iter().map(|state| ((*state).to_owned(), count())).collect();
    let certificate = whole(fields([
        ("listener", one_of(&LISTENERS)),
        ("sha256", text()),
        ("self_signed", boolean()),
        ("ends_at", nullable(time())),
    ]));
    let status = whole(fields([
        ("version", text()),
        ("started_at", nullable(time())),
        ("uptime_secs", count()),
        ("devices", count()),
        ("connected", count()),
        ("usable_sessions", count()),
        ("sessions", whole(by_state)),
        ("repairs", count()),
        ("certificates", list_of(certificate)),
        ("warnings", list_of(text())),
    ]));
    let states = PluginState::ALL.iter().map(|(_, name)| *name).chain(["absent"]).collect::<Vec<_>>();
    let provider = whole(fields([
        ("name", text()),
        ("provides", one_of(&Provides::ALL.map(|(_, name)| name))),
        ("title", nullable(text())),
        ("kind", one_of(&KINDS)),
        ("plugin", nullable(text())),
        ("state", one_of(&states)),
        ("since", nullable(time())),
        ("pid", nullable(count())),
        ("restarts", count()),
        ("asked", count()),
        ("failed", count()),
        ("last_error", nullable(text())),
    ]));
    Area {
        tag: "system",
        about: "How the whole is doing.",
        operations: vec![
            Operation::get("/api/v1/status", "getStatus", "How the whole is doing").needs::<View>().answers(
                200,
                "How it is doing.",
                super::schema::reference("Status"),
            ),
            Operation::get(
                "/api/v1/providers",
                "listProviders",
                "Session providers and authenticators, in the order they are asked, and plugins",
            )
            .needs::<View>()
            .pages()
            .answers(200, "A page of them.", page_of("Provider")),
            samples::operation(),
            Operation::get("/api/v1/openapi.json", "getOpenApi", "This document").answers(
                200,
                "The document.",
                json!({ "type": "object" }),
            ),
            Operation::get("/metrics", "getMetrics", "What the daemon does, for Prometheus")
                .needs::<View>()
                .answers_in(200, "In the text format of Prometheus.", "text/plain", text(), &[]),
            Operation::get("/healthz", "getHealth", "Whether the sessions manager and the store answer")
                .answers(200, "They do.", whole(fields([("status", one_of(&["ok"]))]))),
        ],
        schemas: vec![
            ("Status", status),
            ("Samples", samples::schema()),
            ("Provider", provider),
            ("Problem", problem_schema()),
        ],
    }
}
