use serde_json::{Map, Value, json};

use crate::domain::{Filter, Once, Text};

/// A shape of `#/components/schemas`.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An object with these fields, all of them there, and no others.
pub(super) fn whole(properties: Map<String, Value>) -> Value {
    let names: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": names, "additionalProperties": false, "properties": properties })
}

/// An object that may have these fields, has those that are required, and no others.
pub(super) fn object(required: &[&str], properties: Map<String, Value>) -> Value {
    let mut object = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// The body of a request: what is not required may be `null`, which is absence unless it says otherwise.
pub(super) fn body(required: &[&str], properties: Map<String, Value>) -> Value {
    let absent = |(name, schema): (String, Value)| {
        let schema = if required.contains(&name.as_str()) { schema } else { nullable(schema) };
        (name, schema)
    };
    object(required, properties.into_iter().map(absent).collect())
}

/// Fields, each with its schema.
pub(super) fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The same, with words about it.
pub(super) fn about(mut schema: Value, text: &str) -> Value {
    schema["description"] = json!(text);
    schema
}

/// The same, or `null`.
pub(super) fn nullable(schema: Value) -> Value {
    if takes_null(&schema) {
        return schema;
    }
    let is_plain = schema.get("type").is_some_and(Value::is_string) && schema.get("enum").is_none();
    if !is_plain {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    let mut schema = schema;
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

/// Whether `null` is one of its values already, as far as that can be seen from here.
fn takes_null(schema: &Value) -> bool {
    let is_null = |value: &Value| value == "null";
    let kind = &schema["type"];
    is_null(kind)
        || kind.as_array().is_some_and(|kinds| kinds.iter().any(is_null))
        || schema["enum"].as_array().is_some_and(|values| values.contains(&Value::Null))
        || schema["anyOf"].as_array().is_some_and(|schemas| schemas.iter().any(takes_null))
}

/// Any text.
pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

/// Yes or no.
pub(super) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A whole number, both ends included.
pub(super) fn integer(least: u64, most: u64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// A whole number that is not negative.
pub(super) fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// A number that is not negative.
pub(super) fn amount() -> Value {
    json!({ "type": "number", "minimum": 0 })
}

/// One of these texts.
pub(super) fn one_of(names: &[&str]) -> Value {
    json!({ "type": "string", "enum": names })
}

/// RFC 3339.
pub(super) fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// An id of a device or session.
pub(super) fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// A list.
pub(super) fn list_of(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// A page of a list.
pub(super) fn page_of(name: &str) -> Value {
    whole(fields([
        ("items", list_of(reference(name))),
        ("page", json!({ "type": "integer", "minimum": 1 })),
        ("per_page", json!({ "type": "integer", "minimum": 1 })),
        ("total", about(count(), "Items of all pages.")),
    ]))
}

/// Text without control characters, of so many characters.
pub(super) fn line(least: usize, most: usize) -> Value {
    let pattern = format!("^[^{CONTROL}]{{{least},{most}}}$");
    json!({ "type": "string", "pattern": pattern, "minLength": least, "maxLength": most })
}

/// Control characters, within the brackets of a pattern.
pub(super) const CONTROL: &str = "\\u0000-\\u001f\\u007f-\\u009f";

/// Names of roles as they are shown.
pub(super) fn roles() -> Value {
    list_of(line(1, crate::domain::roles::MAX_CHARS))
}

/// Names of roles as they are taken.
pub(super) fn new_roles() -> Value {
    let mut roles = roles();
    roles["maxItems"] = json!(crate::domain::roles::MAX_NAMES);
    roles
}

/// Text that is cut where it is too long.
pub(super) fn cut_text(text: &str) -> Value {
    about(self::text(), &format!("{text} The first {} characters count.", Text::MAX_CHARS))
}

/// A filter expression.
pub(super) fn filter() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": Filter::MAX_BYTES,
        "description": "Which sessions: see `docs/api.md`.",
        "examples": ["all", "$Zone is \"guests\" and $DataLeft lt \"10\"", "not hasRoles [\"staff\"]"],
    })
}

/// A key of a request: visible characters, bare or between quotes.
pub(super) fn idempotency_key() -> Value {
    let most = Once::MAX_KEY_CHARS;
    let (bare, opened) =
        (format!("[!#-~][!-~]{{0,{}}}", most - 1), format!("\"[!-~]{{0,{}}}[!#-~]", most - 2));
    let pattern = format!("^({bare}|{opened}|\"|\"[!-~]{{1,{most}}}\")$");
    json!({ "type": "string", "pattern": pattern })
}
