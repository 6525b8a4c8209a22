use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::Connection;
use super::devices::Paging;
use super::request::{Request, fields, part};
use super::terms::{Kind, Limits};
use super::{steer, table};

/// `turnpike sessions`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl List {
    pub(super) fn request(&self) -> Request {
        Request::get(self.paging.path("/api/v1/sessions"), |answer| {
            let columns = [
                ("ID", "id"),
                ("DEVICE", "device"),
                ("STATE", "state"),
                ("KIND", "kind"),
                ("SECS LEFT", "time_left_secs"),
                ("MB LEFT", "data_left_mb"),
                ("SECS USED", "time_used_secs"),
                ("MB USED", "data_used_mb"),
                ("PROVIDER", "provider"),
            ];
            table::list(answer, &columns)
        })
    }
}

/// `turnpike session …`.
#[derive(Debug, Subcommand)]
pub enum Session {
    /// Make a session for a device
    Create(Create),
    /// Show a session
    Show(OfSession),
    /// End a session, or all that a filter selects
    Close(steer::Close),
    /// Delete a session
    Delete(OfSession),
    /// Change a session; acts at once on a running one
    Set(Set),
    /// Show, set and delete properties
    Properties(steer::Properties),
    /// Add and take away roles
    Roles(steer::Roles),
    /// Leave a text on the portal page of the session's device
    Message(steer::Message),
    /// Say who is behind a session
    Principal(steer::Principal),
}

/// `turnpike session create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The device: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
    /// What ends it
    #[arg(long)]
    kind: Kind,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike session show|delete`.
#[derive(Debug, Args)]
pub struct OfSession {
    /// The session's id
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike session set`.
#[derive(Debug, Args)]
pub struct Set {
    /// The session's id
    id: String,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    connection: Connection,
}

/// What to change; at least one.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(
    ["time_secs", "data_mb", "exp_days", "down_mbps", "up_mbps", "global_speed", "add_time_secs", "add_data_mb"],
))]
pub struct Changes {
    #[command(flatten)]
    limits: Limits,
    /// Seconds on top
    #[arg(long, value_name = "N")]
    add_time_secs: Option<u64>,
    /// MB on top
    #[arg(long, value_name = "N")]
    add_data_mb: Option<f64>,
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/sessions/{}{rest}", part(id))
}

impl Session {
    pub(super) fn request(&self) -> (&Connection, Request) {
        match self {
            Self::Create(create) => {
                let path = format!("/api/v1/devices/{}/sessions", part(&create.dev));
                let mut body = create.limits.fields();
                body.insert("kind".to_owned(), json!(create.kind.as_str()));
                let request = Request::send(Method::POST, path, body, table::one);
                (&create.connection, request)
            }
            Self::Show(of) => (&of.connection, Request::get(path(&of.id, ""), table::one)),
            Self::Close(close) => (&close.connection, close.request()),
            Self::Properties(properties) => (&properties.connection, properties.request()),
            Self::Roles(roles) => (&roles.connection, roles.request()),
            Self::Message(message) => (&message.connection, message.request()),
            Self::Principal(principal) => (&principal.connection, principal.request()),
            Self::Delete(of) => (&of.connection, Request::delete(path(&of.id, ""), table::done)),
            Self::Set(set) => {
                let request =
                    Request::send(Method::PATCH, path(&set.id, ""), set.changes.fields(), table::one);
                (&set.connection, request)
            }
        }
    }
}

impl Changes {
    fn fields(&self) -> Map<String, Value> {
        let mut all = self.limits.fields();
        all.extend(fields([
            ("add_time_secs", self.add_time_secs.map(|secs| json!(secs))),
            ("add_data_mb", self.add_data_mb.map(|mb| json!(mb))),
        ]));
        all
    }
}
