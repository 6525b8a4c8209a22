use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::{Connection, Pages};
use super::request::{Request, fields, part, query};
use super::{steer, table};

/// What every command about one device takes.
#[derive(Debug, Args)]
pub struct Target {
    /// The device: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
}

impl Target {
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/devices/{}{rest}", part(&self.dev))
    }
}

/// Which of the devices or sessions.
#[derive(Debug, Args)]
pub struct Paging {
    /// Only those that this filter selects, as in '$Zone is "guests" and $DataLeft lt "10"'
    #[arg(long, value_name = "E")]
    pub(super) filter: Option<String>,
    /// Only those that mention this text
    #[arg(long, value_name = "TEXT")]
    pub(super) q: Option<String>,
    /// Sort by these fields, with commas; a - in front is the largest first
    #[arg(long, value_name = "FIELDS", allow_hyphen_values = true)]
    pub(super) sort: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

impl Paging {
    pub(super) fn path(&self, path: &str) -> String {
        let which = [("filter", self.filter.clone()), ("q", self.q.clone()), ("sort", self.sort.clone())];
        self.pages.path(path, which)
    }
}

/// `turnpike devices`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl List {
    pub(super) fn request(&self) -> Request {
        Request::get(self.paging.path("/api/v1/devices"), |answer| {
            let columns = [
                ("ID", "id"),
                ("MAC", "mac"),
                ("STATUS", "status"),
                ("ZONE", "zone"),
                ("IPV4", "ipv4"),
                ("HOSTNAME", "hostname"),
                ("ALIAS", "alias"),
                ("LAST SEEN", "last_seen"),
            ];
            table::list(answer, &columns)
        })
    }
}

/// `turnpike connect`.
#[derive(Debug, Args)]
pub struct Connect {
    /// A text for the device's portal page
    #[arg(long, value_name = "TEXT")]
    notify: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `turnpike disconnect`.
#[derive(Debug, Args)]
pub struct Disconnect {
    /// A text for the device's portal page
    #[arg(long, value_name = "TEXT")]
    notify: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    pub(super) connection: Connection,
}

fn notify(text: Option<&String>) -> Map<String, Value> {
    fields([("notify", text.map(|text| json!(text)))])
}

impl Connect {
    pub(super) fn request(&self) -> Request {
        let body = notify(self.notify.as_ref());
        Request::send(Method::POST, self.target.path("/connect"), body, table::one)
    }
}

impl Disconnect {
    pub(super) fn request(&self) -> Request {
        let body = notify(self.notify.as_ref());
        Request::send(Method::POST, self.target.path("/disconnect"), body, table::one)
    }
}

/// `turnpike block`.
#[derive(Debug, Args)]
pub struct Block {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Block {
    pub(super) fn request(&self) -> Request {
        let body = fields([("blocked", Some(json!(true)))]);
        Request::send(Method::PATCH, self.target.path(""), body, table::one)
    }
}

/// `turnpike unblock`.
#[derive(Debug, Args)]
pub struct Unblock {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Unblock {
    pub(super) fn request(&self) -> Request {
        let body = fields([("blocked", Some(json!(false)))]);
        Request::send(Method::PATCH, self.target.path(""), body, table::one)
    }
}

/// `turnpike ping`.
#[derive(Debug, Args)]
pub struct Ping {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Ping {
    pub(super) fn request(&self) -> Request {
        Request::send(Method::POST, self.target.path("/ping"), Map::new(), |answer| {
            match answer.get("rtt_ms").and_then(Value::as_f64) {
                Some(millis) => format!("reachable, {millis:.1} ms\n"),
                None if answer.get("reachable") == Some(&Value::Bool(true)) => "reachable\n".to_owned(),
                None => "not reachable\n".to_owned(),
            }
        })
    }
}

/// `turnpike device …`.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Make a device known before it is ever seen
    Add(Add),
    /// Show a device
    Show(OfDevice),
    /// Show the session that a device runs on
    Session(SessionOf),
    /// What the session providers have for a device
    Offers(OffersOf),
    /// Rename a device; without a name, take it away
    Rename(Rename),
    /// Leave a text on a device's portal page
    Message(steer::ToDevice),
    /// Give a device these roles and no others
    Roles(steer::DeviceRoles),
    /// Move what a device has left to another: the same guest under a new MAC
    Move(Move),
    /// Show the code by which a guest moves it
    RecoveryCode(OfDevice),
    /// Forget a device with its sessions
    Delete(OfDevice),
}

/// `turnpike device offers`.
#[derive(Debug, Args)]
pub struct OffersOf {
    #[command(flatten)]
    of: OfDevice,
    /// The page, from 1
    #[arg(long, value_name = "N")]
    page: Option<u32>,
}

/// `turnpike device session`.
#[derive(Debug, Args)]
pub struct SessionOf {
    #[command(flatten)]
    of: OfDevice,
    /// Any that it could use: running, paused, available, or what a provider offers
    #[arg(long)]
    usable: bool,
}

/// `turnpike device add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The device's MAC
    mac: String,
    /// A name for it
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// The zone it belongs to until it is seen
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike device move`.
#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    target: Target,
    /// The device that is to have it: its id, MAC or IP
    to: String,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike device show|session|recovery-code|delete`.
#[derive(Debug, Args)]
pub struct OfDevice {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike device rename`.
#[derive(Debug, Args)]
pub struct Rename {
    #[command(flatten)]
    target: Target,
    /// The new name
    alias: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Device {
    pub(super) fn request(&self) -> (&Connection, Request) {
        match self {
            Self::Add(add) => {
                let body = fields([
                    ("mac", Some(json!(add.mac))),
                    ("alias", add.alias.as_ref().map(|alias| json!(alias))),
                    ("zone", add.zone.as_ref().map(|zone| json!(zone))),
                ]);
                let path = "/api/v1/devices".to_owned();
                (&add.connection, Request::send(Method::POST, path, body, table::one))
            }
            Self::Show(of) => (&of.connection, Request::get(of.target.path(""), table::one)),
            Self::Session(SessionOf { of, usable }) => {
                let part = if *usable { "/session?usable=true" } else { "/session" };
                (&of.connection, Request::get(of.target.path(part), table::one))
            }
            Self::Offers(OffersOf { of, page }) => {
                let path = query(&of.target.path("/offers"), [("page", page.map(|page| page.to_string()))]);
                (&of.connection, Request::get(path, offers))
            }
            Self::Rename(rename) => {
                let body = fields([("alias", Some(json!(rename.alias)))]);
                (&rename.connection, Request::send(Method::PATCH, rename.target.path(""), body, table::one))
            }
            Self::Message(message) => (&message.connection, message.request()),
            Self::Roles(roles) => (&roles.connection, roles.request()),
            Self::Move(other) => {
                let body = fields([("to", Some(json!(other.to)))]);
                let path = other.target.path("/move");
                (&other.connection, Request::send(Method::POST, path, body, table::one))
            }
            Self::RecoveryCode(of) => {
                (&of.connection, Request::get(of.target.path("/recovery-code"), table::one))
            }
            Self::Delete(of) => (&of.connection, Request::delete(of.target.path(""), table::done)),
        }
    }
}

fn offers(answer: &Value) -> String {
    let columns = [
        ("PROVIDER", "provider"),
        ("REFERENCE", "reference"),
        ("KIND", "kind"),
        ("SECONDS", "time_secs"),
        ("MB", "data_mb"),
        ("PLAN", "plan"),
    ];
    table::list(answer, &columns)
}
