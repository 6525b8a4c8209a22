//! The daemon itself: its configuration read again, the kernel looked at again.

use std::time::Duration;

use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use super::args::Connection;
use super::client::exchange;
use super::output::{Failure, say};
use super::request::Request;
use super::table;

/// How often is asked what has come of a reload, and how many times: somebody may stand at a coin slot for a while.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 1_500;

/// `turnpike reload`.
#[derive(Debug, Args)]
pub struct Reload {
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `turnpike reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Reload {
    /// Asks for it, and waits for what comes of it.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let connection = &self.connection;
        let path = "/api/v1/service/reload".to_owned();
        let answer = exchange(connection, Request::send(Method::POST, path, Map::new(), table::one))?;
        let is_changed = answer.value.get("changed").and_then(Value::as_bool).unwrap_or(true);
        if !is_changed {
            return self.tell(&answer.text, "the configuration is the same as before: nothing was done");
        }
        for _ in 0..LOOKS {
            std::thread::sleep(LOOK_EVERY);
            let looked = exchange(connection, Request::get("/api/v1/service".to_owned(), table::one))?;
            let field = |name: &str| looked.value.get("last_order")?.get(name)?.as_str();
            match field("state") {
                Some("done") => return self.tell(&looked.text, "the new configuration holds"),
                Some("taken_back") => {
                    let reason = field("reason").unwrap_or_default();
                    return Err(Failure(format!(
                        "the new configuration does not work, and the old one holds again: {reason}"
                    )));
                }
                Some(_) | None => {}
            }
        }
        Err(Failure("the daemon has not said what became of it: turnpike status, and its log".to_owned()))
    }

    fn tell(&self, json: &str, words: &str) -> Result<(), Failure> {
        say(&format!("{}\n", if self.connection.json { json } else { words }))
    }
}

impl Reconcile {
    pub(super) fn request(&self) -> Request {
        let path = "/api/v1/service/reconcile".to_owned();
        Request::send(Method::POST, path, Map::new(), table::done)
    }
}
