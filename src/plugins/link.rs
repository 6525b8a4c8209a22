use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::rpc::{self, Fault};
use crate::domain::ProviderError;

/// How many questions may wait for an answer at the same time.
pub(super) const MAX_ASKED: usize = 32;
/// How many lines may wait to be written.
pub(super) const MAX_LINES: usize = 128;

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Silence {
    /// It has said that it cannot.
    Fault(Fault),
    /// It did not answer, or not in time, or is not there.
    Failed(String),
    /// It was not asked, after failing again and again.
    LeftOut(String),
}

impl From<Silence> for ProviderError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Fault(fault) => Self(format!("answered with an error: {}", fault.message)),
            Silence::Failed(text) | Silence::LeftOut(text) => Self(text),
        }
    }
}

type Asker = oneshot::Sender<Result<Value, Fault>>;

/// Our end of a connection: questions to the plugin, and their answers.
#[derive(Debug)]
pub(super) struct Link {
    lines: mpsc::Sender<String>,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    last: u64,
    waiting: HashMap<u64, Asker>,
    over: bool,
}

/// A question that waits; taken back when dropped.
struct Waiting<'l> {
    link: &'l Link,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.link.asked().waiting.remove(&self.id);
    }
}

impl Link {
    /// Lines put in here are written to the plugin.
    pub(super) fn new(lines: mpsc::Sender<String>) -> Self {
        Self { lines, asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the plugin and waits for its answer, but not for longer than this.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: &Value,
        deadline: Duration,
    ) -> Result<Value, Silence> {
        let failed = |text: &str| Err(Silence::Failed(text.to_owned()));
        let (asker, answer) = oneshot::channel();
        let id = {
            let mut asked = self.asked();
            if asked.over {
                return failed("is not connected");
            }
            if asked.waiting.len() >= MAX_ASKED {
                return failed("has too many questions to answer");
            }
            asked.last += 1;
            let id = asked.last;
            asked.waiting.insert(id, asker);
            id
        };
        let _waiting = Waiting { link: self, id };
        match self.lines.try_send(rpc::request(id, method, params)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return failed("does not read what is sent to it"),
            Err(mpsc::error::TrySendError::Closed(_)) => return failed("is not connected"),
        }
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => answer.map_err(Silence::Fault),
            Ok(Err(_)) => failed("ended before it answered"),
            Err(_) => failed(&format!("did not answer {method} within {} ms", deadline.as_millis())),
        }
    }

    /// An answer has come. `false` if nobody asked, or nobody waits any more.
    pub(super) fn answered(&self, id: u64, answer: Result<Value, Fault>) -> bool {
        let asker = self.asked().waiting.remove(&id);
        asker.is_some_and(|asker| asker.send(answer).is_ok())
    }

    /// Tells the plugin something, as soon as it reads. `false` if it is gone.
    pub(super) async fn tell(&self, method: &str, params: &Value) -> bool {
        self.put(rpc::notification(method, params)).await
    }

    /// Puts in a line as soon as there is room.
    pub(super) async fn put(&self, line: String) -> bool {
        self.lines.send(line).await.is_ok()
    }

    /// The connection has ended: whoever waits is told.
    pub(super) fn end(&self) {
        let mut asked = self.asked();
        asked.over = true;
        asked.waiting.clear();
    }
}
