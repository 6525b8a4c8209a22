//! A plugin that lets people sign in with an account that lives elsewhere, behind HTTP: what is left of it is asked when a
//! device connects (`source.reload`), and what was used is brought back (`source.save`).
//!
//! It is written with the standard library and `serde_json` alone. Run as
//! `cloud_account HOST:PORT`; the server answers
//!
//! - `GET /accounts/NAME?password=P` with `{"time_secs": …, "time_used_secs": …}`, or 403;
//! - `POST /accounts/NAME/usage` with a body `{"session", "seq", "time_used_secs"}`, at most once per session and `seq`.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_millis(1500);

fn main() -> Result<()> {
    let server = std::env::args().nth(1).ok_or_else(|| Error::new(ErrorKind::InvalidInput, "HOST:PORT"))?;
    let mut out = std::io::stdout().lock();
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "hello",
        "params": { "protocol": 1, "name": "cloud" } });
    let register = json!({ "jsonrpc": "2.0", "id": 2, "method": "provider.register", "params": {
        "name": "cloud",
        "title": "Your account",
        "button": "Sign in",
        "fields": [
            { "name": "name", "label": "Name", "max_chars": 50 },
            { "name": "password", "label": "Password", "kind": "password" },
        ],
    } });
    writeln!(out, "{hello}\n{register}")?;
    // The end of this stream says that turnpike stops.
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) else { continue };
        let answered = match method {
            "portal.submit" => submit(&server, &message["params"]["values"]),
            "source.reload" => reload(&server, &message["params"]),
            "source.save" => save(&server, &message["params"]),
            "ping" => Ok(json!({})),
            _ => Err((-32601, "not needed here".to_owned())),
        };
        let answer = match answered {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, text)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } })
            }
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// An answer to turnpike; an error has a code and a text.
type Answer = std::result::Result<Value, (i64, String)>;

/// Somebody signs in.
fn submit(server: &str, values: &Value) -> Answer {
    let name = values["name"].as_str().unwrap_or_default();
    let password = values["password"].as_str().unwrap_or_default();
    // A name that would be another path is nobody's.
    if !is_plain(name) || !is_plain(password) {
        return Ok(json!({ "refuse": { "field": "name", "text": "This account is not known." } }));
    }
    match http(server, "GET", &format!("/accounts/{name}?password={password}"), "") {
        Ok((200, account)) => Ok(json!({ "grant": grant(name, &account) })),
        Ok(_) => Ok(json!({ "refuse": { "field": "name", "text": "Name or password is wrong." } })),
        Err(_) => {
            Ok(json!({ "refuse": { "text": "The accounts cannot be reached. Please try again later." } }))
        }
    }
}

/// What is left of an account by now.
fn reload(server: &str, params: &Value) -> Answer {
    let name = params["reference"].as_str().unwrap_or_default();
    match http(server, "GET", &format!("/accounts/{name}"), "") {
        Ok((200, account)) => Ok(grant(name, &account)),
        Ok((status, _)) => Err((1, format!("the server says {status}"))),
        Err(error) => Err((2, error.to_string())),
    }
}

/// What was used of it. An error has turnpike bring it again; the server knows the number.
fn save(server: &str, params: &Value) -> Answer {
    let name = params["reference"].as_str().unwrap_or_default();
    let used = &params["totals"]["time_used_secs"];
    let body = json!({ "session": params["session"], "seq": params["seq"], "time_used_secs": used });
    match http(server, "POST", &format!("/accounts/{name}/usage"), &body.to_string()) {
        Ok((200, _)) => Ok(json!({})),
        Ok((status, _)) => Err((1, format!("the server says {status}"))),
        Err(error) => Err((2, error.to_string())),
    }
}

fn grant(name: &str, account: &Value) -> Value {
    json!({
        "kind": "time",
        "time_secs": account["time_secs"],
        "time_used_secs": account["time_used_secs"],
        "reference": name,
        "principal": name,
    })
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// One request of HTTP/1.0: the status, and the JSON of the answer.
fn http(server: &str, method: &str, path: &str, body: &str) -> Result<(u16, Value)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut reader = BufReader::new(stream.take(65_536));
    let mut head = String::new();
    reader.read_line(&mut head)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "no status"))?;
    while reader.read_line(&mut head)? > 2 {}
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}
