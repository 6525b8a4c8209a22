use serde_json::{Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, body, boolean, fields, integer, nullable, page_of, reference, text, time, uuid, whole,
};
use crate::api::auth::{Modify, View};
use crate::domain::{Message, Text};

/// The fields of a message that is to be left.
pub(super) fn new() -> [(&'static str, Value); 2] {
    let lasts = format!("How long it is shown; {} unless given.", Message::LASTS_SECS);
    [
        ("text", json!({ "type": "string", "pattern": "\\S", "minLength": 1, "maxLength": Text::MAX_CHARS })),
        ("expires_secs", about(nullable(integer(1, Message::MOST_SECS)), &lasts)),
    ]
}

fn message() -> Value {
    whole(fields([
        ("id", uuid()),
        ("device", uuid()),
        ("text", text()),
        ("created_at", nullable(time())),
        ("expires_at", nullable(time())),
        ("shown_at", about(nullable(time()), "When a page of the device first showed it.")),
    ]))
}

/// Leaves a message.
fn leaves(operation: Operation) -> Operation {
    operation
        .needs::<Modify>()
        .if_match()
        .body(reference("NewMessage"))
        .answers(201, "The message.", reference("Message"))
        .answer_may_be_lost()
}

pub(super) fn area() -> Area {
    let of_device =
        Operation::post("/api/v1/devices/{dev}/message", "messageDevice", "Leaves a message for a device");
    let of_session = Operation::post(
        "/api/v1/sessions/{id}/message",
        "messageSession",
        "Leaves a message for a session's device",
    );
    let id = json!({ "type": "string", "minLength": 1 });
    let operations = vec![
        leaves(of_device.device()),
        leaves(of_session.session()),
        Operation::get("/api/v1/messages", "listMessages", "Messages, the newest first")
            .needs::<View>()
            .query("device", text(), "Only those of this device: its id, MAC or IP address")
            .query_given("all", boolean(), "Those that have expired as well, as far as they are kept")
            .pages()
            .answers(200, "A page of them.", page_of("Message"))
            .refuses(404, "There is no such device."),
        Operation::delete("/api/v1/messages/{id}", "deleteMessage", "Shows a message no more")
            .needs::<Modify>()
            .part("id", id, "A message's id")
            .if_match()
            .answers_nothing("It is deleted."),
    ];
    Area {
        tag: "messages",
        about: "Texts for portal pages: shown at once if the page is open, else when it is next opened.",
        operations,
        schemas: vec![("Message", message()), ("NewMessage", body(&["text"], fields(new())))],
    }
}
