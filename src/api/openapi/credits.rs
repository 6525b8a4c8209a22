use serde_json::{Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, body, boolean, count, fields, nullable, one_of, page_of, reference, text, time, uuid, whole,
};
use crate::api::auth::ManageVouchers;
use crate::domain::SessionKind;

fn credit() -> Value {
    whole(fields([
        ("id", count()),
        ("source", about(text(), "Which machine: `coinslot/NAME`.")),
        ("at", nullable(time())),
        ("amount", about(text(), "A decimal number, in the currency.")),
        ("currency", text()),
        ("device", about(nullable(uuid()), "Who had the slot; `null` if nobody.")),
        ("claimed_at", about(nullable(time()), "When it was turned into a session.")),
        ("session", nullable(uuid())),
        ("returned_at", about(nullable(time()), "When it was handed back over the counter.")),
    ]))
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/credits";
    let id = || json!({ "type": "string", "minLength": 1 });
    let kinds = [SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData].map(SessionKind::as_str);
    let claim = body(
        &["device"],
        fields([
            ("device", about(text(), "Its id, MAC or IP address.")),
            ("kind", about(one_of(&kinds), "What is bought; whatever can be unless given.")),
        ]),
    );
    let note = about(text(), "For the audit log.");
    let give_back = body(&[], fields([("note", note)]));
    let operations = vec![
        Operation::get(ALL, "listCredits", "Money that machines took, the newest first")
            .needs::<ManageVouchers>()
            .query_given("unclaimed", boolean(), "Only what nobody has got anything for, or only the rest")
            .query_given("source", text(), "Of this machine only: `coinslot/NAME`")
            .query_given("device", text(), "Of this device only: its id, MAC or IP address")
            .pages()
            .answers(200, "A page of them.", page_of("Credit"))
            .refuses(404, "There is no such device."),
        Operation::post("/api/v1/credits/{id}/claim", "claimCredit", "Turns credit into a session of a device")
            .about("All that the device has at that slot is spent, as far as it buys something; the rest stays its credit.")
            .needs::<ManageVouchers>()
            .part("id", id(), "The credit's number")
            .if_match()
            .body(claim)
            .answers_with(201, "The session that it bought.", reference("Session"), &["ETag", "Location"])
            .answers(200, "It is the device's now, and buys nothing yet.", reference("Credit"))
            .refuses(404, "There is no such credit or device.")
            .refuses(409, "It was claimed or returned, or its slot is not in the configuration."),
        Operation::post("/api/v1/credits/{id}/return", "returnCredit", "Notes that credit was handed back")
            .needs::<ManageVouchers>()
            .part("id", id(), "The credit's number")
            .if_match()
            .optional_body(give_back)
            .answers(200, "The credit, returned.", reference("Credit"))
            .refuses(404, "There is no such credit.")
            .refuses(409, "It was claimed."),
    ];
    Area {
        tag: "credits",
        about: "Money in machines. It is on disk before anybody is shown it, and waits until somebody gets something for it.",
        operations,
        schemas: vec![("Credit", credit())],
    }
}
