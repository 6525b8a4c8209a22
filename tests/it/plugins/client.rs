//! A plugin played by a test: over `plugin.sock`, a line at a time. Every message of both directions is held against the
//! schema.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use turnpike::config::PluginConfig;
use turnpike::domain::Currency;
use turnpike::plugins::PluginHost;
use turnpike::runtime::PluginStatus;

use super::schema;
use crate::support::TestApp;

/// A daemon that serves plugins.
pub struct Host {
    pub app: TestApp,
    pub dir: Arc<TempDir>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Host {
    pub async fn start() -> Self {
        Self::start_with(TestApp::start().await, Vec::new())
    }

    /// With plugins that are started.
    pub fn start_with(app: TestApp, plugins: Vec<PluginConfig>) -> Self {
        let dir = Arc::clone(&app.dir);
        let socket = dir.path().join("plugin.sock");
        // One of a daemon that died.
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(socket).unwrap();
        let currency = Currency::parse("EUR").unwrap();
        let host = PluginHost::new(app.handle.clone(), app.store.clone(), currency, &plugins);
        let (stop, stopped) = watch::channel(false);
        let tasks = host.start(plugins, listener, &stopped);
        Self { app, dir, stop, tasks }
    }

    pub async fn plugin(&self, name: &str) -> Plugin {
        let mut plugin = self.connect().await;
        let hello = plugin.ask("hello", json!({ "protocol": 1, "name": name })).await.unwrap();
        assert_eq!(hello["name"], name);
        plugin
    }

    /// One that has registered a provider of its own name, with a form of one button.
    pub async fn seller(&self, name: &str) -> Plugin {
        let mut plugin = self.plugin(name).await;
        let face = json!({ "name": name, "title": "Time", "button": "Buy" });
        plugin.ask("provider.register", face).await.unwrap();
        plugin
    }

    pub async fn connect(&self) -> Plugin {
        Plugin::connect(&self.dir.path().join("plugin.sock")).await
    }

    pub fn status(&self, name: &str) -> PluginStatus {
        self.app.handle.registry().plugins().get(name).unwrap()
    }

    pub fn last_error(&self, name: &str) -> String {
        self.status(name).last_error.map(|error| error.to_string()).unwrap_or_default()
    }

    /// Stops the plugins; what is left is the daemon.
    pub async fn stop(mut self) -> TestApp {
        self.stop.send(true).unwrap();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("all plugins end");
        self.app
    }

    /// The daemon dies with everything in it, and is started again on the same store.
    pub async fn crash(mut self) -> Self {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        drop(self.tasks);
        Self::start_with(self.app.crash().await, Vec::new())
    }
}

/// One connection.
pub struct Plugin {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    last: u64,
    /// What came while something else was waited for.
    pub aside: Vec<Value>,
    /// What it asked under which id.
    asked: std::collections::HashMap<u64, String>,
}

impl Plugin {
    pub async fn connect(socket: &Path) -> Self {
        let (reader, writer) = UnixStream::connect(socket).await.unwrap().into_split();
        Self { reader: BufReader::new(reader), writer, last: 0, aside: Vec::new(), asked: Default::default() }
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).await.is_ok()
    }

    pub async fn send(&mut self, message: Value) {
        let mut line = message.to_string();
        line.push('\n');
        assert!(self.raw(line.as_bytes()).await, "the connection is there");
    }

    /// The next message; `None` if the connection is over.
    pub async fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.reader.read_line(&mut line));
        if read.await.expect("a message within 10 s").unwrap_or(0) == 0 {
            return None;
        }
        let message: Value = serde_json::from_str(&line).unwrap();
        let method = message["id"].as_u64().and_then(|id| self.asked.get(&id)).map(String::as_str);
        schema::from_daemon(&message, if message.get("method").is_some() { None } else { method });
        Some(message)
    }

    /// Sends a request and says its id. What the daemon takes is in the schema.
    pub async fn post(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        let id = self.last;
        self.asked.insert(id, method.to_owned());
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    /// The answer of a request; what comes before it is put aside.
    pub async fn answer(&mut self, id: u64) -> Result<Value, Value> {
        if let Some(at) = self.aside.iter().position(|one| one.get("method").is_none() && one["id"] == id) {
            return result(self.aside.remove(at));
        }
        loop {
            let message = self.next().await.expect("an answer");
            if message.get("method").is_none() && message["id"] == id {
                return result(message);
            }
            self.aside.push(message);
        }
    }

    /// Asks, and waits for the answer. A request that is carried out is in the schema.
    pub async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.post(method, params.clone()).await;
        let answer = self.answer(id).await;
        if answer.is_ok() {
            schema::to_daemon(method, &params);
        }
        answer
    }

    /// The next question or notification of that method: its whole message.
    pub async fn asked(&mut self, method: &str) -> Value {
        if let Some(at) = self.aside.iter().position(|one| one["method"] == method) {
            return self.aside.remove(at);
        }
        loop {
            let message = self.next().await.expect("a question");
            if message["method"] == method {
                return message;
            }
            self.aside.push(message);
        }
    }

    /// Answers a question.
    pub async fn tell(&mut self, question: &Value, result: Value) {
        schema::answer_to_daemon(question["method"].as_str().unwrap(), &result);
        self.tell_anything(question, result).await;
    }

    /// The same with what may be wrong.
    pub async fn tell_anything(&mut self, question: &Value, result: Value) {
        self.send(json!({ "jsonrpc": "2.0", "id": question["id"], "result": result })).await;
    }
}

fn result(message: Value) -> Result<Value, Value> {
    match message.get("error") {
        Some(error) => Err(error.clone()),
        None => Ok(message["result"].clone()),
    }
}

/// Waits for what should come true.
pub async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
