use serde_json::{Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, amount, body, boolean, cut_text, fields, filter, list_of, new_roles, nullable, object, one_of,
    page_of, reference, roles, text, time, uuid, whole,
};
use crate::api::auth::{Modify, View};
use crate::domain::DeviceStatus;
use crate::runtime::DeviceKey;

/// What is read as one device's MAC: no group address. All zeroes are refused as well.
const MAC: &str = "^[0-9A-Fa-f][02468ACEace]((:[0-9A-Fa-f]{2}){5}|(-[0-9A-Fa-f]{2}){5})$";

fn device() -> Value {
    let status = [DeviceStatus::Connected, DeviceStatus::Disconnected, DeviceStatus::Blocked];
    whole(fields([
        ("id", uuid()),
        ("mac", json!({ "type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" })),
        ("ipv4", list_of(json!({ "type": "string", "format": "ipv4" }))),
        ("ipv6", list_of(json!({ "type": "string", "format": "ipv6" }))),
        ("hostname", nullable(text())),
        ("alias", nullable(text())),
        ("status", one_of(&status.map(DeviceStatus::as_str))),
        ("connected", boolean()),
        ("present", about(boolean(), "Whether it is on the network now.")),
        ("zone", nullable(text())),
        ("roles", roles()),
        ("first_seen", nullable(time())),
        ("last_seen", nullable(time())),
    ]))
}

fn notify() -> Value {
    let text = cut_text("A text for the device's portal page.");
    body(&[], fields([("notify", text)]))
}

pub(super) fn area() -> Area {
    let new = body(
        &["mac"],
        fields([
            ("mac", json!({ "type": "string", "pattern": MAC })),
            ("alias", text()),
            ("zone", about(text(), "The zone that it belongs to until it is seen.")),
        ]),
    );
    let change = body(
        &[],
        fields([
            ("alias", about(text(), "`null` takes it away.")),
            ("zone", text()),
            ("roles", about(new_roles(), "All of its roles from now on.")),
            ("blocked", about(boolean(), "Shuts out, or lets back in.")),
            ("status", about(one_of(&["blocked", "disconnected"]), "The same in the device's own words.")),
        ]),
    );
    Area {
        tag: "devices",
        about: "The devices of the guest networks.",
        operations: operations(),
        schemas: vec![
            ("Device", device()),
            ("NewDevice", new),
            ("DeviceChange", change),
            ("Notify", notify()),
            ("Offer", offer()),
            (
                "MoveTo",
                body(&["to"], fields([("to", about(text(), "The other device: its id, MAC or IP."))])),
            ),
            ("RecoveryCode", whole(fields([("code", text())]))),
            ("Ping", whole(fields([("reachable", boolean()), ("rtt_ms", nullable(amount()))]))),
        ],
    }
}

fn offer() -> Value {
    let mut all = super::terms::shown();
    all.extend(fields([
        ("provider", text()),
        ("reference", about(nullable(text()), "The provider's own name for it; null: it lives here only.")),
        ("time_used_secs", amount()),
        ("data_used_mb", amount()),
        ("expires_at", nullable(time())),
        ("plan", nullable(text())),
        ("principal", nullable(text())),
        ("properties", json!({ "type": "object", "additionalProperties": text() })),
        ("roles", roles()),
    ]));
    whole(all)
}

fn operations() -> Vec<Operation> {
    const ONE: &str = "/api/v1/devices/{dev}";
    vec![
        Operation::get("/api/v1/devices", "listDevices", "Devices, the newest first")
            .needs::<View>()
            .query("filter", filter(), "Only those whose session, running or next, is selected")
            .search(&DeviceKey::ALL.map(|(_, name)| name))
            .pages()
            .answers(200, "A page of them.", page_of("Device")),
        Operation::post("/api/v1/devices", "registerDevice", "Makes a device known before it is ever seen")
            .needs::<Modify>()
            .if_match()
            .body(reference("NewDevice"))
            .answers_with(201, "The device.", reference("Device"), &["ETag", "Location"])
            .refuses(404, "There is no such zone.")
            .refuses(409, "A device with this MAC is known already."),
        Operation::get(ONE, "getDevice", "One device").needs::<View>().device().answers_tagged(
            200,
            "The device.",
            reference("Device"),
        ),
        Operation::patch(ONE, "changeDevice", "Renames, moves, blocks or unblocks a device")
            .needs::<Modify>()
            .device()
            .if_match()
            .optional_body(reference("DeviceChange"))
            .answers_tagged(200, "The device as it is now.", reference("Device")),
        Operation::delete(ONE, "deleteDevice", "Forgets a device with its sessions")
            .needs::<Modify>()
            .device()
            .if_match()
            .answers_nothing("It is forgotten."),
        Operation::post("/api/v1/devices/{dev}/connect", "connectDevice", "Lets a device through")
            .about("On its running or next usable session.")
            .needs::<Modify>()
            .device()
            .if_match()
            .optional_body(reference("Notify"))
            .answers_tagged(200, "The session it runs on.", reference("Session"))
            .refuses(409, "It has no session that it could use, or was seen in no zone yet."),
        Operation::post(
            "/api/v1/devices/{dev}/disconnect",
            "disconnectDevice",
            "Cuts a device off and pauses its session",
        )
        .needs::<Modify>()
        .device()
        .if_match()
        .optional_body(reference("Notify"))
        .answers_tagged(200, "The device.", reference("Device")),
        Operation::get("/api/v1/devices/{dev}/offers", "listOffers", "What the session providers have for a device")
            .about(
                "They are asked now, in the order of the device's zone. `total` is how many were seen up to the end of \
                 the page: all there are on the last one. A page has at most 100.",
            )
            .needs::<View>()
            .device()
            .pages()
            .answers(200, "A page of them.", page_of("Offer")),
        Operation::post("/api/v1/devices/{dev}/move", "moveDevice", "Moves what a device has left to another")
            .about(
                "The same guest under another MAC. The first is cut off at once, its recovery code and cookie are void; \
                 the other is let through if the first was. All or nothing, exact to the byte and the millisecond.",
            )
            .needs::<Modify>()
            .device()
            .if_match()
            .body(reference("MoveTo"))
            .answers_tagged(200, "The device that has it all now.", reference("Device"))
            .refuses(409, "Nothing is left, one of them is blocked, or both are the same."),
        Operation::get("/api/v1/devices/{dev}/recovery-code", "getRecoveryCode", "The code that a guest moves by")
            .about("What the device's page shows: entered on another device, it moves what is left there.")
            .needs::<Modify>()
            .device()
            .answers(200, "The code.", reference("RecoveryCode"))
            .refuses(409, "Nothing is left."),
        Operation::post("/api/v1/devices/{dev}/ping", "pingDevice", "Whether a device answers, and how fast")
            .needs::<View>()
            .device()
            .optional_body(object(&[], fields([])))
            .answers(200, "Whether it did.", reference("Ping")),
    ]
}
