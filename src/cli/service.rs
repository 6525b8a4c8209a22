//! The daemon itself: its configuration read again, the kernel looked at again.

use std::time::Duration;

use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use super::args::Connection;
use super::client::exchange;
use super::output::{Failure, say, tell};
use super::request::{Request, fields};
use super::table;

/// How often is asked what has come of a reload, and how many times: somebody may stand at a coin slot for a while.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 1_500;

/// A firewall that is being reloaded waits for it: whoever asks closes the networks without a daemon that does not answer.
const RECONCILE_PATIENCE: Duration = Duration::from_secs(3);

/// `turnpike reload`.
#[derive(Debug, Args)]
pub struct Reload {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Also if somebody may be cut off by it
    #[arg(long)]
    yes: bool,
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
        let ask = |dry_run: bool, seen: Option<&Value>| {
            let path = "/api/v1/service/reload".to_owned();
            let body = fields([("dry_run", Some(Value::Bool(dry_run))), ("fingerprint", seen.cloned())]);
            exchange(connection, Request::send(Method::POST, path, body, table::one))
        };
        let meant = ask(true, None)?;
        let is = |name: &str| meant.value.get(name).and_then(Value::as_bool).unwrap_or_default();
        if !is("changed") {
            return self.tell(&meant.text, "the configuration is the same as before: nothing was done");
        }
        let texts = meant.value.get("meaning").and_then(Value::as_array).into_iter().flatten();
        let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
        if self.dry_run {
            return self.tell(&meant.text, &texts.join("\n"));
        }
        texts.iter().for_each(|text| tell(text));
        if is("cuts_off") && !self.yes {
            let text = "somebody may be cut off by that, so nothing was done; turnpike reload --yes does it";
            return Err(Failure(text.to_owned()));
        }
        // What was said is what is done, also if somebody writes the file meanwhile.
        ask(false, meant.value.get("fingerprint"))?;
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
        let request = Request::send(Method::POST, path, Map::new(), table::done);
        Request { patience: Some(RECONCILE_PATIENCE), ..request }
    }
}
