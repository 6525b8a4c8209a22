use serde_json::json;

use super::Area;
use super::operation::Operation;
use super::responses::problem_schema;
use super::samples;
use super::schema::{
    about, body, boolean, count, fields, list_of, nullable, one_of, page_of, text, time, whole,
};
use crate::api::auth::{Administer, View};
use crate::api::providers::KINDS;
use crate::api::service;
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
    let zone = whole(fields([
        ("name", text()),
        ("online", count()),
        ("open", about(boolean(), "By its opening hours.")),
        (
            "changes_at",
            about(
                nullable(time()),
                "When it opens or closes next; null: never, or the time is not known yet.",
            ),
        ),
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
        ("zones", list_of(zone)),
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
    let order = whole(fields([
        ("kind", one_of(&service::KINDS)),
        ("at", nullable(time())),
        ("by", text()),
        ("state", one_of(&service::STATES)),
        ("reason", nullable(text())),
    ]));
    let no_daemon = "No daemon is around this API.";
    let reload = || {
        whole(fields([
            ("changed", about(boolean(), "Whether there is anything to change.")),
            ("meaning", about(list_of(text()), "What changes, a sentence each.")),
            (
                "cuts_off",
                about(
                    boolean(),
                    "Whether somebody who is online, or a connection that stands, may be cut off.",
                ),
            ),
            (
                "fingerprint",
                about(
                    nullable(text()),
                    "What the file held: sent with the order, nothing else is taken. Null if there is nothing to change.",
                ),
            ),
        ]))
    };
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
            Operation::get("/api/v1/service", "getService", "What has become of the last reload or restore")
                .needs::<View>()
                .answers(
                    200,
                    "The last one since the daemon was started.",
                    whole(fields([("last_order", nullable(super::schema::reference("Order")))])),
                )
                .refuses(409, no_daemon),
            Operation::post_anew("/api/v1/service/reload", "reload", "Take what the configuration file says now")
                .about(
                    "Nobody is dropped: the kernel enforces all sessions meanwhile. What does not work is taken back; \
                     `GET /api/v1/service` says what has become of it.",
                )
                .needs::<Administer>()
                .optional_body(body(&[], fields([
                    ("dry_run", about(boolean(), "Only says what it would mean.")),
                    ("fingerprint", about(text(), "What the file must hold, as the answer to a dry run says it.")),
                ])))
                .answers(200, "It says what holds already, or this is what it would mean.", reload())
                .answers(202, "It is taken.", reload())
                .refuses(
                    409,
                    "Another change is being made, the file is not what `fingerprint` says, or no daemon is around this API.",
                )
                .refuses(422, "The file has mistakes, each on a line of `detail`, or cannot be carried out. Nothing was changed."),
            Operation::post_anew("/api/v1/service/reconcile", "reconcile", "Put the rules in place and repair what differs")
                .about("The daemon does so by itself, a moment after somebody else touched its table.")
                .needs::<Administer>()
                .answers_nothing("It is done next."),
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
            ("Order", order),
            ("Samples", samples::schema()),
            ("Provider", provider),
            ("Problem", problem_schema()),
        ],
    }
}
