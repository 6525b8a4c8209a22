use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};

use super::args::{Connection, Pages};
use super::request::{Request, fields, part, query};
use super::table;

/// The longest wait, as the daemon has it.
const MAX_WAIT_SECS: f64 = 3600.0;

/// `turnpike lock …`.
#[derive(Debug, Subcommand)]
pub enum Lock {
    /// Acquire a lock on behalf of a device
    Acquire(Acquire),
    /// Give a lock back
    Release(Release),
    /// List the locks that are held
    List(List),
}

/// What frees a lock by itself.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Scope {
    /// The device is away too long, blocked or deleted
    Session,
    /// The device leaves the network
    Connection,
}

/// `turnpike lock acquire`.
#[derive(Debug, Args)]
pub struct Acquire {
    /// The lock's name, as coinslot/1
    name: String,
    /// The device that is to hold it: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
    /// What frees it by itself; session unless given
    #[arg(long, value_enum)]
    scope: Option<Scope>,
    /// Wait so many seconds for it while another device holds it
    #[arg(long, value_name = "SECS", value_parser = wait)]
    wait: Option<f64>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike lock release`.
#[derive(Debug, Args)]
pub struct Release {
    /// The lock's name, as coinslot/1
    name: String,
    /// Only if this device holds it: its id, MAC or IP
    #[arg(long, value_name = "DEV")]
    device: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike lock list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

fn wait(text: &str) -> Result<f64, String> {
    let secs = text.parse().ok().filter(|secs| (0.0..=MAX_WAIT_SECS).contains(secs));
    secs.ok_or_else(|| format!("seconds, between 0 and {MAX_WAIT_SECS}"))
}

impl Lock {
    pub(super) fn request(&self) -> (&Connection, Request) {
        let path = "/api/v1/locks".to_owned();
        match self {
            Self::Acquire(acquire) => {
                let scope = acquire.scope.map(|scope| match scope {
                    Scope::Session => "UNLOCK_ON_SESSION_LOSS",
                    Scope::Connection => "UNLOCK_ON_CONNECTION_LOSS",
                });
                let body = fields([
                    ("name", Some(json!(acquire.name))),
                    ("device", Some(json!(acquire.dev))),
                    ("scope", scope.map(|scope| json!(scope))),
                    ("wait_secs", acquire.wait.map(|secs| json!(secs))),
                ]);
                let wait = Duration::from_secs_f64(acquire.wait.unwrap_or(0.0));
                (&acquire.connection, Request::send(Method::POST, path, body, show).taking(wait))
            }
            Self::Release(release) => {
                let place = format!("{path}/{}", part(&release.name));
                let place = query(&place, [("device", release.device.clone())]);
                (&release.connection, Request::delete(place, table::done))
            }
            Self::List(list) => (&list.connection, Request::get(list.pages.path(&path, []), show_list)),
        }
    }
}

/// How many wait, instead of who.
fn counted(lock: &Value) -> Value {
    let mut lock = lock.clone();
    let count = lock.get("waiting").and_then(Value::as_array).map_or(0, Vec::len);
    if let Some(fields) = lock.as_object_mut() {
        fields.insert("waiting".to_owned(), json!(count));
    }
    lock
}

fn show(lock: &Value) -> String {
    table::one(&counted(lock))
}

fn show_list(answer: &Value) -> String {
    let mut answer = answer.clone();
    if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(|lock| *lock = counted(lock));
    }
    let columns = [
        ("NAME", "name"),
        ("OWNER", "owner"),
        ("SCOPE", "scope"),
        ("SINCE", "acquired_at"),
        ("WAITING", "waiting"),
    ];
    table::list(&answer, &columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_its_bounds() {
        assert_eq!((wait("0"), wait("0.5"), wait("3600")), (Ok(0.0), Ok(0.5), Ok(3600.0)));
        for wrong in ["", "-1", "3601", "NaN", "inf", "soon"] {
            assert!(wait(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_counts_those_who_wait() {
        let lock = json!({"name": "coinslot/1", "owner": "a", "scope": "s", "acquired_at": "t", "waiting": [{}, {}]});
        let text = show_list(&json!({"items": [lock], "total": 1}));
        assert_eq!(text, "NAME        OWNER  SCOPE  SINCE  WAITING\ncoinslot/1  a      s      t      2\n");
    }
}
