use serde_json::Value;

use super::{fit, terminal};

/// A field as people read it: nothing for what is not set, lists with commas.
pub(super) fn plain(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| plain(Some(item))).collect::<Vec<_>>().join(","),
        Some(Value::Number(number)) => match number.as_f64() {
            // Not 3.0 for 3.
            Some(float) if float.fract() == 0.0 => format!("{float:.0}"),
            _ => number.to_string(),
        },
        Some(Value::Object(fields)) => {
            let pair = |(name, value): (&String, &Value)| format!("{name}={}", plain(Some(value)));
            fields.iter().map(pair).collect::<Vec<_>>().join(" ")
        }
        Some(Value::Bool(flag)) => flag.to_string(),
    };
    // Names come from guests: no control character of theirs reaches the terminal.
    let text: String =
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

/// The items of a page as a table of these fields, with the number of those that the page leaves out.
pub(super) fn list(answer: &Value, columns: &[(&str, &str)]) -> String {
    let none = Vec::new();
    let items = answer.get("items").and_then(Value::as_array).unwrap_or(&none);
    let mut rows = vec![columns.iter().map(|(head, _)| (*head).to_owned()).collect::<Vec<_>>()];
    rows.extend(items.iter().map(|item| columns.iter().map(|(_, field)| plain(item.get(*field))).collect()));
    let mut text = match terminal::width() {
        Some(width) => fit::fitted(&rows, width),
        None => aligned(&rows),
    };
    let total = answer.get("total").and_then(Value::as_u64).unwrap_or(0);
    let shown = items.len() as u64;
    if total > shown {
        text.push_str(&format!("{shown} of {total}; see --page and --per-page\n"));
    }
    text
}

/// One thing, a field a line; what is not set is left out.
pub(super) fn one(answer: &Value) -> String {
    let Some(fields) = answer.as_object() else { return format!("{}\n", plain(Some(answer))) };
    let rows: Vec<Vec<String>> = fields
        .iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| vec![name.clone(), plain(Some(value))])
        .collect();
    aligned(&rows)
}

/// How many sessions a filter selected.
pub(super) fn matched(answer: &Value) -> String {
    format!("{} matched\n", plain(answer.get("matched")))
}

/// Nothing to show: it is done.
pub(super) fn done(_answer: &Value) -> String {
    "done\n".to_owned()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    fit::lines(rows, &fit::widths(rows))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_aligned_and_says_what_it_leaves_out() {
        let answer = json!({
            "items": [{"mac": "02:00", "alias": "Ana\u{1b}[2J"}, {"mac": "02", "alias": null}],
            "total": 5,
        });
        let text = list(&answer, &[("MAC", "mac"), ("ALIAS", "alias")]);
        assert_eq!(text, "MAC    ALIAS\n02:00  Ana [2J\n02     -\n2 of 5; see --page and --per-page\n");
    }

    #[test]
    fn one_thing_leaves_out_what_is_not_set() {
        let text = one(&json!({"id": "a", "time_secs": 60.0, "alias": null, "roles": [], "down_mbps": 5.5}));
        assert_eq!(text, "down_mbps  5.5\nid         a\ntime_secs  60\n");
    }
}
