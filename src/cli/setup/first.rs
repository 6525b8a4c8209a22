//! The first admin and the first plan, of a daemon that runs.

use std::path::Path;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::super::accounts::made_up;
use super::super::args::Connection;
use super::super::client::exchange;
use super::super::output::{Failure, say};
use super::super::request::{Request, fields};
use super::super::table;
use super::ask;
use crate::domain::Admin;
use crate::setup::Choices;

/// How often is asked whether the daemon answers.
const LOOK_EVERY: Duration = Duration::from_millis(200);

fn connection(socket: &Path) -> Connection {
    Connection { socket: socket.to_owned(), token: None, json: false }
}

/// Whether a daemon answers on its socket, now or within that time.
pub(super) fn daemon_answers(socket: &Path, patience: Option<Duration>) -> bool {
    let answers = || exchange(&connection(socket), Request::get("/healthz".to_owned(), table::one)).is_ok();
    let mut left = patience.unwrap_or(Duration::ZERO);
    loop {
        if answers() {
            return true;
        }
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(LOOK_EVERY.min(left));
        left = left.saturating_sub(LOOK_EVERY);
    }
}

/// Whether there is one of that name in a list.
fn is_there(socket: &Path, path: &str, name: &str) -> Result<bool, Failure> {
    let answer = exchange(&connection(socket), Request::get(format!("{path}?per_page=1000"), table::one))?;
    let items = answer.value.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().any(|item| item.get("name").and_then(Value::as_str) == Some(name)))
}

/// The account that may do everything.
pub(super) fn admin(
    socket: &Path,
    choices: &Choices,
    password_file: Option<&Path>,
    guess: bool,
) -> Result<(), Failure> {
    let (all, name) = ("/api/v1/admins", choices.admin.as_str());
    if is_there(socket, all, name)? {
        return say(&format!("admin {name}: is there already, and keeps its password\n"));
    }
    let (password, is_made_up) = match password_file {
        Some(file) => (ask::first_line_of(file)?, false),
        None if ask::is_possible() && !guess => (ask::password(name)?, false),
        None => (made_up()?, true),
    };
    Admin::check_password(&password)
        .map_err(|error| Failure(format!("--admin-password-file: {}", error.problem)))?;
    let body = fields([
        ("name", Some(json!(name))),
        ("permissions", Some(json!(["admin"]))),
        ("password", Some(json!(password))),
    ]);
    exchange(&connection(socket), Request::send(Method::POST, all.to_owned(), body, table::one))?;
    match is_made_up {
        true => say(&format!("admin {name}: made, with the password {password} (it is shown this once)\n")),
        false => say(&format!("admin {name}: made\n")),
    }
}

/// What is sold first.
pub(super) fn plan(socket: &Path, choices: &Choices) -> Result<(), Failure> {
    let Some(first) = &choices.plan else { return Ok(()) };
    let (all, name) = ("/api/v1/plans", first.plan.name.as_str());
    if is_there(socket, all, name)? {
        return say(&format!("plan {name}: is there already, and stays as it is\n"));
    }
    let body = fields([
        ("name", Some(json!(name))),
        ("title", Some(json!(first.plan.title.as_str()))),
        ("kind", Some(json!(first.plan.terms.kind.as_str()))),
        ("time_secs", first.time_secs.map(|secs| json!(secs))),
        ("data_mb", first.data_mb.map(|mb| json!(mb))),
        ("price", Some(json!(first.price))),
    ]);
    exchange(&connection(socket), Request::send(Method::POST, all.to_owned(), body, table::one))?;
    say(&format!("plan {name}: made\n"))
}
