//! Whatever lines a plugin sends, each that asks is answered once in a line of JSON, and nothing fails inside.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use turnpike::domain::Currency;
use turnpike::plugins::PluginHost;

use super::Target;
use super::wire::{Spoiled, World, find, in_worlds};
use crate::support::{START, TestApp, minutes, plan};

/// What a plugin may send at once without being slowed down.
const MOST_BYTES: usize = 8_000;
/// The end of a connection may take so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// What our answers bear where they are no (docs/plugins.md); not -32603, which is that something failed inside.
const FAULTS: [i64; 10] = [-32700, -32600, -32601, -32602, -32001, -32002, -32003, -32004, -32005, -32006];

/// A daemon that plugins connect to.
struct House {
    app: TestApp,
    dir: TempDir,
    values: [(&'static str, String); 2],
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl World for House {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let dir = TempDir::new().unwrap();
        let listener = UnixListener::bind(Self::socket(&dir)).unwrap();
        let euro = Currency::parse("EUR").unwrap();
        let host = PluginHost::new(app.handle.clone(), app.store.clone(), euro, &[]);
        let (stop, stopped) = watch::channel(false);
        let tasks = host.start(Vec::new(), listener, &stopped);
        let device = app.device(1).await;
        let session = app.handle.create_session(device.id, minutes(1_000)).await.unwrap();
        app.store.create_plan(&plan("hour", 150, minutes(60)), START.wall, None).await.unwrap().unwrap();
        let values = [("{device}", device.id.to_string()), ("{session}", session.id.to_string())];
        Self { app, dir, values, stop, tasks }
    }

    async fn take(&mut self, input: &[u8]) -> Spoiled {
        if input.len() > MOST_BYTES {
            return Spoiled(false);
        }
        let mut lines = input.to_vec();
        for (name, value) in &self.values {
            while let Some(at) = find(&lines, name.as_bytes()) {
                lines.splice(at..at + name.len(), value.bytes());
            }
        }
        let mut stream = self.greeted().await;
        let talk = async {
            // It is closed early on whoever sends what cannot be read again and again.
            let _closed = stream.write_all(&lines).await;
            let _closed = stream.shutdown().await;
            let mut answers = Vec::new();
            let _closed = stream.read_to_end(&mut answers).await;
            answers
        };
        let answers = timeout(PATIENCE, talk).await.expect("the connection ends");
        check(&lines, &answers);
        Spoiled(false)
    }

    async fn stop(mut self) {
        let _gone = self.stop.send(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(PATIENCE, all).await.expect("the plugins' tasks end");
        self.app.handle.stop().await;
    }
}

impl House {
    fn socket(dir: &TempDir) -> PathBuf {
        dir.path().join("plugin.sock")
    }

    /// A connection that has said hello; the one before may not be gone at once.
    async fn greeted(&self) -> UnixStream {
        let hello =
            json!({"jsonrpc": "2.0", "id": 0, "method": "hello", "params": {"protocol": 1, "name": "x7f"}});
        let greeting = async {
            loop {
                let mut stream = UnixStream::connect(Self::socket(&self.dir)).await.unwrap();
                stream.write_all(format!("{hello}\n").as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                while answer.last() != Some(&b'\n') {
                    answer.push(stream.read_u8().await.unwrap());
                }
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                if answer.get("result").is_some() {
                    return stream;
                }
                let text = answer["error"]["message"].as_str().unwrap_or_default();
                assert!(text.contains("there is a plugin x7f already"), "{answer}");
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, greeting).await.expect("a plugin is let in")
    }
}

/// How often each id was asked for.
fn asked(lines: &[u8]) -> HashMap<String, usize> {
    let mut asked = HashMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(Value::Object(message)) = serde_json::from_slice::<Value>(line) else { continue };
        if let Some(id) = message.get("id") {
            *asked.entry(id.to_string()).or_default() += 1;
        }
    }
    asked
}

fn check(lines: &[u8], answers: &[u8]) {
    let mut asked = asked(lines);
    assert!(answers.is_empty() || answers.ends_with(b"\n"), "a line has an end");
    for line in answers.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let shown = String::from_utf8_lossy(line);
        let message: Value = serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {shown}"));
        assert_eq!(message["jsonrpc"], "2.0", "{shown}");
        if message.get("method").is_some() {
            continue;
        }
        assert!(message.get("result").is_some() != message.get("error").is_some(), "{shown}");
        if let Some(error) = message.get("error") {
            let (code, text) = (error["code"].as_i64(), error["message"].as_str().unwrap_or_default());
            assert!(code.is_some_and(|code| FAULTS.contains(&code)), "{shown}");
            assert!(!text.is_empty() && text.len() <= 1_000, "{shown}");
        }
        if message["id"].is_null() {
            continue;
        }
        let left = asked.get_mut(&message["id"].to_string());
        let left = left.unwrap_or_else(|| panic!("nobody asked: {shown}"));
        assert!(*left > 0, "answered twice: {shown}");
        *left -= 1;
    }
}

/// Opens the target.
pub fn open() -> Target {
    in_worlds::<House>()
}
