use serde_json::{Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    CONTROL, about, body, fields, list_of, nullable, one_of, page_of, reference, text, time, uuid, whole,
};
use crate::api::auth::View;
use crate::api::locks::MAX_WAIT_SECS;
use crate::domain::{LockName, LockScope};

fn scope() -> Value {
    one_of(&[LockScope::SessionLoss, LockScope::ConnectionLoss].map(LockScope::as_str))
}

fn owner_kind() -> Value {
    one_of(&["device", "connection"])
}

/// Names between single slashes.
pub(super) fn path_pattern() -> String {
    format!("[^/{CONTROL}]+(/[^/{CONTROL}]+)*")
}

fn name() -> Value {
    let pattern = format!("^{}$", path_pattern());
    json!({ "type": "string", "pattern": pattern, "maxLength": LockName::MAX_CHARS })
}

fn schemas() -> Vec<(&'static str, Value)> {
    let waiter = whole(fields([
        ("owner", uuid()),
        ("owner_kind", owner_kind()),
        ("scope", scope()),
        ("since", nullable(time())),
    ]));
    let lock = whole(fields([
        ("name", text()),
        ("owner", uuid()),
        ("owner_kind", owner_kind()),
        ("scope", scope()),
        ("acquired_at", nullable(time())),
        ("waiting", about(list_of(reference("Waiter")), "The next one first.")),
    ]));
    let wait = json!({ "type": "number", "minimum": 0, "maximum": MAX_WAIT_SECS });
    let new = body(
        &["name", "device"],
        fields([
            ("name", about(name(), "Names between single slashes: `coinslot/1`.")),
            ("device", about(text(), "On whose behalf: its id, MAC or IP address.")),
            ("scope", about(scope(), "What frees it by itself; loss of the session unless given.")),
            ("wait_secs", about(wait, "How long to wait in line; the answer takes as long.")),
        ]),
    );
    vec![("Lock", lock), ("Waiter", waiter), ("NewLock", new)]
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/locks";
    let part = json!({ "type": "string", "minLength": 1 });
    let operations = vec![
        Operation::get(ALL, "listLocks", "Locks that are held, by name")
            .needs::<View>()
            .pages()
            .answers(200, "A page of them.", page_of("Lock")),
        Operation::post_anew(ALL, "acquireLock", "Acquires a lock on behalf of a device")
            .about("First come, first served. A caller that hangs up gives up its wait; asking again is the same lock.")
            .needs_permission("acquire_lock:PATH")
            .if_match()
            .body(reference("NewLock"))
            .answers(201, "The device holds it now.", reference("Lock"))
            .answers(200, "The device held it before.", reference("Lock"))
            .refuses(404, "There is no such device.")
            .refuses(409, "Another one holds it, the wait is over, or it would never end.")
            .refuses(429, "There are too many locks or waits."),
        Operation::delete("/api/v1/locks/{name}", "releaseLock", "Releases a lock, whoever holds it")
            .needs_permission("acquire_lock:PATH")
            .part("name", part, "The lock's name, its slashes plain or as `%2F`")
            .query_given("device", text(), "Only if this device holds it: its id, MAC or IP address")
            .if_match()
            .answers_nothing("It is free, or the next one's.")
            .refuses(404, "Nobody holds it, or there is no such device."),
    ];
    Area {
        tag: "locks",
        about: "One customer at a time at the coin slot: a token needs `acquire_lock:PATH`, where PATH is the lock's name or \
                a path above it.",
        operations,
        schemas: schemas(),
    }
}
