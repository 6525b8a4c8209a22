use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{about, body, boolean, fields, list_of, nullable, page_of, reference, time, whole};
use super::tokens::permission;
use crate::api::auth::Administer;
use crate::domain::{Account, AccountName, Admin};

fn name() -> Value {
    json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9._@+-]+$",
        "maxLength": AccountName::MAX_CHARS,
        "description": "What is typed in to sign in; capitals are the same as small letters.",
    })
}

fn password() -> Value {
    json!({
        "type": "string",
        "minLength": Admin::MIN_PASSWORD_CHARS,
        "maxLength": Account::MAX_PASSWORD_CHARS,
        "description": "Kept as an Argon2id hash; never shown again.",
    })
}

fn permissions() -> Value {
    json!({ "type": "array", "minItems": 1, "maxItems": Admin::MAX_PERMISSIONS, "items": permission() })
}

fn shown() -> Map<String, Value> {
    fields([
        ("name", name()),
        ("permissions", list_of(permission())),
        ("disabled", boolean()),
        ("totp", about(boolean(), "Whether signing in takes a one-time code as well.")),
        ("created_at", nullable(time())),
        ("signed_in_at", about(nullable(time()), "When somebody last signed in as it.")),
    ])
}

fn of_one(operation: Operation) -> Operation {
    operation.part("name", json!({ "type": "string", "minLength": 1 }), "An admin account's name")
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/admins";
    const ONE: &str = "/api/v1/admins/{name}";
    const LAST: &str = "Nobody would be left who has the permission `admin` and is not disabled.";
    let new = body(
        &["name", "password", "permissions"],
        fields([("name", name()), ("password", password()), ("permissions", permissions())]),
    );
    let change = body(
        &[],
        fields([
            ("permissions", permissions()),
            ("disabled", boolean()),
            (
                "totp",
                json!({ "type": "boolean", "enum": [false], "description": "Only `false`: takes one-time codes away." }),
            ),
        ]),
    );
    let setup = whole(fields([("setup_code", json!({ "type": "string" }))]));
    let operations = vec![
        Operation::get(ALL, "listAdmins", "Admin accounts, by name").needs::<Administer>().pages().answers(
            200,
            "A page of them.",
            page_of("Admin"),
        ),
        Operation::post(ALL, "createAdmin", "Makes an admin account")
            .needs::<Administer>()
            .if_match()
            .body(reference("NewAdmin"))
            .answers_with(201, "The account.", reference("Admin"), &["Location"])
            .refuses(409, "There is an admin account of this name, or the first one would lack `admin`."),
        of_one(Operation::get(ONE, "getAdmin", "One admin account")).needs::<Administer>().answers(
            200,
            "The account.",
            reference("Admin"),
        ),
        of_one(Operation::patch(ONE, "changeAdmin", "Changes an admin account"))
            .about("Disabling it ends what is signed in as it; permissions hold from the next request.")
            .needs::<Administer>()
            .if_match()
            .optional_body(reference("AdminChange"))
            .answers(200, "The account as it is now.", reference("Admin"))
            .refuses(409, LAST),
        of_one(Operation::delete(ONE, "deleteAdmin", "Deletes an admin account"))
            .needs::<Administer>()
            .if_match()
            .answers_nothing("It is gone.")
            .refuses(409, LAST),
        of_one(Operation::post(
            "/api/v1/admins/{name}/password",
            "setAdminPassword",
            "Gives an admin account a new password, and signs it out everywhere",
        ))
        .needs::<Administer>()
        .if_match()
        .body(body(&["password"], fields([("password", password())])))
        .answers(200, "The account.", reference("Admin")),
        Operation::get("/api/v1/setup_code", "getSetupCode", "What the first admin account is made with")
            .about("For root on the control socket only: no token is enough.")
            .needs::<Administer>()
            .answers(200, "The code.", setup)
            .refuses(409, "There is an admin account already."),
    ];
    Area {
        tag: "admins",
        about: "Who signs in to the admin pages.",
        operations,
        schemas: vec![("Admin", whole(shown())), ("NewAdmin", new), ("AdminChange", change)],
    }
}
