//! Holds messages against `docs/plugin-protocol.schema.json`, with the part of JSON Schema (draft 2020-12) that it uses.

use std::sync::LazyLock;

use serde_json::{Value, json};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../docs/plugin-protocol.schema.json"))
        .expect("the schema is JSON")
});

/// A message of the daemon; for an answer with the method that it answers.
pub fn from_daemon(message: &Value, answers: Option<&str>) {
    fits(message, &SCHEMA);
    match message.get("method").and_then(Value::as_str) {
        Some(method) => fits(message, definition(&format!("daemon:{method}"))),
        None => {
            fits(message, definition("answer"));
            if let (Some(method), Some(result)) = (answers, message.get("result")) {
                fits(result, definition(&format!("plugin:{method}:result")));
            }
        }
    }
}

/// What a plugin asks for and is not refused.
pub fn to_daemon(method: &str, params: &Value) {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    fits(&message, definition(&format!("plugin:{method}")));
    fits(&message, &SCHEMA);
}

/// What a plugin answers and is not blamed for.
pub fn answer_to_daemon(method: &str, result: &Value) {
    fits(result, definition(&format!("daemon:{method}:result")));
}

fn definition(name: &str) -> &'static Value {
    SCHEMA["$defs"].get(name).unwrap_or_else(|| panic!("the schema has no {name}"))
}

fn fits(value: &Value, schema: &Value) {
    if let Err(problem) = check(value, schema) {
        panic!("{problem}\nin {value}");
    }
}

/// Why a value does not fit.
pub fn check(value: &Value, schema: &Value) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Err("a schema is an object".to_owned()) };
    for (keyword, wanted) in schema {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => {
                let name = wanted.as_str().and_then(|name| name.strip_prefix("#/$defs/")).unwrap_or_default();
                check(value, definition(name)).map_err(|problem| format!("{name}: {problem}"))?;
                true
            }
            "anyOf" => {
                let ways = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
                ways.iter().any(|way| check(value, way).is_ok())
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is_of(value, one)),
                one => is_of(value, one),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap_or(0.0)),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap_or(0.0)),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= size(wanted)),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= size(wanted)),
            "minItems" => value.as_array().is_none_or(|items| items.len() >= size(wanted)),
            "maxItems" => value.as_array().is_none_or(|items| items.len() <= size(wanted)),
            "items" => {
                for item in value.as_array().map(Vec::as_slice).unwrap_or_default() {
                    check(item, wanted)?;
                }
                true
            }
            "required" => {
                let names = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
                names.iter().filter_map(Value::as_str).all(|name| value.get(name).is_some())
            }
            "properties" => {
                for (name, schema) in wanted.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(name) {
                        check(value, schema).map_err(|problem| format!("{name}: {problem}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if wanted == &Value::Bool(false) {
                        return Err(format!("{name} has no place here"));
                    }
                    check(value, wanted).map_err(|problem| format!("{name}: {problem}"))?;
                }
                true
            }
            other => return Err(format!("the tests do not know the keyword {other}")),
        };
        if !fits {
            return Err(format!("{keyword} {wanted} does not hold of {value}"));
        }
    }
    Ok(())
}

fn size(wanted: &Value) -> usize {
    wanted.as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(0)
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

#[test]
fn the_schema_is_used_as_it_is_meant() {
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "hello", "params": { "protocol": 1 } });
    assert_eq!(check(&hello, &SCHEMA), Ok(()));
    for wrong in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "hello", "params": { "protocol": 2 } }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "hello" }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "no.such" }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "log", "params": { "text": "a", "color": "red" } }),
        json!({ "jsonrpc": "2.0", "id": 1 }),
    ] {
        assert!(check(&wrong, &SCHEMA).is_err(), "{wrong}");
    }
    // Every definition is one that the checker can read.
    for (name, schema) in SCHEMA["$defs"].as_object().unwrap() {
        if let Err(problem) = check(&json!({}), schema) {
            assert!(!problem.contains("do not know"), "{name}: {problem}");
        }
    }
}
