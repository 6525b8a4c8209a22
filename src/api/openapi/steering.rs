//! What is changed of sessions beside their terms, one by one or by filter.

use serde_json::{Map, Value, json};

use super::Area;
use super::messages;
use super::operation::Operation;
use super::schema::{
    CONTROL, about, body, boolean, count, cut_text, fields, filter, line, new_roles, nullable, reference,
    text, whole,
};
use crate::api::auth::{Modify, View};
use crate::domain::{ClientSession, FixedKey, PropertyPatch, is_settable};

/// Properties to set, and to delete with `null`.
fn new_properties() -> Value {
    let settable: Vec<&str> =
        FixedKey::ALL.iter().filter(|key| is_settable(**key)).map(|key| key.as_str()).collect();
    let free = format!(" \"'(){CONTROL}");
    let longest = PropertyPatch::MAX_KEY_CHARS - 1;
    let key = format!("^[^${free}][^{free}]{{0,{longest}}}$");
    // Line breaks and tabs are text.
    let value = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$";
    let value = json!({ "type": "string", "pattern": value, "maxLength": PropertyPatch::MAX_VALUE_CHARS });
    let tag = |pattern: &str| nullable(json!({ "type": "string", "pattern": pattern }));
    let degrees = |most| about(nullable(text()), &format!("`NaN`, or degrees between -{most} and {most}."));
    json!({
        "type": "object",
        "description": "A flat map; `null` deletes. Keys with `$` are fixed; few of them can be set.",
        "maxProperties": PropertyPatch::MAX_COUNT,
        "propertyNames": { "anyOf": [{ "enum": settable }, { "type": "string", "pattern": key }] },
        "properties": {
            "$Country": tag("^([A-Za-z0-9-]{2})?$"),
            "$Language": tag("^[A-Za-z0-9-]{0,35}$"),
            "$Latitude": degrees(90),
            "$Longitude": degrees(180),
        },
        "additionalProperties": nullable(value),
    })
}

/// Roles to add and to take away, with other fields: at least one of them.
fn role_change(required: &[&str], others: Map<String, Value>) -> Value {
    let with = |needed: &'static str| {
        let mut some = new_roles();
        some["minItems"] = json!(1);
        let mut all = others.clone();
        all.insert("add".to_owned(), nullable(new_roles()));
        all.insert("remove".to_owned(), nullable(new_roles()));
        all.insert(needed.to_owned(), some);
        let required: Vec<&str> = required.iter().copied().chain([needed]).collect();
        body(&required, all)
    };
    json!({ "anyOf": [with("add"), with("remove")] })
}

/// Fields of every change of many.
fn of_many() -> [(&'static str, Value); 2] {
    [("filter", filter()), ("dry_run", about(nullable(boolean()), "Only counts them; nothing is changed."))]
}

fn many<const N: usize>(required: &[&str], others: [(&str, Value); N]) -> Value {
    let mut all = fields(of_many());
    all.extend(fields(others));
    let required: Vec<&str> = required.iter().copied().chain(["filter"]).collect();
    body(&required, all)
}

fn schemas() -> Vec<(&'static str, Value)> {
    let flat = json!({ "type": "object", "additionalProperties": nullable(text()) });
    let principal = about(
        nullable(line(0, ClientSession::MAX_PRINCIPAL_CHARS)),
        "An account; nothing or `null` is nobody.",
    );
    vec![
        ("Properties", flat),
        ("NewProperties", new_properties()),
        ("PreviousProperties", whole(fields([("previous", reference("Properties"))]))),
        ("RoleChange", role_change(&[], Map::new())),
        ("Principal", body(&[], fields([("principal", principal)]))),
        ("Matched", whole(fields([("matched", about(count(), "How many sessions the filter selected."))]))),
        ("CloseMany", many(&[], [("reason", nullable(cut_text("Why.")))])),
        ("PropertiesOfMany", many(&["properties"], [("properties", reference("NewProperties"))])),
        ("RolesOfMany", role_change(&["filter"], fields(of_many()))),
        ("MessageToMany", many(&["text"], messages::new())),
    ]
}

/// Changes all sessions that a filter selects.
fn bulk(path: &'static str, id: &'static str, summary: &'static str, body: &str) -> Operation {
    Operation::post(path, id, summary)
        .about("Of the sessions that are not over; all of them, or none.")
        .needs::<Modify>()
        .if_match()
        .body(reference(body))
        .answers(200, "How many they are.", reference("Matched"))
        .answer_may_be_lost()
}

pub(super) fn area() -> Area {
    const PROPERTIES: &str = "/api/v1/sessions/{id}/properties";
    let roles = Operation::post(
        "/api/v1/sessions/{id}/roles",
        "changeSessionRoles",
        "Adds roles and takes them away",
    );
    let principal = Operation::post(
        "/api/v1/sessions/{id}/principal",
        "setSessionPrincipal",
        "Says who is behind a session",
    );
    let keys = "Names between commas; `ALL_FIXED_PROPERTIES` and `ALL_USER_PROPERTIES` stand for many";
    let operations = vec![
        Operation::get(PROPERTIES, "getSessionProperties", "A session's properties")
            .needs::<View>()
            .session()
            .query("keys", text(), keys)
            .answers(
                200,
                "The flat map; what is asked for by name, or fixed, and not set is `null`.",
                reference("Properties"),
            ),
        Operation::patch(
            PROPERTIES,
            "changeSessionProperties",
            "Sets properties, and deletes them with `null`",
        )
        .needs::<Modify>()
        .session()
        .if_match()
        .optional_body(reference("NewProperties"))
        .answers(200, "Those that were named, as they were before.", reference("PreviousProperties"))
        .answer_may_be_lost()
        .refuses(409, "The session has ended."),
        roles
            .about("Acts at once on a running session.")
            .needs::<Modify>()
            .session()
            .if_match()
            .body(reference("RoleChange"))
            .answers_tagged(200, "The session as it is now.", reference("Session"))
            .refuses(409, "The session has ended."),
        principal
            .needs::<Modify>()
            .session()
            .if_match()
            .optional_body(reference("Principal"))
            .answers_tagged(200, "The session as it is now.", reference("Session"))
            .refuses(409, "The session has ended."),
        bulk("/api/v1/sessions:close", "closeSessions", "Closes sessions by filter", "CloseMany"),
        bulk(
            "/api/v1/sessions:properties",
            "changeSessionsProperties",
            "Sets properties by filter",
            "PropertiesOfMany",
        ),
        bulk(
            "/api/v1/sessions:roles",
            "changeSessionsRoles",
            "Adds roles and takes them away by filter",
            "RolesOfMany",
        ),
        bulk(
            "/api/v1/sessions:message",
            "messageSessions",
            "Leaves a message by filter, once for each device",
            "MessageToMany",
        ),
    ];
    Area {
        tag: "steering",
        about: "Properties, roles and principals of sessions; changes of many at once.",
        operations,
        schemas: schemas(),
    }
}
