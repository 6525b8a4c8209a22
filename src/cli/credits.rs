use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::{Connection, Pages};
use super::request::{Request, fields, part};
use super::table;
use super::terms::Kind;

/// `turnpike credit …`.
#[derive(Debug, Subcommand)]
pub enum Credit {
    /// List money that machines took, the newest first
    List(List),
    /// Turn what nobody has got anything for into a session of a device
    Claim(Claim),
    /// Note that unclaimed money was handed back
    Return(Return),
}

/// `turnpike credit list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only what nobody has got anything for
    #[arg(long)]
    unclaimed: bool,
    /// Of this machine only, as coinslot/1
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Of this device only: its id, MAC or IP
    #[arg(long, value_name = "DEV")]
    device: Option<String>,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike credit claim`.
#[derive(Debug, Args)]
pub struct Claim {
    /// The credit's number
    id: i64,
    /// The device: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
    /// What is bought; whatever can be unless given
    #[arg(long)]
    kind: Option<Kind>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike credit return`.
#[derive(Debug, Args)]
pub struct Return {
    /// The credit's number
    id: i64,
    #[command(flatten)]
    connection: Connection,
}

impl Credit {
    pub(super) fn request(&self) -> (&Connection, Request) {
        let place = |id: i64, what: &str| format!("/api/v1/credits/{}/{what}", part(&id.to_string()));
        match self {
            Self::List(list) => {
                let path = list.pages.path(
                    "/api/v1/credits",
                    [
                        ("unclaimed", list.unclaimed.then(|| "true".to_owned())),
                        ("source", list.source.clone()),
                        ("device", list.device.clone()),
                    ],
                );
                (&list.connection, Request::get(path, shown))
            }
            Self::Claim(claim) => {
                let body = fields([
                    ("device", Some(json!(claim.dev))),
                    ("kind", claim.kind.map(|kind| json!(kind.as_str()))),
                ]);
                let path = place(claim.id, "claim");
                (&claim.connection, Request::send(Method::POST, path, body, table::one))
            }
            Self::Return(give_back) => {
                let path = place(give_back.id, "return");
                (&give_back.connection, Request::send(Method::POST, path, Map::new(), table::one))
            }
        }
    }
}

fn shown(answer: &Value) -> String {
    let columns = [
        ("ID", "id"),
        ("SOURCE", "source"),
        ("AT", "at"),
        ("AMOUNT", "amount"),
        ("DEVICE", "device"),
        ("CLAIMED", "claimed_at"),
        ("RETURNED", "returned_at"),
        ("SESSION", "session"),
    ];
    table::list(answer, &columns)
}
