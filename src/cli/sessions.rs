use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::Connection;
use super::devices::Paging;
use super::request::{Request, fields, part};
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

/// What ends a session.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Its time
    Time,
    /// Its data
    Data,
    /// Whichever is used up first
    TimeOrData,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Data => "data",
            Self::TimeOrData => "time_or_data",
        }
    }
}

/// What a new session or voucher grants.
#[derive(Debug, Args)]
pub struct Terms {
    /// What ends it
    #[arg(long)]
    kind: Kind,
    /// Seconds it may run
    #[arg(long, value_name = "N")]
    time_secs: Option<u64>,
    /// MB (of 1,000,000 bytes) it may pass, both directions together
    #[arg(long, value_name = "N")]
    data_mb: Option<f64>,
    /// Days from its first start until it expires
    #[arg(long, value_name = "N")]
    exp_days: Option<u32>,
    /// Mbit/s towards the device; 0 is unlimited
    #[arg(long, value_name = "N")]
    down_mbps: Option<f64>,
    /// Mbit/s from the device; 0 is unlimited
    #[arg(long, value_name = "N")]
    up_mbps: Option<f64>,
    /// Take the zone's client speeds
    #[arg(long)]
    global_speed: bool,
}

impl Terms {
    pub(super) fn fields(&self) -> Map<String, Value> {
        fields([
            ("kind", Some(json!(self.kind.as_str()))),
            ("time_secs", self.time_secs.map(|secs| json!(secs))),
            ("data_mb", self.data_mb.map(|mb| json!(mb))),
            ("exp_days", self.exp_days.map(|days| json!(days))),
            ("down_mbps", self.down_mbps.map(|mbps| json!(mbps))),
            ("up_mbps", self.up_mbps.map(|mbps| json!(mbps))),
            ("use_global_speed", self.global_speed.then_some(json!(true))),
        ])
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
    #[command(flatten)]
    terms: Terms,
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
#[group(required = true, multiple = true)]
pub struct Changes {
    /// The new time limit
    #[arg(long, value_name = "N")]
    time_secs: Option<u64>,
    /// The new data limit
    #[arg(long, value_name = "N")]
    data_mb: Option<f64>,
    /// Seconds on top
    #[arg(long, value_name = "N")]
    add_time_secs: Option<u64>,
    /// MB on top
    #[arg(long, value_name = "N")]
    add_data_mb: Option<f64>,
    /// Days from the first start; 0 never expires
    #[arg(long, value_name = "N")]
    exp_days: Option<u32>,
    /// Mbit/s towards the device; 0 is unlimited
    #[arg(long, value_name = "N")]
    down_mbps: Option<f64>,
    /// Mbit/s from the device; 0 is unlimited
    #[arg(long, value_name = "N")]
    up_mbps: Option<f64>,
    /// Whether the zone's client speeds hold
    #[arg(long, value_name = "BOOL")]
    global_speed: Option<bool>,
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/sessions/{}{rest}", part(id))
}

impl Session {
    pub(super) fn request(&self) -> (&Connection, Request) {
        match self {
            Self::Create(create) => {
                let path = format!("/api/v1/devices/{}/sessions", part(&create.dev));
                let request = Request::send(Method::POST, path, create.terms.fields(), table::one);
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
        fields([
            ("time_secs", self.time_secs.map(|secs| json!(secs))),
            ("data_mb", self.data_mb.map(|mb| json!(mb))),
            ("add_time_secs", self.add_time_secs.map(|secs| json!(secs))),
            ("add_data_mb", self.add_data_mb.map(|mb| json!(mb))),
            ("exp_days", self.exp_days.map(|days| json!(days))),
            ("down_mbps", self.down_mbps.map(|mbps| json!(mbps))),
            ("up_mbps", self.up_mbps.map(|mbps| json!(mbps))),
            ("use_global_speed", self.global_speed.map(|global| json!(global))),
        ])
    }
}
