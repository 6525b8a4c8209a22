//! What steers sessions, one by its id or all that a filter selects.

use clap::{ArgGroup, Args};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::Connection;
use super::request::{Request, fields, part, query};
use super::table;

/// Which sessions: one, or all that a filter selects and that are not over.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["id", "filter"]))]
pub struct Which {
    /// The session's id
    id: Option<String>,
    /// All that this filter selects, as in '$Zone is "guests" and $DataLeft lt "10"'
    #[arg(long, value_name = "E")]
    filter: Option<String>,
    /// Only count those that the filter selects
    #[arg(long, requires = "filter")]
    dry_run: bool,
}

impl Which {
    /// The same change of one (`/sessions/ID/WHAT`) or of many (`/sessions:WHAT`).
    fn request(
        &self,
        what: &str,
        method: Method,
        mut body: Map<String, Value>,
        show_one: fn(&Value) -> String,
    ) -> Request {
        match (&self.id, &self.filter) {
            (Some(id), _) => Request::send(method, path(id, &format!("/{what}")), body, show_one),
            (None, filter) => {
                body.insert("filter".to_owned(), json!(filter));
                if self.dry_run {
                    body.insert("dry_run".to_owned(), json!(true));
                }
                Request::send(Method::POST, format!("/api/v1/sessions:{what}"), body, table::matched)
            }
        }
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/sessions/{}{rest}", part(id))
}

/// `turnpike session close`.
#[derive(Debug, Args)]
pub struct Close {
    #[command(flatten)]
    which: Which,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Close {
    pub(super) fn request(&self) -> Request {
        let body = fields([("reason", self.reason.as_ref().map(|reason| json!(reason)))]);
        self.which.request("close", Method::POST, body, table::one)
    }
}

/// `turnpike session roles`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("roles").required(true).multiple(true).args(["add", "remove"]))]
pub struct Roles {
    #[command(flatten)]
    which: Which,
    /// A role to add; may be given again
    #[arg(long, value_name = "ROLE")]
    add: Vec<String>,
    /// A role to take away; may be given again
    #[arg(long, value_name = "ROLE")]
    remove: Vec<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Roles {
    pub(super) fn request(&self) -> Request {
        let body = fields([("add", Some(json!(self.add))), ("remove", Some(json!(self.remove)))]);
        self.which.request("roles", Method::POST, body, table::one)
    }
}

/// `turnpike session properties`: shows them, or changes them with `--set` and `--delete`.
#[derive(Debug, Args)]
pub struct Properties {
    #[command(flatten)]
    which: Which,
    /// Show only these: names with commas, ALL_FIXED_PROPERTIES, ALL_USER_PROPERTIES
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["set", "delete", "filter"])]
    keys: Option<String>,
    /// A property to set; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// A property to delete; may be given again
    #[arg(long, value_name = "KEY")]
    delete: Vec<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Properties {
    pub(super) fn request(&self) -> Request {
        let set = self.set.iter().map(|(key, value)| (key.clone(), json!(value)));
        let changes: Map<String, Value> =
            set.chain(self.delete.iter().map(|key| (key.clone(), Value::Null))).collect();
        match &self.which.id {
            Some(id) if changes.is_empty() => {
                Request::get(query(&path(id, "/properties"), [("keys", self.keys.clone())]), table::one)
            }
            Some(_) => self.which.request("properties", Method::PATCH, changes, |answer| {
                table::one(answer.get("previous").unwrap_or(&Value::Null))
            }),
            None => {
                let body = fields([("properties", Some(Value::Object(changes)))]);
                self.which.request("properties", Method::POST, body, table::one)
            }
        }
    }
}

/// `turnpike session message`.
#[derive(Debug, Args)]
pub struct Message {
    #[command(flatten)]
    which: Which,
    /// The text
    #[arg(long, value_name = "TEXT")]
    text: String,
    /// How long it is shown, in seconds; an hour unless said otherwise
    #[arg(long, value_name = "N")]
    expires_secs: Option<u64>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

fn message(text: &str, expires_secs: Option<u64>) -> Map<String, Value> {
    fields([("text", Some(json!(text))), ("expires_secs", expires_secs.map(|secs| json!(secs)))])
}

impl Message {
    pub(super) fn request(&self) -> Request {
        self.which.request("message", Method::POST, message(&self.text, self.expires_secs), table::one)
    }
}

/// `turnpike session principal`.
#[derive(Debug, Args)]
pub struct Principal {
    /// The session's id
    id: String,
    /// The account; without it, nobody
    principal: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Principal {
    pub(super) fn request(&self) -> Request {
        let body = fields([("principal", Some(json!(self.principal)))]);
        Request::send(Method::POST, path(&self.id, "/principal"), body, table::one)
    }
}

/// `turnpike device message`.
#[derive(Debug, Args)]
pub struct ToDevice {
    /// The device: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
    /// The text
    text: String,
    /// How long it is shown, in seconds; an hour unless said otherwise
    #[arg(long, value_name = "N")]
    expires_secs: Option<u64>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl ToDevice {
    pub(super) fn request(&self) -> Request {
        let path = format!("/api/v1/devices/{}/message", part(&self.dev));
        Request::send(Method::POST, path, message(&self.text, self.expires_secs), table::one)
    }
}

/// `turnpike device roles`: all of them from now on; none without any.
#[derive(Debug, Args)]
pub struct DeviceRoles {
    /// The device: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
    /// The roles
    roles: Vec<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl DeviceRoles {
    pub(super) fn request(&self) -> Request {
        let path = format!("/api/v1/devices/{}", part(&self.dev));
        Request::send(Method::PATCH, path, fields([("roles", Some(json!(self.roles)))]), table::one)
    }
}
