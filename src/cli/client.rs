use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::args::{Ask, Connection};
use super::output::{Failure, say};
use super::request::Request;

/// Longer than the daemon gives itself to answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// More than the longest answer: a batch of 100,000 voucher codes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Asks a running daemon and prints its answer.
pub(super) fn ask(ask: &Ask) -> Result<(), Failure> {
    let (connection, request) = match ask {
        Ask::Status(asked) => (&asked.connection, asked.request()),
        Ask::Providers(asked) => (&asked.connection, asked.request()),
        Ask::Reload(asked) => return asked.run(),
        Ask::Reconcile(asked) => (&asked.connection, asked.request()),
        Ask::Devices(asked) => (&asked.connection, asked.request()),
        Ask::Sessions(asked) => (&asked.connection, asked.request()),
        Ask::Connect(asked) => (&asked.connection, asked.request()),
        Ask::Disconnect(asked) => (&asked.connection, asked.request()),
        Ask::Block(asked) => (&asked.connection, asked.request()),
        Ask::Unblock(asked) => (&asked.connection, asked.request()),
        Ask::Ping(asked) => (&asked.connection, asked.request()),
        Ask::Device(asked) => asked.request(),
        Ask::Session(asked) => asked.request(),
        Ask::Plan(asked) => asked.request(),
        Ask::Account(asked) => asked.request()?,
        Ask::Admin(asked) => asked.request()?,
        Ask::Voucher(asked) => asked.request()?,
        Ask::Sale(asked) => asked.request(),
        Ask::Topup(asked) => (&asked.connection, asked.request()),
        Ask::Credit(asked) => asked.request(),
        Ask::Messages(asked) => (&asked.connection, asked.request()),
        Ask::Audit(asked) => (&asked.connection, asked.request()),
        Ask::Lock(asked) => asked.request(),
        Ask::Hook(asked) => asked.request(),
        Ask::Token(asked) => asked.request(),
        Ask::Events(asked) => return runtime()?.block_on(asked.run()),
    };
    let show = request.show;
    let answer = exchange(connection, request)?;
    if connection.json && !answer.value.is_string() {
        return say(&format!("{}\n", answer.text));
    }
    say(&show(&answer.value))
}

pub(super) struct Answer {
    /// As the API wrote it; `{}` if it had nothing to say.
    pub(super) text: String,
    pub(super) value: Value,
}

/// Sends a request and waits for its answer.
pub(super) fn exchange(connection: &Connection, request: Request) -> Result<Answer, Failure> {
    runtime()?.block_on(async {
        let patience = request.patience.unwrap_or(PATIENCE) + request.wait;
        let asked = tokio::time::timeout(patience, send(connection, request));
        asked.await.map_err(|_| Failure("turnpike did not answer in time".to_owned()))?
    })
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("the runtime could not be started: {error}")))
}

async fn send(connection: &Connection, request: Request) -> Result<Answer, Failure> {
    let as_is = request.as_is;
    let opened = open(connection, request).await?;
    if !opened.response.status().is_success() {
        return Err(read_refusal(opened).await);
    }
    let text = read(opened).await?;
    if as_is {
        return Ok(Answer { value: Value::String(text.clone()), text });
    }
    let text = if text.is_empty() { "{}".to_owned() } else { text };
    let value = serde_json::from_str(&text).map_err(|error| broken(&error))?;
    Ok(Answer { text, value })
}

/// An answer that has begun.
pub(super) struct Opened {
    pub(super) response: hyper::Response<Incoming>,
    /// The connection is closed when this is dropped.
    _connection: JoinSet<hyper::Result<()>>,
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn open(connection: &Connection, request: Request) -> Result<Opened, Failure> {
    let socket = &connection.socket;
    let authorization = authorization(connection)?;
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        Failure(format!("{}: cannot be reached (is turnpike running?): {error}", socket.display()))
    })?;
    let (mut sender, exchange) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let mut connections = JoinSet::new();
    connections.spawn(exchange);
    let (media_type, body) = match (request.text, request.body) {
        (Some((media_type, text)), _) => (media_type, Bytes::from(text)),
        (None, Some(body)) => ("application/json", Bytes::from(body.to_string())),
        (None, None) => ("application/json", Bytes::new()),
    };
    let mut request = hyper::Request::builder()
        .method(request.method)
        .uri(request.path)
        .header(HOST, "turnpike")
        .header(CONTENT_TYPE, media_type)
        .body(Full::new(body))
        .map_err(|error| Failure(format!("this cannot be asked: {error}")))?;
    if let Some(value) = authorization {
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    Ok(Opened { response, _connection: connections })
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure(format!("turnpike broke off: {error}"))
}

async fn read(opened: Opened) -> Result<String, Failure> {
    let body = Limited::new(opened.response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| broken(&error))?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// What an answer that is no success says: a problem in one line; of a filter also where it is wrong, with a caret.
pub(super) async fn read_refusal(opened: Opened) -> Failure {
    let status = opened.response.status();
    match read(opened).await {
        Ok(text) => refusal(status, &text),
        Err(failure) => failure,
    }
}

/// The token, if one was given; an empty one is none.
fn authorization(connection: &Connection) -> Result<Option<HeaderValue>, Failure> {
    let Some(token) =
        connection.token.as_ref().map(|token| token.text().trim()).filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value =
        value.map_err(|_| Failure("the token holds what no token holds: copy it again".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// A problem in one line.
fn refusal(status: hyper::StatusCode, text: &str) -> Failure {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| problem.get(name).and_then(Value::as_str);
    let said = field("detail").or_else(|| field("title")).map_or_else(|| status.to_string(), str::to_owned);
    // A configuration's mistakes are a line each.
    let said = if field("type") == Some("/problems/unfit-configuration") {
        said
    } else {
        said.replace(['\n', '\r'], " ")
    };
    // A filter, with a caret under the place.
    Failure(field("pointed").map_or(said.clone(), |pointed| format!("{said}\n{pointed}")))
}
