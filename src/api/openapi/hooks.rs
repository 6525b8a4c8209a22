use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, amount, body, boolean, count, fields, filter, list_of, nullable, one_of, page_of, reference, text,
    time, uuid, whole,
};
use crate::api::auth::Administer;
use crate::domain::{Hook, HookSecret, Select, SessionEventKind, WebUrl};

const ABOUT: &str =
    "POST requests about what happens to sessions, signed, at least once and in order: see `docs/hooks.md`.";

fn kinds() -> Value {
    let mut kinds = list_of(one_of(&SessionEventKind::ALL.map(|(_, name)| name)));
    kinds["minItems"] = json!(1);
    kinds
}

fn shown() -> Map<String, Value> {
    fields([
        ("id", uuid()),
        ("name", text()),
        ("url", text()),
        ("filter", nullable(text())),
        ("kinds", kinds()),
        ("properties", list_of(text())),
        ("enabled", boolean()),
        ("created_at", nullable(time())),
        ("waiting", count()),
        ("delivered", count()),
        ("delivered_at", nullable(time())),
        ("dropped", count()),
        ("failures", count()),
        ("failed_at", nullable(time())),
        ("last_error", nullable(text())),
    ])
}

fn made() -> Value {
    let mut all = shown();
    all.insert("secret".to_owned(), json!({ "type": "string", "description": "Shown only here." }));
    whole(all)
}

/// What can be said of a hook.
fn said() -> Map<String, Value> {
    let names = "Names; `ALL_FIXED_PROPERTIES` and `ALL_USER_PROPERTIES` stand for many.";
    let name = json!({ "type": "string", "pattern": "^[^,]*$" });
    fields([
        (
            "name",
            json!({ "type": "string", "pattern": "\\S", "minLength": 1, "maxLength": Hook::MAX_NAME_CHARS }),
        ),
        (
            "url",
            json!({
                "type": "string",
                "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^@#\\s]+$",
                "maxLength": WebUrl::MAX_BYTES,
                "examples": ["https://till.example.com/turnpike"],
            }),
        ),
        (
            "secret",
            json!({
                "type": "string",
                "pattern": "^[!-~]*$",
                "minLength": HookSecret::MIN_CHARS,
                "maxLength": HookSecret::MAX_CHARS,
            }),
        ),
        ("filter", about(filter(), "`null` is all sessions.")),
        ("kinds", kinds()),
        (
            "properties",
            json!({ "type": "array", "items": name, "maxItems": Select::MAX_NAMES, "description": names }),
        ),
        ("enabled", boolean()),
    ])
}

fn tried() -> Value {
    whole(fields([
        ("delivered", boolean()),
        ("status", nullable(json!({ "type": "integer", "minimum": 100, "maximum": 999 }))),
        ("answer", nullable(text())),
        ("error", nullable(text())),
        ("duration_ms", amount()),
    ]))
}

/// About one hook.
fn of_one(operation: Operation) -> Operation {
    operation.part("id", json!({ "type": "string", "minLength": 1 }), "A hook's id").needs::<Administer>()
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/hooks";
    const ONE: &str = "/api/v1/hooks/{id}";
    let taken = "Another hook has this name, or there are too many.";
    let operations = vec![
        Operation::get(ALL, "listHooks", "Webhooks, by name")
            .needs::<Administer>()
            .pages()
            .answers(200, "A page of them.", page_of("Hook")),
        Operation::post(ALL, "createHook", "Makes a webhook")
            .about("It is told what happens from now on. The answer is the only one that holds its secret, which is made unless given.")
            .needs::<Administer>()
            .if_match()
            .body(reference("NewHook"))
            .answers_with(201, "The hook.", reference("MadeHook"), &["Location"])
            .refuses(409, taken),
        of_one(Operation::get(ONE, "getHook", "One webhook")).answers(200, "The hook.", reference("Hook")),
        of_one(Operation::patch(ONE, "changeHook", "Changes a webhook"))
            .about("What waits for it is sent as it was queued, to the address that it has now.")
            .if_match()
            .optional_body(reference("ChangedHook"))
            .answers(200, "The hook.", reference("Hook"))
            .answer_may_be_lost()
            .refuses(409, taken),
        of_one(Operation::delete(ONE, "deleteHook", "Deletes a webhook with all that waits for it"))
            .if_match()
            .answers_nothing("It is gone."),
        of_one(Operation::post_anew("/api/v1/hooks/{id}/test", "testHook", "Sends a ping and says what came back"))
            .answers(200, "What came back.", reference("HookTest")),
    ];
    Area {
        tag: "hooks",
        about: ABOUT,
        operations,
        schemas: vec![
            ("Hook", whole(shown())),
            ("MadeHook", made()),
            ("NewHook", body(&["name", "url"], said())),
            ("ChangedHook", body(&[], said())),
            ("HookTest", tried()),
        ],
    }
}
