//! Webhooks: tells others over HTTP what happens to sessions, at least once and in order, across crashes of either side.
//!
//! One task hears for all hooks: it reads the log of events from where each hook has heard to, and has those that a hook is
//! to be told wait in the store, in the transaction that moves the hook's place in the log. One task for each hook sends
//! what waits, oldest first, and takes out what the receiver took. So a receiver that is slow or dead holds up nobody else.

mod courier;
mod hearing;
mod message;
mod round;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Notify;

use crate::domain::{HookId, Text, WallTime};
use crate::http::{Answer, ClientError, HttpClient};
use crate::runtime::Handle;
use crate::store::{KeptHook, Store};

pub use message::{SIGNATURE, signature};

/// How long a receiver has to connect and answer, in all, unless a test says otherwise.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long an event is tried, in milliseconds: a day.
pub const GIVE_UP_MS: u64 = 86_400_000;

/// The webhooks of this daemon.
#[derive(Debug, Clone)]
pub struct Hooks(Arc<Shared>);

struct Shared {
    handle: Handle,
    store: Store,
    client: HttpClient,
    /// This box's name.
    gateway: Text,
    /// How long a receiver has to connect and answer, in all.
    within: Duration,
    /// Hooks were made, changed or deleted.
    changed: Notify,
    /// When those whose receivers fail are tried again.
    tries: Mutex<HashMap<HookId, WallTime>>,
}

impl Shared {
    /// Notes when a hook is tried again; `None`: nothing keeps it waiting.
    fn tries(&self, hook: HookId, at: Option<WallTime>) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        match at {
            Some(at) => drop(tries.insert(hook, at)),
            None => drop(tries.remove(&hook)),
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// What became of a request to a receiver.
#[derive(Debug)]
pub struct Tried {
    /// What came back.
    pub answer: Result<Answer, ClientError>,
    /// How long it took, in seconds.
    pub secs: f64,
}

impl Tried {
    /// Why this does not count as taken; `None` if it was taken.
    pub fn failure(&self) -> Option<Text> {
        match &self.answer {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) if answer.status.is_redirection() => {
                Some(Text::new(&format!("answered {}; redirects are not followed", shown(answer.status))))
            }
            Ok(answer) => Some(Text::new(&format!("answered {}", shown(answer.status)))),
            Err(error) => Some(Text::new(&error.to_string())),
        }
    }
}

/// `404 Not Found`, or only the number of a status that has no name.
fn shown(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

impl Hooks {
    /// The hooks that the store knows. Nothing is sent until [`Hooks::run`].
    pub fn new(handle: Handle, store: Store, client: HttpClient, gateway: Text, within: Duration) -> Self {
        Self(Arc::new(Shared {
            handle,
            store,
            client,
            gateway,
            within,
            changed: Notify::new(),
            tries: Mutex::default(),
        }))
    }

    /// Has a hook that was made, changed or deleted taken into account.
    pub fn changed(&self) {
        self.0.changed.notify_one();
    }

    /// When a hook is tried again whose receiver failed last; `None` if nothing keeps it waiting.
    pub fn next_try(&self, hook: HookId) -> Option<WallTime> {
        self.0.tries.lock().unwrap_or_else(PoisonError::into_inner).get(&hook).copied()
    }

    /// Sends a hook's receiver a `ping` and waits for what comes back. Whether the hook is enabled is all the same.
    pub async fn test(&self, hook: &KeptHook) -> Tried {
        let (event, body) = message::ping(hook.hook.id, &self.0.gateway, self.0.handle.now().wall);
        let mut line = self.0.client.line(hook.hook.url.clone());
        courier::send(&mut line, &hook.hook, &hook.secret, &event, body, &self.0).await
    }

    /// Hears and sends until `stop`, or until the sessions manager is gone. What a receiver has taken by then is taken out.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        round::run(self.0, stop).await;
    }
}
