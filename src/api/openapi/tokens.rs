use serde_json::{Map, Value, json};

use super::Area;
use super::locks::path_pattern;
use super::operation::Operation;
use super::schema::{body, fields, list_of, nullable, page_of, reference, text, time, whole};
use crate::api::auth::Administer;
use crate::domain::LockName;
use crate::store::Token;

/// What names a permission.
pub(super) fn permission() -> Value {
    let names = "view_session|modify_session|register_handler|manage_vouchers|admin";
    let pattern = format!("^({names}|acquire_lock:({})?)$", path_pattern());
    json!({ "type": "string", "pattern": pattern, "maxLength": "acquire_lock:".len() + LockName::MAX_CHARS })
}

fn shown() -> Map<String, Value> {
    fields([
        ("id", json!({ "type": "integer" })),
        ("name", text()),
        ("permissions", list_of(permission())),
        ("created_at", nullable(time())),
        ("revoked_at", nullable(time())),
    ])
}

fn made() -> Value {
    let mut all = shown();
    all.insert("token".to_owned(), json!({ "type": "string", "description": "Shown only here." }));
    whole(all)
}

/// About one token.
fn of_one(operation: Operation) -> Operation {
    operation.part("id", json!({ "type": "string", "minLength": 1 }), "A token's id")
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/tokens";
    const ONE: &str = "/api/v1/tokens/{id}";
    let new = body(
        &["name", "permissions"],
        fields([
            (
                "name",
                json!({ "type": "string", "pattern": "\\S", "description": "The first 500 characters count." }),
            ),
            (
                "permissions",
                json!({
                    "type": "array",
                    "minItems": 1,
                    "maxItems": Token::MAX_PERMISSIONS,
                    "items": permission(),
                }),
            ),
        ]),
    );
    let operations = vec![
        Operation::get(ALL, "listTokens", "Tokens, revoked ones too").needs::<Administer>().pages().answers(
            200,
            "A page of them.",
            page_of("Token"),
        ),
        Operation::post(ALL, "createToken", "Makes a token")
            .about("The answer is the only one that holds the token itself.")
            .needs::<Administer>()
            .if_match()
            .body(reference("NewToken"))
            .answers(201, "The token.", reference("MadeToken"))
            .refuses(409, "This request was carried out before: the token is shown once."),
        of_one(Operation::get(ONE, "getToken", "One token")).needs::<Administer>().answers(
            200,
            "The token.",
            reference("Token"),
        ),
        of_one(Operation::delete(ONE, "revokeToken", "Has a token no longer accepted"))
            .needs::<Administer>()
            .if_match()
            .answers(200, "The token, revoked.", reference("Token")),
    ];
    Area {
        tag: "tokens",
        about: "Who may do what over the API.",
        operations,
        schemas: vec![("Token", whole(shown())), ("MadeToken", made()), ("NewToken", new)],
    }
}
