//! JSON-RPC 2.0, one object a line. No batches.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::domain::{Refusal, TermsError};

/// An error as a plugin is told it, or tells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

pub(super) const PARSE: i64 = -32700;
pub(super) const INVALID: i64 = -32600;
pub(super) const UNKNOWN_METHOD: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const INTERNAL: i64 = -32603;
pub(super) const HELLO_FIRST: i64 = -32001;
pub(super) const NOT_PERMITTED: i64 = -32002;
pub(super) const REFUSED: i64 = -32003;
pub(super) const NOT_YOURS: i64 = -32004;
pub(super) const BUSY: i64 = -32005;
pub(super) const STOPPING: i64 = -32006;

impl Fault {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// A parameter that cannot be.
    pub(super) fn invalid(field: &str, problem: impl std::fmt::Display) -> Self {
        let data = Some(json!({ "field": field }));
        Self { code: INVALID_PARAMS, message: format!("{field}: {problem}"), data }
    }

    pub(super) fn not_permitted(permission: &str) -> Self {
        let message = format!("this needs the permission {permission}");
        Self { code: NOT_PERMITTED, message, data: Some(json!({ "permission": permission })) }
    }

    /// Something went wrong inside: the log says what, the plugin is not told.
    pub(super) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a plugin's request failed");
        Self::new(INTERNAL, "something failed inside; the log of turnpike says what")
    }

    fn shape(&self) -> Value {
        let mut shape = json!({ "code": self.code, "message": self.message });
        if let (Some(data), Some(shape)) = (&self.data, shape.as_object_mut()) {
            shape.insert("data".to_owned(), data.clone());
        }
        shape
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        if matches!(refusal, Refusal::Store(_) | Refusal::Disk(_) | Refusal::Kernel(_)) {
            return Self::internal(&message);
        }
        if refusal == Refusal::Stopping {
            return Self::new(STOPPING, message);
        }
        let field = if let Refusal::Terms(error) = &refusal {
            Some(error.field)
        } else if let Refusal::Property(error) = &refusal {
            Some(error.key.as_str())
        } else if let Refusal::BelowUsed { field, .. } | Refusal::NotOfThisKind { field, .. } = &refusal {
            Some(*field)
        } else {
            None
        };
        let data = Some(json!({ "refusal": refusal.as_str(), "field": field }));
        Self { code: REFUSED, message, data }
    }
}

impl From<TermsError> for Fault {
    fn from(error: TermsError) -> Self {
        Self::invalid(error.field, error.problem)
    }
}

/// What a plugin sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// It asks for something; without an id it wants no answer.
    Request {
        /// What its answer is to bear.
        id: Option<Value>,
        method: String,
        params: Value,
    },
    /// It answers what it was asked.
    Answer {
        /// Which question; `None` if it could not be read.
        id: Option<u64>,
        answer: Result<Value, Fault>,
    },
}

/// What cannot be read, with the id that it bears if that can be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unreadable {
    pub(super) id: Value,
    pub(super) fault: Fault,
}

/// Longest method and id, in bytes: they are shown in messages.
const MAX_NAME_BYTES: usize = 128;

/// Reads a line.
pub(super) fn read(line: &[u8]) -> Result<Message, Unreadable> {
    let value: Value = serde_json::from_slice(line).map_err(|error| Unreadable {
        id: Value::Null,
        fault: Fault::new(PARSE, format!("this is no JSON: {error}")),
    })?;
    let Value::Object(mut fields) = value else {
        let text = "a message is one JSON object on a line; there are no batches";
        return Err(Unreadable { id: Value::Null, fault: Fault::new(INVALID, text) });
    };
    let id = fields.remove("id");
    let shown = id.clone().filter(is_id).unwrap_or(Value::Null);
    read_fields(fields, id).map_err(|fault| Unreadable { id: shown, fault })
}

fn is_id(id: &Value) -> bool {
    match id {
        Value::Number(_) => true,
        Value::String(text) => text.len() <= MAX_NAME_BYTES,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn read_fields(mut fields: Map<String, Value>, id: Option<Value>) -> Result<Message, Fault> {
    let invalid = |text: &str| Err(Fault::new(INVALID, text));
    if fields.remove("jsonrpc").as_ref().and_then(Value::as_str) != Some("2.0") {
        return invalid("jsonrpc must be \"2.0\"");
    }
    let message = match fields.remove("method") {
        Some(Value::String(method)) => {
            if id.as_ref().is_some_and(|id| !is_id(id)) {
                return invalid("id must be a number or a text of at most 128 bytes");
            }
            if method.len() > MAX_NAME_BYTES {
                return invalid("method has more than 128 bytes");
            }
            let params = match fields.remove("params") {
                None | Some(Value::Null) => Value::Object(Map::new()),
                Some(Value::Object(params)) => Value::Object(params),
                Some(_) => return invalid("params must be an object"),
            };
            Message::Request { id, method, params }
        }
        Some(_) => return invalid("method must be a text"),
        None => {
            let answer = match (fields.remove("result"), fields.remove("error")) {
                (Some(result), None) => Ok(result),
                (None, Some(error)) => Err(read_fault(&error)),
                (Some(_), Some(Value::Null)) | (Some(Value::Null), Some(_)) | (None, None) => {
                    return invalid("a message has a method, a result or an error, one of them");
                }
                (Some(_), Some(_)) => return invalid("an answer has a result or an error, not both"),
            };
            Message::Answer { id: id.as_ref().and_then(Value::as_u64), answer }
        }
    };
    match fields.keys().next() {
        None => Ok(message),
        Some(key) => {
            invalid(&format!("there is no field {:?} here", key.chars().take(40).collect::<String>()))
        }
    }
}

fn read_fault(error: &Value) -> Fault {
    let text = error.get("message").and_then(Value::as_str).unwrap_or("an error without a message");
    let code = error.get("code").and_then(Value::as_i64).unwrap_or(INTERNAL);
    Fault::new(code, text.chars().take(500).collect::<String>())
}

/// The fields of an object that came from outside, taken one by one: a mistake names its field, and what nobody took is a
/// mistake.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Of this value, which must be an object.
    pub(super) fn of(value: Value) -> Result<Self, Fault> {
        let Value::Object(fields) = value else {
            return Err(Fault::new(INVALID_PARAMS, "an object was expected"));
        };
        Ok(Self(fields))
    }

    /// A field that may be absent, or null.
    pub(super) fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, Fault> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value).map(Some).map_err(|error| Fault::invalid(field, error))
            }
        }
    }

    /// A field that must be there.
    pub(super) fn need<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, Fault> {
        self.take(field)?.ok_or_else(|| Fault::invalid(field, "is missing"))
    }

    /// The only field that there is, with its value.
    pub(super) fn only(self) -> Result<(String, Value), Fault> {
        let mut fields = self.0.into_iter();
        match (fields.next(), fields.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(Fault::new(INVALID_PARAMS, "an object with exactly one field was expected")),
        }
    }

    /// Nothing else may be there.
    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(field) => {
                let field: String = field.chars().take(40).collect();
                Err(Fault::invalid(&field, "there is no such field here"))
            }
        }
    }
}

/// The line of a request.
pub(super) fn request(id: u64, method: &str, params: &Value) -> String {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// The line of a notification.
pub(super) fn notification(method: &str, params: &Value) -> String {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

/// The line of an answer.
pub(super) fn answer(id: &Value, answer: &Result<Value, Fault>) -> String {
    line(&match answer {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(fault) => json!({ "jsonrpc": "2.0", "id": id, "error": fault.shape() }),
    })
}

fn line(message: &Value) -> String {
    let mut text = message.to_string();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_rpc_allows_is_read() {
        let request = read(br#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"b":2}}"#).unwrap();
        let Message::Request { id, method, params } = request else { panic!("a request") };
        assert_eq!((id, method.as_str(), params), (Some(json!(1)), "a", json!({ "b": 2 })));
        assert!(matches!(read(br#"{"jsonrpc":"2.0","method":"a"}"#), Ok(Message::Request { id: None, .. })));
        let answer = read(br#"{"jsonrpc":"2.0","id":7,"result":null}"#);
        assert_eq!(answer, Ok(Message::Answer { id: Some(7), answer: Ok(Value::Null) }));
        let answer = read(br#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#);
        assert_eq!(answer, Ok(Message::Answer { id: Some(7), answer: Err(Fault::new(-1, "no")) }));
    }

    #[test]
    fn what_it_does_not_is_refused_under_its_id() {
        for (line, code, id) in [
            (&b"hello"[..], PARSE, json!(null)),
            (b"\xff\xfe", PARSE, json!(null)),
            (b"", PARSE, json!(null)),
            (b"[]", INVALID, json!(null)),
            (b"7", INVALID, json!(null)),
            (br#"{"id":1,"method":"a"}"#, INVALID, json!(1)),
            (br#"{"jsonrpc":"2.0","id":1}"#, INVALID, json!(1)),
            (br#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, INVALID, json!(null)),
            (br#"{"jsonrpc":"2.0","id":"x","method":7}"#, INVALID, json!("x")),
            (br#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, INVALID, json!(1)),
            (br#"{"jsonrpc":"2.0","id":1,"method":"a","extra":1}"#, INVALID, json!(1)),
            (br#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, INVALID, json!(1)),
        ] {
            let error = read(line).unwrap_err();
            assert_eq!((error.fault.code, error.id), (code, id), "{}", String::from_utf8_lossy(line));
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).unwrap_err().fault.code, PARSE);
    }
}
