//! What an expression of nft does with the bits of a mark.

use serde_json::Value;

/// Which mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The connection's.
    Connection,
    /// The packet's.
    Packet,
}

const ALL: u32 = u32::MAX;

/// Which mark an expression is, and nothing else.
pub fn mark_of(expression: &Value) -> Option<Mark> {
    let is_mark = |kind: &str| expression.get(kind)?.get("key")?.as_str().filter(|key| *key == "mark");
    if is_mark("ct").is_some() { Some(Mark::Connection) } else { is_mark("meta").map(|_| Mark::Packet) }
}

/// Whether a mark occurs anywhere in an expression.
pub fn names(expression: &Value, mark: Mark) -> bool {
    mark_of(expression) == Some(mark)
        || match expression {
            Value::Array(items) => items.iter().any(|item| names(item, mark)),
            Value::Object(fields) => fields.values().any(|field| names(field, mark)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

/// A statement that sets a mark: which, and the value.
pub fn set_by(statement: &Value) -> Option<(Mark, &Value)> {
    let mangle = statement.get("mangle")?;
    Some((mark_of(mangle.get("key")?)?, mangle.get("value")?))
}

/// The bits of a mark that keep what they were when it is set to this value.
pub fn kept_bits(value: &Value, mark: Mark) -> u32 {
    if mark_of(value) == Some(mark) {
        return ALL;
    }
    let Some((operator, operands)) = operation(value) else { return 0 };
    let mut kept = None;
    let mut numbers = Vec::new();
    for operand in operands {
        match number(operand) {
            Some(number) => numbers.push(number),
            // Of two expressions that are no numbers nothing is known.
            None if kept.is_some() => return 0,
            None => kept = Some(kept_bits(operand, mark)),
        }
    }
    numbers.into_iter().fold(kept.unwrap_or(0), |kept, number| match operator {
        "&" => kept & number,
        "|" | "^" => kept & !number,
        _ => 0,
    })
}

/// The bits of a mark that a match or a map looks at; 0 if it looks at none.
pub fn bits_read(statement: &Value, mark: Mark) -> u32 {
    let left = ["match", "vmap"].iter().find_map(|kind| {
        let inside = statement.get(kind)?;
        inside.get("left").or_else(|| inside.get("key"))
    });
    left.map_or(0, |left| bits_of(left, mark))
}

fn bits_of(expression: &Value, mark: Mark) -> u32 {
    if mark_of(expression) == Some(mark) {
        return ALL;
    }
    match operation(expression) {
        Some(("&", operands)) if operands.iter().any(|operand| names(operand, mark)) => {
            operands.iter().filter_map(number).fold(ALL, |bits, number| bits & number)
        }
        _ if names(expression, mark) => ALL,
        _ => 0,
    }
}

fn operation(expression: &Value) -> Option<(&str, &[Value])> {
    let (operator, operands) = expression.as_object()?.iter().next()?;
    Some((operator, operands.as_array()?.as_slice()))
}

fn number(expression: &Value) -> Option<u32> {
    expression.as_u64().and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bits_that_stay_as_they_were_are_told() {
        let mark = json!({"ct": {"key": "mark"}});
        for (value, kept) in [
            (mark.clone(), ALL),
            (json!(7), 0),
            (json!({"meta": {"key": "mark"}}), 0),
            (json!({"|": [{"&": [mark, 0xffff_00ff_u32]}, 0x100]}), 0xffff_00ff),
            (json!({"|": [mark, 0x100]}), 0xffff_feff),
            (json!({"|": [0x100, mark]}), 0xffff_feff),
            (json!({"^": [mark, 1]}), 0xffff_fffe),
            (json!({"|": [mark, 1, 2]}), 0xffff_fffc),
            (json!({"<<": [mark, 4]}), 0),
            (json!({"|": [mark, {"meta": {"key": "mark"}}]}), 0),
            (json!({"&": [mark, "odd"]}), 0),
            (json!({"map": {"key": mark, "data": "@m"}}), 0),
        ] {
            assert_eq!(kept_bits(&value, Mark::Connection), kept, "{value}");
        }
    }

    #[test]
    fn bits_that_are_looked_at_are_told() {
        let of = |left: Value| json!({"match": {"op": "==", "left": left, "right": 1}});
        let mark = json!({"ct": {"key": "mark"}});
        assert_eq!(bits_read(&of(mark.clone()), Mark::Connection), ALL);
        assert_eq!(bits_read(&of(json!({"&": [mark, 0xff]})), Mark::Connection), 0xff);
        assert_eq!(bits_read(&of(json!({"&": [mark, 0xff]})), Mark::Packet), 0);
        let map = json!({"vmap": {"key": {"&": [mark, 15]}, "data": {"set": []}}});
        assert_eq!(bits_read(&map, Mark::Connection), 15);
        assert_eq!(bits_read(&json!({"accept": null}), Mark::Connection), 0);
    }
}
