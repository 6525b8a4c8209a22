use serde_json::{Map, Value, json};

use super::schema::reference;

/// Every refusal there is: its status, its name in `#/components/responses`, and when it comes.
const PROBLEMS: [(u16, &str, &str); 14] = [
    (400, "Malformed", "The request cannot be read: not JSON, or a header that is not what it should be."),
    (401, "Unauthorized", "No token, or none that is known."),
    (403, "Forbidden", "The token lacks a permission, which is named; or the device is blocked."),
    (404, "NotFound", "What the path or the body names is not known."),
    (409, "Conflict", "The state of things does not allow it; or the request is under way already."),
    (410, "Gone", "This request was carried out, but what it made or changed is no longer there."),
    (412, "Changed", "It was changed since the `ETag` of `If-Match` was given."),
    (413, "TooLarge", "The body is larger than 64 KiB."),
    (414, "AddressTooLong", "The address is longer than 64 KiB. There is no body."),
    (422, "Invalid", "A field, parameter or value that cannot be; or a key that belongs to another request."),
    (429, "TooMany", "Too many at once, or too many wrong codes."),
    (431, "HeadTooLarge", "Address and headers are longer than 32 KiB. There is no body."),
    (500, "Internal", "Something failed inside; the log says what."),
    (
        503,
        "Unavailable",
        "Nothing was changed: it took too long, there is no room, nothing can be stored, or turnpike is stopping.",
    ),
];

/// The refusals, as `#/components/responses`.
pub(super) fn problems() -> Map<String, Value> {
    PROBLEMS
        .iter()
        .map(|(status, name, text)| {
            let mut headers = Map::new();
            match status {
                401 => drop(headers.insert("WWW-Authenticate".to_owned(), header_ref("WWW-Authenticate"))),
                429 | 503 => drop(headers.insert("Retry-After".to_owned(), header_ref("Retry-After"))),
                _ => {}
            }
            let mut response = json!({ "description": text, "headers": headers });
            // What is too long to be read is refused before anybody looks at it.
            if !matches!(status, 414 | 431) {
                response["content"] =
                    json!({ "application/problem+json": { "schema": reference("Problem") } });
            }
            ((*name).to_owned(), response)
        })
        .collect()
}

/// The refusal of that status.
pub(super) fn problem_ref(status: u16) -> Value {
    let found = PROBLEMS.iter().find(|(known, _, _)| *known == status);
    let name = found.map_or("Internal", |(_, name, _)| name);
    json!({ "$ref": format!("#/components/responses/{name}") })
}

/// The headers, as `#/components/headers`.
pub(super) fn headers() -> Value {
    json!({
        "ETag": {
            "description": "Stands for what was decided about it (terms, state, names, block, zone, roles), not for usage. \
                            Send it back as `If-Match`.",
            "required": true,
            "schema": { "type": "string", "pattern": "^\"[0-9a-f]{32}\"$" },
        },
        "Location": {
            "description": "Where it is from now on.",
            "required": true,
            "schema": { "type": "string", "format": "uri-reference" },
        },
        "Idempotent-Replayed": {
            "description": "The request was carried out before; this is its answer.",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "WWW-Authenticate": { "required": true, "schema": { "type": "string", "enum": ["Bearer"] } },
        "Retry-After": {
            "description": "Seconds until it can be tried again.",
            "schema": { "type": "integer", "minimum": 0 },
        },
    })
}

/// The header of that name.
pub(super) fn header_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// RFC 9457, as [`crate::http::Problem`] writes it.
pub(super) fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": false,
        "properties": {
            "type": { "type": "string", "pattern": "^/problems/[a-z-]+$", "description": "Stable, for programs." },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "For people: what happened, what to do." },
            "field": { "type": "string", "description": "The field or parameter that cannot be." },
            "permission": { "type": "string", "description": "The permission that the token lacks." },
            "column": { "type": "integer", "minimum": 1, "description": "Where a filter goes wrong, in characters." },
            "pointed": { "type": "string", "description": "The filter, with a caret under that column on a second line." },
        },
    })
}
